import { type CodewordLayout, createLayout } from '../../codec/layout.js';
import { type ComplexArray, createComplex, gather } from '../../core/complex.js';
import { latentsOfElements } from '../equalise.js';
import type { LinkSetting } from '../receiver.js';
import { residualOver } from '../residual.js';
import { packTiles, tileBatches, unpackTiles } from '../tile-batches.js';
import { type Candidate, channelUnder, energyOf, equaliseTiles, groupChannel } from './candidate.js';
import type { Counter } from './iterations.js';
import { channelLogOdds } from './sign.js';

/**
 * Fills in the candidates' energies `alone`: each tile of a candidate's group is decoded and encoded again as a picture of its own, all tiles of all candidates in
 * one batch. That costs a tile a candidate, where decoding the frame would cost a frame.
 */
export async function rankAlone(
  setting: LinkSetting,
  elements: ComplexArray,
  candidates: readonly Candidate[],
  counter: Counter,
): Promise<void> {
  const { codec, layout, snrDb } = setting;
  const n = 2 * layout.tileSymbols;
  const tiles = Int32Array.from(candidates.flatMap(({ chain }) => [...chain.group.tiles]));
  const equalised = new Float32Array(tiles.length * n);
  const again = new Float32Array(tiles.length * n);
  let row = 0;
  for (const { chain, signs } of candidates) {
    equalised.set(equaliseTiles(setting, chain, signs, elements), row * n);
    row += chain.group.tiles.length;
  }
  for (const batch of tileBatches(setting, tiles)) {
    const count = batch.members.length;
    const part = createLayout(layout.channels, batch.height, batch.width, layout.tileEdge);
    const pictures = await codec.decode(packTiles(batch, layout.channels, equalised), count, part, snrDb);
    unpackTiles(batch, layout.channels, await codec.encode(pictures, count, part, snrDb), again);
    counter.evaluations += 2 * count;
  }
  row = 0;
  for (const candidate of candidates) {
    const { element, tileIndex, tiles: own } = candidate.chain.group;
    const places = tileIndex.map((at) => row * n + at);
    const codeword = gather({ re: again, im: again.subarray(layout.tileSymbols) }, places);
    const { response } = groupChannel(candidate.chain, candidate.signs);
    const part = { elements: element, received: gather(elements, element), response, codeword };
    candidate.alone = energyOf(candidate, residualOver(setting, part));
    row += own.length;
  }
}

/** A share of the phase left over that is always taken for real, however slowly it falls from round to round. */
const MOST_LEFT = 0.85;

/**
 * The phases, in radians, by which the channels of a group are off, as the picture decoded and encoded again says: arg Σ (Ĥ·X)*·Y over each channel. The
 * codeword has followed the phase that was assumed, so a round finds a part of what is missing only; with `before`, what the last
 * round found, the rest is extrapolated: φ/(1 − q), q = φ/before (Aitken's Δ²).
 *
 * @param codeword E(x̂), [k]
 */
export function phaseErrors(
  { rho, superimposed, interleaver }: LinkSetting,
  { chain, signs }: Candidate,
  elements: ComplexArray,
  codeword: ComplexArray,
  before: readonly number[] | undefined,
): number[] {
  const { element, channel, channels } = chain.group;
  const { response } = groupChannel(chain, signs);
  const amplitude = Math.sqrt(1 - rho);
  const superimposedAmplitude = Math.sqrt(rho);
  const re = new Float64Array(channels.length);
  const im = new Float64Array(channels.length);
  for (let i = 0; i < element.length; i++) {
    const at = element[i];
    const symbol = interleaver.symbolOf[at];
    const xr = amplitude * codeword.re[symbol] + superimposedAmplitude * superimposed.re[at];
    const xi = amplitude * codeword.im[symbol] + superimposedAmplitude * superimposed.im[at];
    const pr = response.re[i] * xr - response.im[i] * xi;
    const pi = response.re[i] * xi + response.im[i] * xr;
    re[channel[i]] += pr * elements.re[at] + pi * elements.im[at];
    im[channel[i]] += pr * elements.im[at] - pi * elements.re[at];
  }
  return Array.from(re, (value, c) => {
    const angle = Math.atan2(im[c], value);
    const left = before === undefined || before[c] === 0 ? 0 : Math.min(MOST_LEFT, Math.max(0, angle / before[c]));
    return angle / (1 - left);
  });
}

