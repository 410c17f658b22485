import {
  app,
  clipboard,
  ipcMain,
  Notification,
  protocol,
  session,
  shell,
  type BrowserWindow,
} from 'electron';
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setAppMenu } from './app-menu.ts';
import { findHubPlace, readCommandLine, type CommandLine } from './command-line.ts';
import { deepLinkScheme, pageOfDeepLink } from './deep-link.ts';
import { offerLink } from './external-links.ts';
import { forkHub } from './fork-hub.ts';
import { registerHandlers, type DesktopActions } from './handlers.ts';
import { hubEnvironment } from './hub-environment.ts';
import { createHubProcess, type HubState } from './hub-process.ts';
import { serverStateChanged, type ServerState } from './ipc.ts';
import { keepPort } from './kept-settings.ts';
import { openOutputLog } from './output-log.ts';
import { servePages, shellScheme, startingPage, startupErrorPage } from './pages.ts';
import { findFreePort, isPortFree } from './ports.ts';
import { restrictSession } from './session-rules.ts';
import { startupProblem } from './startup-error.ts';
import { endpointLine, openTray } from './tray.ts';
import { fenceContents, openWindow, showWindow } from './window.ts';

const defaultPort = 8790;

/** What the pages and the tray are told of the hub's state. */
function shownState(state: HubState): ServerState {
  switch (state.phase) {
    case 'running':
      return { phase: 'running', url: state.url };
    case 'failed':
      return { phase: 'failed', problem: startupProblem(state.failure) };
    case 'stopped':
      return { phase: 'stopping' };
    default:
      return state;
  }
}

/** A profile folder Chromium can write, so that even a data folder that is not writable gets its error page. */
function profileFolder(dataDir: string): string {
  const inside = join(dataDir, 'desktop');
  try {
    // The hub would make its folder for its owner alone; the shell comes first.
    mkdirSync(inside, { recursive: true, mode: 0o700 });
    return inside;
  } catch (error) {
    process.stderr.write(`atoll: ${String(error)}\n`);
    return join(tmpdir(), 'atoll-desktop');
  }
}

/**
 * The desktop app: one window and one tray icon over one hub. Closing the window leaves the hub running,
 * quitting drains it first.
 */
