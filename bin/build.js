/**
 * The page, built once: `ensureRenderer()` builds it when dist/renderer is missing or older than its sources, so that
 * `npm start` works right after `npm ci` and stays quick afterwards.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const sources = ['renderer', 'vite.config.ts', 'package-lock.json'].map((path) => join(root, path));
const built = join(root, 'dist', 'renderer');

/** When anything at or under a path last changed, in ms; 0 where nothing is. */
function newestChange(path) {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) return 0;
  if (!stats.isDirectory()) return stats.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newestChange(join(path, name))));
}

/** Builds into a folder of this process and puts it in place by renaming, so that nobody ever reads half a page. */
async function buildRenderer() {
  const { build } = await import('vite');
  const { NODE_ENV } = process.env;
  const fresh = `${built}.${process.pid}`;
  const old = `${fresh}.old`;
  // Vite lets this variable decide over its mode, and a test runner sets it: the page is always the real one.
  process.env.NODE_ENV = 'production';
  await build({
    configFile: join(root, 'vite.config.ts'),
    logLevel: 'warn',
    build: { outDir: fresh, emptyOutDir: true },
  });
  if (NODE_ENV === undefined) delete process.env.NODE_ENV;
  else process.env.NODE_ENV = NODE_ENV;
  mkdirSync(dirname(built), { recursive: true });
  try {
    if (existsSync(built)) renameSync(built, old);
    renameSync(fresh, built);
  } catch (error) {
    // Another start was quicker and its page is as good; anything else is a real failure.
    if (!existsSync(join(built, 'index.html'))) throw error;
  } finally {
    for (const folder of [fresh, old]) rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Makes sure that dist/renderer holds the page of these sources. Without the sources (an installed package) what is
 * there is taken as it is.
 */
export async function ensureRenderer() {
  const page = statSync(join(built, 'index.html'), { throwIfNoEntry: false });
  if (!existsSync(join(root, 'renderer'))) return;
  if (page && page.mtimeMs >= Math.max(...sources.map(newestChange))) return;
  process.stderr.write('Building the page, once…\n');
  await buildRenderer();
}

if (
  process.argv[1] &&
  existsSync(process.argv[1]) &&
  resolve(process.argv[1]) === fileURLToPath(import.meta.url)
) {
  await buildRenderer();
}
