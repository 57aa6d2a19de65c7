/**
 * The layers, top to bottom. A module may import from its own folder and from the layers named here as its own;
 * stages never import one another's inside. Only link/ and cli/ see everything.
 */
const layers = {
  cli: [
    'campaign',
    'config',
    'link',
    'dashboard',
    'source',
    'codec',
    'ofdm',
    'radio',
    'sync',
    'receiver',
    'metrics',
    'perception',
    'diffusion',
    'recording',
    'instruments',
    'channel',
    'graph',
    'runtime',
    'onnx',
    'dsp',
    'core',
  ],
  // Many points, in worker processes; how one frame goes is the link's business.
  campaign: ['config', 'link', 'perception', 'source', 'codec', 'receiver', 'metrics', 'core'],
  link: [
    'config',
    // Its messages only: the live link says what happens in the words that watchers understand.
    'dashboard',
    'source',
    'codec',
    'ofdm',
    'radio',
    'sync',
    'receiver',
    'separation',
    'compression',
    'metrics',
    'perception',
    'diffusion',
    'recording',
    'instruments',
    'channel',
    'runtime',
    'dsp',
    'core',
  ],
  // Server, messages, client and page: they know no part of the link, only what it says of itself.
  dashboard: ['core'],
  // Impairments bring the schema of their own setting.
  config: ['channel', 'core'],
  source: ['core'],
  codec: ['graph', 'runtime', 'onnx', 'core'],
  receiver: ['codec', 'ofdm', 'diffusion', 'graph', 'runtime', 'onnx', 'dsp', 'core'],
  // A replayed recording is a radio: radio/replay reads what recording/ opens.
  radio: ['recording', 'channel', 'ofdm', 'dsp', 'core'],
  sync: ['ofdm', 'dsp', 'core'],
  ofdm: ['dsp', 'core'],
  // Picture files at a given number of bytes; what carries them is not its business.
  compression: ['runtime', 'core'],
  // The conventional link: a file in coded packets, over the same cells as a codeword.
  separation: ['compression', 'fec', 'receiver', 'ofdm', 'channel', 'runtime', 'core'],
  // Channel coding and modulation of bits, which know of no grid and no picture.
  fec: ['dsp', 'core'],
  metrics: ['dsp', 'core'],
  perception: ['metrics', 'runtime', 'core'],
  // Files know nothing of modems; instruments know nothing of signals.
  recording: ['core'],
  instruments: ['core'],
  channel: ['dsp', 'core'],
  diffusion: ['graph', 'runtime', 'onnx', 'core'],
  graph: ['runtime', 'onnx', 'core'],
  runtime: ['onnx', 'core'],
  onnx: ['core'],
  dsp: ['core'],
  core: [],
};

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    ...Object.entries(layers).map(([layer, below]) => ({
      name: `layer-${layer}`,
      comment: `src/${layer} may import from: ${[layer, ...below].join(', ')}`,
      severity: 'error',
      from: { path: `^src/${layer}/` },
      to: { path: '^src/', pathNot: `^src/(${[layer, ...below].join('|')})/` },
    })),
    {
      name: 'numerics-without-rxjs',
      comment: 'Streams belong to link/ and what runs links: DSP, receivers and the dashboard stay plain.',
      severity: 'error',
      from: { pathNot: '^src/(link|campaign|cli)/' },
      to: { path: 'rxjs' },
    },
    {
      name: 'page-in-browser',
      comment: 'The page runs in a browser: of the dashboard it uses messages, wire and client, and nothing of Node.',
      severity: 'error',
      from: { path: '^src/dashboard/page/' },
      to: {
        path: '^src/dashboard/(?!page/|messages|client|wire|commands)|^(node:)?(fs|path|http|net|zlib|url|process|stream|crypto|child_process)$|^(ws|zod)$',
      },
    },
    {
      name: 'link-says-messages',
      comment: 'The live link speaks in messages; how they are served is not its business.',
      severity: 'error',
      from: { path: '^src/link/' },
      to: { path: '^src/dashboard/', pathNot: '^src/dashboard/(messages|commands|backend)' },
    },
    { name: 'no-orphans', severity: 'error', from: { orphan: true, path: '^src', pathNot: '\\.d\\.ts$' }, to: {} },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist' },
  },
};
