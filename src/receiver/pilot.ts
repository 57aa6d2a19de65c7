import { symbolsOf } from '../codec/layout.js';
import { createComplex } from '../core/complex.js';
import { equalise, type EqualiserKind } from './equalise.js';
import { decodeElements, decodeWith, heardThrough, type KnownChannel } from './informed.js';
import { createPilotEstimate, type DecidedElements, type PilotEstimator } from './pilot-estimate.js';
import type { LinkSetting, Observations, ReceivedFrame, Receiver, ReceiverStep } from './receiver.js';
import { residualEnergy } from './residual.js';

export interface PilotConfig {
  readonly estimator: PilotEstimator;
  /** `decoder`: the decoded picture, encoded again, serves as pilots for a second and third estimate. */
  readonly tracking: 'none' | 'decoder';
  readonly equaliser: EqualiserKind;
}

const TRACKING_ROUNDS = 2;

/** The conventional receiver: channel from known resource elements in time and frequency, equaliser, decoder. */
export function createPilot(setting: LinkSetting, config: PilotConfig): Receiver {
  const estimate = createPilotEstimate(setting, config.estimator, 'pilot');
  async function* receive({ frame, pilots }: Observations): AsyncIterable<ReceiverStep> {
    const began = performance.now();
    let channel = estimate(pilots, frame.noiseVariance);
    for (let round = 0; config.tracking === 'decoder' && round < TRACKING_ROUNDS; round++) {
      channel = estimate(pilots, frame.noiseVariance, await decide(setting, frame, channel, config.equaliser));
    }
    yield { kind: 'final', result: await decodeWith(setting, frame, channel, config.equaliser, began) };
  }
  return { name: 'pilot', needs: { pilots: true, truth: false }, receive };
}

/**
 * The data resource elements as the decoded picture, encoded again, has them. What it leaves of the signal beyond the noise is taken for
 * its errors: spread = (‖Y − ĤX‖² − σ²) / |Ĥ|² a resource element, 0…1.
 */
async function decide(
  setting: LinkSetting,
  frame: ReceivedFrame,
  channel: KnownChannel,
  kind: EqualiserKind,
): Promise<DecidedElements> {
  const { codec, layout, interleaver, rho, superimposed, snrDb } = setting;
  const equalised = equalise(setting, frame.elements, channel, channel.noiseVariance, kind);
  const picture = await decodeElements(setting, equalised, kind === 'mmse' ? heardThrough(frame, channel) : undefined);
  const codeword = symbolsOf(layout, await codec.encode(picture, 1, layout, snrDb));
  const left = residualEnergy(setting, frame.elements, channel.response, codeword, interleaver.elementOf);
  const elements = createComplex(frame.elements.re.length);
  let power = 0;
  for (let i = 0; i < layout.numSymbols; i++) {
    const element = interleaver.elementOf[i];
    elements.re[element] = Math.sqrt(1 - rho) * codeword.re[i] + Math.sqrt(rho) * superimposed.re[element];
    elements.im[element] = Math.sqrt(1 - rho) * codeword.im[i] + Math.sqrt(rho) * superimposed.im[element];
    power += channel.response.re[element] ** 2 + channel.response.im[element] ** 2;
  }
  const spread = (left - layout.numSymbols * channel.noiseVariance) / Math.max(power, 1e-12);
  return { elements, received: frame.elements, spread: Math.min(1, Math.max(0, spread)) };
}
