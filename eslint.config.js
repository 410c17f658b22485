import vue from 'eslint-plugin-vue';
import tseslint from 'typescript-eslint';

/** A rule of ours: what must not be written, and why. */
const forbid = (selector, message) => ({ selector, message });

const EVERYWHERE = [
  forbid('CatchClause > BlockStatement[body.length=0]', 'Handle the error, or do not catch it.'),
  forbid(
    'CallExpression[callee.property.name="catch"] > ArrowFunctionExpression > BlockStatement[body.length=0]',
    'Handle the error, or do not catch it; what may fail without harm returns undefined and says why.',
  ),
  forbid('ExportDefaultDeclaration', 'A default export has a different name in every file that imports it.'),
  forbid('TSEnumDeclaration', 'Use a union of literals: Node runs these files by stripping types.'),
  forbid('TSParameterProperty', 'Node runs these files by stripping types.'),
];

const PROCESS_ENV = [
  forbid(
    'MemberExpression[object.name="process"][property.name="env"]',
    'Configuration is read once, where the program starts, and handed on.',
  ),
  forbid('ImportDeclaration[source.value="node:process"]', 'Use the global process.'),
];

const CLOCK = [
  forbid(
    'MemberExpression[object.name="Date"][property.name="now"]',
    'Take a clock (platform/clock.ts), so that tests can turn it.',
  ),
  forbid('NewExpression[callee.name="Date"][arguments.length=0]', 'Take a clock (platform/clock.ts).'),
];

const OBJECT_KEYS = [
  forbid(
    'TemplateElement[value.raw=/^(packs|large|xorbs|probe)\\u002F/]',
    'Only objects/keys.ts spells keys.',
  ),
  forbid('Literal[value=/^(packs|large|xorbs|probe)\\u002F/]', 'Only objects/keys.ts spells keys.'),
];

/** Rules that stand in one list replace each other per file, so each block names all that hold for its files. */
const syntax = (...lists) => ({ 'no-restricted-syntax': ['error', ...lists.flat()] });

export default tseslint.config(
  { ignores: ['node_modules/', 'dist/', 'release/', '.cache/', 'test-results/', 'test/fixtures/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },

  tseslint.configs.recommended,
  {
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-var': 'error',
      'prefer-const': 'error',
      'object-shorthand': 'error',
      'no-constant-binary-expression': 'error',
      'no-control-regex': 'error',
      'no-self-compare': 'error',
      'no-template-curly-in-string': 'error',
      'no-unsafe-finally': 'error',
      'no-unsafe-optional-chaining': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      ...syntax(EVERYWHERE),
    },
  },

  {
    files: ['server/**/*.ts', 'electron/**/*.ts', 'test/**/*.ts', 'bench/**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { arguments: false } }],
      '@typescript-eslint/only-throw-error': [
        'error',
        { allowThrowingUnknown: true, allowThrowingAny: false },
      ],
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
    },
  },

  {
    files: ['server/**/*.ts'],
    rules: {
      'no-console': 'error',
      'no-restricted-globals': [
        'error',
        { name: 'fetch', message: 'Calls leave by platform/outbound.ts alone.' },
      ],
      ...syntax(EVERYWHERE, PROCESS_ENV, CLOCK, OBJECT_KEYS),
    },
  },
  { files: ['server/main.ts', 'server/cli.ts'], rules: syntax(EVERYWHERE, CLOCK, OBJECT_KEYS) },
  { files: ['server/platform/clock.ts'], rules: syntax(EVERYWHERE, PROCESS_ENV, OBJECT_KEYS) },
  { files: ['server/objects/keys.ts'], rules: syntax(EVERYWHERE, PROCESS_ENV, CLOCK) },
  { files: ['server/platform/outbound.ts'], rules: { 'no-restricted-globals': 'off' } },

  ...vue.configs['flat/essential'].map((config) => ({ ...config, files: ['renderer/**/*.vue'] })),
  {
    files: ['renderer/**/*.vue'],
    languageOptions: { parserOptions: { parser: tseslint.parser } },
    rules: {
      'vue/block-lang': ['error', { script: { lang: 'ts' } }],
      'vue/component-api-style': ['error', ['script-setup']],
      'vue/multi-word-component-names': 'off',
      'vue/no-v-html': 'error',
      'vue/require-explicit-emits': 'error',
    },
  },
  { files: ['renderer/**/*.{ts,vue}'], rules: syntax(EVERYWHERE, PROCESS_ENV) },

  // Tools ask their configuration for a default export, and so does whoever imports `electron`.
  {
    files: ['*.config.{js,ts}', 'test/support/electron-stand-in/electron.js'],
    rules: { 'no-restricted-syntax': 'off' },
  },
);
