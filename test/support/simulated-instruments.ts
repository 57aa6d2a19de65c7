import type { Duplex } from 'node:stream';

export interface Misbehaviour {
  /** Commands that are not answered, from the first on. */
  readonly ignore?: number;
  /** Answered to everything. */
  readonly answer?: string;
  /** Reads this whatever is set. */
  readonly stuckAt?: number;
  /** SCPI: how numbers are written, and errors that a setting leaves in the queue; none at all means no queue. */
  readonly write?: (value: number) => string;
  readonly errors?: readonly string[] | null;
  /** Answers come in two pieces. */
  readonly pieces?: boolean;
}

/** An instrument's side of a port: answers as the real one does. Returns the commands it got. */
export function simulateInstrument(port: Duplex, name: string, behaviour: Misbehaviour = {}): string[] {
  const log: string[] = [];
  let rest = '';
  let left = behaviour.ignore ?? 0;
  const errors: string[] = [];
  const state = { attenuation: 0, path: '0', azimuth: 0, target: 0 };
  port.on('error', () => undefined);
  const say = (text: string): void => {
    if (behaviour.pieces !== true) {
      port.write(text);
      return;
    }
    port.write(text.slice(0, 2));
    setTimeout(() => port.write(text.slice(2)), 5);
  };

  const answer = (line: string): void => {
    if (behaviour.answer !== undefined) {
      say(`${behaviour.answer}\r\n`);
      return;
    }
    switch (name) {
      case 'attenuator-mini-circuits':
        if (line === ':MN?') say('MN=RCDAT-6000-110\r\n');
        else if (line === ':ATT?') say(`${behaviour.stuckAt ?? state.attenuation}\r\n`);
        else if (line.startsWith(':SETATT=')) {
          state.attenuation = Number(line.slice(8));
          say('1\r\n');
        }
        break;
      case 'attenuator-scpi':
        if (line === 'ATT?') say(`${(behaviour.write ?? ((v) => v.toFixed(1)))(state.attenuation)}\n`);
        else if (line === 'SYST:ERR?') {
          if (behaviour.errors !== null) say(`${errors.shift() ?? '0,"No error"'}\n`);
        } else if (line === '*CLS') errors.length = 0;
        else if (line.startsWith('ATT ')) {
          state.attenuation = Number(line.slice(4));
          errors.push(...(behaviour.errors ?? []));
        }
        break;
      case 'rf-switch-mini-circuits':
        if (line.endsWith('STATE?')) say(`${state.path}\r\n`);
        else {
          state.path = line.at(-1) ?? '0';
          say('1\r\n');
        }
        break;
      case 'rotator-gs232':
        if (line.startsWith('M')) state.target = Number(line.slice(1));
        else {
          state.azimuth += Math.min(40, state.target - state.azimuth);
          say(`+0${String(state.azimuth).padStart(3, '0')}\r\n`);
        }
        break;
      case 'rotator-rotctl':
        if (line === 'p') say(`${state.azimuth.toFixed(6)}\n0.000000\n`);
        else {
          state.azimuth = Number(line.split(' ')[1]);
          say('RPRT 0\n');
        }
        break;
    }
  };

  port.on('data', (chunk: Buffer) => {
    rest += chunk.toString('latin1');
    const lines = rest.split(/[\r\n]+/);
    rest = lines.pop() ?? '';
    for (const line of lines.filter((text) => text !== '')) {
      log.push(line);
      if (left > 0) left--;
      else answer(line);
    }
  });

  if (name === 'gps-clock-nmea') {
    const sentence = (body: string): string => {
      let sum = 0;
      for (const character of body) sum ^= character.charCodeAt(0);
      return `$${body}*${sum.toString(16).toUpperCase().padStart(2, '0')}\r\n`;
    };
    const tick = (): void => {
      // A damaged one first: its sum does not fit.
      port.write('$GPGGA,123519,4807.038,N,01131.000,E,9,99,0.9,545.4,M,46.9,M,,*00\r\n');
      port.write(sentence('GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,'));
      port.write(sentence('GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W'));
    };
    const timer = setInterval(tick, 20);
    port.on('close', () => clearInterval(timer));
    timer.unref();
  }
  return log;
}
