import type { StateMessage } from '../messages.js';
import { h } from './dom.js';

export type Value = string | number | null;

/** An input for one setting; `read` takes it out of the resolved settings. */
export interface Field {
  readonly root: HTMLElement;
  readonly paths: readonly string[];
  /** What someone is moving or typing stays theirs, unless `all` is to be shown. */
  show(state: StateMessage, all?: boolean): void;
}

export interface NumberOptions {
  readonly label: string;
  readonly unit?: string;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly range?: boolean;
  /** Whether an empty input means the default. */
  readonly optional?: string;
}

/** Between two messages while a slider moves. */
const PAUSE_MS = 50;

/** Calls at once, then at most every PAUSE_MS, the last value never being lost. */
function throttled(send: (value: Value) => void): (value: Value) => void {
  let waiting: { value: Value } | null = null;
  let timer: ReturnType<typeof setTimeout> | null = null;
  const fire = (): void => {
    timer = null;
    if (waiting === null) return;
    const { value } = waiting;
    waiting = null;
    send(value);
    timer = setTimeout(fire, PAUSE_MS);
  };
  return (value) => {
    waiting = { value };
    if (timer === null) fire();
  };
}

export function numberField(
  path: string,
  options: NumberOptions,
  read: (state: StateMessage) => Value,
  write: (value: Value) => void,
): Field {
  const { label, unit, min, max, step, range = false, optional } = options;
  const id = `field-${path.replaceAll('.', '-')}`;
  const limits = { min, max, step };
  const input = h('input', { type: 'number', id, ...limits, placeholder: optional });
  const slider = range
    ? h('input', { type: 'range', ...limits, 'aria-label': `${label}, slider`, 'data-slider': path })
    : null;
  const later = throttled(write);
  input.addEventListener('change', () => {
    const value = input.valueAsNumber;
    if (Number.isFinite(value)) later(value);
    else if (optional !== undefined) later(null);
  });
  slider?.addEventListener('input', () => {
    input.value = slider.value;
    slider.classList.remove('unset');
    later(slider.valueAsNumber);
  });
  const name = h('label', { for: id }, label);
  if (unit !== undefined) name.append(' ', h('span', { class: 'unit' }, unit));
  const root = h('div', { class: 'field' }, name, input);
  if (slider !== null) root.append(slider);
  return {
    root,
    paths: [path],
    show(state, all = false) {
      const value = read(state);
      const text = typeof value === 'number' ? String(value) : '';
      if (all || (document.activeElement !== input && document.activeElement !== slider)) input.value = text;
      if (slider !== null && (all || document.activeElement !== slider)) {
        slider.value = text;
        slider.classList.toggle('unset', text === '');
      }
    },
  };
}

export function choiceField(
  path: string,
  label: string,
  choices: (state: StateMessage) => readonly string[],
  read: (state: StateMessage) => string,
  write: (value: string) => void,
): Field {
  const id = `field-${path.replaceAll('.', '-')}`;
  const select = h('select', { id });
  let shown = '';
  select.addEventListener('change', () => {
    write(select.value);
  });
  return {
    root: h('div', { class: 'field' }, h('label', { for: id }, label), select),
    paths: [path],
    show(state, all = false) {
      const list = choices(state);
      // New entries begin at the first.
      const anew = list.join('\n') !== shown;
      if (anew) {
        shown = list.join('\n');
        select.replaceChildren(...list.map((choice) => h('option', { value: choice }, choice)));
      }
      if (all || anew || document.activeElement !== select) select.value = read(state);
    },
  };
}
