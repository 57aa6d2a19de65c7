/**
 * A codec of one's own: two ONNX graphs and a card. This one is linear (each 8×8 block's mean colour and first cosines, with
 * the gains that fit photographs), made here without any training; a real one is exported from PyTorch the same way.
 *
 *   node examples/own-codec.mjs [folder]
 */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGraphBuilder } from 'blindlink/graph';
import { linkFrames, findReceivers, openPictures, resolveConfig, withModels } from 'blindlink/link';

const folder = process.argv[2] ?? mkdtempSync(join(tmpdir(), 'own-codec-'));
mkdirSync(folder, { recursive: true });

const D = 8;
// 16 latents a block: (colour, vertical frequency, horizontal frequency) and the gain that brings each near the same power.
const kept = [];
for (const [v, h] of [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
  [0, 2],
  [2, 0],
])
  for (let c = 0; c < 3; c++) kept.push([c, v, h]);
kept.length = 16;
const wave = (k, n) => Math.sqrt((k === 0 ? 1 : 2) / D) * Math.cos((Math.PI * k * (n + 0.5)) / D);
const gain = ([, v, h]) => (1 + 2 * (v + h)) / 4;

const filters = new Float32Array(kept.length * 3 * D * D);
const back = new Float32Array(kept.length * 3 * D * D);
kept.forEach(([c, v, h], i) => {
  for (let y = 0; y < D; y++) {
    for (let x = 0; x < D; x++) {
      const at = ((i * 3 + c) * D + y) * D + x;
      filters[at] = gain(kept[i]) * wave(v, y) * wave(h, x);
      back[at] = (wave(v, y) * wave(h, x)) / gain(kept[i]);
    }
  }
});

const encoder = createGraphBuilder('encoder');
const picture = encoder.input('picture', ['n', 3, 'h', 'w']);
const centred = encoder.node('Sub', [picture, encoder.scalar(0.5)]);
const latents = encoder.node('Conv', [centred, encoder.constant(filters, [kept.length, 3, D, D])], {
  kernel_shape: [D, D],
  strides: [D, D],
});
encoder.output('latents', latents, ['n', kept.length, 'rows', 'columns']);

// The link hands a decoder latents of mean square ½; this one expects about that of its own scale.
const decoder = createGraphBuilder('decoder');
const received = decoder.input('latents', ['n', kept.length, 'rows', 'columns']);
const scaled = decoder.node('Mul', [received, decoder.scalar(0.45)]);
const blocks = decoder.node('ConvTranspose', [scaled, decoder.constant(back, [kept.length, 3, D, D])], {
  kernel_shape: [D, D],
  strides: [D, D],
});
decoder.output('picture', decoder.node('Add', [blocks, decoder.scalar(0.5)]), ['n', 3, 'h', 'w']);

writeFileSync(join(folder, 'encoder.onnx'), encoder.build());
writeFileSync(join(folder, 'decoder.onnx'), decoder.build());
const card = {
  format: 'blindlink-codec/1',
  name: 'cosines',
  encoder: 'encoder.onnx',
  decoder: 'decoder.onnx',
  latentChannels: kept.length,
  downSampling: D,
};
writeFileSync(join(folder, 'card.json'), JSON.stringify(card, null, 2));

const config = resolveConfig({ codec: folder, snrDb: 15, receiver: { names: ['perfect', 'pilot'] } });
const receivers = await findReceivers(config);
const source = openPictures(['builtin:natural'], { maxPixels: 1 << 22, frames: 4 });
await withModels(config, receivers, async (models) => {
  for await (const outcomes of linkFrames(config, models, source.pictures())) {
    console.log(outcomes.map(({ report }) => `${report.receiver} ${report.psnrDb.toFixed(2)} dB`).join('  '));
  }
});
console.log(`npx blindlink simulate builtin:natural --codec ${folder} --receiver perfect,pilot`);
