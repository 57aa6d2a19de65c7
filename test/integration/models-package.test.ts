import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const packed = (folder: string): string[] => {
  const { stdout } = spawnSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: folder,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];
  return files.map(({ path }) => path);
};
/** The files that a card holds the hashes of. */
const named = (model: string): string[] => {
  const card = JSON.parse(readFileSync(join('models', model, 'card.json'), 'utf8')) as {
    sha256: Record<string, string>;
  };
  return ['card.json', ...Object.keys(card.sha256)].map((file) => `${model}/${file}`);
};

describe('the packages', () => {
  it('of models has every file that a card names', () => {
    const models = readdirSync('models').filter((name) => existsSync(join('models', name, 'card.json')));
    expect(models).toContain('photo-48');
    expect(packed('models')).toEqual(expect.arrayContaining(models.flatMap(named)));
  });

  it('of the program has the two codecs of its own, but for a perceptual decoder', () => {
    const files = packed('.');
    const wanted = ['faces-12', 'photo-48'].flatMap(named).filter((file) => file !== 'photo-48/perceptual.onnx');
    expect(files).toEqual(expect.arrayContaining(wanted.map((file) => `models/${file}`)));
    expect(files).not.toContain('models/photo-48/perceptual.onnx');
  });
});
