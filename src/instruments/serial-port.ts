import { createConnection } from 'node:net';
import type { Duplex } from 'node:stream';
import { SerialPort } from 'serialport';
import { DeviceError } from '../core/errors.js';
import type { InstrumentProfile } from './instrument-profile.js';

/**
 * Opens a serial port with a profile's settings, or, for `tcp:HOST:PORT`, a socket (rotctld, serial servers).
 * @throws DeviceError, one line
 */
export async function openPort(address: string, { port }: InstrumentProfile): Promise<Duplex> {
  const tcp = /^tcp:(.+):(\d+)$/.exec(address);
  if (tcp !== null) {
    const socket = createConnection({ host: tcp[1], port: Number(tcp[2]) });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', (cause) => {
        reject(new DeviceError('instrument.port', `${address}: cannot be reached (${cause.message})`, { cause }));
      });
    });
    return socket;
  }
  const serial = new SerialPort({ path: address, ...port, autoOpen: false });
  await new Promise<void>((resolve, reject) => {
    serial.open((cause) => {
      if (cause === null) resolve();
      else reject(new DeviceError('instrument.port', explain(address, cause.message), { cause }));
    });
  });
  return serial;
}

function explain(path: string, message: string): string {
  if (/ENOENT|No such file/i.test(message)) return `${path}: no such port; 'blindlink devices' lists what is there`;
  if (/EACCES|Permission/i.test(message)) return `${path}: may not be opened; join the group dialout`;
  if (/lock|busy/i.test(message)) return `${path}: is in use by another program`;
  return `${path}: cannot be opened (${message})`;
}

/** Serial ports of this machine. Where the system's own tool is missing, that is said instead. */
export async function listSerialPorts(): Promise<{
  ports: { path: string; description: string }[];
  note: string | null;
}> {
  try {
    const ports = await SerialPort.list();
    return {
      ports: ports.map(({ path, manufacturer, serialNumber }) => ({
        path,
        description: [manufacturer, serialNumber].filter(Boolean).join(' ') || 'serial port',
      })),
      note: null,
    };
  } catch (error) {
    const text = (error as Error).message;
    return {
      ports: [],
      note: /udevadm/.test(text) ? 'cannot be listed: udevadm is missing (apt-get install udev)' : text,
    };
  }
}
