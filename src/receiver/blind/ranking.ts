import { symbolsOf } from '../../codec/layout.js';
import type { ComplexArray } from '../../core/complex.js';
import { tensor } from '../../runtime/tensor.js';
import type { BlindChain } from './em-state.js';
import type { Counter, BlindModel } from './iterations.js';
import type { CodewordSymptoms } from '../codeword-symptoms.js';
import { type Candidate, channelUnder, energyOf } from './candidate.js';
import type { BlindGroup } from './groups.js';
import { rankAlone } from './parts.js';
import { decoderLatents, type HeardFrame } from '../decoder-input.js';
import { equalise } from '../equalise.js';
import type { LinkSetting } from '../receiver.js';
import { phaseErrorOver, residualEnergy } from '../residual.js';
import type { Symptoms } from '../symptoms.js';
import { chooseSigns, signIsDecidable, signLogOddsOf } from './sign.js';
import { excessResidual, type Judged, judgeSymptoms, lowered, measuredSnrOver, UNCALIBRATED } from '../verdict.js';

/** A chain with its sign settled; both signs where nothing settles it. */
export async function candidatesOf(
  setting: LinkSetting,
  chain: BlindChain,
  elements: ComplexArray,
  counter: Counter,
): Promise<Candidate[]> {
  const open = {
    evidence: Number.NaN,
    power: Number.NaN,
    residual: Number.NaN,
    worst: Number.NaN,
    phaseError: Number.NaN,
    energy: Number.NaN,
    alone: Number.NaN,
  };
  if (signIsDecidable(setting)) {
    const { signs, logOdds } = await chooseSigns(setting, chain, elements);
    counter.evaluations += chain.group.tiles.length;
    chain.turn(signs);
    return [{ chain, signs: signs.map(() => 1), signLogOdds: logOdds, ...open }];
  }
  return [1, -1].map((sign) => ({
    chain,
    signs: new Int8Array(chain.group.channels.length).fill(sign),
    signLogOdds: 0,
    ...open,
  }));
}

/** The candidates with their signs weighed anew, once their chains have been refined. */
export async function weighSigns(
  setting: LinkSetting,
  candidates: readonly Candidate[],
  elements: ComplexArray,
  counter: Counter,
): Promise<Candidate[]> {
  return Promise.all(
    candidates.map(async (candidate) => {
      counter.evaluations += candidate.chain.group.tiles.length;
      return { ...candidate, signLogOdds: await signLogOddsOf(setting, candidate.chain, elements) };
    }),
  );
}

/** Fills in G of each candidate: one more E-step at the true noise variance, with the signs chosen. */
export async function weighEvidence(
  model: BlindModel,
  candidates: readonly Candidate[],
  counter: Counter,
): Promise<void> {
  const { setting, rank, runtime } = model;
  const dimension = 2 * setting.layout.tileSymbols;
  const rows = candidates.reduce((sum, { chain }) => sum + chain.group.tiles.length, 0);
  const precision = tensor(new Float32Array(rows * dimension), [rows, dimension]);
  const information = tensor(new Float32Array(rows * dimension), [rows, dimension]);
  let row = 0;
  for (const candidate of candidates) {
    const { chain, signs } = candidate;
    const at = row * dimension;
    candidate.evidence = chain.writeInformation(chain.passVariance, precision.data, information.data, at, signs);
    row += chain.group.tiles.length;
  }
  const coefficients = tensor(new Float32Array(rows * rank), [rows, rank]);
  const { mean } = await runtime.run(model.eStep, { precision, information, coefficients });
  const { score } = await runtime.run(model.evidence, { precision, information, mean });
  counter.evaluations += rows;
  row = 0;
  for (const candidate of candidates) {
    for (let t = 0; t < candidate.chain.group.tiles.length; t++) candidate.evidence += score.data[row++];
  }
}

/** The best candidates, one of each group. */
export interface Judgement {
  readonly best: readonly Candidate[];
  /** The picture made of them, decoded when it is first asked for: which fills in their powers and residuals. */
  decoded(): Promise<DecodedFrame>;
}

/** The picture made of a candidate for each group. */
export interface DecodedFrame {
  readonly picture: Float32Array;
  readonly equalised: ComplexArray;
  /** What was decoded, [C,h,w]. */
  readonly latents: Float32Array;
  /** The picture encoded again, [k]. */
  readonly codeword: ComplexArray;
  /** What it was decoded from. */
  readonly heard: HeardFrame;
}

/**
 * Ranks the candidates, and fills in their energies.
 *
 * A frame that is one group is decoded once for each candidate, those of `known` not again. Of a larger one the candidates of each group are ranked by their tiles alone:
 * in a picture made of many groups' second choices no candidate shows what it is worth.
 */
