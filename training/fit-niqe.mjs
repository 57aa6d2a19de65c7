/**
 * Fits NIQE's model of natural pictures to photographs and writes it to src/metrics/niqe-model.ts; as published, of each photograph
 * the blocks that are sharper than 0.75 of its sharpest.
 * `npm run build && node training/fit-niqe.mjs PICTURES…`: picture files, folders, or .jpegs files (uint32 count, so many
 * uint32 lengths, then the JPEG files, little-endian).
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { openPictures } from '../dist/source/picture-source.js';
import { featureModel, niqeBlocks } from '../dist/metrics/niqe.js';

const SHARP = 0.75;
const names = process.argv.slice(2);
if (names.length === 0) {
  console.error('fit-niqe: give photographs: files, folders or .jpegs files');
  process.exit(2);
}
const folder = mkdtempSync(join(tmpdir(), 'blindlink-niqe-'));
const rows = [];
let pictures = 0;
try {
  const sources = names.flatMap((name) => (name.endsWith('.jpegs') ? unpack(name) : [name]));
  for await (const { data, height, width } of openPictures(sources, { maxPixels: 1 << 24 }).pictures()) {
    const blocks = niqeBlocks({ data, height, width });
    const sharpest = Math.max(...blocks.map(({ sharpness }) => sharpness));
    for (const { features, sharpness } of blocks) {
      if (sharpness > SHARP * sharpest && features.every(Number.isFinite)) rows.push(features);
    }
    pictures++;
  }
} finally {
  rmSync(folder, { recursive: true });
}
const { mean, covariance } = featureModel(rows);
const numbers = (values) => Array.from(values, (v) => Number(v.toPrecision(7))).join(', ');
writeFileSync(
  new URL('../src/metrics/niqe-model.ts', import.meta.url),
  `/**
 * Fitted by training/fit-niqe.mjs to ${rows.length} sharp blocks of ${pictures} photographs (short edges of 288 to 321 pixels; ImageNet and
 * BSDS500, for research only). Only these numbers are kept of them.
 */
export const niqeModel: { readonly mean: readonly number[]; readonly covariance: readonly number[] } = {
  mean: [${numbers(mean)}],
  covariance: [${numbers(covariance)}],
};
`,
);
console.log(`${rows.length} blocks of ${pictures} photographs`);

/** The pictures of a .jpegs file as files. */
function unpack(path) {
  const bytes = readFileSync(path);
  const count = bytes.readUInt32LE(0);
  let at = 4 + 4 * count;
  return Array.from({ length: count }, (_, i) => {
    const length = bytes.readUInt32LE(4 + 4 * i);
    const file = join(folder, `${basename(path, '.jpegs')}-${String(i).padStart(5, '0')}.jpg`);
    writeFileSync(file, bytes.subarray(at, (at += length)));
    return file;
  });
}
