/** `blindlink/ofdm`: the modem. */
export type { OfdmConfig } from './config.js';
export { createDemodulator, createPacketElements, type Demodulator, type PacketElements } from './demodulator.js';
export { createFrameParts, demodulateFrame, modulateFrame } from './frame.js';
export { createGrid, type Grid, ofdmProfiles } from './grid.js';
export { createInterleaver, type Interleaver } from './interleaver.js';
export { ccdf, paprDb, symbolPaprDb } from './papr.js';
export { blockPilotElements, combPilotElements, fillQpsk } from './pilots.js';
export { superimposedPilot, superimpose } from './superimposed-pilot.js';
