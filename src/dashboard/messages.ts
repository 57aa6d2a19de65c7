import type { SteerableSetting } from '../core/steerable.js';

/**
 * What a live link and those who watch it say to each other; `docs/live-protocol.md` is the prose. Typed arrays travel
 * as raw little-endian bytes (see `wire.ts`). Fields are added, never renamed; a change that breaks raises the version.
 */
export const LIVE_PROTOCOL = 1;

/** Complex points, re and im of equal length. */
export interface Points {
  readonly re: Float32Array;
  readonly im: Float32Array;
}

/** Row after row, R, G, B, 8 bits each. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;
}

/** Milliseconds that each stage of one frame took. */
export interface StageTimes {
  readonly encodeMs: number | null;
  readonly modulateMs: number | null;
  readonly channelMs: number | null;
  readonly receiveMs: number | null;
}

/** |H| in dB of data resource elements, [rows, columns]: OFDM symbols in order of time, subcarriers in ascending frequency. */
export interface ResponseMap {
  readonly rows: number;
  readonly columns: number;
  readonly db: Float32Array;
}

/** A frame as it went out and came in, before any receiver. */
export interface FrameMessage {
  readonly type: 'frame';
  readonly frame: number;
  /** Counts changes of the settings: frames of one epoch have the same. */
  readonly epoch: number;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly picture: ({ readonly name: string } & Pixels) | null;
  /** Data resource elements before equalisation, thinned to at most `MAX_POINTS`; null where no frame was found. */
  readonly elements: Points | null;
  /** What really happened in the first packet, where a simulation knows: taps [L], |H| in dB [N], frequencies ascending. */
  readonly truth: {
    readonly taps: Points;
    readonly responseDb: Float32Array;
    readonly map: ResponseMap | null;
  } | null;
  /** Power spectral density of the received samples in dB, frequencies ascending from −rate/2. */
  readonly spectrumDb: Float32Array | null;
  readonly sampleRateHz: number;
  readonly sync: {
    readonly method: string;
    readonly found: boolean;
    readonly cfoSubcarriers: number | null;
    readonly cfoTrueSubcarriers: number | null;
    readonly timingError: number | null;
    /** As the synchroniser measures it. */
    readonly snrDb: number | null;
    readonly explanation: string | null;
  };
  readonly paprDb: number | null;
  /** P(PAPR of an OFDM symbol > threshold) since the settings last changed, thresholds `ccdfFromDb` + i·`ccdfStepDb`. */
  readonly ccdf: {
    readonly fromDb: number;
    readonly stepDb: number;
    readonly share: Float32Array;
    readonly symbols: number;
  } | null;
  readonly stages: StageTimes;
}

/** One receiver's outcome on one frame. */
export interface ResultMessage {
  readonly type: 'result';
  readonly receiver: string;
  readonly frame: number;
  readonly epoch: number;
  readonly time: number;
  readonly picture: Pixels;
  /** Figures against what was sent are null where that is not known. */
  readonly psnrDb: number | null;
  readonly ssim: number | null;
  readonly channelError: number | null;
  readonly evm: number | null;
  readonly snrDb: number | null;
  readonly verdict: 'decoded' | 'doubtful' | 'failed';
  readonly confidence: number | null;
  /** What the receiver expects its PSNR to be, without the truth. */
  readonly expectedPsnrDb: number | null;
  readonly residual: number | null;
  /** Resource elements after equalisation, thinned. */
  readonly elements: Points | null;
  /** First packet: taps with posterior variance [L]; |Ĥ| in dB and its ± one standard deviation [N], frequencies ascending. */
  readonly channel: {
    readonly taps: Points;
    readonly variance: Float32Array;
    readonly responseDb: Float32Array;
    readonly lowDb: Float32Array;
    readonly highDb: Float32Array;
  } | null;
  /** Ĥ over the frame's symbols, where the receiver has it. */
  readonly responseMap: ResponseMap | null;
  readonly evaluations: number;
  readonly milliseconds: number;
}

/** The picture as it evolves in a receiver that samples. */
export interface ProgressMessage {
  readonly type: 'progress';
  readonly receiver: string;
  readonly frame: number;
  readonly epoch: number;
  readonly done: number;
  readonly of: number;
  readonly picture: Pixels;
}

export type ReceiverCondition = 'starting' | 'running' | 'refused' | 'restarting';

