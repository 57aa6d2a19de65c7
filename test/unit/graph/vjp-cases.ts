import { c, k, type NodeCase, none, x } from './helpers.js';

const positive = [0.3, 2] as const;
const spatial = [1, 2, 5, 4];

/** Values that keep clear of the kinks at whole multiples of ½, where a finite difference means nothing. */
const smooth = (name: string, attributes: NodeCase['attributes'] = {}, opset = 17): [string, NodeCase] => [
  `${name} ${JSON.stringify(attributes)}`,
  { opType: name, inputs: [x([2, 3])], attributes, opset },
];

const elementwise: [string, NodeCase][] = [
  ...[
    'Neg',
    'Abs',
    'Exp',
    'Sin',
    'Cos',
    'Atan',
    'Sigmoid',
    'Tanh',
    'Relu',
    'Softplus',
    'Softsign',
    'Erf',
    'Elu',
    'Selu',
    'Celu',
    'LeakyRelu',
    'HardSigmoid',
    'HardSwish',
    'Identity',
    'Dropout',
  ].map((name) => smooth(name)),
  smooth('Elu', { alpha: 0.7 }),
  smooth('Celu', { alpha: 0.7 }),
  smooth('LeakyRelu', { alpha: 0.3 }),
  smooth('HardSigmoid', { alpha: 0.3, beta: 0.45 }),
  smooth('Mish', {}, 18),
  smooth('Gelu', {}, 20),
  smooth('Gelu', { approximate: 'tanh' }, 20),
  ...['Sqrt', 'Log', 'Reciprocal', 'Tan'].map((opType): [string, NodeCase] => [
    opType,
    { opType, inputs: [x([2, 3], opType === 'Tan' ? [-0.8, 0.8] : positive)] },
  ]),
  ['Cast', { opType: 'Cast', inputs: [x([2, 3])], attributes: { to: 1 } }],
  ['PRelu', { opType: 'PRelu', inputs: [x([2, 3, 2]), x([3, 1])] }],
  ['Clip both', { opType: 'Clip', inputs: [x([3, 4]), k([-0.4], [], 'float32'), k([0.7], [], 'float32')] }],
  ['Clip below, operator set 11', { opType: 'Clip', inputs: [x([3, 4]), k([-0.4], [], 'float32')], opset: 11 }],
  ['Clip above', { opType: 'Clip', inputs: [x([3, 4]), none, k([0.7], [], 'float32')] }],
];

const arithmetic: [string, NodeCase][] = [
  ...['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min'].flatMap((opType): [string, NodeCase][] => [
    [`${opType}, equal shapes`, { opType, inputs: [x([2, 3]), x([2, 3], opType === 'Div' ? positive : [-1, 1])] }],
    [`${opType}, both broadcast`, { opType, inputs: [x([2, 1, 3]), x([4, 1], positive)] }],
    [`${opType}, a scalar`, { opType, inputs: [x([]), x([2, 3], positive)] }],
  ]),
  ...[2, 1, 0.5, 3, -1.5].map((p): [string, NodeCase] => [
    `Pow ${p}`,
    { opType: 'Pow', inputs: [x([2, 3], positive), k([p], [], 'float32')] },
  ]),
  ['Pow of negative numbers', { opType: 'Pow', inputs: [x([2, 3]), k([3], [], 'float32')] }],
  ['Pow, whole exponent', { opType: 'Pow', inputs: [x([2, 3]), k([3], [])] }],
  ['Pow, both', { opType: 'Pow', inputs: [x([2, 3], positive), x([3])] }],
  ['Max of three', { opType: 'Max', inputs: [x([2, 3]), x([3]), x([2, 1])] }],
  ['Sum of three', { opType: 'Sum', inputs: [x([2, 3]), x([3]), x([2, 1])] }],
  ['Mean of two', { opType: 'Mean', inputs: [x([2, 3]), x([3])] }],
  ['Where', { opType: 'Where', inputs: [k([1, 0, 1], [3], 'bool'), x([2, 3]), x([3])] }],
];

