import { BehaviorSubject, catchError, EMPTY, interval, Subject, type Subscription, tap } from 'rxjs';
import type { LinkConfig } from '../../config/schema.js';
import { ConfigError, LinkError } from '../../core/errors.js';
import { type CodecCard, readCard } from '../../codec/card.js';
import { findModel, modelNames } from '../../core/shipped-models.js';
import type { LiveCommand } from '../../dashboard/commands.js';
import {
  type FrameMessage,
  type LogMessage,
  PICTURE_EDGES,
  type ProgressMessage,
  type ResultMessage,
  type ServerMessage,
  type StateMessage,
  type StatsMessage,
  STEERABLE,
} from '../../dashboard/messages.js';
import type { LiveBackend } from '../../dashboard/backend.js';
import { refuseOwnFrames } from '../setting/baselines.js';
import { builtinReceivers, type ReceiverDescriptor } from '../setting/receivers.js';
import type { FrameFeed } from './feed.js';
import { frameClock, type Pace, type Tick } from './frame-clock.js';
import type { LiveFrame, PictureFeed } from './live-frame.js';
import { mapNewest } from './map-newest.js';
import { createRateMeter } from './rate-meter.js';
import { createReceiverRun, type ReceiverRun } from './receiver-run.js';
import { steer } from './steer.js';

export interface LiveLinkOptions {
  readonly config: LinkConfig;
  readonly rateHz: number;
  readonly holdFrames: number;
  /** Edge of the squares that are sent at first; null: pictures as they are. */
  readonly edge?: number | null;
  readonly feed: (onCrash: (reason: string) => void) => FrameFeed;
  /** The program of a receiver's process. */
  readonly receiverEntry: (name: string) => string;
  /** The receivers that the configuration names, where some are from elsewhere. */
  readonly receivers?: readonly ReceiverDescriptor[];
  /** Where the next recording goes, without its ending. */
  readonly recordingPath: () => string;
}

/** The link as a stream that others watch and steer. */
export interface LiveLink extends LiveBackend {
  /** Starts sending; refused settings are errors here, before anything is sent. @throws LinkError */
  start(): Promise<void>;
  /** Ends all processes. */
  close(): Promise<void>;
}

const LOG_LINES = 100;
const STATS_MS = 500;

/**
 * clock → feed (encode, radio, synchronise) → receivers, each with its own process and newest-frame queue → messages.
 *
 * Nothing here waits for a receiver: the clock asks the feed for a frame, at most one at a time and one waiting; frames go
 * to every receiver; a receiver that is busy keeps the newest one.
 */
