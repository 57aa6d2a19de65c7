/** The last `length` samples, oldest first, always contiguous: `newest − l` is the sample l ago. */
export interface History {
  /** Current window; `push` moves it. */
  push(re: number, im: number): HistoryWindow;
  reset(): void;
  clone(): History;
}

export interface HistoryWindow {
  readonly re: Float32Array;
  readonly im: Float32Array;
  readonly newest: number;
}

/** A buffer several windows long, moved back to its start when it is full: amortised constant work, no modulo. */
export function createHistory(length: number): History {
  return historyFrom(
    length,
    new Float32Array(length + capacity(length)),
    new Float32Array(length + capacity(length)),
    length - 1,
  );
}

const capacity = (length: number): number => Math.max(1024, length);

function historyFrom(length: number, re: Float32Array, im: Float32Array, start: number): History {
  const window = { re, im, newest: start };
  return {
    push(sampleRe, sampleIm) {
      let newest = window.newest + 1;
      if (newest === re.length) {
        re.copyWithin(0, newest - length, newest);
        im.copyWithin(0, newest - length, newest);
        newest = length;
      }
      re[newest] = sampleRe;
      im[newest] = sampleIm;
      window.newest = newest;
      return window;
    },
    reset() {
      re.fill(0);
      im.fill(0);
      window.newest = length - 1;
    },
    clone: () => historyFrom(length, re.slice(), im.slice(), window.newest),
  };
}
