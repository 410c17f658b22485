/**
 * Puts the desktop app's programs into single files under dist/: the shell (dist/electron) and the hub
 * (dist/hub: its entry, its command line, its worker threads). Only the SQLite package stays outside. Called by
 * itself it writes both; `--shell FOLDER` writes the shell alone, for tests over a hub of their own.
 */
import { build } from 'esbuild';
import { globSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

const shared = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node24',
  metafile: true,
  legalComments: 'external',
  logLevel: 'warning',
  // better-sqlite3 finds its native part beside itself, so it is packed as it is.
  external: ['electron', 'better-sqlite3', '*.node'],
};

/** CommonJS packages inside an ES module still expect CommonJS names. */
const commonJsNames = [
  "import { createRequire as atollCreateRequire } from 'node:module';",
  "import { fileURLToPath as atollFileURLToPath } from 'node:url';",
  'const require = atollCreateRequire(import.meta.url);',
  "const __filename = atollFileURLToPath(import.meta.url), __dirname = atollFileURLToPath(new URL('.', import.meta.url));",
].join('\n');

const workerUrl = /new URL\(\s*'\.\/([\w./-]+)\.ts'\s*,\s*import\.meta\.url\s*,?\s*\)/g;

/** Source files that are started as worker threads, by the URLs that name them. */
function findWorkers() {
  return globSync('server/**/*.ts', { cwd: root }).flatMap((source) =>
    [...readFileSync(join(root, source), 'utf8').matchAll(workerUrl)].map(([, name]) =>
      join(dirname(source), `${name}.ts`),
    ),
  );
}

/**
 * A bundled module no longer lies where its source was. A worker's URL becomes that of its bundle; any other
 * use of `import.meta` goes on naming the place of the source, so that what lies beside the sources in a
 * checkout (the built page, package.json) is found in the package by the same paths.
 */
const placeOfSource = {
  name: 'place-of-source',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]server[\\/].*\.ts$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      if (!text.includes('import.meta.')) return undefined;
      const place = `new URL(${JSON.stringify(`../../${relative(root, path).split(sep).join('/')}`)}, atollBundleUrl)`;
      const contents = text
        .replace(workerUrl, (_, name) => `new URL('./${basename(name)}.mjs', atollBundleUrl)`)
        .replaceAll('import.meta.url', `${place}.href`)
        .replaceAll('import.meta.filename', `atollFileURLToPath(${place})`)
        .replaceAll('import.meta.dirname', `atollFileURLToPath(new URL('.', ${place}))`)
        .replaceAll('atollBundleUrl', 'import.meta.url');
      return { contents, loader: 'ts' };
    });
  },
};

/** Main process and preload of the app, into `outdir`. */
async function bundleShell(outdir) {
  return build({
    ...shared,
    entryPoints: ['electron/main.ts', 'electron/preload.ts'],
    outdir,
    // The sandbox of a preload loads CommonJS only.
    format: 'cjs',
    outExtension: { '.js': '.cjs' },
  });
}

/** What planted failures are asked for with (platform/fail-points.ts): a packaged hub cannot be told to fail. */
export const hubDefinitions = { 'process.env.ATOLL_FAIL': 'undefined' };

async function bundleHub(outdir) {
  const entries = ['server/main.ts', 'server/cli.ts', ...new Set(findWorkers())];
  return build({
    ...shared,
    entryPoints: entries.map((source) => ({ in: source, out: basename(source, '.ts') })),
    outdir,
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    // What the hub imports only when it needs it (S3, for one) stays in files of its own.
    splitting: true,
    chunkNames: 'part-[hash]',
    banner: { js: commonJsNames },
    define: hubDefinitions,
    plugins: [placeOfSource],
  });
}

/** The licenses of every package whose code is in the bundles, or beside them. */
function writeLicenses(results, target) {
  const folders = new Set(['node_modules/better-sqlite3']);
  for (const { metafile } of results) {
    for (const input of Object.keys(metafile.inputs)) {
      const [, folder] = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input) ?? [];
      if (folder) folders.add(folder);
    }
  }
  const sections = [...folders].sort().map((folder) => {
    const about = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    const file = readdirSync(join(root, folder)).find((name) => /^(licen[cs]e|copying)/i.test(name));
    const text = file ? readFileSync(join(root, folder, file), 'utf8').trim() : `License: ${about.license}`;
    return `${about.name} ${about.version}\n\n${text}\n`;
  });
  writeFileSync(target, sections.join(`\n${'-'.repeat(80)}\n\n`));
}

/** Writes dist/electron, dist/hub and dist/third-party-licenses.txt. About a second. */
export async function bundleDesktop() {
  const dist = join(root, 'dist');
  for (const folder of ['electron', 'hub']) rmSync(join(dist, folder), { recursive: true, force: true });
  const results = await Promise.all([bundleShell(join(dist, 'electron')), bundleHub(join(dist, 'hub'))]);
  writeLicenses(results, join(dist, 'third-party-licenses.txt'));
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const [option, outdir] = process.argv.slice(2);
  if (option === '--shell' && outdir) await bundleShell(outdir);
  else await bundleDesktop();
}
