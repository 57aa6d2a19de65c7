/**
 * An impairment of one's own in the path of a stream: a receiver whose gain hums with the mains. Frames are sent through
 * the simulated radio, the hum stands behind it, and the reception works on what comes out.
 *
 *   node examples/own-impairment.mjs [depth]
 */
import { memorylessBlock, runBlock } from 'blindlink/channel';
import {
  createRng,
  findReceivers,
  openPictures,
  resolveConfig,
  createReception,
  sendPictures,
  receiveWhile,
  withModels,
} from 'blindlink/link';
import { openSimulatedRadio } from 'blindlink/radio';

const depth = Number(process.argv[2] ?? 0.2);
const config = resolveConfig({ ofdm: { profile: 'ota' }, receiver: { names: ['pilot', 'blind-em'] } });

/** y[n] = (1 + depth·sin(2π·f·n/fs))·x[n] */
function createHum(frequencyHz, sampleRateHz) {
  let n = 0;
  return memorylessBlock((input, output) => {
    for (let i = 0; i < input.re.length; i++, n++) {
      const gain = 1 + depth * Math.sin((2 * Math.PI * frequencyHz * n) / sampleRateHz);
      output.re[i] = gain * input.re[i];
      output.im[i] = gain * input.im[i];
    }
  });
}

const sampleRateHz = 1e6;
const taps = { kind: 'exponential', numTaps: 8, decay: 4 };
const radio = openSimulatedRadio(
  { taps, dopplerHz: 0, noiseVariance: 0.05, impairments: { sampleRateHz } },
  createRng(3),
);
const source = openPictures(['builtin:faces'], { maxPixels: 1 << 22, frames: 3 });
const receivers = await findReceivers(config);
await withModels(config, receivers, async (models) => {
  const hum = createHum(50, sampleRateHz);
  const options = { leadSamples: 1000, tailSamples: 1000, gapSamples: 500, rms: null };
  const send = () => sendPictures(radio, config, models.codec, source.pictures(), options);
  const humming = async function* () {
    for await (const block of receiveWhile(radio, send, sampleRateHz)) {
      yield { ...block, samples: runBlock(hum, block.samples) };
    }
  };
  const size = { width: 64, height: 64 };
  for await (const outcomes of createReception(config, { ...models, receivers }, size, humming()).frames) {
    console.log(outcomes.map(({ report }) => `${report.receiver} ${report.verdict}`).join('  '));
  }
});
