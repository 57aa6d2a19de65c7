/**
 * Another process that steers a running live link: sweeps the CSNR and prints each receiver's mean PSNR.
 *
 *   npx blindlink live &
 *   node examples/live-sweep.mjs [address] [frames a point] [CSNR in dB …]
 */
import { createLiveClient } from 'blindlink/live';
import { WebSocket } from 'ws';

const [address = 'http://127.0.0.1:7700/', frames = '20', ...points] = process.argv.slice(2);
const snrsDb = points.length > 0 ? points.map(Number) : [0, 5, 10, 15, 20];

const url = new URL(address);
url.protocol = 'ws:';
url.pathname = '/stream';

/** Latest state, and what to do with each message until a point is finished. */
let state = null;
let use = () => undefined;
const client = await new Promise((done, fail) => {
  const opened = createLiveClient({
    url: url.href,
    createSocket: (at) => new WebSocket(at),
    name: 'live-sweep',
    onMessage: (message) => {
      if (message.type === 'state') {
        state = message;
        done(opened);
      }
      use(message);
    },
    onConnection: (connection, reason) => {
      if (connection === 'waiting') fail(new Error(reason ?? 'not connected'));
    },
  });
}).catch((error) => {
  console.error(`live-sweep: ${error.message}`);
  process.exit(1);
});

const names = state.receivers.map(({ name }) => name);
console.log(['CSNR dB', ...names.map((name) => `${name} dB`)].join(','));
for (const snrDb of snrsDb) {
  await client.request({ type: 'set', changes: { snrDb } });
  const { epoch } = state;
  const psnr = new Map(names.map((name) => [name, []]));
  await new Promise((done) => {
    use = (message) => {
      if (message.type !== 'result' || message.epoch < epoch) return;
      psnr.get(message.receiver)?.push(message.psnrDb);
      if ([...psnr.values()].every((list) => list.length >= Number(frames))) done();
    };
  });
  const means = [...psnr.values()].map((list) => (list.reduce((sum, v) => sum + v, 0) / list.length).toFixed(2));
  console.log([snrDb, ...means].join(','));
}
client.close();
