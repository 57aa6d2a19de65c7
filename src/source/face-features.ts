import type { Rng } from '../core/rng.js';
import type { Person } from './face-person.js';
import { between, blob, blurred, css, mix, n, repeat, type Rgb, shade, stroke, vary } from './svg-parts.js';

/** Soft light and shadow that give the skin its relief; drawn inside the outline of the face. */
export function skinRelief(p: Person): string {
  const { cx, width: w, light: l, skinShadow: dark, skinLight: bright, eyeY, noseY, mouthY, chin, contrast } = p;
  const nx = cx + p.yaw * 8;
  const soft = 0.6 + 0.4 * contrast;
  const shine = (0.5 + 0.25 * contrast) * (0.8 + 0.35 * p.tone);
  const blush = shade(mix(p.skin, [210, 80, 70], 0.5), 1);
  return [
    blob({ at: [cx + l * w * 0.28, 58], radius: [w * 0.5, 20], fill: bright, opacity: shine, blur: 14 }),
    blob({ at: [cx - w * 0.95, 115], radius: [16, 80], fill: dark, opacity: 0.6 * soft, blur: 14 }),
    blob({ at: [cx + w * 0.95, 115], radius: [16, 80], fill: dark, opacity: 0.6 * soft, blur: 14 }),
    blob({ at: [cx, chin + 3], radius: [w * 0.75, 12], fill: dark, opacity: 0.75 * soft, blur: 8 }),
    ...[-1, 1].flatMap((s) => [
      blob({ at: [nx + s * p.eyeGap * 0.98, eyeY - 6], radius: [19, 10], fill: dark, opacity: 0.42 * soft, blur: 5 }),
      blob({ at: [nx + s * 15, eyeY - 2], radius: [6, 12], fill: dark, opacity: 0.5 * soft, blur: 5 }),
      blob({ at: [nx + s * p.eyeGap, eyeY + 12], radius: [13, 5], fill: dark, opacity: 0.18 + 0.22 * p.age, blur: 3 }),
      blob({ at: [nx + s * w * 0.52, 146], radius: [17, 13], fill: blush, opacity: 0.3, blur: 8 }),
      blob({
        at: [nx + s * w * 0.54, 134],
        radius: [15, 8],
        fill: bright,
        opacity: shine * (s === l ? 1 : 0.4),
        blur: 5,
        turn: s * -24,
      }),
      blob({ at: [nx + s * w * 0.66, 176], radius: [9, 24], fill: dark, opacity: 0.35 * soft, blur: 8, turn: s * 22 }),
      blob({ at: [nx + s * p.mouthWidth * 1.1, mouthY - 3], radius: [5, 7], fill: dark, opacity: 0.3, blur: 3 }),
    ]),
    blob({ at: [nx, mouthY + 17], radius: [17, 4.5], fill: dark, opacity: 0.42 * soft, blur: 3 }),
    blob({ at: [nx + l * 4, chin - 15], radius: [14, 8], fill: bright, opacity: shine * 0.8, blur: 5 }),
    blob({ at: [nx, noseY + 17], radius: [5, 6], fill: dark, opacity: 0.28, blur: 2 }),
    blob({ at: [nx - l * 11, noseY - 18], radius: [5, 24], fill: dark, opacity: 0.55 * soft, blur: 5 }),
    blob({ at: [nx + l * 1.5, noseY - 26], radius: [4, 24], fill: bright, opacity: shine, blur: 3 }),
  ].join('');
}

/** Forehead, eye and mouth lines that come with age, and moles and freckles. */
export function wrinkles(rng: Rng, p: Person): string {
  const { age, cx, skinShadow: dark } = p;
  const nx = cx + p.yaw * 8;
  const fold = 0.08 + 0.3 * age + 0.2 * p.smile;
  const sides = [-1, 1].map((s) => {
    const x = nx + s * (p.noseWidth + 3);
    const end = nx + s * (p.mouthWidth + 10);
    const nasolabial = `M ${n(x)} ${n(p.noseY - 2)} Q ${n(end - s * 2)} ${n(p.noseY + 8)} ${n(end)} ${n(p.mouthY + 4)}`;
    const crow = repeat(age > 0.5 ? 3 : 0, (i) => {
      const ex = nx + s * (p.eyeGap + 17);
      return stroke(
        `M ${n(ex)} ${n(p.eyeY + i * 3 - 2)} q ${n(s * 5)} ${n(i * 2 - 2)} ${n(s * 10)} ${n(i * 4 - 4)}`,
        dark,
        1,
        0.5 * age,
      );
    });
    const bag = `M ${n(nx + s * (p.eyeGap - 12))} ${n(p.eyeY + 9)} q ${n(s * 10)} 7 ${n(s * 22)} 1`;
    return stroke(nasolabial, dark, 3.5, Math.min(fold, 0.6), 2) + crow + stroke(bag, dark, 1.6, 0.15 + 0.45 * age, 1);
  });
  const forehead = repeat(age > 0.45 ? 3 : 0, (i) => {
    const y = p.hairline + 10 + i * 9 + between(rng, -2, 2);
    return stroke(
      `M ${n(cx - 40)} ${n(y)} Q ${n(cx)} ${n(y - 6)} ${n(cx + 40)} ${n(y + between(rng, -2, 2))}`,
      dark,
      1.6,
      0.55 * age,
      1,
    );
  });
  const spots = repeat(between(rng, 4, 26), () =>
    blob({
      at: [cx + p.width * between(rng, -0.75, 0.75), between(rng, 70, 200)],
      radius: [between(rng, 0.6, 1.8), between(rng, 0.6, 1.6)],
      fill: dark,
      opacity: between(rng, 0.08, 0.4),
      blur: 0.6,
    }),
  );
  return sides.join('') + forehead + spots;
}

