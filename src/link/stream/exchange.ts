import type { Codec } from '../../codec/codec.js';
import type { LinkConfig } from '../../config/schema.js';
import type { Radio, SampleBlock } from '../../radio/radio.js';
import type { Picture } from '../../source/picture.js';
import { createEmission, type EmissionOptions, type EmissionPart, prepared } from './emission.js';

export interface SendOptions extends EmissionOptions {
  /** Told of each frame once the radio has taken it. */
  readonly onSent?: (sent: NonNullable<EmissionPart['sent']>) => void;
  /** Whether the transmission ends behind the last picture; by default it does. */
  readonly end?: boolean;
}

export interface SendTotals {
  readonly frames: number;
  readonly samples: number;
  /** Samples limited to full scale. */
  readonly limited: number;
}

/** Sends pictures through a radio, at its own pace. */
export async function sendPictures(
  radio: Radio,
  config: LinkConfig,
  codec: Codec,
  pictures: AsyncIterable<Picture>,
  { onSent, end = true, ...options }: SendOptions,
): Promise<SendTotals> {
  const totals = { frames: 0, samples: 0, limited: 0 };
  const emission = createEmission(config, codec, pictures, options);
  for await (const part of radio.policy === 'drop' || radio.rx === null ? prepared(emission) : emission) {
    if (options.signal?.aborted) break;
    await radio.transmit(part.samples);
    totals.samples += part.samples.re.length;
    totals.limited += part.limited;
    if (part.sent === null) continue;
    totals.frames++;
    onSent?.(part.sent);
  }
  if (end) await radio.endTransmission();
  return totals;
}

/**
 * Receives while something is sent. A radio that does not end with its input ends when, counted from the moment at which it
 * had taken the last sample, all of them and a second more have come: nothing can still be on its way then, however long
 * the sender took to begin. Leaving the loop early ends the sending as well.
 *
 * @param send null to receive only
 */
export async function* receiveWhile(
  radio: Radio,
  send: (() => Promise<SendTotals>) | null,
  sampleRateHz: number,
): AsyncIterable<SampleBlock> {
  let received = 0;
  const state = { sent: null as SendTotals | null, end: Infinity, failure: null as unknown };
  const sending =
    send?.().then(
      (totals) => {
        state.sent = totals;
        if (radio.policy === 'drop') state.end = received + totals.samples + sampleRateHz;
      },
      async (error: unknown) => {
        state.failure = error;
        await radio.close();
      },
    ) ?? Promise.resolve();
  try {
    for await (const block of radio.receive()) {
      yield block;
      received += block.samples.re.length;
      if (state.failure !== null || received >= state.end) break;
    }
  } catch (error) {
    // Where the sender failed first, the receiver's end is only its consequence.
    state.failure ??= error;
  } finally {
    if (send !== null && state.sent === null) await radio.close();
    await sending;
  }
  if (state.failure !== null) throw state.failure as Error;
}
