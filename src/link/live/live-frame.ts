import type { LinkConfig } from '../../config/schema.js';
import type { FrameMessage, ProgressMessage, ResultMessage } from '../../dashboard/messages.js';
import type { Picture } from '../../source/picture.js';
import type { FrameCandidate } from '../stream/frame-extractor.js';
import type { RadioRequest } from '../setting/radios.js';
import type { PictureSize } from '../stream/reception.js';
import type { SentFrame } from '../frame/sender.js';
import type { ArrivedFrame } from '../frame/simulation.js';

/** A frame on its way to the receivers' processes: all that is data of it. */
export type LiveFrame = SimulatedFrame | HeardFrame;

/** A simulated frame with its truth, which goes to the metrics and to `perfect` alone. */
export interface SimulatedFrame {
  readonly kind: 'simulated';
  readonly index: number;
  readonly epoch: number;
  readonly arrived: Omit<ArrivedFrame, 'sent' | 'received'> & { readonly sent: Omit<SentFrame, 'setting' | 'samples'> };
}

/** A frame out of a radio's or a recording's stream. */
export interface HeardFrame {
  readonly kind: 'heard';
  readonly index: number;
  readonly epoch: number;
  readonly size: PictureSize;
  readonly candidates: readonly FrameCandidate[];
  /** What was sent, where that is known: for figures alone. */
  readonly sent: Picture | null;
}

/** Which radio, or which recording in its place. */
export type RadioSetup =
  | { readonly kind: 'radio'; readonly request: RadioRequest; readonly size: PictureSize }
  | {
      readonly kind: 'replay';
      readonly path: string;
      readonly size: PictureSize;
    };

/** What a feed gives: the frame, and what watchers see of it. */
export interface FedFrame {
  readonly frame: LiveFrame;
  readonly view: FrameMessage;
  /** Of a radio: what was lost, and frames that a newer one replaced before they were asked for. */
  readonly radio?: {
    readonly lostInDevice: number;
    readonly lostInQueue: number;
    readonly overruns: number;
    readonly skippedFrames: number;
  };
}

/** Where pictures come from. */
export type PictureFeed =
  | { readonly kind: 'listed'; readonly specs: readonly string[] }
  | { readonly kind: 'file'; readonly name: string; readonly bytes: Uint8Array }
  | { readonly kind: 'camera' };

export interface FeedSetup {
  readonly config: LinkConfig;
  readonly epoch: number;
  readonly holdFrames: number;
  readonly pictures: PictureFeed;
  /** Edge of the squares that are sent; null: pictures as they are. A camera's come as they are sent. */
  readonly edge: number | null;
  /** For feeds with a radio. */
  readonly radio?: RadioSetup;
}

export interface CameraPicture {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;
}

export interface ReceiveJob {
  readonly name: string;
  readonly config: LinkConfig;
  readonly frame: LiveFrame;
}

export type ReceiveStep = ProgressMessage | ResultMessage;
