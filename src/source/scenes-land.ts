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
  reliefFilter,
  repeat,
  type Rgb,
  ridge,
  roughenFilter,
  shade,
  stroke,
  vary,
} from './svg-parts.js';

const FULL = '<rect width="256" height="256"';

/** Peaks behind each other, paler with distance, over a lake that mirrors them. */
export function mountains(rng: Rng, noise: number): Scene {
  const dusk = chance(rng, 0.4);
  const high: Rgb = dusk ? [70, 88, 140] : [76, 128, 188];
  const low: Rgb = dusk ? [236, 176, 132] : [206, 222, 230];
  const rock: Rgb = dusk ? [86, 66, 70] : [104, 98, 92];
  const shore = between(rng, 150, 185);
  const green: Rgb = vary(rng, [44, 66, 40], 0.3);
  const defs =
    gradient('sky', [
      [0, high],
      [0.7, low],
    ]) +
    gradient('peak', [
      [0, mix(rock, [255, 255, 255], 0.75)],
      [0.35, rock],
      [1, mix(rock, green, 0.6)],
    ]) +
    cloudFilter('cloud', [250, 246, 242], 3, 0.5, { frequency: [0.008, 0.022], seed: noise }) +
    reliefFilter('rock', 15, between(rng, 190, 340), 40, { frequency: [0.018, 0.026], octaves: 7, seed: noise + 1 }) +
    reliefFilter('wood', 9, 250, 45, { frequency: [0.09, 0.14], octaves: 5, seed: noise + 2 }) +
    roughenFilter('ripple', 9, { frequency: [0.008, 0.16], octaves: 4, seed: noise + 3 }) +
    mottleFilter('wave', 0.5, { frequency: [0.012, 0.16], octaves: 5, seed: noise + 4 });
  const far = `${ridge(rng, shore - 66, 26, 0.56, shore)} fill="${css(mix(low, high, 0.55))}"/>`;
  const main = `<g filter="url(#rock)">${ridge(rng, shore - 84, 58, 0.5, shore)} fill="url(#peak)"/></g>`;
  const trees = `<g filter="url(#wood)">${ridge(rng, shore - 14, 12, 0.62, shore)} fill="${css(green)}"/></g>`;
  const land = `${FULL} fill="url(#sky)"/>${FULL} filter="url(#cloud)" opacity="0.8"/>${far}${main}${FULL} fill="${css(low)}" fill-opacity="0.12"/>${trees}`;
  const body =
    `<clipPath id="above"><rect width="256" height="${n(shore)}"/></clipPath><clipPath id="below"><rect y="${n(shore)}" width="256" height="200"/></clipPath>` +
    `<g clip-path="url(#above)">${land}</g>` +
    `<g clip-path="url(#below)">${FULL} fill="${css(mix(low, rock, 0.5))}"/><g filter="url(#ripple)"><g transform="translate(-12 ${n(2 * shore)}) scale(1.1 -1)">${land}</g></g>` +
    `<rect y="${n(shore)}" width="256" height="200" fill="${css([18, 40, 56])}" fill-opacity="0.38"/>` +
    `<g filter="url(#wave)" opacity="0.5" style="mix-blend-mode:multiply"><rect y="${n(shore)}" width="256" height="200" fill="white"/></g>` +
    `<rect y="${n(shore - 1)}" width="256" height="3" fill="rgb(30,36,30)" fill-opacity="0.7"${blurred(0.6)}/></g>`;
  return { defs, body };
}

