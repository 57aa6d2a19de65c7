import type { LiveRequest } from '../client.js';
import type { SteerableSetting } from '../../core/steerable.js';
import { BUILTIN_SOURCES, type StateMessage } from '../messages.js';
import { cssName, h } from './dom.js';
import { choiceField, type Field, numberField, type NumberOptions, type Value } from './fields.js';

/** The settings' form: what is changed is sent, and what the link says is shown. */
export interface Controls {
  /** What someone is moving or typing stays theirs, unless `all` is to be shown. */
  show(state: StateMessage, all?: boolean): void;
}

type Send = (command: LiveRequest) => void;

const PROFILES = ['EPA', 'EVA', 'ETU', 'TDL-A', 'TDL-B', 'TDL-C', 'TDL-D', 'TDL-E'] as const;
/** As in the configuration: each receiver's default, and the codec's own for all. */
const BY_RECEIVER = 'by receiver';
const OWN_DECODER = 'own';
/** Pictures in the size that they have. */
const AS_IT_IS = 'as it is';

export function createControls(form: HTMLElement, send: Send): Controls {
  const set = (changes: Record<string, unknown>): void => {
    send({ type: 'set', changes: changes as never });
  };
  const at = (state: StateMessage, path: string): unknown =>
    path
      .split('.')
      .reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], state.settings);
  const numberSetting = (path: string, options: NumberOptions): Field =>
    numberField(
      path,
      options,
      (state) => at(state, path) as Value,
      (value) => {
        set({ [path]: value });
      },
    );
  const choiceSetting = (path: string, label: string, choices: readonly string[]): Field =>
    choiceField(
      path,
      label,
      () => choices,
      (state) => String(at(state, path)),
      (value) => {
        set({ [path]: value });
      },
    );

  const ownSetting = (setting: SteerableSetting): Field =>
    setting.kind === 'number'
      ? numberSetting(setting.path, setting)
      : choiceSetting(setting.path, setting.label, setting.choices);

  /** That of the last state. */
  let decoder: unknown = null;
  const decoderShare = numberSetting('receiver.decoderShare', {
    label: 'Its share',
    min: 0,
    max: 1,
    step: 0.05,
    range: true,
  });

  const groups: [string, (Field | HTMLElement)[]][] = [
    [
      'Channel',
      [
        numberSetting('snrDb', { label: 'CSNR', unit: 'dB', min: -10, max: 40, step: 0.5, range: true }),
        tapsField(set),
        numberSetting('channel.dopplerHz', { label: 'Doppler', unit: 'Hz', min: 0, max: 2000, step: 5, range: true }),
        numberSetting('channel.phaseNoiseLinewidthHz', {
          label: 'Linewidth',
          unit: 'Hz',
          min: 0,
          max: 2000,
          step: 5,
          range: true,
        }),
        numberSetting('channel.cfoSubcarriers', {
          label: 'Carrier offset',
          unit: 'subcarriers',
          min: -4,
          max: 4,
          step: 0.05,
        }),
      ],
    ],
    [
      'Signal',
      [
        choiceSetting('ofdm.profile', 'Grid profile', ['paper', 'ota']),
        numberSetting('rho', { label: 'Superimposed ρ', min: 0, max: 0.5, step: 0.005 }),
        numberSetting('ofdm.pilotSymbols', { label: 'Pilot symbols', min: 0, max: 8, step: 1, optional: 'profile' }),
        numberSetting('ofdm.cyclicPrefixLength', {
          label: 'Cyclic prefix',
          unit: 'samples',
          min: 0,
          max: 64,
          step: 1,
          optional: 'profile',
        }),
        numberSetting('ofdm.clippingRatio', { label: 'Clipping ratio', min: 0.3, max: 5, step: 0.1, optional: 'off' }),
      ],
    ],
    [
      'Receivers',
      [
        receiversField(set),
        choiceField(
          'receiver.decoder',
          'Decoder',
          (state) => [BY_RECEIVER, OWN_DECODER, ...state.decoders],
          (state) => String(at(state, 'receiver.decoder') ?? BY_RECEIVER),
          (value) => {
            set({ 'receiver.decoder': value === BY_RECEIVER ? null : value, 'receiver.decoderShare': 1 });
          },
        ),
        {
          ...decoderShare,
          show(state, all) {
            decoderShare.show(state, all);
            decoder = at(state, 'receiver.decoder');
            decoderShare.root.hidden = decoder === null || decoder === OWN_DECODER;
          },
        },
        ownFields(ownSetting),
      ],
    ],
    [
      'Source',
      [
        choiceField(
          'source',
          'Pictures',
          (state) => [...new Set(['given', ...BUILTIN_SOURCES, state.source])],
          (state) => state.source,
          (value) => {
            send({ type: 'source', source: value as 'given' });
          },
        ),
        choiceField(
          'size',
          'Picture size',
          (state) => [...new Set([AS_IT_IS, ...state.edges.map(String), String(state.edge ?? AS_IT_IS)])],
          (state) => String(state.edge ?? AS_IT_IS),
          (value) => {
            send({ type: 'size', edge: value === AS_IT_IS ? null : (Number(value) as 64) });
          },
        ),
        choiceField(
          'codec',
          'Codec',
          (state) => [...new Set([...state.codecs, String(at(state, 'codec'))])],
          (state) => String(at(state, 'codec')),
          (value) => {
            // Another codec has other decoders; its own every codec has.
            const kept = decoder === OWN_DECODER ? OWN_DECODER : null;
            set({ codec: value, 'receiver.decoder': kept, 'receiver.decoderShare': 1 });
          },
        ),
        numberField(
          'rate',
          { label: 'Rate', unit: 'frames/s', min: 0.5, max: 60, step: 0.5, range: true },
          (state) => state.rateHz,
          (value) => {
            if (typeof value === 'number') send({ type: 'rate', rateHz: value });
          },
        ),
        numberField(
          'hold',
          { label: 'Show each for', unit: 'frames', min: 1, max: 10000, step: 1 },
          (state) => state.holdFrames,
          (value) => {
            if (typeof value === 'number') send({ type: 'hold', frames: value });
          },
        ),
        numberSetting('seed', { label: 'Seed', min: 0, max: 2 ** 31, step: 1 }),
      ],
    ],
  ];
  const fields: Field[] = [];
  for (const [name, items] of groups) {
    const group = h('fieldset', { 'data-group': name }, h('legend', {}, name));
    for (const item of items) {
      if (item instanceof HTMLElement) group.append(item);
      else {
        fields.push(item);
        group.append(item.root);
      }
    }
    form.append(group);
  }
  form.addEventListener('submit', (event) => {
    event.preventDefault();
  });
  // Which fields there are depends on the link: none until it has said its state.
  form.hidden = true;
  return {
    show(state, all) {
      form.hidden = false;
      for (const field of fields) {
        field.show(state, all);
        const disabled = field.paths.some((path) => state.fixed.includes(path));
        for (const input of field.root.querySelectorAll('input, select'))
          (input as HTMLInputElement).disabled = disabled;
      }
    },
  };
}

