import { powerToDb } from '../core/units.js';
import { inPicture, type HeardFrame, informationOf } from './decoder-input.js';
import type { LinkSetting } from './receiver.js';

/**
 * Expected squared error [h,w] of a decoded picture, the mean over each latent's patch of d×d pixels in [0,1], by the codec's distortion
 * network; null without one, and where the codec chooses what it sends.
 *
 * @param picture [3,H,W] in [0,1], the padded size of the layout
 * @param heard what it was decoded from
 */
export async function expectedErrors(
  setting: LinkSetting,
  picture: Float32Array,
  heard: HeardFrame,
): Promise<Float32Array | null> {
  const { codec, layout } = setting;
  if (!codec.hasDistortion || layout.side !== null) return null;
  const { precision, information } = informationOf(setting, heard, inPicture(layout));
  return codec.distortion(picture, precision, information, layout);
}

/** Their mean over the whole picture, or over the patches that were sent on some resource elements. */
export function meanError(
  { layout, interleaver }: Pick<LinkSetting, 'layout' | 'interleaver'>,
  errors: Float32Array | null,
  elements?: Int32Array,
): number | null {
  if (errors === null) return null;
  if (elements === undefined) return errors.reduce((sum, v) => sum + v, 0) / errors.length;
  let sum = 0;
  for (const element of elements) sum += errors[layout.latentOf[interleaver.symbolOf[element]] % errors.length];
  return sum / elements.length;
}

/**
 * Expected squared error of a picture x̂ that is shown in place of the decoded one, D: E‖x − x̂‖² = E‖x − D‖² + ‖x̂ − D‖², as D is about
 * the posterior mean of x and so its error is orthogonal to whatever else the receiver makes of the same signal. A sample from the posterior
 * doubles the error, which is 3 dB (Blau and Michaeli, 2018). Null where the decoder's is not known.
 */
export const errorShown = (error: number | null, shown: Float32Array, decoded: Float32Array): number | null =>
  error === null || shown === decoded ? error : error + meanSquare(shown, decoded);

/** Mean squared difference of two pictures. */
export function meanSquare(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
  return sum / a.length;
}

/** The PSNR in dB of an expected squared error; null of none. */
export const expectedPsnrDb = (error: number | null | undefined): number | null =>
  error == null ? null : -powerToDb(Math.max(error, 1e-10));