const matmul: [string, NodeCase][] = [
  ['MatMul', { opType: 'MatMul', inputs: [x([2, 3]), x([3, 4])] }],
  ['MatMul, batches', { opType: 'MatMul', inputs: [x([2, 2, 3]), x([2, 3, 2])] }],
  ['MatMul, broadcast batches', { opType: 'MatMul', inputs: [x([2, 1, 2, 3]), x([3, 3, 2])] }],
  ['MatMul, one matrix', { opType: 'MatMul', inputs: [x([2, 2, 3]), x([3, 2])] }],
  ['MatMul, constant', { opType: 'MatMul', inputs: [x([2, 2, 3]), c([3, 2])] }],
  ['MatMul, vector left', { opType: 'MatMul', inputs: [x([3]), x([2, 3, 2])] }],
  ['MatMul, vector right', { opType: 'MatMul', inputs: [x([2, 3]), x([3])] }],
  ['MatMul, two vectors', { opType: 'MatMul', inputs: [x([3]), x([3])] }],
  ...[0, 1].flatMap((transA) =>
    [0, 1].map((transB): [string, NodeCase] => [
      `Gemm ${transA}${transB}`,
      {
        opType: 'Gemm',
        inputs: [x(transA ? [3, 2] : [2, 3]), x(transB ? [4, 3] : [3, 4]), x([4])],
        attributes: { transA, transB, alpha: 0.7, beta: 1.3 },
      },
    ]),
  ),
  ...['ij,jk->ik', 'bhid,bhjd->bhij', 'ij,j->i', 'ij->i', 'ij,ik->k', 'ij,kl->ijkl', 'ij->ji'].map(
    (equation): [string, NodeCase] => {
      const size: Record<string, number> = { b: 2, h: 2, i: 2, j: 3, k: 2, l: 2, d: 3 };
      const terms = equation.split('->')[0].split(',');
      return [
        `Einsum ${equation}`,
        { opType: 'Einsum', inputs: terms.map((term) => x([...term].map((i) => size[i]))), attributes: { equation } },
      ];
    },
  ),
];

interface ConvSettings {
  readonly in: number[];
  readonly w: number[];
  readonly attributes: NodeCase['attributes'];
}
const convolutions: ConvSettings[] = [
  { in: spatial, w: [3, 2, 3, 3], attributes: { pads: [1, 1, 1, 1] } },
  { in: spatial, w: [3, 2, 3, 3], attributes: { pads: [0, 1, 2, 0] } },
  { in: spatial, w: [3, 2, 3, 2], attributes: { strides: [2, 2], pads: [1, 1, 0, 1] } },
  { in: spatial, w: [3, 2, 2, 2], attributes: { strides: [2, 2] } },
  { in: [1, 2, 4, 6], w: [3, 2, 2, 2], attributes: { strides: [2, 2] } },
  { in: [2, 2, 5, 5], w: [2, 2, 3, 3], attributes: { dilations: [2, 2], pads: [2, 2, 2, 2] } },
  { in: [1, 4, 4, 4], w: [6, 2, 3, 3], attributes: { group: 2, pads: [1, 1, 1, 1] } },
  { in: [1, 4, 4, 4], w: [4, 1, 3, 3], attributes: { group: 4, strides: [2, 2], pads: [1, 1, 1, 1] } },
  { in: spatial, w: [3, 2, 3, 3], attributes: { auto_pad: 'SAME_UPPER', strides: [2, 2] } },
  { in: spatial, w: [3, 2, 2, 2], attributes: { auto_pad: 'SAME_LOWER' } },
  { in: spatial, w: [3, 2, 2, 2], attributes: { auto_pad: 'VALID' } },
  { in: spatial, w: [3, 2, 1, 1], attributes: { pads: [1, 1, 1, 1] } },
  { in: [2, 2, 7], w: [3, 2, 3], attributes: { strides: [2], pads: [1, 1] } },
  { in: [1, 2, 3, 3, 2], w: [2, 2, 2, 2, 2], attributes: { pads: [1, 0, 0, 0, 1, 0] } },
];
const transposedConvolutions: ConvSettings[] = [
  { in: [1, 3, 3, 2], w: [3, 2, 3, 3], attributes: {} },
  { in: [1, 3, 3, 2], w: [3, 2, 4, 4], attributes: { strides: [2, 2], pads: [1, 1, 1, 1] } },
  { in: [1, 3, 3, 2], w: [3, 2, 3, 3], attributes: { strides: [2, 2], pads: [1, 1, 1, 1], output_padding: [1, 1] } },
  { in: [1, 4, 2, 2], w: [4, 2, 3, 3], attributes: { group: 2, dilations: [2, 1] } },
  { in: [1, 3, 3, 3], w: [3, 2, 3, 3], attributes: { strides: [2, 2], auto_pad: 'SAME_UPPER' } },
  { in: [1, 3, 3, 3], w: [3, 2, 3, 3], attributes: { strides: [2, 2], output_shape: [6, 6] } },
];
const convolution = (opType: string, settings: ConvSettings[]): [string, NodeCase][] =>
  settings.flatMap((s): [string, NodeCase][] => {
    const name = `${opType} [${s.in.join()}] * [${s.w.join()}] ${JSON.stringify(s.attributes)}`;
    const groups = Number(s.attributes?.['group'] ?? 1);
    const channels = opType === 'Conv' ? s.w[0] : s.w[1] * groups;
    const attributes = s.attributes ?? {};
    const without = s.in.length === 5 ? { withoutTfjs: 'lines and planes only' } : {};
    return [
      [`${name}, constant weights`, { opType, inputs: [x(s.in), c(s.w), c([channels])], attributes, ...without }],
      [`${name}, all`, { opType, inputs: [x(s.in), x(s.w), x([channels])], attributes, ...without }],
    ];
  });

