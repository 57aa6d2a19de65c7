import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { decodeMessage, encodeMessage } from '../../../src/dashboard/wire.js';

const plainPackr = new Packr({ useRecords: false });

describe('wire', () => {
  it('round-trips messages with arrays of every type, nested and empty', () => {
    const message = {
      type: 'frame',
      numbers: [1, -2.5, null],
      text: 'ρ',
      flag: false,
      elements: { re: Float32Array.of(1.5, -2), im: new Float32Array(0) },
      list: [{ rgb: Uint8Array.of(1, 2, 3) }, { wide: Float64Array.of(Math.PI) }, { whole: Int32Array.of(-7, 7) }],
    };
    expect(decodeMessage(encodeMessage(message))).toEqual(message);
  });

  it('round-trips whatever lengths the arrays have (offsets stay aligned)', () => {
    const bytes = fc.uint8Array({ maxLength: 33 });
    const floats = fc.float32Array({ maxLength: 17, noNaN: true });
    fc.assert(
      fc.property(fc.array(fc.record({ bytes, floats }), { maxLength: 6 }), fc.string(), (items, name) => {
        const message = { type: 'x', name, items };
        expect(decodeMessage(encodeMessage(message))).toEqual(message);
      }),
    );
  });

  it('reads arrays as views of the packet: nothing is copied', () => {
    const packet = encodeMessage({ type: 'x', elements: new Float32Array(1000), rgb: new Uint8Array(77) });
    const read = decodeMessage(packet) as { elements: Float32Array; rgb: Uint8Array };
    expect(read.elements.buffer).toBe(packet.buffer);
    expect(read.rgb.buffer).toBe(packet.buffer);
  });

  it('writes views by their own part alone', () => {
    const whole = Float32Array.from({ length: 100 }, (_, i) => i);
    const read = decodeMessage(encodeMessage({ type: 'x', part: whole.subarray(10, 12) }));
    expect(read).toEqual({ type: 'x', part: Float32Array.of(10, 11) });
  });

  it('leaves out undefined fields and turns NaN, which JSON readers lack, into null', () => {
    expect(decodeMessage(encodeMessage({ type: 'x', a: undefined, b: Number.NaN }))).toEqual({ type: 'x', b: null });
  });

  const packet = (header: unknown, tail = new Uint8Array(0)): Uint8Array => {
    const bytes = plainPackr.pack(header);
    const start = (4 + bytes.length + 7) & ~7;
    const out = new Uint8Array(start + tail.length);
    new DataView(out.buffer).setUint32(0, bytes.length, true);
    out.set(bytes, 4);
    out.set(tail, start);
    return out;
  };
  it.each([
    ['nothing', new Uint8Array(0), /cut short/],
    ['a length beyond the end', Uint8Array.of(255, 255, 255, 255, 0, 0), /cut short/],
    ['no MessagePack', Uint8Array.of(2, 0, 0, 0, 0xc1, 0xc1), /not MessagePack/],
    ['a header of another form', packet({ a: 1 }), /not \[body, arrays\]/],
    ['an array beyond the end', packet([{ a: { $: 0 } }, [['f32', 0, 100]]]), /cut short/],
    ['an unaligned array', packet([{ a: { $: 0 } }, [['f32', 4, 1]]], new Uint8Array(16)), /table of arrays/],
    ['an unknown type', packet([{ a: { $: 0 } }, [['f16', 0, 1]]], new Uint8Array(16)), /table of arrays/],
    ['a negative length', packet([{ a: { $: 0 } }, [['u8', 0, -1]]], new Uint8Array(16)), /table of arrays/],
    ['a name of the prototype', packet([{}, [['constructor', 0, 1]]], new Uint8Array(16)), /table of arrays/],
    ['an array that is not there', packet([{ a: { $: 3 } }, []]), /does not hold/],
    ['nesting without end', packet([JSON.parse('['.repeat(40) + ']'.repeat(40)), []]), /too deeply/],
  ])('refuses %s', (_, bytes, expected) => {
    expect(() => decodeMessage(bytes)).toThrow(expected);
  });

  it('refuses any bytes with a FormatError, and never otherwise', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          decodeMessage(bytes);
        } catch (error) {
          expect(error).toMatchObject({ code: 'message.malformed' });
        }
      }),
    );
  });
});
