import { afterAll, describe, expect, it } from 'vitest';
import { createTapDelayLine } from '../../../src/channel/tap-delay-line.js';
import type { Codec } from '../../../src/codec/codec.js';
import { createLayout, symbolsOf } from '../../../src/codec/layout.js';
import { normalisePower } from '../../../src/codec/codec.js';
import { createComplex, subarray } from '../../../src/core/complex.js';
import { createRng } from '../../../src/core/rng.js';
import { createFrameParts, demodulateFrame, modulateFrame } from '../../../src/ofdm/frame.js';
import { createGrid, type OfdmConfig, ofdmProfiles } from '../../../src/ofdm/grid.js';
import { createInterleaver } from '../../../src/ofdm/interleaver.js';
import { blockPilotElements, combPilotElements } from '../../../src/ofdm/pilots.js';
import { superimposedPilot, superimpose } from '../../../src/ofdm/superimposed-pilot.js';
import { createForwardGraph, type ForwardOperatorOptions } from '../../../src/receiver/sampling/forward-operator.js';
import type { LinkSetting } from '../../../src/receiver/receiver.js';
import { createOnnxRuntime } from '../../../src/runtime/onnx-runtime.js';
import { tensor } from '../../../src/runtime/tensor.js';

const runtime = createOnnxRuntime({ threads: 1 });
afterAll(() => runtime.dispose());
const NUM_TAPS = 8;

function settingOf(ofdm: Partial<OfdmConfig>, profile: 'paper' | 'ota', rho: number): LinkSetting {
  const grid = createGrid({ ...ofdmProfiles[profile], ...ofdm });
  const layout = createLayout(8, 16, 24);
  const interleaver = createInterleaver(grid, layout.numSymbols, layout.tileSymbols);
  return {
    codec: {} as Codec,
    layout,
    grid,
    interleaver,
    snrDb: 10,
    rho,
    superimposed: superimposedPilot(grid, interleaver.numPackets),
    blockPilots: blockPilotElements(grid),
    combPilots: combPilotElements(grid),
    tapPrior: new Float64Array(NUM_TAPS).fill(1 / NUM_TAPS),
    coherence: 'packet',
    decoderShare: 1,
  };
}

/** What the graph expects to be received, and what modulator, multipath and demodulator deliver. */
async function compare(setting: LinkSetting, options: ForwardOperatorOptions) {
  const { grid, interleaver, layout, rho, superimposed: reference } = setting;
  const { numPackets } = interleaver;
  const rng = createRng(11);
  const latents = Float32Array.from({ length: 2 * layout.numSymbols }, () => 3 * rng.gaussian());
  const taps = createComplex(numPackets * NUM_TAPS);
  rng.fillComplexGaussian(taps, 1 / NUM_TAPS);

  const elements = createComplex(numPackets * grid.elementsPerPacket);
  interleaver.interleave(symbolsOf(layout, normalisePower(latents, 1)), elements);
  if (rho > 0) superimpose(elements, reference, rho, elements);
  const samples = modulateFrame(grid, elements, createFrameParts(grid));
  const faded = createComplex(samples.re.length);
  const line = createTapDelayLine(subarray(taps, 0, NUM_TAPS));
  for (let p = 0, from = 0; p < numPackets; p++) {
    if (p > 0) line.setTaps(subarray(taps, p * NUM_TAPS, (p + 1) * NUM_TAPS));
    const to = p === numPackets - 1 ? faded.re.length : grid.preambleLength + (p + 1) * grid.packetLength;
    line.execute(subarray(samples, from, to), subarray(faded, from, to));
    from = to;
  }
  const received = demodulateFrame(grid, faded, 0, numPackets).data;

  const result = await runtime.run(createForwardGraph(setting, options), {
    latents: tensor(latents, [1, layout.channels, layout.height, layout.width]),
    channel_re: tensor(taps.re, [1, numPackets, NUM_TAPS]),
    channel_im: tensor(taps.im, [1, numPackets, NUM_TAPS]),
    received_re: tensor(received.re, [1, received.re.length]),
    received_im: tensor(received.im, [1, received.im.length]),
  });
  let worst = 0;
  for (let i = 0; i < received.re.length; i++) {
    const re = result['expected_re'].data[i] - received.re[i];
    worst = Math.max(worst, Math.hypot(re, result['expected_im'].data[i] - received.im[i]));
  }
  return { worst, distance: result['distance'].data[0] };
}

const all: ForwardOperatorOptions = {
  channel: 'taps',
  clipping: true,
  interference: true,
  knownPilots: true,
  power: 'own',
};

describe('the forward operator', () => {
  it.each([
    ['two packets, a short last one', {}, 'paper', 0],
    ['a superimposed pilot', {}, 'paper', 0.1],
    ['clipping', { clippingRatio: 0.8 }, 'paper', 0],
    ['inter-symbol interference', { cyclicPrefixLength: 3 }, 'paper', 0],
    ['no prefix at all', { cyclicPrefixLength: 0 }, 'paper', 0.02],
    ['clipping and interference', { cyclicPrefixLength: 4, clippingRatio: 1 }, 'paper', 0.02],
    ['guards, DC null and comb pilots, clipped', { clippingRatio: 1.2 }, 'ota', 0],
  ] as const)('is what modem and channel do: %s', async (_, ofdm, profile, rho) => {
    const { worst, distance } = await compare(settingOf(ofdm, profile, rho), all);
    expect(worst).toBeLessThan(2e-5);
    expect(distance).toBeLessThan(1e-3);
  });

  it('misses what it is told to leave out', async () => {
    const clipped = await compare(settingOf({ clippingRatio: 0.8 }, 'paper', 0), { ...all, clipping: false });
    expect(clipped.worst).toBeGreaterThan(0.1);
    const short = settingOf({ cyclicPrefixLength: 3 }, 'paper', 0);
    expect((await compare(short, { ...all, interference: false })).worst).toBeGreaterThan(0.1);
    // Without its knowledge of the pilots it errs in the first symbol alone.
    expect((await compare(short, { ...all, knownPilots: false, power: 'own' })).worst).toBeGreaterThan(0.05);
  });
});
