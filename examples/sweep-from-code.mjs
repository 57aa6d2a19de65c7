/**
 * A sweep composed in code: PSNR of three receivers over the CSNR, on the same frames.
 *
 *   node examples/sweep-from-code.mjs [frames a point]
 */
import {
  linkFrames,
  findReceivers,
  openPictures,
  resolveConfig,
  summarisable,
  summarise,
  withModels,
} from 'blindlink/link';

const frames = Number(process.argv[2] ?? 8);
for (const snrDb of [0, 10]) {
  const config = resolveConfig({ snrDb, seed: 7 });
  const receivers = await findReceivers(config);
  const source = openPictures(['builtin:faces'], { maxPixels: 1 << 22, frames });
  await withModels(config, receivers, async (models) => {
    const kept = [];
    for await (const outcomes of linkFrames(config, models, source.pictures()))
      kept.push(...outcomes.map(summarisable));
    for (const [name, { psnrDbMean, success }] of Object.entries(summarise(kept))) {
      console.log(`${snrDb} dB  ${name.padEnd(9)} ${psnrDbMean.toFixed(2)} dB  ${(100 * success).toFixed(0)} %`);
    }
  });
}
