import { type RawConfig, resolveConfig } from '../../config/load.js';
import type { LinkConfig } from '../../config/schema.js';

/**
 * Settings with some of them changed; null takes one back to its default.
 * @throws ConfigError for what the schema refuses
 */
export function steer(config: LinkConfig, changes: Readonly<Record<string, unknown>>): LinkConfig {
  const raw = structuredClone(config) as unknown as RawConfig;
  for (const [path, value] of Object.entries(changes)) {
    const names = path.split('.');
    const last = names.pop()!;
    let section = raw;
    for (const name of names) section = (section[name] ??= {}) as RawConfig;
    if (value === null) Reflect.deleteProperty(section, last);
    else section[last] = value;
  }
  return resolveConfig(raw);
}
