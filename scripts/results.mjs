// Runs the experiments whose marks docs/results.md has and writes them there: `npm run results -- [NAME…] [flags of sweep…]`.
// Campaigns go on where they were interrupted; one that is complete is only drawn again. Times at the end.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const DOCUMENT = 'docs/results.md';
const marked = [...readFileSync(`${root}${DOCUMENT}`, 'utf8').matchAll(/^<!-- campaign ([\w-]+) -->$/gm)].map(
  ([, name]) => name,
);

const args = process.argv.slice(2);
const firstFlag = args.findIndex((arg) => arg.startsWith('-'));
const [wanted, flags] = firstFlag < 0 ? [args, []] : [args.slice(0, firstFlag), args.slice(firstFlag)];
for (const name of wanted) {
  if (!marked.includes(name)) fail(`${name}: ${DOCUMENT} has no mark for it; it has ${marked.join(', ')}`);
}

const took = [];
for (const name of wanted.length > 0 ? wanted : marked) {
  const file = `experiments/${name}.yaml`;
  if (!existsSync(`${root}${file}`)) fail(`${file}: is not there, though ${DOCUMENT} has a mark for it`);
  const began = Date.now();
  console.log(`\n== ${name}`);
  run('sweep', file, '--out', `runs/${name}`, ...flags);
  run('report', `runs/${name}`, '--markdown', DOCUMENT);
  took.push([name, (Date.now() - began) / 60_000]);
}
console.log('\nminutes');
for (const [name, minutes] of took) console.log(`${minutes.toFixed(1).padStart(6)}  ${name}`);
console.log(
  `${took
    .reduce((sum, [, minutes]) => sum + minutes, 0)
    .toFixed(1)
    .padStart(6)}  in all`,
);

function run(...command) {
  const { status, signal } = spawnSync(process.execPath, ['bin/blindlink.mjs', ...command], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(signal === null ? status : 130);
}

function fail(text) {
  console.error(`results: ${text}`);
  process.exit(2);
}
