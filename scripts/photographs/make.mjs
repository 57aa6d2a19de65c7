/**
 * Makes the pictures of builtin:photos: node scripts/photographs/make.mjs [SCENE …]
 * Needs g++ (C++17). All scenes take about an hour of one core; the numbers of samples are the scenes' own.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';

const from = import.meta.dirname;
const to = join(from, '../../photographs');
const EDGE = 512;
const QUALITY = 90;

const run = (command, args) => {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit' });
  if (status === 0) return;
  console.error(`${command}: ${error?.message ?? `ended with ${status}`}`);
  process.exit(1);
};

/** A binary PPM of 8 bits, as the program writes it. */
function readPpm(path) {
  const bytes = readFileSync(path);
  const head = /^P6\n(\d+) (\d+)\n255\n/.exec(bytes.subarray(0, 40).toString('latin1'));
  return { data: bytes.subarray(head[0].length), width: Number(head[1]), height: Number(head[2]) };
}

const sources = readdirSync(from).filter((name) => name.endsWith('.cpp'));
const scenes = sources.map((name) => name.slice(0, -4)).filter((name) => name !== 'main');
const wanted = process.argv.length > 2 ? process.argv.slice(2) : scenes;
const unknown = wanted.find((name) => !scenes.includes(name));
if (unknown !== undefined) {
  console.error(`${unknown}: no such scene; give some of ${scenes.join(', ')}`);
  process.exit(2);
}
const work = mkdtempSync(join(tmpdir(), 'photographs-'));
try {
  const program = join(work, 'photographs');
  const flags = ['-std=c++17', '-O3', '-march=native', '-ffast-math', '-fno-finite-math-only', '-Wall', '-Wextra'];
  run('g++', [...flags, ...sources.map((name) => join(from, name)), '-o', program]);
  mkdirSync(to, { recursive: true });
  for (const scene of wanted) {
    console.log(scene);
    const raw = join(work, `${scene}.ppm`);
    run(program, [scene, raw, String(EDGE)]);
    const { data, width, height } = readPpm(raw);
    await sharp(data, { raw: { width, height, channels: 3 } })
      .webp({ quality: QUALITY, smartSubsample: true, effort: 6 })
      .toFile(join(to, `${scene}.webp`));
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