export function createLiveLink({ config: initial, rateHz, holdFrames: hold, ...options }: LiveLinkOptions): LiveLink {
  let config = initial;
  refuseOwnFrames(initial, 'live');
  // What a client may choose: built-in receivers, and those from files that the link was started with.
  const available = [
    ...builtinReceivers
      .filter(({ ownFrames }) => ownFrames !== true)
      .map(({ name, about, steerable = [] }) => ({ name, about, steerable })),
    ...initial.receiver.names.flatMap((name, i) => {
      if (builtinReceivers.some((one) => one.name === name)) return [];
      const { about = name, steerable = [] } = options.receivers?.at(i) ?? {};
      return [{ name, about, steerable }];
    }),
  ];
  const steerable: readonly string[] = [
    ...STEERABLE,
    ...available.flatMap((one) => one.steerable.map(({ path }) => path)),
  ];
  let epoch = 0;
  let holdFrames = hold;
  let edge = options.edge ?? null;
  let index = -1;
  let pictures: PictureFeed = { kind: 'listed', specs: initial.pictures };
  let source = 'given';
  /** Other pictures that were asked for and are not sent yet. */
  let choosing = 0;
  /** The camera's stream, and those whose place something else has taken. */
  let session: number | undefined;
  const replaced = new Set<number>();
  let ticksDropped = 0;
  let frames = 0;
  let framesLost = 0;
  let order = Promise.resolve();
  let recording: StateMessage['recording'] = null;
  let radio: StatsMessage['radio'] = null;
  const meter = createRateMeter();
  const pace = new BehaviorSubject<Pace>({ paused: false, rateHz });
  const asked = new Subject<Tick>();
  const live = new Subject<{ frame: LiveFrame; config: LinkConfig }>();
  const listeners = new Set<(message: ServerMessage) => void>();
  const runs = new Map<string, ReceiverRun>();
  const subscriptions: Subscription[] = [];
  const last = {
    frame: null as FrameMessage | null,
    results: new Map<string, ResultMessage>(),
    log: [] as LogMessage[],
  };

  const emit = (message: ServerMessage): void => {
    for (const listener of listeners) listener(message);
  };
  const log = (level: LogMessage['level'], text: string): void => {
    const line: LogMessage = { type: 'log', time: Date.now(), level, text };
    last.log.push(line);
    if (last.log.length > LOG_LINES) last.log.shift();
    emit(line);
  };
  const feed = options.feed((reason) => {
    framesLost++;
    recording = null;
    log('error', `feed: its process ended (${reason}); it is started again`);
  });

  const state = (): StateMessage => ({
    type: 'state',
    epoch,
    source,
    edge,
    edges: edgesOf(config.codec),
    paused: pace.value.paused,
    rateHz: pace.value.rateHz,
    holdFrames,
    settings: config,
    fixed: feed.fixed,
    receivers: [...runs.values()].map((run) => run.status()),
    recording,
    codecs: modelNames('codec'),
    decoders: decodersOf(config.codec),
    available,
  });
  const stats = (): StatsMessage => ({
    type: 'stats',
    time: Date.now(),
    frames,
    framesPerSecond: meter.perSecond(performance.now()),
    ticksDropped,
    framesLost,
    receivers: [...runs.values()].map((run) => run.counters()),
    radio,
    memoryMiB: process.memoryUsage().rss / 2 ** 20,
  });
  const tellState = (): void => {
    emit(state());
  };

  const onStep = (step: ProgressMessage | ResultMessage): void => {
    if (step.type === 'result') last.results.set(step.receiver, step);
    emit(step);
  };

  /** Receivers as the settings name them: new ones start, others go on, those left out end. */
  const syncReceivers = (): void => {
    for (const [name, run] of runs) {
      if (config.receiver.names.includes(name)) continue;
      runs.delete(name);
      last.results.delete(name);
      void run.close();
    }
    for (const name of config.receiver.names) {
      if (runs.has(name)) continue;
      const entry = options.receiverEntry(name);
      runs.set(name, createReceiverRun({ name, entry, frames: live, onStep, onChange: tellState, onLog: log }));
    }
    const kept = config.receiver.names.map((name) => [name, runs.get(name)!] as const);
    runs.clear();
    for (const [name, run] of kept) runs.set(name, run);
  };

  /** Makes the feed take new settings, and only if it does, everything else. */
  const adopt = async (next: {
    config?: LinkConfig;
    pictures?: PictureFeed;
    holdFrames?: number;
    edge?: number | null;
  }): Promise<void> => {
    const wanted = { config, pictures, holdFrames, edge, ...next };
    await feed.configure({ ...wanted, epoch: epoch + 1 });
    ({ config, pictures, holdFrames, edge } = wanted);
    epoch++;
    syncReceivers();
    tellState();
    asked.next('again');
  };

  /** A radio sends what it was started with, or hears what others send. */
  const refuseWithRadio = (): void => {
    if (feed.name === 'simulated') return;
    throw new ConfigError('config.fixed', `pictures cannot be changed with ${feed.name} as the source`);
  };
  const record = async (on: boolean): Promise<void> => {
    if (on === (recording !== null)) return;
    const state = await feed.record(on ? options.recordingPath() : null);
    if (state !== null) {
      log(
        'info',
        on
          ? `recording to ${state.path}`
          : `${state.samples} samples recorded; play them with: blindlink replay ${state.path}`,
      );
    }
    recording = on ? state : null;
    tellState();
  };

  const carryOut = async (command: LiveCommand): Promise<void> => {
    switch (command.type) {
      case 'set': {
        const refused = Object.keys(command.changes).find((path) => feed.fixed.includes(path));
        if (refused !== undefined) {
          throw new ConfigError('config.fixed', `${refused}: cannot be changed with ${feed.name} as the source`);
        }
        const closed = Object.keys(command.changes).find((path) => !steerable.includes(path));
        if (closed !== undefined) {
          throw new ConfigError(
            'config.steerable',
            `${closed}: cannot be changed here; known: ${steerable.join(', ')}`,
          );
        }
        const changed = steer(config, command.changes);
        const unknown = changed.receiver.names.find((name) => !available.some((one) => one.name === name));
        if (unknown !== undefined) {
          throw new ConfigError(
            'config.receiver',
            `receiver ${unknown}: not one of ${available.map(({ name }) => name).join(', ')}`,
          );
        }
        await adopt({ config: changed });
        return;
      }
      case 'pause':
        pace.next({ ...pace.value, paused: command.paused });
        tellState();
        return;
      case 'step':
        pace.next({ ...pace.value, paused: true });
        tellState();
        asked.next('step');
        return;
      case 'rate':
        pace.next({ ...pace.value, rateHz: command.rateHz });
        tellState();
        return;
      case 'hold':
        await adopt({ holdFrames: command.frames });
        return;
      case 'source':
        refuseWithRadio();
        await adopt({
          pictures: { kind: 'listed', specs: command.source === 'given' ? initial.pictures : [command.source] },
        });
        source = command.source;
        tellState();
        return;
      case 'size':
        refuseWithRadio();
        await adopt({ edge: command.edge });
        return;
      case 'picture':
        refuseWithRadio();
        await adopt({ pictures: { kind: 'file', name: command.name, bytes: command.bytes } });
        source = command.name;
        tellState();
        return;
      case 'camera':
        refuseWithRadio();
        feed.camera({ width: command.width, height: command.height, rgb: command.rgb });
        if (pictures.kind === 'camera') return;
        await adopt({ pictures: { kind: 'camera' } });
        source = 'camera';
        tellState();
        return;
      case 'restart': {
        const run = runs.get(command.receiver);
        if (run === undefined) throw new LinkError('receiver.absent', `${command.receiver}: is not running`);
        log('warning', `${command.receiver}: stopped on request`);
        run.kill();
        return;
      }
      case 'record':
        await record(command.on);
        return;
    }
  };

  return {
    async start() {
      await feed.configure({ config, epoch, holdFrames, pictures, edge });
      syncReceivers();
      log('info', `${feed.name} link started; receivers ${config.receiver.names.join(', ')}`);
      const ticks = frameClock(pace, asked).pipe(
        mapNewest(
          (tick) => {
            if (tick !== 'again' || !pace.value.paused || index < 0) index++;
            return feed.frame(index).pipe(
              catchError((error: unknown) => {
                framesLost++;
                log('error', error instanceof Error ? error.message : String(error));
                return EMPTY;
              }),
            );
          },
          { onDrop: () => ticksDropped++ },
        ),
        tap(({ frame, view, radio: heard }) => {
          if (heard !== undefined) radio = heard;
          frames++;
          meter.add(performance.now());
          last.frame = view;
          emit(view);
          // A frame made before a change arrives after it: receivers take the settings that it was made with.
          if (frame.epoch === epoch) live.next({ frame, config });
        }),
      );
      subscriptions.push(ticks.subscribe());
      subscriptions.push(
        interval(STATS_MS).subscribe(() => {
          emit(stats());
        }),
      );
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    snapshot: () => [
      state(),
      ...last.log,
      ...(last.frame === null ? [] : [last.frame]),
      ...last.results.values(),
      stats(),
    ],
    carryOut(command) {
      const chooses = command.type === 'source' || command.type === 'picture';
      // A camera goes on until it hears of the choice: it must not take the place of what was chosen.
      if (command.type === 'camera') {
        if (choosing > 0 || (command.session !== undefined && replaced.has(command.session))) return Promise.resolve();
        ({ session } = command);
      }
      const before = session;
      if (chooses) {
        choosing++;
        if (before !== undefined) replaced.add(before);
      }
      const mine = order
        .then(() => carryOut(command))
        .finally(() => {
          if (chooses) choosing--;
        });
      order = mine.catch(() => {
        // What was refused has taken nobody's place.
        if (chooses && before !== undefined) replaced.delete(before);
      });
      return mine;
    },
    async close() {
      for (const subscription of subscriptions) subscription.unsubscribe();
      if (recording !== null) await feed.record(null).catch(() => null);
      await Promise.all([feed.close(), ...[...runs.values()].map((run) => run.close())]);
    },
  };
}

/** Edges of pictures that a codec takes without padding; all where its card cannot be read. */
function edgesOf(codec: string): number[] {
  const block = cardOf(codec)?.multipleOf ?? cardOf(codec)?.downSampling ?? 1;
  return PICTURE_EDGES.filter((edge) => edge % block === 0);
}

/** Names of a codec's further decoders; none of one that cannot be read, which the receivers say in their own words. */
function decodersOf(codec: string): string[] {
  return Object.keys(cardOf(codec)?.decoders ?? {});
}

function cardOf(codec: string): CodecCard | null {
  try {
    return readCard(findModel('codec', codec)).card;
  } catch (error) {
    if (error instanceof LinkError) return null;
    throw error;
  }
}
