import { assign, type RawConfig } from './load.js';

/** The codec of built-in photographs; `npm start` and the live page begin with it. */
export const PHOTO_CODEC = 'photo-48';

/** Pictures that the live page begins with. */
export const FIRST_PICTURES: readonly string[] = ['builtin:photos'];

/** Where all pictures are built-in photographs and no codec is named. */
export function wantsPhotoCodec(raw: RawConfig): boolean {
  const pictures = raw['pictures'];
  return (
    raw['codec'] === undefined &&
    Array.isArray(pictures) &&
    pictures.length > 0 &&
    pictures.every((spec) => typeof spec === 'string' && /^builtin:photos(\/|$)/.test(spec))
  );
}

/** Their codec, and one channel for a frame's packets, which a codec of few and large tiles is better off with. */
export function setPhotoCodec(raw: RawConfig): void {
  raw['codec'] = PHOTO_CODEC;
  const channel = raw['channel'] as RawConfig | undefined;
  if (channel?.['coherence'] === undefined) assign(raw, 'channel.coherence', 'frame');
}
