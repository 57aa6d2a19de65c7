import { expect, it } from 'vitest';
import { signedRate } from '../../../src/cli/input-file.js';

it.each([
  ['20M', 20e6],
  ['20m', 20e6],
  ['640k', 640e3],
  ['640K', 640e3],
  ['2.437G', 2.437e9],
  ['2.437g', 2.437e9],
  ['1e6', 1e6],
  ['-5kHz', -5e3],
  ['20MS/s', 20e6],
])('%s is %d', (text, value) => {
  expect(signedRate(text)).toBeCloseTo(value, 3);
});

it.each(['', 'fast', '20T', '20MM', '1e'])('%j is no rate', (text) => {
  expect(() => signedRate(text)).toThrow(/not a rate or frequency/);
});
