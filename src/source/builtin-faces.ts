import type { Rng } from '../core/rng.js';
import { eyes, glasses, mouth, nose, skinRelief, wrinkles } from './face-features.js';
import { backHair, beard, faceClip, frontHair } from './face-hair.js';
import { drawPerson, faceOutline, type Person } from './face-person.js';
import {
  between,
  blob,
  blurred,
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
  shade,
  stroke,
  svgDocument,
} from './svg-parts.js';

/**
 * Portrait number `index` of a made-up person as SVG of `pixels`×`pixels`: a frontal head aligned as in face data
 * sets (eyes at about 42 % of the height, the face 60–70 % of the width), out-of-focus background, neck and clothes.
 */
export function faceSvg(rng: Rng, index: number, pixels: number): string {
  const p = drawPerson(rng.split('person'), index);
  const noise = rng.split('noise').integer(1 << 20);
  const side = (1 - p.light) / 2;
  const skin = radial('skin', 0.5 + p.light * 0.22, 0.36, [
    [0, mix(p.skin, p.skinLight, 0.45)],
    [0.5, p.skin],
    [0.85, shade(p.skin, 0.86, 0.8, 0.77)],
    [1, shade(p.skin, 0.62, 0.53, 0.48)],
  ]);
  const defs =
    skin +
    gradient('neck', [
      [0, shade(p.skin, 0.42, 0.34, 0.31)],
      [0.75, shade(p.skin, 0.72, 0.64, 0.6)],
      [1, shade(p.skin, 0.9, 0.85, 0.83)],
    ]) +
    gradient(
      'side',
      [
        [0.1, [20, 8, 4], side === 0 ? 0 : 0.55 * p.contrast],
        [0.6, [20, 8, 4], 0],
        [1, [20, 8, 4], side === 0 ? 0.55 * p.contrast : 0],
      ],
      1,
      0.1,
    ) +
    mottleFilter('pores', 0.2, { frequency: [0.08, 0.08], octaves: 4, seed: noise }) +
    reliefFilter('cloth', 3, 235, 52, { frequency: [0.012, 0.02], octaves: 5, seed: noise + 1 }) +
    cloudFilter('haze', p.backdrop[1], 2.2, 0.42, { frequency: [0.012, 0.012], octaves: 5, seed: noise + 2 }) +
    cloudFilter('ruddy', [190, 60, 50], 1.2, 0.42, { frequency: [0.03, 0.03], octaves: 4, seed: noise + 3 }) +
    faceClip(p);
  const turn = `transform="rotate(${n(p.roll)} 128 150)"`;
  const head =
    backHair(rng.split('back'), p) +
    shoulders(rng.split('clothes'), p) +
    ears(p) +
    `<path d="${faceOutline(p)}" fill="url(#skin)"${blurred(0.6)}/>` +
    `<g clip-path="url(#face)"><g filter="url(#pores)"><path d="${faceOutline(p)}" fill="url(#skin)"/></g>` +
    `<path d="${faceOutline(p)}" fill="white" filter="url(#ruddy)" opacity="0.16"/>` +
    `${skinRelief(p)}${wrinkles(rng.split('skin'), p)}${mouth(p)}${beard(rng.split('beard'), p)}` +
    `${nose(p)}${eyes(rng.split('eyes'), p)}<rect width="256" height="256" fill="url(#side)"/></g>` +
    frontHair(rng.split('front'), p) +
    (p.glasses ? glasses(rng.split('glasses'), p) : '');
  return svgDocument(pixels, defs, `${backdrop(rng.split('backdrop'), p)}<g ${turn}>${head}</g>`, noise + 4);
}

/** Out-of-focus surroundings: large soft patches, some bright discs. */
function backdrop(rng: Rng, { backdrop: colors }: Person): string {
  const patches = repeat(14, () =>
    blob({
      at: [between(rng, -10, 266), between(rng, -10, 250)],
      radius: [between(rng, 12, 60), between(rng, 12, 70)],
      fill: pick(rng, colors),
      opacity: between(rng, 0.3, 0.9),
      blur: 14,
    }),
  );
  const discs = repeat(between(rng, 0, 8), () => {
    const r = between(rng, 4, 12);
    return blob({
      at: [between(rng, 0, 256), between(rng, 0, 150)],
      radius: [r, r],
      fill: mix(colors[1], [255, 250, 230], 0.6),
      opacity: between(rng, 0.15, 0.5),
      blur: 2,
    });
  });
  const base = `<rect width="256" height="256" fill="${css(colors[0])}"/>`;
  return `${base}${patches}<rect width="256" height="256" filter="url(#haze)" opacity="0.5"/>${discs}`;
}

function ears(p: Person): string {
  if (p.cover === 'scarf' || p.style === 'long' || (p.style === 'curly' && p.cover === 'none')) return '';
  return [-1, 1]
    .map((s) => {
      const x = p.cx + s * (p.width + 2) - p.yaw * 3;
      const lit = s === p.light ? 1 : 1 - 0.35 * p.contrast;
      return (
        blob({
          at: [x, 120],
          radius: [9, 20],
          fill: shade(p.skin, 0.85 * lit, 0.74 * lit, 0.7 * lit),
          blur: 1,
          turn: s * 8,
        }) +
        stroke(`M ${n(x - s * 2)} 108 q ${n(s * 8)} 2 ${n(s * 3)} 22`, p.skinShadow, 2.4, 0.6, 1) +
        blob({ at: [x - s, 122], radius: [3, 8], fill: p.skinShadow, opacity: 0.7, blur: 2 })
      );
    })
    .join('');
}

function shoulders(rng: Rng, p: Person): string {
  const w = p.width * (p.jaw * 0.85);
  const neck = `<path d="M ${n(p.cx - w)} 170 C ${n(p.cx - w)} 220 ${n(p.cx - w - 4)} 235 ${n(p.cx - w - 26)} 262 L ${n(p.cx + w + 26)} 262 C ${n(p.cx + w + 4)} 235 ${n(p.cx + w)} 220 ${n(p.cx + w)} 170 Z" fill="url(#neck)"${blurred(1)}/>`;
  const collar = between(rng, 240, 256);
  const cloth = `<path d="M -10 275 L -10 ${n(between(rng, 238, 250))} Q ${n(p.cx - w - 20)} ${n(collar - 18)} ${n(p.cx - w - 2)} ${n(collar - 24)} Q ${p.cx} ${n(collar + 26)} ${n(p.cx + w + 2)} ${n(collar - 24)} Q ${n(p.cx + w + 20)} ${n(collar - 18)} 266 ${n(between(rng, 238, 250))} L 266 275 Z"`;
  return (
    neck +
    blob({ at: [p.cx, p.chin + 6], radius: [w * 0.9, 14], fill: p.skinShadow, opacity: 0.7, blur: 5 }) +
    `<g filter="url(#cloth)">${cloth} fill="${css(p.clothes)}"/></g>` +
    `${cloth} fill="none" stroke="${css(shade(p.clothes, 0.45))}" stroke-width="3" opacity="0.6"${blurred(1)}/>`
  );
}
