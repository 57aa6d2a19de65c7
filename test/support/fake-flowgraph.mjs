// Speaks the protocol of flowgraphs/run.py without GNU Radio, and does what real drivers are seen to do when things go
// wrong. Usage: fake-flowgraph.mjs BEHAVIOUR FLOWGRAPH [--parameters]
import { createReadStream, createWriteStream, writeSync } from 'node:fs';

const behaviour = process.argv[2];
const tell = (event) => writeSync(5, `${JSON.stringify(event)}\n`);
const applied = { rx: { sampleRateHz: 1e6, centerFrequencyHz: 9e8, gainDb: 30, antenna: 'RX2', device: 'fake' } };

/** One chunk as flowgraphs/blindlink_blocks.py writes it: sample n has the real part n. */
function framed(index, count, lost) {
  const bytes = Buffer.alloc(24 + 8 * count);
  bytes.write('BLK1');
  bytes.writeUInt32LE(count, 4);
  bytes.writeBigUInt64LE(BigInt(index), 8);
  bytes.writeUInt32LE(lost, 16);
  for (let i = 0; i < count; i++) bytes.writeFloatLE(index + i, 24 + 8 * i);
  return bytes;
}

switch (behaviour) {
  case 'echo': {
    tell({ event: 'ready', applied: {} });
    const out = createWriteStream('', { fd: 4 });
    createReadStream('', { fd: 3 }).pipe(out);
    out.on('finish', () => process.exit(0));
    break;
  }
  case 'overrun':
    tell({ event: 'ready', applied });
    writeSync(4, framed(0, 1000, 0));
    process.stderr.write('OO');
    writeSync(4, framed(1500, 1000, 500));
    process.stderr.write('\n[INFO] an Unlikely Line\nD\nUUL\n');
    writeSync(4, framed(2507, 100, 7));
    setTimeout(() => process.exit(0), 100);
    break;
  case 'silent':
    tell({ event: 'ready', applied });
    writeSync(4, framed(0, 1000, 0));
    setInterval(() => undefined, 1000);
    break;
  case 'crash':
    tell({ event: 'ready', applied });
    writeSync(4, framed(0, 1000, 0));
    process.stderr.write(
      "terminate called after throwing an instance of 'uhd::rpc_error'\nrpc::timeout: Timeout of 2000ms while calling RPC function 'reclaim'\n",
    );
    setTimeout(() => process.kill(process.pid, 'SIGABRT'), 50);
    break;
  case 'stubborn':
    process.on('SIGTERM', () => undefined);
    tell({ event: 'ready', applied });
    setInterval(() => undefined, 1000);
    break;
  case 'hang':
    setInterval(() => undefined, 1000);
    break;
  case 'busy':
    tell({
      event: 'error',
      kind: 'device',
      message: 'RuntimeError: Someone tried to claim this device again (From: 127.0.0.1)',
    });
    process.exit(1);
    break;
  case 'garbage':
    tell({ event: 'ready', applied });
    writeSync(4, framed(0, 10, 0));
    writeSync(4, Buffer.alloc(1000, 7));
    setInterval(() => undefined, 1000);
    break;
}
