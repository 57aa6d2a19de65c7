/** What the address keeps: how the page looks, not what the link does. */
export interface View {
  readonly theme: 'dark' | 'light' | null;
  readonly metric: string | null;
  readonly settings: 'open' | 'closed' | null;
}

/** The view that the address names. */
export function readView(): View {
  const parameters = new URL(location.href).searchParams;
  const theme = parameters.get('theme');
  const settings = parameters.get('settings');
  return {
    theme: theme === 'dark' || theme === 'light' ? theme : null,
    metric: parameters.get('metric'),
    settings: settings === 'open' || settings === 'closed' ? settings : null,
  };
}

/** Puts part of the view into the address, without a new entry in the history. */
export function keepView(part: Partial<View>): void {
  const url = new URL(location.href);
  for (const [name, value] of Object.entries(part)) {
    if (value === null) url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  history.replaceState(null, '', url);
}
