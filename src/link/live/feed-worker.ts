/** The process in which pictures are encoded, sent through the simulated channel and synchronised. */
import type { Codec } from '../../codec/codec.js';
import type { LinkConfig } from '../../config/schema.js';
import { LinkError } from '../../core/errors.js';
import { createRng } from '../../core/rng.js';
import type { Grid } from '../../ofdm/grid.js';
import { ccdf, symbolPaprDb } from '../../ofdm/papr.js';
import type { LinkSetting } from '../../receiver/receiver.js';
import { padPicture, type Picture } from '../../source/picture.js';
import { modelsKey, openModels, type OpenModels } from '../setting/link-models.js';
import { createLinkSetting, gridOf, syncMethodOf } from '../setting/link-setting.js';
import { type ArrivedFrame, createSimulation, type Simulation } from '../frame/simulation.js';
import type { CameraPicture, FedFrame, FeedSetup, PictureFeed } from './live-frame.js';
import { openPictureRoll, type PictureRoll } from './picture-roll.js';
import { createLiveRecorder, type LiveRecorder, type RecordingState } from './recorder.js';
import { serveCalls } from './serve-calls.js';
import { pixelsOf, responseDb, responseMap, spectrumDb, thinned } from './views.js';

/** PAPR of that many OFDM symbols makes the CCDF. */
const CCDF_SYMBOLS = 16_384;
const CCDF = { fromDb: 0, stepDb: 0.25, length: 57 } as const;

interface Link {
  readonly setup: FeedSetup;
  readonly grid: Grid;
  readonly codec: Codec;
  readonly simulation: Simulation;
  readonly roll: PictureRoll;
  readonly settings: Map<string, LinkSetting>;
  readonly papr: number[];
}

let kept: { readonly key: string; readonly models: OpenModels } | null = null;
let link: Link | null = null;
let camera: CameraPicture | null = null;
let recorder: LiveRecorder | null = null;

async function codecFor(config: LinkConfig): Promise<Codec> {
  const key = modelsKey(config, []);
  if (kept?.key === key) return kept.models.codec;
  const models = await openModels(config, []);
  const old = kept;
  kept = { key, models };
  await old?.models.dispose();
  return models.codec;
}

/** Builds everything that the settings ask for before anything of the old link is let go. */
async function configure(setup: FeedSetup): Promise<void> {
  const { config, pictures, holdFrames, edge } = setup;
  const codec = await codecFor(config);
  const grid = gridOf(config);
  const simulation = createSimulation(config, grid, createRng(config.seed));
  const samePictures =
    link !== null &&
    link.setup.holdFrames === holdFrames &&
    link.setup.edge === edge &&
    isSameFeed(link.setup.pictures, pictures);
  const roll = samePictures
    ? link!.roll
    : await openPictureRoll(pictures, { maxPixels: config.source.maxPixels, holdFrames, edge, camera: () => camera });
  const next: Link = { setup, grid, codec, simulation, roll, settings: new Map(), papr: [] };
  // A setting that does not fit the pictures is refused now, not with the next frame.
  const sample = padPicture(await roll.latest(), codec.multipleOf);
  settingFor(next, sample);
  link = next;
}

function isSameFeed(a: PictureFeed, b: PictureFeed): boolean {
  if (a.kind === 'file' && b.kind === 'file') return a.name === b.name && Buffer.compare(a.bytes, b.bytes) === 0;
  return JSON.stringify(a) === JSON.stringify(b);
}

function settingFor(of: Link, { height, width }: Picture): LinkSetting {
  const key = `${height}x${width}`;
  let setting = of.settings.get(key);
  if (setting === undefined) {
    setting = createLinkSetting(of.setup.config, of.codec, of.grid, { height, width });
    of.settings.clear();
    of.settings.set(key, setting);
  }
  return setting;
}

