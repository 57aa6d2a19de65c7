import type { LinkSetting } from './receiver.js';

/** Tiles of one shape, for networks that run on whole batches: positions in the list of tiles they were taken from. */
export interface TileBatch {
  readonly members: readonly number[];
  readonly height: number;
  readonly width: number;
  /** Of a full tile. */
  readonly edge: number;
}

/** A network has a session for each size of batch, which takes as long to open as to run: batches are of so few sizes, powers of two. */
const LARGEST_BATCH = 32;

export function tileBatches(setting: LinkSetting, tiles: Int32Array): TileBatch[] {
  const { tileShapes, tileEdge: edge } = setting.layout;
  const alike = new Map<string, { members: number[]; height: number; width: number }>();
  tiles.forEach((tile, position) => {
    const { height, width } = tileShapes[tile];
    const key = `${height}x${width}`;
    const found = alike.get(key);
    if (found === undefined) alike.set(key, { members: [position], height, width });
    else found.members.push(position);
  });
  return [...alike.values()].flatMap(({ members, height, width }) => {
    const batches: TileBatch[] = [];
    for (let start = 0; start < members.length; start += batches[batches.length - 1].members.length) {
      const size = Math.min(LARGEST_BATCH, 2 ** Math.floor(Math.log2(members.length - start)));
      batches.push({ members: members.slice(start, start + size), height, width, edge });
    }
    return batches;
  });
}

/** [T, C·e²] in tile coordinates → [members, C, height, width] without the places that partial tiles lack. */
export function packTiles(batch: TileBatch, channels: number, tiles: Float32Array): Float32Array {
  const { members, height, width } = batch;
  const packed = new Float32Array(members.length * channels * height * width);
  eachRow(batch, channels, (inTile, inBatch) => {
    for (let x = 0; x < width; x++) packed[inBatch + x] = tiles[inTile + x];
  });
  return packed;
}

/** The polarity network's log-odds of tiles [T, C·e²] in tile coordinates, one each. */
export async function polarities(setting: LinkSetting, tiles: Int32Array, latents: Float32Array): Promise<number[]> {
  const { codec, layout } = setting;
  const logOdds = new Array<number>(tiles.length);
  for (const batch of tileBatches(setting, tiles)) {
    const packed = packTiles(batch, layout.channels, latents);
    const values = await codec.polarity(packed, batch.members.length, batch.height, batch.width);
    batch.members.forEach((member, i) => {
      logOdds[member] = values[i];
    });
  }
  return logOdds;
}

/** The way back; places that partial tiles lack are left alone. */
export function unpackTiles(batch: TileBatch, channels: number, packed: Float32Array, tiles: Float32Array): void {
  eachRow(batch, channels, (inTile, inBatch) => {
    for (let x = 0; x < batch.width; x++) tiles[inTile + x] = packed[inBatch + x];
  });
}

function eachRow(
  { members, height, width, edge }: TileBatch,
  channels: number,
  use: (inTile: number, inBatch: number) => void,
): void {
  let inBatch = 0;
  for (const member of members) {
    for (let c = 0; c < channels; c++) {
      for (let y = 0; y < height; y++, inBatch += width) {
        use(((member * channels + c) * edge + y) * edge, inBatch);
      }
    }
  }
}
