import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { bridgePage } from './page-bridge.js';

/** Scheme → handler. Chromium does not know them, so its pages see them as hosts below this one. */
export const schemes = new Map();
const wireDomain = 'stand-in.localhost';

const toWire = (url) => {
  const { href, protocol, host, pathname, search } = new URL(url);
  return schemes.has(protocol.slice(0, -1))
    ? `http://${host}.${protocol.slice(0, -1)}.${wireDomain}${pathname}${search}`
    : href;
};
const toShown = (url) => {
  const [, host, scheme, rest] = /^http:\/\/(.+)\.([^.]+)\.stand-in\.localhost(\/.*)$/.exec(url) ?? [];
  return scheme ? `${scheme}://${host}${rest}` : url;
};

/** `ipcMain.handle` and the app's own events, set by electron.js. */
export const ipcHandlers = new Map();
export const windows = new Set();

let launched;
/** One Chromium for all windows, with the switches the app was started with. */
const context = (userData, { width, height }) =>
  (launched ??= chromium.launchPersistentContext(join(userData, 'chromium'), {
    executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
    headless: true,
    viewport: null,
    args: [
      '--no-sandbox',
      `--window-size=${width},${height}`,
      ...process.argv.filter((argument) => /^--(remote-debugging|lang)/.test(argument)),
    ],
  }));

export async function closeBrowser() {
  await (await launched)?.close();
}

class WebContents extends EventEmitter {
  #page;
  #wanted = '';
  #openHandler = () => ({ action: 'deny' });

  constructor(userData, preload, window) {
    super();
    this.#page = this.#open(userData, preload, window);
    // A page that cannot be opened shows up in loadURL; until then nobody waits for it.
    this.#page.catch(() => undefined);
  }

  async #open(userData, preload, window) {
    const browser = await context(userData, window.options);
    const page = browser.pages()[windows.size - 1] ?? (await browser.newPage());
    await page.exposeBinding('standInCall', ({ frame }, kind, ...rest) => this.#called(frame, kind, rest));
    await page.addInitScript(bridgePage, preload);
    await page.route(`http://*.${wireDomain}/**`, async (route) => {
      const url = toShown(route.request().url());
      const answer = await schemes.get(new URL(url).protocol.slice(0, -1))(new Request(url));
      const body = Buffer.from(await answer.arrayBuffer());
      await route.fulfill({ status: answer.status, headers: Object.fromEntries(answer.headers), body });
    });
    const session = await browser.newCDPSession(page);
    const { frameTree } = await session.send('Page.getFrameTree');
    await session.send('Fetch.enable', { patterns: [{ resourceType: 'Document' }] });
    session.on('Fetch.requestPaused', (event) => {
      const isAllowed = this.#allows(event, frameTree.frame.id);
      const { requestId } = event;
      const answered = isAllowed
        ? session.send('Fetch.continueRequest', { requestId })
        : session.send('Fetch.failRequest', { requestId, errorReason: 'Aborted' });
      // The request of a navigation that the next one has taken the place of takes no answer.
      answered.catch((error) => process.stderr.write(`stand-in: ${error.message}\n`));
    });
    page.on('load', () => window.emit('ready-to-show'));
    return page;
  }

  #allows({ request, frameId, redirectedRequestId }, mainFrameId) {
    if (request.url === this.#wanted) return true;
    const url = toShown(request.url);
    const isMainFrame = frameId === mainFrameId;
    let isAllowed = true;
    const details = { url, isMainFrame, preventDefault: () => (isAllowed = false) };
    this.emit('will-frame-navigate', details);
    if (isMainFrame) this.emit(redirectedRequestId ? 'will-redirect' : 'will-navigate', details);
    return isAllowed;
  }

  async #called(frame, kind, [first, values]) {
    if (kind === 'window-open') return void this.#openHandler({ url: first });
    const senderFrame = { url: toShown(frame.url()), parent: frame.parentFrame() };
    try {
      const handler = ipcHandlers.get(first);
      if (!handler) throw new Error(`No handler registered for '${first}'`);
      return { result: await handler({ sender: this, senderFrame }, ...values) };
    } catch (error) {
      return { error: String(error) };
    }
  }

  setWindowOpenHandler(handler) {
    this.#openHandler = handler;
  }

  async loadURL(url) {
    const page = await this.#page;
    this.#wanted = toWire(url);
    await page.goto(this.#wanted).catch((error) => {
      throw Object.assign(error, { code: /net::(ERR_\w+)/.exec(error.message)?.[1] });
    });
    this.shown = toShown(page.url());
  }

  getURL() {
    return this.shown ?? '';
  }

  send(channel, ...values) {
    // A page that is just being left takes no message; Electron drops it, too.
    void this.#page
      .then((page) => page.evaluate(([name, sent]) => window.standInReceive?.(name, sent), [channel, values]))
      .catch(() => undefined);
  }
}

export function browserWindow(app) {
  return class BrowserWindow extends EventEmitter {
    isShown = false;
    #isClosed = false;
    #isMaximized = false;

    constructor(options) {
      super();
      windows.add(this);
      this.options = options;
      const preload = readFileSync(options.webPreferences.preload, 'utf8');
      this.webContents = new WebContents(app.getPath('userData'), preload, this);
      app.emit('web-contents-created', {}, this.webContents);
    }

    loadURL(url) {
      return this.webContents.loadURL(url);
    }

    /** What the close button does. */
    close() {
      let isPrevented = false;
      this.emit('close', { preventDefault: () => (isPrevented = true) });
      if (isPrevented) return;
      this.#isClosed = true;
      windows.delete(this);
      this.emit('closed');
      if (windows.size === 0) app.emit('window-all-closed');
    }

    show() {
      this.isShown = true;
    }
    hide() {
      this.isShown = false;
    }
    maximize() {
      this.#isMaximized = true;
    }
    focus() {}
    restore() {}
    isMinimized = () => false;
    isMaximized = () => this.#isMaximized;
    isDestroyed = () => this.#isClosed;
    getNormalBounds = () => ({ x: 0, y: 0, width: this.options.width, height: this.options.height });
  };
}
