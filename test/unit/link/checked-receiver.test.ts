import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Codec, openCodec } from '../../../src/codec/codec.js';
import { resolveConfig } from '../../../src/config/load.js';
import { createRng } from '../../../src/core/rng.js';
import { findModel } from '../../../src/core/shipped-models.js';
import { observe } from '../../../src/link/observe.js';
import { createLinkSetting, gridOf } from '../../../src/link/setting/link-setting.js';
import {
  createReceiver,
  expectOptions,
  findReceivers,
  type ReceiverDescriptor,
} from '../../../src/link/setting/receivers.js';
import { receiverResult } from '../../../src/receiver/result.js';
import { createOnnxRuntime } from '../../../src/runtime/onnx-runtime.js';

const runtime = createOnnxRuntime({ threads: 1 });
const config = resolveConfig({ receiver: { names: ['mine'] } });
const grid = gridOf(config);
let codec: Codec;
beforeAll(async () => {
  codec = await openCodec(findModel('codec', 'faces-12'), runtime);
});
afterAll(() => runtime.dispose());

const settingOf = () => createLinkSetting(config, codec, grid, { height: 64, width: 64 });
const SIZE = 3 * 64 * 64;

/** What one receiver, whose create gives `made`, shows of an empty frame. */
async function receive(made: (elements: number) => unknown): Promise<string> {
  const setting = settingOf();
  const elements = setting.superimposed.re.length;
  const descriptor = { name: 'mine', about: '', create: () => made(elements) } as unknown as ReceiverDescriptor;
  const receiver = createReceiver(descriptor, { config, setting, runtime, denoiser: null, rng: createRng(1) });
  const data = { re: new Float32Array(elements), im: new Float32Array(elements) };
  const nothing = { re: new Float32Array(0), im: new Float32Array(0) };
  const seen = {
    ...{ index: 0, noiseVariance: 0.1, response: null },
    elements: { data, blockPilots: nothing, combPilots: nothing },
  };
  for await (const step of receiver.receive(observe(receiver, seen, config))) {
    if (step.kind === 'final') return `${receiver.name}: ${step.result.verdict}`;
  }
  return 'nothing';
}

const needs = { pilots: false, truth: false };
const good = (elements: number) =>
  receiverResult({
    picture: new Float32Array(SIZE).fill(0.5),
    equalised: { re: new Float32Array(elements), im: new Float32Array(elements) },
    noiseVariance: 0.1,
  });
/** A receiver that ends with `good` but for what is given. */
const ending =
  (changed: object) =>
  (elements: number): object => ({
    name: 'by another name',
    needs,
    *receive() {
      yield { kind: 'final', result: { ...good(elements), ...changed } };
    },
  });

describe('a receiver of somebody else', () => {
  it('goes by the name of its descriptor', async () => {
    expect(await receive(ending({}))).toBe('mine: doubtful');
  });

  it('may be an object of a class, and may show nothing', async () => {
    class Mine {
      needs = needs;
      *receive() {
        yield { kind: 'final', result: { ...good(settingOf().superimposed.re.length), picture: this.picture() } };
      }
      picture(): Float32Array {
        return new Float32Array(SIZE).fill(Number.NaN);
      }
    }
    expect(await receive(() => new Mine())).toBe('mine: doubtful');
  });

  it.each<[string, (elements: number) => unknown, string]>([
    ['of no object', () => undefined, 'create gives no object with a function receive'],
    [
      'that is promised',
      (n) => Promise.resolve(ending({})(n)),
      'create gives a promise; it must give the receiver itself',
    ],
    ['without needs', () => ({ receive: () => [] }), 'needs must be { pilots, truth }, both true or false'],
    [
      'with a short picture',
      ending({ picture: new Float32Array(12) }),
      'its picture is a Float32Array of 12 values; it must be a Float32Array of 12288 values, [3,64,64]',
    ],
    [
      'with bytes',
      ending({ picture: new Uint8Array(SIZE) }),
      'its picture is a Uint8Array of 12288 values; it must be a Float32Array of 12288 values, [3,64,64]',
    ],
    [
      'without a picture',
      ending({ picture: undefined }),
      'its picture is missing; it must be a Float32Array of 12288 values, [3,64,64]',
    ],
    [
      'beyond the range',
      ending({ picture: new Float32Array(SIZE).fill(7) }),
      'its picture has values from 0 to 7; they must be in [0, 1]',
    ],
    [
      'with a short constellation',
      ending({ equalised: { re: new Float32Array(3), im: new Float32Array(3) } }),
      'equalised.re is a Float32Array of 3 values; it must have 1024 values, one a data resource element',
    ],
    [
      'with a word of its own',
      ending({ verdict: 'deocded' }),
      'its verdict is "deocded"; it must be decoded, doubtful or failed',
    ],
    ['that is too sure', ending({ confidence: 7 }), 'its confidence is 7; it must be null or in [0, 1]'],
    [
      'without estimates',
      ending({ channel: null }),
      'its channel must be a list of estimates, one a packet, or an empty one',
    ],
    [
      'of other steps',
      () => ({ needs, receive: () => [{ kind: 'finale' }] }),
      'yields a step of kind "finale"; it must be progress, or final with a result',
    ],
    [
      'whose progress has no picture',
      () => ({ needs, receive: () => [{ kind: 'progress', done: 1, of: 2 }] }),
      'its picture is missing; it must be a Float32Array of 12288 values, [3,64,64]',
    ],
  ])('%s is refused in one line', async (_, made, why) => {
    await expect(receive(made)).rejects.toThrow(`receiver mine: ${why}; see docs/extending.md`);
  });

  it.each(['sent', '../../up', 'a,b', ''])('may not be called %j', async (name) => {
    const mine: ReceiverDescriptor = { name, about: '', create: () => ending({})(1) as never };
    const named = resolveConfig({ receiver: { names: [name === '' ? 'x' : name] } });
    await expect(findReceivers(named, [mine, { ...mine, name: 'other' }])).rejects.toThrow(
      name === '' ? /receiver.names holds "x"/ : `receiver ${JSON.stringify(name)}: a receiver's name is of letters`,
    );
  });

  it('has options under its own name, and no others stand beside them', () => {
    const mine: ReceiverDescriptor = { name: 'flat', about: '', create: () => ending({})(1) as never };
    const options = (name: string) =>
      resolveConfig({ receiver: { names: ['flat'], options: { [name]: { gain: 2 } } } });
    expect(() => {
      expectOptions(options('flat'), [mine]);
    }).not.toThrow();
    expect(() => {
      expectOptions(options('falt'), [mine, mine]);
    }).toThrow('receiver.options.falt: no receiver of that name is there, but flat; did you mean flat?');
  });
});
