import { z } from 'zod';
import { impairmentSchemas } from '../channel/impairments.js';

const positive = z.number().positive();
const count = z.int().min(1);

const tapModel = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('exponential'), numTaps: z.int().min(1).max(1024), decay: positive }),
  z.strictObject({
    kind: z.literal('profile'),
    name: z.enum(['EPA', 'EVA', 'ETU', 'TDL-A', 'TDL-B', 'TDL-C', 'TDL-D', 'TDL-E']),
    sampleRateHz: positive,
    delaySpreadS: positive.optional(),
  }),
  z.strictObject({ kind: z.literal('flat') }),
  z.strictObject({ kind: z.literal('identity') }),
  z.strictObject({ kind: z.literal('file'), path: z.string().min(1), normalize: z.boolean().optional() }),
  z.strictObject({
    kind: z.literal('rician'),
    kFactorDb: z.number().min(-60).max(60),
    angleDeg: z.number().optional(),
    numTaps: z.int().min(1).max(1024).optional(),
    decay: positive.optional(),
  }),
  z.strictObject({
    kind: z.literal('drive-by'),
    carrierHz: positive,
    speedMps: positive,
    sampleRateHz: positive,
    distanceM: positive.optional(),
    mastHeightM: positive.optional(),
    vehicleHeightM: positive.optional(),
    roadM: positive.optional(),
    frameIntervalS: positive.optional(),
    permittivity: z.number().min(1.01).max(1000).optional(),
    polarization: z.enum(['vertical', 'horizontal']).optional(),
  }),
  z.strictObject({
    kind: z.literal('csi'),
    path: z.string().min(1),
    sampleIntervalS: positive.optional(),
    domain: z.enum(['taps', 'response']).optional(),
    numTaps: z.int().min(1).max(1024).optional(),
    normalize: z.boolean().optional(),
    frameIntervalS: positive.optional(),
    end: z.enum(['repeat', 'refuse']).optional(),
  }),
]);

const ofdm = z.strictObject({
  profile: z.enum(['paper', 'ota']).default('paper'),
  fftSize: z.int().optional(),
  cyclicPrefixLength: z.int().optional(),
  symbolsPerPacket: z.int().optional(),
  pilotSymbols: z.int().optional(),
  guardSubcarriers: z.tuple([z.int(), z.int()]).optional(),
  dcNull: z.boolean().optional(),
  pilotSubcarriers: z.array(z.int()).optional(),
  /** Comb pilots on every n-th subcarrier of the band, in place of a list. */
  pilotSpacing: z.int().min(2).optional(),
  preamble: z.enum(['none', 'schmidl-cox']).optional(),
  clippingRatio: z.number().nullable().optional(),
  interleaver: z.enum(['none', 'tile', 'frame']).optional(),
  seed: z.int().optional(),
});

const channel = z.strictObject({
  taps: tapModel.default({ kind: 'exponential', numTaps: 8, decay: 4 }),
  /** A new channel for each packet (by default in the paper's profile), or one for the whole frame (over the air). */
  coherence: z.enum(['packet', 'frame']).optional(),
  /** 0: taps stand still within a packet. Above: Clarke fading, continuous through the frame. */
  dopplerHz: z.number().min(0).default(0),
  sampleRateHz: positive.default(1e6),
  /** Carrier offset in subcarrier spacings. */
  cfoSubcarriers: z.number().default(0),
  ...impairmentSchemas,
});

/** What all receivers that sample with a gradient have. */
const sampling = {
  /** Network evaluations; null visits every step of the schedule from the start on. */
  steps: count.max(1000).nullable(),
  /** Chains sampled together; the one that explains the received signal best is taken. */
  chains: count.max(64).default(1),
  modelClipping: z.boolean().default(true),
  modelInterference: z.boolean().default(true),
};
/** Where diffcom and hifi-diffcom have their channel from. */
const knowledge = z.enum(['perfect', 'pilot', 'blind-em']).default('pilot');

