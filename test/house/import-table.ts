/**
 * Who may import whom. Surfaces (http, ssh, jobs, cli) -> services -> stores and engines (db, objects, git, xet,
 * workers) -> domain; nothing points up. The first row whose `files` is the beginning of a path holds for it.
 */
export interface ImportRow {
  readonly files: string;
  /** Beginnings of project paths it may import, besides its own folder. */
  readonly may: readonly string[];
  /** The same, but only as `import type`. */
  readonly mayAsType?: readonly string[];
  /** Packages of the registry; `*` is every package. */
  readonly packages: readonly string[];
  /** Whether it may use what is built into Node. */
  readonly node: boolean;
}

const DOMAIN = 'server/domain/';
const PLATFORM = 'server/platform/';
const OBJECT_PORT = ['server/objects/object-store.ts', 'server/objects/keys.ts'];
const STORES_PORT = ['server/db/stores.ts', 'server/db/questions/'];

export const IMPORT_TABLE: readonly ImportRow[] = [
  { files: DOMAIN, may: [], packages: [], node: false },
  { files: 'server/contract/', may: [DOMAIN], packages: ['zod'], node: false },
  { files: 'server/config/', may: [DOMAIN], packages: ['zod'], node: true },
  { files: PLATFORM, may: [DOMAIN], packages: ['pino'], node: true },
  {
    files: 'server/objects/',
    may: [DOMAIN, PLATFORM],
    packages: ['@aws-sdk/client-s3', '@aws-sdk/lib-storage', 'minio'],
    node: true,
  },
  { files: 'server/git/', may: [DOMAIN, PLATFORM], packages: ['isomorphic-git'], node: true },
  {
    files: 'server/xet/',
    may: [DOMAIN, PLATFORM, ...OBJECT_PORT],
    packages: ['hash-wasm'],
    node: true,
  },
  {
    files: 'server/workers/',
    // Reading YAML takes long, and these two stand on nothing but the domain.
    may: [
      ...[DOMAIN, PLATFORM, 'server/git/', 'server/xet/', 'server/objects/'],
      ...['server/services/cards.ts', 'server/services/card-rules.ts'],
    ],
    packages: ['hash-wasm'],
    node: true,
  },
  { files: 'server/db/', may: [DOMAIN, PLATFORM], packages: ['kysely', 'better-sqlite3'], node: true },
  {
    files: 'server/services/',
    may: [DOMAIN, PLATFORM, ...STORES_PORT, ...OBJECT_PORT, 'server/git/', 'server/xet/', 'server/workers/'],
    packages: ['yaml'],
    node: true,
  },
  {
    files: 'server/jobs/',
    may: [DOMAIN, PLATFORM, ...STORES_PORT, 'server/services/'],
    packages: [],
    node: true,
  },
  {
    files: 'server/http/',
    may: [DOMAIN, 'server/contract/', PLATFORM, 'server/services/'],
    // Bodies are byte sources and ranges of the object port.
    mayAsType: ['server/objects/object-store.ts'],
    packages: ['express', 'zod'],
    node: true,
  },
  {
    files: 'server/ssh/',
    may: [DOMAIN, 'server/contract/', PLATFORM, 'server/services/'],
    mayAsType: ['server/objects/object-store.ts'],
    packages: ['ssh2'],
    node: true,
  },
  // app.ts, main.ts, cli.ts and the commands wire everything together.
  { files: 'server/', may: ['server/'], packages: ['zod', 'yaml'], node: true },
  {
    // The shell decides on data folder, host and port exactly as a hub that is started without it.
    files: 'electron/',
    may: ['server/contract/desktop.ts', 'server/config/'],
    packages: ['electron', 'zod'],
    node: true,
  },
  {
    files: 'renderer/',
    may: ['server/contract/'],
    mayAsType: ['electron/ipc.ts'],
    packages: [
      'vue',
      'vue-router',
      'pinia',
      '@tanstack/vue-query',
      'reka-ui',
      '@lucide/vue',
      'markdown-it',
      'yaml',
      'dompurify',
      'hash-wasm',
      '@fontsource-variable/ibm-plex-sans',
      '@fontsource/ibm-plex-mono',
    ],
    node: false,
  },
  // They see the product as its users do.
  {
    files: 'test/clients/',
    may: ['test/support/'],
    packages: ['vitest', '@huggingface/hub', 'isomorphic-git', 'minio'],
    node: true,
  },
  {
    files: 'test/desktop/',
    may: ['test/support/', 'electron/', 'server/contract/desktop.ts', 'bin/'],
    packages: ['vitest', 'electron', 'playwright-core', 'axe-core'],
    node: true,
  },
  {
    files: 'test/',
    may: ['test/', 'server/', 'electron/', 'renderer/', 'bin/', 'bench/'],
    packages: ['*'],
    node: true,
  },
  { files: 'bench/', may: ['server/', 'test/support/'], packages: ['*'], node: true },
  // Packages are built with a stand-in where no Electron can be had.
  {
    files: 'bin/',
    may: ['server/', 'electron/', 'dist/', 'test/support/electron-stand-in/'],
    packages: ['*'],
    node: true,
  },
  // Tool configuration in the root folder.
  { files: '', may: [], packages: ['*'], node: true },
];

/** A package or a part of Node that only few files of the product may know; tests, bench and bin are free. */
export interface Fence {
  readonly imports: RegExp;
  readonly only: RegExp;
}

export const FENCES: readonly Fence[] = [
  { imports: /^@aws-sdk\//, only: /^server\/objects\/s3\.ts$/ },
  { imports: /^minio$/, only: /^server\/objects\/buckets\.ts$/ },
  { imports: /^ssh2$/, only: /^server\/ssh\// },
  { imports: /^isomorphic-git$/, only: /^server\/git\/remote-fetch\.ts$/ },
  { imports: /^better-sqlite3$/, only: /^server\/db\/sqlite\.ts$/ },
  { imports: /^yaml$/, only: /^(?:server\/(?:services\/(?:apply|.*card.*)\.ts$|cli)|renderer\/card\/)/ },
  {
    imports: /^node:fs(?:\/promises)?$/,
    only: /^(?:server\/(?:objects\/local[a-z-]*\.ts$|db\/|platform\/|config\/|main\.ts$|cli\.ts$|cli\/)|electron\/)/,
  },
];

export const UNFENCED = /^(?:test\/|bench\/|bin\/|resources\/|[^/]+$)/;