/** Trunks in depth under a canopy, light from above. */
export function forest(rng: Rng, noise: number): Scene {
  const leaf: Rgb = pick(rng, [
    [82, 116, 44],
    [150, 110, 40],
    [60, 98, 66],
  ]);
  const glow = mix(leaf, [244, 244, 196], 0.7);
  const defs =
    gradient('light', [
      [0, mix(leaf, glow, 0.4)],
      [0.45, glow],
      [0.75, shade(leaf, 0.6)],
      [1, shade(leaf, 0.3)],
    ]) +
    cloudFilter('far', shade(leaf, 0.75), 4, 0.45, { frequency: [0.03, 0.03], octaves: 6, seed: noise }) +
    cloudFilter('near', shade(leaf, 0.32), 6, 0.5, { frequency: [0.035, 0.035], octaves: 7, seed: noise + 1 }) +
    cloudFilter('lit', mix(leaf, [230, 240, 120], 0.5), 6, 0.57, {
      frequency: [0.05, 0.05],
      octaves: 6,
      seed: noise + 2,
    }) +
    reliefFilter('bark', 9, 200, 45, { frequency: [0.14, 0.02], octaves: 5, seed: noise + 3 }) +
    reliefFilter('floor', 7, 260, 50, { frequency: [0.05, 0.12], octaves: 6, seed: noise + 4 });
  const trunk = (depth: number): string => {
    const x = between(rng, -8, 264);
    const w = 3 + 15 * depth ** 2;
    const foot = 168 + 62 * depth ** 1.5;
    const color = mix(mix(glow, leaf, 0.4), vary(rng, [42, 34, 26], 0.3), 0.35 + 0.65 * depth);
    const lean = between(rng, -6, 6);
    return `<polygon points="${n(x + lean)},-5 ${n(x + lean + w * 0.8)},-5 ${n(x + w)},${n(foot)} ${n(x + w * 1.3)},${n(foot + 5)} ${n(x - w * 0.3)},${n(foot + 5)} ${n(x)},${n(foot)}" fill="${css(color)}"/>`;
  };
  const rays = repeat(4, () => {
    const x = between(rng, 40, 220);
    return `<polygon points="${n(x)},0 ${n(x + 12)},0 ${n(x - 40)},220 ${n(x - 75)},220" fill="rgb(255,250,210)" fill-opacity="0.16"${blurred(5)}/>`;
  });
  const body =
    `${FULL} fill="url(#light)"/>${FULL} filter="url(#far)" opacity="0.7"/>` +
    `<g filter="url(#bark)">${repeat(14, () => trunk(between(rng, 0, 0.4)))}</g>` +
    `<g filter="url(#floor)"><path d="M0 188 Q 128 ${n(between(rng, 172, 192))} 256 186 V 256 H 0 Z" fill="${css(shade(leaf, 0.62, 0.52, 0.6))}"/></g>` +
    `<rect y="170" width="256" height="40" fill="${css(glow)}" fill-opacity="0.28"${blurred(8)}/>` +
    `<g filter="url(#bark)">${repeat(5, () => trunk(between(rng, 0.5, 1)))}</g>${rays}` +
    `<rect y="-10" width="256" height="${n(between(rng, 90, 130))}" filter="url(#near)"/><rect width="256" height="150" filter="url(#lit)" opacity="0.8"/>` +
    `<rect y="196" width="256" height="60" filter="url(#near)" opacity="0.8"/>`;
  return { defs, body };
}

/** Dunes lit from one side. */
export function desert(rng: Rng, noise: number): Scene {
  const sand: Rgb = vary(
    rng,
    pick(rng, [[206, 140, 82] as const, [220, 178, 120] as const, [186, 104, 66] as const]),
    0.06,
  );
  const skyLow: Rgb = [226, 214, 196];
  const defs =
    gradient('sky', [
      [0, vary(rng, [72, 122, 182], 0.2)],
      [0.45, skyLow],
    ]) +
    reliefFilter('ripple', 1.6, 80, 48, { frequency: [0.015, 0.09], octaves: 5, seed: noise }) +
    mottleFilter('stain', 0.5, { frequency: [0.01, 0.02], octaves: 6, seed: noise + 1 });
  const dunes = repeat(5, (i) => {
    const y = 96 + i * 32 + between(rng, -8, 8);
    const crest = between(rng, 30, 226);
    const height = between(rng, 18, 34) * (0.5 + i * 0.22);
    const tone = mix(mix(sand, skyLow, 0.5), sand, i / 4);
    const right = 250 + between(rng, 0, 40);
    const lit = `M -10 262 L -10 ${n(y)} Q ${n(crest * 0.6)} ${n(y - height * 0.25)} ${n(crest)} ${n(y - height)} Q ${n((crest + right) / 2)} ${n(y - height * 0.3)} 270 ${n(y + 6)} L 270 262 Z`;
    const dark = `M ${n(crest)} ${n(y - height)} Q ${n((crest + right) / 2)} ${n(y - height * 0.3)} 270 ${n(y + 6)} L 270 ${n(y + 60)} C ${n(crest + 110)} ${n(y + 52)} ${n(crest + 20)} ${n(y + 36)} ${n(crest + 26)} ${n(y)} Q ${n(crest + 14)} ${n(y - height * 0.5)} ${n(crest)} ${n(y - height)} Z`;
    return `<path d="${lit}" fill="${css(tone)}"${blurred(0.6)}/><path d="${dark}" fill="${css(shade(tone, 0.5, 0.42, 0.46))}" fill-opacity="0.85"${blurred(1)}/>`;
  });
  return { defs, body: `${FULL} fill="url(#sky)"/><g filter="url(#stain)"><g filter="url(#ripple)">${dunes}</g></g>` };
}

