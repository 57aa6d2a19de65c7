/** A bucket of tokens: `burst` at once, `perSecond` on average. */
export interface RateLimit {
  /** Whether one more is within the limit. */
  take(nowMs: number): boolean;
}

export function createRateLimit(perSecond: number, burst: number): RateLimit {
  let tokens = burst;
  let last: number | null = null;
  return {
    take(nowMs) {
      tokens = Math.min(burst, tokens + (perSecond * (nowMs - (last ?? nowMs))) / 1000);
      last = nowMs;
      if (tokens < 1) return false;
      tokens--;
      return true;
    },
  };
}
