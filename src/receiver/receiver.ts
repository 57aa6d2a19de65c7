import type { Codec } from '../codec/codec.js';
import type { CodewordLayout } from '../codec/layout.js';
import type { ComplexArray } from '../core/complex.js';
import type { Grid } from '../ofdm/grid.js';
import type { Interleaver } from '../ofdm/interleaver.js';
import type { Symptoms } from './symptoms.js';

/** What both ends know before a frame is sent. A receiver is created for one setting. */
export interface LinkSetting {
  readonly codec: Codec;
  readonly layout: CodewordLayout;
  readonly grid: Grid;
  readonly interleaver: Interleaver;
  /** The CSNR in dB that encoder and decoder are adapted to. */
  readonly snrDb: number;
  /** ρ, the share of power given to the superimposed pilot; 0 is strictly pilot-free. */
  readonly rho: number;
  /** The superimposed pilot C, unit modulus, [P·S·M]. */
  readonly superimposed: ComplexArray;
  /** Known block-pilot resource elements of a packet, [pilotSymbols·numActive]. */
  readonly blockPilots: ComplexArray;
  /** Known comb-pilot resource elements of a packet, [S·numComb]. */
  readonly combPilots: ComplexArray;
  /** Mean powers of the taps in the receiver's window: the prior h_l ~ CN(0, p_l). */
  readonly tapPrior: Float64Array;
  /** Whether each packet has a channel of its own, or all packets of a frame share one. */
  readonly coherence: 'packet' | 'frame';
  /** a: what is shown is (1 − a)·(the codec's own decoder's picture) + a·(the picture of the decoder chosen for what is shown). */
  readonly decoderShare: number;
}

/** A frame after synchronisation and FFT, P packets. */
export interface ReceivedFrame {
  readonly index: number;
  /** Y, data resource elements [P·S·M]; Y = H·Z + N. */
  readonly elements: ComplexArray;
  /** σ², total variance per complex resource element, where the receiver is told; null where it must estimate. */
  readonly noiseVariance: number | null;
}

/** What `pilot` alone may see: block pilots [P·pilotSymbols·numActive] and comb pilots [P·S·numComb] as received. */
export interface PilotObservation {
  readonly block: ComplexArray;
  readonly comb: ComplexArray;
}

/** What `perfect` alone may see: the response of every data resource element, [P·S·M]. */
export interface TrueChannel {
  readonly response: ComplexArray;
}

/** Channel taps with the receiver's own uncertainty. */
export interface TapEstimate {
  /** ĥ [L]. */
  readonly taps: ComplexArray;
  /** Posterior variance of each tap, [L]; zeros where the method gives none. */
  readonly tapVariance: Float32Array;
}

export type Verdict = 'decoded' | 'doubtful' | 'failed';

export interface ReceiverResult {
  /** [3,H,W] in [0,1], the padded size of the layout. */
  readonly picture: Float32Array;
  /** One estimate a packet; empty for `perfect`. */
  readonly channel: readonly TapEstimate[];
  /** Ĥ of every data resource element [P·S·M], motion within a packet included, where the receiver has one; for plots. */
  readonly response?: ComplexArray;
  /** Equalised resource elements [P·S·M], for constellation plots. */
  readonly equalised: ComplexArray;
  /** [C,h,w] as the decoder got them; those of `equalised` where they are left out. Other decoders of the codec are handed the same. */
  readonly latents?: Float32Array;
  /** σ² as used. */
  readonly noiseVariance: number;
  /** χ = ‖Y − Ĥ·Z(x̂)‖² / (σ²·elements); null where the receiver does not re-encode. */
  readonly residual: number | null;
  readonly verdict: Verdict;
  /** The receiver's own estimate of the chance of success; null where it makes none. */
  readonly confidence: number | null;
  /** Log-odds of the sign chosen for the least certain part; null where the sign is not in question. */
  readonly signLogOdds: number | null;
  /** Network passes (encoder, decoder, E-step, polarity), each counted per picture. */
  readonly evaluations: number;
  /** Starts tried, the largest number over the parts of the frame that are solved apart, and how many of them agree. */
  readonly starts: number;
  readonly agreeing: number;
  readonly milliseconds: number;
  /** What the verdict was judged by, where it was judged by `verdict.ts`. */
  readonly symptoms?: Symptoms;
  /** Bits that the receiver was told besides what the radio carried. */
  readonly sideInformationBits?: number;
  /** Of a receiver of coded packets: what they were. */
  readonly packet?: PacketReport;
}

/** How a conventional link carried a frame. */
export interface PacketReport {
  /** Index of the scheme in its table, its modulation and code rate. */
  readonly mcs: number;
  readonly bitsPerSymbol: number;
  readonly rate: number;
  /** Bits of the transport block. */
  readonly payloadBits: number;
  /** Bytes of the picture in it; null where a check failed, 0 where the picture fitted in no file of the size. */
  readonly contentBytes: number | null;
  /** Of the channel decoder, mean over code blocks. */
  readonly iterations: number;
}

export type ReceiverStep =
  | {
      readonly kind: 'progress';
      readonly done: number;
      readonly of: number;
      /** The picture as it stands, [3,H,W] in [0,1]. */
      readonly picture: Float32Array;
    }
  | { readonly kind: 'final'; readonly result: ReceiverResult };

/** Side channels that only some receivers are handed. */
export interface Observations {
  readonly frame: ReceivedFrame;
  readonly pilots: PilotObservation | null;
  readonly truth: TrueChannel | null;
  /** Mean square of the sent picture's latents before they were scaled, where a receiver is told. */
  readonly latentPower?: number | null;
}

/**
 * A receiver turns a received frame into a picture. Steps may be many; the last is `final`.
 * It never sees the picture that was sent.
 */
export interface Receiver {
  readonly name: string;
  /** Which side channels it must be given; all others are withheld by the link. */
  readonly needs: { readonly pilots: boolean; readonly truth: boolean; readonly latentPower?: boolean };
  /** What sends this receiver's frames, where they are not the codec's. */
  readonly transmitter?: Transmitter;
  receive(observations: Observations, signal?: AbortSignal): AsyncIterable<ReceiverStep>;
}

/** Makes the codeword of a receiver that has a code of its own: as many symbols as the codec's, in their place. */
export interface Transmitter {
  /** Transmitters of the same key send the same. */
  readonly key: string;
  /** What carries the picture, as far as is known of a frame that was never heard. */
  readonly packet?: PacketReport;
  /** @param picture [3,H,W] in [0,1], the padded size of the layout @returns [k] of unit mean power */
  encode(
    picture: { readonly data: Float32Array; readonly height: number; readonly width: number },
    signal?: AbortSignal,
  ): Promise<ComplexArray>;
}
