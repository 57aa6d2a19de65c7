import { powerToDb } from '../core/units.js';
import { circular, type LagProducts } from './cp-window.js';

/** Another station that sends at the same time, with symbols and prefixes as long. */
export interface OtherStation {
  /** Samples by which its symbols begin behind the stretch's own, in [−T/2, T/2). */
  readonly behindSamples: number;
  readonly cfoSubcarriers: number;
  /** Its power over the stretch's own, in dB, on average over the stretch. */
  readonly powerDb: number;
}

/** x*[n]·x[n+N], summed over symbols, by where in a symbol n lies: bins of `binLength` samples from the prefix's first on. */
export interface PrefixProfile {
  readonly re: Float32Array;
  readonly im: Float32Array;
  /** Σ (|x[n]|² + |x[n+N]|²)/2 over all bins. */
  energy: number;
  symbols: number;
}

/** What a profile of two stations says of each. */
export interface Stations {
  /** Samples from where the profile begins to the stronger station's prefix. */
  readonly shift: number;
  /** The stronger one's |Γ|/Φ, freed of the other's, and its offset. */
  readonly metric: number;
  readonly cfoSubcarriers: number;
  /** Whether the prefixes overlap: what was measured over one of them is then of both. */
  readonly overlap: boolean;
  readonly other: OtherStation;
}

/** Bins a prefix is divided into, at most. */
const BINS = 16;
/** Standard deviations by which a second station must stand out, and its least share of the first one's power. */
const LEAST_DEVIATIONS = 4.8;
const LEAST_SHARE = 0.05;
/** Prefixes between which multipath of the first may look like a second. */
const NEAR = 1.5;

export const profileBin = (prefix: number): number => Math.max(1, Math.floor(prefix / BINS));

export function createPrefixProfile(symbolLength: number, prefix: number): PrefixProfile {
  const bins = Math.floor(symbolLength / profileBin(prefix));
  return { re: new Float32Array(bins), im: new Float32Array(bins), energy: 0, symbols: 0 };
}

/** Adds the symbol whose prefix begins at `at` of what `sums` were formed from, if all of it is there. */
export function addSymbol(profile: PrefixProfile, sums: LagProducts, at: number, binLength: number): void {
  const { re, im } = profile;
  const end = at + re.length * binLength;
  if (at < 0 || end > sums.count) return;
  for (let b = 0, i = at; b < re.length; b++, i += binLength) {
    re[b] += sums.re[i + binLength] - sums.re[i];
    im[b] += sums.im[i + binLength] - sums.im[i];
  }
  profile.energy += sums.energy[end] - sums.energy[at];
  profile.symbols++;
}

/** Adds `from`, which begins `shift` samples behind. */
export function addProfile(profile: PrefixProfile, from: PrefixProfile, shift: number, binLength: number): void {
  const bins = profile.re.length;
  const by = ((Math.round(shift / binLength) % bins) + bins) % bins;
  for (let b = 0; b < bins; b++) {
    const to = b + by < bins ? b + by : b + by - bins;
    profile.re[to] += from.re[b];
    profile.im[to] += from.im[b];
  }
  profile.energy += from.energy;
  profile.symbols += from.symbols;
}

/**
 * Looks for two stations in a profile P[b]: least squares for two prefixes, each as long as K and with a complex amplitude,
 *
 *   min Σ_b |P[b] − c₁·1{b in prefix 1} − c₂·1{b in prefix 2}|²,  ε̂ᵢ = arg cᵢ/2π,  powers in proportion to |cᵢ|
 *
 * over all places of both. What P has in most bins alike (a carrier) is taken off before. Multipath lengthens the trace of
 * one station's prefix, but all its paths turn alike: where the places are within 1.5 K of one another, the two must turn
 * differently. Two stations with the same timing, or nearly (K/4), look like one with their mean offset and are not told apart.
 *
 * @param colour see `colourOf`
 * @returns null where one station explains it
 */
