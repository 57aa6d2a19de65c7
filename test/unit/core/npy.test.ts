import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormatError } from '../../../src/core/errors.js';
import { encodeNpy, encodeNpz, type NpyArray, parseNpy, parseNpz, readNpy, readNpz } from '../../../src/core/npy.js';
import { unzip } from '../../../src/core/zip.js';

// Golden files written by NumPy 1.24: a = np.array([[1+2j, -3.5j], [0.25, 4-1j]], np.complex64);
// np.save(f, a); np.savez_compressed(f, taps=a, x=np.arange(3.0)).
const goldenNpy = Buffer.from(
  'k05VTVBZAQB2AHsnZGVzY3InOiAnPGM4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDIpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAIA/AAAAQAAAAIAAAGDAAACAPgAAAAAAAIBAAACAvw==',
  'base64',
);
const goldenNpz = Buffer.from(
  'UEsDBBQAAAAIAAAAIQCRtgNHXwAAAKAAAAAIABQAdGFwcy5ucHkBABAAoAAAAAAAAABfAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TbKGuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GkY6CkaaOgq1CmQDLgaGBnsGBgYHIG5gYEg4AKTsGMCgASjWsB8AUEsDBBQAAAAIAAAAIQAkIeErTAAAAJgAAAAFABQAeC5ucHkBABAAmAAAAAAAAABMAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TZqGuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GsY6mjoKtQoUAC4GFPDBHspwAABQSwECFAMUAAAACAAAACEAkbYDR18AAACgAAAACAAAAAAAAAAAAAAAgAEAAAAAdGFwcy5ucHlQSwECFAMUAAAACAAAACEAJCHhK0wAAACYAAAABQAAAAAAAAAAAAAAgAGZAAAAeC5ucHlQSwUGAAAAAAIAAgBpAAAAHAEAAAAA',
  'base64',
);
const taps: NpyArray = {
  dtype: 'complex64',
  shape: [2, 2],
  data: Float32Array.of(1, 2, -0, -3.5, 0.25, 0, 4, -1),
};

