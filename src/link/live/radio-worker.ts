/** The process that holds a radio or a recording: samples to frames, the newest of which waits to be asked for. */
import { subarray } from '../../core/complex.js';
import { FormatError, LinkError } from '../../core/errors.js';
import type { Radio, SampleBlock } from '../../radio/radio.js';
import { gapsOf, openReplay } from '../../radio/replay/replay-radio.js';
import { openAnyRecording } from '../../recording/open-recording.js';
import { openPictures } from '../../source/picture-source.js';
import type { Picture } from '../../source/picture.js';
import { withModels } from '../setting/link-models.js';
import { createLinkSetting, gridOf, paddedSize } from '../setting/link-setting.js';
import { checkChannelSettings, openRadio, transmitRmsOf } from '../setting/radios.js';
import { sendPictures } from '../stream/exchange.js';
import type { ExtractedFrame, FrameExtractor } from '../stream/frame-extractor.js';
import { createExtractor } from '../stream/reception.js';
import { sentLogOf } from '../stream/sent-in-recording.js';
import { createSentLog, type SentLog } from '../stream/sent-log.js';
import type { FedFrame, FeedSetup, HeardFrame, RadioSetup } from './live-frame.js';
import { createLiveRecorder, type LiveRecorder, type RecordingState } from './recorder.js';
import { serveCalls } from './serve-calls.js';
import { pixelsOf, spectrumDb, thinned } from './views.js';

const WAIT_MS = 1000;
const SPECTRUM_SAMPLES = 8192;
const KEPT_SENT = 512;

/** One opened radio with everything that reads from it. */
interface Station {
  setup: FeedSetup;
  readonly radio: Radio;
  readonly extractor: FrameExtractor;
  readonly sent: SentLog;
  /** Samples after which a recording starts again. */
  readonly period: number;
  newest: ExtractedFrame | null;
  skipped: number;
  spectrum: Float32Array | null;
  failure: Error | null;
  wake: () => void;
  readonly stop: AbortController;
}

let station: Station | null = null;
let recorder: LiveRecorder | null = null;

/** Everything about the link but how it is received: while this stays, the radio stays open. */
const keyOf = ({ config, radio }: FeedSetup): string => JSON.stringify([{ ...config, receiver: null }, radio]);

async function configure(setup: FeedSetup): Promise<void> {
  if (station !== null && keyOf(station.setup) === keyOf(setup)) {
    station.setup = setup;
    return;
  }
  const { radio: wanted } = setup;
  if (wanted === undefined) throw new LinkError('feed.radio', 'no radio is named');
  // Refused before anything of the old link is let go.
  if (wanted.kind === 'radio') checkChannelSettings(wanted.request.radio, setup.config);
  const extractor = await extractorFor(setup, wanted);
  // A device can be opened once: the old one goes first, and comes back where the new settings are refused.
  const old = station;
  station = null;
  old?.stop.abort();
  await old?.radio.close();
  try {
    begin(await openStation(setup, wanted, extractor));
  } catch (error) {
    if (old !== null)
      begin(await openStation(old.setup, old.setup.radio!, await extractorFor(old.setup, old.setup.radio!)));
    throw error;
  }
}

function begin(mine: Station): void {
  station = mine;
  const { radio: wanted } = mine.setup;
  listen(mine).catch((error: unknown) => {
    mine.failure = error as Error;
    mine.wake();
  });
  if (wanted?.kind === 'radio' && wanted.request.direction === 'duplex') {
    transmit(mine).catch((error: unknown) => {
      if (!mine.stop.signal.aborted) mine.failure = error as Error;
    });
  }
}

const extractorFor = ({ config }: FeedSetup, { size }: RadioSetup): Promise<FrameExtractor> =>
  withModels(config, [], async ({ codec }) =>
    createExtractor(config, createLinkSetting(config, codec, gridOf(config), paddedSize(codec, size))),
  );

async function openStation(setup: FeedSetup, wanted: RadioSetup, extractor: FrameExtractor): Promise<Station> {
  const { config } = setup;
  const stop = new AbortController();
  let period = Infinity;
  let sent = createSentLog([], { keep: KEPT_SENT });
  let radio: Radio;
  if (wanted.kind === 'radio') radio = await openRadio(wanted.request, config, stop.signal);
  else {
    const recording = openAnyRecording(wanted.path);
    if (recording.numSamples === 0) throw new FormatError('recording.empty', `${wanted.path}: holds no samples`);
    period = gapsOf(recording).reduce((sum, { lost }) => sum + lost, recording.numSamples);
    sent = sentLogOf(recording, config);
    radio = openReplay(recording, { sampleRateHz: config.channel.sampleRateHz, pace: 'real-time', loops: Infinity });
  }
  const wake = (): void => undefined;
  return { setup, radio, extractor, sent, period, newest: null, skipped: 0, spectrum: null, failure: null, wake, stop };
}

