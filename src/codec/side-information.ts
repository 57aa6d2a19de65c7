import { deflateRawSync } from 'node:zlib';
import { FormatError } from '../core/errors.js';

/** What a receiver is told of one frame beside its symbols, free of errors, where the codec chooses what it sends. */
export interface SideInformation {
  /** [C,h,w], 1 where a latent is sent. */
  readonly mask: Uint8Array;
  /** How many latents are sent. */
  readonly active: number;
  /** What scales the encoder's latents to mean |z|² = 1 over those that are sent. */
  readonly scale: number;
  /** Length of both: the mask as below, and 32 bits for the scale. */
  readonly bits: number;
}

const SCALE_BITS = 32;

/**
 * @param values the encoder's mask, [C,h,w] of 0 and 1
 * @param latents the encoder's latents, [C,h,w]
 * @throws FormatError where nothing is sent
 */
export function sideInformationOf(
  values: Float32Array,
  latents: Float32Array,
  channels: number,
  name: string,
): SideInformation {
  const mask = Uint8Array.from(values, (v) => (v > 0.5 ? 1 : 0));
  let active = 0;
  let energy = 0;
  mask.forEach((sent, i) => {
    if (sent === 0) return;
    active++;
    energy += latents[i] ** 2;
  });
  if (active === 0 || energy === 0) throw new FormatError('codec.mask', `${name}: sends no latent of a picture`);
  return { mask, active, scale: Math.sqrt(active / (2 * energy)), bits: maskBits(mask, channels) + SCALE_BITS };
}

/** Bits of the mask as one DEFLATE stream (RFC 1951) of its places in order, C bits a place: a code, not an entropy. */
export function maskBits(mask: Uint8Array, channels: number): number {
  const places = mask.length / channels;
  const packed = new Uint8Array(Math.ceil(mask.length / 8));
  for (let place = 0, bit = 0; place < places; place++) {
    for (let c = 0; c < channels; c++, bit++) packed[bit >> 3] |= mask[c * places + place] << (7 - (bit & 7));
  }
  return 8 * deflateRawSync(packed, { level: 9 }).length;
}