/** Both eyes with lids, lashes and catch light, and the brows. */
export function eyes(rng: Rng, p: Person): string {
  const squint = p.eyeOpen * (1 - 0.25 * p.smile);
  const gaze = between(rng, -1.2, 1.2);
  const browY = p.eyeY - between(rng, 16, 20);
  const browThick = p.makeup ? 2.2 : between(rng, 3, 4.8);
  return [-1, 1].map((s) => eye(rng, p, s, squint, gaze) + brow(rng, p, s, browY, browThick)).join('');
}

function eye(rng: Rng, p: Person, s: number, open: number, gaze: number): string {
  const half = 15.2 * (1 - 0.08 * s * p.yaw);
  const x = p.cx + p.yaw * 6 + s * p.eyeGap * (1 - 0.04 * s * p.yaw);
  const y = p.eyeY;
  const inner = x - s * half;
  const outer = x + s * half;
  const upper = `M ${n(inner)} ${n(y + 2)} C ${n(x - s * half * 0.5)} ${n(y - open * 1.25)} ${n(x + s * half * 0.45)} ${n(y - open * 1.35)} ${n(outer)} ${n(y - 0.5)}`;
  const lower = `C ${n(x + s * half * 0.5)} ${n(y + open * 0.95)} ${n(x - s * half * 0.4)} ${n(y + open * 0.95)} ${n(inner)} ${n(y + 2)}`;
  const id = s < 0 ? 'eyeL' : 'eyeR';
  const ix = x + gaze;
  const iy = y - 0.6;
  const dark: Rgb = shade(p.skinShadow, 0.55);
  const crease = `M ${n(inner + s * 2)} ${n(y - open * 0.9)} Q ${n(x)} ${n(y - open * 1.9 - 3)} ${n(outer - s)} ${n(y - open * 0.7)}`;
  const lashes = p.makeup
    ? repeat(9, (i) => {
        const t = 0.25 + i * 0.085;
        const lx = inner + (outer - inner) * t;
        const ly = y - open * Math.sin(Math.PI * t) * 0.98;
        return stroke(
          `M ${n(lx)} ${n(ly)} q ${n(s * (t - 0.3) * 3)} -2 ${n(s * (t - 0.2) * 6)} -4`,
          [20, 14, 12],
          0.8,
          0.75,
          0,
        );
      })
    : '';
  return (
    `<clipPath id="${id}"><path d="${upper} ${lower} Z"/></clipPath>` +
    (p.makeup
      ? blob({ at: [x, y - 6], radius: [15, 6], fill: mix(p.skinShadow, [90, 50, 60], 0.3), opacity: 0.35, blur: 3 })
      : '') +
    `<g clip-path="url(#${id})"><path d="${upper} ${lower} Z" fill="${css(mix([226, 220, 214], p.skin, 0.15))}"/>` +
    blob({
      at: [inner + s * 1.5, y + 1.5],
      radius: [3, 2.5],
      fill: mix(p.skin, [190, 80, 76], 0.5),
      opacity: 0.8,
      blur: 0.6,
    }) +
    blob({ at: [ix, iy], radius: [6.6, 6.6], fill: shade(p.iris, 0.45), blur: 0.6 }) +
    blob({ at: [ix, iy + 0.6], radius: [5.2, 5.2], fill: p.iris, blur: 0.6 }) +
    blob({ at: [ix, iy + 2.4], radius: [3.4, 2], fill: mix(p.iris, [255, 230, 190], 0.4), opacity: 0.6, blur: 0.6 }) +
    blob({ at: [ix, iy], radius: [2.7, 2.7], fill: [8, 6, 6], blur: 0 }) +
    blob({ at: [x, y - open * 1.1], radius: [half, 3.4], fill: [30, 20, 18], opacity: 0.55, blur: 1 }) +
    blob({ at: [ix + p.light * 2, iy - 2], radius: [1.3, 1.3], fill: [255, 255, 255], opacity: 0.95 }) +
    '</g>' +
    stroke(upper, p.makeup ? [22, 16, 14] : dark, p.makeup ? 2.4 : 1.9, 0.85) +
    stroke(`M ${n(outer)} ${n(y - 0.5)} ${lower}`, dark, 1, 0.4) +
    stroke(crease, p.skinShadow, 1.8, 0.6, 0.6) +
    blob({
      at: [x + s * 3, y - open * 1.6 - 3],
      radius: [10, 2.2],
      fill: p.skinLight,
      opacity: 0.4 * between(rng, 0.7, 1),
      blur: 2,
    }) +
    lashes
  );
}

