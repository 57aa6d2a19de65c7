import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import sharp from 'sharp';
import { pictureFile } from '../../src/campaign/keep-pictures.js';
import { createRng } from '../../src/core/rng.js';

export interface MadeUp {
  /** Frames of each point. */
  readonly frames?: number;
  /** Frames of each point that the plan asks for. */
  readonly of?: number;
  /** Dimensions of a made-up FID network; none without it. */
  readonly fidDimensions?: number;
}

/** A campaign's folder with reports made up for each point: PSNR of 20 dB and a dB for every dB of CSNR. */
export function madeUpCampaign(
  path: string,
  points: readonly Record<string, unknown>[],
  { frames = 4, of = frames, fidDimensions = 0 }: MadeUp = {},
): string {
  mkdirSync(path, { recursive: true });
  const plan = {
    title: 'A <title> & more',
    about: '',
    axes: Object.keys(points[0] ?? {}),
    points: points.map((at) => ({
      at,
      frames: of,
      config: { codec: at['codec'] ?? 'faces-12', ofdm: {}, rho: 0, seed: 1, receiver: {} },
    })),
    stop: {},
    batch: 8,
    withinDb: 1,
    keepPictures: 1,
  };
  writeFileSync(join(path, 'campaign.json'), JSON.stringify({ format: 'blindlink-campaign/1', plan, versions: {} }));
  const rng = createRng(basename(path));
  const features = (): string =>
    Buffer.from(Float64Array.from({ length: fidDimensions }, () => rng.gaussian()).buffer).toString('base64');
  let lines = '';
  points.forEach((at, point) => {
    for (let frame = 0; frame < frames; frame++) {
      const report = (gain: number): object => ({
        psnrDb: 20 + gain + ((at['snrDb'] as number | undefined) ?? 0) + 0.1 * rng.gaussian(),
        ssim: 0.9,
        msSsim: 0.95,
        sharpness: 1,
        channelError: gain === 0 ? 0 : 0.01,
        channelNmse: 0.01,
        snrDb: 10,
        paprDb: 8 + rng.uniform(),
        channelUses: 1024,
        bandwidthRatio: at['codec'] === 'b' ? 1 / 24 : 1 / 12,
        frameUses: 1500,
        throughput: 8,
        sideInformationBits: 0,
        // One frame that could not be measured.
        evm: frame === 1 ? null : 0.3 + 0.01 * rng.gaussian(),
        verdict: 'decoded',
        success: true,
        ...(fidDimensions > 0 && { features: { fid: { received: features(), sent: features() } } }),
      });
      lines += `${JSON.stringify({ point, frame, picture: `p${frame}`, receivers: { perfect: report(0), mine: report(-0.5) } })}\n`;
    }
  });
  writeFileSync(join(path, 'frames.jsonl'), lines);
  writeFileSync(join(path, 'timing.jsonl'), '');
  return path;
}

/** Pictures for the first frame of the first points of a made-up campaign. */
export async function addPictures(path: string, points: number): Promise<void> {
  for (let point = 0; point < points; point++) {
    const folder = join(path, 'pictures', String(point));
    mkdirSync(folder, { recursive: true });
    for (const receiver of ['sent', 'perfect', 'mine']) {
      const background = { r: 60 * point, g: 120, b: 200 };
      const png = sharp({ create: { width: 64, height: 64, channels: 3, background } }).png();
      await png.toFile(join(folder, pictureFile(0, receiver)));
    }
  }
}
