import { resolveConfig } from '../../src/config/load.js';
import { linkFrames } from '../../src/link/link.js';
import type { FrameReport } from '../../src/link/results/frame-report.js';
import { withModels } from '../../src/link/setting/link-models.js';
import { findReceivers } from '../../src/link/setting/receivers.js';
import { openPictures } from '../../src/source/picture-source.js';

/** What a link reports of each of its frames, one built-in face unless the settings say otherwise, by receiver. */
export async function frameReports(settings: Record<string, unknown>): Promise<Record<string, FrameReport>[]> {
  const config = resolveConfig({ pictures: ['builtin:faces'], run: { frames: 1 }, ...settings });
  const receivers = await findReceivers(config);
  return withModels(config, receivers, async (models) => {
    const { frames = 1 } = config.run;
    const source = openPictures(config.pictures, { maxPixels: config.source.maxPixels, frames });
    const found: Record<string, FrameReport>[] = [];
    for await (const outcomes of linkFrames(config, { ...models, receivers }, source.pictures())) {
      found.push(Object.fromEntries(outcomes.map(({ report }) => [report.receiver, report])));
    }
    return found;
  });
}
