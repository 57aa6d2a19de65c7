import type { Rng } from '../core/rng.js';
import type { Scene } from './scene.js';
import {
  between,
  blob,
  blurred,
  chance,
  cloudFilter,
  css,
  gradient,
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
  stroke,
  vary,
} from './svg-parts.js';

const FULL = '<rect width="256" height="256"';

/** Towers against the sky by day, dusk or night, mirrored in a river. */
export function skyline(rng: Rng, noise: number): Scene {
  const hour = pick(rng, ['day', 'dusk', 'night'] as const);
  const high: Rgb = { day: [92, 146, 206] as const, dusk: [66, 62, 112] as const, night: [12, 16, 34] as const }[hour];
  const low: Rgb = { day: [216, 226, 230] as const, dusk: [240, 158, 104] as const, night: [62, 56, 76] as const }[
    hour
  ];
  const shore = between(rng, 196, 220);
  const litShare = { day: 0.04, dusk: 0.3, night: 0.5 }[hour];
  const defs =
    gradient('sky', [
      [0, high],
      [0.8, low],
    ]) +
    cloudFilter('cloud', mix(low, [255, 255, 255], 0.5), 3, 0.47, { frequency: [0.008, 0.02], seed: noise }) +
    mottleFilter('wall', 0.7, { frequency: [0.03, 0.03], octaves: 6, seed: noise + 1 }) +
    roughenFilter('ripple', 14, { frequency: [0.01, 0.2], octaves: 4, seed: noise + 2 });
  const tower = (depth: number): string => {
    const w = between(rng, 15, 36);
    const h = between(rng, 40, 100 + 66 * (1 - depth));
    const x = between(rng, -12, 250);
    const y = shore - h;
    const wall = mix(
      vary(
        rng,
        pick<Rgb>(rng, [
          [112, 108, 106],
          [140, 122, 106],
          [82, 98, 112],
          [60, 62, 70],
          [168, 162, 152],
        ]),
        0.2,
      ),
      low,
      0.5 * (1 - depth),
    );
    const tone = hour === 'night' ? shade(wall, 0.3) : hour === 'dusk' ? shade(wall, 0.55, 0.5, 0.55) : wall;
    const cell = between(rng, 3.4, 6);
    const columns = Math.floor(w / cell);
    const rows = Math.floor(h / cell);
    const pane = shade(tone, 0.55, 0.62, 0.72);
    const windows = repeat(columns * rows, (i) => {
      const lit = rng.uniform() < litShare;
      const color = lit ? vary(rng, [255, 214, 140], 0.15) : vary(rng, pane, 0.5);
      return `<rect x="${n(x + (i % columns) * cell + cell * 0.25)}" y="${n(y + Math.floor(i / columns) * cell + cell * 0.3)}" width="${n(cell * 0.58)}" height="${n(cell * 0.5)}" fill="${css(color)}"/>`;
    });
    const side = `<rect x="${n(x + w * 0.7)}" y="${n(y)}" width="${n(w * 0.3)}" height="${n(h)}" fill="black" fill-opacity="0.28"/>`;
    const mast = chance(rng, 0.25) ? stroke(`M ${n(x + w / 2)} ${n(y)} v -24`, tone, 1.2, 1, 0) : '';
    return `${mast}<rect x="${n(x)}" y="${n(y)}" width="${n(w)}" height="${n(h + 4)}" fill="${css(tone)}"/>${windows}${side}`;
  };
  const haze = `<rect y="100" width="256" height="110" fill="${css(low)}" fill-opacity="0.25"${blurred(8)}/>`;
  const city = `${FULL} fill="url(#sky)"/>${FULL} filter="url(#cloud)" opacity="0.7"/><g filter="url(#wall)">${repeat(10, () => tower(0.2))}</g>${haze}<g filter="url(#wall)">${repeat(9, () => tower(0.9))}</g>`;
  const body =
    `<clipPath id="above"><rect width="256" height="${n(shore)}"/></clipPath><g clip-path="url(#above)">${city}</g>` +
    `<clipPath id="below"><rect y="${n(shore)}" width="256" height="90"/></clipPath><g clip-path="url(#below)">${FULL} fill="${css(low)}"/><g filter="url(#ripple)"><g transform="translate(-12 ${n(2 * shore)}) scale(1.1 -1)">${city}</g></g>` +
    `<rect y="${n(shore)}" width="256" height="90" fill="rgb(10,22,34)" fill-opacity="0.45"/></g>`;
  return { defs, body };
}

