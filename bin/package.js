/**
 * `npm run package`: the desktop app as a folder and an installer, with electron-builder. `-- --dir` stops at
 * the folder. Electron is what ELECTRON_OVERRIDE_DIST_PATH names, else the installed one; where there is
 * neither, the tests' stand-in takes its place, the result goes to release/stand-in, and that is said.
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const installed = join(root, 'node_modules', 'electron');
const { version: electronVersion } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));

/** Where Electron's files are, and where the package goes. */
async function chooseElectron() {
  const output = join(root, 'release');
  const override = process.env.ELECTRON_OVERRIDE_DIST_PATH;
  if (override) return { electronDist: override, output };
  if (existsSync(join(installed, 'path.txt'))) return { electronDist: join(installed, 'dist'), output };
  console.warn(
    'Electron is not on this machine ("npx install-electron" downloads it). Packing the stand-in of the tests: the result in release/stand-in shows that packing works and is not for anybody to install.',
  );
  const { makeStandInDist } = await import('../test/support/electron-stand-in/make-dist.ts');
  const electronDist = join(root, '.cache', 'electron-stand-in');
  rmSync(electronDist, { recursive: true, force: true });
  mkdirSync(electronDist, { recursive: true });
  makeStandInDist(electronDist, electronVersion);
  return { electronDist, output: join(output, 'stand-in') };
}

const { electronDist, output } = await chooseElectron();
const { ensureRenderer } = await import('./build.js');
const { bundleDesktop } = await import('./bundle.js');
await ensureRenderer();
await bundleDesktop();

process.env.TARGET_PLATFORM = process.platform;
if (process.platform === 'linux') process.env.CUSTOM_FPM_PATH ??= join(root, 'bin', 'make-deb.js');

const { build } = await import('electron-builder');
const artifacts = await build({
  projectDir: root,
  publish: 'never',
  dir: process.argv.includes('--dir'),
  config: {
    electronVersion,
    electronDist,
    directories: { output },
    // Of a distribution given as a folder electron-builder keeps everything, Electron's own start app, too.
    afterPack: ({ appOutDir, packager }) =>
      rmSync(join(packager.getResourcesDir(appOutDir), 'default_app.asar'), { force: true }),
  },
});
console.log([output, ...artifacts].join('\n'));
