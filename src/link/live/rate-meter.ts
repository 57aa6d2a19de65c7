const WINDOW_MS = 3000;

/** Events a second over the last three seconds (or since the first of them). */
export interface RateMeter {
  add(nowMs: number): void;
  perSecond(nowMs: number): number;
}

export function createRateMeter(): RateMeter {
  let times: number[] = [];
  const forget = (nowMs: number): void => {
    times = times.filter((time) => nowMs - time <= WINDOW_MS);
  };
  return {
    add(nowMs) {
      forget(nowMs);
      times.push(nowMs);
    },
    perSecond(nowMs) {
      forget(nowMs);
      if (times.length < 2) return 0;
      // Intervals between events, stretched to now where the events have stopped.
      const mean = (times[times.length - 1] - times[0]) / (times.length - 1);
      return 1000 / Math.max(mean, nowMs - times[times.length - 1], 1e-3);
    },
  };
}