/** The front of a house: stone or brick, windows, balconies, hard shadows. */
export function facade(rng: Rng, noise: number): Scene {
  const brick = chance(rng, 0.5);
  const wall: Rgb = vary(
    rng,
    brick
      ? [152, 84, 64]
      : pick<Rgb>(rng, [
          [206, 184, 146],
          [188, 180, 172],
          [214, 150, 112],
        ]),
    0.1,
  );
  const defs =
    mottleFilter('age', 0.9, { frequency: [0.012, 0.006], octaves: 7, seed: noise }) +
    reliefFilter('stone', 4, 225, 52, { frequency: [0.1, 0.1], octaves: 4, seed: noise + 1 }) +
    gradient(
      'sun',
      [
        [0, [255, 240, 210], 0.25],
        [0.55, [0, 0, 0], 0],
        [1, [10, 14, 40], 0.5],
      ],
      1,
      0.6,
    ) +
    gradient(
      'glass',
      [
        [0, [156, 180, 200]],
        [0.5, [52, 64, 76]],
        [1, [26, 30, 36]],
      ],
      0.6,
      1,
    ) +
    mottleFilter('mirror', 1.4, { frequency: [0.03, 0.02], octaves: 4, seed: noise + 2 });
  const high = brick ? 5 : 12;
  const wide = brick ? 13 : 32;
  const courses = repeat((Math.ceil(256 / high) + 1) * (Math.ceil(256 / wide) + 1), (i) => {
    const perRow = Math.ceil(256 / wide) + 1;
    const row = Math.floor(i / perRow);
    return `<rect x="${n(((i % perRow) - (row % 2) / 2) * wide)}" y="${n(row * high)}" width="${n(wide - 0.9)}" height="${n(high - 0.9)}" fill="${css(vary(rng, wall, brick ? 0.22 : 0.08))}"/>`;
  });
  const columns = 3 + rng.integer(2);
  const floors = 3 + rng.integer(2);
  const w = 256 / columns;
  const h = 256 / floors;
  const frame: Rgb = pick(rng, [
    [232, 226, 214],
    [70, 54, 42],
    [82, 106, 96],
  ]);
  const shutters = chance(rng, 0.5);
  const shutter = vary(
    rng,
    pick<Rgb>(rng, [
      [60, 92, 82],
      [120, 52, 44],
      [72, 88, 120],
    ]),
    0.15,
  );
  const windows = repeat(columns * floors, (i) => {
    const x = (i % columns) * w + w * 0.3;
    const y = Math.floor(i / columns) * h + h * 0.22;
    const ww = w * 0.4;
    const wh = h * 0.58;
    const leaf = (lx: number): string =>
      `<rect x="${n(lx)}" y="${n(y)}" width="${n(w * 0.19)}" height="${n(wh)}" fill="${css(shutter)}"/>` +
      repeat(
        wh / 4,
        (k) =>
          `<rect x="${n(lx + 1.5)}" y="${n(y + k * 4 + 1)}" width="${n(w * 0.19 - 3)}" height="1.4" fill="black" fill-opacity="0.4"/>`,
      );
    return (
      `<rect x="${n(x + 3)}" y="${n(y + 6)}" width="${n(ww + 6)}" height="${n(wh + 8)}" fill="black" fill-opacity="0.5"${blurred(3)}/>` +
      (shutters ? leaf(x - w * 0.2) + leaf(x + ww + w * 0.01) : '') +
      `<rect x="${n(x - 3)}" y="${n(y - 3)}" width="${n(ww + 6)}" height="${n(wh + 6)}" fill="${css(frame)}"/>` +
      `<g filter="url(#mirror)"><rect x="${n(x)}" y="${n(y)}" width="${n(ww)}" height="${n(wh)}" fill="url(#glass)"/></g>` +
      (chance(rng, 0.4)
        ? `<rect x="${n(x)}" y="${n(y)}" width="${n(ww)}" height="${n(wh * between(rng, 0.2, 0.7))}" fill="rgb(226,216,196)" fill-opacity="0.75"/>`
        : '') +
      `<rect x="${n(x + ww / 2 - 1)}" y="${n(y)}" width="2" height="${n(wh)}" fill="${css(frame)}"/><rect x="${n(x)}" y="${n(y + wh * 0.36)}" width="${n(ww)}" height="2" fill="${css(frame)}"/>` +
      `<rect x="${n(x)}" y="${n(y)}" width="${n(ww)}" height="${n(wh * 0.16)}" fill="black" fill-opacity="0.45"${blurred(1)}/>` +
      `<rect x="${n(x - 6)}" y="${n(y + wh + 2)}" width="${n(ww + 12)}" height="5" fill="${css(shade(frame, 0.9))}"/><rect x="${n(x - 6)}" y="${n(y + wh + 7)}" width="${n(ww + 12)}" height="6" fill="black" fill-opacity="0.4"${blurred(2)}/>` +
      (chance(rng, 0.3)
        ? repeat(18, () =>
            blob({
              at: [x + ww * rng.uniform(), y + wh - 2 + between(rng, -6, 6)],
              radius: [3, 3],
              fill: vary(
                rng,
                pick<Rgb>(rng, [
                  [66, 104, 46],
                  [196, 50, 60],
                  [40, 70, 34],
                ]),
                0.3,
              ),
            }),
          )
        : '')
    );
  });
  const body = `${FULL} fill="${css(shade(wall, 0.6))}"/><g filter="url(#age)"><g filter="url(#stone)">${courses}</g></g>${windows}${FULL} fill="url(#sun)"/>`;
  return {
    defs,
    body: `<g transform="rotate(${n(between(rng, -3, 3))} 128 128) skewY(${n(between(rng, -5, 5))}) scale(1.25) translate(-26 -26)">${body}</g>`,
  };
}

