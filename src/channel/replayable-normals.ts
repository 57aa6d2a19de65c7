import type { Rng } from '../core/rng.js';

const blockLength = 1024;

/** A stream of random numbers that can be rewound and copied, which a plain Rng cannot. */
export interface ReplayableNormals {
  /** The next N(0, 1) draw. */
  next(): number;
  reset(): void;
  clone(): ReplayableNormals;
}

/** Block i of the stream comes from `rng.split(i)`, so a position in it is just a count. */
export function createReplayableNormals(rng: Rng, position = 0): ReplayableNormals {
  const block = new Float64Array(blockLength);
  let index = position;
  let loaded = -1;
  return {
    next() {
      const wanted = Math.floor(index / blockLength);
      if (wanted !== loaded) {
        const stream = rng.split(wanted);
        for (let i = 0; i < blockLength; i++) block[i] = stream.gaussian();
        loaded = wanted;
      }
      return block[index++ % blockLength];
    },
    reset() {
      index = 0;
    },
    clone: () => createReplayableNormals(rng, index),
  };
}
