import sharp, { type Sharp } from 'sharp';

/** RGB of 8 bits, [height, width, 3]: what picture codecs take and give. */
export interface Pixels {
  readonly data: Uint8Array;
  readonly height: number;
  readonly width: number;
}

/** [3,H,W] in [0,1] → 8 bits. */
export function pixelsOf(planes: Float32Array, height: number, width: number): Pixels {
  const size = height * width;
  const data = new Uint8Array(3 * size);
  for (let i = 0; i < size; i++) {
    for (let c = 0; c < 3; c++) {
      data[3 * i + c] = Math.min(255, Math.max(0, Math.round(255 * planes[c * size + i])));
    }
  }
  return { data, height, width };
}

/** 8 bits → [3,H,W] in [0,1]. */
export function planesOf({ data, height, width }: Pixels): Float32Array {
  const size = height * width;
  const planes = new Float32Array(3 * size);
  for (let i = 0; i < size; i++) for (let c = 0; c < 3; c++) planes[c * size + i] = data[3 * i + c] / 255;
  return planes;
}

/** Pixels as a picture for sharp. */
export const open = ({ data, height, width }: Pixels): Sharp => sharp(data, { raw: { width, height, channels: 3 } });

/** A picture of sharp's as pixels. */
export async function toPixels(picture: Sharp): Promise<Pixels> {
  const { data, info } = await picture
    .toColourspace('srgb')
    .removeAlpha()
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  if (info.channels === 3) return { data, height: info.height, width: info.width };
  const rgb = new Uint8Array(3 * info.width * info.height);
  for (let i = 0; i < rgb.length; i++) rgb[i] = data[info.channels * Math.floor(i / 3)];
  return { data: rgb, height: info.height, width: info.width };
}

/** The same picture at another size: Lanczos downwards, bicubic upwards. */
export async function resize(pixels: Pixels, height: number, width: number): Promise<Pixels> {
  if (pixels.height === height && pixels.width === width) return pixels;
  const kernel = height < pixels.height ? 'lanczos3' : 'cubic';
  return toPixels(open(pixels).resize(width, height, { fit: 'fill', kernel }));
}

/** Mean squared error, of [0, 255]. */
export function squaredError(a: Pixels, b: Pixels): number {
  let sum = 0;
  for (let i = 0; i < a.data.length; i++) sum += (a.data[i] - b.data[i]) ** 2;
  return sum / a.data.length;
}
