import { type ComplexArray, complexFrom, createComplex } from '../core/complex.js';
import type { Rng } from '../core/rng.js';
import type { TapModel } from './config.js';
import { readTapFile } from './tap-file.js';
import { createTapMotion, movesByItself } from './tap-motion.js';
import { tapStatistics } from './tap-statistics.js';

/** Block fading: one independent set of taps a realisation. */
export interface TapSource {
  readonly numTaps: number;
  /** The taps of realisation `realisation` (0, 1, …), a fresh [numTaps] array; the same index gives the same taps. */
  draw(realisation: number): ComplexArray;
}

/**
 * Taps for block fading: h_l ~ CN(0, p_l), independent over l and realisations, Σ p_l = 1.
 * TDL-D and TDL-E add to tap 0 a line of sight of constant amplitude and uniform random phase (Rician). `identity` is
 * always [1]; `file` plays row (realisation mod numRealisations); `drive-by` and `csi` give the taps at the first sample of frame
 * `realisation`. Draws depend on the index alone, not on their order.
 *
 * @throws ConfigError for settings out of range, FormatError for a bad tap file.
 */
export function createTapSource(model: TapModel, rng: Rng): TapSource {
  if (model.kind === 'identity') return { numTaps: 1, draw: () => complexFrom([1], [0]) };
  if (model.kind === 'file') return replay(model.path, model.normalize ?? true);

  if (movesByItself(model)) {
    const motion = createTapMotion(model, { dopplerHz: 0, sampleRateHz: 1e6 }, rng);
    return { numTaps: motion.numTaps, draw: (realisation) => motion.frame(realisation, 1).tapsAt(0) };
  }
  const { diffuse, lineOfSight } = tapStatistics(model);
  const numTaps = diffuse.length;
  return {
    numTaps,
    draw(realisation) {
      const stream = rng.split(realisation);
      const taps = createComplex(numTaps);
      for (let l = 0; l < numTaps; l++) {
        if (diffuse[l] === 0) continue;
        const sigma = Math.sqrt(diffuse[l] / 2);
        taps.re[l] = sigma * stream.gaussian();
        taps.im[l] = sigma * stream.gaussian();
      }
      if (lineOfSight > 0) {
        const phase = 2 * Math.PI * stream.uniform();
        taps.re[0] += Math.sqrt(lineOfSight) * Math.cos(phase);
        taps.im[0] += Math.sqrt(lineOfSight) * Math.sin(phase);
      }
      return taps;
    },
  };
}

function replay(path: string, normalize: boolean): TapSource {
  const { taps, numTaps, numRealisations } = readTapFile(path, normalize);
  return {
    numTaps,
    draw(realisation) {
      const start = 2 * numTaps * (realisation % numRealisations);
      const out = createComplex(numTaps);
      for (let l = 0; l < numTaps; l++) {
        out.re[l] = taps[start + 2 * l];
        out.im[l] = taps[start + 2 * l + 1];
      }
      return out;
    },
  };
}
