import type { LiveClient } from '../client.js';
import { MAX_PICTURE_BYTES, type StateMessage } from '../messages.js';
import { h } from './dom.js';

/** Of a camera's pictures, where no size is chosen. */
const CAMERA_EDGE = 256;
const CAMERA_MS = 100;

export interface SourceButtons {
  readonly root: HTMLElement;
  /** Ends the camera where another source was chosen elsewhere. */
  show(state: StateMessage): void;
  stopCamera(): void;
}

/** Buttons that send a picture of one's own, or those of a camera. */
export function createSourceButtons(
  client: LiveClient,
  edge: () => number | null,
  run: (task: Promise<void>) => void,
  alert: (text: string) => void,
): SourceButtons {
  const file = h('input', {
    type: 'file',
    accept: 'image/*',
    hidden: true,
    'aria-label': 'Picture file',
    tabindex: -1,
  });
  file.addEventListener('change', () => {
    const chosen = file.files?.[0];
    if (chosen === undefined) return;
    file.value = '';
    if (chosen.size > MAX_PICTURE_BYTES) {
      alert(`${chosen.name}: not sent, it has ${chosen.size} bytes, the limit is ${MAX_PICTURE_BYTES}`);
      return;
    }
    run(
      chosen
        .arrayBuffer()
        .then((content) => client.request({ type: 'picture', name: chosen.name, bytes: new Uint8Array(content) })),
    );
  });
  const upload = h(
    'button',
    {
      type: 'button',
      onclick: () => {
        file.click();
      },
    },
    'Send a picture…',
  );

  let stop: (() => void) | null = null;
  let starting = false;
  let source = '';
  const camera = h('button', { type: 'button', 'aria-pressed': 'false' }, 'Camera');
  camera.addEventListener('click', () => {
    if (stop !== null) {
      stop();
      run(client.request({ type: 'source', source: 'given' }));
      return;
    }
    // Permission takes its time, and a second click would start a second camera. Disabled, the button would lose the focus.
    if (starting) return;
    starting = true;
    startCamera(client, () => edge() ?? CAMERA_EDGE).then(
      (end) => {
        starting = false;
        camera.setAttribute('aria-pressed', 'true');
        camera.textContent = 'Stop camera';
        stop = () => {
          end();
          stop = null;
          camera.setAttribute('aria-pressed', 'false');
          camera.textContent = 'Camera';
        };
      },
      (error: unknown) => {
        starting = false;
        alert(`camera: ${error instanceof Error ? error.message : String(error)}`);
      },
    );
  });
  return {
    root: h('div', { class: 'row' }, file, upload, camera),
    show(state) {
      // Only a change ends it: until its first picture has arrived, the link names what it had before.
      if (source === 'camera' && state.source !== 'camera') stop?.();
      ({ source } = state);
    },
    stopCamera: () => stop?.(),
  };
}

/** Sends the middle square of the camera's picture ten times a second until the returned function is called. */
async function startCamera(client: LiveClient, edgeWanted: () => number): Promise<() => void> {
  const stream = await navigator.mediaDevices.getUserMedia({
    video: { width: { ideal: 640 }, height: { ideal: 480 } },
    audio: false,
  });
  const release = (): void => {
    for (const track of stream.getTracks()) track.stop();
  };
  const video = h('video', { muted: true, playsinline: true });
  video.srcObject = stream;
  try {
    await video.play();
  } catch (error) {
    release();
    throw error;
  }
  const [session] = crypto.getRandomValues(new Uint32Array(1));
  const canvas = h('canvas', { width: CAMERA_EDGE, height: CAMERA_EDGE });
  const context = canvas.getContext('2d', { willReadFrequently: true })!;
  const timer = setInterval(() => {
    const edge = Math.min(video.videoWidth, video.videoHeight);
    if (edge === 0) return;
    const [left, top] = [(video.videoWidth - edge) / 2, (video.videoHeight - edge) / 2];
    const size = edgeWanted();
    if (canvas.width !== size) canvas.width = canvas.height = size;
    // Forgotten with every new size.
    context.imageSmoothingQuality = 'high';
    context.drawImage(video, left, top, edge, edge, 0, 0, size, size);
    const { data } = context.getImageData(0, 0, size, size);
    const rgb = new Uint8Array(3 * size ** 2);
    for (let i = 0; i < size ** 2; i++) for (let c = 0; c < 3; c++) rgb[3 * i + c] = data[4 * i + c];
    client.camera({ width: size, height: size, rgb, session });
  }, CAMERA_MS);
  return () => {
    clearInterval(timer);
    release();
  };
}
