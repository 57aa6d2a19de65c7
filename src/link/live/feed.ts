import { concat, defer, EMPTY, ignoreElements, lastValueFrom, type Observable } from 'rxjs';
import { STEERABLE } from '../../dashboard/messages.js';
import type { CameraPicture, FedFrame, FeedSetup, RadioSetup } from './live-frame.js';
import type { RecordingState } from './recorder.js';
import { createWorkerProcess } from './worker-process.js';

/** Where a live link has its frames from: a simulated radio, or a real one behind its synchroniser. */
export interface FrameFeed {
  readonly name: string;
  /** Settings that this feed does not let anyone change. */
  readonly fixed: readonly string[];
  /** New settings for all frames after it. @throws LinkError, and the old ones stay */
  configure(setup: FeedSetup): Promise<void>;
  /** The next frame; completes without one where none came. */
  frame(index: number): Observable<FedFrame>;
  camera(picture: CameraPicture): void;
  /** Starts a recording at `base`, or ends the one that runs (null). */
  record(base: string | null): Promise<RecordingState | null>;
  kill(): void;
  close(): Promise<void>;
}

export interface FeedOptions {
  readonly entry: string;
  readonly name?: string;
  /** A radio or a recording, where frames are not simulated. */
  readonly radio?: RadioSetup;
  readonly onCrash: (reason: string) => void;
}

/** What a radio or a recording fixes: its channel is what it is, and pictures come from whoever sends. */
const CHANNEL = STEERABLE.filter((path) => path.startsWith('channel.') || path === 'snrConvention');
const SIGNAL = STEERABLE.filter((path) => !path.startsWith('receiver.') && path !== 'snrDb');

/** Frames from a process of its own, simulated or off a radio. After a crash it is set up again as it was. */
export function createFeed({ entry, onCrash, radio, name = 'simulated' }: FeedOptions): FrameFeed {
  let setup: FeedSetup | null = null;
  let ready = false;
  const worker = createWorkerProcess({
    name: 'feed',
    entry,
    onCrash: (reason) => {
      ready = false;
      onCrash(reason);
    },
  });
  const settle = (next: FeedSetup): Observable<never> =>
    defer(() => {
      ready = true;
      return worker.call<never>('configure', radio === undefined ? next : { ...next, radio });
    }).pipe(ignoreElements());
  return {
    name,
    fixed:
      radio === undefined
        ? []
        : radio.kind === 'replay' || radio.request.direction === 'rx'
          ? SIGNAL
          : name === 'radio simulated' || name === 'radio gnuradio'
            ? []
            : CHANNEL,
    async configure(next) {
      // A refusal leaves the worker as it was; only a crash (which says so) makes it forget.
      await lastValueFrom(settle(next), { defaultValue: null });
      setup = next;
    },
    frame: (index) =>
      concat(
        defer(() => (ready || setup === null ? EMPTY : settle(setup))),
        worker.call<FedFrame>('frame', { index }),
      ),
    camera(picture) {
      worker.call('camera', picture).subscribe({ error: () => undefined });
    },
    record: (base) => lastValueFrom(worker.call<RecordingState>('record', { base }), { defaultValue: null }),
    kill: () => {
      worker.kill();
    },
    close: () => worker.close(),
  };
}
