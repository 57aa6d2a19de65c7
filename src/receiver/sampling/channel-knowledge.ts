import { ConfigError } from '../../core/errors.js';
import type { Rng } from '../../core/rng.js';
import type { Runtime } from '../../runtime/runtime.js';
import { blindResult } from '../blind/solution.js';
import type { BlindEmConfig, Counter } from '../blind/iterations.js';
import { createBlindSolver } from '../blind/solver.js';
import { channelUnder, wholeResponse } from '../blind/candidate.js';
import { fitTaps } from '../channel-posterior.js';
import { type KnownChannel, trueChannel } from '../informed.js';
import { createPilotEstimate, type PilotEstimator } from '../pilot-estimate.js';
import type { LinkSetting, Observations, Receiver } from '../receiver.js';

/** Where a receiver that takes its channel as known has it from. */
export type KnowledgeKind = 'perfect' | 'pilot' | 'blind-em';

export interface ChannelKnowledge {
  readonly needs: Receiver['needs'];
  /** @throws ConfigError where what it needs was not given */
  learn(observations: Observations, counter: Counter, signal?: AbortSignal): Promise<KnownChannel>;
}

export interface KnowledgeOptions {
  readonly receiver: string;
  readonly kind: KnowledgeKind;
  readonly setting: LinkSetting;
  readonly pilot: { readonly estimator: PilotEstimator };
  readonly blindEm: BlindEmConfig;
  readonly runtime: Runtime;
  readonly rng: Rng;
}

export function createChannelKnowledge({
  receiver,
  kind,
  setting,
  pilot,
  blindEm,
  runtime,
  rng,
}: KnowledgeOptions): ChannelKnowledge {
  switch (kind) {
    case 'perfect':
      return {
        needs: { pilots: false, truth: true },
        learn(observations) {
          const channel = trueChannel(setting, observations, receiver, 'choose knowledge pilot or blind-em');
          const estimates = fitTaps(setting.grid, channel.response, setting.tapPrior.length).map((taps) => ({
            taps,
            tapVariance: new Float32Array(taps.re.length),
          }));
          return Promise.resolve({ ...channel, estimates });
        },
      };
    case 'pilot': {
      const estimate = createPilotEstimate(setting, pilot.estimator, receiver);
      return {
        needs: { pilots: true, truth: false },
        learn: ({ frame, pilots }) => Promise.resolve(estimate(pilots, frame.noiseVariance)),
      };
    }
    case 'blind-em': {
      if (setting.layout.side !== null) {
        throw new ConfigError(
          'receiver.knowledge',
          `receiver ${receiver}: codec ${setting.codec.card.name} sends another choice of latents with each picture, which blind-em cannot find; choose knowledge perfect or pilot`,
        );
      }
      const solver = createBlindSolver(receiver, { setting, config: blindEm, runtime, rng });
      return {
        needs: { pilots: false, truth: false },
        async learn({ frame }, counter, signal) {
          const solution = await solver.solve(frame, counter, signal);
          // The guidance compares what is received with what is sent at padding, too.
          const response = wholeResponse(setting, solution.best);
          const { responseVariance } = channelUnder(solution.best, frame.elements.re.length);
          const { channel: estimates, noiseVariance } = blindResult(setting, solution, 0, 0);
          return { response, responseVariance, estimates, noiseVariance };
        },
      };
    }
  }
}
