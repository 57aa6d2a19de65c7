import { tensor, type Tensor } from '../../runtime/tensor.js';
import type { LinkSetting } from '../receiver.js';

/** The shape of a batch of pictures of a setting, [count,3,H,W]. */
export function pictureDims({ layout, codec }: LinkSetting, count: number): number[] {
  const d = codec.card.downSampling;
  return [count, 3, layout.height * d, layout.width * d];
}

/** Planes in [0,1] → the priors' [−1,1], as a batch of one. */
export const toPrior = (setting: LinkSetting, picture: Float32Array): Tensor =>
  tensor(
    picture.map((v) => 2 * v - 1),
    pictureDims(setting, 1),
  );

/** [−1,1] → [0,1], clipped. */
export const fromPrior = (values: Float32Array): Float32Array =>
  values.map((v) => Math.min(1, Math.max(0, (v + 1) / 2)));
