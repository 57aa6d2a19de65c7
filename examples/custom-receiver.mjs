/**
 * A receiver of one's own: no pilots, no search; it believes that the channel is one complex number and finds it from the
 * codeword's mean, where the codec has one. A bad receiver, but a whole one.
 *
 *   npx blindlink simulate builtin:faces --receiver pilot,examples/custom-receiver.mjs --channel awgn
 */
import { decodeElements, equalise, receiverResult } from 'blindlink/receiver';

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
        const { elements } = frame;
        const noiseVariance = frame.noiseVariance ?? 10 ** (-setting.snrDb / 10);
        const mean = codec.statistics.mean;
        let [re, im] = [0, 0];
        for (let i = 0; i < layout.numSymbols; i++) {
          const element = interleaver.elementOf[i];
          const at = layout.tileIndexOf[i] % (2 * layout.tileSymbols);
          const [zr, zi] = [mean[at], mean[at + layout.tileSymbols]];
          re += zr * elements.re[element] + zi * elements.im[element];
          im += zr * elements.im[element] - zi * elements.re[element];
        }
        // The phase from the mean codeword, the gain from the received power.
        let power = 0;
        for (let i = 0; i < elements.re.length; i++)
          power += (elements.re[i] ** 2 + elements.im[i] ** 2) / elements.re.length;
        const gain = Math.sqrt(Math.max(power - noiseVariance, 0)) / Math.hypot(re, im);
        const response = {
          re: new Float32Array(elements.re.length).fill(gain * re),
          im: new Float32Array(elements.re.length).fill(gain * im),
        };
        const heard = { elements, channel: { response, responseVariance: null }, noiseVariance };
        const equalised = equalise(setting, elements, heard.channel, noiseVariance, equaliser);
        const picture = await decodeElements(setting, equalised, heard);
        const milliseconds = performance.now() - began;
        yield { kind: 'final', result: receiverResult({ picture, equalised, noiseVariance, milliseconds }) };
      },
    };
  },
};
