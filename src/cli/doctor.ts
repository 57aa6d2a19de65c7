import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import type { Command } from 'commander';
import { openCodec } from '../codec/codec.js';
import { findModel, modelNames } from '../core/shipped-models.js';
import { LinkError } from '../core/errors.js';
import { openDenoiser } from '../diffusion/denoiser.js';
import { versions } from '../link/results/run-folder.js';
import { executionProviders, probeExecutionProvider } from '../runtime/execution-provider.js';
import { automaticPrecision } from '../runtime/precision.js';
import { createOnnxRuntime } from '../runtime/onnx-runtime.js';
import { probeTfjs, tfjsBackends } from '../runtime/tfjs-backend.js';

interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  /** Whether blindlink needs it at all, or only for radios. */
  readonly required: boolean;
}

export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('Check what this machine has and what is missing, and for what.')
    .option('--json', 'one JSON object')
    .action(async (options: { json?: boolean }) => {
      const checks = await examine();
      if (options.json === true) console.log(JSON.stringify({ type: 'doctor', versions: versions(), checks }));
      else
        for (const { name, ok, detail, required } of checks)
          console.log(`${ok ? 'ok  ' : required ? 'FAIL' : 'none'}  ${name}: ${detail}`);
      if (checks.some((check) => check.required && !check.ok)) process.exitCode = 1;
    });
}

async function examine(): Promise<Check[]> {
  const checks: Check[] = [
    {
      name: 'machine',
      ok: true,
      required: true,
      detail: `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim() ?? 'cpu'}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${automaticPrecision()} where a codec can`,
    },
  ];
  const runtime = createOnnxRuntime();
  try {
    for (const name of modelNames('codec')) {
      const began = performance.now();
      try {
        const codec = await openCodec(findModel('codec', name), runtime);
        const parts = [codec.statistics === null ? 'no statistics' : `statistics r=${codec.statistics.rank}`];
        parts.push(
          codec.hasPolarity ? 'polarity network' : 'no polarity network',
          codec.hasRefiner ? 'refiner' : 'no refiner',
        );
        const detail = `CBR 1/${Math.round(1 / codec.bandwidthRatio)}, ${parts.join(', ')}, opened in ${Math.round(performance.now() - began)} ms`;
        checks.push({ name: `codec ${name}`, ok: true, required: true, detail });
      } catch (error) {
        if (!(error instanceof LinkError)) throw error;
        checks.push({ name: `codec ${name}`, ok: false, required: true, detail: error.message });
      }
    }
    for (const name of modelNames('prior')) {
      try {
        const { card } = await openDenoiser(findModel('prior', name), runtime);
        checks.push({ name: `prior ${name}`, ok: true, required: false, detail: `predicts ${card.prediction}` });
      } catch (error) {
        if (!(error instanceof LinkError)) throw error;
        checks.push({ name: `prior ${name}`, ok: false, required: true, detail: error.message });
      }
    }
    if (modelNames('codec').length === 0) {
      checks.push({ name: 'codecs', ok: false, required: true, detail: 'models/ holds none; check the installation' });
    }
  } finally {
    await runtime.dispose();
  }
  checks.push(...(await examineRuntimes()));
  checks.push(examineGnuradio());
  checks.push(examineProgram('UHD', 'uhd_find_devices', ['--help'], 'USRP radios need it: apt-get install uhd-host'));
  return checks;
}

/** Only onnxruntime on the CPU is needed; the rest is there to choose. */
async function examineRuntimes(): Promise<Check[]> {
  const checks: Check[] = [];
  for (const provider of executionProviders) {
    const fault = probeExecutionProvider(provider);
    const detail = fault ?? `works (run.executionProvider: ${provider})`;
    checks.push({ name: `onnxruntime ${provider}`, ok: fault === null, required: provider === 'cpu', detail });
  }
  for (const backend of tfjsBackends) {
    const fault = await probeTfjs(backend);
    const detail = fault ?? `works (run.runtime: tfjs, run.backend: ${backend})`;
    checks.push({ name: `TensorFlow.js ${backend}`, ok: fault === null, required: false, detail });
  }
  return checks;
}

/** Debian's interpreter first: another python3 on PATH may lack GNU Radio. BLINDLINK_PYTHON overrides. */
function examineGnuradio(): Check {
  const candidates = [process.env['BLINDLINK_PYTHON'], '/usr/bin/python3', 'python3'].filter((p) => p !== undefined);
  for (const python of candidates) {
    const result = spawnSync(python, ['-c', 'from gnuradio import gr; print(gr.version())'], { encoding: 'utf8' });
    if (result.status === 0) {
      return { name: 'GNU Radio', ok: true, required: false, detail: `${result.stdout.trim()} with ${python}` };
    }
  }
  return {
    name: 'GNU Radio',
    ok: false,
    required: false,
    detail: `not found by ${candidates.join(', ')}; only its tests and radios need it: apt-get install gnuradio`,
  };
}

function examineProgram(name: string, program: string, args: string[], remedy: string): Check {
  const result = spawnSync(program, args, { stdio: 'ignore' });
  const ok = result.error === undefined || existsSync(`/usr/bin/${program}`);
  return { name, ok, required: false, detail: ok ? `${program} is there` : `not found; ${remedy}` };
}
