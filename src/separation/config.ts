import type { BuiltinSource } from '../compression/source-codec.js';
import type { ExternalCodecConfig } from '../compression/external-codec.js';
import type { OnnxCodecConfig } from '../compression/onnx-codec.js';
import type { Headers } from '../compression/fit-budget.js';
import type { LdpcDecoderConfig } from '../fec/ldpc-decoder.js';
import type { McsTableName } from '../fec/mcs.js';
import type { LlrKind } from '../fec/qam.js';

/** A conventional link: picture codec, channel code and modulation apart, over a codec's own channel uses. */
export interface SeparationConfig {
  readonly source: BuiltinSource | 'onnx' | 'external';
  /** The graphs of `source: onnx`. */
  readonly onnx?: OnnxCodecConfig | undefined;
  /** The two commands of `source: external`. */
  readonly external?: ExternalCodecConfig | undefined;
  readonly headers: Headers;
  /** Where the receiver has its channel from. */
  readonly csi: 'perfect' | 'pilot';
  /** An index of the table, or the highest that is expected to fail in no more than `targetFailure` of the frames. */
  readonly mcs: number | 'adaptive';
  readonly mcsTable: McsTableName;
  readonly targetFailure: number;
  /** Whether symbols are permuted over the whole frame before the grid's own interleaver. */
  readonly interleaving: 'frame' | 'none';
  readonly llr: LlrKind;
  readonly decoder: Omit<LdpcDecoderConfig, 'rows'>;
}