interface TapModel {
  readonly kind: string;
  readonly numTaps?: number;
  readonly decay?: number;
  readonly name?: string;
  readonly sampleRateHz?: number;
  readonly delaySpreadS?: number;
  readonly kFactorDb?: number;
  readonly angleDeg?: number;
  readonly carrierHz?: number;
  readonly speedMps?: number;
}

/** What an input holds, 0 included; `usual` where it holds no number. */

const numberOr = (input: HTMLInputElement, usual: number): number =>
  Number.isFinite(input.valueAsNumber) ? input.valueAsNumber : usual;

/** The channel's profile with the numbers that belong to it. */
function tapsField(set: (changes: Record<string, unknown>) => void): Field {
  const select = h('select', { id: 'field-taps' });
  for (const name of ['exponential', ...PROFILES, 'rician', 'drive-by', 'flat', 'identity'])
    select.append(h('option', { value: name }, name));
  const taps = h('input', { type: 'number', id: 'field-num-taps', min: 1, max: 64, step: 1 });
  const decay = h('input', { type: 'number', id: 'field-decay', min: 0.1, max: 100, step: 0.1 });
  const spread = h('input', { type: 'number', id: 'field-spread', min: 1, max: 20000, step: 10, placeholder: '100' });
  const k = h('input', { type: 'number', id: 'field-k', min: -20, max: 40, step: 1, value: 6 });
  const angle = h('input', { type: 'number', id: 'field-angle', min: 0, max: 180, step: 5, value: 60 });
  const speed = h('input', { type: 'number', id: 'field-speed', min: 1, max: 300, step: 1, value: 30 });
  const row = (label: string, unit: string, input: HTMLInputElement): HTMLElement =>
    h('div', { class: 'field' }, h('label', { for: input.id }, label, ' ', h('span', { class: 'unit' }, unit)), input);
  const rows = {
    taps: row('Taps', '', taps),
    decay: row('Decay', 'taps', decay),
    spread: row('Delay spread', 'ns', spread),
    k: row('K factor', 'dB', k),
    angle: row('Specular path at', '°', angle),
    speed: row('Speed', 'm/s', speed),
  };
  /** What the page has no field for stays as the link was started with. */
  let last: TapModel = { kind: 'exponential' };
  let sampleRateHz = 1e6;
  const arrange = (kind: string): void => {
    rows.taps.hidden = rows.decay.hidden = kind !== 'exponential' && kind !== 'rician';
    rows.k.hidden = rows.angle.hidden = kind !== 'rician';
    rows.speed.hidden = kind !== 'drive-by';
    rows.spread.hidden = !kind.startsWith('TDL');
  };
  const write = (): void => {
    const kind = select.value;
    arrange(kind);
    const own = last.kind === kind ? last : { kind };
    const spreading = { numTaps: taps.valueAsNumber || 8, decay: decay.valueAsNumber || 4 };
    const value: TapModel =
      kind === 'exponential'
        ? { kind, ...spreading }
        : kind === 'rician'
          ? { ...own, kFactorDb: numberOr(k, 6), angleDeg: numberOr(angle, 60), ...spreading }
          : kind === 'drive-by'
            ? { carrierHz: 5.9e9, ...own, speedMps: numberOr(speed, 30), sampleRateHz }
            : kind === 'flat' || kind === 'identity'
              ? { kind }
              : {
                  kind: 'profile',
                  name: kind,
                  sampleRateHz,
                  // Left empty, it is the channel's default.
                  ...(kind.startsWith('TDL') && spread.value !== ''
                    ? { delaySpreadS: spread.valueAsNumber / 1e9 }
                    : {}),
                };
    set({ 'channel.taps': value });
  };
  for (const input of [select, taps, decay, spread, k, angle, speed]) input.addEventListener('change', write);
  return {
    root: h(
      'div',
      {},
      h('div', { class: 'field' }, h('label', { for: 'field-taps' }, 'Model'), select),
      rows.taps,
      rows.decay,
      rows.spread,
      rows.k,
      rows.angle,
      rows.speed,
    ),
    paths: ['channel.taps'],
    show(state, all = false) {
      const { channel } = state.settings as { channel: { taps: TapModel; sampleRateHz: number } };
      const model = channel.taps;
      last = model;
      ({ sampleRateHz } = channel);
      const kind = model.kind === 'profile' ? (model.name ?? '') : model.kind;
      if (all || document.activeElement !== select) select.value = kind;
      arrange(kind);
      const showIn = (input: HTMLInputElement, value: number | string | undefined): void => {
        if (value !== undefined && (all || document.activeElement !== input)) input.value = String(value);
      };
      showIn(taps, model.numTaps);
      showIn(decay, model.decay);
      showIn(k, model.kFactorDb);
      showIn(angle, model.angleDeg);
      showIn(speed, model.speedMps);
      if (kind.startsWith('TDL'))
        showIn(spread, model.delaySpreadS === undefined ? '' : Math.round(model.delaySpreadS * 1e9));
    },
  };
}

