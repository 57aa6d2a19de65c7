import { readFileSync } from 'node:fs';

/** What convolutions are worked out in: `auto` takes int8 where the processor has instructions for it. */
export type Precision = 'auto' | 'float32' | 'int8';

/** Instructions that sum products of bytes in 32 bits: without them int8 is slower, or saturates at 16. */
const INT8_FLAGS = ['avx512_vnni', 'avx_vnni', 'amx_int8', 'asimddp'];

/** Whether this processor multiplies int8 exactly and fast, as far as can be told: Linux lists its instructions, Apple's all can. */
export function hasInt8Products(platform = process.platform, arch = process.arch, cpuInfo = readCpuInfo): boolean {
  if (platform === 'darwin') return arch === 'arm64';
  if (platform !== 'linux') return false;
  const flags = /^(?:flags|Features)\s*:(.*)$/m.exec(cpuInfo())?.[1].trim().split(/\s+/) ?? [];
  return INT8_FLAGS.some((flag) => flags.includes(flag));
}

/** What `auto` means here, on onnxruntime's CPU provider. */
export const automaticPrecision = (): Precision => (hasInt8Products() ? 'int8' : 'float32');

function readCpuInfo(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    return '';
  }
}