const shapes: [string, NodeCase][] = [
  ['Reshape', { opType: 'Reshape', inputs: [x([2, 3, 2]), k([3, -1])] }],
  ['Flatten', { opType: 'Flatten', inputs: [x([2, 3, 2])], attributes: { axis: 2 } }],
  ['Squeeze', { opType: 'Squeeze', inputs: [x([2, 1, 3]), k([1])] }],
  ['Unsqueeze', { opType: 'Unsqueeze', inputs: [x([2, 3]), k([0, 2])] }],
  ['Transpose', { opType: 'Transpose', inputs: [x([2, 3, 4])], attributes: { perm: [2, 0, 1] } }],
  ['Transpose, reversed', { opType: 'Transpose', inputs: [x([2, 3, 4])] }],
  ['Slice', { opType: 'Slice', inputs: [x([4, 5]), k([1, -3]), k([3, 9999]), k([0, 1])] }],
  ['Slice, every second', { opType: 'Slice', inputs: [x([5, 6]), k([1, 0]), k([5, 5]), k([0, 1]), k([2, 3])] }],
  ['Slice, backwards', { opType: 'Slice', inputs: [x([5, 6]), k([-1, 4]), k([-99, 0]), k([0, 1]), k([-1, -2])] }],
  ['Split', { opType: 'Split', inputs: [x([2, 5]), k([2, 3])], attributes: { axis: 1 }, numOutputs: 2 }],
  [
    'Split, operator set 11',
    { opType: 'Split', inputs: [x([2, 6])], attributes: { axis: -1, split: [2, 1, 3] }, numOutputs: 3, opset: 11 },
  ],
  ['Concat', { opType: 'Concat', inputs: [x([2, 1]), c([2, 2]), x([2, 3])], attributes: { axis: -1 } }],
  ['Expand', { opType: 'Expand', inputs: [x([3, 1]), k([2, 3, 4])] }],
  ['Tile', { opType: 'Tile', inputs: [x([2, 3]), k([2, 3])] }],
  ['Pad', { opType: 'Pad', inputs: [x([3, 4]), k([1, 0, 2, 3])] }],
  ['Pad, cropping', { opType: 'Pad', inputs: [x([3, 4]), k([-1, 2, 1, -1])] }],
  ['Pad, reflected', { opType: 'Pad', inputs: [x([1, 3, 4]), k([0, 2, 1, 0, 1, 3])], attributes: { mode: 'reflect' } }],
  ['Pad, edge', { opType: 'Pad', inputs: [x([1, 3, 4]), k([0, 2, 1, 0, 1, 3])], attributes: { mode: 'edge' } }],
  [
    'DepthToSpace DCR',
    { opType: 'DepthToSpace', inputs: [x([1, 8, 2, 1])], attributes: { blocksize: 2, mode: 'DCR' } },
  ],
  [
    'DepthToSpace CRD',
    { opType: 'DepthToSpace', inputs: [x([1, 8, 2, 1])], attributes: { blocksize: 2, mode: 'CRD' } },
  ],
  ['SpaceToDepth', { opType: 'SpaceToDepth', inputs: [x([1, 2, 4, 2])], attributes: { blocksize: 2 } }],
];