/** Flowers among grass, the farther ones out of focus. */
export function flowers(rng: Rng, noise: number): Scene {
  const petal: Rgb = pick(rng, [
    [214, 44, 52],
    [240, 196, 48],
    [236, 232, 236],
    [172, 92, 184],
    [232, 122, 150],
  ]);
  const grass: Rgb = vary(rng, [72, 112, 40], 0.2);
  const defs =
    gradient('ground', [
      [0, mix(grass, [232, 236, 204], 0.75)],
      [0.4, grass],
      [1, shade(grass, 0.35)],
    ]) +
    mottleFilter('dapple', 1.1, { frequency: [0.02, 0.03], octaves: 6, seed: noise }) +
    mottleFilter('veins', 0.6, { frequency: [0.07, 0.07], octaves: 4, seed: noise + 1 });
  const blade = (base: number, length: number): string => {
    const x = between(rng, -10, 266);
    const lean = between(rng, -26, 26);
    return stroke(
      `M ${n(x)} ${n(base)} q ${n(lean * 0.2)} ${n(-length * 0.6)} ${n(lean)} ${n(-length)}`,
      vary(rng, mix(shade(grass, 0.5), [178, 196, 96], rng.uniform() ** 2), 0.25),
      between(rng, 0.8, 2.6),
      0.85,
      0,
    );
  };
  const flower = (x: number, y: number, r: number): string => {
    const petals = 5 + rng.integer(9);
    const tilt = between(rng, 0.5, 1);
    const turn = between(rng, 0, 360);
    return (
      `<g transform="translate(${n(x)} ${n(y)}) scale(1 ${n(tilt)}) rotate(${n(turn)})" filter="url(#b0_6)">` +
      repeat(petals, (i) => {
        const color = vary(rng, petal, 0.18);
        const angle = (i * 360) / petals;
        return `<g transform="rotate(${n(angle)})"><ellipse cx="${n(r * 0.6)}" rx="${n(r * 0.48)}" ry="${n((r * 2.1) / petals + 1)}" fill="${css(color)}"/><ellipse cx="${n(r * 0.42)}" rx="${n(r * 0.3)}" ry="${n(r / petals)}" fill="${css(shade(color, 0.66))}" fill-opacity="0.7"/></g>`;
      }) +
      `<circle r="${n(r * 0.27)}" fill="${css(petal[1] > 150 ? [120, 84, 26] : [60, 46, 24])}"/><circle cx="${n(-r * 0.06)}" cy="${n(-r * 0.08)}" r="${n(r * 0.15)}" fill="${css([196, 156, 52])}"/></g>`
    );
  };
  const rows = repeat(7, (i) => {
    const base = 90 + i * 30;
    const heads = repeat(7 - i * 0.6, () => {
      const r = 4 + i * 2.6 + between(rng, -1, 2);
      const x = between(rng, 0, 256);
      const y = base - between(rng, 10, 34);
      const stem = stroke(
        `M ${n(x)} ${n(y)} q ${n(between(rng, -6, 6))} 30 ${n(between(rng, -10, 10))} 60`,
        shade(grass, 0.7),
        1 + i * 0.25,
        0.9,
        0,
      );
      return stem + flower(x, y, r);
    });
    const soft = i < 2 ? blurred(3) : i < 3 ? blurred(1) : '';
    return `<g${soft}>${repeat(70, () => blade(base + between(rng, 0, 24), 18 + i * 7))}<g filter="url(#veins)">${heads}</g></g>`;
  });
  return { defs, body: `<g filter="url(#dapple)">${FULL} fill="url(#ground)"/></g>${rows}` };
}

