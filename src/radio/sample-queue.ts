import { type ComplexArray, subarray } from '../core/complex.js';
import { DeviceError } from '../core/errors.js';
import type { GapCause, QueuePolicy, SampleBlock } from './radio.js';

export interface SampleQueueOptions {
  readonly capacity: number;
  readonly policy: QueuePolicy;
  readonly sampleRateHz: number;
  readonly centerFrequencyHz: number;
}

/** A bounded queue of received samples between a source and one reader. It keeps the count of samples and of gaps. */
export interface SampleQueue extends AsyncIterable<SampleBlock> {
  readonly capacity: number;
  readonly policy: QueuePolicy;
  readonly peak: number;
  readonly received: number;
  readonly lostInDevice: number;
  readonly lostInQueue: number;
  /** Gaps that the device reported. */
  readonly gaps: number;
  /** Whether a source that can wait should. */
  readonly isFull: boolean;
  /** What the device really took; blocks from now on say so. */
  settle(applied: { readonly sampleRateHz: number; readonly centerFrequencyHz: number }): void;
  /** Adds samples; `lost` were lost by the device just before. With `drop`, what finds no room is dropped and counted. */
  push(samples: ComplexArray, lost?: number): void;
  /** Resolves when there is room, or the queue has ended. */
  whenRoom(): Promise<void>;
  /** Called each time a full queue has room again. */
  onRoom: (() => void) | null;
  /** No more will come; what waits can still be read. */
  end(): void;
  /** The reader gets what waits, then the error. */
  fail(error: Error): void;
  /** The reader left, or the radio was closed: nothing more is taken. */
  cancel(): void;
}

export function createSampleQueue(options: SampleQueueOptions): SampleQueue {
  const { capacity, policy } = options;
  let { sampleRateHz, centerFrequencyHz } = options;
  const blocks: SampleBlock[] = [];
  let waiting = 0;
  let index = 0;
  let ended = false;
  let cancelled = false;
  let failure: Error | null = null;
  let pending: { lost: number; cause: GapCause } | null = null;
  let wakeReader: (() => void) | null = null;
  let wakeWriters: (() => void)[] = [];
  let taken = false;
  const counts = { peak: 0, received: 0, lostInDevice: 0, lostInQueue: 0, gaps: 0 };

  const wake = (): void => {
    wakeReader?.();
    wakeReader = null;
  };
  const room = (): void => {
    const writers = wakeWriters;
    wakeWriters = [];
    for (const resolve of writers) resolve();
    queue.onRoom?.();
  };
  const missing = (lost: number, cause: GapCause): void => {
    if (lost <= 0) return;
    if (cause === 'device') {
      counts.lostInDevice += lost;
      counts.gaps++;
    } else counts.lostInQueue += lost;
    pending = { lost: (pending?.lost ?? 0) + lost, cause: pending?.cause === 'device' ? 'device' : cause };
    index += lost;
  };

  const queue: SampleQueue = {
    capacity,
    policy,
    get peak() {
      return counts.peak;
    },
    get received() {
      return counts.received;
    },
    get lostInDevice() {
      return counts.lostInDevice;
    },
    get lostInQueue() {
      return counts.lostInQueue;
    },
    get gaps() {
      return counts.gaps;
    },
    get isFull() {
      return waiting >= capacity;
    },
    onRoom: null,
    settle(applied) {
      ({ sampleRateHz, centerFrequencyHz } = applied);
    },
    push(samples, lost = 0) {
      if (ended || cancelled) return;
      missing(lost, 'device');
      const length = samples.re.length;
      const fits = policy === 'block' ? length : Math.max(0, Math.min(length, capacity - waiting));
      if (fits > 0) {
        const part = fits === length ? samples : subarray(samples, 0, fits);
        const { lost: dropped, cause } = pending ?? { lost: 0, cause: null };
        blocks.push({ samples: part, sampleIndex: index, sampleRateHz, centerFrequencyHz, dropped, cause });
        pending = null;
        index += fits;
        waiting += fits;
        counts.peak = Math.max(counts.peak, waiting);
        wake();
      }
      missing(length - fits, 'queue');
    },
    whenRoom: () =>
      waiting < capacity || ended || cancelled ? Promise.resolve() : new Promise((r) => wakeWriters.push(r)),
    end() {
      if (ended) return;
      ended = true;
      wake();
      room();
    },
    fail(error) {
      failure ??= error;
      queue.end();
    },
    cancel() {
      cancelled = true;
      blocks.length = 0;
      waiting = 0;
      wake();
      room();
    },
    [Symbol.asyncIterator]() {
      if (taken) throw new DeviceError('radio.reader', 'a radio can be read once, by one reader');
      taken = true;
      return {
        async next() {
          for (;;) {
            const block = blocks.shift();
            if (block !== undefined) {
              const wasFull = waiting >= capacity;
              waiting -= block.samples.re.length;
              counts.received += block.samples.re.length;
              if (wasFull && waiting < capacity) room();
              return { done: false, value: block };
            }
            if (failure !== null && !cancelled) throw failure;
            if (ended || cancelled) return { done: true, value: undefined };
            await new Promise<void>((resolve) => {
              wakeReader = resolve;
            });
          }
        },
        return() {
          queue.cancel();
          return Promise.resolve({ done: true, value: undefined });
        },
      };
    },
  };
  return queue;
}

/** Counters of a radio that has no device to overrun, underrun or be late. */
export const plainCounters = (
  queue: SampleQueue,
  sent: number,
): {
  sent: number;
  received: number;
  lostInDevice: number;
  lostInQueue: number;
  overruns: number;
  underruns: number;
  latePackets: number;
  queuePeak: number;
  queueCapacity: number;
} => ({
  sent,
  received: queue.received,
  lostInDevice: queue.lostInDevice,
  lostInQueue: queue.lostInQueue,
  overruns: queue.gaps,
  underruns: 0,
  latePackets: 0,
  queuePeak: queue.peak,
  queueCapacity: queue.capacity,
});
