/** A number with its unit; an en dash where there is none. */
export const figure = (value: number | null | undefined, digits: number, unit = ''): string =>
  value === null || value === undefined || !Number.isFinite(value)
    ? '–'
    : `${value.toFixed(digits).replace('-', '−')}${unit === '' ? '' : `\u00a0${unit}`}`;

export const clock = (time: number): string => new Date(time).toLocaleTimeString([], { hour12: false });
