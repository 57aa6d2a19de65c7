/**
 * OFDM in a recording that this project did not make: finds stretches by their cyclic prefixes alone.
 *
 *   node examples/replay-foreign.mjs [recording] [fftSize] [cyclicPrefixLength]
 *
 * Without arguments it plays a recording that comes with blindlink and looks for that one's numerology.
 */
import { fileURLToPath } from 'node:url';
import { findByPrefix } from 'blindlink/link';
import { openAnyRecording } from 'blindlink/radio';

const shipped = fileURLToPath(new URL('../recordings/faces-usrp.sigmf-meta', import.meta.url));
const [file = shipped, fftSize = '64', prefix = '16'] = process.argv.slice(2);
const recording = openAnyRecording(file);
try {
  const numerology = { fftSize: Number(fftSize), cyclicPrefixLengths: [Number(prefix)] };
  const how = { sampleRateHz: recording.sampleRateHz ?? 1e6, channel: 0, resampleHz: null };
  const { frames } = await findByPrefix(recording, numerology, how, {});
  console.log(`${recording.numSamples} samples, ${frames.length} stretch(es) of OFDM ${fftSize}/${prefix}`);
  for (const { startSample, sampleCount, snrDb, cfoHz } of frames.slice(0, 5)) {
    console.log(`  ${startSample} + ${sampleCount}: SNR ${snrDb.toFixed(1)} dB, CFO ${cfoHz.toFixed(0)} Hz`);
  }
} finally {
  recording.close();
}