/** A conventional link beside the codec: picture codec, channel code and modulation apart, at equal channel uses. */
const baseline = z.strictObject({
  source: z.enum(['jpeg', 'webp', 'avif', 'onnx', 'external']).optional(),
  /** A learned transform and its inverse, for `source: onnx`. */
  onnx: z
    .strictObject({
      encoder: z.string().min(1),
      decoder: z.string().min(1),
      valueRange: z.tuple([z.number(), z.number()]).default([0, 1]),
      multipleOf: count.max(1024).default(16),
      steps: z.strictObject({ coarsest: positive, finest: positive }).default({ coarsest: 8, finest: 0.125 }),
    })
    .optional(),
  /** Two commands, for `source: external`; docs/baselines.md has the contract. */
  external: z
    .strictObject({
      encode: z.string().min(1),
      decode: z.string().min(1),
      qualities: z.strictObject({ smallest: z.int(), best: z.int() }),
      extension: z.string().regex(/^\w+$/, 'must be letters and digits').default('bin'),
      pictures: z.enum(['png', 'ppm']).default('png'),
      timeoutSeconds: positive.max(3600).default(60),
    })
    .optional(),
  headers: z.enum(['counted', 'shared']).default('counted'),
  csi: z
    .custom<'perfect' | 'pilot'>((value) => value === 'perfect' || value === 'pilot', {
      error:
        'must be perfect or pilot; coded packets cannot be received blind, for they say nothing to a receiver without the channel',
    })
    .optional(),
  /** An index of the table, or the highest that the SNR and the kind of channel allow. */
  mcs: z
    .custom<number | 'adaptive'>(
      (value) => value === 'adaptive' || (Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 28),
      { error: 'must be adaptive, or an index from 0 to 28' },
    )
    .default('adaptive'),
  mcsTable: z.enum(['qam64', 'qam256']).default('qam64'),
  /** Share of frames that an adaptive scheme is expected to lose at most. */
  targetFailure: positive.max(0.9).default(0.1),
  interleaving: z.enum(['frame', 'none']).default('frame'),
  llr: z.enum(['exact', 'max-log']).default('exact'),
  decoder: z
    .strictObject({
      algorithm: z.enum(['offset-min-sum', 'normalised-min-sum', 'sum-product']).default('offset-min-sum'),
      iterations: count.max(1000).default(20),
      /** α of normalised-min-sum. */
      scale: positive.max(1).optional(),
      /** β of offset-min-sum. */
      offset: z.number().min(0).max(9).optional(),
    })
    .prefault({}),
});

