import type { Picture } from './picture.js';

/** Whole edge×edge tiles of each picture, [3, edge, edge]; pictures smaller than a tile give none. */
export async function* wholeTiles(pictures: AsyncIterable<Picture>, edge: number): AsyncIterable<Float32Array> {
  for await (const { data, height, width } of pictures) {
    for (let top = 0; top + edge <= height; top += edge) {
      for (let left = 0; left + edge <= width; left += edge) {
        const tile = new Float32Array(3 * edge * edge);
        for (let c = 0; c < 3; c++) {
          for (let y = 0; y < edge; y++) {
            const from = (c * height + top + y) * width + left;
            tile.set(data.subarray(from, from + edge), (c * edge + y) * edge);
          }
        }
        yield tile;
      }
    }
  }
}
