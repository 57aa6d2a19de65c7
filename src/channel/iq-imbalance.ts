import { z } from 'zod';
import type { Impairment } from './impairment.js';
import { powerToDb } from '../core/units.js';
import { requireBetween } from './checks.js';
import type { IqImbalanceConfig } from './config.js';
import { memorylessBlock, type StreamBlock } from './stream-block.js';

/**
 * Receiver IQ imbalance, g = 10^(gainDb/20), ϑ = phaseDeg:  I' = I,  Q' = g·(Q·cos ϑ + I·sin ϑ), that is
 *
 *   y = μ·x + ν·x*,  μ = (1 + g·e^{jϑ})/2,  ν = (1 − g·e^{−jϑ})/2.
 *
 * The image is `imageRejectionDb` below the signal. For circular x the output power is (1 + g²)/2 of the input's.
 *
 * @throws ConfigError for |gainDb| > 40 or |phaseDeg| > 90
 * Source: Tarighat, Bagheri, Sayed, IEEE Trans. Signal Process. 53(8), 2005, with all of the imbalance on the Q branch.
 */
export function createIqImbalance(config: IqImbalanceConfig): StreamBlock {
  const { qFromI, qFromQ } = branchGains(config);
  return memorylessBlock((input, output) => {
    for (let n = 0; n < input.re.length; n++) {
      const re = input.re[n];
      output.im[n] = qFromQ * input.im[n] + qFromI * re;
      output.re[n] = re;
    }
  });
}

/** Image rejection ratio |μ|²/|ν|² = (1 + 2g·cos ϑ + g²) / (1 − 2g·cos ϑ + g²) in dB; Infinity without imbalance. */
export function imageRejectionDb(config: IqImbalanceConfig): number {
  const { qFromI, qFromQ } = branchGains(config);
  return powerToDb(((1 + qFromQ) ** 2 + qFromI ** 2) / ((1 - qFromQ) ** 2 + qFromI ** 2));
}

function branchGains({ gainDb, phaseDeg }: IqImbalanceConfig): { qFromI: number; qFromQ: number } {
  requireBetween('iqImbalance.gainDb', gainDb, -40, 40);
  requireBetween('iqImbalance.phaseDeg', phaseDeg, -90, 90);
  const gain = 10 ** (gainDb / 20);
  const phase = (phaseDeg * Math.PI) / 180;
  return { qFromI: gain * Math.sin(phase), qFromQ: gain * Math.cos(phase) };
}

export const iqImbalance = {
  schema: z.strictObject({ gainDb: z.number(), phaseDeg: z.number() }).optional(),
  side: 'rx',
  truth: 'no',
  create: (config) => createIqImbalance(config),
} satisfies Impairment<IqImbalanceConfig>;
