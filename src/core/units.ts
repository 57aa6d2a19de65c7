/** Power ratios in decibels. */
export const dbToPower = (db: number): number => 10 ** (db / 10);
export const powerToDb = (ratio: number): number => 10 * Math.log10(ratio);
