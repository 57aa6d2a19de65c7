import { FormatError } from '../core/errors.js';
import { describeNode, floatAttribute, intAttribute, intsAttribute, type OnnxNode, stringAttribute } from './model.js';

/** One axis of ONNX's Resize. */
export interface ResizeAxis {
  readonly axis: number;
  readonly inSize: number;
  readonly outSize: number;
  /** As given to the node; outSize/inSize where sizes were given. */
  readonly scale: number;
  readonly mode: string;
  readonly coordinates: string;
  readonly nearest: string;
  readonly cubicA: number;
  readonly excludeOutside: boolean;
}

/** Where output place i lies on the input's axis. */
function source(i: number, { inSize, outSize, scale, coordinates }: ResizeAxis): number {
  switch (coordinates) {
    case 'asymmetric':
      return i / scale;
    case 'align_corners':
      return outSize === 1 ? 0 : (i * (inSize - 1)) / (outSize - 1);
    case 'pytorch_half_pixel':
      return outSize > 1 ? (i + 0.5) / scale - 0.5 : 0;
    case 'half_pixel_symmetric': {
      const adjustment = outSize / (scale * inSize);
      return (inSize / 2) * (1 - adjustment) + (i + 0.5) / scale - 0.5;
    }
    default:
      return (i + 0.5) / scale - 0.5;
  }
}

function nearestPlace(at: number, mode: string): number {
  switch (mode) {
    case 'floor':
      return Math.floor(at);
    case 'ceil':
      return Math.ceil(at);
    case 'round_prefer_ceil':
      return Math.floor(at + 0.5);
    default:
      return Math.ceil(at - 0.5);
  }
}

/** Keys' cubic kernel. */
function cubic(distance: number, a: number): number {
  const d = Math.abs(distance);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

/**
 * The matrix [outSize, inSize] by which Resize multiplies an axis: resizing is linear, whatever its mode, and its
 * vector–Jacobian product is the transpose.
 */
export function resizeMatrix(axis: ResizeAxis): Float32Array {
  const { inSize, outSize, mode, nearest, cubicA, excludeOutside } = axis;
  const matrix = new Float32Array(outSize * inSize);
  const clamp = (place: number): number => Math.min(Math.max(place, 0), inSize - 1);
  for (let i = 0; i < outSize; i++) {
    const at = source(i, axis);
    const row = i * inSize;
    if (mode === 'nearest') {
      matrix[row + clamp(nearestPlace(at, nearest))] = 1;
      continue;
    }
    const base = Math.floor(at);
    const taps = mode === 'cubic' ? [-1, 0, 1, 2] : [0, 1];
    const weights = taps.map((tap) => {
      const distance = at - (base + tap);
      const weight = mode === 'cubic' ? cubic(distance, cubicA) : 1 - Math.abs(distance);
      return excludeOutside && (base + tap < 0 || base + tap >= inSize) ? 0 : weight;
    });
    const total = excludeOutside ? weights.reduce((sum, v) => sum + v, 0) : 1;
    taps.forEach((tap, k) => {
      matrix[row + clamp(base + tap)] += weights[k] / total;
    });
  }
  return matrix;
}

/**
 * The axes that a Resize node changes.
 *
 * @param scales content of its scales input, empty where sizes are given instead
 */
export function resizeAxes(
  node: OnnxNode,
  inDims: readonly number[],
  outDims: readonly number[],
  scales: readonly number[],
): ResizeAxis[] {
  const coordinates = stringAttribute(node, 'coordinate_transformation_mode', 'half_pixel');
  if (coordinates === 'tf_crop_and_resize' || intAttribute(node, 'antialias', 0) === 1) {
    throw new FormatError('onnx.resize', `${describeNode(node)}: antialias and tf_crop_and_resize are not supported`);
  }
  const listed = intsAttribute(node, 'axes');
  const named = listed?.map((axis) => (axis + inDims.length) % inDims.length) ?? inDims.map((_, i) => i);
  return inDims.flatMap((inSize, axis) => {
    const scale = scales[named.indexOf(axis)] ?? outDims[axis] / inSize;
    if (inSize === outDims[axis] && scale === 1) return [];
    return [
      {
        axis,
        inSize,
        outSize: outDims[axis],
        scale,
        coordinates,
        mode: stringAttribute(node, 'mode', 'nearest'),
        nearest: stringAttribute(node, 'nearest_mode', 'round_prefer_floor'),
        cubicA: floatAttribute(node, 'cubic_coeff_a', -0.75),
        excludeOutside: intAttribute(node, 'exclude_outside', 0) === 1,
      },
    ];
  });
}
