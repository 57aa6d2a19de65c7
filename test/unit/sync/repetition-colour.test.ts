import { expect, it } from 'vitest';
import { createComplex } from '../../../src/core/complex.js';
import { createRng } from '../../../src/core/rng.js';
import { createRepetitionDetector } from '../../../src/sync/repetition-detector.js';

it('a narrow band signal, whose neighbouring samples are alike, is no preamble', () => {
  const samples = createComplex(200_000);
  createRng('narrow').fillComplexGaussian(samples, 1);
  // Two poles at 0.9: independent only some twenty samples apart.
  for (let pass = 0; pass < 2; pass++) {
    for (const part of [samples.re, samples.im]) for (let i = 1; i < part.length; i++) part[i] += 0.9 * part[i - 1];
  }
  const detector = createRepetitionDetector(64, 16);
  const found = [...detector.execute(samples), ...detector.execute(createComplex(detector.latencySamples))];
  expect(detector.best().metric).toBeGreaterThan(0.6);
  expect(found).toEqual([]);
});