const receiver = z.strictObject({
  /** Built-in receivers, or .js and .mjs files that export one. */
  names: z.array(z.string().min(1)).min(1).default(['perfect', 'pilot', 'blind-em']),
  /** Settings of receivers from elsewhere, by their name; each checks its own. */
  options: z.record(z.string(), z.record(z.string(), z.unknown())).default({}),
  /** Conventional links by the names that `names` may hold. */
  baselines: z.record(z.string().regex(/^[\w-]+$/, 'must be letters, digits and hyphens'), baseline).optional(),
  /** Whether receivers are told σ² or estimate it. */
  noiseVariance: z.enum(['given', 'estimated']).default('given'),
  equaliser: z.enum(['mmse', 'zf']).default('mmse'),
  /**
   * The codec's decoder for the picture that is shown: its `own`, or another by the name in its card; the channel is found with its own. By
   * default each receiver's: its own, for hifi-diffcom and blind-hifi the perceptual one where the codec has one.
   */
  decoder: z.string().min(1).nullable().default(null),
  /** How much of that decoder's picture is shown: 0 the codec's own picture, 1 the other's, between them on the line between the two. */
  decoderShare: z.number().min(0).max(1).default(1),
  /** Taps the receivers look for; by default the channel's own number. */
  tapWindow: count.max(1024).optional(),
  /** Prior on those taps: the channel model's own profile, or equal powers. */
  tapProfile: z.enum(['model', 'flat']).default('model'),
  pilot: z
    .strictObject({
      estimator: z.enum(['ls', 'lmmse-scalar', 'lmmse']).default('lmmse'),
      /** `decoder`: the decoded picture, encoded again, serves as further pilots. */
      tracking: z.enum(['none', 'decoder']).default('none'),
    })
    .prefault({}),
  blindEm: z
    .strictObject({
      /** r, passes and initial starts are by default what the codec's card advises, else 64, 20 and 1. */
      rank: count.max(4096).optional(),
      passes: count.max(1000).optional(),
      initialStarts: count.max(64).optional(),
      /** Passes with the codec's refiner, where it has one, after those with its statistics; by default 6. */
      refinements: z.int().min(0).max(1000).optional(),
      annealing: z.number().min(1).max(1e4).default(30),
      solverSteps: count.max(100).default(4),
      /** Starts in all, where the initial ones leave doubt. */
      starts: count.max(64).default(8),
      /** A part that is called decoded with at least this chance needs no further starts. */
      sureAbove: z.number().min(0).max(1).default(0),
      tracking: z.enum(['none', 'phase', 'phase+timing']).default('phase'),
      /** Channels that move within a packet: found out from the received signal, left out, or a known Doppler spread in Hz. */
      motion: z.union([z.enum(['auto', 'still']), positive]).default('auto'),
    })
    .prefault({}),
  /** DiffCom, algorithm 1. */
  diffcom: z
    .strictObject({ ...sampling, steps: sampling.steps.default(null), knowledge, zeta: z.number().min(0).default(0.3) })
    .prefault({}),
  /** HiFi-DiffCom, algorithm 2. */
  hifiDiffcom: z
    .strictObject({
      ...sampling,
      steps: sampling.steps.default(30),
      knowledge,
      zeta: z.number().min(0).default(0.6),
      gamma: z.number().min(0).default(0.6),
      /** `latent` and `pixel` are the paper's Variants 1 and 2. */
      guidance: z.enum(['both', 'latent', 'pixel']).default('both'),
      adaptiveStart: z.boolean().default(true),
      delta: z.number().min(0).default(5),
      startFactor: positive.default(1),
      /** CBR in the start's formula; null is the codec's own (the published code has 1/48). */
      startBandwidthRatio: positive.nullable().default(null),
      /** 0: the decoder's picture; 1: the sample, as published; between: less error or more natural. Null is 1, with another decoder than the own 0.2. */
      perception: z.number().min(0).max(1).nullable().default(null),
    })
    .prefault({}),
  /**
   * Blind-DiffCom, algorithm 3: with step sizes that carry over between sizes (`normalised`), as derived (`paper`), or as published code
   * runs (`reference`). ζ_x and ζ_h, where they are null, are 0.125 and 0.5, 0.3 and 0.1, 1 and 0.2.
   */
  blindDiffcom: z
    .strictObject({
      ...sampling,
      steps: sampling.steps.default(null),
      variant: z.enum(['normalised', 'paper', 'reference']).default('normalised'),
      zetaPicture: z.number().min(0).nullable().default(null),
      zetaChannel: z.number().min(0).nullable().default(null),
      /** `told`: the receiver knows the power of the sent picture's latents, as in the published code; only simulate and sweep can tell. */
      power: z.enum(['own', 'told']).default('own'),
      polarity: z.boolean().default(true),
      /** Runs at most, one after another while none is called decoded. */
      runs: count.max(64).default(1),
    })
    .prefault({}),
  /** Blind-DiffCom with HiFi-DiffCom's confirming term. */
  blindHifiDiffcom: z
    .strictObject({
      ...sampling,
      steps: sampling.steps.default(250),
      zetaPicture: positive.default(0.125),
      zetaChannel: z.number().min(0).default(0.5),
      gamma: z.number().min(0).default(0.005),
      /** 0: the decoder's picture with the channel that was found; 1: the sample; between: less error or more natural. */
      perception: z.number().min(0).max(1).default(0.5),
      runs: count.max(64).default(3),
    })
    .prefault({}),
  blindHifi: z
    .strictObject({
      /** Denoiser evaluations a frame: fast 6, balanced 20, best 60. */
      quality: z.enum(['fast', 'balanced', 'best']).default('balanced'),
      /** Denoiser evaluations, where quality's are not meant. */
      steps: count.max(1000).optional(),
      /** σ at the start and the end, of the [−1, 1] range. */
      startSigma: positive.default(0.3),
      endSigma: positive.default(0.02),
      /** 0: the decoder's picture with the refined channel; 1: the sample; between: less error or more natural. Null is 0.5, with another decoder than the own 0.3. */
      perception: z.number().min(0).max(1).nullable().default(null),
      /** Fresh noise in each step: 0 none, 1 all. */
      eta: z.number().min(0).max(1).default(0.5),
      refreshChannel: z.boolean().default(true),
    })
    .prefault({}),
});

