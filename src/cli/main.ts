#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { AbortedError, ConfigError, LinkError } from '../core/errors.js';
import { versions } from '../link/results/run-folder.js';
import { addAnnotate } from './annotate.js';
import { addCompare } from './compare.js';
import { addConvert } from './convert.js';
import { addDevices } from './devices.js';
import { addDoctor } from './doctor.js';
import { addInstrument } from './instrument.js';
import { addModel } from './model.js';
import { addSimulate } from './simulate.js';
import { addPlot } from './plot.js';
import { addReceive } from './receive.js';
import { addRecord } from './record.js';
import { addReplay } from './replay.js';
import { addReport } from './report.js';
import { addSweep } from './sweep.js';
import { addSync } from './sync.js';
import { addTransmit } from './transmit.js';
import { addLive } from './live.js';
import { addWatch } from './watch.js';
import { addWorker } from './worker.js';

/** Exit codes: 0 done, 1 failed, 2 wrong use (settings, flags, files), 130 interrupted. */
const EXIT = { failed: 1, usage: 2, interrupted: 130 } as const;

/**
 * A reader that has seen enough (`| head`), or a full disk behind `>`, ends a command as Ctrl-C does: what was done is saved. Node would
 * throw instead.
 */
let unread = false;
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (unread) return;
  unread = true;
  if (error.code !== 'EPIPE') console.error(`blindlink: standard output: ${error.message}`);
  process.kill(process.pid, 'SIGINT');
});
process.stderr.on('error', () => undefined);

const program = new Command('blindlink')
  .description('Pictures over OFDM and multipath, received without pilots.')
  .version(String(versions()['blindlink']))
  .showSuggestionAfterError(true)
  .exitOverride();

addSimulate(program);
addSweep(program);
addWorker(program);
addReport(program);
addCompare(program);
addLive(program);
addWatch(program);
addModel(program);
addTransmit(program);
addReceive(program);
addRecord(program);
addReplay(program);
addAnnotate(program);
addConvert(program);
addSync(program);
addPlot(program);
addDevices(program);
addInstrument(program);
addDoctor(program);

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT.usage;
  if (error instanceof AbortedError) {
    console.error(`blindlink: ${error.message}`);
    return EXIT.interrupted;
  }
  if (error instanceof LinkError) {
    console.error(`blindlink: ${error.message}`);
    if (process.env['BLINDLINK_DEBUG'] && error.cause instanceof Error) console.error(error.cause.stack);
    return error instanceof ConfigError ||
      /^(picture|recording)\.(?!write)/.test(error.code) ||
      error.code.endsWith('.unknown')
      ? EXIT.usage
      : EXIT.failed;
  }
  const text = error instanceof Error ? (process.env['BLINDLINK_DEBUG'] ? error.stack : error.message) : String(error);
  console.error(`blindlink: ${text ?? 'unknown error'} (BLINDLINK_DEBUG=1 shows where)`);
  return EXIT.failed;
}
