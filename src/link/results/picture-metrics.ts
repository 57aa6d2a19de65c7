import { sharpness } from '../../metrics/naturalness.js';
import { niqe } from '../../metrics/niqe.js';
import { type PictureView, psnrDb, structuralQuality } from '../../metrics/picture-quality.js';

/** A number that compares a received picture with the one that was sent, or judges it alone. */
export interface PictureMetric {
  /** Decimals that are reported. */
  readonly digits: number;
  measure(received: PictureView, sent: PictureView): number;
}

/** Of a pair that two entries ask for in turn, worked out once. */
function oncePerPair<T>(measure: (a: PictureView, b: PictureView) => T): (a: PictureView, b: PictureView) => T {
  let latest: { readonly a: PictureView; readonly b: PictureView; readonly value: T } | null = null;
  return (a, b) => {
    if (latest?.a !== a || latest.b !== b) latest = { a, b, value: measure(a, b) };
    return latest.value;
  };
}
const structural = oncePerPair(structuralQuality);

/** What every frame's report holds of its picture: one entry is a field of the JSON, a column of frames.csv. */
export const pictureMetrics = {
  psnrDb: { digits: 4, measure: psnrDb },
  ssim: { digits: 5, measure: (received, sent) => structural(received, sent).ssim },
  msSsim: { digits: 5, measure: (received, sent) => structural(received, sent).msSsim.value },
  sharpness: { digits: 4, measure: sharpness },
  niqe: { digits: 4, measure: (received) => niqe(received) },
} as const satisfies Readonly<Record<string, PictureMetric>>;

export type PictureFigures = Readonly<Record<keyof typeof pictureMetrics, number>>;

export const measurePicture = (received: PictureView, sent: PictureView): PictureFigures =>
  Object.fromEntries(
    Object.entries<PictureMetric>(pictureMetrics).map(([name, { digits, measure }]) => [
      name,
      Number(measure(received, sent).toFixed(digits)),
    ]),
  ) as PictureFigures;
