import { spawn } from 'node:child_process';
import type { Command } from 'commander';
import { ConfigError, LinkError } from '../core/errors.js';
import { deviceProfiles } from '../radio/device-profile.js';
import { findPython } from '../radio/gnuradio/python.js';
import { listSerialPorts } from '../instruments/serial-port.js';

interface Found {
  readonly kind: 'usrp' | 'soapy' | 'serial';
  readonly name: string;
  /** For --args, or the port. */
  readonly address: string;
}

interface Source {
  readonly name: string;
  readonly found: readonly Found[];
  /** What came of the search, where it is not a plain list. */
  readonly note: string | null;
}

export function addDevices(program: Command): void {
  program
    .command('devices')
    .description('List radios and serial ports of this machine, and the device profiles that blindlink has.')
    .option('--args <text>', 'look only for devices that match, e.g. addr=192.168.10.2')
    .option('--profiles', 'list the profiles instead')
    .option('--json', 'one JSON object')
    .action(async (options: { args?: string; profiles?: boolean; json?: boolean }) => {
      if (options.profiles === true) {
        const profiles = deviceProfiles();
        if (options.json === true) console.log(JSON.stringify({ type: 'profiles', profiles }));
        else for (const line of profiles.flatMap(describeProfile)) console.log(line);
        return;
      }
      if (options.args !== undefined && !/^[\w.-]+=[^,]*(,[\w.-]+=[^,]*)*$/.test(options.args)) {
        throw new ConfigError(
          'config.flag',
          `--args ${options.args}: write pairs as key=value,key=value, e.g. addr=192.168.10.2`,
        );
      }
      const sources = await Promise.all([uhd(options.args ?? ''), soapy(), serial()]);
      if (options.json === true) {
        console.log(JSON.stringify({ type: 'devices', sources }));
        return;
      }
      for (const { name, found, note } of sources) {
        if (note !== null) console.log(`${name}: ${note}`);
        for (const device of found) console.log(`${name}: ${device.name}  ${device.address}`);
      }
    });
}

const describeProfile = (p: ReturnType<typeof deviceProfiles>[number]): string[] => [
  `${p.name}  --args ${p.args}  ${p.sampleRateHz[0] / 1e6}–${p.sampleRateHz[1] / 1e6} MS/s, ${p.frequencyHz[0] / 1e6}–${p.frequencyHz[1] / 1e6} MHz` +
    `${p.tx === null ? ', receive only' : `, tx ${p.tx.gainDb.join('–')} dB`}${p.rx === null ? '' : `, rx ${p.rx.gainDb.join('–')} dB`}`,
  ...p.notes.map((note) => `    ${note}`),
];

async function uhd(args: string): Promise<Source> {
  const result = await output('uhd_find_devices', args === '' ? [] : ['--args', args]);
  if (result === null)
    return { name: 'UHD', found: [], note: 'uhd_find_devices is not installed (apt-get install uhd-host)' };
  const found = result
    .split(/-- UHD Device \d+/)
    .slice(1)
    .map((block): Found => {
      const field = (key: string): string => new RegExp(`^ {4}${key}: ?(.*)$`, 'm').exec(block)?.[1].trim() ?? '';
      const address = ['serial', 'addr', 'mgmt_addr', 'type']
        .filter((key) => field(key) !== '')
        .map((key) => `${key}=${field(key)}`)
        .join(',');
      const state = field('claimed') === 'True' ? ', in use' : '';
      return { kind: 'usrp', name: `${field('product') || field('type')} ${field('serial')}${state}`, address };
    });
  return { name: 'UHD', found, note: found.length === 0 ? 'no USRP found; check cable, power and --args' : null };
}

const SOAPY = `
import json, SoapySDR
print("FOUND " + json.dumps([dict(d) for d in SoapySDR.Device.enumerate()]))
`;

async function soapy(): Promise<Source> {
  let python: string;
  try {
    python = findPython();
  } catch (error) {
    if (!(error instanceof LinkError)) throw error;
    return { name: 'SoapySDR', found: [], note: error.message };
  }
  const result = await output(python, ['-c', SOAPY]);
  const line = /^FOUND (.*)$/m.exec(result ?? '')?.[1];
  if (line === undefined) {
    return {
      name: 'SoapySDR',
      found: [],
      note: 'not installed (apt-get install python3-soapysdr and the modules of your devices)',
    };
  }
  const found = (JSON.parse(line) as Record<string, string>[])
    // A sound card counts as a device to SoapySDR, not to a user who looks for radios.
    .filter(({ driver }) => driver !== 'audio')
    .map((device): Found => ({
      kind: 'soapy',
      name: device['label'] ?? device['driver'],
      address: `driver=${device['driver']}`,
    }));
  return { name: 'SoapySDR', found, note: found.length === 0 ? 'no device found' : null };
}

async function serial(): Promise<Source> {
  const { ports, note } = await listSerialPorts();
  const found = ports.map(({ path, description }): Found => ({ kind: 'serial', name: description, address: path }));
  return { name: 'serial', found, note: note ?? (found.length === 0 ? 'no port found' : null) };
}

/** Standard output of a program, whatever its exit code; null where there is no such program. */
function output(program: string, args: readonly string[]): Promise<string | null> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'], timeout: 30_000 });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    child.on('error', () => resolve(null));
    child.on('close', () => resolve(text));
  });
}