function brow(rng: Rng, p: Person, s: number, y: number, thick: number): string {
  const x0 = p.cx + p.yaw * 7 + s * (p.eyeGap - 18);
  const length = 38;
  const arch = between(rng, 4, 7);
  const color = shade(mix(p.hair, p.skinShadow, 0.35), 0.85);
  const at = (t: number): [number, number] => [
    x0 + s * t * length,
    y + 4 - arch * Math.sin(Math.PI * Math.min(t * 0.85, 1)) + t * 2,
  ];
  const shape = [0.02, 0.3, 0.6, 0.98].map(at);
  const base = stroke(
    `M ${n(shape[0][0])} ${n(shape[0][1])} C ${n(shape[1][0])} ${n(shape[1][1])} ${n(shape[2][0])} ${n(shape[2][1])} ${n(shape[3][0])} ${n(shape[3][1])}`,
    color,
    thick * 1.1,
    0.55,
    1,
  );
  return (
    base +
    repeat(46, (i) => {
      const [bx, by] = at(i / 46);
      const w = thick * (1 - 0.6 * (i / 46));
      const up = by + between(rng, -w, w) * 0.6;
      return stroke(
        `M ${n(bx)} ${n(up + w * 0.5)} l ${n(s * between(rng, 2, 5))} ${n(-between(rng, 0.5, 3))}`,
        vary(rng, color, 0.3),
        0.9,
        0.7,
        0,
      );
    })
  );
}

/** Nostrils, wings and tip. */
export function nose(p: Person): string {
  const { noseY: y, noseWidth: w, skinShadow: dark, skinLight: bright, light: l } = p;
  const x = p.cx + p.yaw * 10;
  const wing = (s: number): string =>
    blob({ at: [x + s * w * 0.78, y], radius: [5.2, 6], fill: mix(p.skin, dark, 0.12), opacity: 0.9, blur: 2 }) +
    stroke(`M ${n(x + s * w)} ${n(y - 6)} q ${n(s * 4)} 7 ${n(s * -3)} 10`, dark, 1.8, 0.55, 1) +
    blob({
      at: [x + s * w * 0.46, y + 5],
      radius: [3.8, 1.9],
      fill: shade(dark, 0.42),
      opacity: 0.85,
      blur: 0.6,
      turn: s * -14,
    });
  return (
    blob({ at: [x - l * 4, y + 1], radius: [w * 0.8, 6], fill: dark, opacity: 0.22, blur: 3 }) +
    wing(-1) +
    wing(1) +
    stroke(`M ${n(x - w * 0.5)} ${n(y + 6)} Q ${n(x)} ${n(y + 10)} ${n(x + w * 0.5)} ${n(y + 6)}`, dark, 2.4, 0.6, 1) +
    blob({ at: [x, y - 3], radius: [w * 0.5, 6], fill: p.skin, opacity: 0.6, blur: 2 }) +
    blob({
      at: [x + l * 2.5, y - 5],
      radius: [3.6, 3.4],
      fill: mix(bright, [255, 255, 255], 0.3),
      opacity: 0.6,
      blur: 2,
    })
  );
}

