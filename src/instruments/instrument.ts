import type { Duplex } from 'node:stream';
import { ConfigError, DeviceError } from '../core/errors.js';
import type { InstrumentProfile, Quantity } from './instrument-profile.js';
import { openPort } from './serial-port.js';

/** A bench instrument behind its profile. Commands go one after another, each with time-out and retries. */
export interface Instrument {
  readonly name: string;
  /** What it says it is; null where its profile has no such command. */
  identify(): Promise<string | null>;
  /** Sets a quantity, reads it back where it can be read, waits until it has settled, and returns what it is now. */
  set(quantity: string, value: number | string): Promise<number | string>;
  get(quantity: string): Promise<number | string>;
  close(): Promise<void>;
}

/**
 * @param address serial port, or `tcp:HOST:PORT`
 * @throws DeviceError if the port cannot be opened. All methods throw ConfigError for what the profile does not know or allow, and
 *   DeviceError for an instrument that does not answer, or not as it should.
 */
export async function openInstrument(profile: InstrumentProfile, address: string): Promise<Instrument> {
  return instrumentOn(await openPort(address, profile), profile, address);
}

/** The same on an open stream. */
export function instrumentOn(port: Duplex, profile: InstrumentProfile, address: string): Instrument {
  const { terminator, timeoutMs, retries } = profile;
  const what = `${profile.name} at ${address}`;
  let rest = '';
  let closed: DeviceError | null = null;
  let listener: ((line: string) => void) | null = null;
  let onClosed: (() => void) | null = null;
  let queue: Promise<unknown> = Promise.resolve();
  /** Whether the error queue was emptied before the first command, and whether the instrument has one. */
  let cleared = profile.errors === undefined;
  let hasErrors = profile.errors !== undefined;
  const wholeLine = (text: string): RegExp => new RegExp(`^(?:${text})$`);
  const errorLine = profile.errors === undefined ? null : wholeLine(profile.errors.expect);

  port.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString('latin1')).split(terminator.receive);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const text = line.replace(/[\r\n]+/g, '');
      if (text !== '' && (profile.checksum === 'none' || nmeaHolds(text))) listener?.(text);
    }
  });
  const end = (): void => {
    closed ??= new DeviceError('instrument.lost', `${what}: was disconnected`);
    onClosed?.();
  };
  port.on('close', end);
  port.on('end', end);
  port.on('error', end);

  const errorIn = (text: string): string | null => {
    const match = errorLine?.exec(text);
    return match == null || Number(match[1]) === 0 ? null : text;
  };
  const refusal = (text: string): DeviceError =>
    new DeviceError('instrument.refused', `${what}: reports the error ${text}`, { value: text });

  /** Waits for a line that fits. */
  const line = (expect: RegExp, ms: number, begin: () => void): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      let last: string | null = null;
      const finish = (settle: () => void): void => {
        clearTimeout(timer);
        listener = null;
        onClosed = null;
        settle();
      };
      const timer = setTimeout(() => {
        finish(() =>
          reject(
            last === null
              ? new DeviceError(
                  'instrument.silent',
                  `${what}: does not answer within ${ms} ms; check port, baud rate and power`,
                )
              : new DeviceError(
                  'instrument.answer',
                  `${what}: answers ${JSON.stringify(last)}, which its profile does not expect`,
                ),
          ),
        );
      }, ms);
      listener = (text) => {
        const match = expect.exec(text);
        last = text;
        if (match !== null) finish(() => resolve(match));
        else if (errorIn(text) !== null) finish(() => reject(refusal(text)));
      };
      onClosed = () => finish(() => reject(closed!));
      if (closed !== null) onClosed();
      else begin();
    });

  const send = (text: string): void => {
    rest = '';
    port.write(text + terminator.send, 'latin1');
  };

  /** Errors that the instrument has kept: the first is thrown. One that does not answer is not asked again. */
  const throwErrors = async (): Promise<void> => {
    let first: DeviceError | null = null;
    // A queue holds a few dozen at most: one that never ends is no queue.
    for (let i = 0; hasErrors && i < 64; i++) {
      let text: string | null = null;
      try {
        const [answer] = await line(errorLine!, timeoutMs, () => send(profile.errors!.send));
        text = errorIn(answer);
      } catch (error) {
        if (closed !== null) throw error;
        hasErrors = false;
      }
      if (text === null) break;
      first ??= refusal(text);
    }
    if (first !== null) throw first;
  };

  /** One command and its answer, again if none comes. */
  const exchange = async (command: string, expect: string | null): Promise<RegExpExecArray | null> => {
    if (!cleared && closed === null) send(profile.errors!.clear);
    cleared = true;
    if (expect === null) {
      if (closed !== null) throw closed;
      send(command);
      return null;
    }
    for (let attempt = 0; ; attempt++) {
      try {
        return await line(wholeLine(expect), timeoutMs, () => send(command));
      } catch (error) {
        if (closed !== null) throw error;
        if (error instanceof DeviceError && error.code === 'instrument.refused') throw error;
        if (attempt < retries) continue;
        await throwErrors();
        throw error;
      }
    }
  };

  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = queue.then(work, work);
    queue = result.catch(() => undefined);
    return result;
  };

  const quantityOf = (name: string): Quantity => {
    const found = profile.quantities[name] as Quantity | undefined;
    if (found !== undefined) return found;
    throw new ConfigError(
      'instrument.quantity',
      `${profile.name}: has no ${name}; it has ${Object.keys(profile.quantities).join(', ')}`,
      {
        value: name,
      },
    );
  };

  const read = async (name: string, quantity: Quantity): Promise<number | string> => {
    let match: RegExpExecArray | null = null;
    if (quantity.get !== undefined) match = await exchange(quantity.get.send, quantity.get.expect);
    else if (quantity.listen !== undefined) match = await line(wholeLine(quantity.listen), timeoutMs, () => undefined);
    if (match === null) throw new ConfigError('instrument.quantity', `${profile.name}: ${name} cannot be read`);
    const text = match[1] ?? match[0];
    const value = valueOf(quantity, text);
    // SCPI writes 9.9E37 for infinity and 9.91E37 for what is no number.
    const isNumber = typeof value === 'number' && Math.abs(value) < 9.9e37;
    if (isNumber || !isNumeric(quantity)) return value;
    throw new DeviceError('instrument.answer', `${what}: ${name} reads ${JSON.stringify(text)}, which is no number`);
  };

  return {
    name: profile.name,
    identify: () =>
      inTurn(async () => {
        if (profile.identify === undefined) return null;
        const match = await exchange(profile.identify.send, profile.identify.expect);
        return match === null ? null : (match[1] ?? match[0]);
      }),
    get: (name) => inTurn(() => read(name, quantityOf(name))),
    set: (name, value) =>
      inTurn(async () => {
        const quantity = quantityOf(name);
        if (quantity.set === undefined)
          throw new ConfigError('instrument.quantity', `${profile.name}: ${name} cannot be set`);
        const wanted = checked(profile.name, name, quantity, value);
        await exchange(quantity.set.send.replaceAll('{value}', written(quantity, wanted)), quantity.set.expect);
        await throwErrors();
        if (quantity.get === undefined) return wanted;
        const tolerance = quantity.settle?.tolerance ?? (quantity.step ?? 0) / 2 + 1e-9;
        const deadline = performance.now() + (quantity.settle?.timeoutMs ?? 0);
        for (;;) {
          const now = await read(name, quantity);
          const near =
            typeof now === 'number' && typeof wanted === 'number'
              ? Math.abs(now - wanted) <= tolerance
              : now === wanted;
          if (near) return now;
          if (performance.now() >= deadline) {
            throw new DeviceError('instrument.setting', `${what}: ${name} was set to ${wanted} but reads ${now}`, {
              value: now,
            });
          }
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      }),
    async close() {
      if (closed !== null) return;
      closed = new DeviceError('instrument.closed', `${what}: is closed`);
      await new Promise<void>((resolve) => {
        port.once('close', resolve);
        if ('close' in port && typeof port.close === 'function')
          (port.close as (done: () => void) => void)(() => resolve());
        else port.destroy();
      });
    },
  };
}

