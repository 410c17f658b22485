/**
 * `npm run desktop`: builds what is missing and opens the app from this checkout in Electron. Arguments go to
 * the app: `npm run desktop -- --data-dir /tmp/hub --port 0`.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The Electron executable, or undefined. The package's own entry would start to download it instead. */
function findElectron() {
  const installed = join(root, 'node_modules', 'electron');
  const named = join(installed, 'path.txt');
  const name = existsSync(named) ? readFileSync(named, 'utf8') : 'electron';
  const folder = process.env.ELECTRON_OVERRIDE_DIST_PATH ?? join(installed, 'dist');
  const executable = join(folder, name);
  return existsSync(executable) ? executable : undefined;
}

const electron = findElectron();
if (!electron) {
  console.error(
    'Electron is not on this machine: "npx install-electron" downloads it, or ELECTRON_OVERRIDE_DIST_PATH names an unpacked one.',
  );
  process.exit(1);
}

const { ensureRenderer } = await import('./build.js');
const { bundleDesktop } = await import('./bundle.js');
await ensureRenderer();
await bundleDesktop();

const app = spawn(electron, [root, ...process.argv.slice(2)], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => app.kill(signal));
app.on('exit', (code) => process.exit(code ?? 1));
