import { tensor, type Tensor } from '../runtime/tensor.js';

/** The smallest multiple of `step` that is no less. */
export const upTo = (edge: number, step: number): number => step * Math.ceil(edge / step);

/** Pictures [N,C,H,W] with both edges made multiples of `step`, by what is mirrored at the right and lower edges (their last pixels are not repeated). */
export function mirrored(pictures: Tensor, step: number): Tensor {
  const [n, c, h, w] = pictures.dims;
  const [height, width] = [upTo(h, step), upTo(w, step)];
  if (height === h && width === w) return pictures;
  const out = new Float32Array(n * c * height * width);
  for (let plane = 0; plane < n * c; plane++) {
    for (let y = 0; y < height; y++) {
      const from = (plane * h + reflected(y, h)) * w;
      const to = (plane * height + y) * width;
      for (let x = 0; x < width; x++) out[to + x] = pictures.data[from + reflected(x, w)];
    }
  }
  return tensor(out, [n, c, height, width]);
}

/** The upper left h×w of pictures [N,C,H,W]. */
export function cropped(pictures: Tensor, h: number, w: number): Tensor {
  const [n, c, height, width] = pictures.dims;
  if (height === h && width === w) return pictures;
  const out = new Float32Array(n * c * h * w);
  for (let row = 0; row < n * c * h; row++) {
    const from = (Math.floor(row / h) * height + (row % h)) * width;
    out.set(pictures.data.subarray(from, from + w), row * w);
  }
  return tensor(out, [n, c, h, w]);
}

/** Where pixel i of a line that goes on by mirroring is found among its n. */
function reflected(i: number, n: number): number {
  if (n === 1) return 0;
  const at = i % (2 * (n - 1));
  return at < n ? at : 2 * (n - 1) - at;
}
