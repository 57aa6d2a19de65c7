import type { Rng } from '../core/rng.js';
import { between, chance, mix, pick, type Rgb, shade, vary } from './svg-parts.js';

export type HairStyle = 'short' | 'combed' | 'fringe' | 'long' | 'curly' | 'tied' | 'receding' | 'bald';
export type Cover = 'none' | 'scarf' | 'turban' | 'beanie';

/** One made-up person: everything the drawing of a head depends on. Lengths in user units of 256 per picture. */
export interface Person {
  readonly skin: Rgb;
  readonly skinShadow: Rgb;
  readonly skinLight: Rgb;
  /** 0 pale … 1 dark. */
  readonly tone: number;
  /** 0 young … 1 old. */
  readonly age: number;
  /** Centre of the face and half its width. */
  readonly cx: number;
  readonly width: number;
  readonly top: number;
  readonly chin: number;
  /** Jaw half-width as a fraction of the face's. */
  readonly jaw: number;
  /** −1 … 1, the way the head is turned. */
  readonly yaw: number;
  readonly roll: number;
  /** −1 light from the left, 1 from the right. */
  readonly light: number;
  /** 0 flat … 1 hard. */
  readonly contrast: number;
  readonly eyeY: number;
  readonly eyeGap: number;
  readonly eyeOpen: number;
  readonly iris: Rgb;
  readonly noseWidth: number;
  readonly noseY: number;
  readonly mouthY: number;
  readonly mouthWidth: number;
  readonly lips: Rgb;
  /** 0 serious … 1 broad smile with teeth. */
  readonly smile: number;
  readonly hair: Rgb;
  readonly style: HairStyle;
  readonly hairline: number;
  readonly volume: number;
  readonly cover: Cover;
  readonly coverColor: Rgb;
  readonly beard: 'none' | 'stubble' | 'moustache' | 'full';
  readonly glasses: boolean;
  readonly makeup: boolean;
  readonly clothes: Rgb;
  readonly backdrop: readonly [Rgb, Rgb, Rgb];
}

const SKINS: readonly Rgb[] = [
  [240, 208, 188],
  [228, 184, 158],
  [214, 166, 132],
  [192, 140, 104],
  [156, 106, 74],
  [118, 76, 52],
  [84, 54, 40],
];
const HAIRS: readonly Rgb[] = [
  [26, 22, 20],
  [44, 32, 24],
  [78, 52, 32],
  [122, 82, 46],
  [178, 138, 82],
  [138, 62, 32],
];
const IRISES: readonly Rgb[] = [
  [58, 36, 22],
  [84, 58, 34],
  [96, 92, 58],
  [92, 122, 146],
  [88, 112, 92],
];
const CLOTHES: readonly Rgb[] = [
  [36, 42, 58],
  [120, 34, 40],
  [222, 220, 214],
  [58, 84, 70],
  [70, 70, 74],
  [180, 150, 110],
  [52, 84, 132],
  [150, 90, 120],
];
const BACKDROPS: readonly (readonly [Rgb, Rgb, Rgb])[] = [
  [
    [92, 116, 74],
    [150, 166, 108],
    [46, 62, 40],
  ],
  [
    [150, 168, 186],
    [214, 218, 220],
    [96, 112, 130],
  ],
  [
    [116, 88, 66],
    [196, 158, 112],
    [56, 42, 36],
  ],
  [
    [62, 66, 74],
    [112, 116, 124],
    [30, 32, 38],
  ],
  [
    [186, 178, 166],
    [226, 220, 208],
    [132, 122, 112],
  ],
  [
    [48, 78, 110],
    [104, 142, 176],
    [24, 38, 58],
  ],
];

