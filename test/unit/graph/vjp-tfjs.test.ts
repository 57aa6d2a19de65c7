import type { Tensor as TfTensor } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { type OnnxTensor, float32sOf } from '../../../src/onnx/tensor-data.js';
import { loadTfjs, type Tfjs } from '../../../src/runtime/tfjs-backend.js';
import { interpret, uploadTensor } from '../../../src/runtime/tfjs-interpreter.js';
import { registerTfjsGradients } from '../../support/tfjs-gradients.js';
import { differentiate, nodeModel } from './helpers.js';
import { vjpCases } from './vjp-cases.js';

let tf: Tfjs;
beforeAll(async () => {
  ({ tf } = await loadTfjs('cpu'));
  await registerTfjsGradients();
});

describe('vector–Jacobian products against TensorFlow.js autodiff of the same graph', () => {
  const asked = vjpCases.filter(([, { withoutTfjs }]) => withoutTfjs === undefined);

  it.each(asked)('%s', async (_, nodeCase) => {
    const model = nodeModel(nodeCase);
    const ranges = Object.fromEntries(
      nodeCase.inputs.flatMap((argument, i) => (argument.kind === 'input' ? [[`x${i}`, argument.range] as const] : [])),
    );
    const { feeds, cotangents, gradients, names } = await differentiate(model, ranges);
    tf.tidy(() => {
      const constants = new Map([...model.initializers].map(([name, t]) => [name, uploadTensor(tf, t)]));
      const inner = (...inputs: TfTensor[]): TfTensor => {
        const given = Object.fromEntries(names.map((name, i) => [name, inputs[i]]));
        const outputs = interpret(tf, model, constants, given);
        const terms = Object.entries(cotangents).map(([name, g]) => tf.sum(tf.mul(outputs[name], uploadTensor(tf, g))));
        return terms.reduce((a, b) => tf.add(a, b));
      };
      const expected = tf.grads(inner)(names.map((name) => uploadTensor(tf, feeds[name])));
      names.forEach((name, i) => {
        const ours = gradients.get(`grad_${name}`) as OnnxTensor;
        expect(ours.dims).toEqual(expected[i].shape);
        const values = expected[i].dataSync();
        const scale = Math.max(1, ...values.map(Math.abs));
        float32sOf(ours).forEach((v, at) => {
          expect(Math.abs(v - values[at]) / scale, `${name}[${at}]: ${v} but ${values[at]}`).toBeLessThan(2e-5);
        });
      });
    });
  });

  it('are compared for all but a few operators', () => {
    const skipped = vjpCases.filter(([, { withoutTfjs }]) => withoutTfjs !== undefined);
    expect(skipped.length).toBeLessThan(vjpCases.length / 8);
  });
});