async function makeFrame(index: number): Promise<FedFrame> {
  if (link === null) throw new LinkError('feed.unconfigured', 'the link has no settings yet');
  const current = link;
  const picture = await current.roll.at(index);
  const padded = padPicture(picture, current.codec.multipleOf);
  const setting = settingFor(current, padded);
  const arrived = current.simulation.transport(await current.simulation.encode(picture, padded, index, setting));
  const { epoch } = current.setup;
  const { received, ...rest } = arrived;
  const { samples } = arrived.sent;
  const sent = { ...arrived.sent, setting: undefined, samples: undefined };
  const start = arrived.sync.detection?.startSample ?? 0;
  recorder?.write(received, { frame: index, name: picture.name, start });
  const papr = symbolPaprDb(current.grid, samples, 4);
  current.papr.push(...papr);
  if (current.papr.length > CCDF_SYMBOLS) current.papr.splice(0, current.papr.length - CCDF_SYMBOLS);
  return {
    frame: { kind: 'simulated', index, epoch, arrived: { ...rest, sent } },
    view: viewOf(current, arrived, received),
  };
}

function viewOf(
  { setup, grid, papr }: Link,
  arrived: ArrivedFrame,
  received: ArrivedFrame['received'],
): FedFrame['view'] {
  const { sent, observed, sync, taps, timing } = arrived;
  const { config, epoch } = setup;
  const { picture } = sent;
  const thresholds = Float64Array.from({ length: CCDF.length }, (_, i) => CCDF.fromDb + i * CCDF.stepDb);
  const searched = syncMethodOf(config, grid) !== 'ideal';
  const { detection, diagnosis } = sync;
  return {
    type: 'frame',
    frame: sent.index,
    epoch,
    time: Date.now(),
    picture: { name: picture.name, ...pixelsOf(picture.data, picture.width, picture.height) },
    elements: observed === null ? null : thinned(observed.data),
    truth:
      taps.length === 0
        ? null
        : {
            taps: taps[0],
            responseDb: responseDb(taps[0], grid.fftSize),
            map: arrived.response === null ? null : responseMap(arrived.response, grid),
          },
    spectrumDb: spectrumDb(received),
    sampleRateHz: config.channel.sampleRateHz,
    sync: {
      method: searched ? 'preamble' : 'ideal',
      found: observed !== null,
      cfoSubcarriers: searched ? (detection?.cfoSubcarriers ?? null) : null,
      cfoTrueSubcarriers: config.channel.cfoSubcarriers,
      timingError: searched && detection !== null ? sync.timingError : null,
      snrDb: detection?.snrDb ?? null,
      explanation:
        searched && detection === null && diagnosis !== null
          ? `no frame found: best metric ${diagnosis.bestMetric.toFixed(2)} of ${diagnosis.candidateThreshold.toFixed(2)} needed, as from ${diagnosis.snrGuessDb.toFixed(1)} dB`
          : null,
    },
    paprDb: sent.paprDb,
    ccdf: {
      fromDb: CCDF.fromDb,
      stepDb: CCDF.stepDb,
      share: Float32Array.from(ccdf(papr, thresholds)),
      symbols: papr.length,
    },
    stages: {
      encodeMs: sent.encodeMs,
      modulateMs: sent.modulateMs,
      channelMs: timing.channelMs,
      receiveMs: timing.receiveMs,
    },
  };
}

async function* record({ base }: { base: string | null }): AsyncIterable<RecordingState> {
  if (base !== null && link !== null) {
    const { config } = link.setup;
    const { width, height } = await link.roll.latest();
    recorder = createLiveRecorder({
      base,
      config,
      source: 'simulated',
      sampleRateHz: config.channel.sampleRateHz,
      centerFrequencyHz: null,
      size: { width, height },
    });
    yield recorder.state();
  } else if (recorder !== null) {
    const done = recorder;
    recorder = null;
    yield done.finish();
  }
}

serveCalls({
  record,
  async *configure(setup: FeedSetup) {
    await configure(setup);
  },
  async *frame({ index }: { index: number }) {
    yield await makeFrame(index);
  },
  async *camera(picture: CameraPicture) {
    camera = picture;
  },
});
