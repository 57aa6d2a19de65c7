/** A receiver's process that misbehaves as the frame's number says: for tests of what the live link makes of that. */
import { serveCalls } from '../../../dist/link/live/serve-calls.js';

serveCalls({
  async *receive({ name, frame: { index, epoch } }, signal) {
    if (name === 'perfect' && index % 3 === 1) process.exit(7);
    if (name === 'blind-em') throw new Error('cannot do this');
    if (name === 'diffcom') {
      // Samples for ever, one step each 5 ms, until it is told to stop.
      for (let done = 1; ; done++) {
        await new Promise((next) => setTimeout(next, 5));
        if (signal.aborted) throw new Error('aborted');
        yield {
          type: 'progress',
          receiver: name,
          frame: index,
          epoch,
          done,
          of: 1e9,
          picture: { width: 1, height: 1, rgb: new Uint8Array(3) },
        };
      }
    }
    yield { type: 'result', receiver: name, frame: index, epoch, milliseconds: 1, verdict: 'decoded' };
  },
});
