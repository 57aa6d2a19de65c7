import { createGraphBuilder, type GraphBuilder, type Value } from '../../graph/graph-builder.js';
import type { Graph } from '../../runtime/onnx-runtime.js';
import { blockPilotElements, combPilotElements } from '../../ofdm/pilots.js';
import type { Grid } from '../../ofdm/grid.js';
import type { LinkSetting } from '../receiver.js';
import { elementMapping } from './element-mapping.js';

/** What of the physics the operator models beside Y = H·X. */
export interface ForwardOperatorOptions {
  /**
   * `taps`: the channel is an input [batch, P, L], L the setting's window. `elements`: the response of every resource element is, [batch, P·S·M].
   */
  readonly channel: 'taps' | 'elements';
  /** Whether the transmitter's clipping is part of it (where the grid clips). */
  readonly clipping: boolean;
  /** Whether inter-symbol interference is, where the taps' window outlasts the cyclic prefix; needs `taps`. */
  readonly interference: boolean;
  /** Whether the receiver may use what it knows of the block pilots: they reach into the first data symbol. */
  readonly knownPilots: boolean;
  /**
   * What latents are scaled by: a codeword's `own` power, as the transmitter does, or the power that the sent picture's latents had
   * (`told`, an input): then the codeword of a picture of less contrast has less power.
   */
  readonly power: 'own' | 'told';
}

/** A complex value inside a graph, as a real pair. */
interface ComplexValue {
  readonly re: Value;
  readonly im: Value;
}

/**
 * The forward operator W(z; h) as an ONNX graph, from the encoder's latents to the distance from what was received:
 *
 *   z = latents·√(½ / P)                     P the latents' own mean square (mean |z|² = 1), or what is told
 *   X[p,s,m] = √(1−ρ)·z[symbol of the cell] + √ρ·C
 *   x = IDFT(X and comb pilots), clipped to |x| ≤ γ·√power, prefixed
 *   y[n] = Σ_l h_l·x[n−l] across symbols,   Ŷ = DFT(y)
 *   distance = ‖Y − Ŷ‖₂                      the norm, not its square (DiffCom, algorithm 1)
 *
 * Without clipping and interference the time domain drops out: Ŷ = (F_L h)∘X. The operator is exactly linear in h and
 * differentiable in z; clipping is differentiated as it is (its gradient is that of x·min(1, A/|x|)).
 *
 * Inputs: latents [batch,C,h,w]; channel_re, channel_im; received_re, received_im [batch, P·S·M]; latent_power [1] where it is told; of a codec that
 * chooses what it sends, what `toldOf` gives: P is then the mean square of the latents that are sent.
 * Outputs: distance [batch]; expected_re, expected_im (Ŷ) and sent_re, sent_im (X, clipped where Ŷ = H·X of what was clipped) [batch, P·S·M],
 * padding resource elements included.
 */
