import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { copyComplex, createComplex, subarray } from '../../../src/core/complex.js';
import { createRng } from '../../../src/core/rng.js';
import { createRappAmplifier } from '../../../src/channel/amplifier.js';
import { createCfo } from '../../../src/channel/cfo.js';
import { createDcOffset } from '../../../src/channel/dc-offset.js';
import { createDelay } from '../../../src/channel/delay.js';
import { createFadingTaps } from '../../../src/channel/fading-taps.js';
import { createImpairmentChain } from '../../../src/channel/impairment-chain.js';
import { createImpulseInterferer, createToneInterferer } from '../../../src/channel/interference.js';
import { createIqImbalance } from '../../../src/channel/iq-imbalance.js';
import { createPhaseNoise } from '../../../src/channel/phase-noise.js';
import { createQuantizer } from '../../../src/channel/quantizer.js';
import { createSfo } from '../../../src/channel/sfo.js';
import { runBlock, type StreamBlock } from '../../../src/channel/stream-block.js';
import { createTapDelayLine } from '../../../src/channel/tap-delay-line.js';
import { identical, inChunks, noiseSignal } from './helpers.js';

const fs = 1e6;
const everything = {
  sampleRateHz: fs,
  amplifier: { smoothness: 2, inputBackoffDb: 6 },
  delaySamples: 5,
  tone: { frequencyHz: 1e5, sirDb: 20 },
  impulses: { probability: 0.02, sirDb: 10 },
  cfoHz: 1234,
  phaseNoiseLinewidthHz: 100,
  sfoPpm: -9000,
  iqImbalance: { gainDb: 1, phaseDeg: 3 },
  dcOffset: { re: 0.01, im: -0.02 },
  quantizer: { bits: 8, fullScale: 4 },
};
const fading = {
  taps: { kind: 'profile', name: 'TDL-D', sampleRateHz: 10e6, delaySpreadS: 100e-9 },
  dopplerHz: 400,
  sampleRateHz: 10e6,
} as const;

const blocks: Record<string, () => StreamBlock> = {
  'tap delay line, 8 taps': () => createTapDelayLine(noiseSignal(8, 'taps')),
  'tap delay line, 1500 taps': () => createTapDelayLine(noiseSignal(1500, 'taps')),
  'fading taps': () => createFadingTaps(fading, createRng(3)),
  CFO: () => createCfo(-4321, fs),
  'SFO, slow clock': () => createSfo(9000),
  'SFO, fast clock': () => createSfo(-9000),
  'phase noise': () => createPhaseNoise(500, fs, createRng(4)),
  'IQ imbalance': () => createIqImbalance({ gainDb: 1, phaseDeg: 5 }),
  'DC offset': () => createDcOffset({ re: 0.1, im: 0.2 }),
  quantiser: () => createQuantizer({ bits: 5, fullScale: 2 }),
  'Rapp amplifier': () => createRappAmplifier({ smoothness: 3, inputBackoffDb: 3 }),
  'tone interferer': () => createToneInterferer({ frequencyHz: 12345, sirDb: 3 }, fs, 1, createRng(5)),
  'impulse interferer': () => createImpulseInterferer({ probability: 0.1, sirDb: 3 }, 1, createRng(6)),
  delay: () => createDelay(37),
  'transmit chain': () => createImpairmentChain(everything, createRng(7)).txChain,
  'receive chain': () => createImpairmentChain(everything, createRng(7)).rxChain,
};
const x = noiseSignal(3001);

describe.each(Object.entries(blocks))('%s keeps the stream contract', (name, create) => {
  const whole = runBlock(create(), x);

  it('changes the signal', () => {
    expect(identical(whole, x)).toBe(false);
    expect(whole.re.every(Number.isFinite) && whole.im.every(Number.isFinite)).toBe(true);
  });

  it('gives the same output for any split, empty chunks included', () => {
    const sizes = fc
      .array(fc.integer({ min: 0, max: 1200 }), { minLength: 1, maxLength: 6 })
      .filter((s) => s.some(Boolean));
    fc.assert(
      fc.property(sizes, (split) => {
        expect(identical(inChunks(create(), x, split), whole)).toBe(true);
      }),
      { numRuns: 8, seed: 1 },
    );
    expect(identical(inChunks(create(), x, [1]), whole)).toBe(true);
  });

  it('a clone made in mid-stream continues like the original and apart from it', () => {
    const original = create();
    runBlock(original, subarray(x, 0, 1400));
    const copy = original.clone();
    const expected = runBlock(original, subarray(x, 1400));
    runBlock(original, x);
    expect(identical(runBlock(copy, subarray(x, 1400)), expected)).toBe(true);
  });

  it('reset returns to the beginning', () => {
    const block = create();
    runBlock(block, subarray(x, 0, 1777));
    block.reset();
    expect(identical(runBlock(block, x), whole)).toBe(true);
  });

  it('never writes past maxOutputLength', () => {
    const block = create();
    for (const length of [0, 1, 2, 200, 1, 999]) {
      const limit = block.maxOutputLength(length);
      expect(block.execute(subarray(x, 0, length), createComplex(limit))).toBeLessThanOrEqual(limit);
    }
  });

  if (!name.startsWith('SFO') && name !== 'receive chain') {
    it('works in place', () => {
      const y = copyComplex(x);
      create().execute(y, y);
      expect(identical(y, whole)).toBe(true);
    });
  }
});
