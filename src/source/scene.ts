import type { Rng } from '../core/rng.js';

/** What a scene is drawn from: definitions (filters, gradients) and the drawing itself. */
export interface Scene {
  readonly defs: string;
  readonly body: string;
}

/** Draws one scene; `noise` seeds its fractal textures. */
export type ScenePainter = (rng: Rng, noise: number) => Scene;
