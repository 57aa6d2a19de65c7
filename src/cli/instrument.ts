import type { Command } from 'commander';
import { ConfigError } from '../core/errors.js';
import { openInstrument } from '../instruments/instrument.js';
import { instrumentNames, readInstrumentProfile } from '../instruments/instrument-profile.js';

export function addInstrument(program: Command): void {
  program
    .command('instrument')
    .description('Read or set a bench instrument: attenuator, RF switch, rotator, GPS clock.')
    .argument('[profile]', 'shipped profile or file; without one, the shipped ones are listed')
    .argument('[port]', 'serial port (/dev/ttyUSB0, COM3) or tcp:HOST:PORT')
    .argument('[what...]', 'QUANTITY to read, QUANTITY=VALUE to set; without any, every quantity that can be read')
    .option('--json', 'one JSON object')
    .action(async (name: string | undefined, port: string | undefined, what: string[], options: { json?: boolean }) => {
      if (name === undefined) {
        const profiles = instrumentNames().map((profile) => {
          const { name: title, kind, quantities } = readInstrumentProfile(profile);
          return { profile, kind, title, quantities: Object.keys(quantities) };
        });
        if (options.json === true) console.log(JSON.stringify({ type: 'instruments', profiles }));
        else
          for (const { profile, kind, title, quantities } of profiles)
            console.log(`${profile}  ${kind}, ${title}: ${quantities.join(', ')}`);
        return;
      }
      const profile = readInstrumentProfile(name);
      if (port === undefined)
        throw new ConfigError('instrument.port', `${profile.name}: name its port, e.g. /dev/ttyUSB0`);
      const readable = Object.entries(profile.quantities).flatMap(([key, { get, listen }]) =>
        (get ?? listen) ? [key] : [],
      );
      const instrument = await openInstrument(profile, port);
      try {
        const values: Record<string, number | string> = {};
        const identity = await instrument.identify();
        for (const word of what.length > 0 ? what : readable) {
          const at = word.indexOf('=');
          const key = at < 0 ? word : word.slice(0, at);
          values[key] = at < 0 ? await instrument.get(key) : await instrument.set(key, word.slice(at + 1));
        }
        if (options.json === true)
          console.log(JSON.stringify({ type: 'instrument', profile: profile.name, identity, values }));
        else {
          if (identity !== null) console.log(identity);
          for (const [key, value] of Object.entries(values)) {
            console.log(`${key} ${value} ${profile.quantities[key].unit}`.trimEnd());
          }
        }
      } finally {
        await instrument.close();
      }
    });
}
