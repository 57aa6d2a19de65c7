import type { Rng } from '../core/rng.js';
import { desert, flowers, forest, fur, mountains, nightSky, sea, underwater } from './scenes-outdoors.js';
import type { ScenePainter } from './scene.js';
import { clouds, facade, fruit, leaves, skyline, stones } from './scenes-objects.js';
import { svgDocument } from './svg-parts.js';

const PAINTERS: readonly ScenePainter[] = [
  mountains,
  flowers,
  skyline,
  fur,
  sea,
  fruit,
  forest,
  facade,
  desert,
  underwater,
  clouds,
  stones,
  nightSky,
  leaves,
];

/** Scene number `index` as SVG of `pixels`×`pixels`; kinds follow each other, parameters differ each time round. */
export function naturalSvg(rng: Rng, index: number, pixels: number): string {
  const noise = rng.split('noise').integer(1 << 20);
  const { defs, body } = PAINTERS[index % PAINTERS.length](rng.split('scene'), noise);
  return svgDocument(pixels, defs, body, noise + 9);
}
