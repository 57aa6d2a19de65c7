/**
 * Makes the recordings in this folder again: our own link, built-in pictures, through GNU Radio and through UHD with its
 * simulated USRP.
 *
 *   npm run build && sudo node recordings/generate.mjs
 *
 * Needs GNU Radio and what test/support/usrp_simulator.py needs; root for the network namespace of the USRP.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const root = dirname(import.meta.dirname);
const main = join(root, 'dist/cli/main.js');
const work = mkdtempSync(join(tmpdir(), 'blindlink-make-'));
const blindlink = (...args) => execFileSync(process.execPath, [main, ...args], { cwd: work, encoding: 'utf8' });

/** Shrinks a recording to 16 bits, annotates it and puts it here. */
function publish(name, receivers, part = []) {
  blindlink('convert', name, join(import.meta.dirname, name), '--to-datatype', 'ci16_le', ...part, '--overwrite');
  console.log(blindlink('annotate', join(import.meta.dirname, name), '--receiver', receivers).trim().split('\n').at(-1));
}

const channel = ['--radio', 'gnuradio', '--snr', '15', '--cfo', '0.3', '--channel', 'exponential:3:2', '--set', 'channel.sfoPpm=5'];

blindlink('record', 'faces-gnuradio', 'builtin:faces', '--frames', '4', '--seed', '1', ...channel,
  '--description', 'Four built-in faces through GNU Radio: 3 taps, 15 dB, CFO 0.3 subcarriers, 5 ppm');
publish('faces-gnuradio', 'pilot,blind-em', ['--scale', '0.2']);

blindlink('record', 'natural-no-known-symbol', 'builtin:natural', '--codec', 'natural-12-blind', '--frames', '4', '--seed', '2', ...channel,
  '--rho', '0.01', '--pilots', '0', '--set', 'ofdm.preamble=none', '--set', 'ofdm.pilotSubcarriers=[]', '--set', 'sync.method=cp', '--receiver', 'blind-em',
  '--description', 'Four built-in landscapes with no preamble and no pilot, through the same channel');
publish('natural-no-known-symbol', 'blind-em', ['--scale', '0.2']);

const simulator = join(root, 'test/support/usrp_simulator.py');
const device = 'addr=127.0.0.1,mgmt_addr=127.0.0.1';
execFileSync('unshare', ['-n', 'sh', '-c', `
ip link set lo up && ip addr add 10.77.0.1/32 dev lo
/usr/bin/python3 ${simulator} --gain 0.6 --noise 0.012 --cfo 0.002 --taps 1,0.3j,-0.2 --seed 3 >simulator.log 2>&1 & SIMULATOR=$!
for i in $(seq 100); do grep -q ^ready simulator.log && break; sleep 0.2; done
${process.execPath} ${main} record faces-usrp builtin:faces --frames 4 --seed 3 --radio usrp --args ${device} --rate 1M --freq 915M --tx-gain 10 --rx-gain 30 \\
  --description 'Four built-in faces through UHD and its simulated USRP, full duplex: 3 taps, CFO 0.128 subcarriers'
kill $SIMULATOR`], { cwd: work, stdio: 'inherit' });
const frames = blindlink('replay', 'faces-usrp', '--receiver', 'pilot', '--json', '--no-save').trim().split('\n').map((line) => JSON.parse(line));
const first = frames[0].startSample;
const last = frames.at(-2).startSample;
publish('faces-usrp', 'pilot,blind-em', ['--start', String(first - 1000), '--count', String(last - first + 2880 + 2000)]);
rmSync(work, { recursive: true, force: true });
