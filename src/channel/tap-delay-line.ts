import { type ComplexArray, copyComplex } from '../core/complex.js';
import { ConfigError } from '../core/errors.js';
import { createHistory, type History } from './history.js';
import { type StreamBlock, sameLength } from './stream-block.js';

export interface TapDelayLine extends StreamBlock {
  readonly numTaps: number;
  /**
   * Changes the taps from the next sample on; the samples in the delay line stay, as they do in the air. Throws
   * ConfigError unless there are `numTaps` of them.
   */
  setTaps(taps: ComplexArray): void;
  clone(): TapDelayLine;
}

/**
 * Static multipath: y[n] = Σ_l h_l·x[n−l], with x = 0 before the start. As many samples out as in, `latencySamples` 0:
 * the tail of L−1 samples comes out when zeros are fed. Sums in float64; nothing is allocated per call.
 *
 * @param taps [numTaps], at least one; copied
 * @throws ConfigError for no taps
 */
export function createTapDelayLine(taps: ComplexArray): TapDelayLine {
  if (taps.re.length === 0) throw new ConfigError('config.channel', 'a tap delay line needs at least one tap');
  const history = createHistory(taps.re.length);
  return lineFrom(copyComplex(taps), history);
}

function lineFrom(h: ComplexArray, history: History): TapDelayLine {
  const numTaps = h.re.length;
  // Standard profiles at high rates are a few paths among hundreds of zeros: only the paths are worth a multiplication.
  const active = new Int32Array(numTaps);
  let numActive = 0;
  const findActive = (): void => {
    numActive = 0;
    for (let l = 0; l < numTaps; l++) {
      if (h.re[l] !== 0 || h.im[l] !== 0) active[numActive++] = l;
    }
  };
  findActive();
  return {
    numTaps,
    latencySamples: 0,
    maxOutputLength: sameLength,
    setTaps(taps) {
      if (taps.re.length !== numTaps) {
        throw new ConfigError('config.channel', `setTaps: this delay line has ${numTaps} taps, got ${taps.re.length}`);
      }
      h.re.set(taps.re);
      h.im.set(taps.im);
      findActive();
    },
    execute(input, output) {
      const length = input.re.length;
      const { re: hRe, im: hIm } = h;
      for (let n = 0; n < length; n++) {
        const { re, im, newest } = history.push(input.re[n], input.im[n]);
        let yRe = 0;
        let yIm = 0;
        for (let i = 0; i < numActive; i++) {
          const l = active[i];
          const xRe = re[newest - l];
          const xIm = im[newest - l];
          yRe += hRe[l] * xRe - hIm[l] * xIm;
          yIm += hRe[l] * xIm + hIm[l] * xRe;
        }
        output.re[n] = yRe;
        output.im[n] = yIm;
      }
      return length;
    },
    reset: () => history.reset(),
    clone: () => lineFrom(copyComplex(h), history.clone()),
  };
}
