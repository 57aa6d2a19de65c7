import type { LinkConfig } from '../config/schema.js';
import { throwIfAborted } from '../core/errors.js';
import { linkFrames, tryLink } from '../link/link.js';
import { describeFrame } from '../link/results/describe-frame.js';
import type { FeaturePair, FrameOutcome, FrameReport } from '../link/results/frame-report.js';
import { saveFrame } from '../link/results/save-frame.js';
import { type OpenModels, modelsKey, openModels } from '../link/setting/link-models.js';
import { findReceivers, type ReceiverDescriptor } from '../link/setting/receivers.js';
import { type FeatureNetwork, openFeatureNetworks } from '../perception/feature-network.js';
import type { Picture } from '../source/picture.js';
import { openPictures } from '../source/picture-source.js';
import { encodePictures } from './keep-pictures.js';
import { createPictureCache } from './picture-cache.js';

/** What is wanted of a frame besides its reports. */
export interface FrameWishes {
  /** Natural-scene statistics of each receiver's picture. */
  readonly naturalness?: boolean;
  /** Frame 0 in words. */
  readonly describe?: boolean;
  /** A run folder that gets pictures and plots of frames below `frames`. */
  readonly runFolder?: { readonly path: string; readonly frames: number };
  /** Pictures of frames below this number, as PNG files. */
  readonly pictures?: number;
}

/** Frames `from`…`to` − 1 of a link, numbered as in one run of them all: a frame's randomness hangs on its number alone. */
export interface FrameJob {
  readonly config: LinkConfig;
  readonly from: number;
  readonly to: number;
  readonly wishes: FrameWishes;
}

/** What one receiver made of a frame. */
export interface FrameResult {
  readonly report: FrameReport;
  readonly naturalness: FeaturePair | null;
  readonly features?: Readonly<Record<string, FeaturePair>>;
}

/** A frame's results without samples: what goes between processes. */
export interface FrameProduct {
  readonly frame: number;
  readonly results: readonly FrameResult[];
  /** `picture: what was done to it on reading`. */
  readonly notes: readonly string[];
  readonly description: string | null;
  /** PNG files by name; absent where none were wanted. */
  readonly pictures?: Readonly<Record<string, Uint8Array>>;
}

/** Runs jobs one after another, keeping networks open between jobs that need the same ones. */
export interface JobRunner {
  /** @throws AbortedError once `signal` is aborted */
  run(job: FrameJob, signal?: AbortSignal): AsyncIterable<FrameProduct>;
  /** Throws what keeps a configuration's first frame from being computed: models, receivers, settings that exclude each other. */
  expectRuns(config: LinkConfig): Promise<void>;
  dispose(): Promise<void>;
}

/** Samples of pictures kept from job to job, 64 MB: the points of a campaign mostly have the same ones, and drawing one takes longer than its frame. */
const KEPT_FLOATS = 1 << 24;

interface Opened {
  readonly key: string;
  readonly models: OpenModels;
  readonly features: readonly FeatureNetwork[];
  readonly receivers: readonly ReceiverDescriptor[];
}

export function createJobRunner(): JobRunner {
  let opened: Opened | null = null;
  const pictures = createPictureCache(KEPT_FLOATS);
  const dispose = async (): Promise<void> => {
    await opened?.models.dispose();
    opened = null;
  };
  const openFor = async (config: LinkConfig): Promise<Opened> => {
    const receivers = await findReceivers(config);
    const key = JSON.stringify([modelsKey(config, receivers), config.run.featureNetworks]);
    if (opened?.key === key) return { ...opened, receivers };
    await dispose();
    const models = await openModels(config, receivers);
    try {
      const features = await openFeatureNetworks(config.run.featureNetworks, models.runtime);
      opened = { key, models, features, receivers };
      return opened;
    } catch (error) {
      await models.dispose();
      throw error;
    }
  };
  const picturesOf = ({ pictures: specs, source: { maxPixels } }: LinkConfig, frames: number) => {
    const source = openPictures(specs, { maxPixels, frames });
    const key = JSON.stringify([specs, maxPixels]);
    return (index: number): Promise<Picture> => pictures.get(`${key}/${index}`, () => source.at(index));
  };
  return {
    dispose,
    async expectRuns(config) {
      const { models, receivers } = await openFor(config);
      await tryLink(config, { ...models, receivers }, await picturesOf(config, 1)(0));
    },
    async *run({ config, from, to, wishes }, signal) {
      const { models, features, receivers } = await openFor(config);
      throwIfAborted(signal, 'the link');
      const pictureAt = picturesOf(config, to);
      const numbered = async function* () {
        for (let index = from; index < to; index++) yield { index, picture: await pictureAt(index) };
      };
      for await (const outcomes of linkFrames(config, { ...models, features, receivers }, numbered(), signal)) {
        yield await productOf(outcomes, config, wishes);
      }
    },
  };
}

async function productOf(
  outcomes: readonly FrameOutcome[],
  config: LinkConfig,
  { naturalness, describe, runFolder, pictures }: FrameWishes,
): Promise<FrameProduct> {
  const { sent } = outcomes[0].arrived;
  if (runFolder !== undefined && sent.index < runFolder.frames) await saveFrame(runFolder.path, outcomes);
  return {
    frame: sent.index,
    results: outcomes.map((outcome) => ({
      report: outcome.report,
      naturalness: naturalness === true ? outcome.naturalness() : null,
      ...(outcome.features === undefined ? {} : { features: outcome.features }),
    })),
    notes: sent.padded.notes.map((note) => `${sent.picture.name}: ${note}`),
    description: describe === true && sent.index === 0 ? describeFrame(outcomes, config) : null,
    ...(pictures !== undefined && sent.index < pictures ? { pictures: await encodePictures(outcomes) } : {}),
  };
}
