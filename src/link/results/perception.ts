import { ConfigError } from '../../core/errors.js';
import { frechetDistance } from '../../metrics/frechet.js';
import type { PictureView } from '../../metrics/picture-quality.js';
import type { FeatureCard } from '../../perception/feature-card.js';
import type { FeatureNetwork } from '../../perception/feature-network.js';
import type { FeaturePair, FrameOutcome } from './frame-report.js';

/** What one feature network says of one receiver: LPIPS or DISTS over its frames, or FID over its pictures. */
export type PerceptionSummary =
  { readonly mean: number; readonly std: number } | { readonly fid: number; readonly pictures: number };

/** Refuses a Fréchet distance between fewer than two pictures. Throws ConfigError. */
export function expectEnoughPictures(cards: readonly FeatureCard[], count: number): void {
  const fid = cards.find(({ kind }) => kind === 'fid');
  if (fid !== undefined && count < 2) {
    throw new ConfigError('features.count', `${fid.name}: a FID needs at least 2 frames, got ${count}`);
  }
}

/** Adds to outcomes what feature networks make of their pictures: distances to the report, features beside it. */
export function createPerception(
  networks: readonly FeatureNetwork[],
): (outcome: FrameOutcome) => Promise<FrameOutcome> {
  const distances = networks.filter(({ card }) => card.kind !== 'fid');
  const extractors = networks.filter(({ card }) => card.kind === 'fid');
  // Receivers of a frame share what was sent.
  let last: { picture: PictureView; features: Map<string, Float64Array> } | null = null;
  const featuresOf = async (picture: PictureView): Promise<Map<string, Float64Array>> => {
    const features = new Map<string, Float64Array>();
    for (const { card, evaluate } of extractors) features.set(card.name, Float64Array.from(await evaluate(picture)));
    return features;
  };
  return async (outcome) => {
    const sent = outcome.arrived.sent.picture;
    const received = { data: outcome.picture, height: sent.height, width: sent.width };
    const perception: Record<string, number> = {};
    for (const { card, evaluate } of distances) {
      const [distance] = await evaluate(received, sent);
      perception[card.name] = Number(distance.toPrecision(6));
    }
    if (last?.picture !== sent) last = { picture: sent, features: await featuresOf(sent) };
    const ofSent = last.features;
    const features: Record<string, FeaturePair> = {};
    for (const [name, mine] of await featuresOf(received)) {
      features[name] = { received: mine, sent: ofSent.get(name) as Float64Array };
    }
    const report = distances.length > 0 ? { ...outcome.report, perception } : outcome.report;
    return { ...outcome, report, features };
  };
}

/**
 * Mean and standard deviation of each distance; FID with the covariances of numpy.cov (n − 1), NaN below two pictures.
 *
 * @param distances one record a frame
 * @param features one record a frame
 */
export function summarisePerception(
  distances: readonly Readonly<Record<string, number>>[],
  features: readonly Readonly<Record<string, FeaturePair>>[],
): Record<string, PerceptionSummary> {
  const summary: Record<string, PerceptionSummary> = {};
  for (const name of Object.keys(distances[0])) {
    const values = distances.map((frame) => frame[name]);
    const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
    const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length;
    summary[name] = { mean, std: Math.sqrt(variance) };
  }
  for (const name of Object.keys(features[0])) {
    const pairs = features.map((frame) => frame[name]);
    const [received, sent] = [pairs.map((pair) => pair.received), pairs.map((pair) => pair.sent)];
    summary[name] = { fid: pairs.length < 2 ? Number.NaN : frechetDistance(received, sent, 1), pictures: pairs.length };
  }
  return summary;
}
