import { throwIfAborted } from '../../core/errors.js';
import type { Graph, Runtime } from '../../runtime/onnx-runtime.js';
import { tensor } from '../../runtime/tensor.js';
import type { Tracking } from './drift.js';
import type { BlindChain } from './em-state.js';
import type { ChannelEstimator } from '../channel-posterior.js';
import type { LinkSetting } from '../receiver.js';
import { packTiles, tileBatches, unpackTiles } from '../tile-batches.js';

export interface BlindEmConfig {
  /** r, directions of the codeword's covariance that are used; at most what the statistics file holds. */
  readonly rank: number;
  /** I, EM passes at most. */
  readonly passes: number;
  /** Factor on the noise variance in the first pass; it falls linearly to 1 after 60 % of the passes. */
  readonly annealing: number;
  /** Conjugate-gradient steps in each E-step. */
  readonly solverSteps: number;
  /** Passes with the codec's refiner as E-step at most, once the sign is known. */
  readonly refinements: number;
  /** Starts of every part of a frame: the first from the mean codeword, the others from the tap prior. */
  readonly initialStarts: number;
  /** Starts in all, for parts that the initial ones leave in doubt. */
  readonly starts: number;
  /** A part that is called decoded with at least this chance needs no further starts. */
  readonly sureAbove: number;
  readonly tracking: Tracking;
  /**
   * Doppler spreads that a moving channel may have, ν = f_D·T in cycles per OFDM symbol; which one, if any, the received
   * signal's evidence says. None: the channel is taken to stand still within a packet.
   */
  readonly dopplers: readonly number[];
}

/** Tracking begins when the codeword's estimate is good enough to be a reference: after this share of the passes. */
const TRACK_AFTER = 0.4;

/** Passes have settled where one moves the codeword's posterior mean by less than this share of its variance (mean squares over latents). */
const SETTLED = 0.002;

/** Whether passes still find anything new. */
class Movement {
  #before: Float32Array | null = null;

  /** Whether this pass has left the posterior where the one before had it. */
  settles(mean: Float32Array, variance: Float32Array): boolean {
    const before = this.#before;
    this.#before = Float32Array.from(mean);
    if (before === null) return false;
    let moved = 0;
    let open = 0;
    for (let i = 0; i < mean.length; i++) {
      moved += (mean[i] - before[i]) ** 2;
      open += variance[i];
    }
    return moved < SETTLED * open;
  }
}

/** Null for a channel that moves: it is found by many small steps, each of which looks settled, and every pass is made. */
const movementOf = (chains: readonly BlindChain[]): Movement | null =>
  chains.every(({ estimator }) => estimator.numTimes === 1) ? new Movement() : null;

/** What all parts of the solver share. */
export interface BlindModel {
  readonly setting: LinkSetting;
  readonly config: BlindEmConfig;
  readonly runtime: Runtime;
  readonly eStep: Graph;
  readonly evidence: Graph;
  /** Of a channel that stands still. */
  readonly estimator: ChannelEstimator;
  readonly rank: number;
}

/** Network passes so far. */
export interface Counter {
  evaluations: number;
}

/**
 * All chains advance together: their tiles are the rows of one batch. Where a pass of a still channel changes nothing, the next heat is skipped
 * while it falls, and the passes end once it is 1.
 */
export async function runIterations(
  model: BlindModel,
  chains: readonly BlindChain[],
  {
    estimateNoise,
    counter,
    signal,
    passes = model.config.passes,
    annealing = model.config.annealing,
  }: {
    readonly estimateNoise: boolean;
    readonly counter: Counter;
    readonly signal?: AbortSignal | undefined;
    readonly passes?: number;
    readonly annealing?: number | undefined;
  },
): Promise<void> {
  const { config, setting, rank } = model;
  const dimension = 2 * setting.layout.tileSymbols;
  const offsets: number[] = [];
  let rows = 0;
  for (const chain of chains) {
    offsets.push(rows * dimension);
    rows += chain.group.tiles.length;
  }
  const precision = tensor(new Float32Array(rows * dimension), [rows, dimension]);
  const information = tensor(new Float32Array(rows * dimension), [rows, dimension]);
  let coefficients = tensor(new Float32Array(rows * rank), [rows, rank]);
  const movement = movementOf(chains);
  let heatBefore = Infinity;
  for (let pass = 0; pass < passes; pass++) {
    throwIfAborted(signal, 'blind-em');
    const heat = Math.max(1, annealing * (1 - pass / (0.6 * passes)));
    chains.forEach((chain, i) => {
      chain.writeInformation(chain.heated(heat), precision.data, information.data, offsets[i]);
    });
    const { mean, variance, solution } = await model.runtime.run(model.eStep, {
      precision,
      information,
      coefficients,
    });
    coefficients = solution;
    counter.evaluations += rows;
    const tracking = pass >= TRACK_AFTER * passes ? config.tracking : 'none';
    chains.forEach((chain, i) => {
      chain.update(chain.heated(heat), mean.data, variance.data, offsets[i], {
        tracking,
        estimateNoise: estimateNoise && heat === 1,
      });
    });
    if (movement?.settles(mean.data, variance.data) === true) {
      if (heatBefore === 1) break;
      if (heat > 1) pass++;
    }
    heatBefore = heat;
  }
}

/** More passes with the codec's refiner as E-step, which knows more of codewords than their second-order statistics, until they change nothing. */
export async function refine(
  { setting, config }: BlindModel,
  chains: readonly BlindChain[],
  estimateNoise: boolean,
  counter: Counter,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { codec, layout } = setting;
  const dimension = 2 * layout.tileSymbols;
  const rows = chains.reduce((sum, chain) => sum + chain.group.tiles.length, 0);
  const tiles = Int32Array.from(chains.flatMap((chain) => [...chain.group.tiles]));
  const batches = tileBatches(setting, tiles);
  const precision = new Float32Array(rows * dimension);
  const information = new Float32Array(rows * dimension);
  const mean = new Float32Array(rows * dimension);
  const variance = new Float32Array(rows * dimension);
  const movement = movementOf(chains);
  for (let pass = 0; pass < config.refinements; pass++) {
    throwIfAborted(signal, 'blind-em');
    let offset = 0;
    for (const chain of chains) {
      chain.writeInformation(chain.passVariance, precision, information, offset);
      offset += chain.group.tiles.length * dimension;
    }
    for (const batch of batches) {
      const [w, q] = [precision, information].map((values) => packTiles(batch, layout.channels, values));
      const dims = [batch.members.length, layout.channels, batch.height, batch.width] as const;
      const refined = await codec.refine(w, q, dims);
      unpackTiles(batch, layout.channels, refined.mean, mean);
      unpackTiles(batch, layout.channels, refined.variance, variance);
    }
    counter.evaluations += rows;
    offset = 0;
    for (const chain of chains) {
      chain.update(chain.passVariance, mean, variance, offset, { tracking: config.tracking, estimateNoise });
      offset += chain.group.tiles.length * dimension;
    }
    if (movement?.settles(mean, variance) === true) break;
  }
}