const sync = z.strictObject({
  /**
   * `ideal`: the receiver is told where the frame begins. `preamble`: it searches (ofdm.preamble must be on). `cp`: it
   * searches by cyclic prefixes alone, in streams (record, replay, receive).
   */
  method: z.enum(['ideal', 'preamble', 'cp']).optional(),
  /** Carrier offset of frames without a preamble: taken out where their prefixes show one, or left to the receivers. */
  cfo: z.enum(['prefix', 'none']).default('prefix'),
  /** Samples by which the FFT window starts inside the prefix; the channel then looks that much later. */
  timingAdvance: z.int().min(0).default(0),
  /** Noise before the frame, in samples, where the receiver must search for it. */
  leadInSamples: z.int().min(0).default(300),
});

const source = z.strictObject({
  /** Larger pictures are refused. */
  maxPixels: count.default(4_194_304),
});

const run = z.strictObject({
  /** Frames to send; pictures repeat. By default every picture once. */
  frames: count.optional(),
  threads: count.max(64).default(1),
  /** What runs the networks: onnxruntime, or TensorFlow.js. */
  runtime: z.enum(['onnx', 'tfjs']).default('onnx'),
  /** Of onnxruntime. */
  executionProvider: z.enum(['cpu', 'webgpu', 'cuda']).default('cpu'),
  /** Of encoders and decoders whose card has ranges: 8-bit integers where the processor gains by them (auto), always, or never. */
  precision: z.enum(['auto', 'float32', 'int8']).default('auto'),
  /** Of TensorFlow.js; by default the first installed of tfjs-node-gpu, tfjs-node, wasm, cpu. */
  backend: z.enum(['tfjs-node-gpu', 'tfjs-node', 'wasm', 'cpu']).optional(),
  /** Folder for results; null saves nothing. By default runs/<time>. */
  out: z.string().nullable().optional(),
  /** Pictures and plots are kept for this many frames; figures for all. */
  keepPictures: z.int().min(0).default(16),
  /** Cards of networks that judge received pictures in simulation: LPIPS, DISTS, FID. */
  featureNetworks: z.array(z.string().min(1)).default([]),
});

/** Every setting of a link, with its default. */
export const linkConfigSchema = z.strictObject({
  seed: z.int().default(1),
  pictures: z.array(z.string().min(1)).min(1).default(['builtin:faces']),
  codec: z.string().min(1).default('faces-12'),
  /** The picture prior of receivers that have one: a shipped name or a card; by default what the codec's card names. */
  prior: z.string().min(1).optional(),
  /** CSNR in dB, and which of its two meanings. */
  snrDb: z.number().min(-20).max(60).default(10),
  /** The CSNR that both ends believe in, where it is not the channel's: encoder and decoder are adapted to it. */
  designSnrDb: z.number().min(-20).max(60).optional(),
  snrConvention: z.enum(['received', 'average']).default('received'),
  /** ρ, the superimposed pilot's share of the power; 0 is strictly pilot-free. */
  rho: z.number().min(0).max(0.5).default(0),
  ofdm: ofdm.prefault({}),
  channel: channel.prefault({}),
  sync: sync.prefault({}),
  receiver: receiver.prefault({}),
  source: source.prefault({}),
  run: run.prefault({}),
});

export type LinkConfig = DeepReadonly<z.infer<typeof linkConfigSchema>>;

type DeepReadonly<T> = T extends readonly (infer E)[]
  ? readonly DeepReadonly<E>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T;
