import type { LinkConfig } from '../config/schema.js';
import type { ComplexArray } from '../core/complex.js';
import { firstLine, LinkError } from '../core/errors.js';
import type { PacketElements } from '../ofdm/demodulator.js';
import type { Observations, Receiver, ReceiverResult, ReceiverStep } from '../receiver/receiver.js';

/** A frame as it came out of synchroniser and FFT, with what is known of it besides. */
export interface SeenFrame {
  readonly index: number;
  readonly elements: PacketElements;
  /** σ², as set or as measured. */
  readonly noiseVariance: number;
  /** True response of every data resource element [P·S·M]; null outside simulation. */
  readonly response: ComplexArray | null;
  /** Mean square of the sent picture's latents, for a receiver that is told. */
  readonly latentPower?: number | null;
}

/** What a receiver may see of a frame, and nothing else: pilots and truth only where it says that it needs them. */
export function observe(
  { needs }: Pick<Receiver, 'needs'>,
  { index, elements, noiseVariance, response, latentPower = null }: SeenFrame,
  { receiver }: LinkConfig,
): Observations {
  return {
    frame: { index, elements: elements.data, noiseVariance: receiver.noiseVariance === 'given' ? noiseVariance : null },
    pilots: needs.pilots ? { block: elements.blockPilots, comb: elements.combPilots } : null,
    truth: needs.truth && response !== null ? { response } : null,
    ...(needs.latentPower === true && { latentPower }),
  };
}

/** Progress of a receiver at work, and at the end the best of its results. */
export type ReceptionStep<C> =
  | Extract<ReceiverStep, { kind: 'progress' }>
  | { readonly kind: 'final'; readonly candidate: C; readonly result: ReceiverResult };

/**
 * Lets a receiver try every place where a frame may begin, the likeliest first, until it calls one decoded. The result it
 * gives most chance is kept.
 *
 * @param candidates at least one
 * @param see a candidate as a frame
 */
export async function* receiveBest<C>(
  receiver: Receiver,
  candidates: readonly C[],
  see: (candidate: C) => SeenFrame,
  config: LinkConfig,
  signal?: AbortSignal,
): AsyncIterable<ReceptionStep<C>> {
  let best: { readonly candidate: C; readonly result: ReceiverResult } | null = null;
  for (const candidate of candidates) {
    for await (const step of named(receiver, observe(receiver, see(candidate), config), signal)) {
      if (step.kind === 'progress') {
        yield step;
        continue;
      }
      const result = finiteOrGrey(step.result);
      if (best === null || chanceOf(result) > chanceOf(best.result)) best = { candidate, result };
    }
    if (best?.result.verdict === 'decoded') break;
  }
  if (best === null) {
    throw new LinkError('receiver.silent', `receiver ${receiver.name}: ended without a final step`);
  }
  yield { kind: 'final', ...best };
}

/** A picture with NaN or infinities shows nothing: mid-grey and failed, as where no frame was found. */
function finiteOrGrey(result: ReceiverResult): ReceiverResult {
  const { picture } = result;
  let sum = 0;
  for (let i = 0; i < picture.length; i++) sum += picture[i];
  if (Number.isFinite(sum)) return result;
  return { ...result, picture: new Float32Array(picture.length).fill(0.5), verdict: 'failed', confidence: 0 };
}

/** A receiver's steps; what it throws that is not meant for users says whose it is. */
async function* named(
  receiver: Receiver,
  observations: Observations,
  signal: AbortSignal | undefined,
): AsyncIterable<ReceiverStep> {
  try {
    yield* receiver.receive(observations, signal);
  } catch (cause) {
    if (cause instanceof LinkError || signal?.aborted === true) throw cause;
    throw new LinkError(
      'receiver.failed',
      `receiver ${receiver.name}: failed with ${firstLine(cause)} (BLINDLINK_DEBUG=1 shows where)`,
      { cause },
    );
  }
}

/** The same without its progress. */
export async function receiveFrame<C>(
  ...args: Parameters<typeof receiveBest<C>>
): Promise<{ readonly candidate: C; readonly result: ReceiverResult }> {
  for await (const step of receiveBest(...args)) if (step.kind === 'final') return step;
  throw new LinkError('receiver.silent', `receiver ${args[0].name}: ended without a final step`);
}

/** A receiver's own opinion as one number; for one that gives no confidence, by its verdict. */
const chanceOf = ({ verdict, confidence }: ReceiverResult): number =>
  confidence ?? { decoded: 0.95, doubtful: 0.5, failed: 0.1 }[verdict];
