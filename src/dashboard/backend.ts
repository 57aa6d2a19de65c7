import type { LiveCommand } from './commands.js';
import type { ServerMessage } from './messages.js';

/** What a server shows and lets others steer. */
export interface LiveBackend {
  /** Calls back with every message from now on, until the returned function is called. */
  subscribe(listener: (message: ServerMessage) => void): () => void;
  /** What one who joins must know. */
  snapshot(): readonly ServerMessage[];
  /** @throws LinkError whose message goes to who sent the command */
  carryOut(command: LiveCommand): Promise<void>;
}
