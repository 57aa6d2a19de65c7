import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

type Asked = Pick<IncomingMessage, 'headers' | 'url'>;

const LOOPBACK = new Set(['127.0.0.1', 'localhost', '::1', '[::1]']);

/** Whether only this machine can reach a server bound to `host`. */
export const isLoopback = (host: string): boolean => LOOPBACK.has(host) || /^127\.\d+\.\d+\.\d+$/.test(host);

export interface AccessRules {
  readonly host: string;
  /** Required of every client where it is not null. */
  readonly token: string | null;
}

/**
 * Why a request may not have the stream; null where it may. Other sites' pages are refused by their Origin, and names that
 * were made to point here (DNS rebinding) by the Host header. Programs send no Origin.
 */
export function refusalOf(request: Asked, { host, token }: AccessRules): { status: 401 | 403; text: string } | null {
  const asked = request.headers.host ?? '';
  const name = asked.replace(/:\d+$/, '');
  if (isLoopback(host) && !isLoopback(name)) {
    return { status: 403, text: `refused: this server is ${host}, not ${name.slice(0, 100)}` };
  }
  const { origin } = request.headers;
  if (origin !== undefined && originHost(origin) !== asked) {
    return { status: 403, text: `refused: pages of ${origin.slice(0, 100)} may not read this server` };
  }
  if (token !== null && !equal(tokenOf(request), token)) {
    return {
      status: 401,
      text: 'refused: the token is missing or wrong; open the address that blindlink live printed',
    };
  }
  return null;
}

function originHost(origin: string): string | null {
  try {
    return new URL(origin).host;
  } catch {
    return null;
  }
}

/** Path and query of a request; null where it names none, as `//` or a host alone do: whoever asks so must not end the server. */
export function targetOf({ url }: Pick<Asked, 'url'>): URL | null {
  try {
    return new URL(url ?? '/', 'http://localhost');
  } catch {
    return null;
  }
}

function tokenOf(request: Asked): string {
  const bearer = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
  return bearer ?? targetOf(request)?.searchParams.get('token') ?? '';
}

function equal(given: string, wanted: string): boolean {
  const a = Buffer.from(given);
  const b = Buffer.from(wanted);
  return a.length === b.length && timingSafeEqual(a, b);
}