/** Lips, and teeth where the smile is broad. */
export function mouth(p: Person): string {
  const { smile, mouthY: y, lips } = p;
  const x = p.cx + p.yaw * 8;
  const w = p.mouthWidth * (1 + 0.22 * smile);
  const lift = 1.6 + 5 * smile;
  const gap = smile > 0.5 ? 9 * (smile - 0.35) : 0;
  const thick = 6 + (p.makeup ? 1.6 : 0) + p.tone * 1.5 - p.age * 1.6;
  const left = `${n(x - w)} ${n(y - lift)}`;
  const right = `${n(x + w)} ${n(y - lift)}`;
  const topEdge = `M ${left} Q ${n(x - w * 0.45)} ${n(y - thick - lift * 0.4)} ${n(x - 5)} ${n(y - thick)} Q ${n(x)} ${n(y - thick + 2.4)} ${n(x + 5)} ${n(y - thick)} Q ${n(x + w * 0.45)} ${n(y - thick - lift * 0.4)} ${right}`;
  const topInner = `Q ${n(x)} ${n(y + lift * 0.8)} ${left} Z`;
  const openLow = `Q ${n(x)} ${n(y + lift * 0.8 + gap * 2)} ${left}`;
  const lowEdge = `Q ${n(x)} ${n(y + lift + gap * 2 + thick * 2.3)} ${left} Z`;
  const dark: Rgb = shade(mix(lips, p.skinShadow, 0.6), 0.45);
  const id = 'mouthOpen';
  const teeth =
    gap === 0
      ? ''
      : `<clipPath id="${id}"><path d="M ${left} Q ${n(x)} ${n(y + lift * 0.8)} ${right} ${openLow} Z"/></clipPath><g clip-path="url(#${id})">` +
        `<rect x="${n(x - w)}" y="${n(y - 12)}" width="${n(2 * w)}" height="40" fill="${css([52, 20, 20])}"/>` +
        blob({ at: [x, y - 1], radius: [w * 0.86, lift * 0.5 + gap * 1.25 + 1], fill: [228, 220, 206], blur: 0.6 }) +
        repeat(9, (i) => stroke(`M ${n(x + (i - 4) * w * 0.18)} ${n(y - 6)} v 20`, [150, 130, 116], 0.6, 0.5)) +
        blob({ at: [x - w, y], radius: [w * 0.35, 12], fill: [40, 16, 16], opacity: 0.7, blur: 2 }) +
        blob({ at: [x + w, y], radius: [w * 0.35, 12], fill: [40, 16, 16], opacity: 0.7, blur: 2 }) +
        '</g>';
  return (
    `<path d="M ${left} Q ${n(x)} ${n(y + lift * 0.8)} ${right} ${lowEdge}" fill="${css(lips)}"${blurred(1)}/>` +
    `<path d="${topEdge} ${topInner}" fill="${css(shade(lips, 0.8))}"${blurred(0.6)}/>` +
    teeth +
    stroke(`M ${left} Q ${n(x)} ${n(y + lift * 0.8)} ${right}`, dark, gap === 0 ? 1.8 : 1, 0.8) +
    (gap === 0 ? '' : stroke(`M ${left} Q ${n(x)} ${n(y + lift * 0.8 + gap * 2)} ${right}`, dark, 1, 0.5)) +
    blob({
      at: [x + p.light * 4, y + lift * 0.6 + gap + thick * 0.85],
      radius: [w * 0.34, 1.8],
      fill: mix(lips, [255, 235, 225], 0.6),
      opacity: p.makeup ? 0.7 : 0.4,
      blur: 1,
    }) +
    blob({ at: [x - w - 1, y - lift], radius: [2.4, 2], fill: p.skinShadow, opacity: 0.6, blur: 1 }) +
    blob({ at: [x + w + 1, y - lift], radius: [2.4, 2], fill: p.skinShadow, opacity: 0.6, blur: 1 })
  );
}

/** Frames and the reflections of the lenses. */
export function glasses(rng: Rng, p: Person): string {
  const frame: Rgb = rng.uniform() < 0.6 ? [28, 26, 28] : [110, 84, 60];
  const thin = rng.uniform() < 0.4;
  const width = thin ? 1.4 : 3;
  const round = between(rng, 6, 19);
  const x = p.cx + p.yaw * 7;
  const rim = (s: number): string => {
    const left = x + s * p.eyeGap - 22;
    const box = `x="${n(left)}" y="${n(p.eyeY - 15)}" width="44" height="36" rx="${n(round)}"`;
    return (
      `<rect ${box} transform="translate(0 2)" fill="none" stroke="${css(p.skinShadow)}" stroke-width="3" opacity="0.45"${blurred(2)}/>` +
      `<rect ${box} fill="rgb(220,235,245)" opacity="0.08"/>` +
      `<rect ${box} fill="none" stroke="${css(frame)}" stroke-width="${width}"${blurred(0.6)}/>` +
      `<path d="M ${n(left + 8)} ${n(p.eyeY + 14)} l 14 -24 l 7 0 l -14 24 Z" fill="white" opacity="0.13"${blurred(1)}/>` +
      stroke(
        `M ${n(left + (s < 0 ? 0 : 44))} ${n(p.eyeY - 4)} L ${n(p.cx + s * p.width)} ${n(p.eyeY - 8)}`,
        frame,
        width * 0.8,
        0.9,
      )
    );
  };
  const bridge = stroke(
    `M ${n(x - p.eyeGap + 22)} ${n(p.eyeY - 4)} Q ${n(x)} ${n(p.eyeY - 9)} ${n(x + p.eyeGap - 22)} ${n(p.eyeY - 4)}`,
    frame,
    width,
    1,
  );
  return rim(-1) + rim(1) + bridge;
}
