/** One axis of ONNX's Resize. */
export interface ResizeAxis {
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
