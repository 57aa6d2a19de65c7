import { ConfigError } from '../core/errors.js';
import type { EqualiserKind } from './equalise.js';
import { decodeWith } from './informed.js';
import type { LinkSetting, Observations, Receiver, ReceiverStep } from './receiver.js';

/** The upper bound: every resource element's true response, the true (or nominal) noise variance, equaliser, decoder. */
export function createPerfect(setting: LinkSetting, kind: EqualiserKind): Receiver {
  async function* receive({ frame, truth }: Observations): AsyncIterable<ReceiverStep> {
    const began = performance.now();
    if (truth === null) {
      throw new ConfigError(
        'receiver.truth',
        "receiver perfect: only a simulated radio knows the channel; use 'pilot'",
      );
    }
    const noiseVariance = frame.noiseVariance ?? 10 ** (-setting.snrDb / 10);
    const channel = { response: truth.response, responseVariance: null, estimates: [], noiseVariance };
    yield { kind: 'final', result: await decodeWith(setting, frame, channel, kind, began) };
  }
  return { name: 'perfect', needs: { pilots: false, truth: true }, receive };
}
