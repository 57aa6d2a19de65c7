import type { EqualiserKind } from './equalise.js';
import { decodeWith } from './informed.js';
import { createPilotEstimate, type PilotEstimator } from './pilot-estimate.js';
import type { LinkSetting, Observations, Receiver, ReceiverStep } from './receiver.js';

export interface PilotConfig {
  readonly estimator: PilotEstimator;
  readonly equaliser: EqualiserKind;
}

/** The conventional receiver: channel from known cells, equaliser, decoder. Comb pilots also track the phase of each symbol. */
export function createPilot(setting: LinkSetting, config: PilotConfig): Receiver {
  const estimate = createPilotEstimate(setting, config.estimator, 'pilot');
  async function* receive({ frame, pilots }: Observations): AsyncIterable<ReceiverStep> {
    const began = performance.now();
    const channel = estimate(pilots, frame.noiseVariance);
    yield { kind: 'final', result: await decodeWith(setting, frame, channel, config.equaliser, began) };
  }
  return { name: 'pilot', needs: { pilots: true, truth: false }, receive };
}
