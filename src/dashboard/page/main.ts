import 'uplot/dist/uPlot.min.css';
import './page.css';
import { createLiveClient, type LiveRequest } from '../client.js';
import { createControls } from './controls.js';
import { byId, colourReceivers, setText } from './dom.js';
import { saveJson, saveNpz, savePng } from './download.js';
import { figure } from './format.js';
import { createCcdf, createHistory, createResponse, createSpectrum } from './line-plots.js';
import { type Card, createConstellations, createTaps, createWaterfall } from './own-plots.js';
import { createResponseMaps } from './response-maps.js';
import { createPictureRow } from './pictures.js';
import { createSourceButtons } from './source-buttons.js';
import { createStore } from './store.js';
import { createCounters, createLog, createStages } from './tables.js';
import { keepView, readView } from './view.js';

/** Pictures are drawn with every frame that comes, plots this often: the link needs the processor too. */
const PLOT_MS = 100;
const ALERT_MS = 8000;

const store = createStore();
const view = readView();
const root = document.documentElement;
const dark = matchMedia('(prefers-color-scheme: dark)');
const applyTheme = (): void => {
  root.dataset['theme'] = readView().theme ?? (dark.matches ? 'dark' : 'light');
};
applyTheme();
dark.addEventListener('change', applyTheme);
byId('theme').addEventListener('click', () => {
  keepView({ theme: root.dataset['theme'] === 'dark' ? 'light' : 'dark' });
  applyTheme();
});

const alertBox = byId('alert');
let alertTimer: ReturnType<typeof setTimeout> | null = null;
const alertUser = (text: string): void => {
  alertBox.textContent = text;
  alertBox.hidden = false;
  if (alertTimer !== null) clearTimeout(alertTimer);
  alertTimer = setTimeout(() => {
    alertBox.hidden = true;
  }, ALERT_MS);
};

const streamUrl = (): string => {
  const url = new URL(location.href);
  const token = url.searchParams.get('token');
  url.protocol = url.protocol.replace('http', 'ws');
  url.pathname = '/stream';
  url.hash = '';
  url.search = token === null ? '' : `?token=${encodeURIComponent(token)}`;
  return url.href;
};

let dirty = true;
let plotsDrawn = 0;
const connection = byId('connection');
const client = createLiveClient({
  url: streamUrl(),
  createSocket: (url) => new WebSocket(url) as never,
  maxRateHz: 25,
  name: 'page',
  onMessage: (message) => {
    if (message.type === 'welcome') store.clear();
    store.take(message);
    if (message.type === 'state') {
      colourReceivers(message.available.map(({ name }) => name));
      controls.show(message);
      sourceButtons.show(message);
      pictures.arrange(message);
      setText(byId('pause'), message.paused ? 'Resume' : 'Pause');
      setText(byId('record'), message.recording === null ? 'Record' : 'Stop recording');
      byId('record').setAttribute('aria-pressed', String(message.recording !== null));
    }
    if (message.type === 'refused' && message.id === null) alertUser(message.text);
    dirty = true;
  },
  onConnection: (state, reason) => {
    connection.dataset['state'] = state;
    const words = {
      connecting: 'connecting',
      open: 'connected',
      waiting: 'connection lost, trying again',
      closed: 'disconnected',
    };
    setText(connection, state === 'open' || reason === null ? words[state] : `${words[state]}: ${reason}`);
  },
});
let open = 0;
const run = (task: Promise<void>): void => {
  open++;
  const end = (refused: boolean): void => {
    open--;
    // After a refusal the inputs go back to what the link really has.
    if (store.state !== null) controls.show(store.state, refused);
  };
  task.then(
    () => {
      end(false);
    },
    (error: unknown) => {
      alertUser(error instanceof Error ? error.message : String(error));
      end(true);
    },
  );
};
const send = (command: LiveRequest): void => {
  if (command.type === 'source') sourceButtons.stopCamera();
  run(client.request(command));
};

const form = byId('controls');
const controls = createControls(form, send);
// What changed elsewhere while an input was in use; what was changed in it is shown when the link has answered.
form.addEventListener('focusout', () => {
  if (open === 0 && store.state !== null) controls.show(store.state);
});
const sourceButtons = createSourceButtons(client, () => store.state?.edge ?? null, run, alertUser);
form.querySelector('[data-group="Source"]')?.append(sourceButtons.root);
const settings = byId('settings') as HTMLDetailsElement;
settings.open = view.settings === null ? innerWidth > 900 : view.settings === 'open';
settings.addEventListener('toggle', () => {
  keepView({ settings: settings.open ? 'open' : 'closed' });
});

const pictures = createPictureRow(byId('pictures'), store);
const plots: Card[] = [
  createConstellations(store),
  createResponse(store),
  createResponseMaps(store),
  createTaps(store),
  createHistory(store, view.metric, (metric) => {
    keepView({ metric });
  }),
  createSpectrum(store),
  createWaterfall(store),
  createCcdf(store),
  createStages(store),
  createCounters(store, (receiver) => {
    send({ type: 'restart', receiver });
  }),
  createLog(store),
];
byId('cards').append(...plots.map((plot) => plot.root));

const togglePause = (): void => {
  send({ type: 'pause', paused: store.state?.paused !== true });
};
byId('pause').addEventListener('click', togglePause);
byId('step').addEventListener('click', () => {
  send({ type: 'step' });
});
byId('record').addEventListener('click', () => {
  send({ type: 'record', on: store.state?.recording === null });
});
byId('save-png').addEventListener('click', () => {
  savePng(store);
});
byId('save-npz').addEventListener('click', () => {
  saveNpz(store);
});
byId('save-json').addEventListener('click', () => {
  saveJson(store);
});
document.addEventListener('click', (event) => {
  const menu = byId('save') as HTMLDetailsElement;
  if (menu.open && !(event.target as Element).closest('#save > summary')) menu.open = false;
});
document.addEventListener('keydown', (event) => {
  // Keys of the browser, of controls and of boxes that scroll are theirs.
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if ((event.target as Element).closest('input, select, button, summary, a, [tabindex="0"]') !== null) return;
  if (event.key === ' ') togglePause();
  else if (event.key === 'ArrowRight') send({ type: 'step' });
  else return;
  event.preventDefault();
});

const draw = (time: number): void => {
  requestAnimationFrame(draw);
  if (!dirty) return;
  if (time - plotsDrawn >= PLOT_MS) {
    dirty = false;
    plotsDrawn = time;
    for (const plot of plots) plot.draw();
  }
  pictures.draw();
  setText(byId('frame-number'), String(store.frame?.frame ?? '–'));
  setText(byId('frame-rate'), figure(store.stats?.framesPerSecond, 1));
  setText(byId('picture-name'), store.frame?.picture?.name ?? '–');
};
requestAnimationFrame(draw);
