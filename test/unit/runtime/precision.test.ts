import { describe, expect, it } from 'vitest';
import { hasInt8Products } from '../../../src/runtime/precision.js';

const linux = (text: string, arch: NodeJS.Architecture = 'x64'): boolean => hasInt8Products('linux', arch, () => text);

describe('instructions for int8', () => {
  it('are found where Linux lists them', () => {
    expect(linux('processor\t: 0\nflags\t\t: fpu sse avx2 avx512_vnni\n')).toBe(true);
    expect(linux('flags : fpu avx2 avx_vnni')).toBe(true);
    expect(linux('Features\t: fp asimd asimddp', 'arm64')).toBe(true);
  });

  it('are not taken for granted: elsewhere sums of bytes may saturate', () => {
    expect(linux('flags\t\t: fpu sse avx2 avx512f\n')).toBe(false);
    expect(linux('model name : avx512_vnni')).toBe(false);
    expect(linux('')).toBe(false);
    expect(hasInt8Products('win32', 'x64', () => 'flags : avx512_vnni')).toBe(false);
    expect(hasInt8Products('darwin', 'x64')).toBe(false);
    expect(hasInt8Products('darwin', 'arm64')).toBe(true);
  });
});
