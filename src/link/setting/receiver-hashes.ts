import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { CodecCard } from '../../codec/card.js';
import type { LinkConfig } from '../../config/schema.js';
import { findModel } from '../../core/shipped-models.js';
import { readPriorCard } from '../../diffusion/prior-card.js';
import { priorOf } from './link-models.js';
import { findReceivers, isFile } from './receivers.js';

/** What receivers need besides the codec, told apart from others of the same name. */
export interface ReceiverHashes {
  /** Hashes of a prior's files, by the prior's name. */
  readonly priors: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** SHA-256 of receivers that are files, by their path. */
  readonly receivers: Readonly<Record<string, string>>;
}

/** @throws ConfigError, FormatError for receivers and priors that are not there */
export async function receiverHashes(config: LinkConfig, codec: CodecCard): Promise<ReceiverHashes> {
  const prior = priorOf(config, await findReceivers(config), codec);
  const files = config.receiver.names.filter(isFile);
  return {
    priors: prior === undefined ? {} : { [prior]: readPriorCard(findModel('prior', prior)).card.sha256 },
    receivers: Object.fromEntries(
      files.map((file) => [file, createHash('sha256').update(readFileSync(file)).digest('hex')]),
    ),
  };
}
