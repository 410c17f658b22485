import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { extractArchive } from './asar.ts';

const [executable = '', ...args] = process.argv.slice(2);
const resourcesPath = join(dirname(resolve(executable)), 'resources');
const archive = join(resourcesPath, 'app.asar');
const isPackaged = existsSync(archive);

let appPath = resolve(args.find((argument) => !argument.startsWith('-')) ?? '.');
if (isPackaged) {
  // Real Electron reads inside the archive; here its files, with the unpacked ones among them, become a folder.
  appPath = mkdtempSync(join(tmpdir(), 'electron-stand-in-'));
  extractArchive(archive, appPath);
  process.on('exit', () => rmSync(appPath, { recursive: true, force: true }));
}

const { main, name, version } = JSON.parse(readFileSync(join(appPath, 'package.json'), 'utf8'));
process.argv = [executable, ...args];
process.resourcesPath = resourcesPath;
process.type = 'browser';
process.versions.electron = readFileSync(join(dirname(resolve(executable)), 'version'), 'utf8').trim();
globalThis.electronStandIn = { appPath, name, version, isPackaged };

const shim = new URL('electron.js', import.meta.url).href;
registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'electron' ? { url: shim, format: 'module', shortCircuit: true } : next(specifier, context),
});
await import(pathToFileURL(join(appPath, main)).href);