const reductions: [string, NodeCase][] = [
  ...[
    'ReduceSum',
    'ReduceMean',
    'ReduceMax',
    'ReduceMin',
    'ReduceL1',
    'ReduceL2',
    'ReduceSumSquare',
    'ReduceLogSumExp',
    'ReduceLogSum',
  ].flatMap((opType): [string, NodeCase][] => {
    const input = x([2, 3, 4], opType === 'ReduceLogSum' ? positive : [-1.5, 1.5]);
    const attributes = { axes: [0, -1] };
    return [
      [`${opType}, kept axes`, { opType, inputs: [input], attributes, opset: 12 }],
      [
        `${opType}, dropped axes, operator set 18`,
        { opType, inputs: [input, k([1])], attributes: { keepdims: 0 }, opset: 18 },
      ],
      [`${opType}, everything`, { opType, inputs: [input], attributes: { keepdims: 0 } }],
    ];
  }),
  ['GlobalAveragePool', { opType: 'GlobalAveragePool', inputs: [x(spatial)] }],
  ['GlobalMaxPool', { opType: 'GlobalMaxPool', inputs: [x(spatial)] }],
];

/** At least one case of every operator with a gradient. */
const normalisations: [string, NodeCase][] = [
  ['InstanceNormalization', { opType: 'InstanceNormalization', inputs: [x(spatial), x([2]), x([2])] }],
  [
    'InstanceNormalization, plain, batch',
    { opType: 'InstanceNormalization', inputs: [x([2, 2, 7]), k([1, 1], [2], 'float32'), k([0, 0], [2], 'float32')] },
  ],
  ['LayerNormalization', { opType: 'LayerNormalization', inputs: [x([2, 3, 4]), x([4]), x([4])] }],
  [
    'LayerNormalization, two axes, no shift',
    { opType: 'LayerNormalization', inputs: [x([2, 3, 2]), x([3, 2])], attributes: { axis: 1, epsilon: 1e-3 } },
  ],
  ['LayerNormalization, constant scale', { opType: 'LayerNormalization', inputs: [x([3, 4]), c([4]), c([4])] }],
  [
    'GroupNormalization 18',
    { opType: 'GroupNormalization', inputs: [x([1, 4, 3]), x([2]), x([2])], attributes: { num_groups: 2 }, opset: 18 },
  ],
  [
    'GroupNormalization 21',
    { opType: 'GroupNormalization', inputs: [x([2, 4, 3]), x([4]), x([4])], attributes: { num_groups: 2 }, opset: 21 },
  ],
  [
    'BatchNormalization',
    { opType: 'BatchNormalization', inputs: [x(spatial), x([2]), x([2]), c([2]), c([2], positive)] },
  ],
  ['Softmax', { opType: 'Softmax', inputs: [x([2, 3, 4])] }],
  ['Softmax, inner axis', { opType: 'Softmax', inputs: [x([2, 3, 4])], attributes: { axis: 1 } }],
  ['Softmax, operator set 12', { opType: 'Softmax', inputs: [x([2, 3, 4])], attributes: { axis: 1 }, opset: 12 }],
  ['LogSoftmax', { opType: 'LogSoftmax', inputs: [x([2, 3])], attributes: { axis: 0 } }],
  ['LpNormalization', { opType: 'LpNormalization', inputs: [x([2, 3])], attributes: { axis: 1 } }],
  ['LpNormalization 1', { opType: 'LpNormalization', inputs: [x([2, 3])], attributes: { axis: -1, p: 1 } }],
];

const pools: NonNullable<NodeCase['attributes']>[] = [
  { kernel_shape: [2, 2], strides: [2, 2] },
  { kernel_shape: [3, 2], strides: [1, 2], pads: [1, 0, 1, 0] },
  { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] },
  { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 },
  { kernel_shape: [3, 3], strides: [2, 2], auto_pad: 'SAME_UPPER' },
];
const pooling: [string, NodeCase][] = pools.flatMap((attributes): [string, NodeCase][] => [
  [`AveragePool ${JSON.stringify(attributes)}`, { opType: 'AveragePool', inputs: [x([1, 2, 5, 4])], attributes }],
  [`AveragePool ${JSON.stringify(attributes)}, even`, { opType: 'AveragePool', inputs: [x([1, 2, 4, 6])], attributes }],
  [
    `AveragePool ${JSON.stringify(attributes)}, padding counted`,
    { opType: 'AveragePool', inputs: [x([1, 2, 4, 4])], attributes: { ...attributes, count_include_pad: 1 } },
  ],
  [`MaxPool ${JSON.stringify(attributes)}`, { opType: 'MaxPool', inputs: [x([2, 2, 5, 4])], attributes }],
]);

