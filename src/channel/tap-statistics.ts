import { ConfigError } from '../core/errors.js';
import { requireBetween, requireFinite, requireInteger, requirePositive } from './checks.js';
import type { TapModel } from './config.js';
import { readCsi } from './csi-sequence.js';
import { createDriveBy } from './drive-by.js';
import { delayProfiles } from './profiles.js';
import { readTapFile } from './tap-file.js';

/** More taps than this is a unit slip (nanoseconds for seconds), not a channel. */
const maxTaps = 65536;
const defaultDelaySpreadS = 100e-9;

/** Mean powers of the taps, split into what fades and what does not. */
export interface TapStatistics {
  /** [numTaps] E|h_l|² of the Rayleigh part. */
  readonly diffuse: Float64Array;
  /** Power of the constant (line-of-sight) part of tap 0. Rice's K of tap 0 is lineOfSight / diffuse[0]. */
  readonly lineOfSight: number;
  /** Its Doppler shift over the maximum one. */
  readonly lineOfSightDoppler: number;
}

/** TR 38.901 section 7.7.2: the line of sight of TDL-D and TDL-E has its Doppler peak at 0.7·f_D. */
const TDL_DOPPLER = 0.7;

/**
 * Mean tap powers p_l = E|h_l|², [numTaps] linear, Σ p_l = 1.
 *
 * 3GPP profiles go to the *nearest sample*, paths that meet there adding their powers. Sinc interpolation would keep
 * the exact delays but smears one path over many correlated taps, some of them before tap 0; the receivers' prior (and
 * this library's convention) is independent causal taps. The price is a delay error of at most half a sample.
 * For a `file` this is the empirical profile, which sums to 1 unless `normalize` is false.
 *
 * @throws ConfigError for settings out of range, FormatError for a bad tap file.
 */
export function tapProfile(model: TapModel): Float64Array {
  const { diffuse, lineOfSight } = tapStatistics(model);
  diffuse[0] += lineOfSight;
  return diffuse;
}

/** Number of taps L of a model. Throws as `tapProfile` does. */
export function numTapsOf(model: TapModel): number {
  return tapStatistics(model).diffuse.length;
}

/** `tapProfile` with the line of sight kept apart; the caller owns the array. */
export function tapStatistics(model: TapModel): TapStatistics {
  switch (model.kind) {
    case 'exponential':
      return exponential(model.numTaps, model.decay);
    case 'profile':
      return sampledProfile(model);
    case 'flat':
      return diffuseOnly(Float64Array.of(1));
    case 'identity':
      return { diffuse: Float64Array.of(0), lineOfSight: 1, lineOfSightDoppler: 0 };
    case 'file': {
      const { profile } = readTapFile(model.path, model.normalize ?? true);
      return diffuseOnly(profile.slice());
    }
    case 'rician':
      return rician(model);
    case 'drive-by':
      return diffuseOnly(createDriveBy(model).profile.slice());
    case 'csi':
      return diffuseOnly(readCsi(model).profile.slice());
  }
}

const diffuseOnly = (diffuse: Float64Array): TapStatistics => ({ diffuse, lineOfSight: 0, lineOfSightDoppler: 0 });

function rician({
  kFactorDb,
  angleDeg = 0,
  numTaps = 1,
  decay = 4,
}: Extract<TapModel, { kind: 'rician' }>): TapStatistics {
  requireBetween('taps.kFactorDb', kFactorDb, -60, 60);
  requireFinite('taps.angleDeg', angleDeg);
  const k = 10 ** (kFactorDb / 10);
  const { diffuse } = exponential(numTaps, decay);
  return {
    diffuse: diffuse.map((p) => p / (k + 1)),
    lineOfSight: k / (k + 1),
    lineOfSightDoppler: Math.cos((angleDeg * Math.PI) / 180),
  };
}

function exponential(numTaps: number, decay: number): TapStatistics {
  requireInteger('taps.numTaps', numTaps, 1, maxTaps);
  requirePositive('taps.decay', decay);
  const diffuse = Float64Array.from({ length: numTaps }, (_, l) => Math.exp(-l / decay));
  const sum = diffuse.reduce((total, p) => total + p, 0);
  return diffuseOnly(diffuse.map((p) => p / sum));
}

function sampledProfile(model: Extract<TapModel, { kind: 'profile' }>): TapStatistics {
  const profile = delayProfiles[model.name];
  if (profile === undefined) {
    const known = Object.keys(delayProfiles).join(', ');
    throw new ConfigError('config.channel', `taps.name must be one of ${known}, got ${String(model.name)}`, {
      value: model.name,
    });
  }
  requirePositive('taps.sampleRateHz', model.sampleRateHz);
  if (!profile.scalable && model.delaySpreadS !== undefined) {
    throw new ConfigError(
      'config.channel',
      `taps.delaySpreadS scales TDL profiles only and ${model.name} has fixed delays: remove it`,
      { value: model.delaySpreadS },
    );
  }
  const spread = profile.scalable ? (model.delaySpreadS ?? defaultDelaySpreadS) : 1;
  requirePositive('taps.delaySpreadS', spread);

  const positions = profile.delays.map((delay) => Math.round(delay * spread * model.sampleRateHz));
  const numTaps = 1 + Math.max(...positions);
  if (numTaps > maxTaps) {
    throw new ConfigError(
      'config.channel',
      `taps: ${model.name} would need ${numTaps} taps (at most ${maxTaps}): check delaySpreadS (seconds) and sampleRateHz`,
      { value: numTaps },
    );
  }
  const powers = profile.powersDb.map((db) => 10 ** (db / 10));
  const sum = powers.reduce((total, p) => total + p, 0);
  const diffuse = new Float64Array(numTaps);
  powers.forEach((p, i) => {
    if (!(profile.lineOfSight && i === 0)) diffuse[positions[i]] += p / sum;
  });
  return { diffuse, lineOfSight: profile.lineOfSight ? powers[0] / sum : 0, lineOfSightDoppler: TDL_DOPPLER };
}