describe('.npy', () => {
  it('reads what NumPy wrote', () => {
    expect(parseNpy(goldenNpy, 'golden')).toEqual(taps);
  });

  it('writes byte for byte what NumPy writes', () => {
    expect(Buffer.from(encodeNpy(taps)).equals(goldenNpy)).toBe(true);
  });

  it.each<[string, NpyArray]>([
    ['float32, one dimension', { dtype: 'float32', shape: [3], data: Float32Array.of(1, -2, 3.5) }],
    ['float64, a scalar', { dtype: 'float64', shape: [], data: Float64Array.of(Math.PI) }],
    ['complex128, three dimensions', { dtype: 'complex128', shape: [1, 2, 1], data: Float64Array.of(1, 2, 3, 4) }],
    ['int32', { dtype: 'int32', shape: [2], data: Int32Array.of(-3, 2 ** 31 - 1) }],
    ['int64', { dtype: 'int64', shape: [2, 1], data: BigInt64Array.of(-1n, 2n ** 62n) }],
    ['bool', { dtype: 'bool', shape: [3], data: Uint8Array.of(1, 0, 1) }],
    ['empty', { dtype: 'complex64', shape: [0, 4], data: new Float32Array(0) }],
  ])('round trip: %s', (_, array) => {
    const bytes = encodeNpy(array);
    expect((bytes.length - array.data.byteLength) % 64).toBe(0);
    expect(parseNpy(bytes, 'x')).toEqual(array);
  });

  it('round trip of a view into a larger buffer, read from an unaligned offset', () => {
    const data = Float64Array.of(9, 1, 2, 9).subarray(1, 3);
    const bytes = encodeNpy({ dtype: 'float64', shape: [2], data });
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    expect(parseNpy(shifted.subarray(3), 'x').data).toEqual(Float64Array.of(1, 2));
  });

  it('encode refuses a shape that does not fit the data', () => {
    expect(() => encodeNpy({ dtype: 'complex64', shape: [3], data: new Float32Array(3) })).toThrow(
      /needs 6 numbers, got 3/,
    );
  });

  it('every truncation and an appended byte are format errors', () => {
    for (let n = 0; n < goldenNpy.length; n++) {
      expect(() => parseNpy(goldenNpy.subarray(0, n), 'cut.npy')).toThrow(FormatError);
    }
    expect(() => parseNpy(Buffer.concat([goldenNpy, Buffer.of(0)]), 'long.npy')).toThrow(
      /long\.npy: holds 33 bytes of data where its shape \(2, 2\) needs 32/,
    );
  });

  const withHeader = (from: string, to: string): Uint8Array => {
    const text = goldenNpy.toString('latin1');
    expect(text).toContain(from);
    return Buffer.from(text.replace(from, to), 'latin1');
  };
  it.each<[string, Uint8Array, RegExp]>([
    ['a text file', Buffer.from('hello, this is not an array'), /is not a \.npy file/],
    ['an unknown version', withHeader('NUMPY\x01', 'NUMPY\x09'), /version 9/],
    ['half floats', withHeader("'<c8'", "'<f2'"), /has type <f2: save it as one of <f4, <f8, <c8, <c16/],
    ['big endian', withHeader("'<c8'", "'>c8'"), /has type >c8/],
    ['Fortran order', withHeader('False', 'True '), /Fortran order: save numpy\.ascontiguousarray/],
    ['a header without shape', withHeader("'shape'", "'shame'"), /header that cannot be read/],
  ])('%s is refused', (_, bytes, message) => {
    expect(() => parseNpy(bytes, 'bad.npy')).toThrow(FormatError);
    expect(() => parseNpy(bytes, 'bad.npy')).toThrow(message);
  });

  it('a missing file is a format error that names it', () => {
    expect(() => readNpy('/nowhere/taps.npy')).toThrow(/\/nowhere\/taps\.npy: cannot be read/);
    expect(() => readNpz('/nowhere/taps.npz')).toThrow(FormatError);
  });
});

describe('.npz', () => {
  it('reads what numpy.savez_compressed wrote', () => {
    expect([...parseNpz(goldenNpz, 'golden')]).toEqual([
      ['taps', taps],
      ['x', { dtype: 'float64', shape: [3], data: Float64Array.of(0, 1, 2) }],
    ]);
  });

  it('round trip, keys in any script, order kept', () => {
    const arrays = new Map<string, NpyArray>([
      ['b', taps],
      ['ä/µ', { dtype: 'float64', shape: [], data: Float64Array.of(1) }],
    ]);
    expect([...parseNpz(encodeNpz(arrays), 'x')]).toEqual([...arrays]);
    expect(parseNpz(encodeNpz(new Map()), 'x').size).toBe(0);
  });

  it('every truncation is a format error', () => {
    for (let n = 0; n < goldenNpz.length; n++) {
      expect(() => parseNpz(goldenNpz.subarray(0, n), 'cut.npz')).toThrow(FormatError);
    }
  });

  it('a flipped bit in the data is found by the checksum', () => {
    const bytes = Buffer.from(encodeNpz(new Map([['a', taps]])));
    bytes[30 + 'a.npy'.length + 130] ^= 1;
    expect(() => parseNpz(bytes, 'flip.npz')).toThrow(/flip\.npz: a\.npy is damaged \(checksum\)/);
  });

  it('any damage gives the right arrays or a format error, never another exception', () => {
    fc.assert(
      fc.property(fc.nat(goldenNpz.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const bytes = Buffer.from(goldenNpz);
        bytes[at] ^= mask;
        try {
          unzip(bytes, 'damaged');
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }),
      { numRuns: 500, seed: 1 },
    );
  });

  it('a comment after the archive does not hide its directory', () => {
    const bytes = Buffer.concat([goldenNpz, Buffer.from('hello')]);
    bytes.writeUInt16LE(5, goldenNpz.length - 2);
    expect(parseNpz(bytes, 'x').size).toBe(2);
  });
});
