// Builds the native part of @tensorflow/tfjs-node (or -gpu) for this Node from its own sources and a TensorFlow that is there already, where its
// install script cannot download one:
//
//   npm install --ignore-scripts @tensorflow/tfjs-node node-api-headers
//   pip download tensorflow-cpu --no-deps && unzip -q tensorflow_cpu-*.whl 'tensorflow/include/*' 'tensorflow/*.so.2'
//   node node_modules/blindlink/scripts/build-tfjs-node.mjs tensorflow
//
// The folder is that of the Python package, or TensorFlow's C library with include/ and lib/. It must stay where it is: the binding loads it from there.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';

const NAPI_VERSION = 8;
const PACKAGES = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'];

const [folder] = process.argv.slice(2);
if (folder === undefined || folder.startsWith('-'))
  fail('usage: build-tfjs-node.mjs FOLDER, of an unpacked TensorFlow');
const include = join(resolve(folder), 'include');
if (!existsSync(join(include, 'tensorflow/c/eager/c_api.h')))
  fail(`${folder}: has no include/tensorflow/c/eager/c_api.h`);
const libraries = ['', 'lib', '..']
  .map((where) => join(resolve(folder), where))
  .filter(existsSync)
  .map((where) => ({
    where,
    files: readdirSync(where).filter((name) => /^libtensorflow(_cc|_framework)?\.so(\.2)?$/.test(name)),
  }))
  .find(({ files }) => files.some((name) => !name.includes('framework')));
if (libraries === undefined) {
  fail(
    `${folder}: has neither libtensorflow_cc.so.2 (a Python wheel, 2.10 or newer) nor lib/libtensorflow.so (the C library)`,
  );
}

const project = createRequire(join(process.cwd(), 'package.json'));
const name = PACKAGES.find((candidate) => locate(candidate) !== null);
if (name === undefined)
  fail(`@tensorflow/tfjs-node is not installed here: npm install --ignore-scripts @tensorflow/tfjs-node`);
const root = locate(name);
const headers = nodeHeaders();
const out = join(root, 'lib', `napi-v${NAPI_VERSION}`);
mkdirSync(out, { recursive: true });

const compiler = process.env.CXX ?? 'c++';
const sources = readdirSync(join(root, 'binding')).filter((file) => file.endsWith('.cc'));
const binding = join(out, 'tfjs_binding.node');
const { error, status } = spawnSync(
  compiler,
  [
    ...['-O2', '-std=c++17', '-shared', '-fPIC', `-DNAPI_VERSION=${NAPI_VERSION}`, '-DBUILDING_NODE_EXTENSION'],
    ...[root, include, headers].map((path) => `-I${path}`),
    ...sources.map((file) => join(root, 'binding', file)),
    ...['-o', binding, `-L${libraries.where}`, ...libraries.files.map((file) => `-l:${file}`)],
    `-Wl,-rpath,${realpathSync(libraries.where)}`,
  ],
  { stdio: 'inherit' },
);
if (error !== undefined) fail(`${compiler}: ${error.message}; name a C++ compiler in CXX`);
if (status !== 0) fail(`${compiler} ended with status ${status}`);

const test = spawnSync(
  process.execPath,
  ['-e', `const tf = require(${JSON.stringify(name)}); console.log(tf.backend().binding.TF_Version)`],
  { encoding: 'utf8', env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2' } },
);
if (test.status !== 0) fail(`${binding} does not load: ${test.stderr.trim().split('\n')[0]}`);
console.log(`${name}: built for TensorFlow ${test.stdout.trim()}`);

/** Folder of an installed package, or null. Not every package lets its package.json be required. */
function locate(packageName) {
  for (const base of project.resolve.paths(packageName) ?? []) {
    if (existsSync(join(base, packageName, 'package.json'))) return realpathSync(join(base, packageName));
  }
  return null;
}

/** Where node_api.h is: beside Node, or in the package that has nothing else. */
function nodeHeaders() {
  const beside = join(dirname(dirname(realpathSync(process.execPath))), 'include/node');
  if (existsSync(join(beside, 'node_api.h'))) return beside;
  const packaged = locate('node-api-headers');
  if (packaged === null) fail('node_api.h is not there: npm install --ignore-scripts node-api-headers');
  return join(packaged, JSON.parse(readFileSync(join(packaged, 'package.json'), 'utf8')).include ?? 'include');
}

function fail(text) {
  console.error(`build-tfjs-node: ${text}`);
  process.exit(1);
}
