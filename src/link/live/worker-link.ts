/** What goes between the live link and its worker processes. */
export type ToWorker =
  | { readonly kind: 'call'; readonly id: number; readonly method: string; readonly argument: unknown }
  | { readonly kind: 'cancel'; readonly id: number };

export type FromWorker =
  | { readonly kind: 'next'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'done'; readonly id: number }
  | {
      readonly kind: 'error';
      readonly id: number;
      readonly code: string;
      readonly message: string;
      /** Wrong use (a ConfigError) rather than a failure. */
      readonly usage: boolean;
    };

/** What a worker can be asked for: each answers with any number of values. */
export type Handlers = Readonly<Record<string, (argument: never, signal: AbortSignal) => AsyncIterable<unknown>>>;
