import { zipSync } from 'fflate';

/** A fixed date (the format's first): equal contents give equal bytes. */
export const ZIP_DATE = new Date(1980, 0, 1);

/** A zip archive of stored (uncompressed) members, in the order given; without Node's own modules: the live page saves archives too. */
export function zipStored(entries: readonly (readonly [entry: string, content: Uint8Array])[]): Uint8Array {
  return zipSync(Object.fromEntries(entries), { level: 0, mtime: ZIP_DATE });
}
