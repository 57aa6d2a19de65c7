import type { ComplexArray } from '../core/complex.js';

/** A stretch of received samples. Never changed after it was handed out. */
export interface SampleBlock {
  readonly samples: ComplexArray;
  /** Index of the first sample in the device's own count, which goes on through gaps. */
  readonly sampleIndex: number;
  readonly sampleRateHz: number;
  readonly centerFrequencyHz: number;
  /** Samples lost just before this block; `cause` says where. */
  readonly dropped: number;
  readonly cause: GapCause | null;
}

/** `device`: the radio overran. `queue`: the reader was too slow for a source that cannot wait. */
export type GapCause = 'device' | 'queue';

/** What one direction of a radio was set to, as the device itself says: it may differ from what was asked. */
export interface AppliedSettings {
  readonly sampleRateHz: number;
  readonly centerFrequencyHz: number;
  readonly gainDb: number | null;
  readonly antenna: string | null;
  readonly device: string;
}

/** Everything counted since the radio was opened. */
export interface RadioCounters {
  /** Samples taken from the caller, and given to it. */
  readonly sent: number;
  readonly received: number;
  /** Samples missing among those received, by cause. */
  readonly lostInDevice: number;
  readonly lostInQueue: number;
  readonly overruns: number;
  readonly underruns: number;
  readonly latePackets: number;
  /** Most samples that waited in the receive queue, and its bound. */
  readonly queuePeak: number;
  readonly queueCapacity: number;
}

/**
 * What a full receive queue does. `block`: the source waits; nothing is lost. `drop`: the source cannot wait (a real
 * radio, or a recording played in real time), so new samples are dropped, counted and marked as a gap.
 */
export type QueuePolicy = 'block' | 'drop';

/**
 * A radio, or what stands for one. Rules, which one shared test holds all of them to:
 * - samples come out in order; `sampleIndex` grows by a block's length plus what was lost, which `dropped` says;
 * - `transmit` resolves when the radio has room for more: awaiting it is the back-pressure, and its memory is bounded;
 * - after `endTransmission` everything sent has left, and a radio that ends with its input ends `receive`;
 * - `receive` may be used once; leaving its loop early stops the reception and loses nothing already counted;
 * - a device that fails or falls silent rejects what is waiting with a DeviceError of one line;
 * - `close` may be called at any time, any number of times; nothing of the radio lives on after it resolves.
 */
export interface Radio {
  readonly name: string;
  /** null where the radio does not go that way. */
  readonly tx: AppliedSettings | null;
  readonly rx: AppliedSettings | null;
  readonly policy: QueuePolicy;
  transmit(samples: ComplexArray): Promise<void>;
  endTransmission(): Promise<void>;
  receive(): AsyncIterable<SampleBlock>;
  counters(): RadioCounters;
  close(): Promise<void>;
}
