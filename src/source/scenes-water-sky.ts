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
  vary,
} from './svg-parts.js';

const FULL = '<rect width="256" height="256"';

/** Sea, surf and sand under a sky. */
export function sea(rng: Rng, noise: number): Scene {
  const horizon = between(rng, 85, 120);
  const beach = between(rng, 165, 190);
  const sunset = chance(rng, 0.4);
  const deep: Rgb = sunset ? [62, 62, 92] : vary(rng, [28, 92, 132], 0.2);
  const shallow: Rgb = sunset ? [196, 132, 104] : [116, 186, 182];
  const sand: Rgb = sunset ? [150, 108, 84] : [212, 186, 146];
  const defs =
    gradient('sky', [
      [0, sunset ? [84, 86, 136] : [70, 132, 200]],
      [1, sunset ? [248, 178, 104] : [206, 226, 236]],
    ]) +
    gradient('sea', [
      [0, deep],
      [1, shallow],
    ]) +
    cloudFilter('cloud', sunset ? [232, 146, 112] : [252, 252, 252], 3.4, 0.48, {
      frequency: [0.009, 0.025],
      seed: noise,
    }) +
    mottleFilter('wave', 0.9, { frequency: [0.014, 0.11], octaves: 6, seed: noise + 1 }) +
    cloudFilter('foam', [246, 250, 250], 9, 0.55, { frequency: [0.02, 0.07], octaves: 6, seed: noise + 2 }) +
    reliefFilter('sand', 2.2, 230, 50, { frequency: [0.06, 0.12], octaves: 6, seed: noise + 3 }) +
    roughenFilter('edge', 16, { frequency: [0.02, 0.04], octaves: 5, seed: noise + 4 });
  const slope = between(rng, -26, 26);
  const shore = (dy: number): string =>
    `M -10 ${n(beach + slope + dy)} Q 100 ${n(beach + between(rng, -8, 8) + dy)} 266 ${n(beach - slope + dy)} V 270 H -10 Z`;
  const edge = shore(0);
  const body =
    `<rect width="256" height="${n(horizon + 1)}" fill="url(#sky)"/><rect width="256" height="${n(horizon)}" filter="url(#cloud)" opacity="0.85"/>` +
    (sunset
      ? blob({ at: [between(rng, 60, 200), horizon - 14], radius: [10, 10], fill: [255, 236, 190], blur: 2 })
      : '') +
    `<g filter="url(#wave)"><rect y="${n(horizon)}" width="256" height="180" fill="url(#sea)"/></g>` +
    `<rect y="${n(horizon + 18)}" width="256" height="110" filter="url(#foam)" opacity="0.35"/>` +
    `<g filter="url(#edge)"><path d="${edge}" transform="translate(0 -12)" fill="white" fill-opacity="0.85"/><path d="${edge}" transform="translate(0 -2)" fill="${css(shade(sand, 0.6))}"/></g>` +
    `<g filter="url(#sand)"><g filter="url(#edge)"><path d="${edge}" transform="translate(0 9)" fill="${css(sand)}"/></g></g>` +
    repeat(between(rng, 4, 14), () =>
      blob({
        at: [between(rng, 0, 256), between(rng, 215, 256)],
        radius: [between(rng, 1, 5), between(rng, 1, 3)],
        fill: shade(sand, 0.45),
        opacity: 0.8,
        blur: 0.6,
      }),
    );
  return { defs, body };
}