const resize = (attributes: NodeCase['attributes'], scales: number[], size = [1, 2, 3, 4]): [string, NodeCase] => [
  `Resize ${JSON.stringify(attributes)} by ${scales.join()}`,
  { opType: 'Resize', inputs: [x(size), none, k(scales, [4], 'float32')], attributes: attributes ?? {} },
];
const sampling: [string, NodeCase][] = [
  resize({ mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' }, [1, 1, 2, 2]),
  resize({ mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' }, [1, 1, 3, 2]),
  resize({ mode: 'nearest' }, [1, 1, 1.5, 0.5]),
  resize({ mode: 'nearest', nearest_mode: 'ceil', coordinate_transformation_mode: 'asymmetric' }, [1, 1, 1.5, 2]),
  resize({ mode: 'nearest', nearest_mode: 'round_prefer_ceil' }, [1, 1, 2.5, 2]),
  resize({ mode: 'linear', coordinate_transformation_mode: 'pytorch_half_pixel' }, [1, 1, 2, 2]),
  resize({ mode: 'linear', coordinate_transformation_mode: 'align_corners' }, [1, 1, 2, 1.5]),
  resize({ mode: 'linear', coordinate_transformation_mode: 'asymmetric' }, [1, 1, 2, 0.5]),
  resize({ mode: 'linear' }, [1, 1, 1.7, 1.3]),
  resize({ mode: 'cubic', coordinate_transformation_mode: 'half_pixel' }, [1, 1, 2, 2]),
  resize({ mode: 'cubic', cubic_coeff_a: -0.5, exclude_outside: 1 }, [1, 1, 2, 1.5]),
  [
    'Resize to sizes',
    { opType: 'Resize', inputs: [x([1, 1, 3, 4]), none, none, k([1, 1, 5, 6])], attributes: { mode: 'linear' } },
  ],
  ['Gather, one place', { opType: 'Gather', inputs: [x([3, 4]), k([-2], [])], attributes: { axis: 1 } }],
  ['Gather, a run', { opType: 'Gather', inputs: [x([5, 2]), k([1, 2, 3])] }],
  ['Gather, a permutation', { opType: 'Gather', inputs: [x([2, 4]), k([2, 0, 3, 1])], attributes: { axis: 1 } }],
  ['Gather, some', { opType: 'Gather', inputs: [x([2, 5, 2]), k([4, 0, 3, 1], [2, 2])], attributes: { axis: 1 } }],
  ['Gather, repeated', { opType: 'Gather', inputs: [x([2, 3, 2]), k([2, 0, 2, -1], [2, 2])], attributes: { axis: 1 } }],
  [
    'GatherElements',
    { opType: 'GatherElements', inputs: [x([3, 2]), k([0, 1, 0, 0], [2, 2])], attributes: { axis: 1 } },
  ],
  ['GatherND', { opType: 'GatherND', inputs: [x([3, 2, 2]), k([0, 1, 2, 0, 0, 1], [3, 2])] }],
  ['CumSum', { opType: 'CumSum', inputs: [x([2, 4]), k([1], [])] }],
  [
    'CumSum, reverse and exclusive',
    { opType: 'CumSum', inputs: [x([2, 4]), k([1], [])], attributes: { reverse: 1, exclusive: 1 } },
  ],
  ['Trilu', { opType: 'Trilu', inputs: [x([3, 4]), k([1], [])], attributes: { upper: 0 } }],
];

const allCases: [string, NodeCase][] = [
  ...elementwise,
  ...arithmetic,
  ...matmul,
  ...convolution('Conv', convolutions),
  ...convolution('ConvTranspose', transposedConvolutions),
  ...shapes,
  ...reductions,
  ...normalisations,
  ...pooling,
  ...sampling,
];

/** Where two candidates nearly tie, a large step would jump from one to the other. */
export const vjpCases: [string, NodeCase][] = allCases.map(([name, nodeCase]) => [
  name,
  /Max|Min/.test(name) ? { ...nodeCase, step: 4e-4 } : nodeCase,
]);
