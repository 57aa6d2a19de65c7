import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import type { ComplexArray } from '../../core/complex.js';
import { DeviceError } from '../../core/errors.js';
import type { SampleQueue } from '../sample-queue.js';
import { explainFailure } from './explain-failure.js';
import { findPython, flowgraphFolder } from './python.js';
import { createFramedParser, createRawParser, toWire } from './wire.js';

export interface FlowgraphOptions {
  /** Of flowgraphs/generated. */
  readonly flowgraph: string;
  readonly parameters: Readonly<Record<string, string | number>>;
  /** In messages. */
  readonly device: string;
  readonly transmits: boolean;
  /** Where received samples go; null for a flowgraph that only transmits. */
  readonly queue: SampleQueue | null;
  /** Milliseconds without a received sample after which the device counts as lost; null for a source that may pause. */
  readonly silenceMs: number | null;
  /** Milliseconds that a driver may take to start. */
  readonly startMs?: number;
  /** In place of GNU Radio, for tests: a program that speaks the same protocol. */
  readonly command?: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

/** What a device made of its settings. */
export interface ReportedSettings {
  readonly sampleRateHz: number;
  readonly centerFrequencyHz: number;
  readonly gainDb?: number;
  readonly antenna?: string;
  readonly device?: string;
}

export interface FlowgraphProcess {
  readonly applied: { readonly tx?: ReportedSettings; readonly rx?: ReportedSettings };
  readonly sent: number;
  /** What UHD printed: U, L, O, D. */
  readonly underruns: number;
  readonly latePackets: number;
  readonly overruns: number;
  send(samples: ComplexArray): Promise<void>;
  endInput(): Promise<void>;
  close(): Promise<void>;
}

/**
 * After SIGTERM a flowgraph has this long before it is killed: three seconds to stop, three to give the device back, and
 * something for a busy machine.
 */
const GRACE_MS = 8000;

/**
 * Runs a flowgraph as a child process (flowgraphs/run.py): samples to it on descriptor 3, from it on 4, events on 5. A full queue
 * with policy `block` pauses the pipe, which stops the flowgraph within 0.8 MB. The child ends when this process does.
 *
 * @returns when the device is ready
 * @throws DeviceError of one line if it cannot be started
 */
export async function startFlowgraph(options: FlowgraphOptions): Promise<FlowgraphProcess> {
  const { device, queue, transmits, silenceMs } = options;
  const parameters = Object.entries(options.parameters).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const [program, ...rest] = options.command ?? [findPython(), join(flowgraphFolder, 'run.py')];
  const child: ChildProcess = spawn(program, [...rest, options.flowgraph, ...parameters], {
    stdio: ['ignore', 'pipe', 'pipe', transmits ? 'pipe' : 'ignore', queue === null ? 'ignore' : 'pipe', 'pipe'],
    // Ctrl-C reaches the whole group of a terminal: the child must not end before its samples have been read.
    detached: true,
  });
  const input = transmits ? (child.stdio[3] as Writable) : null;
  const output = queue === null ? null : (child.stdio[4] as Readable);
  const counts = { sent: 0, underruns: 0, latePackets: 0, overruns: 0 };
  let applied: FlowgraphProcess['applied'] = {};
  let failure: DeviceError | null = null;
  let closing = false;
  let exited = false;
  let log = '';
  let lastSample = performance.now();
  let wakeSender: (() => void) | null = null;

  const exit = new Promise<void>((resolve) => {
    child.once('close', () => {
      exited = true;
      resolve();
    });
    child.once('error', () => {
      exited = true;
      resolve();
    });
  });
  const fail = (error: DeviceError): void => {
    failure ??= error;
    queue?.fail(failure);
    wakeSender?.();
  };

  const ready = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(
        new DeviceError('device.start', `${device}: did not start within ${(options.startMs ?? 60_000) / 1000} s`),
      );
    }, options.startMs ?? 60_000);
    const settle = (error: DeviceError | null): void => {
      clearTimeout(timer);
      if (error === null) resolve();
      else reject(error);
    };
    onLines((child.stdio as readonly unknown[])[5] as Readable, (line) => {
      const event = parseEvent(line);
      if (event === null) return;
      if (event.event === 'ready') {
        applied = event.applied ?? {};
        if (applied.rx !== undefined) queue?.settle(applied.rx);
        lastSample = performance.now();
        settle(null);
      } else if (event.event === 'error') {
        const error = explainFailure(device, event.kind ?? '', event.message ?? '');
        fail(error);
        settle(error);
      } else if (event.event === 'async') {
        if (event.kind === 'underrun') counts.underruns++;
        if (event.kind === 'late') counts.latePackets++;
      }
    });
    child.once('error', (cause) => {
      settle(new DeviceError('gnuradio.start', `${program}: cannot be run (${cause.message})`, { cause }));
    });
    child.once('close', (code, signal) => {
      const last = log.trim().split('\n').at(-1) ?? '';
      const how = signal === null ? `exit code ${code ?? '?'}` : signal;
      const error = explainFailure(device, '', last === '' ? `the flowgraph ended (${how})` : `${last} (${how})`);
      if (code !== 0 && !closing) fail(error);
      settle(error);
    });
    options.signal?.addEventListener('abort', () => {
      settle(new DeviceError('device.start', `${device}: cancelled`));
    });
  });
  ready.catch(() => undefined);

  const watchLetters = (chunk: Buffer): void => {
    const text = chunk.toString('latin1');
    log = (log + text).slice(-4000);
    const letters = driverLetters(text);
    counts.underruns += letters.underruns;
    counts.latePackets += letters.latePackets;
    counts.overruns += letters.overruns;
  };
  child.stderr?.on('data', watchLetters);
  child.stdout?.on('data', watchLetters);

  if (output !== null && queue !== null) {
    const take = (samples: ComplexArray, lost: number): void => {
      queue.push(samples, lost);
    };
    let parse: ((chunk: Buffer) => void) | null = null;
    output.on('data', (chunk: Buffer) => {
      lastSample = performance.now();
      // The first bytes tell which of the two protocols it is.
      parse ??= chunk.toString('latin1', 0, 4) === 'BLK1' ? createFramedParser(take) : createRawParser(take);
      try {
        parse(chunk);
      } catch (error) {
        fail(error as DeviceError);
      }
      if (queue.isFull && queue.policy === 'block') output.pause();
    });
    queue.onRoom = () => {
      if (output.isPaused()) output.resume();
    };
    output.on('error', () => undefined);
    output.once('end', () => {
      // Exit code and last words arrive after the pipe's end: a failure must not pass for an end.
      void exit.then(() => {
        if (failure === null) queue.end();
      });
    });
  }
  input?.on('error', () => {
    wakeSender?.();
  });
  input?.on('drain', () => {
    wakeSender?.();
  });
  input?.on('close', () => {
    wakeSender?.();
  });

  const watchdog =
    silenceMs === null || queue === null
      ? null
      : setInterval(() => {
          if (closing || exited || performance.now() - lastSample < silenceMs) return;
          fail(
            new DeviceError(
              'device.lost',
              `${device}: sent no samples for ${(silenceMs / 1000).toFixed(1)} s; it was unplugged or its driver hangs`,
            ),
          );
          child.kill('SIGKILL');
        }, silenceMs / 4);
  watchdog?.unref();

  const onParentExit = (): void => {
    child.kill('SIGKILL');
  };
  process.once('exit', onParentExit);

  const close = async (): Promise<void> => {
    closing = true;
    if (watchdog !== null) clearInterval(watchdog);
    queue?.cancel();
    output?.resume();
    input?.destroy();
    if (!exited) {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
      await exit;
      clearTimeout(timer);
    }
    process.off('exit', onParentExit);
  };

  try {
    await ready;
  } catch (error) {
    await close();
    throw error;
  }
  return {
    applied,
    get sent() {
      return counts.sent;
    },
    get underruns() {
      return counts.underruns;
    },
    get latePackets() {
      return counts.latePackets;
    },
    get overruns() {
      return counts.overruns;
    },
    async send(samples) {
      if (input === null) throw new DeviceError('radio.direction', `${device}: cannot transmit`);
      if (failure !== null) throw failure;
      if (input.destroyed || input.writableEnded) {
        throw new DeviceError('radio.closed', `${device}: the transmission has ended`);
      }
      counts.sent += samples.re.length;
      if (input.write(toWire(samples))) return;
      while (input.writableNeedDrain && !input.destroyed && failure === null) {
        await new Promise<void>((resolve) => {
          wakeSender = resolve;
        });
      }
      if (failure !== null) throw failure;
    },
    async endInput() {
      if (input === null || input.destroyed) return;
      await new Promise<void>((resolve) => {
        input.once('close', resolve);
        input.end(resolve);
      });
    },
    close,
  };
}

interface FlowgraphEvent {
  readonly event: string;
  readonly kind?: string;
  readonly message?: string;
  readonly applied?: FlowgraphProcess['applied'];
}

function parseEvent(line: string): FlowgraphEvent | null {
  try {
    return JSON.parse(line) as FlowgraphEvent;
  } catch {
    return null;
  }
}

function onLines(stream: Readable, use: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') use(line);
  });
  stream.on('error', () => undefined);
}

/**
 * UHD's marks on the terminal: U underrun, L late packet, O overrun, D dropped packet (S, a sequence error, on the way
 * out). They come without a line end; a run of nothing but these letters, at the start of a line or between two, counts.
 */
export function driverLetters(text: string): { underruns: number; latePackets: number; overruns: number } {
  let [underruns, latePackets, overruns] = [0, 0, 0];
  for (const [, run] of text.matchAll(/(?:^|\n)([UOLDS]+)(?=$|\n|\[)/g)) {
    for (const letter of run) {
      if (letter === 'U' || letter === 'S') underruns++;
      else if (letter === 'L') latePackets++;
      else overruns++;
    }
  }
  return { underruns, latePackets, overruns };
}
