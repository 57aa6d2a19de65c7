/** A process that simulates frames, one job after another. */
import { serveCalls } from '../link/live/serve-calls.js';
import { createJobRunner, type FrameJob } from './frame-job.js';

const runner = createJobRunner();
serveCalls({ frames: (job: FrameJob, signal) => runner.run(job, signal) });
