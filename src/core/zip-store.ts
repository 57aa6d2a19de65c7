import { zipSync } from 'fflate';

/** A zip archive of stored (uncompressed) members, in the order given; without Node's own modules: the live page saves archives too. */
export function zipStored(entries: readonly (readonly [entry: string, content: Uint8Array])[]): Uint8Array {
  // A fixed date (the format's first): equal contents give equal bytes.
  return zipSync(Object.fromEntries(entries), { level: 0, mtime: new Date(1980, 0, 1) });
}
