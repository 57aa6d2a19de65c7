import type { Rng } from '../core/rng.js';
import type { ScenePainter } from './scene.js';
import { leaves, stones } from './scenes-ground.js';
import { desert, flowers, forest, fur, mountains } from './scenes-land.js';
import { facade, fruit, skyline } from './scenes-objects.js';
import { clouds, nightSky, sea, underwater } from './scenes-water-sky.js';
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
