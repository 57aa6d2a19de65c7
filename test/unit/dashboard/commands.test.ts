import { describe, expect, it } from 'vitest';
import { parseClientMessage } from '../../../src/dashboard/commands.js';
import { MAX_PICTURE_BYTES } from '../../../src/dashboard/messages.js';

const accept = (message: unknown, size = 100): unknown => parseClientMessage(message, size);

describe('commands from outside', () => {
  it.each([
    { type: 'hello', protocol: 1 },
    { type: 'set', id: 1, changes: { snrDb: 3 } },
    { type: 'set', id: 1, changes: { 'ofdm.clippingRatio': null, 'receiver.names': ['pilot'] } },
    { type: 'set', id: 1, changes: { 'receiver.options.mine.gain': 2 } },
    { type: 'set', id: 1, changes: { 'channel.taps': { kind: 'exponential', numTaps: 4, decay: 2 } } },
    { type: 'pause', id: 2, paused: true },
    { type: 'size', id: 3, edge: 256 },
    { type: 'size', id: 3, edge: null },
    { type: 'source', id: 4, source: 'builtin:photos' },
    { type: 'camera', width: 8, height: 8, rgb: new Uint8Array(192) },
  ])('takes %j', (message) => {
    expect(accept(message)).toEqual(message);
  });

  it.each([
    [null, /no type/],
    [[], /no type/],
    [{ type: 7 }, /no type/],
    [{ type: 'fire' }, /unknown type 'fire'/],
    [{ type: 'set', id: 1, changes: { 'run.out': '/etc' } }, /run\.out|cannot be changed/],
    [{ type: 'set', id: 1, changes: { pictures: ['/etc/passwd'] } }, /pictures|cannot be changed/],
    [{ type: 'set', id: 1, changes: { 'receiver.baselines.mine.source': 'external' } }, /cannot be changed/],
    [{ type: 'set', id: 1, changes: { 'receiver.__proto__.x': 1 } }, /cannot be changed/],
    [{ type: 'set', id: 1, changes: { 'channel.taps': { kind: 'file', path: '/etc/passwd' } } }, /channel\.taps/],
    [{ type: 'set', id: 1, changes: { snrDb: { a: 1 } } }, /snrDb/],
    [{ type: 'set', id: -1, changes: {} }, /id/],
    [{ type: 'pause', id: 1 }, /paused/],
    [{ type: 'pause', id: 1, paused: true, more: 1 }, /no such field more/],
    [{ type: 'rate', id: 1, rateHz: 1e9 }, /rateHz/],
    [{ type: 'source', id: 1, source: '/etc' }, /source/],
    [{ type: 'size', id: 1, edge: 100 }, /edge must be 64, 128, 256, 512 or null/],
    [{ type: 'picture', id: 1, name: 'a', bytes: 'text' }, /bytes/],
    [{ type: 'camera', width: 8, height: 8, rgb: new Uint8Array(5) }, /8×8 has 192 bytes, got 5/],
    [{ type: 'restart', id: 1, receiver: '' }, /receiver/],
  ])('refuses %j in words', (message, expected) => {
    expect(() => accept(message)).toThrow(expected);
    expect(() => accept(message)).toThrow(/^message refused: [^\n]+$/);
  });

  it('refuses by size what its kind may not have', () => {
    const picture = { type: 'picture', id: 1, name: 'a', bytes: new Uint8Array(1) };
    expect(accept(picture, MAX_PICTURE_BYTES)).toEqual(picture);
    expect(() => accept(picture, MAX_PICTURE_BYTES + 1)).toThrow(/the limit is/);
    expect(() => accept({ type: 'step', id: 1 }, 100_000)).toThrow(/step has 100000 bytes, the limit is 65536/);
  });
});