/** What steers the link, as it stands. Sent on joining and on every change. */
export interface StateMessage {
  readonly type: 'state';
  readonly epoch: number;
  readonly source: string;
  /** Edge of the squares that are sent; null: pictures as they are. */
  readonly edge: number | null;
  /** Edges that the codec takes, of those that may be asked for. */
  readonly edges: readonly number[];
  readonly paused: boolean;
  readonly rateHz: number;
  readonly holdFrames: number;
  /** The resolved settings, as `blindlink simulate --print-config` prints them. */
  readonly settings: unknown;
  /** Settings that cannot be changed here (a radio has no channel to set). */
  readonly fixed: readonly string[];
  readonly receivers: readonly {
    readonly name: string;
    readonly condition: ReceiverCondition;
    /** In words, where it does not run. */
    readonly reason: string | null;
  }[];
  readonly recording: { readonly path: string; readonly samples: number } | null;
  /** Codecs and priors that this machine has. */
  readonly codecs: readonly string[];
  /** Decoders of the codec in use besides its own. */
  readonly decoders: readonly string[];
  /** Receivers that may be chosen, in the order of their colours, with settings of their own. */
  readonly available: readonly {
    readonly name: string;
    readonly about: string;
    readonly steerable: readonly SteerableSetting[];
  }[];
}

/** Counters since the start; twice a second. */
export interface StatsMessage {
  readonly type: 'stats';
  readonly time: number;
  readonly frames: number;
  /** Over the last seconds. */
  readonly framesPerSecond: number;
  /** Times at which a frame was due and the one before was still being made. */
  readonly ticksDropped: number;
  readonly framesLost: number;
  readonly receivers: readonly {
    readonly name: string;
    readonly received: number;
    readonly framesPerSecond: number;
    /** Frames that a newer one replaced in the queue. */
    readonly replaced: number;
    /** Runs ended early because their frame was stale. */
    readonly cancelled: number;
    readonly failures: number;
    readonly restarts: number;
    readonly queue: number;
  }[];
  /** Of a radio: samples lost in the device and before the reader. */
  readonly radio: {
    readonly lostInDevice: number;
    readonly lostInQueue: number;
    readonly overruns: number;
    /** Frames heard that a newer one replaced before they were due. */
    readonly skippedFrames: number;
  } | null;
  readonly memoryMiB: number;
}

export interface LogMessage {
  readonly type: 'log';
  readonly time: number;
  readonly level: 'info' | 'warning' | 'error';
  readonly text: string;
}

/** How this client fares; once a second. */
export interface TrafficMessage {
  readonly type: 'traffic';
  readonly clients: number;
  readonly sent: number;
  /** Messages that a newer one replaced before they could be sent. */
  readonly skipped: number;
  readonly waitingBytes: number;
}

export interface WelcomeMessage {
  readonly type: 'welcome';
  readonly protocol: number;
  readonly version: string;
}

/** A command was carried out. */
export interface DoneMessage {
  readonly type: 'done';
  readonly id: number;
}

/** A command, or what was taken for one, was refused; in words. */
export interface RefusedMessage {
  readonly type: 'refused';
  readonly id: number | null;
  readonly code: string;
  readonly text: string;
}

export type ServerMessage =
  | WelcomeMessage
  | FrameMessage
  | ResultMessage
  | ProgressMessage
  | StateMessage
  | StatsMessage
  | LogMessage
  | TrafficMessage
  | DoneMessage
  | RefusedMessage;

/** Built-in pictures that a client may ask for. */
export const BUILTIN_SOURCES = ['builtin:photos', 'builtin:faces', 'builtin:natural'] as const;

/** Edges of pictures that a client may ask for. */
export const PICTURE_EDGES = [64, 128, 256, 512] as const;

/** A picture file may have this many bytes. */
export const MAX_PICTURE_BYTES = 8 * 2 ** 20;

/** Most points of a constellation in a message. */
export const MAX_POINTS = 1024;

/** Settings that a client may change, by their path in the configuration; beside them those that a receiver's `steerable` names. */
export const STEERABLE = [
  'seed',
  'codec',
  'snrDb',
  'snrConvention',
  'rho',
  'channel.taps',
  'channel.coherence',
  'channel.dopplerHz',
  'channel.cfoSubcarriers',
  'channel.phaseNoiseLinewidthHz',
  'ofdm.profile',
  'ofdm.pilotSymbols',
  'ofdm.cyclicPrefixLength',
  'ofdm.clippingRatio',
  'receiver.names',
  'receiver.noiseVariance',
  'receiver.equaliser',
  'receiver.decoder',
  'receiver.decoderShare',
] as const;

export type Steerable = (typeof STEERABLE)[number];