/** A coat close up: stripes, spots or plain hair. */
export function fur(rng: Rng, noise: number): Scene {
  const kind = pick(rng, ['zebra', 'leopard', 'fox'] as const);
  const base: Rgb = kind === 'zebra' ? [226, 216, 200] : kind === 'leopard' ? [206, 158, 92] : [182, 104, 54];
  const dark: Rgb = [34, 26, 24];
  const defs =
    roughenFilter('wobble', kind === 'zebra' ? 46 : 14, { frequency: [0.013, 0.013], octaves: 4, seed: noise }) +
    mottleFilter('hair', 0.9, { frequency: [0.3, 0.05], octaves: 4, seed: noise + 1 }) +
    mottleFilter('form', 1.2, { frequency: [0.009, 0.009], octaves: 5, seed: noise + 2 }) +
    roughenFilter('fray', 7, { frequency: [0.2, 0.05], octaves: 3, seed: noise + 3 });
  const period = between(rng, 22, 34);
  const marks =
    kind === 'zebra'
      ? repeat(
          20,
          (i) =>
            `<rect x="${n(i * period - 80 + between(rng, -3, 3))}" y="-60" width="${n(period * between(rng, 0.38, 0.62))}" height="380" fill="${css(dark)}"/>`,
        )
      : kind === 'leopard'
        ? repeat(110, (i) => {
            const x = (i % 11) * 26 - 10 + between(rng, -8, 8);
            const y = Math.floor(i / 11) * 27 - 5 + between(rng, -8, 8);
            const r = between(rng, 7, 10);
            return (
              blob({ at: [x, y], radius: [r * 0.7, r * 0.6], fill: shade(base, 0.66, 0.56, 0.5) }) +
              `<circle cx="${n(x)}" cy="${n(y)}" r="${n(r)}" fill="none" stroke="${css(dark)}" stroke-width="${n(between(rng, 4, 6))}" stroke-dasharray="${n(between(rng, 9, 16))} ${n(between(rng, 3, 7))}"/>`
            );
          })
        : repeat(16, () =>
            blob({
              at: [between(rng, 0, 256), between(rng, 0, 256)],
              radius: [between(rng, 20, 60), between(rng, 14, 40)],
              fill: pick(rng, [shade(base, 0.5), mix(base, [244, 226, 200], 0.7)]),
              opacity: 0.5,
              blur: 14,
            }),
          );
  const strands = repeat(900, () => {
    const x = between(rng, -8, 264);
    const y = between(rng, -12, 256);
    return stroke(
      `M ${n(x)} ${n(y)} q ${n(between(rng, -2, 4))} 6 ${n(between(rng, -3, 6))} ${n(between(rng, 9, 17))}`,
      rng.uniform() < 0.5 ? [255, 246, 226] : [24, 16, 10],
      between(rng, 0.5, 1.1),
      between(rng, 0.1, 0.4),
      0,
    );
  });
  const body = `<g transform="rotate(${n(between(rng, -35, 35))} 128 128) scale(1.35) translate(-33 -33)"><g filter="url(#form)"><g filter="url(#hair)"><g filter="url(#fray)"><g filter="url(#wobble)"><rect x="-60" y="-60" width="380" height="380" fill="${css(base)}"/>${marks}</g></g></g></g>${strands}</g>`;
  return { defs, body: `${FULL} fill="${css(shade(base, 0.6))}"/>${body}` };
}
