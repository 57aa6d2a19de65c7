import { type ComplexArray, createComplex } from '../../core/complex.js';
import { ConfigError } from '../../core/errors.js';
import type { Rng } from '../../core/rng.js';
import type { Grid } from '../../ofdm/grid.js';
import type { Runtime } from '../../runtime/onnx-runtime.js';
import { blindResult } from '../blind/blind-em.js';
import type { BlindEmConfig, Counter } from '../blind/iterations.js';
import { createBlindSolver } from '../blind/solver.js';
import { channelUnder } from '../blind/candidate.js';
import { type ChannelEstimator, createChannelEstimator, createRow } from '../channel-posterior.js';
import type { KnownChannel } from '../informed.js';
import { createPilotEstimate, type PilotEstimator } from '../pilot.js';
import type { LinkSetting, Observations, Receiver, ReceiverName } from '../receiver.js';

/** Where a receiver that takes its channel as known has it from. */
export type KnowledgeKind = 'perfect' | 'pilot' | 'blind-em';

export interface ChannelKnowledge {
  readonly needs: Receiver['needs'];
  /** @throws ConfigError where what it needs was not given */
  learn(observations: Observations, counter: Counter, signal?: AbortSignal): Promise<KnownChannel>;
}

export interface KnowledgeOptions {
  readonly receiver: ReceiverName;
  readonly kind: KnowledgeKind;
  readonly estimator: PilotEstimator;
  readonly blindEm: BlindEmConfig;
}

export function createChannelKnowledge(
  setting: LinkSetting,
  { receiver, kind, estimator, blindEm }: KnowledgeOptions,
  runtime: Runtime,
  rng: Rng,
): ChannelKnowledge {
  switch (kind) {
    case 'perfect':
      return {
        needs: { pilots: false, truth: true },
        learn({ frame, truth }) {
          if (truth === null) {
            throw new ConfigError(
              'receiver.truth',
              `receiver ${receiver}: only a simulated radio knows the channel; choose knowledge pilot or blind-em`,
            );
          }
          const noiseVariance = frame.noiseVariance ?? 10 ** (-setting.snrDb / 10);
          const estimates = fitTaps(setting.grid, truth.response, setting.tapPrior.length).map((taps) => ({
            taps,
            variance: new Float32Array(taps.re.length),
          }));
          return Promise.resolve({ response: truth.response, variance: null, estimates, noiseVariance });
        },
      };
    case 'pilot': {
      const estimate = createPilotEstimate(setting, estimator, receiver);
      return {
        needs: { pilots: true, truth: false },
        learn: ({ frame, pilots }) => Promise.resolve(estimate(pilots, frame.noiseVariance)),
      };
    }
    case 'blind-em': {
      const solver = createBlindSolver(receiver, setting, blindEm, runtime, rng);
      return {
        needs: { pilots: false, truth: false },
        async learn({ frame }, counter, signal) {
          const solution = await solver.solve(frame, counter, signal);
          const { response, variance } = channelUnder(solution.best, frame.cells.re.length);
          const { channel: estimates, noiseVariance } = blindResult(setting, solution, 0, 0);
          return { response, variance, estimates, noiseVariance };
        },
      };
    }
  }
}

/** Least-squares taps of each packet's mean response at its data cells, in a window of `numTaps`. */
export function fitTaps(grid: Grid, response: ComplexArray, numTaps: number): ComplexArray[] {
  const estimator = createChannelEstimator(grid.dataBins, grid.fftSize, new Float64Array(numTaps).fill(1));
  return Array.from({ length: response.re.length / grid.cellsPerPacket }, (_, p) => {
    const energy = new Float64Array(grid.numDataSubcarriers).fill(grid.symbolsPerPacket);
    const cross = createRow(grid.numDataSubcarriers);
    for (let i = 0; i < grid.cellsPerPacket; i++) {
      const m = i % grid.numDataSubcarriers;
      cross.re[m] += response.re[p * grid.cellsPerPacket + i];
      cross.im[m] += response.im[p * grid.cellsPerPacket + i];
    }
    const { taps } = estimator.posterior(energy, cross, 1e-5);
    return { re: Float32Array.from(taps.re), im: Float32Array.from(taps.im) };
  });
}

/** F_L·h of each packet at every data cell, [P·S·M]. */
export function cellsOfTaps(
  { grid, interleaver }: LinkSetting,
  estimator: ChannelEstimator,
  taps: readonly { readonly re: ArrayLike<number>; readonly im: ArrayLike<number> }[],
): ComplexArray {
  const response = createComplex(interleaver.numPackets * grid.cellsPerPacket);
  for (let p = 0; p < interleaver.numPackets; p++) {
    const { re, im } = taps[Math.min(p, taps.length - 1)];
    const row = estimator.certain({ re: Float64Array.from(re), im: Float64Array.from(im) }).response;
    for (let i = 0; i < grid.cellsPerPacket; i++) {
      response.re[p * grid.cellsPerPacket + i] = row.re[i % grid.numDataSubcarriers];
      response.im[p * grid.cellsPerPacket + i] = row.im[i % grid.numDataSubcarriers];
    }
  }
  return response;
}
