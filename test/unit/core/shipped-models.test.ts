import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { findModel, MODELS_APART } from '../../../src/core/shipped-models.js';

it('every model is in the package itself or known to be apart from it', () => {
  const { files } = JSON.parse(readFileSync('package.json', 'utf8')) as { files: string[] };
  const within = files.flatMap((file) => /^models\/([\w-]+)$/.exec(file)?.[1] ?? []);
  const apart = Object.values(MODELS_APART).flat();
  const all = readdirSync('models').filter((name) => existsSync(`models/${name}/card.json`));
  expect([...within, ...apart].sort()).toEqual(all);
});

it('a model that nobody has is refused with the names of those that are here', () => {
  expect(() => findModel('codec', 'none-such')).toThrow(
    /none-such: no such codec; give a card's path or one of faces-12/,
  );
});
