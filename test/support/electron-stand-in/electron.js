/** The module `electron`, as far as the app uses it. */
import { EventEmitter } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { browserWindow, closeBrowser, ipcHandlers, schemes, windows } from './browser-window.js';
import { openControl, person, seen } from './control.js';
import { killUtilityProcesses, utilityProcess } from './utility-process.js';

const { appPath, name, version, isPackaged } = globalThis.electronStandIn;
const paths = new Map([['userData', join(process.env.HOME ?? '/tmp', '.config', name)]]);

const isAlive = (pid) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

class App extends EventEmitter {
  isPackaged = isPackaged;
  getAppPath = () => appPath;
  getVersion = () => version;
  getPath = (key) => paths.get(key);
  setPath = (key, path) => paths.set(key, path);
  enableSandbox() {}
  setAsDefaultProtocolClient = () => true;
  whenReady = () => new Promise((resolve) => setImmediate(resolve));

  /** By a file with the holder's pid; a second start leaves its arguments beside it and knocks. */
  requestSingleInstanceLock() {
    const folder = this.getPath('userData');
    mkdirSync(folder, { recursive: true });
    const [lock, letter] = [join(folder, 'stand-in.lock'), join(folder, 'stand-in.argv')];
    const holder = existsSync(lock) ? Number(readFileSync(lock, 'utf8')) : 0;
    if (holder && isAlive(holder)) {
      writeFileSync(letter, JSON.stringify(process.argv));
      process.kill(holder, 'SIGUSR2');
      return false;
    }
    writeFileSync(lock, String(process.pid));
    process.on('SIGUSR2', () => this.emit('second-instance', {}, JSON.parse(readFileSync(letter, 'utf8'))));
    process.on('exit', () => rmSync(lock, { force: true }));
    return true;
  }

  quit() {
    let isPrevented = false;
    this.emit('before-quit', { preventDefault: () => (isPrevented = true) });
    if (isPrevented) return;
    [...windows].forEach((window) => window.close());
    this.exit(0);
  }

  exit(code) {
    killUtilityProcesses();
    void closeBrowser().finally(() => process.exit(code));
  }
}

export const app = new App();
process.on('SIGTERM', () => app.quit());
process.on('SIGINT', () => app.quit());
process.on('exit', killUtilityProcesses);
if (process.env.ELECTRON_STAND_IN_CONTROL) openControl(process.env.ELECTRON_STAND_IN_CONTROL, windows);

export { utilityProcess };
export const BrowserWindow = browserWindow(app);
export const ipcMain = { handle: (channel, handler) => ipcHandlers.set(channel, handler) };
export const protocol = {
  registerSchemesAsPrivileged: (list) => list.forEach(({ scheme }) => schemes.set(scheme, undefined)),
  handle: (scheme, handler) => schemes.set(scheme, handler),
};
export const session = {
  defaultSession: {
    setPermissionRequestHandler() {},
    setPermissionCheckHandler() {},
    setDevicePermissionHandler() {},
    setDisplayMediaRequestHandler() {},
  },
};
export const clipboard = {
  writeText: async (text) => {
    seen.clipboard = text;
  },
};
export const shell = {
  openExternal: async (url) => void seen.opened.push(url),
  openPath: async (path) => {
    seen.opened.push(path);
    return '';
  },
};
export const dialog = {
  showMessageBox: async (...args) => {
    const question = args.at(-1);
    seen.dialogs.push({ message: question.message, detail: question.detail });
    return { response: person.dialogAnswer ?? question.cancelId };
  },
};
export const nativeImage = {
  createFromPath: (path) => {
    if (!existsSync(path)) throw new Error(`There is no image at ${path}.`);
    return { path };
  },
};
export const nativeTheme = { shouldUseDarkColors: false };
export const screen = {
  getAllDisplays: () => [{ workArea: { x: 0, y: 0, width: 1920, height: 1080 } }],
};
export const Menu = {
  buildFromTemplate: (template) => template,
  setApplicationMenu() {},
};
export class Tray extends EventEmitter {
  setImage() {}
  setToolTip(tip) {
    seen.tray.tip = tip;
  }
  setContextMenu(menu) {
    seen.tray.menu = menu;
  }
}
export class Notification {
  constructor(text) {
    this.text = text;
  }
  show() {
    seen.notifications.push(this.text);
  }
}
export default { app };