/** Log-odds from which a part's own sign is believed without a look at its neighbours. */
const SURE_SIGN = 8;

/**
 * Signs of a large picture's parts, settled by their neighbours: a part that is upside down does not go with what lies around it,
 * and the decoder, which sees both, gives a picture that explains less of the received signal. Every part whose own log-odds leave a doubt is turned over by way of trial, and
 * stays so where that explains more of it and of its tiles' neighbours: Σ over tiles of Re⟨Y, a·Ĥ·z⟩ with the level a of each fitted, for
 * what a part is sent with is not known either.
 *
 * @returns the candidates with the signs that are best, and what is known of them now; null where none is in doubt
 */
export async function signsInContext(
  setting: LinkSetting,
  elements: ComplexArray,
  best: readonly Candidate[],
  equalised: ComplexArray,
  counter: Counter,
): Promise<Candidate[] | null> {
  const doubtful: { g: number; c: number; logOdds: number }[] = [];
  for (const [g, candidate] of best.entries()) {
    (await channelLogOdds(setting, candidate, elements)).forEach((logOdds, c) => {
      if (Math.abs(logOdds) < SURE_SIGN) doubtful.push({ g, c, logOdds });
    });
  }
  if (doubtful.length === 0) return null;
  const { layout, codec, snrDb, rho, superimposed } = setting;
  const superimposedAmplitude = Math.sqrt(rho);
  const n = 2 * layout.tileSymbols;
  const latents = latentsOfElements(setting, equalised);
  const whole = weightedChannel(elements, best);
  const chosen = [...best];
  for (const { g, c, logOdds: own } of doubtful) {
    const { chain, signs } = best[g];
    const { group } = chain;
    const turned = signs.map((sign, i) => (i === c ? -sign : sign));
    const tiles = equaliseTiles(setting, chain, turned, elements);
    const window = windowAround(
      layout,
      group.tiles.filter((_, t) => group.tileIndex.some((at, i) => group.channel[i] === c && Math.floor(at / n) === t)),
    );
    const size = layout.channels * window.height * window.width;
    const tried = new Float32Array(2 * size);
    window.crop(latents, tried);
    tried.copyWithin(size, 0, size);
    const turnedOver = new Set<number>();
    group.element.forEach((element, i) => {
      if (group.channel[i] !== c) return;
      turnedOver.add(element);
      const symbol = setting.interleaver.symbolOf[element];
      const at = group.tileIndex[i];
      tried[size + window.at(layout.latentOf[symbol])] = tiles[at];
      tried[size + window.at(layout.imaginaryOf[symbol])] = tiles[at + layout.tileSymbols];
    });
    const part = createLayout(layout.channels, window.height, window.width, layout.tileEdge);
    const again = await codec.encode(await codec.decode(tried, 2, part, snrDb), 2, part, snrDb);
    counter.evaluations += 4;

    const explained = [1, -1].map((sign, variant) => {
      const fits = new Map<number, { cross: number; energy: number }>();
      for (const symbol of window.symbols) {
        const element = setting.interleaver.elementOf[symbol];
        const tile = layout.tileOf[symbol];
        const fit = fits.get(tile) ?? { cross: 0, energy: 0 };
        fits.set(tile, fit);
        const turn = turnedOver.has(element) ? sign : 1;
        const hr = turn * whole.response.re[element];
        const hi = turn * whole.response.im[element];
        const zr = again[variant * size + window.at(layout.latentOf[symbol])];
        const zi = again[variant * size + window.at(layout.imaginaryOf[symbol])];
        const pr = hr * zr - hi * zi;
        const pi = hr * zi + hi * zr;
        const cr = superimposedAmplitude * superimposed.re[element];
        const ci = superimposedAmplitude * superimposed.im[element];
        const yr = whole.received.re[element] - hr * cr + hi * ci;
        const yi = whole.received.im[element] - hr * ci - hi * cr;
        fit.cross += pr * yr + pi * yi;
        fit.energy += pr * pr + pi * pi;
      }
      return [...fits.values()].reduce(
        (sum, fit) => sum + Math.max(0, fit.cross) ** 2 / Math.max(fit.energy, 1e-12),
        0,
      );
    });
    const logOdds = own + (explained[0] - explained[1]) / 2;
    const before = chosen[g];
    const sign = Math.max(own, Math.min(Math.abs(logOdds), SURE_SIGN));
    chosen[g] = {
      ...before,
      signs: logOdds < 0 ? before.signs.map((value, i) => (i === c ? -value : value)) : before.signs,
      signLogOdds: signs.length === 1 ? sign : before.signLogOdds,
    };
  }
  return chosen;
}

