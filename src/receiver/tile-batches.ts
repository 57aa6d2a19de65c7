import type { LinkSetting } from './receiver.js';

/** Tiles of one shape, for networks that run on whole batches: positions in the list of tiles they were taken from. */
export interface TileBatch {
  readonly members: readonly number[];
  readonly height: number;
  readonly width: number;
  /** Of a full tile. */
  readonly edge: number;
}

export function tileBatches(setting: LinkSetting, tiles: Int32Array): TileBatch[] {
  const batches = new Map<string, { members: number[]; height: number; width: number; edge: number }>();
  tiles.forEach((tile, position) => {
    const { height, width } = setting.layout.tileShapes[tile];
    const key = `${height}x${width}`;
    const batch = batches.get(key);
    if (batch === undefined) batches.set(key, { members: [position], height, width, edge: setting.layout.tileEdge });
    else batch.members.push(position);
  });
  return [...batches.values()];
}

/** [T, C·e²] in tile coordinates → [members, C, height, width] without the places that partial tiles lack. */
export function packTiles(batch: TileBatch, channels: number, tiles: Float32Array): Float32Array {
  const { members, height, width } = batch;
  const packed = new Float32Array(members.length * channels * height * width);
  eachRow(batch, channels, (inTile, inBatch) => {
    packed.set(tiles.subarray(inTile, inTile + width), inBatch);
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
    tiles.set(packed.subarray(inBatch, inBatch + batch.width), inTile);
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
