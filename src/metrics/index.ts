/** `blindlink/metrics`: what received pictures and signals are judged by. */
export { frechetDistance } from './frechet.js';
export { naturalnessDistance, naturalnessFeatures, sharpness } from './naturalness.js';
export { mse, msSsim, type PictureView, psnrDb, ssim } from './picture-quality.js';
export { channelError, evm } from './signal-quality.js';
