import { lastValueFrom, tap } from 'rxjs';
import { defaultIfEmpty } from 'rxjs';
import type { LinkConfig } from '../config/schema.js';
import type { Radio, SampleBlock } from '../radio/radio.js';
import type { Picture } from '../source/picture.js';
import { createEmission, prepared } from './stream/emission.js';
import { createLink, type LinkParts } from './link.js';
import type { LinkModels } from './setting/link-models.js';
import { createReception, type ReceptionReport, type SentPicture } from './stream/reception.js';
import { type ReceiverSummary, summarisable, type Summarised, summarise } from './results/summary.js';

/** One receiver's figures at one point, the same for simulation and radio. */
export interface PointFigures extends Pick<ReceiverSummary, 'perception'> {
  readonly frames: number;
  /** Share of the frames that were sent with PSNR > 15 dB; frames not found count as failures. */
  readonly success: number;
  /** Mean over the frames that were found; null without any. */
  readonly psnrDbMean: number | null;
  readonly decodedShare: number;
  readonly snrDbMean: number | null;
  readonly millisecondsMean: number | null;
}

/** The values that a sweep goes through: one of each axis, the last axis fastest. */
export function gridOfPoints(axes: ReadonlyMap<string, readonly unknown[]>): ReadonlyMap<string, unknown>[] {
  let points: Map<string, unknown>[] = [new Map()];
  for (const [name, values] of axes) {
    points = points.flatMap((point) => values.map((value) => new Map([...point, [name, value]])));
  }
  return points;
}

/** One point in simulation. */
export async function simulatePoint(
  config: LinkConfig,
  models: LinkParts,
  pictures: AsyncIterable<Picture>,
  signal: AbortSignal,
): Promise<Record<string, PointFigures>> {
  const kept: Summarised[] = [];
  await lastValueFrom(
    createLink(config, models, pictures, signal).pipe(
      tap((outcome) => kept.push(summarisable(outcome))),
      defaultIfEmpty(null),
    ),
  );
  return Object.fromEntries(
    Object.entries(summarise(kept)).map(([name, summary]) => {
      const { frames, success, psnrDbMean, decodedShare, millisecondsMean, perception } = summary;
      const snrDbMean = mean(kept.filter((k) => k.report.receiver === name).map(({ report }) => report.snrDb));
      return [
        name,
        { frames, success, psnrDbMean, decodedShare, snrDbMean, millisecondsMean, ...(perception && { perception }) },
      ];
    }),
  );
}

/** One point over a radio: every picture is sent and received through it, full duplex. */
export async function radioPoint(
  config: LinkConfig,
  models: LinkModels,
  pictures: readonly Picture[],
  radio: Radio,
  signal: AbortSignal,
): Promise<Record<string, PointFigures>> {
  const isReal = radio.policy === 'drop';
  const sent: SentPicture[] = [];
  let total = 0;
  let transmitted = false;
  const source = async function* (): AsyncIterable<Picture> {
    yield* pictures;
  };
  const sending = async (): Promise<void> => {
    const options = { leadSamples: 1000, tailSamples: 1000, gapSamples: 500, rms: isReal ? 0.2 : null, signal };
    const emission = createEmission(config, models.codec, source(), options);
    for await (const part of isReal ? prepared(emission) : emission) {
      if (signal.aborted) return;
      await radio.transmit(part.samples);
      total += part.samples.re.length;
      if (part.sent !== null) sent.push(isReal ? { ...part.sent, sampleStart: null } : part.sent);
    }
    transmitted = true;
    await radio.endTransmission();
  };
  const rateHz = radio.rx?.sampleRateHz ?? config.channel.sampleRateHz;
  const blocks = async function* (): AsyncIterable<SampleBlock> {
    let seen = 0;
    for await (const block of radio.receive()) {
      yield block;
      seen += block.samples.re.length;
      // A real radio does not end with its input: a second later nothing of it can still be on its way.
      if (isReal && transmitted && seen >= total + rateHz) return;
    }
  };
  const reports: ReceptionReport[] = [];
  const [{ width, height }] = pictures;
  const reception = createReception(config, models, { width, height }, blocks(), { sent, signal });
  const receiving = lastValueFrom(
    reception.outcomes.pipe(
      tap((outcomes) => reports.push(...outcomes.map(({ report }) => report))),
      defaultIfEmpty(null),
    ),
  );
  try {
    await Promise.all([sending(), receiving]);
  } finally {
    await radio.close();
    await receiving.catch(() => undefined);
  }
  return Object.fromEntries(config.receiver.names.map((name) => [name, figuresOver(reports, name, pictures.length)]));
}

function figuresOver(reports: readonly ReceptionReport[], name: string, frames: number): PointFigures {
  const mine = reports.filter(({ receiver }) => receiver === name);
  const psnr = mine.flatMap(({ psnrDb }) => (psnrDb === null ? [] : [psnrDb]));
  return {
    frames,
    success: psnr.filter((v) => v > 15).length / frames,
    psnrDbMean: mean(psnr),
    decodedShare: mine.filter(({ verdict }) => verdict === 'decoded').length / frames,
    snrDbMean: mean(mine.map(({ snrDb }) => snrDb)),
    millisecondsMean: mean(mine.map(({ milliseconds }) => milliseconds)),
  };
}

const mean = (values: readonly number[]): number | null =>
  values.length === 0 ? null : values.reduce((sum, v) => sum + v, 0) / values.length;
