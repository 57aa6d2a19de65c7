import type { Rng } from '../core/rng.js';
import { beanie, scarf, wrapped } from './face-covers.js';
import { faceOutline, type Person } from './face-person.js';
import { between, blob, blurred, css, mix, n, repeat, shade, stroke, vary } from './svg-parts.js';

const CENTRE_Y = 112;

/** A point of the hair's outer edge; `angle` 0 is the right ear, π/2 the crown, π the left ear. */
function outer(p: Person, angle: number, extra = 0): [number, number] {
  const s = Math.max(Math.sin(angle), -0.4);
  return [
    p.cx + (p.width + p.volume * 0.8 + extra) * Math.cos(angle),
    CENTRE_Y - (CENTRE_Y - p.top + p.volume + extra) * Math.sign(s) * Math.abs(s) ** 0.92,
  ];
}

/** A point of the hairline, squarer than an ellipse. */
function hairline(p: Person, angle: number, lower = 0): [number, number] {
  const c = Math.cos(angle);
  return [
    p.cx + p.width * 0.93 * Math.sign(c) * Math.abs(c) ** 0.55,
    CENTRE_Y - (CENTRE_Y - p.hairline - lower) * Math.max(Math.sin(angle), 0) ** 0.7,
  ];
}

const polygon = (points: readonly (readonly [number, number])[]): string =>
  `M ${points.map(([x, y]) => `${n(x)} ${n(y)}`).join(' L ')} Z`;

const angles = (count: number, from = 0, to = Math.PI): number[] =>
  Array.from({ length: count }, (_, i) => from + ((to - from) * i) / (count - 1));

/** Hair and cloth behind the head. */
export function backHair(rng: Rng, p: Person): string {
  if (p.cover === 'scarf') {
    const cloth = shade(p.coverColor, 0.6);
    return `<path d="M ${p.cx - 105} 256 C ${p.cx - 112} 60 ${p.cx - 70} 2 ${p.cx} 2 C ${p.cx + 70} 2 ${p.cx + 112} 60 ${p.cx + 105} 256 Z" fill="${css(cloth)}"${blurred(1)}/>`;
  }
  if (p.style === 'curly' && p.cover === 'none') return curls(rng, p, 240, 8, true);
  if (p.style !== 'long') return '';
  const dark = shade(p.hair, 0.6);
  const w = p.width + p.volume + 8;
  const shape = `<path d="M ${p.cx - w} 256 C ${n(p.cx - w - 14)} 150 ${n(p.cx - w - 4)} 20 ${p.cx} 12 C ${n(p.cx + w + 4)} 20 ${n(p.cx + w + 14)} 150 ${n(p.cx + w)} 256 Z" fill="${css(dark)}"${blurred(2)}/>`;
  const strands = repeat(150, () => {
    const s = rng.uniform() < 0.5 ? -1 : 1;
    const x = p.cx + s * between(rng, p.width * 0.75, w);
    return stroke(
      `M ${n(p.cx + s * p.width * 0.5)} ${n(between(rng, 24, 50))} C ${n(x)} 60 ${n(x + s * between(rng, 0, 10))} 150 ${n(x + between(rng, -8, 8))} 260`,
      vary(rng, mix(dark, p.hair, rng.uniform()), 0.35),
      between(rng, 0.8, 2.2),
      0.6,
      0,
    );
  });
  return shape + strands;
}

function curls(rng: Rng, p: Person, count: number, size: number, behind: boolean): string {
  const grow = p.volume * 1.6;
  const base = `<path d="${polygon(angles(28, -0.35, Math.PI + 0.35).map((a) => outer(p, a, grow)))}" fill="${css(shade(p.hair, 0.55))}"${blurred(3)}/>`;
  return (
    (behind ? base : '') +
    repeat(count, () => {
      const end = behind ? -0.35 : 0.25;
      const [x, y] = outer(p, between(rng, end, Math.PI - end), between(rng, behind ? -16 : -12, grow + 2));
      const r = between(rng, size * 0.4, size);
      const lit = 0.55 + 0.5 * rng.uniform() + (p.light * (x - p.cx) > 0 ? 0.25 : 0);
      return stroke(
        `M ${n(x - r)} ${n(y)} q ${n(r * 0.4)} ${n(-r * 1.4)} ${n(r)} 0 t ${n(r)} ${n(r * 0.3)}`,
        vary(rng, shade(p.hair, lit), 0.25),
        1.8,
        0.75,
        0,
      );
    })
  );
}

/** Hair over the forehead and temples, or what covers it. */
export function frontHair(rng: Rng, p: Person): string {
  switch (p.cover) {
    case 'scarf':
      return scarf(rng, p);
    case 'turban':
      return wrapped(rng, p);
    case 'beanie':
      return beanie(rng, p);
    case 'none':
      return bareHead(rng, p);
  }
}

