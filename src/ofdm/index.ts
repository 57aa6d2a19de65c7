/** `blindlink/ofdm`: the modem. */
export type { OfdmConfig } from './config.js';
export { createDemodulator, createPacketCells, type Demodulator, type PacketCells } from './demodulator.js';
export { createFrameParts, demodulateFrame, modulateFrame } from './frame.js';
export { createGrid, type Grid, ofdmProfiles } from './grid.js';
export { createInterleaver, type Interleaver } from './interleaver.js';
export { ccdf, paprDb, symbolPaprDb } from './papr.js';
export { blockPilotCells, combPilotCells, fillQpsk } from './pilots.js';
export { referenceCells, superimpose } from './reference.js';
