/**
 * A picture codec as two commands, for tests: `encode IN OUT QUALITY` keeps every n-th row and column of a PPM file,
 * `decode IN OUT` repeats them; `hang` never ends, `fail` says why it fails, `idle` writes nothing.
 */
import { readFileSync, writeFileSync } from 'node:fs';

const [mode, input, output, quality] = process.argv.slice(2);
if (mode === 'hang') setInterval(() => undefined, 1000);
else if (mode === 'fail') {
  process.stderr.write('first a word too many\nthe picture is too blue\n');
  process.exit(3);
} else if (mode === 'encode' || mode === 'decode') {
  const file = readFileSync(input);
  const [, header, w, h] = /^(P6\n(\d+) (\d+)\n255\n)/.exec(file.toString('latin1'));
  const [width, height] = [Number(w), Number(h)];
  const step = mode === 'encode' ? 64 / Number(quality) : 1;
  const [columns, rows] = [Math.max(1, Math.floor(width / step)), Math.max(1, Math.floor(height / step))];
  const out = Buffer.alloc(3 * columns * rows);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const at = header.length + 3 * (Math.floor(y * step) * width + Math.floor(x * step));
      file.copy(out, 3 * (y * columns + x), at, at + 3);
    }
  }
  writeFileSync(output, Buffer.concat([Buffer.from(`P6\n${columns} ${rows}\n255\n`), out]));
}
