import { type ComplexArray, createComplex } from '../../core/complex.js';
import { DeviceError } from '../../core/errors.js';

/** Complex samples → bytes of cf32. */
export function toWire(samples: ComplexArray): Buffer {
  const { re, im } = samples;
  const values = new Float32Array(2 * re.length);
  for (let i = 0; i < re.length; i++) {
    values[2 * i] = re[i];
    values[2 * i + 1] = im[i];
  }
  return Buffer.from(values.buffer);
}

/** A reader of bytes in chunks of any length; calls back with whole samples and what was lost before them. */
export type WireParser = (chunk: Buffer) => void;
type Use = (samples: ComplexArray, lost: number) => void;

function samplesIn(bytes: Buffer): ComplexArray {
  const count = bytes.length >> 3;
  const out = createComplex(count);
  const { re, im } = out;
  if (bytes.byteOffset % 4 === 0) {
    const values = new Float32Array(bytes.buffer, bytes.byteOffset, 2 * count);
    for (let i = 0; i < count; i++) {
      re[i] = values[2 * i];
      im[i] = values[2 * i + 1];
    }
    return out;
  }
  for (let i = 0; i < count; i++) {
    re[i] = bytes.readFloatLE(8 * i);
    im[i] = bytes.readFloatLE(8 * i + 4);
  }
  return out;
}

/** Plain cf32: what does not make a whole sample is kept for the next chunk. */
export function createRawParser(use: Use): WireParser {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const whole = bytes.length - (bytes.length % 8);
    if (whole > 0) use(samplesIn(bytes.subarray(0, whole)), 0);
    rest = Buffer.from(bytes.subarray(whole));
  };
}

const HEADER_BYTES = 24;

/**
 * cf32 with a header before each chunk (flowgraphs/blindlink_blocks.py): "BLK1", u32 samples, u64 index, u32 lost, u32 0.
 * @throws DeviceError if the bytes are not that
 */
export function createFramedParser(use: Use): WireParser {
  let rest = Buffer.alloc(0);
  let left = 0;
  let lost = 0;
  return (chunk) => {
    let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (;;) {
      if (left === 0) {
        if (bytes.length < HEADER_BYTES) break;
        if (bytes.toString('latin1', 0, 4) !== 'BLK1') {
          throw new DeviceError(
            'gnuradio.frame',
            'the flowgraph sent samples without a header; its parts do not fit each other',
          );
        }
        left = bytes.readUInt32LE(4);
        lost += bytes.readUInt32LE(16);
        bytes = bytes.subarray(HEADER_BYTES);
        continue;
      }
      const count = Math.min(left, bytes.length >> 3);
      if (count === 0) break;
      use(samplesIn(bytes.subarray(0, 8 * count)), lost);
      lost = 0;
      left -= count;
      bytes = bytes.subarray(8 * count);
    }
    rest = Buffer.from(bytes);
  };
}