function bareHead(rng: Rng, p: Person): string {
  switch (p.style) {
    case 'bald':
      return blob({
        at: [p.cx + p.light * 22, p.top + 16],
        radius: [24, 9],
        fill: mix(p.skinLight, [255, 255, 255], 0.4),
        opacity: 0.55,
        blur: 8,
      });
    case 'receding':
      return cap(rng, p, { part: 0, lower: 0, sidesOnly: true });
    case 'short':
      return cap(rng, p, { part: 0, lower: between(rng, -4, 6), sidesOnly: false });
    case 'combed':
      return cap(rng, p, { part: between(rng, -0.6, 0.6), lower: 0, sidesOnly: false });
    case 'fringe':
      return cap(rng, p, { part: 0, lower: 4, sidesOnly: false }) + fringe(rng, p);
    case 'long':
      return cap(rng, p, { part: between(rng, -0.5, 0.5), lower: 2, sidesOnly: false }) + curtains(rng, p);
    case 'tied':
      return cap(rng, p, { part: 0, lower: -2, sidesOnly: false });
    case 'curly':
      return (
        cap(rng, p, { part: 0, lower: 2, sidesOnly: false }) +
        curls(rng, { ...p, volume: p.volume * 0.5 }, 190, 6, false)
      );
  }
}

interface CapOptions {
  /** −1 left … 1 right: where the strands start from; 0 combs straight back. */
  readonly part: number;
  readonly lower: number;
  readonly sidesOnly: boolean;
}

function cap(rng: Rng, p: Person, { part, lower, sidesOnly }: CapOptions): string {
  const piece = (from: number, to: number): string => {
    const all = angles(24, from, to);
    const edge = all.map((a) => outer(p, a));
    const line = all.map((a): [number, number] => {
      const [x, y] = hairline(p, a, lower);
      return [x + between(rng, -1.5, 1.5), y + between(rng, -2, 2)];
    });
    const base = `<path d="${polygon([...edge, ...line.reverse()])}" fill="${css(shade(p.hair, 0.72))}"${blurred(2)}/>`;
    return base + strands(rng, p, from, to, part, lower);
  };
  const sheen = blob({
    at: [p.cx + p.light * 26, p.top + 12],
    radius: [40, 8],
    fill: mix(p.hair, [255, 244, 226], 0.5),
    opacity: sidesOnly ? 0 : 0.4,
    blur: 8,
    turn: p.light * 14,
  });
  const shadow = sidesOnly
    ? ''
    : `<path d="M ${angles(20, 0.1, Math.PI - 0.1)
        .map((a) =>
          hairline(p, a, lower + 3)
            .map(n)
            .join(' '),
        )
        .join(' L ')}" fill="none" stroke="${css(p.skinShadow)}" stroke-width="7" opacity="0.4"${blurred(3)}/>`;
  return sidesOnly
    ? piece(-0.25, 0.62) + piece(Math.PI - 0.62, Math.PI + 0.25)
    : shadow + piece(-0.2, Math.PI + 0.2) + sheen;
}

function strands(rng: Rng, p: Person, from: number, to: number, part: number, lower: number): string {
  return repeat(260 * ((to - from) / Math.PI), () => {
    const a = between(rng, from, to);
    const [x0, y0] = hairline(p, a, lower);
    const [x1, y1] =
      part === 0
        ? outer(p, a + between(rng, -0.12, 0.12), -2)
        : outer(p, a + (a > Math.PI / 2 - part ? 0.35 : -0.35), -1);
    const t = between(rng, 0, 0.5);
    const lit = 0.6 + 0.75 * rng.uniform() ** 2 + (p.light * (x0 - p.cx) > 0 ? 0.15 : 0);
    return stroke(
      `M ${n(x0 + (x1 - x0) * t)} ${n(y0 + (y1 - y0) * t)} Q ${n((x0 + x1) / 2 + between(rng, -5, 5))} ${n((y0 + y1) / 2 - 4)} ${n(x1)} ${n(y1)}`,
      vary(rng, shade(p.hair, lit), 0.2),
      between(rng, 0.7, 1.8),
      0.6,
      0,
    );
  });
}

