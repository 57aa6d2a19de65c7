import { symbolsOf } from '../../codec/layout.js';
import { throwIfAborted } from '../../core/errors.js';
import type { Rng } from '../../core/rng.js';
import { ddimStep, normalTensor } from '../../diffusion/samplers.js';
import { karrasSigmas } from '../../diffusion/schedule.js';
import { tensor, type Tensor } from '../../runtime/tensor.js';
import { blindResult } from '../blind/solution.js';
import { equalisedUnder } from '../blind/ranking.js';
import type { BlindEmConfig } from '../blind/iterations.js';
import { type BlindSolution, createBlindSolver } from '../blind/solver.js';
import type { Candidate } from '../blind/candidate.js';
import { decoderLatents } from '../decoder-input.js';
import { errorShown } from '../expected-error.js';
import { agreement, between, renderElements, renderLatents } from '../informed.js';
import type { SamplerParts } from './guided-sampling.js';
import { fromPrior, toPrior } from './picture-scale.js';
import type { LinkSetting, ReceivedFrame, Receiver, ReceiverResult } from '../receiver.js';
import { residualEnergy } from '../residual.js';
import { judgedWithError, lowered } from '../verdict.js';

export interface BlindHifiConfig {
  /** Denoiser evaluations. */
  readonly steps: number;
  /** σ of the first, in units of the [−1, 1] range. */
  readonly startSigma: number;
  /** σ of the last. */
  readonly endSigma: number;
  /**
   * λ between the decoder's picture with the final channel (0: least error) and the sample (1: most natural). On the line
   * between the two lie the best trade-offs of distortion and perception (Freirich, Michaeli and Meir, 2021).
   */
  readonly perception: number;
  /** Share of fresh noise in each step, 0…1. */
  readonly eta: number;
  /** Whether the channel's posterior is renewed in every step. */
  readonly refreshChannel: boolean;
}

/** Least error, per real latent, that a re-encoded picture is credited with. */
const LEAST_SPREAD = 1e-3;

/**
 * blind-em's channel, then the picture drawn from what the prior and the received signal leave open, channel and picture
 * refining one another. From x = x_d + σ_N·ε, x_d the deterministic reconstruction (D is the decoder whose pictures are shown), over falling σ:
 *
 *   x̂₀ = denoiser(x, σ),   z₀ = E(x̂₀)
 *   z* = (q + z₀/v) / (w + 1/v)                      posterior of the codeword given the channel, per real latent
 *   (μ, Σ) ← posterior of the taps given z* and its variance 1/(w + 1/v)
 *   x̂₀ ← x̂₀ + D(z*) − D(z₀)                           what the codec can tell is set right, the rest is the prior's
 *   x ← DDIM step from x̂₀ to the next σ
 *
 * w, q are the channel's precision and information vector (`blind/em-state.ts`); v, the variance of z₀, is what the residual shows
 * beyond the noise: (‖Y − Ĥz₀‖² − σ²)/‖Ĥ‖², so a picture that already explains the signal is left to the prior. No
 * gradient through any network is taken: a step is one denoiser evaluation, one encoding and two decodings.
 *
 * Relatives: DiffPIR (Zhu et al., 2023) for the proximal step, HiFi-DiffCom (arXiv 2406.07390, algorithm 2) for the start
 * and the decoder in the loop, Gibbs sampling for the channel.
 */
export function createBlindHifi({
  setting,
  config,
  denoiser,
  runtime,
  rng,
}: SamplerParts<BlindHifiConfig & { readonly blindEm: BlindEmConfig }>): Receiver {
  const solver = createBlindSolver('blind-hifi', { setting, config: config.blindEm, runtime, rng });
  return {
    name: 'blind-hifi',
    needs: { pilots: false, truth: false },
    async *receive({ frame }, signal) {
      const began = performance.now();
      const counter = { evaluations: 0 };
      const solution = await solver.solve(frame, counter, signal);
      const draws = rng.split('sampling').split(frame.index);
      const sigmas = karrasSigmas(config.startSigma, config.endSigma, config.steps);
      const state = new JointState(setting, frame, solution);
      let sample = setting.codec.shown === setting.codec.decoder ? solution.picture : await state.decode();
      let x = addNoise(toPrior(setting, sample), sigmas[0], draws);
      for (let i = 0; i < sigmas.length; i++) {
        throwIfAborted(signal, 'blind-hifi');
        const denoised = await denoiser.denoise(x, sigmas[i]);
        const consistent = await state.reconcile(denoised, config.refreshChannel);
        counter.evaluations += 4;
        sample = fromPrior(consistent.data);
        yield { kind: 'progress', done: i + 1, of: sigmas.length, picture: sample };
        if (i + 1 < sigmas.length) x = ddimStep(x, consistent, sigmas[i], sigmas[i + 1], config.eta, draws);
      }
      yield { kind: 'final', result: await state.result(sample, config.perception, counter.evaluations, began) };
    },
  };
}

/** The codeword's and channels' side of the sampling: everything but the prior. */
class JointState {
  private readonly best: readonly Candidate[];
  private readonly size: number;