/** A value within the profile's bounds and on its steps, or the name of a choice. */
function checked(device: string, name: string, quantity: Quantity, value: number | string): number | string {
  if (quantity.choices !== undefined) {
    if (String(value) in quantity.choices) return String(value);
    throw new ConfigError(
      'instrument.value',
      `${device}: ${name} ${value}: must be one of ${Object.keys(quantity.choices).join(', ')}`,
      { value },
    );
  }
  const number = Number(value);
  const { min = -Infinity, max = Infinity, step } = quantity;
  if (!Number.isFinite(number) || number < min || number > max) {
    throw new ConfigError(
      'instrument.value',
      `${device}: ${name} ${value}: must be ${min} to ${max} ${quantity.unit}`,
      { value },
    );
  }
  return step === undefined ? number : Math.round(number / step) * step;
}

function written(quantity: Quantity, value: number | string): string {
  if (quantity.choices !== undefined) return quantity.choices[String(value)];
  const { digits, pad } = quantity.format ?? { digits: 2, pad: 0 };
  const [whole, fraction] = Math.abs(Number(value)).toFixed(digits).split('.');
  return `${Number(value) < 0 ? '-' : ''}${whole.padStart(pad, '0')}${fraction === undefined ? '' : `.${fraction}`}`;
}

/** Whether its values are numbers: it has bounds, steps or a format. */
const isNumeric = ({ choices, min, max, step, format }: Quantity): boolean =>
  choices === undefined && [min, max, step, format].some((one) => one !== undefined);

function valueOf(quantity: Quantity, text: string): number | string {
  if (quantity.choices !== undefined) {
    return Object.entries(quantity.choices).find(([, code]) => code === text)?.[0] ?? text;
  }
  const number = Number(text);
  return text.trim() === '' || Number.isNaN(number) ? text : number;
}

/** Whether a sentence's *HH is the exclusive or of its characters. */
function nmeaHolds(text: string): boolean {
  const match = /\$([^*]*)\*([0-9A-Fa-f]{2})$/.exec(text);
  if (match === null) return false;
  let sum = 0;
  for (const character of match[1]) sum ^= character.charCodeAt(0);
  return sum === Number.parseInt(match[2], 16);
}
