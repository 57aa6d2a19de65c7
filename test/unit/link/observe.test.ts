import { describe, expect, it } from 'vitest';
import { resolveConfig } from '../../../src/config/load.js';
import { createComplex } from '../../../src/core/complex.js';
import { observe, receiveBest, receiveFrame, type SeenFrame } from '../../../src/link/observe.js';
import type { Observations, Receiver, ReceiverResult } from '../../../src/receiver/receiver.js';

const seen = (index: number): SeenFrame => ({
  index,
  elements: { data: createComplex(4), blockPilots: createComplex(2), combPilots: createComplex(1) },
  noiseVariance: 0.1,
  response: createComplex(4),
});

const result = (verdict: ReceiverResult['verdict'], confidence: number | null): ReceiverResult => ({
  picture: new Float32Array(3),
  channel: [],
  equalised: createComplex(4),
  noiseVariance: 0.1,
  residual: null,
  verdict,
  confidence,
  signLogOdds: null,
  evaluations: 0,
  starts: 1,
  agreeing: 1,
  milliseconds: 0,
});

/** Answers frame i with the i-th result, and keeps what it was shown. */
function answering(results: readonly ReceiverResult[], needs: Receiver['needs']): Receiver & { shown: Observations[] } {
  const shown: Observations[] = [];
  return {
    name: 'spy',
    needs,
    shown,
    async *receive(observations) {
      shown.push(observations);
      yield { kind: 'progress', done: 1, of: 1, picture: new Float32Array(3) };
      yield { kind: 'final', result: results[observations.frame.index] };
    },
  };
}

const config = resolveConfig({});
const itself = (frame: SeenFrame): SeenFrame => frame;

it('a picture that holds no numbers is grey and failed', async () => {
  const broken = { ...result('decoded', 0.99), picture: Float32Array.of(0.2, Number.NaN, 0.3) };
  const spy = answering([broken], { pilots: false, truth: false });
  const { result: got } = await receiveFrame(spy, [seen(0)], itself, config);
  expect(got).toMatchObject({ verdict: 'failed', confidence: 0 });
  expect([...got.picture]).toEqual([0.5, 0.5, 0.5]);
});

describe('what a receiver may see', () => {
  it.each([
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ])('is pilots only if it needs them (%s) and the truth only if it needs that (%s)', (pilots, truth) => {
    const frame = seen(3);
    const given = observe({ needs: { pilots, truth } }, frame, config);
    expect(given.frame).toEqual({ index: 3, elements: frame.elements.data, noiseVariance: 0.1 });
    expect(given.pilots).toEqual(
      pilots ? { block: frame.elements.blockPilots, comb: frame.elements.combPilots } : null,
    );
    expect(given.truth).toEqual(truth ? { response: frame.response } : null);
  });

  it('is no noise variance where it is to estimate it, and no truth where there is none', () => {
    const estimating = resolveConfig({ receiver: { noiseVariance: 'estimated' } });
    const given = observe({ needs: { pilots: false, truth: true } }, { ...seen(0), response: null }, estimating);
    expect(given.frame.noiseVariance).toBeNull();
    expect(given.truth).toBeNull();
  });
});

describe('the best of several places', () => {
  const needs = { pilots: false, truth: false };

  it('is the first that is called decoded, and no further one is tried', async () => {
    const spy = answering([result('failed', 0.1), result('decoded', 0.95), result('decoded', 0.99)], needs);
    const best = await receiveFrame(spy, [seen(0), seen(1), seen(2)], itself, config);
    expect(best.candidate.index).toBe(1);
    expect(spy.shown).toHaveLength(2);
  });

  it('is else the one with most confidence; without any, by verdict', async () => {
    const sure = answering([result('failed', 0.1), result('doubtful', 0.6), result('doubtful', 0.4)], needs);
    expect((await receiveFrame(sure, [seen(0), seen(1), seen(2)], itself, config)).candidate.index).toBe(1);
    const plain = answering([result('failed', null), result('doubtful', null)], needs);
    expect((await receiveFrame(plain, [seen(0), seen(1)], itself, config)).candidate.index).toBe(1);
  });

  it('passes progress on, then ends', async () => {
    const spy = answering([result('failed', 0.1), result('failed', 0)], needs);
    const kinds: string[] = [];
    for await (const step of receiveBest(spy, [seen(0), seen(1)], itself, config)) kinds.push(step.kind);
    expect(kinds).toEqual(['progress', 'progress', 'final']);
  });

  it('is an error from a receiver that never finishes', async () => {
    const silent: Receiver = { name: 'mute', needs, async *receive() {} };
    await expect(receiveFrame(silent, [seen(0)], itself, config)).rejects.toThrow(/^receiver mute: ended without/);
  });
});
