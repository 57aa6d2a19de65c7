import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['dist', 'node_modules', 'runs', 'coverage', 'flowgraphs', 'training'] },
  ...tseslint.configs.strict,
  {
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/consistent-type-imports': 'error',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'Randomness is an argument: pass an Rng.' },
      ],
      'no-restricted-syntax': ['error', { selector: 'ExportDefaultDeclaration', message: 'Use named exports.' }],
      // Properties left out of a rest object are named to be left out.
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true }],
      'no-console': 'error',
      'max-params': ['error', 6],
    },
  },
  {
    files: ['src/cli/**', 'test/bench/**', 'test/run.mjs', 'scripts/**', 'examples/**', 'recordings/**'],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['*.config.{js,ts}', '*.cjs', 'examples/custom-receiver.mjs'],
    rules: { 'no-restricted-syntax': 'off' },
  },
);
