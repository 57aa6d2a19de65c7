import sharp from 'sharp';
import type { Picture } from './picture.js';

/** The largest square in a picture's middle, in `edge`×`edge` pixels. */
export async function squarePicture(picture: Picture, edge: number): Promise<Picture> {
  const { data, height, width } = picture;
  if (height === edge && width === edge) return picture;
  const size = height * width;
  const bytes = new Uint8Array(3 * size);
  for (let i = 0; i < size; i++) for (let c = 0; c < 3; c++) bytes[3 * i + c] = Math.round(255 * data[c * size + i]);
  const square = await sharp(bytes, { raw: { width, height, channels: 3 } })
    .resize(edge, edge, { fit: 'cover', kernel: 'lanczos3' })
    .raw()
    .toBuffer();
  const plane = edge ** 2;
  const planes = new Float32Array(3 * plane);
  for (let i = 0; i < plane; i++) for (let c = 0; c < 3; c++) planes[c * plane + i] = square[3 * i + c] / 255;
  const note = `its middle, from ${width}×${height} to ${edge}×${edge}`;
  return { ...picture, data: planes, height: edge, width: edge, notes: [...picture.notes, note] };
}