/** Received resource elements and their response under the candidates, both over σ of the passes: residuals are then in units of it. */
function weightedChannel(
  elements: ComplexArray,
  candidates: readonly Candidate[],
): { readonly received: ComplexArray; readonly response: ComplexArray } {
  const { response } = channelUnder(candidates, elements.re.length);
  const received = createComplex(elements.re.length);
  for (const { chain } of candidates) {
    const weight = 1 / Math.sqrt(chain.passVariance);
    for (const element of chain.group.element) {
      received.re[element] = weight * elements.re[element];
      received.im[element] = weight * elements.im[element];
      response.re[element] *= weight;
      response.im[element] *= weight;
    }
  }
  return { received, response };
}

/** The rectangle of latents that some tiles and their neighbours fill. */
function windowAround(layout: CodewordLayout, tiles: Int32Array) {
  const { channels, tileEdge, tileShapes } = layout;
  const shapes = Array.from(tiles, (tile) => tileShapes[tile]);
  const top = Math.max(0, Math.min(...shapes.map((shape) => shape.top)) - tileEdge);
  const left = Math.max(0, Math.min(...shapes.map((shape) => shape.left)) - tileEdge);
  const bottom = Math.min(layout.height, Math.max(...shapes.map((shape) => shape.top + shape.height)) + tileEdge);
  const right = Math.min(layout.width, Math.max(...shapes.map((shape) => shape.left + shape.width)) + tileEdge);
  const [height, width] = [bottom - top, right - left];
  const within = tileShapes.map(
    (shape) => shape.top >= top && shape.top < bottom && shape.left >= left && shape.left < right,
  );
  return {
    height,
    width,
    /** Symbols of the tiles in it. */
    symbols: Int32Array.from({ length: layout.numSymbols }, (_, symbol) => symbol).filter(
      (symbol) => within[layout.tileOf[symbol]],
    ),
    /** Where a latent of [C, h, w] lies in the window's own [C, height, width]. */
    at(latent: number): number {
      const x = latent % layout.width;
      const y = Math.floor(latent / layout.width) % layout.height;
      const c = Math.floor(latent / (layout.width * layout.height));
      return (c * height + y - top) * width + x - left;
    },
    /** The window's part of latents [C, h, w], into `out`. */
    crop(latents: Float32Array, out: Float32Array): void {
      for (let c = 0; c < channels; c++) {
        for (let y = 0; y < height; y++) {
          const row = (c * layout.height + top + y) * layout.width + left;
          out.set(latents.subarray(row, row + width), (c * height + y) * width);
        }
      }
    },
  };
}
