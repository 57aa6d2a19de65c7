import type { LinkConfig } from '../config/schema.js';
import { AbortedError } from '../core/errors.js';
import { withModels } from '../link/setting/link-models.js';
import { ofdmConfigOf } from '../link/setting/link-setting.js';
import { expectOptions, findReceivers } from '../link/setting/receivers.js';
import { figuresByReceiver, type ReceiverFigures } from '../link/results/figures.js';
import type { SentLog } from '../link/stream/sent-log.js';
import {
  createReception,
  type PictureSize,
  type ReceptionOutcome,
  type ReceptionReport,
} from '../link/stream/reception.js';
import { openReceptionFolder } from '../link/results/reception-folder.js';
import { claimRunFolder, versions } from '../link/results/run-folder.js';
import type { Radio } from '../radio/radio.js';
import { describeLosses } from './radio-flags.js';

export interface FrameRun {
  readonly config: LinkConfig;
  readonly size: PictureSize;
  readonly radio: Radio;
  readonly sent: SentLog;
  readonly json: boolean;
  readonly signal: AbortSignal;
  /** Ends after so many frames. */
  readonly frames: number;
  /** Called with each frame's outcomes. */
  readonly use?: (outcomes: readonly ReceptionOutcome[]) => void;
  /** In words, why nothing was found. */
  readonly explain?: () => string | Promise<string>;
}

/** Frames from a radio to receivers, with output, results folder and summary: what `receive` and `replay` share. */
export async function receiveFrames(run: FrameRun): Promise<{ frames: number }> {
  const { config, size, radio, sent, json, signal } = run;
  const receivers = await findReceivers(config);
  expectOptions(config, receivers);
  return withModels(config, receivers, async (models) => {
    const parts = { ...models, receivers };
    const reception = createReception(config, parts, size, radio.receive(), { sent, signal });
    const claim = config.run.out === null ? null : claimRunFolder(config.run.out);
    let folder: ReturnType<typeof openReceptionFolder> | null = null;
    const reports: ReceptionReport[] = [];
    let frames = 0;
    let interrupted = false;
    let failure: unknown = null;
    try {
      for await (const outcomes of reception.frames) {
        frames++;
        reports.push(...outcomes.map(({ report }) => report));
        if (json) for (const { report } of outcomes) console.log(JSON.stringify(report));
        else console.log(describe(outcomes));
        run.use?.(outcomes);
        // A folder only once there is something to keep.
        if (claim !== null) folder ??= openReceptionFolder(claim.path, config, size);
        await folder?.add(outcomes);
        if (frames >= run.frames || signal.aborted) break;
      }
    } catch (error) {
      if (error instanceof AbortedError || signal.aborted) interrupted = true;
      else failure = error;
    }
    interrupted ||= signal.aborted;
    const counters = radio.counters();
    const { broken, gaps, samples } = reception.extractor.counts();
    const summary = {
      type: 'summary',
      ...(interrupted ? { interrupted: true } : {}),
      frames,
      framesSent: sent.entries.length > 0 ? sent.entries.length : null,
      brokenFrames: broken,
      gaps,
      samples,
      receivers: figuresByReceiver(reports, [...new Set(reports.map(({ receiver }) => receiver))]),
      rx: radio.rx,
      counters,
      sync: reception.extractor.diagnosis(),
      config,
      grid: ofdmConfigOf(config),
      versions: versions(models.codec.card),
    };
    const keeper = folder as ReturnType<typeof openReceptionFolder> | null;
    keeper?.finish(summary);
    if (keeper === null) claim?.abandon();
    if (json) console.log(JSON.stringify(summary));
    else {
      console.log(describeFigures(summary.receivers, frames, sent.entries.length));
      const losses = describeLosses(counters);
      if (losses !== '') console.log(losses);
      if (broken > 0) console.log(`${broken} frame(s) cut by a gap or the end`);
      if (frames === 0 && !interrupted && failure === null) console.log((await run.explain?.()) ?? 'no frame found');
      if (keeper !== null) console.log(`Results in ${keeper.path} (pictures/, plots/, frames.csv, summary.json)`);
    }
    if (failure !== null) throw failure as Error;
    if (interrupted) {
      console.error(`blindlink: interrupted after ${frames} frame(s); what was done is complete`);
      process.exitCode = 130;
    }
    return { frames };
  });
}

function describe(outcomes: readonly ReceptionOutcome[]): string {
  const { frame, startSample, cfoSubcarriers, snrDb, picture } = outcomes[0].report;
  const parts = outcomes.map(({ report: { receiver, verdict, psnrDb } }) =>
    psnrDb === null ? `${receiver} ${verdict}` : `${receiver} ${verdict} ${psnrDb.toFixed(2)} dB`,
  );
  return (
    `frame ${frame} at ${startSample}: CFO ${cfoSubcarriers.toFixed(4)} subcarriers, SNR ${snrDb.toFixed(1)} dB` +
    `${picture === null ? '' : `, ${picture}`}: ${parts.join(', ')}`
  );
}

function describeFigures(receivers: Readonly<Record<string, ReceiverFigures>>, frames: number, sent: number): string {
  const lines = [`${frames} frame(s) found${sent > 0 ? ` of ${sent} sent` : ''}`];
  if (frames > 0) {
    lines.push('  receiver     decoded          PSNR dB   success   ms');
    for (const [name, f] of Object.entries(receivers)) {
      lines.push(
        `  ${name.padEnd(11)}  ${`${f.decoded} (${(100 * f.decodedShare).toFixed(1)} %)`.padEnd(15)}  ` +
          `${(f.psnrDbMean?.toFixed(2) ?? '-').padStart(7)}   ${(f.success === null ? '-' : `${(100 * f.success).toFixed(1)} %`).padStart(7)}  ` +
          `${(f.millisecondsMean?.toFixed(1) ?? '-').padStart(5)}`,
      );
    }
  }
  return lines.join('\n');
}
