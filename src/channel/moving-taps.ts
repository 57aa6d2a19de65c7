import { type ComplexArray, createComplex } from '../core/complex.js';
import { createHistory, type History } from './history.js';
import { sameLength, type StreamBlock } from './stream-block.js';

/** Taps as a function of time: what fading, a passing vehicle and measured channels have in common. */
export interface TapTrajectory {
  readonly numTaps: number;
  /** Taps that are not zero at all times, ascending. */
  readonly active: Int32Array;
  /** Samples between which straight lines are exact enough. */
  readonly updateInterval: number;
  /** h[l] at sample `sampleIndex` since the start, into `re` and `im`, [numTaps] each. */
  evaluate(sampleIndex: number, re: Float64Array, im: Float64Array): void;
}

export interface MovingTaps extends StreamBlock {
  readonly numTaps: number;
  /** The exact taps h[l] at sample `sampleIndex` since the start (not the straight-line approximation), [numTaps]. */
  tapsAt(sampleIndex: number): ComplexArray;
  clone(): MovingTaps;
}

/** Taps are computed so often in the shortest period of their motion: straight lines err by (2π/128)²/8 = −70 dB at most. */
export const UPDATES_PER_PERIOD = 128;
export const LONGEST_INTERVAL = 256;

/** Samples between updates for taps that turn by at most `cyclesPerSample`. */
export function updateIntervalFor(cyclesPerSample: number): number {
  const longest = cyclesPerSample === 0 ? LONGEST_INTERVAL : 1 / (cyclesPerSample * UPDATES_PER_PERIOD);
  return Math.max(1, Math.min(LONGEST_INTERVAL, Math.floor(longest)));
}

/** The trajectory as a stream block: y[n] = Σ_l h_l[n]·x[n−l]. */
export function createMovingTaps(trajectory: TapTrajectory): MovingTaps {
  return movingFrom(trajectory, createHistory(trajectory.numTaps), 0);
}

function movingFrom(trajectory: TapTrajectory, history: History, startIndex: number): MovingTaps {
  const { numTaps, updateInterval, active } = trajectory;
  const from = { re: new Float64Array(numTaps), im: new Float64Array(numTaps) };
  const to = { re: new Float64Array(numTaps), im: new Float64Array(numTaps) };
  let sampleIndex = startIndex;
  let segment = -1;

  const loadSegment = (wanted: number): void => {
    if (segment !== -1 && wanted === segment + 1) {
      from.re.set(to.re);
      from.im.set(to.im);
    } else {
      trajectory.evaluate(wanted * updateInterval, from.re, from.im);
    }
    trajectory.evaluate((wanted + 1) * updateInterval, to.re, to.im);
    segment = wanted;
  };

  return {
    numTaps,
    latencySamples: 0,
    maxOutputLength: sameLength,
    tapsAt(index) {
      const re = new Float64Array(numTaps);
      const im = new Float64Array(numTaps);
      trajectory.evaluate(index, re, im);
      const taps = createComplex(numTaps);
      taps.re.set(re);
      taps.im.set(im);
      return taps;
    },
    execute(input, output) {
      const length = input.re.length;
      for (let n = 0; n < length; n++, sampleIndex++) {
        const wanted = Math.floor(sampleIndex / updateInterval);
        if (wanted !== segment) loadSegment(wanted);
        const t = (sampleIndex - wanted * updateInterval) / updateInterval;
        const { re, im, newest } = history.push(input.re[n], input.im[n]);
        let yRe = 0;
        let yIm = 0;
        for (let i = 0; i < active.length; i++) {
          const l = active[i];
          const hRe = from.re[l] + t * (to.re[l] - from.re[l]);
          const hIm = from.im[l] + t * (to.im[l] - from.im[l]);
          const xRe = re[newest - l];
          const xIm = im[newest - l];
          yRe += hRe * xRe - hIm * xIm;
          yIm += hRe * xIm + hIm * xRe;
        }
        output.re[n] = yRe;
        output.im[n] = yIm;
      }
      return length;
    },
    reset() {
      history.reset();
      sampleIndex = 0;
    },
    clone: () => movingFrom(trajectory, history.clone(), sampleIndex),
  };
}