/** A reef: light from above, coral, fish. */
export function underwater(rng: Rng, noise: number): Scene {
  const blue: Rgb = vary(rng, [24, 118, 158], 0.2);
  const defs =
    gradient('water', [
      [0, mix(blue, [196, 240, 240], 0.65)],
      [0.4, blue],
      [1, shade(blue, 0.3)],
    ]) +
    cloudFilter('caustic', [220, 250, 246], 5, 0.52, { frequency: [0.012, 0.05], octaves: 4, seed: noise }) +
    reliefFilter('reef', 14, 270, 48, { frequency: [0.04, 0.04], octaves: 6, seed: noise + 1 }) +
    mottleFilter('murk', 0.5, { frequency: [0.01, 0.01], octaves: 5, seed: noise + 2 });
  const rays = repeat(7, () => {
    const x = between(rng, -20, 256);
    return `<polygon points="${n(x)},-4 ${n(x + between(rng, 8, 26))},-4 ${n(x + between(rng, 30, 80))},210 ${n(x - 30)},210" fill="white" fill-opacity="${n(between(rng, 0.05, 0.16))}"${blurred(8)}/>`;
  });
  const corals: readonly Rgb[] = [
    [190, 92, 84],
    [176, 132, 82],
    [120, 96, 140],
    [96, 128, 96],
  ];
  const reef = repeat(34, (i) => {
    const y = 178 + i * 2.4;
    const r = between(rng, 8, 24);
    return blob({
      at: [between(rng, -5, 261), y + between(rng, -5, 10)],
      radius: [r, r * between(rng, 0.5, 0.9)],
      fill: mix(vary(rng, pick(rng, corals), 0.3), blue, 0.55 - i * 0.013),
      blur: i < 10 ? 1 : 0.6,
    });
  });
  const fish = repeat(between(rng, 4, 12), () => {
    const s = between(rng, 5, 15);
    const color = pick<Rgb>(rng, [
      [236, 176, 52],
      [222, 222, 226],
      [226, 112, 60],
      [64, 84, 130],
    ]);
    return (
      `<g transform="translate(${n(between(rng, 20, 236))} ${n(between(rng, 60, 190))}) scale(${chance(rng, 0.5) ? 1 : -1} 1) rotate(${n(between(rng, -14, 14))})" filter="url(#b0_6)">` +
      `<path d="M ${n(-s)} 0 Q 0 ${n(-s * 0.8)} ${n(s)} 0 Q 0 ${n(s * 0.8)} ${n(-s)} 0 Z M ${n(-s * 0.8)} 0 l ${n(-s * 0.6)} ${n(-s * 0.45)} l 0 ${n(s * 0.9)} Z" fill="${css(mix(color, blue, 0.25))}"/>` +
      `<path d="M ${n(-s * 0.8)} ${n(s * 0.1)} Q 0 ${n(s * 0.8)} ${n(s * 0.9)} ${n(s * 0.1)} Z" fill="${css(shade(color, 0.45))}" fill-opacity="0.6"/><rect x="${n(s * 0.2)}" y="${n(-s * 0.4)}" width="${n(s * 0.14)}" height="${n(s * 0.8)}" fill="black" fill-opacity="0.4"/><circle cx="${n(s * 0.62)}" cy="${n(-s * 0.1)}" r="${n(s * 0.1)}" fill="black"/></g>`
    );
  });
  const floor = `<g filter="url(#reef)">${ridge(rng, 196, 14, 0.6)} fill="${css(mix([150, 128, 100], blue, 0.55))}"/>${reef}</g>`;
  const body = `<g filter="url(#murk)">${FULL} fill="url(#water)"/></g><rect width="256" height="70" filter="url(#caustic)" opacity="0.7"/>${rays}${floor}<rect y="120" width="256" height="90" fill="${css(blue)}" fill-opacity="0.28"${blurred(14)}/>${fish}`;
  return { defs, body };
}

