/** SigMF metadata, the parts that blindlink uses by name. Everything else is kept as it was read. */
export interface SigmfGlobal {
  readonly 'core:datatype': string;
  readonly 'core:version': string;
  readonly 'core:sample_rate'?: number;
  readonly 'core:num_channels'?: number;
  readonly 'core:offset'?: number;
  readonly 'core:trailing_bytes'?: number;
  readonly 'core:dataset'?: string;
  readonly 'core:metadata_only'?: boolean;
  readonly 'core:sha512'?: string;
  readonly 'core:extensions'?: readonly SigmfExtension[];
  readonly [key: string]: unknown;
}

export interface SigmfExtension {
  readonly name: string;
  readonly version: string;
  readonly optional: boolean;
}

export interface SigmfCapture {
  readonly 'core:sample_start': number;
  /** BigInt beyond 2⁵³. */
  readonly 'core:global_index'?: number | bigint;
  readonly 'core:header_bytes'?: number;
  readonly 'core:frequency'?: number;
  readonly 'core:datetime'?: string;
  readonly [key: string]: unknown;
}

export interface SigmfAnnotation {
  readonly 'core:sample_start': number;
  readonly 'core:sample_count'?: number;
  readonly 'core:label'?: string;
  readonly 'core:comment'?: string;
  readonly [key: string]: unknown;
}

export interface SigmfMetadata {
  readonly global: SigmfGlobal;
  readonly captures: readonly SigmfCapture[];
  readonly annotations: readonly SigmfAnnotation[];
}

/** The version of the specification that blindlink writes. */
export const SIGMF_VERSION = '1.2.0';

/** blindlink's own namespace; docs/sigmf-extension.md says what each field means. */
export const blindlinkExtension: SigmfExtension = Object.freeze({
  name: 'blindlink',
  version: '1.0.0',
  optional: true,
});
