import type { Rng } from '../core/rng.js';

/**
 * Small pieces from which the built-in pictures are drawn: colours, random helpers, soft blobs and noise filters,
 * all as strings of SVG in a 256×256 user space.
 */

/** sRGB, each 0…255. */
export type Rgb = readonly [red: number, green: number, blue: number];

/** Edge of the user space that every built-in picture is drawn in. */
export const EDGE = 256;

export const mix = (a: Rgb, b: Rgb, t: number): Rgb => [
  a[0] + (b[0] - a[0]) * t,
  a[1] + (b[1] - a[1]) * t,
  a[2] + (b[2] - a[2]) * t,
];

/** Multiplies each channel; factors below 1 darken. */
export const shade = (c: Rgb, red: number, green = red, blue = red): Rgb => [c[0] * red, c[1] * green, c[2] * blue];

export const css = (c: Rgb): string => `rgb(${c.map((v) => Math.round(Math.min(Math.max(v, 0), 255))).join(',')})`;

/** A short decimal for SVG attributes. */
export const n = (value: number): string => `${Math.round(value * 100) / 100}`;

/** Uniform in [low, high). */
export const between = (rng: Rng, low: number, high: number): number => low + (high - low) * rng.uniform();

export const pick = <T>(rng: Rng, items: readonly T[]): T => items[rng.integer(items.length)];

export const chance = (rng: Rng, probability: number): boolean => rng.uniform() < probability;

/** Joins `count` pieces. */
export const repeat = (count: number, piece: (i: number) => string): string =>
  Array.from({ length: Math.round(count) }, (_, i) => piece(i)).join('');

/** Each colour of a small spread around `c`, for strands, leaves and stones. */
export const vary = (rng: Rng, c: Rgb, spread: number): Rgb => {
  const f = 1 + spread * (rng.uniform() - 0.5) * 2;
  return [c[0] * f, c[1] * f * (1 + spread * 0.2 * (rng.uniform() - 0.5)), c[2] * f];
};

/** Gaussian blurs `b1`, `b2`, … whose σ is the number in their name, in user units. */
export const BLURS = [0.6, 1, 2, 3, 5, 8, 14, 24]
  .map(
    (sigma) =>
      `<filter id="b${`${sigma}`.replace('.', '_')}" x="-60%" y="-60%" width="220%" height="220%">` +
      `<feGaussianBlur stdDeviation="${sigma}"/></filter>`,
  )
  .join('');

export type Blur = 0 | 0.6 | 1 | 2 | 3 | 5 | 8 | 14 | 24;

/** The attribute that blurs an element; '' for 0. */
export const blurred = (sigma: Blur): string => (sigma === 0 ? '' : ` filter="url(#b${`${sigma}`.replace('.', '_')})"`);

export interface BlobOptions {
  readonly at: readonly [x: number, y: number];
  readonly radius: readonly [x: number, y: number];
  readonly fill: Rgb;
  readonly opacity?: number;
  readonly blur?: Blur;
  /** Degrees, clockwise. */
  readonly turn?: number;
}

