import { describe, expect, it } from 'vitest';
import { isLoopback, refusalOf } from '../../../src/dashboard/access.js';

const local = { host: '127.0.0.1', token: null };
const open = { host: '0.0.0.0', token: 'secret' };
const ask = (headers: Record<string, string>, url = '/stream') => ({ headers, url });

describe('access', () => {
  it('lets programs and the page itself in', () => {
    expect(refusalOf(ask({ host: '127.0.0.1:7700' }), local)).toBeNull();
    expect(refusalOf(ask({ host: 'localhost:7700', origin: 'http://localhost:7700' }), local)).toBeNull();
    expect(
      refusalOf(ask({ host: '[::1]:7700', origin: 'http://[::1]:7700' }), { host: '::1', token: null }),
    ).toBeNull();
  });
  it.each([
    [{ host: '127.0.0.1:7700', origin: 'http://evil.example' }],
    [{ host: '127.0.0.1:7700', origin: 'http://127.0.0.1:9999' }],
    [{ host: '127.0.0.1:7700', origin: 'null' }],
    [{ host: 'evil.example:7700', origin: 'http://evil.example:7700' }],
    [{ host: 'evil.example' }],
  ])('refuses other sites and names that were pointed here: %j', (headers) => {
    expect(refusalOf(ask(headers), local)).toMatchObject({ status: 403 });
  });
  it('asks for the token where others can reach the server', () => {
    const headers = { host: 'lab:7700' };
    expect(refusalOf(ask(headers), open)).toMatchObject({ status: 401 });
    expect(refusalOf(ask(headers, '/stream?token=secrex'), open)).toMatchObject({ status: 401 });
    expect(refusalOf(ask(headers, '/stream?token=secret'), open)).toBeNull();
    expect(refusalOf(ask(headers, '//'), open)).toMatchObject({ status: 401 });
    expect(refusalOf(ask({ ...headers, authorization: 'Bearer secret' }), open)).toBeNull();
  });
  it('knows which addresses only this machine reaches', () => {
    expect(['127.0.0.1', '127.1.2.3', 'localhost', '::1'].map(isLoopback)).toEqual([true, true, true, true]);
    expect(['0.0.0.0', '::', '192.168.1.4', '127.evil.example'].map(isLoopback)).toEqual([false, false, false, false]);
  });
});
