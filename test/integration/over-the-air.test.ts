import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { createFramedParser } from '../../src/radio/gnuradio/wire.js';
import { openAnyRecording } from '../../src/recording/open-recording.js';
import { describeWith, gnuradio, gnuradioPython, probe } from '../support/programs.js';
import { besideUsrp, simulatedUsrp } from '../support/simulated-usrp.js';

const main = resolve('dist/cli/main.js');
const work = mkdtempSync(join(tmpdir(), 'blindlink-ota-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));
const file = (name: string): string => join(work, name);

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function run(program: string, args: readonly string[]): Promise<Outcome> {
  return new Promise((done) => {
    const child = spawn(program, args, { cwd: work });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    child.on('close', (code) => done({ code, out, err }));
  });
}

const blindlink = (...args: string[]): Promise<Outcome> => run(process.execPath, [main, ...args]);

interface Summary {
  readonly frames: number;
  readonly receivers: Record<string, { frames: number; decoded: number; success: number; psnrDbMean: number }>;
}
const summaryOf = ({ out }: Outcome): Summary => JSON.parse(out.trim().split('\n').at(-1) ?? '{}') as Summary;

const grcc = (): ReturnType<typeof probe> => probe('grcc', 'grcc', ['--help'], 'apt-get install gnuradio');

describeWith(grcc(), 'flowgraphs', () => {
  const sources = readdirSync(resolve('flowgraphs')).filter((name) => name.endsWith('.grc'));

  it.each(sources)('%s compiles to the Python that is shipped', (source) => {
    const out = mkdtempSync(join(work, 'grc-'));
    const compiled = spawnSync('grcc', ['-o', out, resolve('flowgraphs', source)], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    const name = `${basename(source, '.grc')}.py`;
    expect(compiled.stdout + compiled.stderr).not.toMatch(/Compilation error/);
    expect(existsSync(join(out, name))).toBe(true);
    // The version of the compiler is named in the head.
    const body = (path: string): string =>
      readFileSync(path, 'utf8').replaceAll(/^# (GNU Radio version|.*[Vv]ersion).*$/gm, '');
    expect(body(resolve('flowgraphs/generated', name))).toBe(body(join(out, name)));
  });

  // The compiler passes over parameters that a block has not got, and takes the block's defaults instead.
  it('give blocks only parameters that they have', () => {
    const program = `
import glob, sys, yaml
from gnuradio import gr
blocks = {}
for path in glob.glob(gr.prefix() + '/share/gnuradio/grc/blocks/*.yml'):
    with open(path) as file:
        block = yaml.safe_load(file)
    if isinstance(block, dict) and 'id' in block:
        blocks[block['id']] = {p['id'] for p in block.get('parameters') or [] if 'id' in p}
common = {'alias', 'comment', 'affinity', 'minoutbuf', 'maxoutbuf', 'value'}
for path in sys.argv[1:]:
    with open(path) as file:
        for block in yaml.safe_load(file)['blocks']:
            for name in set(block['parameters']) - blocks.get(block['id'], set(block['parameters'])) - common:
                print(path.split('/')[-1], block['name'], name)
`;
    const paths = sources.map((source) => resolve('flowgraphs', source));
    const checked = spawnSync('/usr/bin/python3', ['-c', program, ...paths], { encoding: 'utf8', timeout: 300_000 });
    expect(checked.stderr).toBe('');
    // The USRP source's tag of packet lengths is an option of its stream arguments, which only newer definitions list.
    expect(checked.stdout.split('\n').filter((line) => line !== '' && !line.endsWith('len_tag_name'))).toEqual([]);
  });
});

describeWith(gnuradio(), 'GNU Radio between the two ends of the link', () => {
  it('15 dB, 3 taps, CFO 0.3 subcarriers, 5 ppm: every frame is found and decoded by both receivers', async () => {
    const channel = [
      '--radio',
      'gnuradio',
      '--snr',
      '15',
      '--cfo',
      '0.3',
      '--channel',
      'exponential:3:2',
      '--set',
      'channel.sfoPpm=5',
    ];
    const made = await blindlink('record', 'air', 'builtin:faces', '--frames', '8', ...channel);
    expect(made.err).toBe('');
    expect(made.code).toBe(0);
    const recording = openAnyRecording(file('air'));
    expect(recording.metadata.global['core:sha512']).toMatch(/^[0-9a-f]{128}$/);
    recording.close();
    const heard = await blindlink('replay', 'air', '--receiver', 'pilot,blind-em', '--json', '--no-save');
    expect(heard.code).toBe(0);
    const { frames, receivers } = summaryOf(heard);
    expect(frames).toBe(8);
    for (const name of ['pilot', 'blind-em']) expect(receivers[name]).toMatchObject({ frames: 8, success: 1 });
    expect(receivers['blind-em'].decoded).toBeGreaterThanOrEqual(7);
    const cfo = heard.out
      .split('\n')
      .filter((line) => line.includes('"frame"'))
      .map((line) => (JSON.parse(line) as { cfoSubcarriers: number }).cfoSubcarriers);
    for (const value of cfo.slice(0, -1)) expect(Math.abs(value - 0.3)).toBeLessThan(0.01);
  }, 120_000);

  it('fading, and prefixes alone with no known symbol but the reference', async () => {
    const fading = ['--radio', 'gnuradio', '--snr', '20', '--doppler', '5', '--channel', 'exponential:3:2'];
    const blind = [
      '--set',
      'ofdm.preamble=none',
      '--set',
      'sync.method=cp',
      '--pilots',
      '0',
      '--rho',
      '0.02',
      '--receiver',
      'blind-em',
    ];
    const made = await blindlink(
      'record',
      'faded',
      'builtin:natural',
      '--codec',
      'natural-12-blind',
      '--frames',
      '8',
      ...fading,
      ...blind,
    );
    expect(made.code).toBe(0);
    const { frames, receivers } = summaryOf(await blindlink('replay', 'faded', '--json', '--no-save'));
    expect(frames).toBe(8);
    expect(receivers['blind-em'].success).toBeGreaterThanOrEqual(0.75);
  }, 120_000);

  it('a bridge of ZeroMQ sockets carries the link to another flowgraph and back', async () => {
    const script = `
import sys
from gnuradio import gr, zeromq
top = gr.top_block("peer", catch_exceptions=False)
pull = zeromq.pull_source(8, 1, "tcp://127.0.0.1:15555", 100, False, 4)
push = zeromq.push_sink(8, 1, "tcp://127.0.0.1:15556", 100, False, 4)
top.connect(pull, push)
top.start()
sys.stdin.read()
top.stop()
`;
    // Who binds and who connects: PUSH binds, PULL connects, on both sides.
    writeFileSync(file('peer.py'), script);
    const peer = spawn(gnuradioPython, [file('peer.py')], { stdio: ['pipe', 'ignore', 'ignore'] });
    try {
      const bridge = ['--radio', 'zmq', '--zmq-push', 'tcp://127.0.0.1:15555', '--zmq-pull', 'tcp://127.0.0.1:15556'];
      const made = await blindlink(
        'record',
        'bridged',
        'builtin:faces',
        '--frames',
        '3',
        ...bridge,
        '--samples',
        '10000',
      );
      expect(made.code).toBe(0);
      const { frames, receivers } = summaryOf(
        await blindlink('replay', 'bridged', '--receiver', 'pilot', '--json', '--no-save'),
      );
      expect(frames).toBeGreaterThanOrEqual(2);
      expect(receivers['pilot'].success).toBe(1);
    } finally {
      peer.stdin.end();
      peer.kill('SIGKILL');
    }
  }, 120_000);

  it.each(['blindlink', 'flowgraph'])(
    'kill −9 of the %s leaves no orphan, and a recording that opens',
    async (victim) => {
      const name = `killed-${victim}`;
      const child = spawn(
        process.execPath,
        [main, 'record', name, 'builtin:faces', '--frames', '20000', '--radio', 'gnuradio'],
        { cwd: work, stdio: 'ignore' },
      );
      const ended = new Promise<number | null>((done) => child.on('close', done));
      await until(
        () => existsSync(file(`${name}.sigmf-data`)) && readFileSync(file(`${name}.sigmf-data`)).length > 200_000,
      );
      const flowgraph = childrenOf(child.pid!).find((pid) => commandOf(pid).includes('run.py'));
      expect(flowgraph).toBeDefined();
      process.kill(victim === 'blindlink' ? child.pid! : flowgraph!, 'SIGKILL');
      const code = await ended;
      if (victim === 'flowgraph') expect(code).toBe(1);
      await until(() => !alive(flowgraph!));
      const recording = openAnyRecording(file(name));
      expect(recording.numSamples).toBeGreaterThan(20_000);
      recording.close();
      const { frames } = summaryOf(
        await blindlink('replay', name, '--receiver', 'pilot', '--frames', '3', '--json', '--no-save'),
      );
      expect(frames).toBe(3);
    },
    120_000,
  );

  it('Ctrl-C ends a recording with complete metadata and exit code 130', async () => {
    const child = spawn(
      process.execPath,
      [main, 'record', 'stopped', 'builtin:faces', '--frames', '20000', '--radio', 'gnuradio'],
      { cwd: work },
    );
    let err = '';
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    const ended = new Promise<number | null>((done) => child.on('close', done));
    await until(
      () => existsSync(file('stopped.sigmf-data')) && readFileSync(file('stopped.sigmf-data')).length > 100_000,
    );
    const flowgraph = childrenOf(child.pid!).find((pid) => commandOf(pid).includes('run.py'));
    child.kill('SIGINT');
    expect(await ended).toBe(130);
    expect(err).toMatch(/interrupted; the recording is complete up to here/);
    await until(() => !alive(flowgraph!));
    expect(openAnyRecording(file('stopped')).metadata.global['core:sha512']).toBeDefined();
  }, 120_000);
});

describeWith(gnuradio(), 'the sink that marks gaps', () => {
  it('counts lost samples from the times that a USRP tags, to the sample', () => {
    const script = `
import sys
import pmt
from gnuradio import gr, blocks
sys.path.insert(0, sys.argv[1])
from blindlink_blocks import FramedSink

RATE = 1e6
def tag(offset, device_sample):
    t = gr.tag_t()
    t.offset = offset
    t.key = pmt.intern("rx_time")
    seconds, rest = divmod(5_000_000 + device_sample, 1_000_000)
    t.value = pmt.make_tuple(pmt.from_uint64(seconds), pmt.from_double(rest / RATE))
    return t

# 40,000 samples; 500 lost before sample 10,000, then 7 before sample 30,001, as the device counts them.
samples = [complex(i, 0) for i in range(40_000)]
tags = [tag(0, 0), tag(10_000, 10_500), tag(30_001, 30_508)]
top = gr.top_block("gaps", catch_exceptions=False)
sink = FramedSink(1, RATE)
top.connect(blocks.vector_source_c(samples, False, 1, tags), sink)
top.run()
`;
    writeFileSync(file('gaps.py'), script);
    const { stdout, stderr, status } = spawnSync(gnuradioPython, [file('gaps.py'), resolve('flowgraphs')], {
      env: { ...process.env, GR_CONF_LOG_LOG_FILE: 'stderr' },
      maxBuffer: 1 << 24,
    });
    expect(status, stderr.toString()).toBe(0);
    const gaps: [number, number][] = [];
    let [count, missing] = [0, 0];
    const parse = createFramedParser((samples, lost) => {
      missing += lost;
      if (lost > 0) gaps.push([count, lost]);
      samples.re.forEach((value, i) => expect(value).toBe(count + i));
      count += samples.re.length;
    });
    for (let at = 0; at < stdout.length; at += 1000) parse(stdout.subarray(at, at + 1000));
    expect(gaps).toEqual([
      [10_000, 500],
      [30_001, 7],
    ]);
    expect([count, missing]).toEqual([40_000, 507]);
  });
});

describeWith(simulatedUsrp(), 'UHD and a simulated USRP', () => {
  const device = 'addr=127.0.0.1,mgmt_addr=127.0.0.1';
  const cli = `${process.execPath} ${main}`;

  it('full duplex: pictures go out, come back over its air, and are decoded; what a driver refuses is one line', async () => {
    const script = `
# On a machine that is busy elsewhere the simulated radio overruns as a real one would: it says so itself, and only then is
# there another try.
for try in 1 2 3 4; do
  ${cli} record usrp builtin:faces --frames 4 --radio usrp --args ${device} --rate 1M --freq 915M --tx-gain 10 --rx-gain 30 --overwrite --json >made.json
  status=$?
  ${cli} replay usrp --receiver pilot,blind-em --json --no-save | tail -n 1 >heard.json
  node -e '
    const read = (name) => JSON.parse(require("fs").readFileSync(name, "utf8"));
    const { overruns, underruns, latePackets, lostInDevice, lostInQueue } = read("made.json").counters;
    const losses = overruns + underruns + latePackets + lostInDevice + lostInQueue;
    if (losses > 0 && read("heard.json").frames < 4) {
      console.error("tried again: the radio reports " + JSON.stringify({ overruns, underruns, latePackets, lostInDevice, lostInQueue }));
      process.exit(1);
    }' && break
  sleep 6
done
echo "record $status"
cat made.json heard.json
${cli} devices --args addr=127.0.0.1
# A program that died keeps its claim for five seconds; none of these should matter, on a machine that is not overloaded.
sleep 6
${cli} receive --radio usrp --args ${device} --rx-ant FOO --no-save; echo "antenna $?"
sleep 6
${cli} receive --radio usrp --args ${device} --subdev Z:9 --no-save; echo "subdevice $?"
sleep 6
for try in 1 2 3; do
  ${cli} receive --radio usrp --args ${device} --no-save --duration 60 >first.log 2>&1 & FIRST=$!
  for i in $(seq 60); do ${cli} devices --args addr=127.0.0.1 | grep -q "in use" && break; sleep 0.5; done
  sleep 2
  ${cli} receive --radio usrp --args ${device} --no-save --duration 20; busy=$?
  case "$(ps -o stat= -p $FIRST)" in Z*|"") ;; *) break ;; esac
  # Nobody has the radio any more.
  grep "sent no samples" first.log || break
  echo "tried again: the first receiver's radio sent no samples" >&2
  sleep 6
done
echo "busy $busy"
kill -9 $(ps -o pid= --ppid $SIMULATOR) $SIMULATOR
wait $FIRST; echo "lost $?"
cat first.log
ps -e -o pid,ppid,args | grep "[r]un.py usrp"
true`;
    const { out, err, code } = await run(...besideUsrp(script, '--gain 0.6 --noise 0.01 --cfo 0.002 --taps 1,0.3j'));
    const seen = out + err;
    expect(code, seen).toBe(0);
    expect(out).toMatch(/^record 0$/m);
    const lines = out.split('\n').filter((line) => line.startsWith('{'));
    const made = JSON.parse(lines[0]) as { rx: { gainDb: number; antenna: string }; framesSent: number };
    expect(made).toMatchObject({ framesSent: 4, rx: { gainDb: 30, antenna: 'RX2' } });
    const { frames, receivers } = JSON.parse(lines[1]) as Summary;
    expect(frames).toBe(4);
    for (const name of ['pilot', 'blind-em']) expect(receivers[name], seen).toMatchObject({ frames: 4, success: 1 });
    for (const again of err.match(/^tried again: .*$/gm) ?? []) process.stderr.write(`${again}\n`);
    expect(out).toMatch(/UHD: e320 B11ND11/);
    expect(seen, seen).toMatch(/blindlink: USRP .*: has no RX antenna FOO; choose one of its own with --rx-ant/);
    expect(out).toMatch(/antenna 1/);
    expect(seen).toMatch(/blindlink: USRP .*: has no such subdevice/);
    expect(out).toMatch(/subdevice 1/);
    expect(seen).toMatch(/blindlink: USRP .*: is in use by another program/);
    expect(out).toMatch(/busy 1/);
    expect(out).toMatch(/blindlink: USRP .*: (sent no samples for 3\.0 s|does not answer any more)/);
    expect(out).toMatch(/lost 1/);
    // Nothing of ours is left running.
    expect(out).not.toMatch(/run\.py usrp/);
  }, 480_000);
});

describeWith(probe('UHD', 'uhd_find_devices', ['--help'], 'apt-get install uhd-host'), 'UHD without a device', () => {
  it('says that there is none, in one line, with exit code 1', async () => {
    const { code, err } = await blindlink('receive', '--radio', 'usrp', '--args', 'serial=NOTHERE', '--no-save');
    expect(code).toBe(1);
    expect(err.trim().split('\n')).toHaveLength(1);
    expect(err).toMatch(/USRP serial=NOTHERE: no such device found; check cable, power and --args/);
  });
});

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 600; i++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('did not come about within 30 s');
}

const childrenOf = (pid: number): number[] =>
  spawnSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' })
    .stdout.trim()
    .split(/\s+/)
    .map(Number);
const commandOf = (pid: number): string =>
  spawnSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' }).stdout;
const alive = (pid: number): boolean => commandOf(pid).includes('run.py');
