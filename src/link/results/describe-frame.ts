import type { LinkConfig } from '../../config/schema.js';
import type { ComplexArray } from '../../core/complex.js';
import type { LinkSetting } from '../../receiver/receiver.js';
import type { FrameOutcome } from './frame-report.js';

/** The first frame in words: what was sent, what the channel did, what each receiver made of it. */
export function describeFrame(outcomes: readonly FrameOutcome[], config: LinkConfig): string {
  const { arrived } = outcomes[0];
  const { sent } = arrived;
  const { grid, interleaver, layout } = sent.setting;
  const lines = [
    `${sent.picture.name} ${sent.picture.width}×${sent.picture.height} through ${config.codec}: ` +
      `${layout.numSymbols} symbols${layout.side === null ? '' : ` and ${layout.side.bits} bits of side information`} in ${interleaver.numPackets} packet(s) of ${grid.symbolsPerPacket}×${grid.numDataSubcarriers}, ` +
      `${grid.pilotSymbols} pilot symbol(s), prefix ${grid.cyclicPrefixLength}; PAPR ${sent.paprDb.toFixed(1)} dB`,
    ...idleElements(sent.setting),
    `CSNR ${config.snrDb} dB (${config.snrConvention}), ρ = ${config.rho}, seed ${config.seed}`,
  ];
  const { detection, diagnosis, timingError } = arrived.sync;
  if (detection !== null) {
    lines.push(
      `found the preamble ${timingError} samples from its place, CFO ${detection.cfoSubcarriers.toFixed(4)} subcarriers, ` +
        `SNR ${detection.snrDb.toFixed(1)} dB`,
    );
  } else if (diagnosis !== null) {
    lines.push(
      `no frame found: best metric ${diagnosis.bestMetric.toFixed(2)}, SNR guess ${diagnosis.snrGuessDb.toFixed(1)} dB`,
    );
  }
  const { timing } = arrived;
  lines.push(
    `time: encode ${sent.encodeMs.toFixed(1)} ms, modulate ${sent.modulateMs.toFixed(2)} ms, ` +
      `channel ${timing.channelMs.toFixed(2)} ms, synchronise and FFT ${timing.receiveMs.toFixed(2)} ms`,
  );
  if (arrived.taps.length > 0) {
    lines.push('', `  ${'taps |h|'.padEnd(10)}${magnitudes(arrived.taps[0])}  true`);
    for (const { report, result } of outcomes) {
      if (result === null || result.channel.length === 0) continue;
      const error = Number.isFinite(report.channelError) ? `, error ${report.channelError.toFixed(4)}` : '';
      lines.push(`  ${''.padEnd(10)}${magnitudes(result.channel[0].taps)}  ${report.receiver}${error}`);
    }
  }
  return lines.join('\n');
}

/** Says so where whole OFDM symbols carry nothing, which a shorter packet would save. */
function idleElements({ grid, interleaver, layout }: LinkSetting): string[] {
  const idle = interleaver.numPackets * grid.elementsPerPacket - layout.numSymbols;
  const enough = Math.ceil(layout.numSymbols / (interleaver.numPackets * grid.numDataSubcarriers));
  if (enough === grid.symbolsPerPacket) return [];
  return [`${idle} resource elements carry no codeword; --set ofdm.symbolsPerPacket=${enough} would save them`];
}

function magnitudes(taps: ComplexArray): string {
  const shown = Math.min(taps.re.length, 12);
  const values = Array.from({ length: shown }, (_, l) => Math.hypot(taps.re[l], taps.im[l]).toFixed(3));
  return values.join(' ') + (shown < taps.re.length ? ' …' : '');
}
