import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import type { Command } from 'commander';
import sharp from 'sharp';
import { ConfigError, FormatError } from '../core/errors.js';
import { makeFolder } from '../core/make-folder.js';
import { writing } from '../link/results/run-folder.js';
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
        writing(folder, () => makeFolder(folder));
        const base = baseFor(join(folder, basename(file).replace(/\.sigmf(-meta|-data)?$/, '')), file);
        const files: [string, string | Buffer][] = [
          [`${base}-spectrogram.png`, await spectrogramPng(recording, how)],
          [`${base}-spectrum.svg`, withSource(psdSvg(recording, how), file)],
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

const source = (file: string): string => `<!-- of ${encodeURIComponent(resolve(file))} -->\n`;

/** The drawing with the recording's path at its end, by which it is known again. */
const withSource = (svg: string, file: string): string => svg.replace(/<\/svg>\n$/, `${source(file)}</svg>\n`);

/** The first of `base`, `base-2`, … that is free or holds drawings of this very file: no other's are overwritten. */
function baseFor(base: string, file: string): string {
  for (let n = 1; ; n++) {
    const name = n === 1 ? base : `${base}-${n}`;
    const drawn = `${name}-spectrum.svg`;
    if (!existsSync(drawn) || readFileSync(drawn, 'utf8').includes(source(file))) return name;
  }
}
