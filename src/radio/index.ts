/** `blindlink/radio`: the radios' contract, and radios that need no hardware. */
export { type FileLoopbackConfig, openFileLoopback } from './loopback/file-loopback.js';
export type { AppliedSettings, GapCause, QueuePolicy, Radio, RadioCounters, SampleBlock } from './radio.js';
export { openReplay, type ReplayConfig } from './replay/replay-radio.js';
export { createSampleQueue, plainCounters, type SampleQueue, type SampleQueueOptions } from './sample-queue.js';
export { openSimulatedRadio, type SimulatedRadioConfig } from './simulated/simulated-radio.js';
export { openAnyRecording } from '../recording/open-recording.js';
