/** A process that simulates frames, one job after another. */
import sharp from 'sharp';
import { serveCalls } from '../link/live/serve-calls.js';
import { createJobRunner, type FrameJob } from './frame-job.js';

// There is a process for each core: none needs the others' for its pictures.
sharp.concurrency(1);
const runner = createJobRunner();
serveCalls({ frames: (job: FrameJob, signal) => runner.run(job, signal) });