export async function judge(
  model: BlindModel,
  elements: ComplexArray,
  candidates: readonly (readonly Candidate[])[],
  counter: Counter,
  known: JudgedFrames = new Map(),
): Promise<Judgement> {
  if (candidates.length > 1) {
    const open = candidates.filter((list) => list.length > 1).flat();
    await rankAlone(
      model.setting,
      elements,
      open.filter(({ alone }) => Number.isNaN(alone)),
      counter,
    );
    const best = candidates.map((list) => list.reduce((a, b) => (b.alone < a.alone ? b : a)));
    let decoding: Promise<DecodedFrame> | null = null;
    const decoded = (): Promise<DecodedFrame> =>
      (decoding ??= decodeVariants(model, elements, [best], counter).then(([frame]) => frame));
    return { best, decoded };
  }
  const [group] = candidates;
  const fresh = group.filter((candidate) => !known.has(candidate));
  const frames = await decodeVariants(
    model,
    elements,
    fresh.map((candidate) => [candidate]),
    counter,
  );
  fresh.forEach((candidate, i) => known.set(candidate, frames[i]));
  const best = group.reduce((a, b) => (b.energy < a.energy ? b : a));
  return { best: [best], decoded: () => Promise.resolve(known.get(best)!) };
}

/** What candidates of a frame that is one group were decoded to: none is decoded twice. */
export type JudgedFrames = Map<Candidate, DecodedFrame>;

/** The judgement of candidates that have no rivals left, one of each group. */
export const judgeChosen = (
  model: BlindModel,
  elements: ComplexArray,
  best: readonly Candidate[],
  counter: Counter,
): Promise<Judgement> =>
  judge(
    model,
    elements,
    best.map((candidate) => [candidate]),
    counter,
  );

/** The frame equalised under a candidate for each group. */
export function equalisedUnder(
  setting: LinkSetting,
  elements: ComplexArray,
  candidates: readonly Candidate[],
): { readonly heard: HeardFrame; readonly equalised: ComplexArray } {
  const channel = channelUnder(candidates, elements.re.length);
  const noise = candidates.reduce((sum, { chain }) => sum + chain.noiseVariance, 0) / candidates.length;
  const heard = { elements, channel, noiseVariance: noise };
  return { heard, equalised: equalise(setting, elements, channel, noise) };
}

async function decodeVariants(
  model: BlindModel,
  elements: ComplexArray,
  variants: readonly (readonly Candidate[])[],
  counter: Counter,
): Promise<DecodedFrame[]> {
  if (variants.length === 0) return [];
  const { setting } = model;
  const { codec, layout } = setting;
  const size = layout.channels * layout.height * layout.width;
  const latents = new Float32Array(variants.length * size);
  const prepared = await Promise.all(
    variants.map(async (variant, v) => {
      const under = equalisedUnder(setting, elements, variant);
      latents.set(await decoderLatents(setting, under.equalised, under.heard), v * size);
      return under;
    }),
  );
  const pictures = await codec.decode(latents, variants.length, layout, setting.snrDb);
  const again = await codec.encode(pictures, variants.length, layout, setting.snrDb);
  counter.evaluations += 2 * variants.length;
  const pictureSize = pictures.length / variants.length;
  return prepared.map(({ heard, equalised }, v) => {
    const z = symbolsOf(layout, again.subarray(v * size, (v + 1) * size));
    for (const candidate of variants[v]) {
      const { element } = candidate.chain.group;
      candidate.power = meanPowerOver(z, element, setting.interleaver.symbolOf);
      const { chain } = candidate;
      const residuals = elementsByChannel(chain.group).map((own) => ({
        energy: residualEnergy(setting, elements, heard.channel.response, z, own),
        count: own.length,
      }));
      const residual = residuals.reduce((sum, { energy }) => sum + energy, 0);
      candidate.residual = residual / chain.noiseVariance / element.length;
      const loud = residuals.filter(({ count }) => count >= LEAST_ELEMENTS);
      candidate.worst = Math.max(
        ...loud.map(({ energy, count }) => energy / chain.noiseVariance / count),
        candidate.residual,
      );
      candidate.phaseError = phaseErrorOver(setting, elements, heard.channel.response, z, element);
      candidate.energy = energyOf(candidate, residual);
    }
    const picture = pictures.subarray(v * pictureSize, (v + 1) * pictureSize);
    return { picture, equalised, latents: latents.subarray(v * size, (v + 1) * size), codeword: z, heard };
  });
}

