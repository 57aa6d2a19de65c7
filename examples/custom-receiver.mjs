/**
 * A receiver of one's own: no pilots, no search; it believes that the channel is one complex number and finds it from the
 * codeword's mean, where the codec has one. A bad receiver, but a whole one.
 *
 *   npx blindlink simulate builtin:faces --receiver pilot,examples/custom-receiver.mjs --channel awgn
 */
import { decodeCells, equalise, receiverResult } from 'blindlink/receiver';

export default {
  name: 'one-tap',
  about: 'an example: one complex gain, from the mean codeword',
  create({ setting, options }) {
    const { codec, interleaver, layout } = setting;
    const equaliser = options.equaliser ?? 'mmse';
    return {
      name: 'one-tap',
      // Neither pilots nor the truth: the link withholds both.
      needs: { pilots: false, truth: false },
      async *receive({ frame }) {
        const began = performance.now();
        const { cells } = frame;
        const noiseVariance = frame.noiseVariance ?? 10 ** (-setting.snrDb / 10);
        const mean = codec.statistics.mean;
        let [re, im] = [0, 0];
        for (let i = 0; i < layout.numSymbols; i++) {
          const cell = interleaver.cellOf[i];
          const at = layout.tileIndexOf[i] % (2 * layout.tileSymbols);
          const [zr, zi] = [mean[at], mean[at + layout.tileSymbols]];
          re += zr * cells.re[cell] + zi * cells.im[cell];
          im += zr * cells.im[cell] - zi * cells.re[cell];
        }
        // The phase from the mean codeword, the gain from the received power.
        let power = 0;
        for (let i = 0; i < cells.re.length; i++) power += (cells.re[i] ** 2 + cells.im[i] ** 2) / cells.re.length;
        const gain = Math.sqrt(Math.max(power - noiseVariance, 0)) / Math.hypot(re, im);
        const response = {
          re: new Float32Array(cells.re.length).fill(gain * re),
          im: new Float32Array(cells.re.length).fill(gain * im),
        };
        const equalised = equalise(setting, cells, { response, variance: null }, noiseVariance, equaliser);
        const picture = await decodeCells(setting, equalised);
        const milliseconds = performance.now() - began;
        yield { kind: 'final', result: receiverResult({ picture, equalised, noiseVariance, milliseconds }) };
      },
    };
  },
};