export function createForwardGraph(setting: LinkSetting, options: ForwardOperatorOptions): Graph {
  const { grid, interleaver, layout, tapPrior } = setting;
  const { numPackets } = interleaver;
  const numElements = numPackets * grid.elementsPerPacket;
  const numTaps = tapPrior.length;
  const builder = createGraphBuilder('forward-operator');
  const op = (type: string, ...inputs: Value[]): Value => builder.node(type, inputs);
  const latents = builder.input('latents', ['batch', layout.channels, layout.height, layout.width]);
  const channelDims = options.channel === 'taps' ? ['batch', numPackets, numTaps] : ['batch', numElements];
  const channel: ComplexValue = {
    re: builder.input('channel_re', channelDims),
    im: builder.input('channel_im', channelDims),
  };
  const received: ComplexValue = {
    re: builder.input('received_re', ['batch', numElements]),
    im: builder.input('received_im', ['batch', numElements]),
  };

  const numLatents = layout.channels * layout.height * layout.width;
  const flat = builder.node('Reshape', [latents, builder.int64s([-1, numLatents])]);
  const square = op('Mul', flat, flat);
  const power =
    options.power === 'told'
      ? builder.input('latent_power', [1])
      : layout.side === null
        ? builder.node('ReduceMean', [square], { axes: [1], keepdims: 1 })
        : meanOver(builder, square, builder.input('sent_mask', [1, numLatents]));
  const z = op('Mul', flat, op('Sqrt', op('Div', builder.scalar(0.5), op('Add', power, builder.scalar(1e-12)))));

  const fixed = layout.side === null ? elementMapping(setting) : null;
  const part = (name: 're' | 'im'): Value => {
    if (fixed === null) {
      // Another choice with each picture: what is where is an input, so that the graph is one.
      const index = builder.node('Cast', [builder.input(`place_${name}`, [numElements])], { to: INT64 });
      const picked = builder.node('Gather', [z, index], { axis: 1 });
      const scaled = op('Mul', picked, builder.input(`amplitude_${name}`, [1, numElements]));
      return op('Add', scaled, builder.input(`known_${name}`, [1, numElements]));
    }
    const { place, amplitude, known } = fixed[name];
    const picked = builder.node('Gather', [z, builder.int64s([...place])], { axis: 1 });
    const scaled = op('Mul', picked, builder.constant(amplitude, [1, numElements]));
    return known.every((v) => v === 0) ? scaled : op('Add', scaled, builder.constant(known, [1, numElements]));
  };
  const elements: ComplexValue = { re: part('re'), im: part('im') };

  const clips = options.clipping && grid.config.clippingRatio !== null;
  const interferes = options.interference && options.channel === 'taps' && numTaps - 1 > grid.cyclicPrefixLength;
  const symbols = new SymbolGraph(builder, grid, numPackets);
  let sent = elements;
  let expected: ComplexValue;
  if (interferes) {
    const time = symbols.toTime(elements, clips);
    expected = symbols.fromTime(symbols.convolve(time, channel, numTaps, options.knownPilots));
  } else {
    if (clips) sent = symbols.fromTime(symbols.toTime(elements, true));
    const response = options.channel === 'taps' ? symbols.responseOf(channel, numTaps) : channel;
    expected = product(builder, response, sent);
  }
  const error: ComplexValue = { re: op('Sub', received.re, expected.re), im: op('Sub', received.im, expected.im) };
  const energy = builder.node(
    'ReduceSum',
    [op('Add', op('Mul', error.re, error.re), op('Mul', error.im, error.im)), builder.int64s([1])],
    { keepdims: 0 },
  );
  builder.output('distance', op('Sqrt', op('Add', energy, builder.scalar(1e-12))), ['batch']);
  builder.output('expected_re', expected.re, ['batch', numElements]);
  builder.output('expected_im', expected.im, ['batch', numElements]);
  builder.output('sent_re', sent.re, ['batch', numElements]);
  builder.output('sent_im', sent.im, ['batch', numElements]);
  return { name: forwardName(setting, options), bytes: builder.build() };
}

const INT64 = 7;

/** Mean of [batch, n] over the places where `mask` [1, n] is 1: [batch, 1]. */
function meanOver(builder: GraphBuilder, values: Value, mask: Value): Value {
  const axes = builder.int64s([1]);
  const sum = (x: Value): Value => builder.node('ReduceSum', [x, axes], { keepdims: 1 });
  return builder.node('Div', [sum(builder.node('Mul', [values, mask])), sum(mask)]);
}

/** Tells operators apart in the runtime's cache. */
export function forwardName(
  { grid, interleaver, layout, tapPrior, rho }: LinkSetting,
  options: ForwardOperatorOptions,
): string {
  const size = [layout.channels, layout.height, layout.width, interleaver.numPackets, tapPrior.length, rho];
  return `forward operator ${size.join('×')}${layout.side === null ? '' : ' masked'} ${JSON.stringify(options)} ${JSON.stringify(grid.config)}`;
}

/** a·b, elementwise. */
function product(builder: GraphBuilder, a: ComplexValue, b: ComplexValue): ComplexValue {
  const op = (type: string, ...inputs: Value[]): Value => builder.node(type, inputs);
  return {
    re: op('Sub', op('Mul', a.re, b.re), op('Mul', a.im, b.im)),
    im: op('Add', op('Mul', a.re, b.im), op('Mul', a.im, b.re)),
  };
}

/** The OFDM modem as matrix products: data resource elements [batch, P·S·M] ↔ symbols in time [batch, P·S, N]. */
class SymbolGraph {
  constructor(
    private readonly builder: GraphBuilder,
    private readonly grid: Grid,
    private readonly numPackets: number,
  ) {}

  private get numSymbols(): number {
    return this.numPackets * this.grid.symbolsPerPacket;
  }

