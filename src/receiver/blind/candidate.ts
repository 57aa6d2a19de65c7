import { type ComplexArray, createComplex, gather } from '../../core/complex.js';
import type { BlindChain } from './em-state.js';
import { channelTime } from './groups.js';
import { type CodewordSymptoms, codewordSymptomsOf } from '../codeword-symptoms.js';
import { type ElementChannel, equalise } from '../equalise.js';
import type { LinkSetting } from '../receiver.js';

/** A solution of one group up to its judgement: where a chain ended, and the sign given to each of its channels. */
export interface Candidate {
  readonly chain: BlindChain;
  readonly signs: Int8Array;
  /** Log-odds of these signs against the opposite ones; 0 where nothing tells them apart. */
  signLogOdds: number;
  /** G = −2·log p(Y|Ĥ) of the group under the codeword's statistics, up to a constant. */
  evidence: number;
  /** Mean |E(x̂)|² of the group's resource elements, once the picture was decoded and encoded again. */
  power: number;
  /** χ of the group, once the picture was decoded and encoded again. */
  residual: number;
  /** χ of the one of its channels that leaves most: a group that is right for the most part may have a channel that is not. */
  worst: number;
  /** How far its OFDM symbols are turned against that picture's codeword, rad. */
  phaseError: number;
  /** What starts are ranked by: residual energy + G + 2·μᴴP⁻¹μ; smaller is better. */
  energy: number;
  /** The same where the group's tiles were decoded as pictures of their own, without the rest of the frame. */
  alone: number;
}

/** The energy of a candidate whose group leaves `residual` of the received signal's energy unexplained. */
export function energyOf({ chain, evidence }: Candidate, residual: number): number {
  const { posteriors, phaseCost, passVariance } = chain;
  const channel = posteriors.reduce((total, p) => total + p.priorEnergy + p.logDet, phaseCost);
  return residual / passVariance + evidence + 2 * channel;
}

/** The response of every resource element of the frame under one candidate for each group. */
export function channelUnder(candidates: readonly Candidate[], numElements: number): ElementChannel {
  const response = createComplex(numElements);
  const responseVariance = new Float32Array(numElements);
  for (const { chain, signs } of candidates) {
    writeChannel(chain, signs, response, responseVariance, chain.group.element);
  }
  return { response, responseVariance };
}

/**
 * The response of every resource element of the channels that the candidates have found, whether a symbol of the codeword lies there
 * or not. Behind the codeword's last symbol nothing was heard: the channel is shown as it was there.
 */
export function wholeResponse(setting: LinkSetting, candidates: readonly Candidate[]): ComplexArray {
  const { grid, interleaver } = setting;
  const { elementsPerPacket, numDataSubcarriers } = grid;
  const response = createComplex(interleaver.numPackets * elementsPerPacket);
  const timeOf = channelTime(setting);
  for (const { chain, signs } of candidates) {
    const latest = chain.group.time.reduce((a, b) => Math.max(a, b), 0);
    chain.group.channels.forEach((number, c) => {
      const [first, last] = setting.coherence === 'frame' ? [0, interleaver.numPackets] : [number, number + 1];
      for (let element = first * elementsPerPacket; element < last * elementsPerPacket; element++) {
        const time = Math.min(timeOf(element), latest);
        writeResponse(chain, signs, { channel: c, time, subcarrier: element % numDataSubcarriers }, response, element);
      }
    });
  }
  return response;
}

/** @param places where in `response` and `responseVariance` each resource element of the group belongs */
function writeChannel(
  chain: BlindChain,
  signs: Int8Array,
  response: ComplexArray,
  responseVariance: Float32Array,
  places?: Int32Array,
): void {
  const { element, channel, time, subcarrier } = chain.group;
  for (let i = 0; i < element.length; i++) {
    const place = places === undefined ? i : places[i];
    const at = writeResponse(
      chain,
      signs,
      { channel: channel[i], time: time[i], subcarrier: subcarrier[i] },
      response,
      place,
    );
    responseVariance[place] = chain.posteriors[channel[i]].responseVariance[at];
  }
}

/** The channel of a group's resource elements, in the group's order. */
export function groupChannel(chain: BlindChain, signs: Int8Array): ElementChannel & { responseVariance: Float32Array } {
  const count = chain.group.element.length;
  const response = createComplex(count);
  const responseVariance = new Float32Array(count);
  writeChannel(chain, signs, response, responseVariance);
  return { response, responseVariance };
}

/** One channel's response at a time and subcarrier into `out[element]`; returns its place in the posterior. */
function writeResponse(
  chain: BlindChain,
  signs: Int8Array,
  { channel, time, subcarrier }: { readonly channel: number; readonly time: number; readonly subcarrier: number },
  out: ComplexArray,
  element: number,
): number {
  const { response, stride } = chain.posteriors[channel];
  const angle = chain.residualPhaseAt(channel, time, subcarrier);
  const cos = signs[channel] * Math.cos(angle);
  const sin = signs[channel] * Math.sin(angle);
  const at = time * stride + subcarrier;
  out.re[element] = response.re[at] * cos - response.im[at] * sin;
  out.im[element] = response.re[at] * sin + response.im[at] * cos;
  return at;
}

/** What the received signal shows of a candidate's codeword. */
export function codewordOf(
  setting: LinkSetting,
  { chain, signs }: Pick<Candidate, 'chain' | 'signs'>,
): Promise<CodewordSymptoms> {
  const { tiles } = chain.group;
  const precision = new Float32Array(tiles.length * 2 * setting.layout.tileSymbols);
  const information = new Float32Array(precision.length);
  chain.writeInformation(chain.passVariance, precision, information, 0, signs);
  return codewordSymptomsOf(setting, tiles, precision, information);
}

/** Equalised tiles [T, n] of a candidate's group, in tile coordinates. */
export function equaliseTiles(
  setting: LinkSetting,
  chain: BlindChain,
  signs: Int8Array,
  elements: ComplexArray,
): Float32Array {
  const { group } = chain;
  const imaginary = setting.layout.tileSymbols;
  const received = gather(elements, group.element);
  const z = equalise(setting, received, groupChannel(chain, signs), chain.noiseVariance, 'mmse', group.element);
  const tiles = new Float32Array(group.tiles.length * 2 * imaginary);
  group.tileIndex.forEach((at, i) => {
    tiles[at] = z.re[i];
    tiles[at + imaginary] = z.im[i];
  });
  return tiles;
}
