import { symbolsOf } from '../../codec/layout.js';
import { type ComplexArray, createComplex } from '../../core/complex.js';
import { createFrameParts, modulateFrame } from '../../ofdm/frame.js';
import type { Grid } from '../../ofdm/grid.js';
import { paprDb } from '../../ofdm/papr.js';
import { superimpose } from '../../ofdm/superimposed-pilot.js';
import type { LinkSetting } from '../../receiver/receiver.js';
import { cropPlanes, type Picture } from '../../source/picture.js';

/** A picture as it goes to the radio. */
export interface SentFrame {
  readonly index: number;
  readonly picture: Picture;
  readonly padded: Picture;
  readonly setting: LinkSetting;
  readonly codeword: ComplexArray;
  /** [frameLength] samples, mean power `grid.meanPower`. */
  readonly samples: ComplexArray;
  readonly paprDb: number;
  readonly encodeMs: number;
  readonly modulateMs: number;
}

/** Encoder, interleaver, superimposed pilot and OFDM modulator: the transmitter of one grid. */
export interface Sender {
  encode(picture: Picture, padded: Picture, index: number, setting: LinkSetting): Promise<SentFrame>;
  /** A picture whose codeword comes from elsewhere. */
  send(frame: Unmodulated): SentFrame;
}

/** A picture with its codeword, before it is modulated. */
export type Unmodulated = Omit<SentFrame, 'samples' | 'paprDb' | 'modulateMs'>;

export function createSender(grid: Grid): Sender {
  const parts = createFrameParts(grid);
  const send = (frame: Unmodulated): SentFrame => {
    const { interleaver, rho, superimposed } = frame.setting;
    const began = performance.now();
    const elements = createComplex(interleaver.numPackets * grid.elementsPerPacket);
    interleaver.interleave(frame.codeword, elements);
    if (rho > 0) superimpose(elements, superimposed, rho, elements);
    const samples = modulateFrame(grid, elements, parts);
    return { ...frame, samples, paprDb: paprDb(samples, grid.preambleLength), modulateMs: performance.now() - began };
  };
  return {
    send,
    async encode(picture, padded, index, setting) {
      const { codec, layout, snrDb } = setting;
      const began = performance.now();
      const codeword = symbolsOf(layout, await codec.encode(padded.data, 1, layout, snrDb));
      return send({ index, picture, padded, setting, codeword, encodeMs: performance.now() - began });
    },
  };
}

/** The received picture cut back to the sent one's size. */
export function cropToSent(sent: Pick<SentFrame, 'picture' | 'padded'>, picture: Float32Array): Float32Array {
  const { picture: original, padded } = sent;
  return cropPlanes(picture, padded.height, padded.width, original.height, original.width);
}
