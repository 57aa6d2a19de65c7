import type { LinkConfig } from '../config/schema.js';
import { ConfigError } from '../core/errors.js';
import { sortedJson } from '../core/sorted-json.js';
import type { Radio } from '../radio/radio.js';
import type { PictureSource } from '../source/picture-source.js';
import { figuresByReceiver, type ReceiverFigures } from './results/figures.js';
import type { ReceiverSummary } from './results/summary.js';
import type { LinkModels } from './setting/link-models.js';
import type { ReceiverDescriptor } from './setting/receivers.js';
import { receiveWhile, sendPictures } from './stream/exchange.js';
import { createReception, type ReceptionReport } from './stream/reception.js';
import { createSentLog } from './stream/sent-log.js';

/** One receiver's figures at one point of a sweep, the same for simulation and radio. */
export interface PointFigures extends ReceiverFigures, Pick<ReceiverSummary, 'perception'> {}

/**
 * The values that a sweep goes through: one of each axis, the last axis fastest.
 * @param where what errors say before an axis
 * @throws ConfigError for a value that an axis has twice: the same point would count as two
 */
export function gridOfPoints(
  axes: ReadonlyMap<string, readonly unknown[]>,
  where = '',
): ReadonlyMap<string, unknown>[] {
  let points: Map<string, unknown>[] = [new Map()];
  for (const [name, values] of axes) {
    const odd = values.find((value) => typeof value === 'number' && !Number.isFinite(value));
    if (odd !== undefined)
      throw new ConfigError('points.value', `${where}${name}: ${String(odd)} is no value to measure`);
    const texts = values.map(sortedJson);
    const twice = texts.find((text, i) => texts.indexOf(text) < i);
    if (twice !== undefined) {
      throw new ConfigError('points.twice', `${where}${name}: has ${twice} twice; leave one out`);
    }
    points = points.flatMap((point) => values.map((value) => new Map([...point, [name, value]])));
  }
  return points;
}

/** What a point is measured with. */
export interface PointParts extends LinkModels {
  readonly receivers: readonly ReceiverDescriptor[];
  readonly source: PictureSource;
  readonly signal: AbortSignal;
}

/**
 * One point over a radio: every picture is sent and received through it, full duplex.
 * @param rms amplitude of a frame; null leaves the modem's
 */
export async function radioPoint(
  config: LinkConfig,
  { codec, receivers, source, signal, ...models }: PointParts,
  radio: Radio,
  rms: number | null,
): Promise<Record<string, PointFigures>> {
  const log = createSentLog();
  const timed = radio.policy === 'block';
  const send = (): ReturnType<typeof sendPictures> =>
    sendPictures(radio, config, codec, source.pictures(), {
      leadSamples: 1000,
      tailSamples: 1000,
      gapSamples: 500,
      rms,
      signal,
      onSent({ frame, picture, sampleStart }) {
        const start = timed ? sampleStart : null;
        log.add({ frame, name: picture.name, sampleStart: start, load: () => source.at(frame) });
      },
    });
  const { width, height } = await source.at(0);
  const blocks = receiveWhile(radio, send, radio.rx?.sampleRateHz ?? config.channel.sampleRateHz);
  const reports: ReceptionReport[] = [];
  const parts = { codec, receivers, ...models };
  try {
    const reception = createReception(config, parts, { width, height }, blocks, { sent: log, signal });
    for await (const outcomes of reception.frames) reports.push(...outcomes.map(({ report }) => report));
  } finally {
    await radio.close();
  }
  return figuresByReceiver(
    reports,
    receivers.map(({ name }) => name),
    source.count,
  );
}