/** What a group's best candidate shows of its success, given all candidates of the group. */
export function symptomsOf(
  elements: ComplexArray,
  best: Candidate,
  all: readonly Candidate[],
  seen: Pick<Symptoms, 'contrast' | 'roughness' | 'expectedError'> & CodewordSymptoms,
): Symptoms {
  // Starts that take the channel to move otherwise cannot be asked to agree.
  const alike = all.filter(({ chain }) => chain.estimator === best.chain.estimator);
  const chains = new Set(alike.map(({ chain }) => chain)).size;
  // The verdict was calibrated where the passes' noise is the channel's: above that, it hears of theirs.
  const { noiseVariance, passVariance, group } = best.chain;
  return {
    residual: (best.residual * noiseVariance) / passVariance,
    snr: measuredSnrOver(elements, group.element, passVariance),
    phaseError: best.phaseError,
    ...seen,
    // 0 exactly: nothing tells one sign from the other.
    signLogOdds: best.signLogOdds === 0 ? null : best.signLogOdds,
    agreement: agreeingWith(best, alike).length / chains,
  };
}

/**
 * What a frame shows: its groups' residuals and powers together, their mean agreement and certainty of sign; and no better
 * than the worst group by itself, with some allowance for the scatter of small parts.
 */
export function judgeFrame(
  setting: LinkSetting,
  parts: readonly { readonly symptoms: Symptoms; readonly elements: number }[],
): Judged & { readonly symptoms: Symptoms } {
  const total = parts.reduce((sum, { elements }) => sum + elements, 0);
  const mean = (value: (symptoms: Symptoms) => number): number =>
    parts.reduce((sum, { symptoms, elements }) => sum + (value(symptoms) * elements) / total, 0);
  const meanOrNull = (value: (symptoms: Symptoms) => number | null): number | null =>
    parts.some(({ symptoms }) => value(symptoms) === null) ? null : mean((symptoms) => value(symptoms) ?? 0);
  const symptoms: Symptoms = {
    residual: mean(({ residual }) => residual),
    snr: mean(({ snr }) => snr),
    contrast: mean(({ contrast }) => contrast),
    roughness: mean(({ roughness }) => roughness),
    signLogOdds: parts.every(({ symptoms }) => symptoms.signLogOdds === null)
      ? null
      : mean(({ signLogOdds }) => signLogOdds ?? 0),
    agreement: mean(({ agreement }) => agreement ?? 1),
    codewordGain: meanOrNull(({ codewordGain }) => codewordGain),
    refinedResidual: meanOrNull(({ refinedResidual }) => refinedResidual),
    refinedVariance: meanOrNull(({ refinedVariance }) => refinedVariance),
    phaseError: mean(({ phaseError }) => phaseError),
    expectedError: meanOrNull(({ expectedError }) => expectedError),
  };
  const whole = judgeSymptoms(setting, symptoms);
  if (parts.length === 1) return { ...whole, symptoms };
  const { expected } = setting.codec.card.verdict ?? UNCALIBRATED;
  const worst = Math.max(...parts.map(({ symptoms }) => excessResidual(expected, symptoms.residual, symptoms.snr)));
  return { ...lowered(whole, Math.exp(-Math.max(0, worst - PART_ALLOWANCE))), symptoms };
}

/** Log residual by which one part of many may exceed what is expected before the whole is doubted. */
const PART_ALLOWANCE = 0.7;

/** A channel of fewer resource elements says little by its own residual. */
const LEAST_ELEMENTS = 256;

/** The resource elements of each of a group's channels. */
function elementsByChannel({ channels, channel, element }: BlindGroup): Int32Array[] {
  if (channels.length === 1) return [element];
  return Array.from(channels, (_, c) => element.filter((_, i) => channel[i] === c));
}

function meanPowerOver(z: ComplexArray, elements: Int32Array, symbolOf: Int32Array): number {
  let sum = 0;
  for (const element of elements) sum += z.re[symbolOf[element]] ** 2 + z.im[symbolOf[element]] ** 2;
  return sum / elements.length;
}

/** Candidates that ended at the chosen taps, sign included: closer than a tenth of their energy. */
export function agreeingWith(chosen: Candidate, all: readonly Candidate[]): Candidate[] {
  const signed = ({ chain, signs }: Candidate): number[] =>
    chain.posteriors.flatMap(({ taps }, c) => [...taps.re, ...taps.im].map((v) => signs[c] * v));
  const target = signed(chosen);
  const energy = target.reduce((sum, v) => sum + v * v, 0);
  return all.filter(
    (candidate) => signed(candidate).reduce((sum, v, i) => sum + (v - target[i]) ** 2, 0) < 0.1 * energy,
  );
}
