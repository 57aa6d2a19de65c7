/** `blindlink/receiver`: the receivers' contract and the parts that receivers are made of. */
export { createBlindEm } from './blind/blind-em.js';
export { createBlindSolver, type BlindSolver, type BlindSolverParts } from './blind/solver.js';
export {
  type ChannelEstimator,
  type ChannelPosterior,
  createChannelEstimator,
  createRow,
  fitTaps,
} from './channel-posterior.js';
export { decoderLatents, type HeardFrame } from './decoder-input.js';
export { type ElementChannel, elementsToLatents, equalise, type EqualiserKind } from './equalise.js';
export { conclude, decodeElements, decodeWith, type KnownChannel, renderElements, renderLatents } from './informed.js';
export { createMovingEstimator, jakesBasis, type TimeBasis } from './moving-channel.js';
export { createPilot } from './pilot.js';
export { createPilotEstimate, type PilotEstimator } from './pilot-estimate.js';
export type {
  LinkSetting,
  Observations,
  PacketReport,
  PilotObservation,
  ReceivedFrame,
  Receiver,
  ReceiverResult,
  ReceiverStep,
  TapEstimate,
  Transmitter,
  TrueChannel,
  Verdict,
} from './receiver.js';
export { residualEnergy } from './residual.js';
export { type PartialResult, receiverResult } from './result.js';
export type { Symptoms } from './symptoms.js';
export { judgeSymptoms } from './verdict.js';
