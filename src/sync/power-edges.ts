import { type ComplexArray, createComplex } from '../core/complex.js';
import { colourOf } from './cp-window.js';

/** Both mean powers are over so many standard deviations apart; white noise does not do that in 10⁸ samples. */
const LEAST_DEVIATIONS = 6.5;
/** Positions between those that are looked at first; an edge shows at them with 0.6 of its strength at least. */
const STRIDE = 4;
/** 1.48 times the median of |x| is the standard deviation of a normal x. */
const MEDIAN_TO_DEVIATION = 1.48;

/**
 * Where the power of a signal changes at once: bursts, and stations that follow one another, begin and end there.
 *
 * At each position the mean powers of the L samples before and behind, a and b, are compared for each L of `lengths`:
 * |ln(a/b)| / (6.5·σ_L), where σ_L is √(2C/L) for a signal of colour C (see `colourOf`), or what the block's own neighbouring
 * stretches show where that is more. The largest of each run above 1 is an edge, unless a shorter L has one within L samples.
 *
 * @param lengths ascending
 * @param x samples, of which those 3·max L before `from` and behind `to` must be there
 * @returns positions in [from, to), ascending: the first sample behind each edge
 */
export function powerEdges(x: ComplexArray, from: number, to: number, lengths: readonly number[]): number[] {
  const longest = Math.max(...lengths);
  const first = from - 3 * longest;
  const count = to - from + 6 * longest;
  const block = withoutMean(x, first, count);
  const sums = new Float64Array(count + 1);
  const { re, im } = block;
  let sum = 0;
  for (let i = 0; i < count; i++) {
    sum += re[i] * re[i] + im[i] * im[i];
    sums[i + 1] = sum;
  }
  if (!(sum > 0)) return [];
  const floor = (1e-6 * sum) / count;
  const logRatio = (i: number, length: number): number =>
    Math.log((sums[i] - sums[i - length] + length * floor) / (sums[i + length] - sums[i] + length * floor));
  const spreads = lengths.map((length) => {
    const ratios = new Float64Array(Math.floor(count / length) - 1);
    for (let k = 0; k < ratios.length; k++) ratios[k] = Math.abs(logRatio((k + 1) * length, length));
    return MEDIAN_TO_DEVIATION * ratios.sort()[ratios.length >> 1];
  });
  /** ln(a/b) where |ln(a/b)| exceeds ln `factor`, else 0: the logarithm is taken only where it counts. */
  const strengthAt = (i: number, length: number, factor: number): number => {
    const before = sums[i] - sums[i - length] + length * floor;
    const behind = sums[i + length] - sums[i] + length * floor;
    return before < factor * behind && behind < factor * before ? 0 : Math.log(before / behind);
  };
  const edgesFor = (length: number, threshold: number): number[] => {
    const [coarse, fine] = [Math.exp(0.6 * threshold), Math.exp(threshold)];
    const edges: number[] = [];
    let [best, at] = [0, -1];
    const end = (): void => {
      if (best !== 0) edges.push(at);
      best = 0;
    };
    // Every fourth position, and its neighbours where there may be an edge.
    let [near, nearer] = [false, false];
    for (let i = length; i + STRIDE < count - length; i += STRIDE) {
      near = nearer;
      nearer = strengthAt(i + STRIDE, length, coarse) !== 0;
      if (!near && !nearer && best === 0) continue;
      for (let j = i; j < i + STRIDE; j++) {
        const strength = strengthAt(j, length, fine);
        if (best !== 0 && (strength === 0 || strength > 0 !== best > 0)) end();
        if (Math.abs(strength) > Math.abs(best)) [best, at] = [strength, j];
      }
    }
    end();
    return edges;
  };
  const edgesOf = (colour: number): number[] => {
    const edges: number[] = [];
    lengths.forEach((length, l) => {
      const threshold = LEAST_DEVIATIONS * Math.max(Math.sqrt((2 * colour) / length), spreads[l]);
      // A short pause is seen by short stretches only; longer ones see its surroundings.
      const own = edgesFor(length, threshold).filter((at) => edges.every((other) => Math.abs(at - other) >= length));
      edges.push(...own);
    });
    return edges
      .map((at) => first + at)
      .filter((at) => at >= from && at < to)
      .sort((a, b) => a - b);
  };
  const edges = edgesOf(1);
  // Colour costs a pass over twenty lags: only where there is something to doubt.
  return edges.length === 0 ? edges : edgesOf(colourOf(block, 0, count, longest));
}

function withoutMean({ re, im }: ComplexArray, first: number, count: number): ComplexArray {
  const out = createComplex(count);
  let meanRe = 0;
  let meanIm = 0;
  for (let i = first; i < first + count; i++) {
    meanRe += re[i];
    meanIm += im[i];
  }
  meanRe /= count;
  meanIm /= count;
  for (let i = 0; i < count; i++) {
    out.re[i] = re[first + i] - meanRe;
    out.im[i] = im[first + i] - meanIm;
  }
  return out;
}
