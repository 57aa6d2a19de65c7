/** Twice the log likelihood by which a random walk must explain phases better than errors alone: of still phases with errors as they are given, two frames in five do so by chance, which costs some passes. */
const LEAST_GAIN = 0;

/** How many observations the errors' variances as given are worth, against those that are there. */
const VARIANCE_COUNT = 8;

/** Variance of a walk's step over that of a phase's error. */
const RATIOS = [0.015, 0.05, 0.15, 0.5, 1.5, 5, 15, 50, 200, 1000, 5000];

/** Phases as seen, [T] each; times without an observation are left out of `seen`. */
export interface SeenPhases {
  readonly angle: Float64Array;
  /** Of errors; a common factor may be off. */
  readonly variance: Float64Array;
  readonly seen: readonly number[];
}

export interface SmoothPhases {
  /** Less their mean, [T]; zeros where they do not wander. */
  readonly phases: Float64Array;
  /** Whether they do. */
  readonly wander: boolean;
  /** Σ ½·log(1 + P_t/v_t): what the freedom of the phases costs in log evidence. */
  readonly cost: number;
}

/**
 * Smooths phases as a random walk seen with errors (the local level model): a Kalman filter for each ratio of step to error
 * variance, the scale of both integrated out under a prior around the variances as given (inverse gamma, of `VARIANCE_COUNT` observations); the likeliest ratio, then the Rauch–Tung–Striebel
 * smoother. Whether they wander at all is the likelihood ratio against errors alone: steps of a walk are independent, those
 * of errors turn back.
 *
 * @param known they wander: no test
 */
export function smoothPhases(seenPhases: SeenPhases, known: boolean): SmoothPhases {
  const { angle, seen } = seenPhases;
  const phases = new Float64Array(angle.length);
  const none = { phases, wander: false, cost: 0 };
  if (seen.length < 4) return none;
  const still = filter(seenPhases, 0);
  const walks = RATIOS.map((ratio) => filter(seenPhases, ratio));
  const best = walks.reduce((a, b) => (b.logLikelihood > a.logLikelihood ? b : a));
  if (!known && 2 * (best.logLikelihood - still.logLikelihood) < LEAST_GAIN) return none;
  const { step, filtered, spread, cost } = best;
  const smooth = filtered.slice();
  for (let i = seen.length - 2; i >= 0; i--) {
    const back = spread[i] / (spread[i] + step);
    smooth[i] = filtered[i] + back * (smooth[i + 1] - filtered[i]);
  }
  const centre = smooth.reduce((sum, v) => sum + v, 0) / smooth.length;
  seen.forEach((t, i) => {
    phases[t] = smooth[i] - centre;
  });
  return { phases, wander: true, cost };
}

/** The first phase is the walk's start; the likelihood is that of the others given it, its scale integrated out. */
function filter(
  { angle, variance, seen }: SeenPhases,
  ratio: number,
): { step: number; filtered: number[]; spread: number[]; cost: number; logLikelihood: number } {
  const meanVariance = seen.reduce((sum, t) => sum + variance[t], 0) / seen.length;
  const step = ratio * meanVariance;
  const filtered = [angle[seen[0]]];
  const spread = [variance[seen[0]]];
  let squares = 0;
  let logs = 0;
  let paid = 0;
  for (let i = 1; i < seen.length; i++) {
    const t = seen[i];
    const uncertain = spread[i - 1] + step;
    const innovation = angle[t] - filtered[i - 1];
    const total = uncertain + variance[t];
    squares += innovation ** 2 / total;
    logs += Math.log(total);
    paid += 0.5 * Math.log(1 + uncertain / variance[t]);
    const gain = uncertain / total;
    filtered.push(filtered[i - 1] + gain * innovation);
    spread.push((1 - gain) * uncertain);
  }
  const count = seen.length - 1;
  const worth = count + VARIANCE_COUNT;
  const logLikelihood = -0.5 * (worth * Math.log((squares + VARIANCE_COUNT) / worth) + logs);
  return { step, filtered, spread, cost: paid, logLikelihood };
}

/** A phase less whole turns, nearest to the one before: phases go on from symbol to symbol. */
export const unwrapped = (phase: number, before: number): number =>
  phase - 2 * Math.PI * Math.round((phase - before) / (2 * Math.PI));
