import { expect, it } from 'vitest';
import { type ComplexArray, concatComplex, createComplex, subarray } from '../../src/core/complex.js';
import { createRng } from '../../src/core/rng.js';
import type { Radio, SampleBlock } from '../../src/radio/radio.js';

export interface ContractSubject {
  /** Opens it afresh; what a receive-only one plays is `signal`. */
  open(signal: ComplexArray): Promise<Radio>;
  readonly transmits: boolean;
  /** Samples at the end that may be missing, and by which the rest may be shifted. */
  readonly tail?: number;
  readonly shift?: number;
  /** Largest error of a sample. */
  readonly tolerance?: number;
  /** Whether the end of what is sent ends the reception; a real device goes on. */
  readonly ends?: boolean;
  /** Where it stands still after so many samples: without a reader, nothing more is taken. */
  readonly standsStill?: boolean;
  readonly length?: number;
}

export function testSignal(length: number): ComplexArray {
  const signal = createComplex(length);
  createRng('contract').fillComplexGaussian(signal, 0.02);
  return signal;
}

/** Sends a signal in blocks of odd lengths and collects what comes back until `enough` or the end. */
export async function roundTrip(
  radio: Radio,
  signal: ComplexArray,
  transmits: boolean,
  enough = Infinity,
): Promise<SampleBlock[]> {
  const sending = async (): Promise<void> => {
    for (let at = 0, i = 0; at < signal.re.length; i++) {
      const length = [4096, 1, 7777, 333][i % 4];
      await radio.transmit(subarray(signal, at, at + length));
      at += length;
    }
    await radio.endTransmission();
  };
  const blocks: SampleBlock[] = [];
  let count = 0;
  const receiving = async (): Promise<void> => {
    for await (const block of radio.receive()) {
      blocks.push(block);
      count += block.samples.re.length;
      if (count >= enough) return;
    }
  };
  await Promise.all([transmits ? sending() : Promise.resolve(), receiving()]);
  return blocks;
}

/** Where `part` begins in `whole`, by correlation of its first 512 samples. */
export function findIn(whole: ComplexArray, part: ComplexArray): number {
  let best = { at: 0, value: -1 };
  const n = Math.min(512, part.re.length);
  for (let at = 0; at + n <= whole.re.length; at++) {
    let [re, im, energy] = [0, 0, 1e-12];
    for (let i = 0; i < n; i++) {
      re += whole.re[at + i] * part.re[i] + whole.im[at + i] * part.im[i];
      im += whole.im[at + i] * part.re[i] - whole.re[at + i] * part.im[i];
      energy += whole.re[at + i] ** 2 + whole.im[at + i] ** 2;
    }
    const value = (re * re + im * im) / energy;
    if (value > best.value) best = { at, value };
  }
  return best.at;
}

/** The rules of `Radio`, for any of them. */
export function radioContract({ open, transmits, ...subject }: ContractSubject): void {
  const { tail = 0, shift = 0, tolerance = 1e-6, ends = true, length = 50_000 } = subject;

  it('hands over every sample, in order, with indices that count on', async () => {
    const signal = testSignal(length);
    const radio = await open(signal);
    try {
      const blocks = await roundTrip(radio, signal, transmits, ends ? Infinity : 3 * length);
      let next = blocks[0].sampleIndex;
      for (const block of blocks) {
        expect(block.sampleIndex - block.dropped === next || block === blocks[0]).toBe(true);
        next = block.sampleIndex + block.samples.re.length;
        expect(block.samples.im.length).toBe(block.samples.re.length);
        expect(block.sampleRateHz).toBe(radio.rx?.sampleRateHz);
      }
      const got = concatComplex(blocks.map(({ samples }) => samples));
      const from = ends ? shift : findIn(got, signal);
      const compared = Math.min(signal.re.length - tail, ends ? got.re.length : got.re.length - from);
      expect(compared).toBeGreaterThanOrEqual(ends ? length - tail - Math.abs(shift) : length / 2);
      let worst = 0;
      for (let i = ends ? Math.max(0, -shift) : 0; i < compared - Math.max(0, shift); i++) {
        const at = i + from;
        worst = Math.max(worst, Math.abs(got.re[at] - signal.re[i]), Math.abs(got.im[at] - signal.im[i]));
      }
      expect(worst).toBeLessThan(tolerance);
      const counters = radio.counters();
      expect(counters.received).toBe(got.re.length);
      expect(counters.sent).toBe(transmits ? length : 0);
      expect(counters.lostInDevice + counters.lostInQueue).toBe(blocks.reduce((sum, { dropped }) => sum + dropped, 0));
    } finally {
      await radio.close();
    }
  });

  it('says what it applied, and refuses the direction it has not', async () => {
    const radio = await open(testSignal(1000));
    try {
      expect(radio.rx?.sampleRateHz).toBeGreaterThan(0);
      if (transmits) expect(radio.tx?.sampleRateHz).toBeGreaterThan(0);
      else {
        expect(radio.tx).toBeNull();
        await expect(radio.transmit(createComplex(10))).rejects.toThrow(/cannot transmit/);
      }
    } finally {
      await radio.close();
    }
  });

  it('can be left in the middle of a block, and closed twice, and does not hang', async () => {
    const signal = testSignal(length);
    const radio = await open(signal);
    if (transmits) await radio.transmit(subarray(signal, 0, 20_000));
    for await (const block of radio.receive()) {
      expect(block.samples.re.length).toBeGreaterThan(0);
      break;
    }
    await radio.close();
    await radio.close();
  });

  it('can be closed before anything was sent or read', async () => {
    const radio = await open(testSignal(10));
    await radio.close();
    expect(radio.counters().received).toBe(0);
  });

  it('has one reader', async () => {
    const radio = await open(testSignal(1000));
    try {
      radio.receive()[Symbol.asyncIterator]();
      expect(() => radio.receive()[Symbol.asyncIterator]()).toThrow(/once/);
    } finally {
      await radio.close();
    }
  });

  if (transmits && subject.standsStill !== false) {
    it('makes the sender wait where nobody reads, and keeps a bounded number of samples', async () => {
      const radio = await open(testSignal(10));
      try {
        let taken = 0;
        const block = testSignal(65_536);
        const deadline = performance.now() + 20_000;
        let stuck = false;
        while (!stuck && performance.now() < deadline) {
          const sent = radio.transmit(block).then(() => 'sent' as const);
          const first = await Promise.race([sent, new Promise<'stuck'>((r) => setTimeout(() => r('stuck'), 1500))]);
          if (first === 'stuck') stuck = true;
          else taken += block.re.length;
          sent.catch(() => undefined);
        }
        expect(stuck).toBe(true);
        expect(taken).toBeLessThan(4_000_000);
        expect(radio.counters().queuePeak).toBeLessThanOrEqual(radio.counters().queueCapacity + 65_536);
      } finally {
        await radio.close();
      }
    });
  }
}
