import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type ComplexArray, concatComplex, createComplex, subarray } from '../../src/core/complex.js';
import { DeviceError } from '../../src/core/errors.js';
import { createRng } from '../../src/core/rng.js';
import { openChannelFlowgraph, openUsrp } from '../../src/radio/gnuradio/gnuradio-radios.js';
import { driverLetters } from '../../src/radio/gnuradio/flowgraph-process.js';
import { openFileLoopback } from '../../src/radio/loopback/file-loopback.js';
import { openMockRadio } from '../../src/radio/mock/mock-radio.js';
import type { SampleBlock } from '../../src/radio/radio.js';
import { openReplay } from '../../src/radio/replay/replay-radio.js';
import { openSimulatedRadio } from '../../src/radio/simulated/simulated-radio.js';
import { openAnyRecording } from '../../src/recording/open-recording.js';
import { createSigmfWriter } from '../../src/recording/sigmf-writer.js';
import { describeWith, gnuradio } from '../support/programs.js';
import { radioContract, testSignal } from './radio-contract.js';

const folder = mkdtempSync(join(tmpdir(), 'blindlink-radios-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const fake = (behaviour: string): string[] => [process.execPath, resolve('test/support/fake-flowgraph.mjs'), behaviour];
const clean = { sampleRateHz: 1e6, noiseVariance: 0, frequencyOffset: 0, sfoPpm: 0, taps: '1', seed: 1 };
const usrp = { direction: 'rx', args: '', sampleRateHz: 1e6, centerFrequencyHz: 9e8 } as const;

let recordings = 0;
function record(signal: ComplexArray, gaps: readonly [at: number, lost: number][] = []): string {
  const base = join(folder, `r${recordings++}`);
  const writer = createSigmfWriter(base, { datatype: 'cf32_le', sampleRateHz: 1e6, centerFrequencyHz: 9e8 });
  let at = 0;
  for (const [until, lost] of gaps) {
    writer.write(subarray(signal, at, until));
    writer.markGap(lost, 'device');
    at = until;
  }
  writer.write(subarray(signal, at));
  writer.finish();
  return base;
}

describe('radio contract: simulated', () => {
  radioContract({
    transmits: true,
    open: () =>
      Promise.resolve(
        openSimulatedRadio(
          { taps: { kind: 'identity' }, dopplerHz: 0, impairments: { sampleRateHz: 1e6 }, noiseVariance: 0 },
          createRng(1),
        ),
      ),
  });
});

describe('radio contract: mock', () => {
  radioContract({ transmits: true, open: () => Promise.resolve(openMockRadio({ sampleRateHz: 1e6 })) });
});

describe('radio contract: loopback through a file', () => {
  let files = 0;
  radioContract({
    transmits: true,
    // A disk takes far more than a test should write.
    standsStill: false,
    open: () => Promise.resolve(openFileLoopback({ path: join(folder, `loop${files++}.cf32`), sampleRateHz: 1e6 })),
  });
});

describe('radio contract: replay of a recording', () => {
  radioContract({
    transmits: false,
    open: (signal) => Promise.resolve(openReplay(openAnyRecording(record(signal)), { sampleRateHz: 1e6 })),
  });
});

describe('radio contract: a flowgraph that hands back what it gets', () => {
  radioContract({ transmits: true, open: () => openChannelFlowgraph(clean, { command: fake('echo') }) });
});

describeWith(gnuradio(), 'radio contract: GNU Radio, channel flowgraph', () => {
  // The channel model's output is 3 samples early and ends 8 short.
  radioContract({ transmits: true, tail: 11, shift: -3, tolerance: 1e-5, open: () => openChannelFlowgraph(clean) });
});

describeWith(gnuradio(), 'GNU Radio, fading flowgraph', () => {
  const powers = [0.5, 0.2, 0.15, 0.1, 0.05];
  const responses = async (riceFactor: number): Promise<Float64Array[]> => {
    const fading = {
      dopplerHz: 2000,
      delays: '0,1,2,3,9',
      magnitudes: powers.map((p) => Math.sqrt(p).toFixed(6)).join(','),
      riceFactor,
    };
    const radio = await openChannelFlowgraph({ ...clean, fading });
    const period = 32;
    const x = createComplex(period * 4000);
    for (let n = 0; n < x.re.length; n += period) x.re[n] = 1;
    const sending = radio.transmit(x).then(() => radio.endTransmission());
    const power = new Float64Array(period);
    const amplitudes = new Float64Array(4000);
    for (const { samples, sampleIndex } of await collect(radio)) {
      samples.re.forEach((re, i) => {
        const at = sampleIndex + i;
        const p = re ** 2 + samples.im[i] ** 2;
        power[at % period] += p / 4000;
        // The channel model is 3 samples early, so the first tap of an impulse lies before its place.
        if (at % period === period - 3) amplitudes[Math.floor(at / period)] = Math.sqrt(p);
      });
    }
    await sending;
    await radio.close();
    return [power, amplitudes];
  };

  it('has the delays and powers that it was given', async () => {
    const [power] = await responses(0);
    const first = power.length - 3;
    [0, 1, 2, 3, 9].forEach((delay, l) => {
      const found = power[(first + delay) % power.length];
      expect(Math.abs(10 * Math.log10(found / powers[l]))).toBeLessThan(1.5);
    });
    expect(power[(first + 6) % power.length]).toBeLessThan(1e-3);
  }, 60_000);

  it('is Rician with the factor that it was given', async () => {
    const spreadOf = (values: Float64Array): number => {
      const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
      return Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length) / mean;
    };
    const [, rayleigh] = await responses(0);
    const [, rician] = await responses(50);
    // Rayleigh amplitudes: √(4/π − 1) = 0.52; with a specular path of 50 times the power about 0.1.
    expect(spreadOf(rayleigh)).toBeGreaterThan(0.35);
    expect(spreadOf(rician)).toBeLessThan(0.2);
  }, 60_000);
});

async function collect(radio: { receive(): AsyncIterable<SampleBlock> }): Promise<SampleBlock[]> {
  const blocks: SampleBlock[] = [];
  for await (const block of radio.receive()) blocks.push(block);
  return blocks;
}

describe('gaps', () => {
  it('of a device are marked to the sample, and its letters are counted', async () => {
    const radio = await openUsrp(usrp, { command: fake('overrun') });
    const blocks = await collect(radio);
    for (const { samples, sampleIndex } of blocks) {
      samples.re.forEach((value, i) => expect(value).toBe(sampleIndex + i));
    }
    expect(
      blocks
        .filter(({ dropped }) => dropped > 0)
        .map(({ sampleIndex, dropped, cause }) => [sampleIndex, dropped, cause]),
    ).toEqual([
      [1500, 500, 'device'],
      [2507, 7, 'device'],
    ]);
    expect(radio.counters()).toMatchObject({
      received: 2100,
      lostInDevice: 507,
      overruns: 3,
      underruns: 2,
      latePackets: 1,
    });
    expect(radio.rx).toMatchObject({ gainDb: 30, antenna: 'RX2', centerFrequencyHz: 9e8 });
    await radio.close();
  });

  it('of a slow reader are counted and marked where the source cannot wait', async () => {
    const radio = openMockRadio({ sampleRateHz: 1e6, policy: 'drop', capacity: 10_000 });
    const signal = testSignal(35_000);
    for (let at = 0; at < 35_000; at += 1000) await radio.transmit(subarray(signal, at, at + 1000));
    const iterator = radio.receive()[Symbol.asyncIterator]();
    const first: SampleBlock[] = [];
    for (let i = 0; i < 10; i++) first.push((await iterator.next()).value as SampleBlock);
    await radio.transmit(subarray(signal, 0, 1000));
    await radio.endTransmission();
    const late = (await iterator.next()).value as SampleBlock;
    expect(late).toMatchObject({ sampleIndex: 35_000, dropped: 25_000, cause: 'queue' });
    expect(radio.counters()).toMatchObject({ received: 11_000, lostInQueue: 25_000, queuePeak: 10_000 });
  });

  it('of a recording are gaps again when it is played', async () => {
    const signal = testSignal(30_000);
    const base = record(signal, [
      [10_000, 500],
      [20_000, 7],
    ]);
    const radio = openReplay(openAnyRecording(base), { sampleRateHz: 1e6 });
    const blocks = await collect(radio);
    expect(concatComplex(blocks.map(({ samples }) => samples)).re).toEqual(signal.re);
    expect(
      blocks.filter(({ dropped }) => dropped > 0).map(({ sampleIndex, dropped }) => [sampleIndex, dropped]),
    ).toEqual([
      [10_500, 500],
      [20_507, 7],
    ]);
  });

  it('of a scripted mock come where they were asked for', async () => {
    const radio = openMockRadio({ sampleRateHz: 1e6, script: [{ kind: 'gap', at: 1500, lost: 300 }] });
    const sending = (async () => {
      for (let i = 0; i < 4; i++) await radio.transmit(testSignal(1000));
      await radio.endTransmission();
    })();
    const blocks = await collect(radio);
    await sending;
    expect(blocks.find(({ dropped }) => dropped > 0)).toMatchObject({ sampleIndex: 1800, dropped: 300 });
  });
});

describe('failures', () => {
  it.each([
    ['silent', /USRP: sent no samples for 0\.4 s; it was unplugged or its driver hangs/],
    ['crash', /USRP: does not answer any more; check cable and power/],
    ['garbage', /sent samples without a header/],
  ])('a device that is %s rejects its reader with one line', async (behaviour, message) => {
    const radio = await openUsrp({ ...usrp, silenceMs: 400 }, { command: fake(behaviour) });
    const received: number[] = [];
    const reading = (async () => {
      for await (const block of radio.receive()) received.push(block.samples.re.length);
    })();
    await expect(reading).rejects.toThrow(DeviceError);
    await expect(reading).rejects.toThrow(message);
    // What had arrived was handed over first.
    expect(received.reduce((a, b) => a + b, 0)).toBeGreaterThan(0);
    await radio.close();
  });

  it('a busy device says so when it is opened', async () => {
    await expect(openUsrp({ ...usrp, args: 'addr=10.0.0.2' }, { command: fake('busy') })).rejects.toThrow(
      /USRP addr=10\.0\.0\.2: is in use by another program/,
    );
  });

  it('a driver that never gets ready is given up and killed', async () => {
    await expect(openUsrp(usrp, { command: fake('hang'), startMs: 300 })).rejects.toThrow(
      /did not start within 0\.3 s/,
    );
  });

  it('a flowgraph that ignores SIGTERM is killed', async () => {
    const radio = await openUsrp(usrp, { command: fake('stubborn') });
    await radio.close();
  }, 20_000);

  it('a mock that fails rejects sender and reader', async () => {
    const radio = openMockRadio({ sampleRateHz: 1e6, script: [{ kind: 'fail', at: 500, message: 'mock: unplugged' }] });
    const reading = collect(radio);
    await expect(radio.transmit(createComplex(1000))).rejects.toThrow(/unplugged/);
    await expect(reading).rejects.toThrow(/unplugged/);
  });

  it('an interpreter without GNU Radio is named', async () => {
    const before = process.env['BLINDLINK_PYTHON'];
    process.env['BLINDLINK_PYTHON'] = '/bin/false';
    try {
      await expect(openChannelFlowgraph(clean)).rejects.toThrow(
        /GNU Radio not found: \/bin\/false has no module gnuradio; install/,
      );
    } finally {
      if (before === undefined) delete process.env['BLINDLINK_PYTHON'];
      else process.env['BLINDLINK_PYTHON'] = before;
    }
  });
});

describe('replay', () => {
  it('plays sections, and loops, with indices that count on', async () => {
    const signal = testSignal(5000);
    const sections = [
      { start: 100, count: 50 },
      { start: 4000, count: 100 },
    ];
    const radio = openReplay(openAnyRecording(record(signal)), { sampleRateHz: 1e6, sections, loops: 2 });
    const got = concatComplex((await collect(radio)).map(({ samples }) => samples));
    const once = concatComplex(sections.map(({ start, count }) => subarray(signal, start, start + count)));
    expect(got.re).toEqual(concatComplex([once, once]).re);
  });

  it('paced in real time takes as long as the recording lasts', async () => {
    const radio = openReplay(openAnyRecording(record(testSignal(40_000))), { sampleRateHz: 1e5, pace: 'real-time' });
    const began = performance.now();
    const blocks = await collect(radio);
    // 0.4 s of signal; that it does not come sooner is what pacing means.
    expect(performance.now() - began).toBeGreaterThan(350);
    expect(blocks.reduce((sum, { samples }) => sum + samples.re.length, 0)).toBe(40_000);
  });

  it('refuses sections that are not there', () => {
    const recording = openAnyRecording(record(testSignal(100)));
    expect(() => openReplay(recording, { sampleRateHz: 1, sections: [{ start: 100, count: 5 }] })).toThrow(
      /has no section/,
    );
  });
});

describe("UHD's letters", () => {
  it.each([
    ['UUU', { underruns: 3, latePackets: 0, overruns: 0 }],
    ['O\nD\nL', { underruns: 0, latePackets: 1, overruns: 2 }],
    ['[INFO] [UHD] linux; GNU C++\n', { underruns: 0, latePackets: 0, overruns: 0 }],
    ['LOUD words\nSOLID', { underruns: 0, latePackets: 0, overruns: 0 }],
  ])('%j', (text, counts) => {
    expect(driverLetters(text)).toEqual(counts);
  });
});
