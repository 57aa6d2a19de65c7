import { renameSync, writeFileSync } from 'node:fs';

/** A cell of a CSV table (RFC 4180); nothing for what could not be measured, and for what is no finite number. */
export function csvCell(value: unknown): string {
  if (value === null || value === undefined || (typeof value === 'number' && !Number.isFinite(value))) return '';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export const csvLine = (values: readonly unknown[]): string => `${values.map(csvCell).join(',')}\n`;

/** A field of every key of T but those named: forgetting one, or naming one that is not there, does not compile. */
export const columnsOf =
  <T extends object, Left extends keyof T = never>() =>
  (columns: Readonly<Record<Exclude<keyof T, Left>, true>>): readonly Exclude<keyof T, Left>[] =>
    Object.keys(columns) as Exclude<keyof T, Left>[];

/** A PSNR beside its picture; that of equal pictures is no number. */
export const decibels = (psnrDb: number): string => (psnrDb === Infinity ? '∞ dB' : `${psnrDb.toFixed(2)} dB`);

/** Whole or not at all. */
export function writeWhole(path: string, content: string | Uint8Array): void {
  writeFileSync(`${path}.part`, content);
  renameSync(`${path}.part`, path);
}

/** Whole or not at all. */
export function writeJson(path: string, value: unknown): void {
  writeWhole(path, `${JSON.stringify(value, null, 2)}\n`);
}
