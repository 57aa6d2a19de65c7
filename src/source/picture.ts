/** A picture to send: [3, height, width] float32 in [0,1], RGB planes. */
export interface Picture {
  readonly name: string;
  readonly data: Float32Array;
  readonly height: number;
  readonly width: number;
  /** What was done to it on reading (bit depth, alpha, …), for the user. */
  readonly notes: readonly string[];
}

/** Pads to multiples of `block` by repeating the last row and column; the picture itself if nothing is to be done. */
export function padPicture(picture: Picture, block: number): Picture {
  const height = Math.ceil(picture.height / block) * block;
  const width = Math.ceil(picture.width / block) * block;
  if (height === picture.height && width === picture.width) return picture;
  const data = new Float32Array(3 * height * width);
  for (let c = 0; c < 3; c++) {
    for (let y = 0; y < height; y++) {
      const row = (c * picture.height + Math.min(y, picture.height - 1)) * picture.width;
      for (let x = 0; x < width; x++) {
        data[(c * height + y) * width + x] = picture.data[row + Math.min(x, picture.width - 1)];
      }
    }
  }
  const note = `padded from ${picture.width}×${picture.height} to ${width}×${height}, cropped back after decoding`;
  return { ...picture, data, height, width, notes: [...picture.notes, note] };
}

/** The upper left `height`×`width` of [3, fromHeight, fromWidth]. */
export function cropPlanes(
  data: Float32Array,
  fromHeight: number,
  fromWidth: number,
  height: number,
  width: number,
): Float32Array {
  if (fromHeight === height && fromWidth === width) return data;
  const out = new Float32Array(3 * height * width);
  for (let c = 0; c < 3; c++) {
    for (let y = 0; y < height; y++) {
      const from = (c * fromHeight + y) * fromWidth;
      out.set(data.subarray(from, from + width), (c * height + y) * width);
    }
  }
  return out;
}