/** Draws the features of person `index`; skin tones of consecutive indices are spread over the whole range. */
export function drawPerson(rng: Rng, index: number): Person {
  const tone = (0.15 + index * 0.618034) % 1;
  const at = tone * (SKINS.length - 1.001);
  const low = Math.floor(at);
  const skin = vary(rng, mix(SKINS[low], SKINS[low + 1], at - low), 0.04);
  const age = (0.1 + index * 0.381966 * 1.7 + 0.15 * rng.uniform()) % 1;
  const masculine = chance(rng, 0.5);
  const gray = Math.max(0, (age - 0.55) / 0.45) * between(rng, 0.4, 1.4);
  const natural = tone > 0.55 ? HAIRS[rng.integer(2)] : HAIRS[rng.integer(HAIRS.length)];
  const hair = mix(natural, [196, 194, 190], Math.min(gray, 0.95));
  const style: HairStyle = masculine
    ? pick(rng, ['short', 'short', 'combed', 'curly', 'receding', 'bald', 'fringe'] as const)
    : pick(rng, ['long', 'long', 'fringe', 'curly', 'tied', 'long'] as const);
  const width = between(rng, 74, 85);
  const covered = chance(rng, 0.22);
  const cover: Cover = covered
    ? masculine
      ? pick(rng, ['turban', 'beanie'] as const)
      : pick(rng, ['scarf', 'beanie'] as const)
    : 'none';
  return {
    skin,
    tone,
    age,
    skinShadow: shade(skin, 0.52, 0.4, 0.36),
    skinLight: mix(skin, [255, 240, 222], 0.5),
    cx: 128 + between(rng, -4, 4),
    width,
    top: between(rng, 14, 24),
    chin: between(rng, 219, 231) + (masculine ? 3 : -2),
    jaw: masculine ? between(rng, 0.63, 0.76) : between(rng, 0.52, 0.63),
    yaw: between(rng, -1, 1),
    roll: between(rng, -4, 4),
    light: chance(rng, 0.5) ? -1 : 1,
    contrast: between(rng, 0.15, 0.85),
    eyeY: 107 + between(rng, -2, 2),
    eyeGap: between(rng, 32, 36),
    eyeOpen: between(rng, 4.6, 6.4) - age * 0.8,
    iris: tone > 0.5 ? IRISES[rng.integer(2)] : pick(rng, IRISES),
    noseWidth: between(rng, 13, 17) + tone * 3.5,
    noseY: 150 + between(rng, -3, 4),
    mouthY: 181 + between(rng, -3, 3),
    mouthWidth: between(rng, 25, 31),
    lips: masculine ? mix(skin, [150, 70, 66], 0.35) : mix(mix(skin, [170, 60, 64], 0.5), skin, 0.3 * rng.uniform()),
    smile: Math.max(0.12, between(rng, -0.3, 1)),
    hair,
    style,
    hairline: between(rng, 46, 58),
    volume: between(rng, 4, 12),
    cover,
    coverColor: vary(rng, pick(rng, [...CLOTHES, [40, 90, 100] as const, [190, 120, 60] as const]), 0.15),
    beard: masculine ? pick(rng, ['none', 'none', 'stubble', 'moustache', 'full', 'stubble'] as const) : 'none',
    glasses: chance(rng, 0.25 + 0.2 * age),
    makeup: !masculine && chance(rng, 0.7),
    clothes: vary(rng, pick(rng, CLOTHES), 0.2),
    backdrop: pick(rng, BACKDROPS),
  };
}

/** Outline of skull, cheeks and jaw as an SVG path. */
export function faceOutline({ cx, width: w, top, chin, jaw }: Person): string {
  const j = w * jaw;
  const half = (s: 1 | -1): string =>
    s === 1
      ? `C ${cx + w * 0.72} ${top} ${cx + w} ${top + 42} ${cx + w * 0.99} 104 ` +
        `C ${cx + w * 0.99} 145 ${cx + j * 1.3} ${chin - 52} ${cx + j} ${chin - 27} C ${cx + j * 0.72} ${chin - 5} ${cx + j * 0.42} ${chin} ${cx} ${chin} `
      : `C ${cx - j * 0.42} ${chin} ${cx - j * 0.72} ${chin - 5} ${cx - j} ${chin - 27} C ${cx - j * 1.3} ${chin - 52} ${cx - w * 0.99} 145 ${cx - w * 0.99} 104 ` +
        `C ${cx - w} ${top + 42} ${cx - w * 0.72} ${top} ${cx} ${top} Z`;
  return `M ${cx} ${top} ${half(1)}${half(-1)}`;
}
