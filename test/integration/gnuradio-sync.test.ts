import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { concatComplex, type ComplexArray, interleave } from '../../src/core/complex.js';
import { createPreambleDetector } from '../../src/sync/preamble-detector.js';
import { describeWith, gnuradio, gnuradioPython } from '../support/programs.js';
import { createStage, oneTap, ota, unitTaps } from '../unit/sync/helpers.js';

const script = `
import json, sys
import numpy as np
from gnuradio import gr, blocks, digital
samples = np.fromfile(sys.argv[1], dtype=np.complex64)
top = gr.top_block("sync", catch_exceptions=False)
source = blocks.vector_source_c(samples.tolist(), False)
sync = digital.ofdm_sync_sc_cfb(64, 16, True, float(sys.argv[2]))
offsets, triggers = blocks.vector_sink_f(), blocks.vector_sink_b()
top.connect(source, sync)
top.connect((sync, 0), offsets)
top.connect((sync, 1), triggers)
top.run()
at = np.flatnonzero(np.array(triggers.data()))
values = np.array(offsets.data())
print("RESULT " + json.dumps([[int(i), float(values[i] / np.pi)] for i in at]))
`;

describeWith(gnuradio(), 'GNU Radio, asked where our preambles are', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'blindlink-sync-'));
    writeFileSync(join(folder, 'sync.py'), script);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Triggers of ofdm_sync_sc_cfb: sample and carrier offset in subcarriers. */
  function askGnuRadio(samples: ComplexArray, threshold: number): [sample: number, cfoSubcarriers: number][] {
    const iq = join(folder, 'iq.cf32');
    writeFileSync(iq, interleave(samples));
    const args = [join(folder, 'sync.py'), iq, `${threshold}`];
    const env = { ...process.env, GR_CONF_LOG_LOG_FILE: 'stderr' };
    const output = execFileSync(gnuradioPython, args, { encoding: 'utf8', env, timeout: 60_000 });
    const line = /^RESULT (.*)$/m.exec(output);
    return JSON.parse(line?.[1] ?? 'null') as [number, number][];
  }

  const frames = 6;
  const lead = 700;
  function scene(
    snrDb: number,
    cfoSubcarriers: number,
    multipath: boolean,
  ): { samples: ComplexArray; starts: number[] } {
    const stage = createStage(ota);
    const parts = Array.from({ length: frames }, (_, i) =>
      stage({ lead, snrDb, cfoSubcarriers, taps: multipath ? unitTaps(i) : oneTap, seed: i }),
    );
    return { samples: concatComplex(parts), starts: parts.map((part, i) => i * part.re.length + lead) };
  }

  it.each([0.3, -0.45])('it finds all of them at 25 dB, and the carrier offset %s that we find', (cfo) => {
    const { samples, starts } = scene(25, cfo, false);
    const triggers = askGnuRadio(samples, 0.9);
    const ours = createPreambleDetector(ota, { holdOffSamples: ota.frameLength(1) }).execute(samples);
    expect(ours).toHaveLength(frames);
    starts.forEach((start, i) => {
      const trigger = triggers.find(([at]) => at >= start && at <= start + 80);
      expect(trigger, `a trigger in the first word from ${start}`).toBeDefined();
      expect(Math.abs(trigger![1] - cfo)).toBeLessThan(0.03);
      expect(Math.abs(ours[i].cfoSubcarriers - trigger![1])).toBeLessThan(0.03);
    });
  });

  it('ours misses none over multipath at 10 dB, and finds no fewer than it does', () => {
    const { samples, starts } = scene(10, 0.2, true);
    const near = (at: number): boolean => starts.some((start) => at >= start - 16 && at <= start + 80);
    const theirs = askGnuRadio(samples, 0.9).filter(([at]) => near(at)).length;
    const ours = createPreambleDetector(ota, { holdOffSamples: ota.frameLength(1) }).execute(samples);
    const found = ours.filter((d) => starts.some((start) => Math.abs(d.startSample - start) <= 9));
    expect(found).toHaveLength(frames);
    expect(found.length).toBeGreaterThanOrEqual(theirs);
  });

  it.each([0.3, 1.6, -2.2])(
    'of its own default transmitter we find every packet, and the offset %s whole',
    (cfo) => {
      const send = join(folder, 'send.py');
      writeFileSync(
        send,
        `
import sys
import numpy as np
from gnuradio import gr, blocks, digital
top = gr.top_block("send", catch_exceptions=False)
data = np.random.RandomState(1).randint(0, 256, 6 * 60).tolist()
tags = blocks.stream_to_tagged_stream(gr.sizeof_char, 1, 60, "length")
sender = digital.ofdm_tx(packet_length_tag_key="length", bps_header=1, bps_payload=2)
sink = blocks.vector_sink_c()
top.connect(blocks.vector_source_b(data, False), tags, sender, sink)
top.run()
x = np.array(sink.data())
x = 0.2 * x / np.sqrt(np.mean(np.abs(x) ** 2))
noise = np.random.RandomState(2)
x = np.concatenate([np.zeros(700), x, np.zeros(700)]) * np.exp(2j * np.pi * float(sys.argv[2]) / 64 * np.arange(len(x) + 1400))
x += 0.2 * 10 ** (-15 / 20) * (noise.randn(len(x)) + 1j * noise.randn(len(x))) / np.sqrt(2)
x.astype(np.complex64).tofile(sys.argv[1])
`,
      );
      const iq = join(folder, 'gnuradio.cf32');
      execFileSync(gnuradioPython, [send, iq, `${cfo}`], {
        env: { ...process.env, GR_CONF_LOG_LOG_FILE: 'stderr' },
        timeout: 60_000,
      });
      const args = ['dist/cli/main.js', 'sync', iq, '--rate', '1M', '--json'];
      const frames = execFileSync(process.execPath, args, { encoding: 'utf8' })
        .split('\n')
        .filter((line) => line.includes('"frame"'))
        .map((line) => JSON.parse(line) as { cfoSubcarriers: number; cfoWholeKnown: boolean });
      expect(frames).toHaveLength(6);
      for (const { cfoSubcarriers, cfoWholeKnown } of frames) {
        expect(cfoWholeKnown).toBe(true);
        expect(Math.abs(cfoSubcarriers - cfo)).toBeLessThan(0.06);
      }
    },
    240_000,
  );
});
