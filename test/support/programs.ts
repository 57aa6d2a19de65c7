import { spawnSync } from 'node:child_process';
import { describe } from 'vitest';

/** Something a test needs beyond Node. `missing` says what to install, or is null where it is here. */
export interface Requirement {
  readonly name: string;
  readonly missing: string | null;
  /** May be missing in continuous integration, too: it is neither an npm nor a Debian package. */
  readonly optional?: boolean;
}

/** Whether a program runs. */
export function probe(name: string, command: string, args: string[], remedy: string): Requirement {
  const result = spawnSync(command, args, { stdio: 'ignore', timeout: 60_000 });
  return { name, missing: result.status === 0 ? null : `${name} not found: ${remedy}` };
}

/** Debian's interpreter comes first: another python3 on PATH may lack GNU Radio. */
export const gnuradioPython = process.env['BLINDLINK_PYTHON'] ?? '/usr/bin/python3';

export const gnuradio = (): Requirement =>
  probe('GNU Radio', gnuradioPython, ['-c', 'from gnuradio import gr, channels, digital'], 'apt-get install gnuradio');

export const torch = (): Requirement =>
  probe(
    'PyTorch',
    gnuradioPython,
    ['-c', 'import torch, PIL, onnx'],
    'apt-get install python3-torch python3-pil python3-onnx',
  );

/** Its networks, to compare ours with; the files that users download are state dicts of them. */
export const torchvision = (): Requirement =>
  probe(
    'torchvision',
    gnuradioPython,
    ['-c', 'import torch, torchvision'],
    'apt-get install python3-torch python3-torchvision',
  );

/** HEIC by x265 intra: encoder and decoder as two commands. */
export const heif = (): Requirement =>
  probe('heif-enc', 'sh', ['-c', 'which heif-enc heif-convert'], 'apt-get install libheif-examples');

/** The server that BullMQ's queue lies in. */
export const redisServer = (): Requirement =>
  probe('redis-server', 'redis-server', ['--version'], 'apt-get install redis-server');

export const liquid = (): Requirement =>
  probe(
    'liquid-dsp',
    'sh',
    ['-c', 'test -e /usr/include/liquid/liquid.h && which cc'],
    'apt-get install libliquid-dev gcc',
  );

/** An unpacked TensorFlow, whose C library the binding of tfjs-node is built for. */
export const tensorflow = (): Requirement => ({
  name: 'TensorFlow',
  missing:
    process.env['BLINDLINK_TENSORFLOW'] === undefined
      ? 'TensorFlow not found: pip download tensorflow-cpu --no-deps, unpack it, and name its folder in BLINDLINK_TENSORFLOW'
      : null,
  optional: true,
});

export const chromiumPath = process.env['BLINDLINK_CHROMIUM'] ?? '/usr/bin/chromium';

export const chromium = (): Requirement =>
  probe('Chromium', chromiumPath, ['--version'], 'apt-get install chromium, or name it in BLINDLINK_CHROMIUM');

/**
 * `describe`, skipped with its reason in the name where the requirement is missing. With
 * BLINDLINK_REQUIRE_ALL=1 (continuous integration) only what is optional is skipped: the other tests run and fail.
 */
export function describeWith(requirement: Requirement, name: string, body: () => void): void {
  const required = process.env['BLINDLINK_REQUIRE_ALL'] === '1' && requirement.optional !== true;
  const skip = requirement.missing !== null && !required;
  describe.skipIf(skip)(skip ? `${name} [skipped: ${requirement.missing}]` : name, body);
}
