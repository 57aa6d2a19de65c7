import { describe, expect, it } from 'vitest';
import { createRappAmplifier } from '../../../src/channel/amplifier.js';
import { createCfo } from '../../../src/channel/cfo.js';
import type { ImpairmentConfig } from '../../../src/channel/impairments.js';
import { createDcOffset } from '../../../src/channel/dc-offset.js';
import { createImpairmentChain } from '../../../src/channel/impairment-chain.js';
import { createIqImbalance } from '../../../src/channel/iq-imbalance.js';
import { createQuantizer } from '../../../src/channel/quantizer.js';
import { createSfo } from '../../../src/channel/sfo.js';
import { runBlock } from '../../../src/channel/stream-block.js';
import { ConfigError } from '../../../src/core/errors.js';
import { createRng } from '../../../src/core/rng.js';
import { noiseSignal } from './helpers.js';

const fs = 1e6;
const x = noiseSignal(3000);

describe('impairment chain', () => {
  it.each<[string, ImpairmentConfig]>([
    ['nothing set', { sampleRateHz: fs }],
    ['everything zero', { sampleRateHz: fs, delaySamples: 0, cfoHz: 0, phaseNoiseLinewidthHz: 0, sfoPpm: 0 }],
  ])('%s: both chains pass the signal unchanged', (_, config) => {
    const { txChain, rxChain } = createImpairmentChain(config, createRng(1));
    expect([txChain.numBlocks, rxChain.numBlocks, rxChain.clippedSamples]).toEqual([0, 0, 0]);
    expect(runBlock(txChain, x)).toEqual(x);
    expect(runBlock(rxChain, x)).toEqual(x);
  });

  it('the order is CFO → SFO → IQ → DC → quantiser', () => {
    const iqImbalance = { gainDb: 2, phaseDeg: 8 };
    const dcOffset = { re: 0.3, im: -0.1 };
    const quantizer = { bits: 4, fullScale: 1 };
    const { rxChain } = createImpairmentChain(
      { sampleRateHz: fs, cfoHz: 3e4, sfoPpm: -5000, iqImbalance, dcOffset, quantizer },
      createRng(1),
    );
    const stages = [
      createCfo(3e4, fs),
      createSfo(-5000),
      createIqImbalance(iqImbalance),
      createDcOffset(dcOffset),
      createQuantizer(quantizer),
    ];
    expect(runBlock(rxChain, x)).toEqual(stages.reduce((signal, stage) => runBlock(stage, signal), x));
    expect(rxChain.latencySamples).toBe(32);
    expect(rxChain.numBlocks).toBe(5);
  });

  it('the transmit side is amplifier → delay', () => {
    const amplifier = { smoothness: 2, inputBackoffDb: 3 };
    const { txChain, rxChain } = createImpairmentChain({ sampleRateHz: fs, amplifier, delaySamples: 4 }, createRng(1));
    const y = runBlock(txChain, x);
    const amplified = runBlock(createRappAmplifier(amplifier), x);
    expect([...y.re.subarray(0, 4)]).toEqual([0, 0, 0, 0]);
    expect(y.re.subarray(4)).toEqual(amplified.re.subarray(0, 2996));
    expect([txChain.latencySamples, rxChain.numBlocks]).toEqual([4, 0]);
  });

  it('counts clipping, in clones apart', () => {
    const { rxChain } = createImpairmentChain(
      { sampleRateHz: fs, quantizer: { bits: 8, fullScale: 0.5 } },
      createRng(1),
    );
    runBlock(rxChain, x);
    const counted = x.re.reduce(
      (n, re, i) => n + (re < -0.5 || re >= 0.5 || x.im[i] < -0.5 || x.im[i] >= 0.5 ? 1 : 0),
      0,
    );
    expect(counted).toBeGreaterThan(100);
    expect(rxChain.clippedSamples).toBe(counted);
    const copy = rxChain.clone();
    runBlock(copy, x);
    expect([rxChain.clippedSamples, copy.clippedSamples]).toEqual([counted, 2 * counted]);
    rxChain.reset();
    expect(rxChain.clippedSamples).toBe(0);
  });

  it('switching one random impairment on leaves the others their streams', () => {
    const impulses = { probability: 0.5, sirDb: 0 };
    const alone = createImpairmentChain({ sampleRateHz: fs, impulses }, createRng(9)).rxChain;
    const both = createImpairmentChain(
      { sampleRateHz: fs, impulses, tone: { frequencyHz: 0, sirDb: 200 } },
      createRng(9),
    ).rxChain;
    const [a, b] = [runBlock(alone, x), runBlock(both, x)];
    for (let n = 0; n < 100; n++) expect(b.re[n]).toBeCloseTo(a.re[n], 5);
  });

  it.each<[Partial<ImpairmentConfig>, RegExp]>([
    [{ sampleRateHz: 0 }, /impairments\.sampleRateHz/],
    [{ signalPower: -1 }, /impairments\.signalPower/],
    [{ cfoHz: Number.NaN }, /cfoHz must be a finite number, got NaN/],
    [{ sfoPpm: Number.NaN }, /sfoPpm/],
    [{ phaseNoiseLinewidthHz: -1 }, /phaseNoiseLinewidthHz/],
    [{ delaySamples: 1.5 }, /delaySamples must be a whole number/],
    [{ delaySamples: -1 }, /delaySamples/],
    [{ amplifier: { smoothness: 0, inputBackoffDb: 3 } }, /amplifier\.smoothness/],
    [{ amplifier: { smoothness: 2, inputBackoffDb: Number.NaN } }, /amplifier\.inputBackoffDb/],
    [{ tone: { frequencyHz: 6e5, sirDb: 3 } }, /tone\.frequencyHz must be between/],
    [{ tone: { frequencyHz: 0, sirDb: Number.NaN } }, /tone\.sirDb/],
    [{ impulses: { probability: 0, sirDb: 3 } }, /impulses\.probability/],
    [{ impulses: { probability: 1.1, sirDb: 3 } }, /impulses\.probability/],
    [{ impulses: { probability: 0.5, sirDb: Number.POSITIVE_INFINITY } }, /impulses\.sirDb/],
    [{ iqImbalance: { gainDb: 41, phaseDeg: 0 } }, /iqImbalance\.gainDb/],
    [{ iqImbalance: { gainDb: 0, phaseDeg: 91 } }, /iqImbalance\.phaseDeg/],
    [{ dcOffset: { re: 0, im: Number.NaN } }, /dcOffset\.im/],
    [{ quantizer: { bits: 0, fullScale: 1 } }, /quantizer\.bits/],
    [{ quantizer: { bits: 8.5, fullScale: 1 } }, /quantizer\.bits/],
    [{ quantizer: { bits: 8, fullScale: 0 } }, /quantizer\.fullScale/],
  ])('refuses %o', (change, message) => {
    const create = (): unknown => createImpairmentChain({ sampleRateHz: fs, ...change }, createRng(1));
    expect(create).toThrow(ConfigError);
    expect(create).toThrow(message);
  });
});
