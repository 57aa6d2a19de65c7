import Ajv2020 from 'ajv/dist/2020.js';
import { FormatError } from '../core/errors.js';
import type { SigmfMetadata } from './metadata.js';
import { withoutBigInts } from './metadata-json.js';

const index = { type: 'integer', minimum: 0 } as const;
const text = { type: 'string' } as const;
const frequency = { type: 'number', minimum: -1e12, maximum: 1e12 } as const;
const position = {
  type: 'object',
  required: ['type', 'coordinates'],
  properties: {
    type: { enum: ['Point'] },
    coordinates: { type: 'array', minItems: 2, items: { type: 'number' } },
    bbox: { type: 'array', minItems: 4, items: { type: 'number' } },
  },
} as const;

/** What blindlink adds to a recording; docs/sigmf-extension.md explains each field. */
export const blindlinkFields = {
  global: {
    'blindlink:link': { type: 'object' },
    'blindlink:picture_size': { type: 'array', minItems: 2, maxItems: 2, items: { type: 'integer', minimum: 1 } },
    'blindlink:frame_samples': { type: 'integer', minimum: 1 },
    'blindlink:sent': {
      type: 'array',
      items: {
        type: 'object',
        required: ['frame', 'picture'],
        properties: { frame: index, picture: text, sample_start: index },
        additionalProperties: false,
      },
    },
    'blindlink:counters': { type: 'object' },
    'blindlink:source': text,
  },
  captures: {
    'blindlink:gain_db': { type: 'number' },
    'blindlink:lost_samples': index,
    'blindlink:cause': text,
  },
  annotations: {
    'blindlink:frame': index,
    'blindlink:method': { enum: ['preamble', 'repetition', 'cp'] },
    'blindlink:cfo_hz': { type: 'number' },
    'blindlink:cfo_subcarriers': { type: 'number' },
    'blindlink:snr_db': { type: 'number' },
    'blindlink:metric': { type: 'number', minimum: 0 },
    'blindlink:receivers': {
      type: 'object',
      additionalProperties: {
        type: 'object',
        required: ['verdict'],
        properties: {
          verdict: { enum: ['decoded', 'doubtful', 'failed'] },
          confidence: { type: ['number', 'null'], minimum: 0, maximum: 1 },
          psnr_db: { type: ['number', 'null'] },
        },
        additionalProperties: false,
      },
    },
  },
} as const;

/**
 * SigMF 1.2 as a JSON schema, written from the specification's tables of the `core` namespace. Fields of namespaces
 * that are not known here may hold anything.
 */
export const metadataSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  required: ['global', 'captures', 'annotations'],
  properties: {
    global: {
      type: 'object',
      required: ['core:datatype', 'core:version'],
      properties: {
        'core:datatype': { type: 'string', pattern: '^[cr](f32|f64|i32|i16|u32|u16|i8|u8)(_le|_be)?$' },
        'core:version': { type: 'string', pattern: '^\\d+\\.\\d+\\.\\d+' },
        'core:sample_rate': { type: 'number', minimum: 1, maximum: 1e12 },
        'core:author': text,
        'core:collection': text,
        'core:dataset': { type: 'string', pattern: '^[^/\\\\:*?"<>|]+$' },
        'core:data_doi': text,
        'core:meta_doi': text,
        'core:description': text,
        'core:hw': text,
        'core:license': text,
        'core:metadata_only': { type: 'boolean' },
        'core:num_channels': { type: 'integer', minimum: 1, maximum: 1000 },
        'core:offset': index,
        'core:recorder': text,
        'core:sha512': { type: 'string', pattern: '^[0-9a-fA-F]{128}$' },
        'core:trailing_bytes': index,
        'core:geolocation': position,
        'core:extensions': {
          type: 'array',
          items: {
            type: 'object',
            required: ['name', 'version', 'optional'],
            properties: { name: text, version: text, optional: { type: 'boolean' } },
            additionalProperties: false,
          },
        },
        ...blindlinkFields.global,
      },
    },
    captures: {
      type: 'array',
      items: {
        type: 'object',
        required: ['core:sample_start'],
        properties: {
          'core:sample_start': index,
          'core:global_index': index,
          'core:header_bytes': index,
          'core:frequency': frequency,
          'core:datetime': { type: 'string', pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d+)?Z?$' },
          'core:geolocation': position,
          ...blindlinkFields.captures,
        },
      },
    },
    annotations: {
      type: 'array',
      items: {
        type: 'object',
        required: ['core:sample_start'],
        properties: {
          'core:sample_start': index,
          'core:sample_count': index,
          'core:generator': text,
          'core:label': text,
          'core:comment': text,
          'core:uuid': text,
          'core:freq_lower_edge': frequency,
          'core:freq_upper_edge': frequency,
          ...blindlinkFields.annotations,
        },
        dependentRequired: {
          'core:freq_lower_edge': ['core:freq_upper_edge'],
          'core:freq_upper_edge': ['core:freq_lower_edge'],
        },
      },
    },
  },
} as const;

const check = new Ajv2020.default({ allowUnionTypes: true, allErrors: false }).compile(metadataSchema);

/**
 * Checks metadata against the schema, and what a schema cannot say: segments and annotations in order of their first
 * sample, and no required extension that blindlink does not know.
 *
 * @param where file name for the message
 * @throws FormatError naming the field
 */
export function validateMetadata(value: unknown, where: string): SigmfMetadata {
  if (!check(withoutBigInts(value))) {
    const [error] = check.errors ?? [];
    const field = error.instancePath.replaceAll('/', ' ').trim().replaceAll('~1', '/') || 'the top level';
    const extra = Object.values(error.params as Record<string, unknown>).map((v) => JSON.stringify(v));
    throw new FormatError(
      'recording.metadata',
      `${where}: not SigMF 1.2 metadata: ${field} ${error.message ?? 'is wrong'}${error.keyword === 'required' ? '' : ` (${extra.join(', ')})`}`,
      { value },
    );
  }
  const metadata = value as SigmfMetadata;
  for (const part of ['captures', 'annotations'] as const) {
    const starts = metadata[part].map((item) => item['core:sample_start']);
    const at = starts.findIndex((start, i) => i > 0 && start < starts[i - 1]);
    // Annotations out of order hurt nobody; capture segments out of order would misplace samples.
    if (at >= 0 && part === 'captures') {
      throw new FormatError(
        'recording.order',
        `${where}: ${part} ${at} starts at ${starts[at]}, before the one before it; sort them by core:sample_start`,
      );
    }
  }
  for (const { name, optional } of metadata.global['core:extensions'] ?? []) {
    if (!optional && name !== 'blindlink') {
      throw new FormatError(
        'recording.extension',
        `${where}: needs the SigMF extension ${name}, which blindlink does not know; use a reader that does`,
        { value: name },
      );
    }
  }
  return metadata;
}
