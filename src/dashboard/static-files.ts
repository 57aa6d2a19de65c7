import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join } from 'node:path';
import { targetOf } from './access.js';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.map': 'application/json',
};

/** The page's files by their path; nothing else is served. */
const FILES = ['index.html', 'page.js', 'page.css', 'icon.svg'] as const;

const HEADERS = {
  'cache-control': 'no-cache',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' blob: data:; media-src blob:; " +
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
};

/** Answers requests for the page from `folder`. */
export function createStaticFiles(folder: string): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const pathname = targetOf(request)?.pathname ?? '';
    const name = pathname === '/' ? 'index.html' : pathname.slice(1);
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { ...HEADERS, allow: 'GET, HEAD' }).end();
      return;
    }
    let body: Buffer;
    try {
      if (!FILES.some((known) => known === name)) throw new Error('unknown');
      body = readFileSync(join(folder, name));
    } catch {
      response.writeHead(404, { ...HEADERS, 'content-type': 'text/plain; charset=utf-8' }).end('no such page\n');
      return;
    }
    response.writeHead(200, { ...HEADERS, 'content-type': TYPES[extname(name)] ?? 'application/octet-stream' });
    response.end(request.method === 'HEAD' ? undefined : body);
  };
}