function fringe(rng: Rng, p: Person): string {
  const low = p.eyeY - 24;
  const sweep = between(rng, -22, 22);
  const dark = `<path d="M ${n(p.cx - p.width * 0.9)} ${n(low + 8)} Q ${p.cx} ${n(low - 4)} ${n(p.cx + p.width * 0.9)} ${n(low + 8)} L ${n(p.cx + p.width * 0.8)} ${n(p.top + 16)} L ${n(p.cx - p.width * 0.8)} ${n(p.top + 16)} Z"`;
  return (
    `${dark} fill="${css(p.skinShadow)}" transform="translate(0 4)" opacity="0.5"${blurred(3)}/>` +
    `${dark} fill="${css(shade(p.hair, 0.7))}"${blurred(2)}/>` +
    repeat(150, () => {
      const u = between(rng, -1, 1);
      const x = p.cx + u * p.width * 0.9;
      return stroke(
        `M ${n(p.cx + u * p.width * 0.5)} ${n(p.top + 8)} Q ${n(x + sweep * 0.2)} ${n(p.top + 30)} ${n(x + sweep * 0.4)} ${n(low + u * u * 10 + between(rng, -8, 4))}`,
        vary(rng, shade(p.hair, 0.55 + 0.8 * rng.uniform()), 0.2),
        between(rng, 0.8, 2),
        0.6,
        0,
      );
    })
  );
}

function curtains(rng: Rng, p: Person): string {
  return repeat(150, () => {
    const s = rng.uniform() < 0.5 ? -1 : 1;
    const x = p.cx + s * (p.width * 0.95 + between(rng, -5, p.volume + 4));
    return stroke(
      `M ${n(p.cx + s * p.width * between(rng, 0.5, 0.85))} ${n(between(rng, 34, 54))} C ${n(x + s * 2)} 70 ${n(x + s * between(rng, -2, 8))} 160 ${n(x + between(rng, -8, 8))} 258`,
      vary(rng, shade(p.hair, 0.5 + 0.8 * rng.uniform()), 0.2),
      between(rng, 0.8, 2.4),
      0.6,
      0,
    );
  });
}

/** Stubble, moustache or beard, as soft shade and short hairs; drawn inside the outline of the face. */
export function beard(rng: Rng, p: Person): string {
  if (p.beard === 'none') return '';
  const full = p.beard === 'full';
  const x = p.cx + p.yaw * 7;
  const color = shade(p.hair, 0.8);
  const w = p.width;
  const chinArea =
    `<path d="M ${n(p.cx - w)} 128 L ${n(p.cx - w * 0.86)} 160 Q ${n(x - w * 0.62)} ${n(p.mouthY - 8)} ${n(x - p.mouthWidth * 1.05)} ${n(p.mouthY - 16)} ` +
    `Q ${n(x)} ${n(p.noseY + 10)} ${n(x + p.mouthWidth * 1.05)} ${n(p.mouthY - 16)} Q ${n(x + w * 0.62)} ${n(p.mouthY - 8)} ${n(p.cx + w * 0.86)} 160 L ${n(p.cx + w)} 128 L ${n(p.cx + w)} 250 L ${n(p.cx - w)} 250 Z" `;
  const lip = stroke(
    `M ${n(x - p.mouthWidth * 1.1)} ${n(p.mouthY + 1)} Q ${n(x - 12)} ${n(p.mouthY - 13)} ${n(x)} ${n(p.mouthY - 11)} Q ${n(x + 12)} ${n(p.mouthY - 13)} ${n(x + p.mouthWidth * 1.1)} ${n(p.mouthY + 1)}`,
    color,
    full || p.beard === 'moustache' ? 8 : 5,
    p.beard === 'stubble' ? 0.22 : 0.75,
    2,
  );
  if (p.beard === 'stubble')
    return `${chinArea} fill="${css(mix(color, p.skinShadow, 0.3))}" opacity="0.36"${blurred(5)}/>${lip}`;
  const hairs = repeat(full ? 620 : 0, () => {
    const u = between(rng, -1, 1);
    const hx = p.cx + u * w;
    const topY = Math.abs(u) > 0.8 ? 130 : p.mouthY - 6 + 8 * rng.uniform();
    const hy = between(rng, topY, p.chin + 2);
    return stroke(
      `M ${n(hx)} ${n(hy)} q ${n(u * 2)} 4 ${n(-u * between(rng, 0, 4))} ${n(between(rng, 4, 9))}`,
      vary(rng, shade(p.hair, 0.6 + 0.8 * rng.uniform()), 0.2),
      0.9,
      0.55,
      0,
    );
  });
  const moustache = repeat(150, () => {
    const u = between(rng, -1, 1);
    return stroke(
      `M ${n(x + u * p.mouthWidth)} ${n(p.mouthY - 13 + 10 * u * u)} q ${n(u * 3)} 3 ${n(u * 5)} ${n(between(rng, 5, 8))}`,
      vary(rng, shade(p.hair, 0.6 + 0.7 * rng.uniform()), 0.2),
      0.9,
      0.6,
      0,
    );
  });
  return (
    (full ? `${chinArea} fill="${css(shade(color, 0.8))}" opacity="0.78"${blurred(3)}/>` : '') + hairs + lip + moustache
  );
}

/** The clip of everything that lies on the skin of the face. */
export const faceClip = (p: Person): string => `<clipPath id="face"><path d="${faceOutline(p)}"/></clipPath>`;