/** Fruit on a table by a window. */
export function fruit(rng: Rng, noise: number): Scene {
  const cloth: Rgb = pick(rng, [
    [120, 84, 58],
    [196, 186, 170],
    [66, 84, 92],
  ]);
  const wall: Rgb = pick(rng, [
    [92, 84, 72],
    [52, 58, 58],
    [170, 156, 134],
  ]);
  const kinds: readonly Rgb[] = [
    [196, 38, 34],
    [232, 132, 30],
    [130, 168, 52],
    [234, 200, 62],
    [98, 44, 82],
    [214, 128, 92],
  ];
  const skins = kinds
    .map((color, i) =>
      radial(`f${i}`, 0.32, 0.26, [
        [0, mix(color, [255, 250, 236], 0.55)],
        [0.3, color],
        [0.75, shade(color, 0.55, 0.42, 0.42)],
        [1, shade(color, 0.24, 0.2, 0.22)],
      ]),
    )
    .join('');
  const defs =
    skins +
    gradient(
      'wall',
      [
        [0, shade(wall, 1.25)],
        [1, shade(wall, 0.5)],
      ],
      1,
      0.5,
    ) +
    gradient('table', [
      [0, shade(cloth, 0.6)],
      [1, shade(cloth, 1.15)],
    ]) +
    mottleFilter('plaster', 0.5, { frequency: [0.012, 0.012], octaves: 7, seed: noise }) +
    reliefFilter('grain', 2, 250, 52, { frequency: [0.012, 0.12], octaves: 6, seed: noise + 1 }) +
    reliefFilter('peel', 2.5, 225, 55, { frequency: [0.12, 0.12], octaves: 3, seed: noise + 2 }) +
    mottleFilter('speckle', 0.5, { frequency: [0.05, 0.03], octaves: 5, seed: noise + 3 });
  const one = (x: number, y: number, r: number): string => {
    const i = rng.integer(kinds.length);
    const skin = i === 1 || i === 3 ? 'peel' : 'speckle';
    return (
      blob({
        at: [x + r * 0.5, y + r * 0.85],
        radius: [r * 1.25, r * 0.3],
        fill: [14, 10, 8],
        opacity: 0.65,
        blur: 5,
      }) +
      `<g filter="url(#${skin})"><ellipse cx="${n(x)}" cy="${n(y)}" rx="${n(r)}" ry="${n(r * between(rng, 0.88, 1.06))}" fill="url(#f${i})"/></g>` +
      blob({
        at: [x, y - r * 0.78],
        radius: [r * 0.22, r * 0.09],
        fill: shade(kinds[i], 0.25),
        opacity: 0.8,
        blur: 1,
      }) +
      (i === 0 || i === 2
        ? stroke(
            `M ${n(x)} ${n(y - r * 0.78)} q 2 ${n(-r * 0.3)} ${n(between(rng, -4, 8))} ${n(-r * 0.45)}`,
            [70, 50, 30],
            2,
            0.9,
          )
        : '') +
      blob({
        at: [x - r * 0.35, y - r * 0.42],
        radius: [r * 0.16, r * 0.11],
        fill: [255, 255, 255],
        opacity: 0.65,
        blur: 2,
        turn: -30,
      })
    );
  };
  const berries = (cx: number, cy: number): string =>
    repeat(26, (i) => {
      const x = cx + between(rng, -26, 26);
      const y = cy - 26 + i * 1.5;
      return (
        blob({ at: [x + 2, y + 3], radius: [8, 8], fill: [12, 6, 12], opacity: 0.5, blur: 2 }) +
        `<circle cx="${n(x)}" cy="${n(y)}" r="8" fill="url(#f4)"/>`
      );
    });
  const edge = between(rng, 118, 146);
  const back = repeat(3, (i) =>
    one(58 + i * 66 + between(rng, -12, 12), edge + 8 + between(rng, -6, 8), between(rng, 27, 37)),
  );
  const front = repeat(3, (i) =>
    one(44 + i * 78 + between(rng, -14, 14), edge + 58 + between(rng, -6, 12), between(rng, 32, 44)),
  );
  const body =
    `<g filter="url(#plaster)">${FULL} fill="url(#wall)"/></g><g filter="url(#grain)"><rect y="${n(edge)}" width="256" height="150" fill="url(#table)"/></g>` +
    `<rect y="${n(edge - 3)}" width="256" height="7" fill="black" fill-opacity="0.35"${blurred(3)}/>${back}${berries(between(rng, 70, 190), edge + 24)}${front}`;
  return { defs, body };
}
