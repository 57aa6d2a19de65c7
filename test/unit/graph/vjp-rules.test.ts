import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { vjpRules } from '../../../src/graph/vjp-rules.js';
import { differentiate, expectFiniteDifferences, nodeModel } from './helpers.js';
import { vjpCases } from './vjp-cases.js';

describe('vector–Jacobian products against central differences', () => {
  it.each(vjpCases)('%s', async (_, nodeCase) => {
    const model = nodeModel(nodeCase);
    const ranges = Object.fromEntries(
      nodeCase.inputs.flatMap((argument, i) => (argument.kind === 'input' ? [[`x${i}`, argument.range] as const] : [])),
    );
    const result = await differentiate(model, ranges);
    await expectFiniteDifferences(model, result, nodeCase.step);
  });

  it('are listed in the documentation', () => {
    const listed = readFileSync('docs/graphs.md', 'utf8');
    expect(Object.keys(vjpRules).filter((opType) => !new RegExp(`\\b${opType}\\b`).test(listed))).toEqual([]);
  });

  it('has a case for every rule', () => {
    const tested = new Set(vjpCases.map(([, { opType }]) => opType));
    expect(Object.keys(vjpRules).filter((opType) => !tested.has(opType))).toEqual([]);
  });
});
