import { dirname } from 'node:path';
import type { LinkConfig } from '../../config/schema.js';
import type { ComplexArray } from '../../core/complex.js';
import { createSigmfWriter } from '../../recording/sigmf-writer.js';
import { makeFolder } from '../../core/make-folder.js';

/** What is known of a recording under way. */
export interface RecordingState {
  readonly path: string;
  readonly samples: number;
}

/** Received samples on their way to a SigMF recording that `blindlink replay` plays. */
export interface LiveRecorder {
  /** Samples of one frame, or of a stretch of the radio's stream, with the picture that they carry where that is known. */
  write(
    samples: ComplexArray,
    sent: { readonly frame: number; readonly name: string; readonly start: number } | null,
  ): void;
  markGap(lost: number, cause: string): void;
  state(): RecordingState;
  finish(): RecordingState;
}

export interface RecorderOptions {
  /** Path without its ending. */
  readonly base: string;
  readonly config: LinkConfig;
  readonly source: string;
  readonly sampleRateHz: number;
  readonly centerFrequencyHz: number | null;
  readonly size: { readonly width: number; readonly height: number };
}

/** @throws FormatError where nothing can be written there */
export function createLiveRecorder(options: RecorderOptions): LiveRecorder {
  const { base, config, source, sampleRateHz, centerFrequencyHz, size } = options;
  makeFolder(dirname(base));
  const writer = createSigmfWriter(base, {
    datatype: 'cf32_le',
    sampleRateHz,
    centerFrequencyHz: centerFrequencyHz ?? undefined,
    datetime: new Date(),
    global: {
      'core:recorder': 'blindlink live',
      'blindlink:source': source,
      'blindlink:link': config,
      'blindlink:picture_size': [size.width, size.height],
    },
  });
  const sent: { frame: number; picture: string; sample_start: number }[] = [];
  const state = (): RecordingState => ({ path: writer.metaPath, samples: writer.samplesWritten });
  return {
    write(samples, carried) {
      if (carried !== null) {
        sent.push({ frame: sent.length, picture: carried.name, sample_start: writer.samplesWritten + carried.start });
      }
      writer.write(samples);
    },
    markGap(lost, cause) {
      writer.markGap(lost, cause);
    },
    state,
    finish() {
      if (sent.length > 0) writer.setGlobal({ 'blindlink:sent': sent });
      writer.finish();
      return state();
    },
  };
}
