import { z } from 'zod';
import { FormatError } from '../core/errors.js';
import { BUILTIN_SOURCES, MAX_PICTURE_BYTES, PICTURE_EDGES, STEERABLE } from './messages.js';

/** Bytes of any message but a picture. */
export const MAX_COMMAND_BYTES = 64 * 2 ** 10;
/** Edge of a camera picture. */
export const MAX_CAMERA_EDGE = 512;

/** The shape of a path to a receiver's own setting. */
const OWN_SETTING = /^receiver\.(?!names\b|baselines\b)[a-zA-Z][\w-]*(\.[a-zA-Z][\w-]*)+$/;

/** Receivers that may run at a time. */
const MAX_RECEIVERS = 16;

const id = z.int().min(0);
const bytes = z.instanceof(Uint8Array);
const tapSetting = z.looseObject({
  kind: z.enum(['exponential', 'profile', 'flat', 'identity', 'rician', 'drive-by'], {
    error:
      'must be one of exponential, profile, flat, identity, rician, drive-by (files are named where the link is started)',
  }),
});
const scalar = z.union([z.number(), z.string().max(200), z.null(), z.boolean()]);

const commandSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('hello'),
    protocol: z.number(),
    /** Who asks, for the log. */
    client: z.string().max(100).optional(),
    /** Frames a second at most. */
    maxRateHz: z.number().gt(0).max(120).optional(),
  }),
  z.strictObject({
    type: z.literal('set'),
    id,
    /** Values by path; null takes a setting back to its default. */
    changes: z.record(
      // The second are a receiver's own: which of them there are, the link knows.
      z.union([z.enum(STEERABLE), z.string().max(200).regex(OWN_SETTING)]),
      z.union([scalar, z.array(z.string().min(1).max(200)).min(1).max(MAX_RECEIVERS), tapSetting]),
    ),
  }),
  z.strictObject({ type: z.literal('pause'), id, paused: z.boolean() }),
  z.strictObject({ type: z.literal('step'), id }),
  z.strictObject({ type: z.literal('rate'), id, rateHz: z.number().min(0.1).max(60) }),
  z.strictObject({ type: z.literal('hold'), id, frames: z.int().min(1).max(10000) }),
  z.strictObject({ type: z.literal('source'), id, source: z.enum(['given', ...BUILTIN_SOURCES]) }),
  /** Edge of the squares that are sent; null: pictures as they are. */
  z.strictObject({
    type: z.literal('size'),
    id,
    edge: z.union([z.literal([...PICTURE_EDGES]), z.null()], {
      error: `must be ${PICTURE_EDGES.join(', ')} or null`,
    }),
  }),
  z.strictObject({ type: z.literal('picture'), id, name: z.string().min(1).max(200), bytes }),
  z.strictObject({
    type: z.literal('camera'),
    width: z.int().min(8).max(MAX_CAMERA_EDGE),
    height: z.int().min(8).max(MAX_CAMERA_EDGE),
    rgb: bytes,
    /** Any number that a stream's pictures share: once something else was chosen, those that are still on their way are let go. */
    session: z.int().min(0).optional(),
  }),
  z.strictObject({ type: z.literal('restart'), id, receiver: z.string().min(1).max(200) }),
  z.strictObject({ type: z.literal('record'), id, on: z.boolean() }),
]);

export type ClientMessage = z.infer<typeof commandSchema>;
export type HelloMessage = Extract<ClientMessage, { type: 'hello' }>;
/** What steers the link: everything but the greeting. */
export type LiveCommand = Exclude<ClientMessage, HelloMessage>;

/** Checks a message from outside. @throws FormatError, one line */
export function parseClientMessage(value: unknown, size: number): ClientMessage {
  const given = (value as { type?: unknown } | null)?.type;
  const limit =
    given === 'picture' ? MAX_PICTURE_BYTES : given === 'camera' ? 4 * MAX_CAMERA_EDGE ** 2 : MAX_COMMAND_BYTES;
  if (size > limit) {
    const kind = typeof given === 'string' ? given.slice(0, 40) : 'it';
    throw new FormatError('message.oversized', `message refused: ${kind} has ${size} bytes, the limit is ${limit}`);
  }
  const parsed = commandSchema.safeParse(value);
  if (!parsed.success) {
    throw new FormatError('message.malformed', `message refused: ${explain(parsed.error.issues[0], value)}`);
  }
  const message = parsed.data;
  if (message.type === 'camera' && message.rgb.length !== 3 * message.width * message.height) {
    throw new FormatError(
      'message.malformed',
      `message refused: a camera picture of ${message.width}×${message.height} has ${3 * message.width * message.height} bytes, got ${message.rgb.length}`,
    );
  }
  return message;
}

function explain(issue: z.core.$ZodIssue, value: unknown): string {
  const type = (value as { type?: unknown } | null)?.type;
  if (typeof type !== 'string') return 'it has no type';
  const where = issue.path.map(String).join('.');
  if (issue.code === 'invalid_union' && where === 'type') return `unknown type '${type.slice(0, 40)}'`;
  if (issue.code === 'invalid_key') return `${type}: ${where} cannot be changed here; known: ${STEERABLE.join(', ')}`;
  if (issue.code === 'unrecognized_keys') return `${type}: no such field ${issue.keys.join(', ').slice(0, 100)}`;
  return `${type}: ${where === '' ? '' : `${where} `}${issue.message}`;
}
