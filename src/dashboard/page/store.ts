import type {
  FrameMessage,
  LogMessage,
  ProgressMessage,
  ResultMessage,
  ServerMessage,
  StateMessage,
  StatsMessage,
  TrafficMessage,
} from '../messages.js';

/** Frames that the histories go back. */
const HISTORY = 300;

/** Figures of one frame, by receiver. */
export interface HistoryRow {
  readonly frame: number;
  sync: { readonly cfo: number | null; readonly cfoTrue: number | null; readonly snrDb: number | null } | null;
  readonly results: Record<string, ResultMessage>;
}

/** A frame with the results on it. */
export interface CommonFrame {
  readonly frame: FrameMessage;
  readonly results: ReadonlyMap<string, ResultMessage>;
}

/** A receiver that is more frames behind does not hold up the others. */
const KEEPS_UP = 12;
/** Frames kept for receivers that are slower: so many, and not more bytes. */
const RECENT_FRAMES = 256;
const RECENT_BYTES = 32 * 2 ** 20;

/** All that the page knows, kept bounded. */
export interface Store {
  readonly state: StateMessage | null;
  readonly stats: StatsMessage | null;
  readonly traffic: TrafficMessage | null;
  readonly frame: FrameMessage | null;
  readonly results: ReadonlyMap<string, ResultMessage>;
  readonly progress: ReadonlyMap<string, ProgressMessage>;
  readonly log: readonly LogMessage[];
  readonly history: readonly HistoryRow[];
  /** The newest frame that every receiver which keeps up has answered: what is shown side by side is of one frame. */
  readonly common: CommonFrame | null;
  /** The frame that a receiver's result belongs to, which may be some time ago. */
  frameOf(frame: number): FrameMessage | null;
  take(message: ServerMessage): void;
  clear(): void;
}

/** The frame that is shown: the one side by side, or else the newest. */
export const shownFrame = (store: Store): FrameMessage | null => store.common?.frame ?? store.frame;

/** A receiver's result on the frame that is shown, or else its newest. */
export const shownResult = (store: Store, name: string): ResultMessage | null =>
  store.common?.results.get(name) ?? store.results.get(name) ?? null;

/** The results that are shown, in the order of their pictures. */
export const shownResults = (store: Store): ResultMessage[] =>
  (store.state?.receivers ?? []).flatMap(({ name }) => shownResult(store, name) ?? []);

export function createStore(): Store {
  const results = new Map<string, ResultMessage>();
  const progress = new Map<string, ProgressMessage>();
  const recent = new Map<number, { frame: FrameMessage; results: Map<string, ResultMessage> }>();
  const log: LogMessage[] = [];
  const history: HistoryRow[] = [];
  const now = {
    state: null as StateMessage | null,
    stats: null as StatsMessage | null,
    traffic: null as TrafficMessage | null,
    frame: null as FrameMessage | null,
    common: null as CommonFrame | null,
  };

  const remember = (frame: FrameMessage): void => {
    // A frame sent again, after a change while the link was paused, starts afresh.
    recent.delete(frame.frame);
    // Results may come before their frame.
    const known = [...results].filter(([, result]) => result.frame === frame.frame && result.epoch === frame.epoch);
    recent.set(frame.frame, { frame, results: new Map(known) });
    const size = frame.picture?.rgb.length ?? 0;
    const most = Math.max(KEEPS_UP + 2, Math.min(RECENT_FRAMES, Math.floor(RECENT_BYTES / (2 * size + 1))));
    for (const key of recent.keys()) {
      if (recent.size <= most) break;
      recent.delete(key);
    }
    if (known.length > 0) findCommon();
  };
  const findCommon = (): void => {
    const newest = now.frame?.frame ?? 0;
    const quick = [...results.values()].filter(
      ({ frame, epoch }) => epoch === now.frame?.epoch && frame >= newest - KEEPS_UP,
    );
    const current = quick.length > 0 ? quick : [...results.values()];
    for (const entry of [...recent.values()].reverse()) {
      if (current.length === 0 || !current.every(({ receiver }) => entry.results.has(receiver))) continue;
      now.common = entry;
      return;
    }
  };

  /** Of settings that are no more, or of a receiver that does not run: no result will end it. */
  const isOver = ({ receiver, epoch }: ProgressMessage): boolean =>
    now.state !== null &&
    (epoch < now.state.epoch ||
      !now.state.receivers.some(({ name, condition }) => name === receiver && condition === 'running'));

  const rowOf = (frame: number): HistoryRow | null => {
    const newest = history.at(-1);
    if (newest !== undefined && frame < newest.frame - HISTORY) return null;
    let at = history.length;
    while (at > 0 && history[at - 1].frame > frame) at--;
    if (at > 0 && history[at - 1].frame === frame) return history[at - 1];
    const row: HistoryRow = { frame, sync: null, results: {} };
    history.splice(at, 0, row);
    if (history.length > HISTORY) history.shift();
    return row;
  };
  const light = (result: ResultMessage): ResultMessage => ({
    ...result,
    picture: { width: 0, height: 0, rgb: new Uint8Array(0) },
    elements: null,
    channel: null,
  });

  return {
    get state() {
      return now.state;
    },
    get stats() {
      return now.stats;
    },
    get traffic() {
      return now.traffic;
    },
    get frame() {
      return now.frame;
    },
    results,
    progress,
    log,
    history,
    get common() {
      return now.common;
    },
    frameOf: (frame) => recent.get(frame)?.frame ?? null,
    take(message) {
      switch (message.type) {
        case 'state': {
          now.state = message;
          const names = new Set<string>(message.receivers.map(({ name }) => name));
          for (const name of results.keys()) if (!names.has(name)) results.delete(name);
          for (const [name, step] of progress) if (isOver(step)) progress.delete(name);
          break;
        }
        case 'stats':
          now.stats = message;
          break;
        case 'traffic':
          now.traffic = message;
          break;
        case 'frame': {
          now.frame = message;
          remember(message);
          const { cfoSubcarriers: cfo, cfoTrueSubcarriers: cfoTrue, snrDb } = message.sync;
          const row = rowOf(message.frame);
          if (row !== null) row.sync = { cfo, cfoTrue, snrDb };
          break;
        }
        case 'result': {
          results.set(message.receiver, message);
          progress.delete(message.receiver);
          const known = recent.get(message.frame);
          if (known?.frame.epoch === message.epoch) known.results.set(message.receiver, message);
          findCommon();
          const row = rowOf(message.frame);
          if (row !== null) row.results[message.receiver] = light(message);
          break;
        }
        case 'progress':
          if (!isOver(message)) progress.set(message.receiver, message);
          break;
        case 'log':
          log.push(message);
          if (log.length > 200) log.shift();
          break;
        case 'welcome':
        case 'done':
        case 'refused':
          break;
      }
    },
    clear() {
      results.clear();
      progress.clear();
      recent.clear();
      log.length = 0;
      history.length = 0;
      now.frame = null;
      now.common = null;
    },
  };
}
