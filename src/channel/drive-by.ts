import { ConfigError } from '../core/errors.js';
import { requireBetween, requirePositive } from './checks.js';
import type { DriveByModel } from './config.js';
import { type TapTrajectory, updateIntervalFor } from './moving-taps.js';

/** m/s. */
const LIGHT = 299_792_458;
/** Places on the road by which the mean power is found. */
const PLACES = 4001;

export interface DriveBy {
  readonly numTaps: number;
  /** Mean of |h_l|² over the road, [numTaps], Σ = 1. */
  readonly profile: Float64Array;
  /** v/λ, Hz: what the Doppler shift comes near far from the mast. */
  readonly maxDopplerHz: number;
  /** Geometry at `seconds` since the vehicle came onto the road. */
  at(seconds: number): DriveByState;
  /** Taps from the first sample of frame `frame` on. */
  trajectory(frame: number, sampleRateHz: number): TapTrajectory;
}

export interface DriveByState {
  /** Along the road, 0 at the mast, m. */
  readonly positionM: number;
  /** Lengths of the direct and the reflected path, m. */
  readonly directM: number;
  readonly reflectedM: number;
  /** Of the direct path, −(1/λ)·dr/dt, Hz: positive on approach. */
  readonly dopplerHz: number;
  /** Γ of the ground, real. */
  readonly reflection: number;
}

/** v/λ, Hz. */
export const driveByDopplerHz = ({ speedMps, carrierHz }: DriveByModel): number => (speedMps * carrierHz) / LIGHT;

/**
 * A vehicle on a straight, flat road passes a mast: two rays, one direct, one by way of the ground.
 *
 *   x(t) = −D/2 + v·t,  r₁² = x² + d² + (h_T − h_R)²,  r₂² = x² + d² + (h_T + h_R)²
 *   h(τ, t) = g·[exp(−j2πr₁/λ)/r₁·δ(τ) + Γ·exp(−j2πr₂/λ)/r₂·δ(τ − (r₂ − r₁)/c)]
 *
 * Γ is Fresnel's for grazing angle ψ, sin ψ = (h_T + h_R)/r₂, and permittivity ε: (sin ψ − Z)/(sin ψ + Z), Z = √(ε − cos²ψ), over ε for
 * vertical polarization. Doppler shifts, −v·x/(λ·r), and gains follow from the lengths. The direct path's own delay is taken to be the synchroniser's and
 * is left out; the other one's, in samples, lies between two taps with weights of a straight line. g makes the mean power over the road 1, so a
 * frame near the mast is stronger. After D/v seconds the vehicle comes again; frame i begins at i·`frameIntervalS`.
 *
 * @throws ConfigError for settings out of range
 * Source: Parsons, The Mobile Radio Propagation Channel, 2nd ed. (2000), section 2.3.
 */
export function createDriveBy(model: DriveByModel): DriveBy {
  const { carrierHz, speedMps, sampleRateHz, distanceM = 10, roadM = 100 } = model;
  const { mastHeightM: mast = 5, vehicleHeightM: vehicle = 1.5, frameIntervalS = 0.05 } = model;
  const { permittivity = 15, polarization = 'vertical' } = model;
  const lengths = { distanceM, roadM, mastHeightM: mast, vehicleHeightM: vehicle };
  for (const [name, value] of Object.entries({ carrierHz, speedMps, sampleRateHz, frameIntervalS, ...lengths })) {
    requirePositive(`taps.${name}`, value);
  }
  requireBetween('taps.permittivity', permittivity, 1.01, 1000);
  if (speedMps > 1000) {
    throw new ConfigError('config.channel', `taps.speedMps is ${speedMps}: at most 1000; it is in metres a second`, {
      value: speedMps,
    });
  }
  const wavelength = LIGHT / carrierHz;
  const passSeconds = roadM / speedMps;

  const at = (seconds: number): DriveByState => {
    const along = speedMps * (seconds - passSeconds * Math.floor(seconds / passSeconds));
    const positionM = along - roadM / 2;
    const directM = Math.hypot(positionM, distanceM, mast - vehicle);
    const reflectedM = Math.hypot(positionM, distanceM, mast + vehicle);
    const sine = (mast + vehicle) / reflectedM;
    const root = Math.sqrt(permittivity - (1 - sine * sine));
    const z = polarization === 'vertical' ? root / permittivity : root;
    return {
      positionM,
      directM,
      reflectedM,
      dopplerHz: (-speedMps * positionM) / directM / wavelength,
      reflection: (sine - z) / (sine + z),
    };
  };
  const delayOf = ({ directM, reflectedM }: DriveByState): number => ((reflectedM - directM) / LIGHT) * sampleRateHz;
  // The difference is largest beside the mast.
  const numTaps = Math.floor(delayOf(at(passSeconds / 2))) + 2;

  const tapsAt = (seconds: number, gain: number, re: Float64Array, im: Float64Array): void => {
    const state = at(seconds);
    const delay = delayOf(state);
    const first = Math.floor(delay);
    re.fill(0);
    im.fill(0);
    const add = (l: number, amplitude: number, lengthM: number): void => {
      const turns = lengthM / wavelength;
      const angle = -2 * Math.PI * (turns - Math.floor(turns));
      re[l] += ((gain * amplitude) / lengthM) * Math.cos(angle);
      im[l] += ((gain * amplitude) / lengthM) * Math.sin(angle);
    };
    add(0, 1, state.directM);
    add(first, state.reflection * (1 - (delay - first)), state.reflectedM);
    add(first + 1, state.reflection * (delay - first), state.reflectedM);
  };

  const profile = new Float64Array(numTaps);
  const [re, im] = [new Float64Array(numTaps), new Float64Array(numTaps)];
  for (let i = 0; i < PLACES; i++) {
    tapsAt(((i + 0.5) / PLACES) * passSeconds, 1, re, im);
    for (let l = 0; l < numTaps; l++) profile[l] += (re[l] * re[l] + im[l] * im[l]) / PLACES;
  }
  const power = profile.reduce((sum, p) => sum + p, 0);
  const maxDopplerHz = driveByDopplerHz(model);
  return {
    numTaps,
    profile: profile.map((p) => p / power),
    maxDopplerHz,
    at,
    trajectory: (frame, rateHz) => ({
      numTaps,
      active: Int32Array.from({ length: numTaps }, (_, l) => l),
      updateInterval: updateIntervalFor(maxDopplerHz / rateHz),
      evaluate: (sampleIndex, tapsRe, tapsIm) => {
        tapsAt(frame * frameIntervalS + sampleIndex / rateHz, 1 / Math.sqrt(power), tapsRe, tapsIm);
      },
    }),
  };
}
