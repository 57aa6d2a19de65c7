import { LinkError } from '../../core/errors.js';
import { pictureDims } from '../../receiver/sampling/picture-scale.js';
import type { LinkSetting, Receiver, ReceiverStep } from '../../receiver/receiver.js';

const VERDICTS: readonly unknown[] = ['decoded', 'doubtful', 'failed'];

/**
 * A receiver under the name that it goes by, held to its contract: what it is, and every step that it yields. Receivers come from files and
 * other people's programs, and a figure of something that is no picture would look like any other.
 *
 * @param made what a descriptor's `create` gave, whatever that is
 * @throws LinkError, one line that names the receiver, for what is no receiver, and from `receive` for a step that is none
 */
export function checkedReceiver(name: string, made: unknown, setting: LinkSetting): Receiver {
  const refuse = (what: string): never => {
    throw new LinkError('receiver.contract', `receiver ${name}: ${what}; see docs/extending.md`);
  };
  if (made instanceof Promise) refuse('create gives a promise; it must give the receiver itself');
  const receiver = (made ?? {}) as Partial<Receiver>;
  if (typeof receiver.receive !== 'function') refuse('create gives no object with a function receive');
  const { needs, transmitter } = receiver;
  if (typeof needs?.pilots !== 'boolean' || typeof needs.truth !== 'boolean') {
    return refuse('needs must be { pilots, truth }, both true or false');
  }
  const size = pictureDims(setting, 1).reduce((product, n) => product * n);
  const elements = setting.superimposed.re.length;

  const checkPicture = (picture: unknown): void => {
    if (!(picture instanceof Float32Array) || picture.length !== size) {
      const [, channels, height, width] = pictureDims(setting, 1);
      refuse(
        `its picture is ${sizeOf(picture)}; it must be a Float32Array of ${size} values, [${channels},${height},${width}]`,
      );
      return;
    }
    let [least, most] = [0, 1];
    for (let i = 0; i < picture.length; i++) {
      if (picture[i] < least) least = picture[i];
      if (picture[i] > most) most = picture[i];
    }
    // NaN and infinities show nothing, and are taken for a frame that failed.
    if (Number.isFinite(least) && Number.isFinite(most) && (least < -ALLOWANCE || most > 1 + ALLOWANCE)) {
      refuse(`its picture has values from ${least} to ${most}; they must be in [0, 1]`);
    }
  };
  const check = (step: Partial<ReceiverStep> | null | undefined): void => {
    if (step?.kind === 'progress') {
      checkPicture(step.picture);
      return;
    }
    if (step?.kind !== 'final' || step.result === undefined) {
      refuse(`yields a step of kind ${JSON.stringify(step?.kind)}; it must be progress, or final with a result`);
      return;
    }
    const { picture, equalised, verdict, confidence, channel } = step.result;
    checkPicture(picture);
    for (const part of ['re', 'im'] as const) {
      if ((equalised as Partial<typeof equalised> | undefined)?.[part]?.length !== elements) {
        refuse(
          `equalised.${part} is ${sizeOf(equalised?.[part])}; it must have ${elements} values, one a data resource element`,
        );
      }
    }
    if (!VERDICTS.includes(verdict)) {
      refuse(`its verdict is ${JSON.stringify(verdict)}; it must be decoded, doubtful or failed`);
    }
    if (confidence !== null && !(confidence >= 0 && confidence <= 1)) {
      refuse(`its confidence is ${confidence}; it must be null or in [0, 1]`);
    }
    if (!Array.isArray(channel)) refuse('its channel must be a list of estimates, one a packet, or an empty one');
  };
  return {
    name,
    needs,
    ...(transmitter !== undefined && { transmitter }),
    async *receive(observations, signal) {
      for await (const step of (receiver as Receiver).receive(observations, signal)) {
        check(step);
        yield step;
      }
    },
  };
}

/** What rounding may add to a picture's range. */
const ALLOWANCE = 1e-3;

function sizeOf(value: unknown): string {
  if (value === undefined || value === null) return 'missing';
  const { length, constructor } = value as { length?: unknown; constructor: { name: string } };
  return typeof length === 'number' ? `a ${constructor.name} of ${length} values` : `a ${typeof value}`;
}