export function startDesktop({ hubFlags, deepLink }: CommandLine): void {
  const place = findHubPlace(hubFlags, process.env);
  const profile = profileFolder(place.dataDir);
  const warn = (sentence: string): void => void process.stderr.write(`atoll: ${sentence}\n`);
  /** For what nobody waits for: `promise.catch(warnOf('The link did not open'))`. */
  const warnOf =
    (what: string) =>
    (error: unknown): void =>
      warn(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  const inApp = (...parts: readonly string[]): string => join(app.getAppPath(), ...parts);

  app.enableSandbox();
  app.setPath('userData', profile);
  protocol.registerSchemesAsPrivileged([
    { scheme: shellScheme, privileges: { standard: true, secure: true } },
  ]);
  // The lock lies in the profile: two data folders are two apps, one data folder is one.
  if (!app.requestSingleInstanceLock()) {
    warn('Atoll is already open for this data folder; its window has been brought to the front.');
    app.exit(0);
    return;
  }

  let window: BrowserWindow | undefined;
  let showTray: ((state: ServerState) => void) | undefined;
  let pendingLink = deepLink;
  let chosenPort: number | undefined;
  /** Stays while the hub is started again: its page is still in the window. */
  let lastUrl: string | undefined;
  const hubUrl = (): string | undefined => lastUrl;
  let quitting: 'no' | 'draining' | 'drained' = 'no';
  const keepOutput = openOutputLog(join(profile, 'hub.log'));

  const hub = createHubProcess({
    fork: () =>
      forkHub({
        entry: inApp('dist', 'hub', 'main.mjs'),
        flags: chosenPort === undefined ? hubFlags : [...withoutPort(hubFlags), '--port', `${chosenPort}`],
        env: hubEnvironment(process.env),
        output: keepOutput,
      }),
    onState: (state) => {
      const shown = shownState(state);
      if (state.phase === 'running') lastUrl = state.url;
      showTray?.(shown);
      if (!window || window.isDestroyed()) return;
      window.webContents.send(serverStateChanged, shown);
      const page = pageFor(state, window.webContents.getURL());
      if (page) load(page);
    },
    warn,
  });

  /** Where the window goes in `state`; undefined leaves it where it is. */
  function pageFor(state: HubState, current: string): string | undefined {
    switch (state.phase) {
      case 'starting':
        return startingPage;
      case 'failed':
        return startupErrorPage;
      case 'running': {
        const linked = pendingLink && pageOfDeepLink(pendingLink, state.url);
        pendingLink = undefined;
        // After a crash the page finds the hub again by itself, with what the person was doing.
        if (!linked && URL.parse(current)?.origin === state.url) return undefined;
        return state.setupUrl ?? linked ?? state.url;
      }
      default:
        return undefined;
    }
  }

  function load(page: string): void {
    window?.loadURL(page).catch((error: NodeJS.ErrnoException) => {
      // The next state's page has taken its place.
      if (error.code !== 'ERR_ABORTED') warnOf(`The window did not open ${page}`)(error);
    });
  }

  function openLink(link: string): void {
    const state = hub.state();
    if (state.phase !== 'running') {
      pendingLink = link;
      return;
    }
    const page = pageOfDeepLink(link, state.url);
    if (page) load(page);
  }

  const offer = (url: string): Promise<boolean> => offerLink(url, window);
  const actions: DesktopActions = {
    copyText: (text) => clipboard.writeText(text),
    openExternal: offer,
    serverState: () => shownState(hub.state()),
    restartServer: () => hub.restart(),
    openDataFolder: async () => {
      const problem = await shell.openPath(place.dataDir);
      if (problem) warn(`${place.dataDir} did not open: ${problem}`);
    },
    notify: ({ title, body }) => new Notification({ title, body }).show(),
    pickPort: () => findFreePort(takenPort(hub.state()), place.hosts),
    usePort: async (port) => {
      if (!(await isPortFree(port, place.hosts))) return false;
      await keepPort(place.configFile, port);
      // For this run it also stands above an ATOLL_PORT or --port the app was started with.
      chosenPort = port;
      await hub.restart();
      return true;
    },
    quit: () => app.quit(),
  };
  registerHandlers({ ipcMain, actions, warn, sender: { contents: () => window?.webContents, hubUrl } });

  app.on('web-contents-created', (_event, contents) =>
    fenceContents(contents, {
      hubUrl,
      offerLink: (url) => {
        offer(url).catch(warnOf(`${url} did not open`));
      },
    }),
  );
  app.on('second-instance', (_event, argv) => {
    if (window) showWindow(window);
    const link = readCommandLine(argv).deepLink;
    if (link) openLink(link);
  });
  app.on('open-url', (event, link) => {
    event.preventDefault();
    openLink(link);
  });
  app.on('activate', () => {
    if (window) showWindow(window);
  });
  // Without a listener Electron would quit; the tray is what keeps the app.
  app.on('window-all-closed', () => undefined);
  app.on('before-quit', (event) => {
    if (quitting === 'drained') return;
    event.preventDefault();
    if (quitting === 'draining') return;
    quitting = 'draining';
    void hub.stop().then(() => {
      quitting = 'drained';
      app.quit();
    });
  });

  app
    .whenReady()
    .then(async () => {
      restrictSession(session.defaultSession);
      protocol.handle(shellScheme, servePages(inApp('resources', 'pages')));
      setAppMenu(process.platform);
      if (app.isPackaged) app.setAsDefaultProtocolClient(deepLinkScheme);
      window = await openWindow({
        preload: inApp('dist', 'electron', 'preload.cjs'),
        icon: inApp('resources', 'icons', '256x256.png'),
        stateFile: join(profile, 'window.json'),
        isEnding: () => quitting !== 'no',
        onFirstHidden: () =>
          new Notification({
            title: 'Atoll keeps running',
            body: 'The hub still serves. Open or quit it from the tray.',
          }).show(),
      });
      const opened = window;
      showTray = openTray({
        iconFolder: inApp('resources', 'icons'),
        platform: process.platform,
        actions: {
          open: () => showWindow(opened),
          copyEndpoint: () => {
            const line = endpointLine(hubUrl() ?? '', process.platform);
            clipboard.writeText(line).catch(warnOf('The endpoint was not copied'));
          },
          openDataFolder: () => void actions.openDataFolder(),
          quit: () => app.quit(),
        },
      });
      hub.start();
    })
    .catch((error: unknown) => {
      warn(`Atoll did not start: ${error instanceof Error ? error.stack : String(error)}`);
      app.exit(1);
    });
}

function takenPort(state: HubState): number {
  return (state.phase === 'failed' && state.failure.details.port) || defaultPort;
}

function withoutPort(flags: readonly string[]): string[] {
  return flags.filter(
    (flag, index) => flag !== '--port' && !flag.startsWith('--port=') && flags[index - 1] !== '--port',
  );
}