/** A soft ellipse. Where it is blurred, a radial gradient shaped like one blurred by a Gaussian: many times faster. */
export function blob({ at: [x, y], radius: [rx, ry], fill, opacity = 1, blur = 0, turn = 0 }: BlobOptions): string {
  const turned = turn === 0 ? '' : ` transform="rotate(${n(turn)} ${n(x)} ${n(y)})"`;
  const ellipse = (grow: number, look: string): string =>
    `<ellipse cx="${n(x)}" cy="${n(y)}" rx="${n(rx + grow)}" ry="${n(ry + grow)}" fill="${look}" fill-opacity="${n(opacity)}"${turned}/>`;
  if (blur === 0) return ellipse(0, css(fill));
  const r = Math.sqrt(rx * ry);
  const start = Math.max(0, (r - 2 * blur) / (r + 2 * blur));
  const peak = 1 - Math.exp(-(r * r) / (2 * blur * blur));
  const fall = [1, 0.86, 0.5, 0.14, 0].map((v, i) => [start + ((1 - start) * i) / 4, fill, v * peak] as const);
  // The name says all that the gradient depends on, so that equal ones share it.
  const id = `s${fill.map((v) => Math.round(v)).join('_')}_${Math.round(1000 * r)}_${Math.round(10 * blur)}`;
  const stops = fall.map(([offset, color, alpha]) => stop(offset, color, alpha)).join('');
  return `<radialGradient id="${id}">${stops}</radialGradient>${ellipse(2 * blur, `url(#${id})`)}`;
}

/** A line along a path, its edges soft; blurs of 1 and more are true Gaussian blurs. */
export function stroke(d: string, color: Rgb, width: number, opacity: number, blur: Blur = 0.6): string {
  const line = (w: number, alpha: number, soft: string): string =>
    `<path d="${d}" fill="none" stroke="${css(color)}" stroke-width="${n(w)}" stroke-linecap="round" stroke-opacity="${n(alpha)}"${soft}/>`;
  if (blur === 0.6) return line(width + 0.8, opacity * 0.45, '') + line(Math.max(width - 0.5, 0.4), opacity * 0.6, '');
  return line(width, opacity, blurred(blur));
}

/** A linear gradient from top to bottom, or along `x2`,`y2` (fractions of the box). */
export function gradient(
  id: string,
  stops: readonly (readonly [at: number, color: Rgb, opacity?: number])[],
  x2 = 0,
  y2 = 1,
): string {
  const inner = stops.map(([at, color, opacity = 1]) => stop(at, color, opacity)).join('');
  return `<linearGradient id="${id}" x1="0" y1="0" x2="${n(x2)}" y2="${n(y2)}">${inner}</linearGradient>`;
}

/** A radial gradient with its bright spot at `fx`,`fy` (fractions of the box). */
export function radial(
  id: string,
  fx: number,
  fy: number,
  stops: readonly (readonly [at: number, color: Rgb, opacity?: number])[],
): string {
  const inner = stops.map(([at, color, opacity = 1]) => stop(at, color, opacity)).join('');
  return `<radialGradient id="${id}" cx="0.5" cy="0.5" r="0.55" fx="${n(fx)}" fy="${n(fy)}">${inner}</radialGradient>`;
}

const stop = (at: number, color: Rgb, opacity: number): string =>
  `<stop offset="${n(at)}" stop-color="${css(color)}" stop-opacity="${n(opacity)}"/>`;

export interface NoiseOptions {
  /** Cycles per user unit, in x and y. */
  readonly frequency: readonly [x: number, y: number];
  readonly octaves?: number;
  readonly seed: number;
}

const turbulence = ({ frequency: [fx, fy], octaves = 6, seed }: NoiseOptions): string =>
  `<feTurbulence type="fractalNoise" baseFrequency="${fx} ${fy}" numOctaves="${octaves}" seed="${seed}"`;

const WHOLE = `x="0" y="0" width="${EDGE}" height="${EDGE}" filterUnits="userSpaceOnUse"`;

/** Filters cut to their element need no more than its box and a margin for blurred edges; noise stays where it is. */
const BOX = 'x="-10%" y="-10%" width="120%" height="120%"';

/**
 * A filter that turns any element into a cloud of one colour whose opacity is gain·(noise − threshold), cut to the
 * element's own shape.
 */
export const cloudFilter = (id: string, color: Rgb, gain: number, threshold: number, noise: NoiseOptions): string =>
  `<filter id="${id}" ${BOX}>${turbulence(noise)}/><feColorMatrix values="` +
  `0 0 0 0 ${n(color[0] / 255)} 0 0 0 0 ${n(color[1] / 255)} 0 0 0 0 ${n(color[2] / 255)} ` +
  `${n(gain)} 0 0 0 ${n(-gain * threshold)}"/><feComposite operator="in" in2="SourceGraphic"/></filter>`;

/** A filter that multiplies an element by fractal noise: 1 ± about `depth`/2, the same in all channels. */
export const mottleFilter = (id: string, depth: number, noise: NoiseOptions): string =>
  `<filter id="${id}" ${BOX}>${turbulence(noise)}/><feColorMatrix values="` +
  `${n(depth)} 0 0 0 ${n(1 - depth / 2)} ${n(depth)} 0 0 0 ${n(1 - depth / 2)} ${n(depth)} 0 0 0 ${n(1 - depth / 2)} ` +
  `0 0 0 0 1" result="k"/><feComposite operator="arithmetic" k1="1" in="SourceGraphic" in2="k" result="m"/>` +
  `<feComposite in="m" in2="SourceGraphic" operator="in"/></filter>`;

/** A filter that lights a fractal height field and multiplies the element by it: rock, sand, bark, skin. */
export const reliefFilter = (
  id: string,
  height: number,
  azimuth: number,
  elevation: number,
  noise: NoiseOptions,
): string =>
  `<filter id="${id}" ${BOX}>${turbulence(noise)}/><feDiffuseLighting surfaceScale="${n(height)}" ` +
  `diffuseConstant="${n(1 / Math.sin((elevation * Math.PI) / 180))}" lighting-color="white"><feDistantLight azimuth="${n(azimuth)}" ` +
  `elevation="${n(elevation)}"/></feDiffuseLighting><feComposite operator="arithmetic" k1="1" in="SourceGraphic" result="m"/>` +
  `<feComposite in="m" in2="SourceGraphic" operator="in"/></filter>`;

/** A filter that pushes an element's edges about by up to `amount`/2 user units. */
export const roughenFilter = (id: string, amount: number, noise: NoiseOptions): string =>
  `<filter id="${id}" x="-16" y="-16" width="288" height="288" filterUnits="userSpaceOnUse">${turbulence(noise)} result="w"/><feDisplacementMap in="SourceGraphic" in2="w" ` +
  `scale="${n(amount)}" xChannelSelector="R" yChannelSelector="G"/></filter>`;

/** A closed polygon under a fractal ridge (midpoint displacement) from the left to the right edge, down to `bottom`. */
export function ridge(rng: Rng, y: number, height: number, roughness: number, bottom = EDGE): string {
  let line = Array.from({ length: 4 }, () => between(rng, -1, 1));
  let reach = 0.5;
  for (let level = 0; level < 7; level++) {
    const next: number[] = [];
    line.forEach((v, i) => {
      next.push(v);
      if (i + 1 < line.length) next.push((v + line[i + 1]) / 2 + reach * between(rng, -1, 1));
    });
    line = next;
    reach *= roughness;
  }
  const points = line.map((v, i) => `${n((i / (line.length - 1)) * EDGE)},${n(y - v * height)}`).join(' ');
  return `<polygon points="0,${bottom} ${points} ${EDGE},${bottom}"`;
}

/** Wraps a drawing: definitions, body, and the film grain and vignette that every camera leaves. */
export function svgDocument(pixels: number, defs: string, body: string, grainSeed: number): string {
  const edge = `x="-2" y="-2" width="${EDGE + 4}" height="${EDGE + 4}"`;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${pixels}" height="${pixels}" viewBox="0 0 ${EDGE} ${EDGE}" ` +
    `color-interpolation-filters="sRGB"><defs>${BLURS}${defs}` +
    radial('vignette', 0.5, 0.5, [
      [0.7, [0, 0, 0], 0],
      [1, [0, 0, 0], 0.12],
    ]) +
    `<filter id="grain" ${WHOLE}><feTurbulence type="fractalNoise" baseFrequency="0.35" numOctaves="2" seed="${grainSeed}"/>` +
    `<feColorMatrix values="0.33 0.33 0.33 0 0 0.33 0.33 0.33 0 0 0.33 0.33 0.33 0 0 0 0 0 0 1"/></filter></defs>` +
    `${body}<rect ${edge} filter="url(#grain)" opacity="0.07" style="mix-blend-mode:overlay"/>` +
    `<rect ${edge} fill="url(#vignette)"/></svg>`
  );
}
