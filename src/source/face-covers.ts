import type { Rng } from '../core/rng.js';
import type { Person } from './face-person.js';
import { between, blob, blurred, css, mix, n, repeat, shade, stroke, vary } from './svg-parts.js';

/** A scarf around the face, in folds. */
export function scarf(rng: Rng, p: Person): string {
  const c = p.coverColor;
  const w = p.width * 0.93;
  const hole = `M ${p.cx} ${n(p.hairline - 4)} C ${n(p.cx + w)} ${n(p.hairline)} ${n(p.cx + w * 1.1)} 150 ${n(p.cx + w * 0.66)} 200 Q ${p.cx} ${n(p.chin + 12)} ${n(p.cx - w * 0.66)} 200 C ${n(p.cx - w * 1.1)} 150 ${n(p.cx - w)} ${n(p.hairline)} ${p.cx} ${n(p.hairline - 4)} Z`;
  const outside = `M ${p.cx - 104} 262 C ${p.cx - 112} 70 ${p.cx - 66} 5 ${p.cx} 5 C ${p.cx + 66} 5 ${p.cx + 112} 70 ${p.cx + 104} 262 Z`;
  const folds = repeat(22, () => {
    const s = rng.uniform() < 0.5 ? -1 : 1;
    const t = rng.uniform();
    const x = p.cx + s * (w * 0.98 + t * 20);
    const fold = `M ${n(p.cx + s * 10)} ${n(8 + t * 30)} C ${n(x)} ${n(30 + 20 * t)} ${n(x + s * 6)} 130 ${n(p.cx + s * (60 - t * 30))} ${n(225 + t * 30)}`;
    return stroke(
      fold,
      rng.uniform() < 0.5 ? shade(c, 0.55) : mix(c, [255, 255, 255], 0.22),
      between(rng, 1.5, 5),
      0.5,
      2,
    );
  });
  return (
    `<path d="${hole}" fill="none" stroke="${css(p.skinShadow)}" stroke-width="9" opacity="0.55"${blurred(3)}/>` +
    `<clipPath id="cloth"><path d="${outside} ${hole}" clip-rule="evenodd"/></clipPath>` +
    `<path d="${outside} ${hole}" fill="${css(c)}" fill-rule="evenodd"${blurred(0.6)}/><g clip-path="url(#cloth)">${folds}` +
    blob({ at: [p.cx - p.light * 95, 130], radius: [40, 120], fill: shade(c, 0.35), opacity: 0.6, blur: 14 }) +
    blob({
      at: [p.cx + p.light * 50, 30],
      radius: [30, 14],
      fill: mix(c, [255, 255, 255], 0.4),
      opacity: 0.4,
      blur: 8,
    }) +
    '</g>'
  );
}

/** A turban. */
export function wrapped(rng: Rng, p: Person): string {
  const c = p.coverColor;
  const low = p.hairline + 8;
  const w = p.width + 13;
  const shape = `M ${n(p.cx - w)} ${n(low + 30)} C ${n(p.cx - w - 8)} 20 ${n(p.cx - 60)} -6 ${p.cx} -6 C ${n(p.cx + 60)} -6 ${n(p.cx + w + 8)} 20 ${n(p.cx + w)} ${n(low + 30)} Q ${n(p.cx + 50)} ${n(low - 4)} ${p.cx} ${n(low - 12)} Q ${n(p.cx - 50)} ${n(low - 4)} ${n(p.cx - w)} ${n(low + 30)} Z`;
  const folds = repeat(16, (i) => {
    const s = i % 2 === 0 ? 1 : -1;
    const y = low + 22 - i * 5;
    const d = `M ${n(p.cx - s * w)} ${n(y)} Q ${n(p.cx - s * 20)} ${n(y - 30)} ${n(p.cx + s * 45)} ${n(-10 + i * 2)}`;
    return (
      stroke(d, shade(c, 0.5), 2.6, 0.6, 1) +
      stroke(d.replace('M ', 'M '), mix(c, [255, 255, 255], between(rng, 0.1, 0.35)), 1.6, 0.5, 1).replace(
        '<path',
        '<path transform="translate(0 3)"',
      )
    );
  });
  return (
    `<path d="${shape}" transform="translate(0 5)" fill="${css(p.skinShadow)}" opacity="0.5"${blurred(3)}/>` +
    `<clipPath id="cloth"><path d="${shape}"/></clipPath><path d="${shape}" fill="${css(c)}"${blurred(0.6)}/><g clip-path="url(#cloth)">${folds}` +
    blob({ at: [p.cx - p.light * 85, 50], radius: [34, 50], fill: shade(c, 0.3), opacity: 0.6, blur: 14 }) +
    '</g>'
  );
}

/** A ribbed knitted cap. */
export function beanie(rng: Rng, p: Person): string {
  const c = p.coverColor;
  const low = p.hairline + 10;
  const w = p.width + 6;
  const band = `M ${n(p.cx - w)} ${n(low + 16)} Q ${p.cx} ${n(low - 8)} ${n(p.cx + w)} ${n(low + 16)} L ${n(p.cx + w)} ${n(low - 14)} Q ${p.cx} ${n(low - 40)} ${n(p.cx - w)} ${n(low - 14)} Z`;
  const dome = `M ${n(p.cx - w)} ${n(low)} C ${n(p.cx - w)} 16 ${n(p.cx - 46)} -4 ${p.cx} -4 C ${n(p.cx + 46)} -4 ${n(p.cx + w)} 16 ${n(p.cx + w)} ${n(low)} Z`;
  const ribs = repeat(34, (i) => {
    const u = (i / 33) * 2 - 1;
    const x = p.cx + w * Math.sin((u * Math.PI) / 2);
    return stroke(
      `M ${n(x)} ${n(low + 18)} Q ${n(x)} ${n(low - 40)} ${n(p.cx + (x - p.cx) * 0.55)} -6`,
      vary(rng, shade(c, 0.6), 0.2),
      1.7,
      0.6,
      0.6,
    );
  });
  return (
    `<path d="${band}" transform="translate(0 6)" fill="${css(p.skinShadow)}" opacity="0.55"${blurred(3)}/>` +
    `<clipPath id="cloth"><path d="${dome} ${band}"/></clipPath><path d="${dome}" fill="${css(shade(c, 0.85))}"${blurred(0.6)}/>` +
    `<path d="${band}" fill="${css(c)}"${blurred(0.6)}/><g clip-path="url(#cloth)">${ribs}` +
    stroke(
      `M ${n(p.cx - w)} ${n(low - 14)} Q ${p.cx} ${n(low - 40)} ${n(p.cx + w)} ${n(low - 14)}`,
      shade(c, 0.4),
      3,
      0.6,
      1,
    ) +
    blob({ at: [p.cx - p.light * 80, 40], radius: [30, 60], fill: shade(c, 0.25), opacity: 0.6, blur: 14 }) +
    '</g>'
  );
}
