/**
 * The page, built once: `ensureRenderer()` builds it when dist/renderer is missing or older than its sources, so that
 * `npm start` works right after `npm ci` and stays quick afterwards.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
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

const WEEK_MS = 7 * 24 * 3600 * 1000;

/**
 * Carries the assets of earlier builds over for a week: a hub that was started before goes on serving the page it
 * started with, and its parts are fetched when they are first needed. Their names are hashes, so nothing collides.
 */
function keepEarlierAssets(from, to) {
  if (!existsSync(from)) return;
  const builtAt = statSync(to).mtimeMs;
  for (const name of readdirSync(from)) {
    const earlier = join(from, name);
    if (existsSync(join(to, name)) || builtAt - statSync(earlier).mtimeMs > WEEK_MS) continue;
    cpSync(earlier, join(to, name), { preserveTimestamps: true });
  }
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
  keepEarlierAssets(join(built, 'assets'), join(fresh, 'assets'));
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
