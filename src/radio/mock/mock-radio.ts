import { copyComplex } from '../../core/complex.js';
import { DeviceError } from '../../core/errors.js';
import type { AppliedSettings, QueuePolicy, Radio } from '../radio.js';
import { createSampleQueue, plainCounters } from '../sample-queue.js';

/** What a mock radio does wrong, at given numbers of transmitted samples. */
export type MockEvent =
  /** Loses the next `lost` samples, as an overrun does. */
  | { readonly kind: 'gap'; readonly at: number; readonly lost: number }
  /** Fails, as a device does that is unplugged. */
  | { readonly kind: 'fail'; readonly at: number; readonly message: string };

export interface MockRadioConfig {
  readonly sampleRateHz: number;
  readonly policy?: QueuePolicy;
  readonly capacity?: number;
  readonly script?: readonly MockEvent[];
}

/** Hands back what it is given, by the same rules as any radio, and goes wrong when told to. For tests of what uses radios. */
export function openMockRadio(config: MockRadioConfig): Radio {
  const { sampleRateHz, policy = 'block', capacity = 1 << 18 } = config;
  const script = [...(config.script ?? [])].sort((a, b) => a.at - b.at);
  const queue = createSampleQueue({ capacity, policy, sampleRateHz, centerFrequencyHz: 0 });
  const applied: AppliedSettings = { sampleRateHz, centerFrequencyHz: 0, gainDb: 0, antenna: 'mock', device: 'mock' };
  let sent = 0;
  let losing = 0;
  let announced = 0;
  let failure: DeviceError | null = null;
  let open = true;

  const hand = (samples: Parameters<Radio['transmit']>[0], from: number, to: number): void => {
    const skipped = Math.min(losing, to - from);
    losing -= skipped;
    announced += skipped;
    if (to - from <= skipped) return;
    const part = copyComplex({
      re: samples.re.subarray(from + skipped, to),
      im: samples.im.subarray(from + skipped, to),
    });
    queue.push(part, announced);
    announced = 0;
  };

  return {
    name: 'mock',
    tx: applied,
    rx: applied,
    policy,
    async transmit(samples) {
      if (failure !== null) throw failure;
      if (!open) throw new DeviceError('radio.closed', 'radio mock: the transmission has ended');
      let from = 0;
      while (script.length > 0 && script[0].at < sent + samples.re.length) {
        const event = script.shift()!;
        const at = Math.max(from, event.at - sent);
        hand(samples, from, at);
        from = at;
        if (event.kind === 'gap') losing += event.lost;
        else {
          failure = new DeviceError('device.lost', event.message);
          queue.fail(failure);
          throw failure;
        }
      }
      hand(samples, from, samples.re.length);
      sent += samples.re.length;
      if (policy === 'block') await queue.whenRoom();
    },
    endTransmission() {
      open = false;
      queue.end();
      return Promise.resolve();
    },
    receive: () => queue,
    counters: () => plainCounters(queue, sent),
    close() {
      open = false;
      queue.cancel();
      return Promise.resolve();
    },
  };
}