  private op(type: string, ...inputs: Value[]): Value {
    return this.builder.node(type, inputs);
  }

  private reshape(x: Value, dims: readonly number[]): Value {
    return this.builder.node('Reshape', [x, this.builder.int64s(dims)]);
  }

  /** exp(j·sign·2π·bin_m·n/N)·scale as a pair of [rows, columns] constants. */
  private turns(
    bins: ArrayLike<number>,
    times: number,
    sign: number,
    scale: number,
    binsAreRows: boolean,
  ): ComplexValue {
    const [rows, columns] = binsAreRows ? [bins.length, times] : [times, bins.length];
    const re = new Float32Array(rows * columns);
    const im = new Float32Array(rows * columns);
    for (let m = 0; m < bins.length; m++) {
      for (let n = 0; n < times; n++) {
        const angle = (sign * 2 * Math.PI * ((bins[m] * n) % this.grid.fftSize)) / this.grid.fftSize;
        const at = binsAreRows ? m * columns + n : n * columns + m;
        re[at] = scale * Math.cos(angle);
        im[at] = scale * Math.sin(angle);
      }
    }
    return {
      re: this.builder.constant(re, [rows, columns]),
      im: this.builder.constant(im, [rows, columns]),
    };
  }

  private multiply(x: ComplexValue, matrix: ComplexValue): ComplexValue {
    const op = (type: string, ...inputs: Value[]): Value => this.op(type, ...inputs);
    return {
      re: op('Sub', op('MatMul', x.re, matrix.re), op('MatMul', x.im, matrix.im)),
      im: op('Add', op('MatMul', x.re, matrix.im), op('MatMul', x.im, matrix.re)),
    };
  }

  /** F_L h for every resource element: taps [batch, P, L] → [batch, P·S·M]. */
  responseOf(taps: ComplexValue, numTaps: number): ComplexValue {
    const { grid, numPackets } = this;
    const row = this.multiply(taps, this.turns(grid.dataBins, numTaps, -1, 1, false));
    const expand = (x: Value): Value => {
      const apart = this.reshape(x, [-1, numPackets, 1, grid.numDataSubcarriers]);
      const ones = this.builder.constant(new Float32Array(grid.symbolsPerPacket).fill(1), [
        1,
        1,
        grid.symbolsPerPacket,
        1,
      ]);
      return this.reshape(this.op('Mul', apart, ones), [-1, numPackets * grid.elementsPerPacket]);
    };
    return { re: expand(row.re), im: expand(row.im) };
  }

  /** Unitary IDFT of every data symbol, comb pilots added, clipped where asked: → [batch, P·S, N], no prefix. */
  toTime(elements: ComplexValue, clip: boolean): ComplexValue {
    const { grid, builder } = this;
    const scale = 1 / Math.sqrt(grid.fftSize);
    const rows = (x: Value): Value => this.reshape(x, [-1, this.numSymbols, grid.numDataSubcarriers]);
    const data = { re: rows(elements.re), im: rows(elements.im) };
    let time = this.multiply(data, this.turns(grid.dataBins, grid.fftSize, 1, scale, true));
    if (grid.numPilotSubcarriers > 0) {
      const comb = combSamples(grid, this.numPackets);
      const dims = [1, this.numSymbols, grid.fftSize];
      time = {
        re: this.op('Add', time.re, builder.constant(comb.re, dims)),
        im: this.op('Add', time.im, builder.constant(comb.im, dims)),
      };
    }
    const ratio = grid.config.clippingRatio;
    if (!clip || ratio === null) return time;
    const limit = builder.scalar(ratio * Math.sqrt(grid.meanPower));
    const square = this.op('Add', this.op('Mul', time.re, time.re), this.op('Mul', time.im, time.im));
    const size = this.op('Sqrt', this.op('Add', square, builder.scalar(1e-12)));
    const gain = this.op('Div', limit, this.op('Max', size, limit));
    return { re: this.op('Mul', time.re, gain), im: this.op('Mul', time.im, gain) };
  }

  /** Unitary DFT at the data bins: [batch, P·S, N] → [batch, P·S·M]. */
  fromTime(time: ComplexValue): ComplexValue {
    const { grid } = this;
    const elements = this.multiply(
      time,
      this.turns(grid.dataBins, grid.fftSize, -1, 1 / Math.sqrt(grid.fftSize), false),
    );
    const flat = (x: Value): Value => this.reshape(x, [-1, this.numPackets * grid.elementsPerPacket]);
    return { re: flat(elements.re), im: flat(elements.im) };
  }

