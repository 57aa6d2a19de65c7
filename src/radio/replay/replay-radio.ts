import { ConfigError, DeviceError } from '../../core/errors.js';
import { createPause } from '../../core/pause.js';
import type { Recording } from '../../recording/recording.js';
import type { AppliedSettings, QueuePolicy, Radio } from '../radio.js';
import { createSampleQueue, plainCounters } from '../sample-queue.js';

export interface ReplayConfig {
  readonly sampleRateHz: number;
  readonly channel?: number;
  /** `fast`: as fast as the reader takes it. `real-time`: paced by the sampling rate; a slow reader loses samples. */
  readonly pace?: 'fast' | 'real-time';
  /** Times that it is played; Infinity for ever. 1 by default. */
  readonly loops?: number;
  /** Part of it, in samples. All by default. */
  readonly sections?: readonly { readonly start: number; readonly count: number }[];
  readonly capacity?: number;
}

const BLOCK = 16_384;

/**
 * A recording as a radio that receives. Gaps that the recording's segments tell of (`core:global_index`) are gaps here
 * too. The recording is closed with the radio.
 */
export function openReplay(recording: Recording, config: ReplayConfig): Radio {
  const { sampleRateHz, channel = 0, pace = 'fast', loops = 1 } = config;
  const whole = recording.numSamples > 0 ? [{ start: 0, count: recording.numSamples }] : [];
  const sections = config.sections ?? whole;
  if (!(loops >= 1)) throw new ConfigError('config.replay', `loops is ${loops}: choose at least 1`);
  for (const { start, count } of sections) {
    if (start < 0 || count < 1 || start >= recording.numSamples) {
      throw new ConfigError(
        'config.replay',
        `${recording.path}: has no section of ${count} samples from ${start} on; it has ${recording.numSamples} samples`,
      );
    }
  }
  const policy: QueuePolicy = pace === 'fast' ? 'block' : 'drop';
  const centerFrequencyHz = recording.centerFrequencyHz ?? 0;
  const queue = createSampleQueue({ capacity: config.capacity ?? 1 << 18, policy, sampleRateHz, centerFrequencyHz });
  const applied: AppliedSettings = {
    sampleRateHz,
    centerFrequencyHz,
    gainDb: null,
    antenna: null,
    device: `replay ${recording.path}`,
  };
  let closed = false;
  let cancelSleep: (() => void) | null = null;
  const sleep = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      cancelSleep = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  const gaps = gapsOf(recording);
  const pause = createPause();
  const play = async (): Promise<void> => {
    const began = performance.now();
    let played = 0;
    if (sections.every(({ start, count }) => Math.min(count, recording.numSamples - start) <= 0)) {
      queue.end();
      return;
    }
    for (let loop = 0; loop < loops && !closed; loop++) {
      for (const { start, count } of sections) {
        const end = Math.min(start + count, recording.numSamples);
        let g = gaps.findIndex((gap) => gap.at > start);
        if (g < 0) g = gaps.length;
        let lost = 0;
        for (let at = start; at < end && !closed;) {
          const nextGap = gaps[g]?.at ?? Infinity;
          const length = Math.min(BLOCK, end - at, nextGap - at);
          queue.push(recording.read(at, length, channel), lost);
          at += length;
          lost = at === nextGap ? gaps[g++].lost : 0;
          await pause();
          played += length;
          if (pace === 'fast') await queue.whenRoom();
          else await sleep(Math.max(0, began + (1000 * played) / sampleRateHz - performance.now()));
        }
      }
    }
    queue.end();
  };

  let started = false;
  return {
    name: 'replay',
    tx: null,
    rx: applied,
    policy,
    transmit: () => Promise.reject(new DeviceError('radio.direction', 'radio replay: a recording cannot transmit')),
    endTransmission: () => Promise.resolve(),
    receive() {
      if (!started) {
        started = true;
        play().catch((error: unknown) => queue.fail(error as Error));
      }
      return queue;
    },
    counters: () => plainCounters(queue, 0),
    close() {
      if (!closed) recording.close();
      closed = true;
      cancelSleep?.();
      queue.cancel();
      return Promise.resolve();
    },
  };
}

/** Where samples are missing, and how many: what `core:global_index` has over `core:sample_start`. */
export function gapsOf(recording: Recording): { readonly at: number; readonly lost: number }[] {
  const gaps: { at: number; lost: number }[] = [];
  let before: bigint | null = null;
  for (const capture of recording.captures) {
    const at = capture['core:sample_start'];
    const global = capture['core:global_index'];
    if (global === undefined) continue;
    const ahead = BigInt(global) - BigInt(at);
    if (before !== null && ahead > before) gaps.push({ at, lost: Number(ahead - before) });
    before = ahead;
  }
  return gaps;
}

/** The place in the file of a sample that is counted with those that are missing, as radios count them. */
export function placeInFile(gaps: readonly { readonly at: number; readonly lost: number }[], sample: number): number {
  let place = sample;
  for (const { at, lost } of gaps) {
    if (place < at + lost) return Math.min(place, at);
    place -= lost;
  }
  return place;
}

/** Sections of a recording that its annotations name: by label, or by number from 0. */
export function sectionsByAnnotation(recording: Recording, name: string): { start: number; count: number }[] {
  const sections = recording.annotations
    .filter(
      (annotation, i) => annotation['core:label'] === name || annotation['core:comment'] === name || String(i) === name,
    )
    .map((annotation) => ({
      start: annotation['core:sample_start'],
      count: annotation['core:sample_count'] ?? recording.numSamples - annotation['core:sample_start'],
    }));
  if (sections.length > 0) return sections;
  const labels = [...new Set(recording.annotations.map((a) => a['core:label'] ?? a['core:comment'] ?? ''))].filter(
    Boolean,
  );
  throw new ConfigError(
    'config.replay',
    `${recording.path}: has no annotation ${name}; ` +
      (recording.annotations.length === 0
        ? 'it has none'
        : `it has 0 to ${recording.annotations.length - 1}${labels.length === 0 ? '' : `, labelled ${labels.slice(0, 5).join(', ')}`}`),
    { value: name },
  );
}
