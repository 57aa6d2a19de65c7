import { describe, expect, it } from 'vitest';
import type { RawConfig } from '../../../src/config/load.js';
import { PHOTO_CODEC, setPhotoCodec, wantsPhotoCodec } from '../../../src/config/photo-settings.js';

describe('settings of built-in photographs', () => {
  it.each<[RawConfig, boolean]>([
    [{ pictures: ['builtin:photos'] }, true],
    [{ pictures: ['builtin:photos/512', 'builtin:photos'] }, true],
    [{ pictures: ['builtin:photos', 'builtin:faces'] }, false],
    [{ pictures: ['builtin:photosphere'] }, false],
    [{ pictures: ['photo.jpg'] }, false],
    [{ pictures: [] }, false],
    [{ pictures: 'builtin:photos' }, false],
    [{ pictures: ['builtin:photos'], codec: 'faces-12' }, false],
    [{}, false],
  ])('%j: their codec is meant: %s', (raw, expected) => {
    expect(wantsPhotoCodec(raw)).toBe(expected);
  });

  it('are a codec and one channel a frame, unless told otherwise', () => {
    const raw: RawConfig = { channel: { dopplerHz: 5 } };
    setPhotoCodec(raw);
    expect(raw).toEqual({ codec: PHOTO_CODEC, channel: { dopplerHz: 5, coherence: 'frame' } });
    const told: RawConfig = { channel: { coherence: 'packet' } };
    setPhotoCodec(told);
    expect(told['channel']).toEqual({ coherence: 'packet' });
  });
});
