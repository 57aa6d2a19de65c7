import { closeSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { type ComplexArray, createComplex } from '../../core/complex.js';
import { DeviceError } from '../../core/errors.js';
import { decodeSamples, encodeSamples, parseDatatype } from '../../recording/datatype.js';
import type { AppliedSettings, Radio } from '../radio.js';
import { createSampleQueue, plainCounters } from '../sample-queue.js';

export interface FileLoopbackConfig {
  /** Raw cf32_le; replaced if it is there. Its size is the bound on what waits: the disk. */
  readonly path: string;
  readonly sampleRateHz: number;
  readonly centerFrequencyHz?: number;
}

const cf32 = parseDatatype('cf32_le');
const BLOCK = 16_384;

/** What is sent goes into a file and is read back from it as it grows. */
export function openFileLoopback({ path, sampleRateHz, centerFrequencyHz = 0 }: FileLoopbackConfig): Radio {
  let file: number;
  try {
    file = openSync(path, 'w+');
  } catch (cause) {
    throw new DeviceError('radio.file', `${path}: cannot be written; check the folder and its rights`, { cause });
  }
  const queue = createSampleQueue({ capacity: 4 * BLOCK, policy: 'block', sampleRateHz, centerFrequencyHz });
  const applied: AppliedSettings = {
    sampleRateHz,
    centerFrequencyHz,
    gainDb: null,
    antenna: null,
    device: `file ${path}`,
  };
  let written = 0;
  let read = 0;
  let open = true;
  let closed = false;

  /** Moves what has been written into the queue, as far as there is room. */
  const pump = (): void => {
    while (!closed && read < written && !queue.isFull) {
      const count = Math.min(BLOCK, written - read);
      const bytes = new Uint8Array(count * cf32.sampleBytes);
      for (let done = 0; done < bytes.length;) {
        const got = readSync(file, bytes, done, bytes.length - done, read * cf32.sampleBytes + done);
        if (got === 0) {
          queue.fail(new DeviceError('radio.file', `${path}: became shorter while it was read`));
          return;
        }
        done += got;
      }
      const samples: ComplexArray = createComplex(count);
      decodeSamples(cf32, bytes, samples);
      read += count;
      queue.push(samples);
    }
    if (!open && read === written) queue.end();
  };
  queue.onRoom = pump;

  return {
    name: 'file',
    tx: applied,
    rx: applied,
    policy: 'block',
    transmit(samples) {
      if (!open) return Promise.reject(new DeviceError('radio.closed', 'radio file: the transmission has ended'));
      const { bytes } = encodeSamples(cf32, samples);
      try {
        for (let at = 0; at < bytes.length;) {
          at += writeSync(file, bytes, at, bytes.length - at, written * cf32.sampleBytes + at);
        }
      } catch (cause) {
        return Promise.reject(new DeviceError('radio.file', `${path}: ${(cause as Error).message}`, { cause }));
      }
      written += samples.re.length;
      pump();
      return Promise.resolve();
    },
    endTransmission() {
      open = false;
      if (!closed) {
        fsyncSync(file);
        pump();
      }
      return Promise.resolve();
    },
    receive: () => queue,
    counters: () => plainCounters(queue, written),
    close() {
      open = false;
      queue.cancel();
      if (!closed) closeSync(file);
      closed = true;
      return Promise.resolve();
    },
  };
}