  constructor(
    private readonly setting: LinkSetting,
    private readonly frame: ReceivedFrame,
    private readonly solution: BlindSolution,
  ) {
    this.best = solution.best;
    const { channels, height, width } = setting.layout;
    this.size = channels * height * width;
    for (const { chain, signs } of this.best) {
      chain.turn(signs);
      signs.fill(1);
    }
  }

  /** Sets x̂₀ right where the received signal says so, and the channel after it. */
  async reconcile(denoised: Tensor, refresh: boolean): Promise<Tensor> {
    const { setting, size } = this;
    const { codec, layout, snrDb } = setting;
    const picture = fromPrior(denoised.data);
    const own = await codec.encode(picture, 1, layout, snrDb);
    const both = new Float32Array(2 * size);
    both.set(own, size);
    for (const candidate of this.best) this.reconcileGroup(candidate, own, both, refresh);
    const decoded = await renderLatents(setting, both, 2);
    const pixels = picture.length;
    const out = new Float32Array(pixels);
    for (let i = 0; i < pixels; i++) out[i] = denoised.data[i] + 2 * (decoded[i] - decoded[pixels + i]);
    return tensor(out, denoised.dims);
  }

  /** z* of one group into `target` (latents [C,h,w]), from the encoder's own `latents`. */
  private reconcileGroup({ chain }: Candidate, latents: Float32Array, target: Float32Array, refresh: boolean): void {
    const { layout, interleaver } = this.setting;
    const { group, passVariance } = chain;
    const dimension = 2 * layout.tileSymbols;
    const length = group.tiles.length * dimension;
    const precision = new Float32Array(length);
    const information = new Float32Array(length);
    const mean = new Float32Array(length);
    const variance = new Float32Array(length);
    chain.writeInformation(passVariance, precision, information, 0);

    // Σ|Y − Ĥz₀|²/σ² = ½Σ(w·z₀² − 2·q·z₀) + const, but the constant is needed too: it is Σ q²/(2w) up to what Ĥ cannot reach.
    let excess = 0;
    let gain = 0;
    const places = (use: (at: number, latent: number) => void): void => {
      for (let i = 0; i < group.element.length; i++) {
        const symbol = interleaver.symbolOf[group.element[i]];
        use(group.tileIndex[i], layout.latentOf[symbol]);
        use(group.tileIndex[i] + layout.tileSymbols, layout.imaginaryOf[symbol]);
      }
    };
    places((at, latent) => {
      const w = Math.max(precision[at], 1e-9);
      excess += w * (information[at] / w - latents[latent]) ** 2 - 1;
      gain += w;
    });
    const spread = Math.max(excess / gain, LEAST_SPREAD);
    places((at, latent) => {
      const total = precision[at] + 1 / spread;
      mean[at] = (information[at] + latents[latent] / spread) / total;
      variance[at] = 1 / total;
      target[latent] = mean[at];
    });
    if (!refresh) return;
    // A part of a frame has the power that the encoder gave it; a whole frame has mean power 1.
    const absolute = this.best.length > 1;
    chain.update(passVariance, mean, variance, 0, { tracking: 'none', estimateNoise: false, absolute });
  }

  /** D(z̃) with the channel as it stands. */
  async decode(): Promise<Float32Array> {
    const { heard, equalised } = equalisedUnder(this.setting, this.frame.elements, this.best);
    return renderElements(this.setting, equalised, heard);
  }

  async result(sample: Float32Array, perception: number, evaluations: number, began: number): Promise<ReceiverResult> {
    const { setting, frame, best, solution } = this;
    const { codec, layout, snrDb, interleaver } = setting;
    const { heard, equalised } = equalisedUnder(setting, frame.elements, best);
    const base = blindResult(setting, solution, evaluations, began);
    const latents = await decoderLatents(setting, equalised, heard);
    const decoded = await renderLatents(setting, latents, 1);
    const picture = between(decoded, sample, perception);
    const codeword = symbolsOf(layout, await codec.encode(picture, 1, layout, snrDb));
    const energy = residualEnergy(setting, frame.elements, heard.channel.response, codeword, interleaver.elementOf);
    const residual = energy / (base.noiseVariance * layout.numSymbols);
    // A sample that explains the signal worse than the decoder's picture did, or is far from it, is not to be trusted as much: one that has
    // learnt the noise by heart explains the signal well.
    const { symptoms } = solution;
    const expectedError = errorShown(symptoms.expectedError, picture, solution.picture);
    const worse = lowered(
      judgedWithError(setting, solution, symptoms, expectedError),
      Math.min(1, (base.residual ?? residual) / residual + WORSE_ALLOWANCE, agreement(picture, solution.picture)),
    );
    return {
      ...base,
      picture,
      equalised,
      latents,
      residual,
      symptoms: { ...symptoms, expectedError },
      verdict: worse.verdict,
      confidence: worse.chance,
      milliseconds: performance.now() - began,
    };
  }
}

/** Share by which a sample's residual may exceed the decoder's before it counts: samples are not the most likely pictures. */
const WORSE_ALLOWANCE = 0.25;

function addNoise(x: Tensor, sigma: number, rng: Rng): Tensor {
  const noise = normalTensor(x.dims, rng).data;
  return tensor(
    x.data.map((v, i) => v + sigma * noise[i]),
    x.dims,
  );
}
