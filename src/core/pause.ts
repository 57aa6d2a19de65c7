/**
 * For long synchronous loops: awaited in each turn, it lets timers, signals (Ctrl-C) and input run once `everyMs` have
 * passed since it last did, and costs nothing in between.
 */
export function createPause(everyMs = 50): () => Promise<void> {
  let last = performance.now();
  return async () => {
    if (performance.now() - last < everyMs) return;
    await new Promise<void>((resolve) => setImmediate(resolve));
    last = performance.now();
  };
}
