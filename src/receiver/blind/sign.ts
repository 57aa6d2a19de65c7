import type { ComplexArray } from '../../core/complex.js';
import type { BlindChain } from './em-state.js';
import { type Candidate, equaliseTiles } from './candidate.js';
import type { LinkSetting } from '../receiver.js';
import { polarities } from '../tile-batches.js';

/**
 * Second-order statistics fix each channel only up to a sign. Two witnesses settle it: the codec's polarity network
 * on the equalised tiles, and, for ρ > 0, the superimposed pilot.
 */
export interface SignChoice {
  readonly signs: Int8Array;
  /** Log-odds of the choice against all signs turned over: the polarity network's, or the superimposed pilot's without one. */
  readonly logOdds: number;
}

/** Whether anything can tell a sign from its opposite. */
export const signIsDecidable = (setting: LinkSetting): boolean => setting.codec.hasPolarity || setting.rho > 0;

/**
 * The most likely signs of a chain's channels: coordinate ascent from all plus, one flip at a time, then the better
 * of the result and its opposite. One channel (the usual case) needs one evaluation.
 */
export async function chooseSigns(
  setting: LinkSetting,
  chain: BlindChain,
  elements: ComplexArray,
): Promise<SignChoice> {
  const numChannels = chain.group.channels.length;
  const superimposed = Array.from({ length: numChannels }, (_, c) => superimposedLogOdds(setting, chain, c, elements));
  const weigh = async (signs: Int8Array): Promise<Weighed> => {
    const known = superimposed.reduce((sum, logOdds, c) => sum + signs[c] * logOdds, 0);
    const codeword = setting.codec.hasPolarity ? await polarityOf(setting, chain, signs, elements) : 0;
    return { signs, score: known + codeword, logOdds: setting.codec.hasPolarity ? codeword : known };
  };

  let best = await weigh(new Int8Array(numChannels).fill(1));
  if (best.score < 0) {
    best = { signs: best.signs.map((sign) => -sign), score: -best.score, logOdds: -best.logOdds };
  }
  for (let improved = numChannels > 1; improved;) {
    improved = false;
    for (let c = 0; c < numChannels; c++) {
      const flipped = best.signs.slice();
      flipped[c] = -flipped[c];
      const other = await weigh(flipped);
      if (other.score > best.score) {
        best = other;
        improved = true;
      }
    }
  }
  return best;
}

/** Log-odds of a chain's signs as they stand against all of them turned over, by the witness that `chooseSigns` reports. */
export async function signLogOddsOf(setting: LinkSetting, chain: BlindChain, elements: ComplexArray): Promise<number> {
  const signs = new Int8Array(chain.group.channels.length).fill(1);
  if (setting.codec.hasPolarity) return polarityOf(setting, chain, signs, elements);
  return signs.reduce((sum, _, c) => sum + superimposedLogOdds(setting, chain, c, elements), 0);
}

/**
 * Log-odds of each channel's sign against the opposite one, all others as they are: half of what the codeword's log-odds lose when it alone is turned
 * over; those of the whole group for its only channel.
 */
export async function channelLogOdds(
  setting: LinkSetting,
  { chain, signs, signLogOdds }: Pick<Candidate, 'chain' | 'signs' | 'signLogOdds'>,
  elements: ComplexArray,
): Promise<number[]> {
  if (signs.length === 1 || !setting.codec.hasPolarity) return Array.from(signs, () => signLogOdds);
  const whole = await polarityOf(setting, chain, signs, elements);
  const logOdds: number[] = [];
  for (let c = 0; c < signs.length; c++) {
    const turned = signs.map((sign, i) => (i === c ? -sign : sign));
    logOdds.push((whole - (await polarityOf(setting, chain, turned, elements))) / 2);
  }
  return logOdds;
}

/** Signs with the sum of both witnesses, by which they are chosen, and the codeword's own log-odds. */
interface Weighed extends SignChoice {
  readonly score: number;
}

/**
 * A chain whose channel moves over several tiles may have them right side up here and upside down there: its taps went
 * through zero between them. Where the polarity network says so, the chain with the fewer turned over; else null.
 */
export async function withTilesAligned(
  setting: LinkSetting,
  chain: BlindChain,
  elements: ComplexArray,
): Promise<BlindChain | null> {
  const { tiles, channels } = chain.group;
  if (tiles.length === 1 || chain.estimator.numTimes === 1 || !setting.codec.hasPolarity) return null;
  const logOdds = await tilePolarities(setting, chain, new Int8Array(channels.length).fill(1), elements);
  const upsideDown = logOdds.map((value) => value < -LEAST_TILE_LOG_ODDS);
  const upright = logOdds.map((value) => value > LEAST_TILE_LOG_ODDS);
  if (!upsideDown.includes(true) || !upright.includes(true)) return null;
  return chain.withTilesTurned(upsideDown);
}

/** Log-odds from which a tile's own sign is believed. */
const LEAST_TILE_LOG_ODDS = 1;

/** Sum over the group's tiles of the network's log-odds that the equalised latents are the right way up. */
async function polarityOf(
  setting: LinkSetting,
  chain: BlindChain,
  signs: Int8Array,
  elements: ComplexArray,
): Promise<number> {
  return (await tilePolarities(setting, chain, signs, elements)).reduce((sum, value) => sum + value, 0);
}

/** The same of each tile of the group. */
const tilePolarities = (
  setting: LinkSetting,
  chain: BlindChain,
  signs: Int8Array,
  elements: ComplexArray,
): Promise<number[]> => polarities(setting, chain.group.tiles, equaliseTiles(setting, chain, signs, elements));

/**
 * log p(Y|Ĥ) − log p(Y|−Ĥ) with the codeword taken as white: 4·Re Σ (√ρ·Ĥ·C)*·Y / ((1−ρ)|Ĥ|² + σ²).
 */
function superimposedLogOdds(setting: LinkSetting, chain: BlindChain, channel: number, elements: ComplexArray): number {
  const { rho, superimposed } = setting;
  if (rho === 0) return 0;
  const { group } = chain;
  const { response, stride } = chain.posteriors[channel];
  const amplitude = Math.sqrt(rho);
  let sum = 0;
  for (let i = 0; i < group.element.length; i++) {
    if (group.channel[i] !== channel) continue;
    const element = group.element[i];
    const m = group.subcarrier[i];
    const angle = chain.residualPhaseAt(channel, group.time[i], m);
    const cos = Math.cos(angle);
    const sin = Math.sin(angle);
    const at = group.time[i] * stride + m;
    const hr = response.re[at] * cos - response.im[at] * sin;
    const hi = response.re[at] * sin + response.im[at] * cos;
    const er = amplitude * (hr * superimposed.re[element] - hi * superimposed.im[element]);
    const ei = amplitude * (hr * superimposed.im[element] + hi * superimposed.re[element]);
    sum +=
      (er * elements.re[element] + ei * elements.im[element]) / ((1 - rho) * (hr * hr + hi * hi) + chain.noiseVariance);
  }
  return 4 * sum;
}