async function listen(mine: Station): Promise<void> {
  for await (const block of mine.radio.receive()) {
    if (mine.stop.signal.aborted) return;
    for (const frame of mine.extractor.execute(block)) {
      if (mine.newest !== null) mine.skipped++;
      mine.newest = frame;
    }
    look(mine, block);
    mine.wake();
    // Calls come by messages: between blocks of a radio that never waits they must have their turn.
    await new Promise<void>((next) => setImmediate(next));
  }
  for (const frame of mine.extractor.finish()) mine.newest = frame;
  mine.failure ??= new LinkError('radio.ended', `radio ${mine.radio.name}: its samples have ended`);
  mine.wake();
}

function look(mine: Station, block: SampleBlock): void {
  const { samples, dropped, cause } = block;
  mine.spectrum = spectrumDb(subarray(samples, Math.max(0, samples.re.length - SPECTRUM_SAMPLES)));
  if (recorder === null) return;
  if (dropped > 0) recorder.markGap(dropped, cause ?? 'queue');
  recorder.write(samples, null);
}

/** Sends the pictures again and again, each `holdFrames` times. */
async function transmit(mine: Station): Promise<void> {
  const { config, holdFrames, radio } = mine.setup;
  if (radio?.kind !== 'radio') return;
  const rms = transmitRmsOf(radio.request.radio);
  const source = openPictures(config.pictures, { maxPixels: config.source.maxPixels });
  const endless = async function* (): AsyncIterable<Picture> {
    for (;;) {
      for await (const picture of source.pictures()) for (let i = 0; i < holdFrames; i++) yield picture;
    }
  };
  await withModels(config, [], ({ codec }) =>
    sendPictures(mine.radio, config, codec, endless(), {
      leadSamples: 1000,
      gapSamples: 500,
      tailSamples: 0,
      rms,
      signal: mine.stop.signal,
      onSent({ frame, picture, sampleStart }) {
        mine.sent.add({ frame, name: picture.name, sampleStart, load: () => Promise.resolve(picture) });
      },
    }),
  );
}

/** The newest frame that nobody has had yet, waited for a second at most. */
async function* nextFrame({ index }: { index: number }, signal: AbortSignal): AsyncIterable<FedFrame> {
  const mine = station;
  if (mine === null) throw new LinkError('feed.unconfigured', 'the radio is not open');
  const until = performance.now() + WAIT_MS;
  while (mine.newest === null) {
    if (mine.failure !== null) throw mine.failure;
    const left = until - performance.now();
    if (left <= 0 || signal.aborted) return;
    await new Promise<void>((done) => {
      const timer = setTimeout(done, left);
      mine.wake = () => {
        clearTimeout(timer);
        done();
      };
    });
  }
  const heard = mine.newest;
  mine.newest = null;
  yield await fed(mine, heard, index);
}

async function fed(mine: Station, heard: ExtractedFrame, index: number): Promise<FedFrame> {
  const { setup, radio, sent, period } = mine;
  const { config, epoch } = setup;
  const { size } = setup.radio!;
  const start = heard.startSample % period;
  const picture = (await sent.identify(start, heard.sampleCount, null))?.picture ?? null;
  const frame: HeardFrame = { kind: 'heard', index, epoch, size, candidates: heard.candidates, sent: picture };
  const { lostInDevice, lostInQueue, overruns } = radio.counters();
  return {
    frame,
    view: {
      type: 'frame',
      frame: index,
      epoch,
      time: Date.now(),
      picture:
        picture === null ? null : { name: picture.name, ...pixelsOf(picture.data, picture.width, picture.height) },
      elements: thinned(heard.candidates[0].elements.data),
      truth: null,
      spectrumDb: mine.spectrum,
      sampleRateHz: config.channel.sampleRateHz,
      sync: {
        method: heard.method,
        found: true,
        cfoSubcarriers: heard.cfoSubcarriers,
        cfoTrueSubcarriers: null,
        timingError: null,
        snrDb: heard.snrDb,
        explanation: null,
      },
      paprDb: null,
      ccdf: null,
      stages: { encodeMs: null, modulateMs: null, channelMs: null, receiveMs: null },
    },
    radio: { lostInDevice, lostInQueue, overruns, skippedFrames: mine.skipped },
  };
}

async function* record({ base }: { base: string | null }): AsyncIterable<RecordingState> {
  if (base !== null && station !== null) {
    const { setup, radio } = station;
    const { config } = setup;
    const centerFrequencyHz = radio.rx?.centerFrequencyHz ?? null;
    recorder = createLiveRecorder({
      base,
      config,
      source: radio.name,
      sampleRateHz: config.channel.sampleRateHz,
      centerFrequencyHz: centerFrequencyHz === 0 ? null : centerFrequencyHz,
      size: setup.radio!.size,
    });
    yield recorder.state();
  } else if (recorder !== null) {
    const done = recorder;
    recorder = null;
    yield done.finish();
  }
}

serveCalls({
  async *configure(setup: FeedSetup) {
    await configure(setup);
  },
  frame: nextFrame,
  record,
});
