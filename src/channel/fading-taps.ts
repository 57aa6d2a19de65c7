import { ConfigError } from '../core/errors.js';
import type { Rng } from '../core/rng.js';
import { requireInteger, requireNonNegative, requirePositive } from './checks.js';
import type { FadingConfig } from './config.js';
import { createMovingTaps, type MovingTaps, type TapTrajectory, updateIntervalFor } from './moving-taps.js';
import { tapStatistics } from './tap-statistics.js';

/**
 * Time-varying multipath, y[n] = Σ_l h_l[n]·x[n−l], each tap with Clarke's spectrum (Jakes):
 *
 *   h_l[n] = √(p_l / N) Σ_i exp(j(2π f_D cos α_i·n / fs + φ_i)),  α_i = (2πi + θ_i) / N,
 *
 * θ_i, φ_i uniform on [0, 2π), independent over i and l. Over realisations E[h_l[n+k] h_l[n]*] = p_l·J0(2π f_D k / fs)
 * exactly; one realisation follows it for 2π f_D k / fs well below N. E|h_l|² = p_l, Σ p_l = 1; the fourth moment is
 * (2 − 1/N)·p_l², Rayleigh's being 2. TDL-D/E keep their line of sight, at 0.7·f_D
 * (TR 38.901 section 7.7.2), `rician` its specular path, at f_D·cos θ. At dopplerHz 0 the taps stand still.
 *
 * @throws ConfigError for settings out of range, for `identity` and models with a motion of their own, and for a Doppler above half the
 * sample rate
 * Source: Xiao, Zheng, Beaulieu, "Novel sum-of-sinusoids simulation models for Rayleigh and Rician fading channels",
 * IEEE Trans. Wireless Commun. 5(12), 2006.
 */
export function createFadingTaps(config: FadingConfig, rng: Rng): MovingTaps {
  const { dopplerHz, sampleRateHz, numSinusoids = 32 } = config;
  requirePositive('fading.sampleRateHz', sampleRateHz);
  requireNonNegative('fading.dopplerHz', dopplerHz);
  requireInteger('fading.numSinusoids', numSinusoids, 4, 1024);
  if (config.taps.kind === 'identity') {
    throw new ConfigError('config.channel', 'fading.taps: an identity channel does not fade, use "flat"');
  }
  if (dopplerHz > sampleRateHz / 2) {
    throw new ConfigError(
      'config.channel',
      `channel.dopplerHz ${dopplerHz} is above half the sample rate: check units`,
      {
        value: dopplerHz,
      },
    );
  }
  if (config.taps.kind === 'drive-by' || config.taps.kind === 'csi') {
    throw new ConfigError(
      'config.channel',
      `fading.taps: ${config.taps.kind} has a motion of its own; see createTapMotion`,
    );
  }
  return createMovingTaps(trajectoryOf(drawPaths(config, numSinusoids, rng)));
}

/** The sinusoids of all taps: tap l owns entries [first[l], first[l+1]). */
interface Paths {
  readonly numTaps: number;
  readonly first: Int32Array;
  readonly amplitude: Float64Array;
  /** Radians per sample. */
  readonly rate: Float64Array;
  readonly phase: Float64Array;
  readonly updateInterval: number;
}

function drawPaths(config: FadingConfig, numSinusoids: number, rng: Rng): Paths {
  const { diffuse, lineOfSight, lineOfSightDoppler } = tapStatistics(config.taps);
  const cyclesPerSample = config.dopplerHz / config.sampleRateHz;
  const amplitude: number[] = [];
  const rate: number[] = [];
  const phase: number[] = [];
  const first = [0];
  diffuse.forEach((power, l) => {
    const stream = rng.split(`tap-${l}`);
    for (let i = 0; power > 0 && i < numSinusoids; i++) {
      const angle = (2 * Math.PI * (i + stream.uniform())) / numSinusoids;
      amplitude.push(Math.sqrt(power / numSinusoids));
      rate.push(2 * Math.PI * cyclesPerSample * Math.cos(angle));
      phase.push(2 * Math.PI * stream.uniform());
    }
    if (l === 0 && lineOfSight > 0) {
      amplitude.push(Math.sqrt(lineOfSight));
      rate.push(2 * Math.PI * cyclesPerSample * lineOfSightDoppler);
      phase.push(2 * Math.PI * rng.split('line-of-sight').uniform());
    }
    first.push(amplitude.length);
  });
  return {
    numTaps: diffuse.length,
    first: Int32Array.from(first),
    amplitude: Float64Array.from(amplitude),
    rate: Float64Array.from(rate),
    phase: Float64Array.from(phase),
    updateInterval: updateIntervalFor(cyclesPerSample),
  };
}

function trajectoryOf({ numTaps, first, amplitude, rate, phase, updateInterval }: Paths): TapTrajectory {
  return {
    numTaps,
    updateInterval,
    active: Int32Array.from({ length: numTaps }, (_, l) => l).filter((l) => first[l] < first[l + 1]),
    evaluate(sampleIndex, re, im) {
      for (let l = 0; l < numTaps; l++) {
        let sumRe = 0;
        let sumIm = 0;
        for (let i = first[l]; i < first[l + 1]; i++) {
          const angle = phase[i] + rate[i] * sampleIndex;
          sumRe += amplitude[i] * Math.cos(angle);
          sumIm += amplitude[i] * Math.sin(angle);
        }
        re[l] = sumRe;
        im[l] = sumIm;
      }
    },
  };
}
