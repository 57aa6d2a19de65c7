import { describe, expect, it } from 'vitest';
import { cropped, mirrored } from '../../../src/diffusion/mirror.js';
import { tensor } from '../../../src/runtime/tensor.js';

describe('pictures whose edges a network does not take', () => {
  it('go on mirrored to the right and below, and are cut back', () => {
    const picture = tensor(Float32Array.of(1, 2, 3, 4, 5, 6), [1, 1, 2, 3]);
    const whole = mirrored(picture, 4);
    expect(whole.dims).toEqual([1, 1, 4, 4]);
    expect([...whole.data]).toEqual([1, 2, 3, 2, 4, 5, 6, 5, 1, 2, 3, 2, 4, 5, 6, 5]);
    expect(cropped(whole, 2, 3)).toEqual(picture);
  });

  it('turn back again where the picture is shorter than what it lacks', () => {
    expect([...mirrored(tensor(Float32Array.of(1, 2), [1, 1, 1, 2]), 5).data.subarray(0, 5)]).toEqual([1, 2, 1, 2, 1]);
    expect([...mirrored(tensor(Float32Array.of(7), [1, 1, 1, 1]), 2).data]).toEqual([7, 7, 7, 7]);
  });

  it('stay apart, and as they are where they fit', () => {
    const two = tensor(
      Float32Array.from({ length: 2 * 3 * 8 * 8 }, (_, i) => i),
      [2, 3, 8, 8],
    );
    expect(mirrored(two, 8)).toBe(two);
    expect(cropped(mirrored(two, 12), 8, 8)).toEqual(two);
  });
});
