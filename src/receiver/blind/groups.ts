import type { LinkSetting } from '../receiver.js';

/**
 * A part of the frame that can be solved by itself: channels and tiles linked by shared symbols. With the tile
 * interleaver a 64×64 tile and its packet are one group; one channel for the whole frame makes one group of it all.
 */
export interface BlindGroup {
  /** Channel numbers (packets, or 0 for a channel shared by the frame). */
  readonly channels: Int32Array;
  readonly tiles: Int32Array;
  /** Per symbol of the group: */
  readonly element: Int32Array;
  /** position of its channel in `channels`, */
  readonly channel: Int32Array;
  /** data subcarrier m, */
  readonly subcarrier: Int32Array;
  /** OFDM symbol counted through all packets of its channel, */
  readonly time: Int32Array;
  /** and index of its real part in the group's tiles [T, n]. */
  readonly tileIndex: Int32Array;
}

/** The OFDM symbol of a resource element, counted through all packets of its channel. */
export function channelTime({ grid, coherence }: LinkSetting): (element: number) => number {
  const symbolsApart = coherence === 'frame' ? grid.pilotSymbols + grid.symbolsPerPacket : 0;
  return (element) =>
    Math.floor(element / grid.elementsPerPacket) * symbolsApart +
    Math.floor((element % grid.elementsPerPacket) / grid.numDataSubcarriers);
}

export function findGroups(setting: LinkSetting): BlindGroup[] {
  const { grid, interleaver, layout } = setting;
  const numChannels = setting.coherence === 'frame' ? 1 : interleaver.numPackets;
  const channelOfElement = (element: number): number =>
    setting.coherence === 'frame' ? 0 : Math.floor(element / grid.elementsPerPacket);

  const parent = Int32Array.from({ length: numChannels + layout.numTiles }, (_, i) => i);
  const root = (i: number): number => {
    while (parent[i] !== i) {
      parent[i] = parent[parent[i]];
      i = parent[i];
    }
    return i;
  };
  for (let i = 0; i < layout.numSymbols; i++) {
    parent[root(channelOfElement(interleaver.elementOf[i]))] = root(numChannels + layout.tileOf[i]);
  }

  const members = new Map<number, { channels: number[]; tiles: number[]; symbols: number[] }>();
  const membersOf = (node: number): { channels: number[]; tiles: number[]; symbols: number[] } => {
    const key = root(node);
    let found = members.get(key);
    if (found === undefined) members.set(key, (found = { channels: [], tiles: [], symbols: [] }));
    return found;
  };
  for (let t = 0; t < layout.numTiles; t++) membersOf(numChannels + t).tiles.push(t);
  for (let c = 0; c < numChannels; c++) membersOf(c).channels.push(c);
  for (let i = 0; i < layout.numSymbols; i++) membersOf(numChannels + layout.tileOf[i]).symbols.push(i);

  const perTile = 2 * layout.tileSymbols;
  return [...members.values()]
    .filter(({ symbols }) => symbols.length > 0)
    .map(({ channels, tiles, symbols }) => {
      const element = Int32Array.from(symbols, (i) => interleaver.elementOf[i]);
      const packetOf = element.map((c) => Math.floor(c / grid.elementsPerPacket));
      const shared = setting.coherence === 'frame';
      return {
        channels: Int32Array.from(channels),
        tiles: Int32Array.from(tiles),
        element,
        channel: packetOf.map((p) => (shared ? 0 : channels.indexOf(p))),
        subcarrier: element.map((c) => c % grid.numDataSubcarriers),
        time: element.map(channelTime(setting)),
        tileIndex: Int32Array.from(
          symbols,
          (i) => layout.tileIndexOf[i] - layout.tileOf[i] * perTile + tiles.indexOf(layout.tileOf[i]) * perTile,
        ),
      };
    });
}
