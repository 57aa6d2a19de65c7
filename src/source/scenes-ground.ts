import type { Rng } from '../core/rng.js';
import type { Scene } from './scene.js';
import {
  between,
  blob,
  blurred,
  chance,
  css,
  mix,
  mottleFilter,
  n,
  pick,
  radial,
  reliefFilter,
  repeat,
  type Rgb,
  roughenFilter,
  shade,
  vary,
} from './svg-parts.js';

const FULL = '<rect width="256" height="256"';

/** Pebbles seen from above. */
export function stones(rng: Rng, noise: number): Scene {
  const tints: readonly Rgb[] = [
    [150, 144, 138],
    [110, 104, 102],
    [176, 150, 122],
    [92, 96, 108],
    [206, 200, 190],
    [134, 96, 80],
  ];
  const wet = between(rng, 0.55, 1);
  const defs =
    tints
      .map((c, i) =>
        radial(`s${i}`, 0.35, 0.3, [
          [0, mix(c, [255, 255, 255], 0.25)],
          [0.5, c],
          [1, shade(c, 0.4)],
        ]),
      )
      .join('') +
    mottleFilter('vein', 0.8, { frequency: [0.04, 0.07], octaves: 6, seed: noise }) +
    reliefFilter('rough', 2.5, 225, 55, { frequency: [0.15, 0.15], octaves: 4, seed: noise + 1 }) +
    roughenFilter('edge', 7, { frequency: [0.03, 0.03], octaves: 3, seed: noise + 2 }) +
    mottleFilter('sand', 1.2, { frequency: [0.08, 0.08], octaves: 5, seed: noise + 3 });
  const size = between(rng, 10, 20);
  const pebbles = repeat(9000 / size ** 1.3, (i) => {
    const r = size * between(rng, 0.5, 1.5) * (i % 7 === 0 ? 1.4 : 1);
    const x = between(rng, -10, 266);
    const y = between(rng, -10, 266);
    const turn = between(rng, 0, 180);
    const ratio = between(rng, 0.6, 0.95);
    return (
      blob({
        at: [x + r * 0.2, y + r * 0.25],
        radius: [r * 1.05, r * ratio * 1.05],
        fill: [14, 12, 12],
        opacity: 0.6,
        blur: 2,
        turn,
      }) +
      `<ellipse cx="${n(x)}" cy="${n(y)}" rx="${n(r)}" ry="${n(r * ratio)}" transform="rotate(${n(turn)} ${n(x)} ${n(y)})" fill="url(#s${rng.integer(tints.length)})"/>`
    );
  });
  const body = `<g filter="url(#sand)">${FULL} fill="${css([104, 92, 78])}"/></g><g filter="url(#vein)"><g filter="url(#rough)"><g filter="url(#edge)">${pebbles}</g></g></g>${FULL} fill="black" fill-opacity="${n((1 - wet) * 0.6)}"/>`;
  return { defs, body };
}

/** Fallen or growing leaves, close. */
export function leaves(rng: Rng, noise: number): Scene {
  const autumn = chance(rng, 0.55);
  const tints: readonly Rgb[] = autumn
    ? [
        [196, 92, 34],
        [214, 156, 50],
        [150, 48, 34],
        [122, 84, 46],
        [176, 122, 62],
      ]
    : [
        [72, 122, 50],
        [104, 150, 62],
        [48, 92, 52],
        [132, 160, 70],
      ];
  const defs =
    mottleFilter('spots', 0.9, { frequency: [0.03, 0.03], octaves: 6, seed: noise }) +
    roughenFilter('edge', 6, { frequency: [0.06, 0.06], octaves: 4, seed: noise + 1 }) +
    mottleFilter('soil', 1.3, { frequency: [0.04, 0.04], octaves: 6, seed: noise + 2 });
  const leaf = (scale: number): string => {
    const color = vary(rng, pick(rng, tints), 0.25);
    const l = scale * between(rng, 18, 32);
    const w = l * between(rng, 0.3, 0.5);
    const outline = `M ${n(-l)} 0 C ${n(-l * 0.5)} ${n(-w)} ${n(l * 0.4)} ${n(-w)} ${n(l)} 0 C ${n(l * 0.4)} ${n(w)} ${n(-l * 0.5)} ${n(w)} ${n(-l)} 0 Z`;
    const veins = repeat(6, (i) => {
      const x = -l * 0.7 + i * l * 0.25;
      return `<path d="M ${n(x)} 0 l ${n(w * 0.6)} ${n(-w * 0.6)} M ${n(x)} 0 l ${n(w * 0.6)} ${n(w * 0.6)}" stroke="${css(mix(color, [255, 244, 190], 0.4))}" stroke-width="0.8" fill="none" stroke-opacity="0.7"/>`;
    });
    return (
      `<g transform="translate(${n(between(rng, -10, 266))} ${n(between(rng, -10, 266))}) rotate(${n(between(rng, 0, 360))})">` +
      `<path d="${outline}" transform="translate(3 4)" fill="black" fill-opacity="0.5"${blurred(3)}/><path d="${outline}" fill="${css(color)}"/>` +
      `<path d="M ${n(-l)} 0 C ${n(-l * 0.5)} ${n(w)} ${n(l * 0.4)} ${n(w)} ${n(l)} 0 Z" fill="black" fill-opacity="0.22"/>${veins}` +
      `<path d="M ${n(-l * 1.2)} 0 L ${n(l)} 0" stroke="${css(mix(color, [255, 240, 190], 0.5))}" stroke-width="1.3"/></g>`
    );
  };
  const layer = (count: number, scale: number): string =>
    `<g filter="url(#spots)"><g filter="url(#edge)">${repeat(count, () => leaf(scale))}</g></g>`;
  const body = `<g filter="url(#soil)">${FULL} fill="${css(autumn ? [66, 48, 34] : [28, 42, 24])}"/></g>${layer(60, 0.9)}${FULL} fill="black" fill-opacity="0.3"/>${layer(34, 1.25)}`;
  return { defs, body };
}