  /**
   * The FFT windows behind the channel, interference from the symbol before included. Each symbol is written as the tail
   * of its predecessor (L−1−K samples), its prefix and itself; tap l then reads N samples from L−1−l on. What comes before
   * a packet's first data symbol is its last block pilot where that is known, and otherwise left out.
   */
  convolve(time: ComplexValue, taps: ComplexValue, numTaps: number, knownPilots: boolean): ComplexValue {
    const { grid, builder, numPackets } = this;
    const { fftSize, cyclicPrefixLength, symbolsPerPacket } = grid;
    const tail = numTaps - 1 - cyclicPrefixLength;
    const axis = builder.int64s([3]);
    const slice = (x: Value, from: number, to: number, at: Value): Value =>
      this.op('Slice', x, builder.int64s([from]), builder.int64s([to]), at);
    const before = knownPilots && grid.pilotSymbols > 0 ? pilotTail(grid, numPackets, tail) : null;
    const extended = (x: Value, known: Float32Array): Value => {
      const apart = this.reshape(x, [-1, numPackets, symbolsPerPacket, fftSize]);
      const ends = slice(apart, fftSize - tail, fftSize, axis);
      const earlier = slice(ends, 0, symbolsPerPacket - 1, builder.int64s([2]));
      // A batch of first rows: constants take their batch from a row of zeros.
      const none = this.op('Mul', slice(ends, 0, 1, builder.int64s([2])), builder.scalar(0));
      const first = this.op('Add', none, builder.constant(known, [1, numPackets, 1, tail]));
      const previous = builder.node('Concat', [first, earlier], { axis: 2 });
      const prefix = slice(apart, fftSize - cyclicPrefixLength, fftSize, axis);
      const parts = cyclicPrefixLength > 0 ? [previous, prefix, apart] : [previous, apart];
      return builder.node('Concat', parts, { axis: 3 });
    };
    const zeros = new Float32Array(numPackets * tail);
    const x = { re: extended(time.re, before?.re ?? zeros), im: extended(time.im, before?.im ?? zeros) };
    let sum: ComplexValue | null = null;
    const lastAxis = builder.int64s([2]);
    for (let l = 0; l < numTaps; l++) {
      const tap = (h: Value): Value => this.reshape(slice(h, l, l + 1, lastAxis), [-1, numPackets, 1, 1]);
      const from = numTaps - 1 - l;
      const shifted = { re: slice(x.re, from, from + fftSize, axis), im: slice(x.im, from, from + fftSize, axis) };
      const term = product(builder, { re: tap(taps.re), im: tap(taps.im) }, shifted);
      sum = sum === null ? term : { re: this.op('Add', sum.re, term.re), im: this.op('Add', sum.im, term.im) };
    }
    if (sum === null) throw new RangeError('a channel has at least one tap');
    const flat = (value: Value): Value => this.reshape(value, [-1, this.numSymbols, fftSize]);
    return { re: flat(sum.re), im: flat(sum.im) };
  }
}

/** What the comb pilots add to every data symbol, [P·S, N]. */
function combSamples(grid: Grid, numPackets: number): { re: Float32Array; im: Float32Array } {
  const elements = combPilotElements(grid);
  const n = grid.fftSize;
  const out = { re: new Float32Array(numPackets * grid.symbolsPerPacket * n), im: new Float32Array(0) };
  out.im = new Float32Array(out.re.length);
  for (let p = 0; p < numPackets; p++) {
    for (let s = 0; s < grid.symbolsPerPacket; s++) {
      addSamples(grid.pilotBins, n, elements, s * grid.numPilotSubcarriers, out, (p * grid.symbolsPerPacket + s) * n);
    }
  }
  return out;
}

/** The last `count` samples of each packet's last block pilot, [P, count]. */
function pilotTail(grid: Grid, numPackets: number, count: number): { re: Float32Array; im: Float32Array } {
  const elements = blockPilotElements(grid);
  const n = grid.fftSize;
  const symbol = { re: new Float32Array(n), im: new Float32Array(n) };
  addSamples(grid.activeBins, n, elements, (grid.pilotSymbols - 1) * grid.numActiveSubcarriers, symbol, 0);
  const out = { re: new Float32Array(numPackets * count), im: new Float32Array(numPackets * count) };
  for (let p = 0; p < numPackets; p++) {
    out.re.set(symbol.re.subarray(n - count), p * count);
    out.im.set(symbol.im.subarray(n - count), p * count);
  }
  return out;
}