/** The settings that receivers name as their own: those of the running ones are shown. */
function ownFields(create: (setting: SteerableSetting) => Field): Field {
  const root = h('div', { class: 'own' });
  let made: { readonly receiver: string; readonly field: Field }[] = [];
  let shown = '';
  return {
    root,
    get paths() {
      return made.flatMap(({ field }) => field.paths);
    },
    show(state, all) {
      const wanted = JSON.stringify(state.available.map(({ steerable }) => steerable));
      if (wanted !== shown) {
        shown = wanted;
        made = state.available.flatMap(({ name, steerable }) =>
          steerable.map((setting) => ({ receiver: name, field: create(setting) })),
        );
        root.replaceChildren(...made.map(({ field }) => field.root));
      }
      const running = new Set<string>(state.receivers.map(({ name }) => name));
      for (const { receiver, field } of made) {
        field.root.hidden = !running.has(receiver);
        field.show(state, all);
      }
    },
  };
}

function receiversField(set: (changes: Record<string, unknown>) => void): Field {
  let boxes: HTMLInputElement[] = [];
  const root = h('div', { class: 'checks', role: 'group', 'aria-label': 'Receivers that run' });
  root.addEventListener('change', (event) => {
    const chosen = boxes.filter(({ checked }) => checked).map(({ value }) => value);
    if (chosen.length > 0) set({ 'receiver.names': chosen });
    // At least one must run.
    else (event.target as HTMLInputElement).checked = true;
  });
  const arrange = (available: StateMessage['available']): void => {
    if (available.length === boxes.length && available.every(({ name }, i) => boxes[i].value === name)) return;
    boxes = available.map(({ name }) => h('input', { type: 'checkbox', value: name, name: 'receiver' }));
    root.replaceChildren(
      ...available.map(({ name, about }, i) =>
        h(
          'label',
          { title: about },
          boxes[i],
          h('span', { class: 'swatch', style: `--c: var(${cssName(name)})` }),
          name,
        ),
      ),
    );
  };
  return {
    root,
    paths: ['receiver.names'],
    show(state) {
      arrange(state.available);
      const running = new Set<string>(state.receivers.map(({ name }) => name));
      for (const box of boxes) box.checked = running.has(box.value);
    },
  };
}
