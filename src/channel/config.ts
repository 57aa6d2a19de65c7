/** The 3GPP power delay profiles in `profiles.ts`. */
export type ProfileName = 'EPA' | 'EVA' | 'ETU' | 'TDL-A' | 'TDL-B' | 'TDL-C' | 'TDL-D' | 'TDL-E';

/** Where the channel taps come from. Mean tap powers p_l always sum to 1, except a `file` read with `normalize: false`. */
export type TapModel =
  /** p_l = c·exp(−l / decay), l = 0…numTaps−1; `decay` in samples. The paper uses 8 and 4. */
  | { readonly kind: 'exponential'; readonly numTaps: number; readonly decay: number }
  /** A 3GPP profile at the nearest samples. `delaySpreadS` scales TDL-* (default 100 ns); the others are absolute. */
  | {
      readonly kind: 'profile';
      readonly name: ProfileName;
      readonly sampleRateHz: number;
      readonly delaySpreadS?: number | undefined;
    }
  /** One Rayleigh tap. */
  | { readonly kind: 'flat' }
  /** h = [1]. */
  | { readonly kind: 'identity' }
  /** Measured taps (.npy, .npz, .csv); `normalize` (default true) scales the set to a mean power of 1. */
  | { readonly kind: 'file'; readonly path: string; readonly normalize?: boolean | undefined }
  /**
   * The exponential profile (one tap unless told otherwise) with a specular path on tap 0, which turns at f_D·cos θ, θ =
   * `angleDeg` between it and the direction of travel. Rice's K = its power over that of all the rest.
   */
  | {
      readonly kind: 'rician';
      readonly kFactorDb: number;
      readonly angleDeg?: number | undefined;
      readonly numTaps?: number | undefined;
      readonly decay?: number | undefined;
    }
  | DriveByModel
  | CsiModel;

/** A vehicle that passes a mast: see `drive-by.ts`. It has a motion of its own, dopplerHz must be 0. */
export interface DriveByModel {
  readonly kind: 'drive-by';
  readonly carrierHz: number;
  readonly speedMps: number;
  readonly sampleRateHz: number;
  /** From the road to the mast's foot, m; 10 unless told. */
  readonly distanceM?: number | undefined;
  /** Antennas above the ground, m; 5 and 1.5 unless told. */
  readonly mastHeightM?: number | undefined;
  readonly vehicleHeightM?: number | undefined;
  /** Length of road, m, the mast at its middle; 100 unless told. Behind its end it begins again. */
  readonly roadM?: number | undefined;
  /** Time from one frame's first sample to the next one's, s; 0.05 unless told. */
  readonly frameIntervalS?: number | undefined;
  /** Of the ground, relative; 15 unless told. */
  readonly permittivity?: number | undefined;
  readonly polarization?: 'vertical' | 'horizontal' | undefined;
}

/** A measured channel with a time axis: see `csi-sequence.ts`. It has a motion of its own, dopplerHz must be 0. */
export interface CsiModel {
  readonly kind: 'csi';
  /** .npy or .npz, complex [time, taps] or, where `domain` is response, [time, frequencies]. */
  readonly path: string;
  /** Time between rows, s; without it the file's own `time`, or what PATH.json says. */
  readonly sampleIntervalS?: number | undefined;
  readonly domain?: 'taps' | 'response' | undefined;
  /** Of a response: taps that are kept, 16 unless told. */
  readonly numTaps?: number | undefined;
  readonly normalize?: boolean | undefined;
  /** Time from one frame's first sample to the next one's, s; a frame's own length unless told. */
  readonly frameIntervalS?: number | undefined;
  /** Behind the last whole frame: begin again (default), or refuse. */
  readonly end?: 'repeat' | 'refuse' | undefined;
}

/** Taps that move within a frame: Clarke's isotropic scattering around the receiver. */
export interface FadingConfig {
  /** Mean tap powers (and the line of sight of TDL-D/E) come from this model; `identity` does not fade. */
  readonly taps: TapModel;
  /** Maximum Doppler frequency f_D = v·f_c / c, Hz. */
  readonly dopplerHz: number;
  readonly sampleRateHz: number;
  /** Sinusoids per tap, default 32. */
  readonly numSinusoids?: number | undefined;
}

/**
 * Names of the two meanings of CSNR. `average`: E|H|² = 1 and σ² is fixed. `received`: σ² is relative to this
 * frame's received power.
 */
export type SnrConvention = 'average' | 'received';

export interface AmplifierConfig {
  /** Rapp's p: 2 to 3 for solid-state amplifiers, large values approach a hard limiter. */
  readonly smoothness: number;
  /** Saturation power over mean signal power, dB. */
  readonly inputBackoffDb: number;
}

export interface ToneConfig {
  readonly frequencyHz: number;
  /** Signal power over interferer power, dB. */
  readonly sirDb: number;
}

export interface ImpulseConfig {
  /** Chance that a sample is hit, 0 < p ≤ 1. */
  readonly probability: number;
  /** Signal power over *mean* interferer power, dB: one impulse is 1/probability stronger. */
  readonly sirDb: number;
}

export interface IqImbalanceConfig {
  /** Gain of the Q branch over the I branch, dB (20·log10 g). */
  readonly gainDb: number;
  readonly phaseDeg: number;
}

export interface DcOffsetConfig {
  readonly re: number;
  readonly im: number;
}

export interface QuantizerConfig {
  /** Per real dimension, 1…24. */
  readonly bits: number;
  /** Each of I and Q is clipped to ±fullScale. */
  readonly fullScale: number;
}
