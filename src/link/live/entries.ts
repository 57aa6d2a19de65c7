import { fileURLToPath } from 'node:url';

const beside = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** Programs of the worker processes. */
export const feedEntry = (): string => beside('feed-worker.js');
export const receiverEntry = (): string => beside('receiver-worker.js');
export const radioEntry = (): string => beside('radio-worker.js');
