import { z } from 'zod';
import type { Impairment } from './impairment.js';
import { dbToPower } from '../core/units.js';
import { requireBetween, requirePositive } from './checks.js';
import type { AmplifierConfig } from './config.js';
import { memorylessBlock, type StreamBlock } from './stream-block.js';

/**
 * Rapp's solid-state power amplifier, unit small-signal gain, no phase distortion:
 *
 *   y = x / (1 + (|x| / A)^{2p})^{1/(2p)},  A² = signalPower·10^(inputBackoffDb/10).
 *
 * |y| < A always; p → ∞ is a soft limiter at A. The output power is below the input's, and is not restored.
 *
 * @param signalPower mean power of the input to which the back-off refers
 * @throws ConfigError unless 0.1 ≤ smoothness ≤ 100, |inputBackoffDb| ≤ 60 and signalPower above 0
 * Source: Rapp, "Effects of HPA-nonlinearity on a 4-DPSK/OFDM signal", 2nd European Conf. Satellite Commun., 1991.
 */
export function createRappAmplifier(config: AmplifierConfig, signalPower = 1): StreamBlock {
  const { smoothness: p, inputBackoffDb } = config;
  requireBetween('amplifier.smoothness', p, 0.1, 100);
  requireBetween('amplifier.inputBackoffDb', inputBackoffDb, -60, 60);
  requirePositive('signalPower', signalPower);
  const saturationPower = signalPower * dbToPower(inputBackoffDb);
  return memorylessBlock((input, output) => {
    for (let n = 0; n < input.re.length; n++) {
      const re = input.re[n];
      const im = input.im[n];
      const u = (re * re + im * im) / saturationPower;
      // Above saturation (1 + u^p)^(−1/2p) = u^(−1/2)·(1 + u^(−p))^(−1/2p), which cannot overflow.
      const gain = u <= 1 ? (1 + u ** p) ** (-0.5 / p) : (1 + u ** -p) ** (-0.5 / p) / Math.sqrt(u);
      output.re[n] = gain * re;
      output.im[n] = gain * im;
    }
  });
}

export const amplifier = {
  schema: z.strictObject({ smoothness: z.number().positive(), inputBackoffDb: z.number() }).optional(),
  side: 'tx',
  truth: 'no',
  create: (config, { signalPower }) => createRappAmplifier(config, signalPower),
} satisfies Impairment<AmplifierConfig>;
