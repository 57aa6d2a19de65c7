/**
 * The live link's targets, measured on `blindlink live` in a process of its own with clients on its stream: received
 * frames a second of pilot and blind-em side by side, time from a control to its effect, a killed worker, and resident
 * memory while clients come and go.
 *
 * npm run build && node test/bench/live.bench.mjs [minutes of soak, 0 by default] [rate, Hz]
 */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { createLiveClient } from '../../dist/dashboard/client.js';

const soakMinutes = Number(process.argv[2] ?? 0);
const rate = process.argv[3] ?? '30';
const program = join(import.meta.dirname, '../../dist/cli/main.js');
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const quantile = (values, share) => values.toSorted((a, b) => a - b)[Math.floor(share * (values.length - 1))];

const live = spawn(process.execPath, [program, 'live', '--port', '0', '--frame-rate', rate], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
const url = await new Promise((done) => {
  live.stdout.on('data', (part) => {
    const found = /at (http:\S+)/.exec(part.toString());
    if (found) done(found[1]);
  });
});
const stream = `${url.replace('http', 'ws')}stream`;

function connect(onMessage, maxRateHz = 60) {
  let client;
  const opened = new Promise((done) => {
    client = createLiveClient({
      url: stream,
      createSocket: (address) => new WebSocket(address),
      maxRateHz,
      onMessage,
      onConnection: (state) => state === 'open' && done(),
    });
  });
  return { client, opened };
}

/** MiB of the live process and its workers, resident. */
function residentMiB() {
  let sum = 0;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      const parent = Number(/PPid:\s+(\d+)/.exec(status)?.[1]);
      if (Number(pid) === live.pid || parent === live.pid)
        sum += Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
    } catch {
      // Gone since the listing.
    }
  }
  return Math.round(sum);
}

const watchers = new Set();
const { client, opened } = connect((message) => {
  for (const watcher of watchers) watcher(message);
});
await opened;
const names = ['pilot', 'blind-em'];
const next = (matches) =>
  new Promise((done) => {
    const watcher = (message) => {
      if (!matches(message)) return;
      watchers.delete(watcher);
      done(performance.now());
    };
    watchers.add(watcher);
  });
await Promise.all(names.map((name) => next(({ type, receiver }) => type === 'result' && receiver === name)));
await sleep(3000);

console.log(
  `load average before: ${loadavg()
    .map((v) => v.toFixed(1))
    .join(' ')} (other work on this machine lowers what follows)`,
);
const counted = new Map();
const counter = ({ type, receiver }) => type === 'result' && counted.set(receiver, (counted.get(receiver) ?? 0) + 1);
watchers.add(counter);
const began = performance.now();
await sleep(20_000);
watchers.delete(counter);
const seconds = (performance.now() - began) / 1000;
for (const name of names)
  console.log(
    `${name}: ${((counted.get(name) ?? 0) / seconds).toFixed(1)} frames/s received by the client, ${rate} frames/s sent`,
  );

const effects = { frame: [], pilot: [], 'blind-em': [] };
let epoch = 0;
watchers.add((message) => {
  if (message.type === 'state') epoch = message.epoch;
});
for (let i = 0; i < 40; i++) {
  const before = epoch;
  const start = performance.now();
  const seen = [
    next(({ type, epoch: of }) => type === 'frame' && of > before).then((at) => effects.frame.push(at - start)),
    ...names.map((name) =>
      next(({ type, receiver, epoch: of }) => type === 'result' && receiver === name && of > before).then((at) =>
        effects[name].push(at - start),
      ),
    ),
  ];
  await client.request({ type: 'set', changes: { snrDb: i % 2 === 0 ? 5 : 12 } });
  await Promise.all(seen);
  await sleep(150);
}
for (const [what, times] of Object.entries(effects)) {
  console.log(
    `control to effect, ${what}: median ${quantile(times, 0.5).toFixed(0)} ms, 90 % ${quantile(times, 0.9).toFixed(0)} ms, worst ${quantile(times, 1).toFixed(0)} ms`,
  );
}

let others = 0;
const otherCounter = ({ type, receiver }) => type === 'result' && receiver === 'pilot' && others++;
const crash = next(
  ({ type, level, text }) => type === 'log' && level === 'error' && text.startsWith('blind-em: its process ended'),
);
const killedAt = performance.now();
await client.request({ type: 'restart', receiver: 'blind-em' });
watchers.add(otherCounter);
const shown = (await crash) - killedAt;
const back = (await next(({ type, receiver }) => type === 'result' && receiver === 'blind-em')) - killedAt;
watchers.delete(otherCounter);
console.log(
  `killed worker: shown after ${shown.toFixed(0)} ms, receives again after ${back.toFixed(0)} ms, in which pilot received ${others} frames`,
);

if (soakMinutes > 0) {
  console.log(`soak of ${soakMinutes} minutes; clients come and go, one does not read:`);
  const end = performance.now() + 60_000 * soakMinutes;
  const report = Math.max(15_000, (60_000 * soakMinutes) / 16);
  let reportAt = performance.now();
  let visits = 0;
  while (performance.now() < end) {
    const visitor = connect(() => undefined);
    await visitor.opened;
    const sleeper = new WebSocket(stream);
    sleeper.on('error', () => undefined);
    sleeper.on('open', () => sleeper._socket.pause());
    await sleep(500);
    visitor.client.close();
    sleeper.terminate();
    visits++;
    if (performance.now() >= reportAt) {
      reportAt += report;
      console.log(
        `  ${((end - performance.now()) / 60_000).toFixed(1)} minutes left: ${residentMiB()} MiB resident (link, feed, 2 receivers), ${visits} visits`,
      );
    }
  }
}
client.close();
live.kill('SIGINT');
await new Promise((done) => live.on('close', done));
