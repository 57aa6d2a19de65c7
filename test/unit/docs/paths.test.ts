import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

/** Decisions tell of what was, the changelog too. */
const documents = [
  'README.md',
  'training/README.md',
  'models/README.md',
  ...readdirSync('docs')
    .filter((name) => name.endsWith('.md') && name !== 'decisions.md')
    .map((name) => join('docs', name)),
];
const FOLDERS = 'src|test|docs|examples|experiments|flowgraphs|firmware-configs|recordings|scripts|training|models';

it.each(documents)('%s names files that are there', (document) => {
  const text = readFileSync(document, 'utf8');
  const named = [...text.matchAll(new RegExp(`\`((?:${FOLDERS})/[\\w./-]+)[\`\\s]`, 'g'))].map(([, path]) => path);
  // NAME stands for any.
  expect(named.filter((path) => !path.includes('NAME') && !existsSync(path))).toEqual([]);
});
