import { DeviceError } from '../../core/errors.js';

/** What drivers say, and what a user should read instead. The first that matches counts. */
const known: readonly (readonly [
  pattern: RegExp,
  code: string,
  message: (match: RegExpExecArray, device: string) => string,
])[] = [
  [
    /claim this device again|Double-claim|already (in use|claimed)|usb_claim_interface|Device or resource busy/i,
    'device.busy',
    (_, device) => `${device}: is in use by another program; end that one, or choose another device with --args`,
  ],
  [
    /No devices? found|no (matching )?device|LookupError: KeyError: No devices|Unable to open|Device::make\(\) no match/i,
    'device.none',
    (_, device) =>
      `${device}: no such device found; check cable, power and --args ('blindlink devices' lists what is there)`,
  ],
  [
    /invalid (RX|TX) antenna value:? ?([^)]*)/i,
    'device.antenna',
    (match, device) =>
      `${device}: has no ${match[1]} antenna ${match[2].trim().replace(/\.$/, '')}; choose one of its own with --${match[1].toLowerCase()}-ant`,
  ],
  [
    /subdev/i,
    'device.subdev',
    (_, device) => `${device}: has no such subdevice; choose another with --subdev (e.g. A:A, A:0)`,
  ],
  [
    /Invalid (RX|TX) channel:? ?(\d+)/i,
    'device.channel',
    (match, device) => `${device}: has no ${match[1]} channel ${match[2]}`,
  ],
  [
    /invalid clock source|clock_source/i,
    'device.clock',
    (_, device) => `${device}: has no such clock source; choose another with --ref (internal, external, gpsdo)`,
  ],
  [
    /rpc::timeout|timeout|reclaim|connection (was )?(lost|refused|reset)|RPC connection/i,
    'device.lost',
    (_, device) => `${device}: does not answer any more; check cable and power`,
  ],
  [
    /Expected FPGA compatibility|compat(ibility)? number|images_downloader|firmware image/i,
    'device.firmware',
    (_, device) =>
      `${device}: its FPGA image and this UHD do not fit each other; run uhd_images_downloader and load the image`,
  ],
];

/** One line for a failure of a driver or flowgraph. */
export function explainFailure(device: string, kind: string, text: string): DeviceError {
  if (kind === 'no-gnuradio') {
    return new DeviceError(
      'gnuradio.missing',
      `GNU Radio cannot be loaded (${text}); apt-get install gnuradio, or set BLINDLINK_PYTHON`,
    );
  }
  if (kind === 'no-module') {
    return new DeviceError('gnuradio.module', `${device}: GNU Radio lacks a part of it (${text}); install its package`);
  }
  for (const [pattern, code, message] of known) {
    const match = pattern.exec(text);
    if (match !== null) return new DeviceError(code, message(match, device), { value: text });
  }
  return new DeviceError('device.failed', `${device}: ${text.slice(0, 300)}`, { value: text });
}