export function separateStations(profile: PrefixProfile, prefix: number, colour: number): Stations | null {
  const binLength = profileBin(prefix);
  const bins = profile.re.length;
  const width = Math.max(1, Math.round(prefix / binLength));
  if (profile.symbols === 0 || bins < 3 * width || width < 4) return null;
  const least = Math.ceil(width / 4);
  const energy = profile.energy / bins;
  // Of white noise, per bin.
  const variance = (energy ** 2 * colour) / (profile.symbols * binLength);
  const [flatRe, flatIm] = [profile.re, profile.im].map((part) => Float32Array.from(part).sort()[bins >> 1]);
  const [runRe, runIm] = [runningSums(profile.re, flatRe), runningSums(profile.im, flatIm)];
  // Γ of a prefix that begins at bin b.
  const gammaRe = (b: number): number => runRe[b + width] - runRe[b];
  const gammaIm = (b: number): number => runIm[b + width] - runIm[b];

  const fit = (a: number, b: number): Fit => {
    const [aRe, aIm, bRe, bIm] = [gammaRe(a), gammaIm(a), gammaRe(b), gammaIm(b)];
    const overlap = Math.max(0, width - circular(a, b, bins));
    const determinant = width * width - overlap * overlap;
    const first = {
      at: a,
      re: (width * aRe - overlap * bRe) / determinant,
      im: (width * aIm - overlap * bIm) / determinant,
    };
    const second = {
      at: b,
      re: (width * bRe - overlap * aRe) / determinant,
      im: (width * bIm - overlap * aIm) / determinant,
    };
    const explained = aRe * first.re + aIm * first.im + bRe * second.re + bIm * second.im;
    return { first, second, explained, deviation: Math.sqrt((variance * width) / determinant) };
  };

  let strongest = 0;
  for (let b = 1; b < bins; b++) {
    if (Math.hypot(gammaRe(b), gammaIm(b)) > Math.hypot(gammaRe(strongest), gammaIm(strongest))) strongest = b;
  }
  let [far, near]: [Fit | null, Fit | null] = [null, null];
  for (let shift = -width; shift <= width; shift++) {
    const a = (strongest + shift + bins) % bins;
    for (let b = 0; b < bins; b++) {
      const apart = circular(a, b, bins);
      if (apart < least) continue;
      const found = fit(a, b);
      if (apart < NEAR * width) {
        if (near === null || found.explained > near.explained) near = found;
      } else if (far === null || found.explained > far.explained) far = found;
    }
  }
  const found = [far !== null && bothThere(far) ? far : null, near !== null && turnsApart(near) ? near : null];
  const best = found.reduce((a, b) => (a === null || (b !== null && b.explained > a.explained) ? b : a));
  if (best === null) return null;
  // Prefixes that overlap were measured together: the stronger one's figures count. Else those at the profile's beginning.
  const overlap = best === near;
  const rank = ({ at, re, im }: Trace): number => (overlap ? Math.hypot(re, im) : -circular(at, 0, bins));
  const [own, other] = [best.first, best.second].sort((x, y) => rank(y) - rank(x));
  const signed = (b: number): number => (b >= bins / 2 ? b - bins : b) * binLength;
  const turn = ({ re, im }: Trace): number => Math.atan2(im, re) / (2 * Math.PI);
  return {
    shift: signed(own.at),
    metric: Math.min(1, Math.hypot(own.re, own.im) / energy),
    cfoSubcarriers: turn(own),
    overlap,
    other: {
      behindSamples: signed((other.at - own.at + bins) % bins),
      cfoSubcarriers: turn(other),
      powerDb: powerToDb(Math.hypot(other.re, other.im) / Math.hypot(own.re, own.im)),
    },
  };
}

interface Trace {
  readonly at: number;
  readonly re: number;
  readonly im: number;
}

interface Fit {
  readonly first: Trace;
  readonly second: Trace;
  /** Of Σ|P|². */
  readonly explained: number;
  /** Of either amplitude. */
  readonly deviation: number;
}

/** Whether an amplitude is more than noise, and than what is left of a station `strongest`. */
const stands = (amplitude: number, strongest: number, { deviation }: Fit): boolean =>
  amplitude > LEAST_DEVIATIONS * deviation && amplitude > LEAST_SHARE * strongest;

function bothThere(found: Fit): boolean {
  const [a, b] = [found.first, found.second].map(({ re, im }) => Math.hypot(re, im));
  return stands(Math.min(a, b), Math.max(a, b), found);
}

/** Whether both are there, and a part of the weaker one that the other's multipath cannot explain: the part at right angles. */
function turnsApart(found: Fit): boolean {
  const { first, second } = found;
  const strongest = Math.max(Math.hypot(first.re, first.im), Math.hypot(second.re, second.im));
  return stands(Math.abs(first.re * second.im - first.im * second.re) / strongest, strongest, found);
}

/** Sums over bins < index, going on round the symbol. */
function runningSums(values: Float32Array, flat: number): Float64Array {
  const sums = new Float64Array(2 * values.length + 1);
  for (let i = 0; i < 2 * values.length; i++) sums[i + 1] = sums[i] + values[i % values.length] - flat;
  return sums;
}
