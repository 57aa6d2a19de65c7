import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Command } from 'commander';
import sharp from 'sharp';
import { ConfigError, FormatError } from '../core/errors.js';
import { iqSvg, psdSvg, spectrogramPng } from '../link/results/signal-plots.js';
import { addInputFlags, openInput, rateOf, whole } from './input-file.js';

export function addPlot(program: Command): void {
  addInputFlags(
    program
      .command('plot')
      .description('Draw a recording: spectrogram, spectrum, samples in the complex plane.')
      .argument('<file>', 'SigMF recording, archive or raw samples'),
  )
    .option('--out <folder>', 'where to', 'plots')
    .option('--bins <n>', 'bins of spectrum and spectrogram, a power of two', whole('--bins', 16), 512)
    .option('--png', 'spectrum and samples as PNG too')
    .action(async (file: string, options: Record<string, unknown>) => {
      const bins = options['bins'] as number;
      if ((bins & (bins - 1)) !== 0 || bins > 65_536) {
        throw new ConfigError('config.flag', `--bins ${bins}: choose a power of two from 16 to 65536`);
      }
      const recording = openInput(file, options);
      try {
        const channel = (options['inputChannel'] as number | undefined) ?? 0;
        const how = { sampleRateHz: rateOf(recording), channel, fftSize: bins };
        if (recording.numSamples < bins) {
          throw new FormatError(
            'recording.short',
            `${file}: has ${recording.numSamples} samples, fewer than --bins ${bins}`,
          );
        }
        const folder = options['out'] as string;
        mkdirSync(folder, { recursive: true });
        const base = join(folder, basename(file).replace(/\.(sigmf(-meta|-data)?|[a-z]+\d+)$/, ''));
        const files: [string, string | Buffer][] = [
          [`${base}-spectrogram.png`, await spectrogramPng(recording, how)],
          [`${base}-spectrum.svg`, psdSvg(recording, how)],
          [`${base}-iq.svg`, iqSvg(recording, how)],
        ];
        if (options['png'] === true) {
          for (const [path, content] of files.slice(1)) {
            files.push([path.replace(/svg$/, 'png'), await sharp(Buffer.from(content)).png().toBuffer()]);
          }
        }
        for (const [path, content] of files) {
          writeFileSync(`${path}.part`, content);
          renameSync(`${path}.part`, path);
          console.log(path);
        }
      } finally {
        recording.close();
      }
    });
}
