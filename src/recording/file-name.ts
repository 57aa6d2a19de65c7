import { basename } from 'node:path';

/** What a file's name tells of its samples. */
export interface NameDescription {
  readonly datatype?: string;
  readonly sampleRateHz?: number;
  readonly centerFrequencyHz?: number;
}

/** SigMF names of what raw files are called elsewhere (GNU Radio, gqrx, rtl_433, SDRangel, Portapack). */
const extensions: Readonly<Record<string, string>> = {
  cf32: 'cf32_le',
  fc32: 'cf32_le',
  cfile: 'cf32_le',
  complex: 'cf32_le',
  cf64: 'cf64_le',
  fc64: 'cf64_le',
  cu8: 'cu8',
  ci8: 'ci8',
  cs8: 'ci8',
  sc8: 'ci8',
  c8: 'ci8',
  cu16: 'cu16_le',
  ci16: 'ci16_le',
  cs16: 'ci16_le',
  sc16: 'ci16_le',
  c16: 'ci16_le',
  ci32: 'ci32_le',
  cs32: 'ci32_le',
  sc32: 'ci32_le',
  cu32: 'cu32_le',
};

/** A datatype as SigMF names it, for the other names of it; anything else as it is. */
export const datatypeAlias = (name: string): string => extensions[name.toLowerCase()] ?? name;

const units: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9 };
const scaled = (digits: string, unit: string): number => Number(digits) * units[unit.toLowerCase()];

/**
 * Datatype, rate and frequency from a file's name, never from its folder's. The extension, or what stands before it between
 * points, gives the datatype: `x.cf32`, `BBD_0001.C16`, `x.ci16_le.20MSps.dat`. Rates and frequencies as these
 * programs write them:
 *
 *   gqrx_20240101_120000_100000000_1800000_fc.raw          gqrx: frequency, rate
 *   g001_433.92M_250k.cu8                                  rtl_433: frequency, rate
 *   2024-01-01_12-00-00_6000000SPS_137500000Hz.cs16        SatDump
 *   baseband_100000000Hz_12-00-00_01-01-2024.wav           SDR++, and SDR# and HDSDR much alike
 */
export function describeName(path: string): NameDescription {
  const name = basename(path);
  const gqrx = /^gqrx_\d{8}_\d{6}_(\d+)_(\d+)_fc\.raw$/i.exec(name);
  if (gqrx !== null) {
    return { datatype: 'cf32_le', centerFrequencyHz: Number(gqrx[1]), sampleRateHz: Number(gqrx[2]) };
  }
  const parts = name.split('.').slice(1).reverse();
  const typed = parts.map((part) => extensions[part.toLowerCase()] ?? /^[cr][fiu](8|16|32|64)_[lb]e$/.exec(part)?.[0]);
  const datatype = typed.find((type) => type !== undefined);
  const pair = /_(\d+(?:\.\d+)?)([MG])_(\d+(?:\.\d+)?)([kM])(?=[._])/.exec(name);
  const hertz = /(?:^|[_.-])(\d+(?:\.\d+)?)([kMG]?)Hz(?=[_.-]|$)/i.exec(name);
  const rate = /(?:^|[_.-])(\d+(?:\.\d+)?)([kM]?)SPS(?=[_.-]|$)/i.exec(name);
  const frequency = hertz ?? pair;
  return {
    ...(datatype === undefined ? {} : { datatype }),
    ...(frequency === null ? {} : { centerFrequencyHz: scaled(frequency[1], frequency[2]) }),
    ...(rate !== null
      ? { sampleRateHz: scaled(rate[1], rate[2]) }
      : pair !== null
        ? { sampleRateHz: scaled(pair[3], pair[4]) }
        : {}),
  };
}