/** Heaped clouds over a low horizon. */
export function clouds(rng: Rng, noise: number): Scene {
  const warm = chance(rng, 0.5);
  const high: Rgb = warm ? [70, 84, 138] : [50, 104, 176];
  const low: Rgb = warm ? [250, 186, 120] : [192, 216, 232];
  const defs =
    gradient('sky', [
      [0, high],
      [0.8, low],
    ]) +
    cloudFilter('shade', warm ? [112, 84, 104] : [128, 142, 160], 5, 0.42, {
      frequency: [0.009, 0.016],
      octaves: 7,
      seed: noise,
    }) +
    cloudFilter('lit', warm ? [255, 206, 160] : [255, 255, 255], 5, 0.49, {
      frequency: [0.009, 0.016],
      octaves: 7,
      seed: noise,
    }) +
    cloudFilter('wisp', [255, 250, 244], 3, 0.5, { frequency: [0.005, 0.03], octaves: 6, seed: noise + 1 }) +
    reliefFilter('land', 3, 250, 50, { frequency: [0.04, 0.12], octaves: 6, seed: noise + 2 });
  const land: Rgb = warm ? [62, 52, 46] : vary(rng, [86, 108, 56], 0.3);
  const horizon = between(rng, 205, 232);
  const body =
    `${FULL} fill="url(#sky)"/>${FULL} filter="url(#wisp)" opacity="0.5"/>${FULL} filter="url(#shade)"/><g transform="translate(-3 -5)"><rect width="262" height="262" filter="url(#lit)"/></g>` +
    `<rect y="150" width="256" height="80" fill="${css(low)}" fill-opacity="0.45"${blurred(14)}/><g filter="url(#land)">${ridge(rng, horizon, 6, 0.6)} fill="${css(land)}"/></g>`;
  return { defs, body };
}

/** Stars, a band of haze, perhaps the moon or an aurora over dark hills. */
export function nightSky(rng: Rng, noise: number): Scene {
  const tint: Rgb = pick(rng, [
    [40, 52, 96],
    [60, 40, 86],
    [24, 62, 80],
  ]);
  const aurora = chance(rng, 0.4);
  const defs =
    gradient('sky', [
      [0, shade(tint, 0.3)],
      [0.8, mix(tint, [190, 140, 110], 0.3)],
    ]) +
    cloudFilter('haze', mix(tint, [226, 214, 226], 0.6), 3.2, 0.44, {
      frequency: [0.014, 0.014],
      octaves: 7,
      seed: noise,
    }) +
    cloudFilter('lanes', [10, 8, 14], 4, 0.5, { frequency: [0.02, 0.02], octaves: 6, seed: noise + 1 }) +
    cloudFilter('curtain', [92, 226, 150], 4, 0.46, { frequency: [0.03, 0.004], octaves: 5, seed: noise + 2 }) +
    reliefFilter('hill', 8, 260, 50, { frequency: [0.06, 0.09], octaves: 5, seed: noise + 3 });
  const stars = repeat(340, () => {
    const bright = rng.uniform() ** 3;
    return blob({
      at: [between(rng, 0, 256), between(rng, 0, 215)],
      radius: [0.5 + 1.3 * bright, 0.5 + 1.3 * bright],
      fill: pick<Rgb>(rng, [
        [255, 255, 255],
        [255, 226, 196],
        [196, 214, 255],
      ]),
      opacity: 0.35 + 0.65 * bright,
    });
  });
  const band = `<g transform="rotate(${n(between(rng, -60, 60))} 128 110)"><g filter="url(#haze)"><ellipse cx="128" cy="110" rx="190" ry="52" fill="white"${blurred(24)}/></g><ellipse cx="128" cy="110" rx="180" ry="22" fill="white" filter="url(#lanes)" opacity="0.6"/></g>`;
  const moon = `${blob({ at: [190, 60], radius: [40, 40], fill: [200, 210, 230], opacity: 0.35, blur: 14 })}${blob({ at: [190, 60], radius: [17, 17], fill: [240, 236, 222], blur: 0.6 })}${repeat(7, () => blob({ at: [190 + between(rng, -9, 9), 60 + between(rng, -9, 9)], radius: [between(rng, 2, 5), between(rng, 2, 4)], fill: [176, 172, 166], opacity: 0.6, blur: 1 }))}`;
  const light = aurora
    ? `<g${blurred(2)}><rect y="20" width="256" height="150" filter="url(#curtain)" opacity="0.85"/></g>`
    : chance(rng, 0.5)
      ? moon
      : '';
  const hills = `${ridge(rng, 206, 18, 0.55)} fill="${css(shade(tint, 0.5))}"/><g filter="url(#hill)">${ridge(rng, 228, 14, 0.6)} fill="${css(shade(tint, 0.3))}"/></g>`;
  return { defs, body: `${FULL} fill="url(#sky)"/>${band}${stars}${light}${hills}` };
}
