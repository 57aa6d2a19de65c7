import type { VjpRules } from './vjp-rule.js';
import { arithmeticRules } from './vjp-rules-arithmetic.js';
import { convRules } from './vjp-rules-conv.js';
import { elementwiseRules } from './vjp-rules-elementwise.js';
import { matmulRules } from './vjp-rules-matmul.js';
import { normalizationRules } from './vjp-rules-normalization.js';
import { poolingRules } from './vjp-rules-pooling.js';
import { reduceRules } from './vjp-rules-reduce.js';
import { samplingRules } from './vjp-rules-sampling.js';
import { shapeRules } from './vjp-rules-shape.js';

/** Every operator with a gradient. */
export const vjpRules: VjpRules = {
  ...arithmeticRules,
  ...elementwiseRules,
  ...matmulRules,
  ...convRules,
  ...shapeRules,
  ...reduceRules,
  ...normalizationRules,
  ...poolingRules,
  ...samplingRules,
};

/** Operators whose derivative is zero wherever it exists. */
export const withoutGradient: ReadonlySet<string> = new Set([
  'Sign',
  'Floor',
  'Ceil',
  'Round',
  'Shape',
  'Size',
  'ArgMax',
  'ArgMin',
  'NonZero',
  'ConstantOfShape',
  'OneHot',
  'EyeLike',
  'Equal',
  'Greater',
  'Less',
  'GreaterOrEqual',
  'LessOrEqual',
  'And',
  'Or',
  'Not',
  'Xor',
  'IsNaN',
  'IsInf',
  'Range',
  'RandomNormalLike',
  'RandomUniformLike',
  'Bernoulli',
]);
