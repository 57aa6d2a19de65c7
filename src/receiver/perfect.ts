import type { EqualiserKind } from './equalise.js';
import { decodeWith, trueChannel } from './informed.js';
import type { LinkSetting, Observations, Receiver, ReceiverStep } from './receiver.js';

/** The upper bound: every resource element's true response, the true (or nominal) noise variance, equaliser, decoder. */
export function createPerfect(setting: LinkSetting, kind: EqualiserKind): Receiver {
  async function* receive(observations: Observations): AsyncIterable<ReceiverStep> {
    const began = performance.now();
    const channel = trueChannel(setting, observations, 'perfect', "use 'pilot'");
    yield { kind: 'final', result: await decodeWith(setting, observations.frame, channel, kind, began) };
  }
  return { name: 'perfect', needs: { pilots: false, truth: true }, receive };
}