/** out[at + t] += (1/√N)·Σ_i cell_i·exp(+j2π·bin_i·t/N). */
function addSamples(
  bins: Int32Array,
  n: number,
  elements: { re: Float32Array; im: Float32Array },
  from: number,
  out: { re: Float32Array; im: Float32Array },
  at: number,
): void {
  const scale = 1 / Math.sqrt(n);
  for (let i = 0; i < bins.length; i++) {
    const cr = scale * elements.re[from + i];
    const ci = scale * elements.im[from + i];
    for (let t = 0; t < n; t++) {
      const angle = (2 * Math.PI * ((bins[i] * t) % n)) / n;
      out.re[at + t] += cr * Math.cos(angle) - ci * Math.sin(angle);
      out.im[at + t] += ci * Math.cos(angle) + cr * Math.sin(angle);
    }
  }
}

/**
 * W⁻¹ as a graph: MMSE equalisation, superimposed pilot removed, de-interleaved,
 *
 *   z̃ = √(1−ρ)·Ĥ*·(Y − √ρ·Ĥ·C) / ((1−ρ)|Ĥ|² + σ²).
 *
 * Inputs: elements_re, elements_im, response_re, response_im [batch, P·S·M]; noise_variance [1]; of a codec that chooses what it sends, what `toldOf` gives.
 * Output: latents [batch,C,h,w], then at the encoder's own scale.
 */
export function createEqualiserGraph(setting: LinkSetting): Graph {
  const { grid, interleaver, layout, rho, superimposed } = setting;
  const numElements = interleaver.numPackets * grid.elementsPerPacket;
  const builder = createGraphBuilder('equaliser');
  const op = (type: string, ...inputs: Value[]): Value => builder.node(type, inputs);
  const pair = (name: string): ComplexValue => ({
    re: builder.input(`${name}_re`, ['batch', numElements]),
    im: builder.input(`${name}_im`, ['batch', numElements]),
  });
  let elements = pair('elements');
  const response = pair('response');
  const noise = builder.input('noise_variance', [1]);
  if (rho > 0) {
    const known = (values: Float32Array): Value =>
      builder.constant(
        values.map((v) => Math.sqrt(rho) * v),
        [1, numElements],
      );
    const heard = product(builder, response, { re: known(superimposed.re), im: known(superimposed.im) });
    elements = { re: op('Sub', elements.re, heard.re), im: op('Sub', elements.im, heard.im) };
  }
  const power = op('Add', op('Mul', response.re, response.re), op('Mul', response.im, response.im));
  const denominator = op('Add', op('Mul', power, builder.scalar(1 - rho)), noise);
  const gain = op('Div', builder.scalar(Math.sqrt(1 - rho)), denominator);
  const turned = product(builder, { re: response.re, im: op('Neg', response.im) }, elements);
  const dims = [layout.channels, layout.height, layout.width];
  const picked = (x: Value, index: Value): Value => builder.node('Gather', [op('Mul', x, gain), index], { axis: 1 });
  let flat: Value;
  if (layout.side === null) {
    const order = new Array<number>(layout.numSymbols);
    layout.latentOf.forEach((latent, symbol) => {
      order[latent] = interleaver.elementOf[symbol];
    });
    const index = builder.int64s(order);
    flat = builder.node('Concat', [picked(turned.re, index), picked(turned.im, index)], { axis: 1 });
  } else {
    const numLatents = layout.channels * layout.height * layout.width;
    const index = builder.node('Cast', [builder.input('element_of', [numLatents])], { to: INT64 });
    const [real, imaginary] = ['is_real', 'is_imaginary'].map((name) => builder.input(name, [1, numLatents]));
    flat = op('Add', op('Mul', picked(turned.re, index), real), op('Mul', picked(turned.im, index), imaginary));
  }
  builder.output('latents', builder.node('Reshape', [flat, builder.int64s([-1, ...dims])]), ['batch', ...dims]);
  return {
    name: `equaliser ${dims.join('×')}${layout.side === null ? '' : ' masked'} ${interleaver.numPackets} ${rho} ${grid.config.seed}`,
    bytes: builder.build(),
  };
}
