import { createHash } from 'node:crypto';
import { Packr } from 'msgpackr';
import { readCard } from '../../codec/card.js';
import type { LinkConfig } from '../../config/schema.js';
import { ConfigError, LinkError } from '../../core/errors.js';
import { findModel } from '../../core/shipped-models.js';
import { versions } from '../../link/results/run-folder.js';
import { receiverHashes } from '../../link/setting/receiver-hashes.js';
import { readFeatureCard } from '../../perception/feature-card.js';
import type { FrameJob, FrameProduct } from '../frame-job.js';

/** Name of the BullMQ queue. */
export const QUEUE = 'blindlink-frames';
/** Results that nobody fetched are forgotten after a day, and so are failures. */
export const KEEP_S = 86_400;

/** What results depend on besides the job; a worker with others must not take it. */
export type JobVersions = Readonly<Record<string, string>>;

/** A job as it goes through Redis. */
export interface QueuedJob {
  readonly job: FrameJob;
  readonly versions: JobVersions;
}

/**
 * A job's name follows from the campaign's run and from everything that determines the result: put in twice, it is
 * there once.
 */
export function jobName(run: string, { config, from, to, wishes }: FrameJob): string {
  const hash = createHash('sha256').update(JSON.stringify([run, config, from, to, wishes]));
  return `${from}-${to - 1}-${hash.digest('hex').slice(0, 32)}`;
}

/** The key that holds a job's result. */
export const resultKey = (name: string): string => `${QUEUE}:result:${name}`;

/** @throws ConfigError, FormatError for models and receivers that are not there */
export async function jobVersions(config: LinkConfig): Promise<JobVersions> {
  const { codec, run } = config;
  const { blindlink, onnxruntime, precision } = versions() as Record<string, string>;
  const networks = run.featureNetworks.map((name): [string, string] => {
    const { card } = readFeatureCard(findModel('features', name));
    return [`feature network ${name}`, JSON.stringify(card.sha256)];
  });
  const { card } = readCard(findModel('codec', codec));
  const { priors, receivers } = await receiverHashes(config, card);
  return {
    blindlink,
    onnxruntime,
    [`codec ${codec}`]: JSON.stringify(card.sha256),
    ...(card.ranges !== undefined && run.precision === 'auto' && { precision }),
    ...Object.fromEntries(networks),
    ...Object.fromEntries(Object.entries(priors).map(([name, sha256]) => [`prior ${name}`, JSON.stringify(sha256)])),
    ...Object.fromEntries(Object.entries(receivers).map(([file, sha256]) => [`receiver ${file}`, sha256])),
  };
}

/** MessagePack: numbers to the last bit, NaN, typed arrays and PNG files as they are. */
const packr = new Packr({ structuredClone: true, moreTypes: true, useRecords: false });
export const packJob = (job: QueuedJob): string => packr.pack(job).toString('base64');
export const unpackJob = (text: string): QueuedJob => packr.unpack(Buffer.from(text, 'base64')) as QueuedJob;
export const packProducts = (products: readonly FrameProduct[]): Buffer => packr.pack(products);
export const unpackProducts = (bytes: Buffer): readonly FrameProduct[] => packr.unpack(bytes) as FrameProduct[];

/** An error as the text that BullMQ keeps of it. */
export function packError(error: unknown, worker: string): string {
  const { code, message, usage } =
    error instanceof LinkError
      ? { code: error.code, message: error.message, usage: error instanceof ConfigError }
      : { code: 'queue.failed', message: error instanceof Error ? error.message : String(error), usage: false };
  return JSON.stringify({ code, message: `worker ${worker}: ${message}`, usage });
}

export function unpackError(text: string): LinkError {
  try {
    const { code, message, usage } = JSON.parse(text) as { code: string; message: string; usage: boolean };
    return new (usage ? ConfigError : LinkError)(code, message);
  } catch {
    // BullMQ's own, such as a job whose workers were all killed.
    return new LinkError('queue.failed', `the queue gave a job up: ${text}`);
  }
}
