import { assign, type RawConfig, resolveConfig } from '../../config/load.js';
import type { LinkConfig } from '../../config/schema.js';

/**
 * Settings with some of them changed; null takes one back to its default.
 * @throws ConfigError for what the schema refuses
 */
export function steer(config: LinkConfig, changes: Readonly<Record<string, unknown>>): LinkConfig {
  const raw = structuredClone(config) as unknown as RawConfig;
  for (const [path, value] of Object.entries(changes)) {
    assign(raw, path, value === null ? undefined : value);
  }
  return resolveConfig(raw);
}
