import { app, clipboard, ipcMain, Notification, protocol, session, shell } from 'electron';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setAppMenu } from './app-menu.ts';
import { findHubPlace, readCommandLine, withPort, type CommandLine } from './command-line.ts';
import { deepLinkScheme } from './deep-link.ts';
import { offerLink } from './external-links.ts';
import { forkHub } from './fork-hub.ts';
import { registerHandlers, type DesktopActions } from './handlers.ts';
import { hubEnvironment } from './hub-environment.ts';
import { createHubProcess, type HubState } from './hub-process.ts';
import { createHubWindow, shownState } from './hub-window.ts';
import type { ServerState } from './ipc.ts';
import { keepPort } from './kept-settings.ts';
import { openOutputLog } from './output-log.ts';
import { servePages, shellScheme } from './pages.ts';
import { findFreePort, isPortFree } from './ports.ts';
import { restrictSession } from './session-rules.ts';
import { endpointLine, openTray } from './tray.ts';
import { fenceContents, openWindow, showWindow } from './window.ts';

const defaultPort = 8790;

const warn = (sentence: string): void => void process.stderr.write(`atoll: ${sentence}\n`);
/** For what nobody waits for: `promise.catch(warnOf('The link did not open'))`. */
const warnOf =
  (what: string) =>
  (error: unknown): void =>
    warn(`${what}: ${error instanceof Error ? error.message : String(error)}`);
const inApp = (...parts: readonly string[]): string => join(app.getAppPath(), ...parts);

/**
 * The desktop app: one window and one tray icon over one hub. Closing the window leaves the hub running,
 * quitting drains it first.
 */
export function startDesktop({ hubFlags, deepLink }: CommandLine): void {
  const place = findHubPlace(hubFlags, process.env);
  const profile = openProfile(place.dataDir);
  if (!profile) return;

  let flags = hubFlags;
  let showTray: ((state: ServerState) => void) | undefined;
  const shown = createHubWindow({ link: deepLink, warn });
  const keepOutput = openOutputLog(join(profile, 'hub.log'));
  const hub = createHubProcess({
    fork: () =>
      forkHub({
        entry: inApp('dist', 'hub', 'main.mjs'),
        flags,
        env: hubEnvironment(process.env),
        output: keepOutput,
      }),
    onState: (state) => {
      showTray?.(shownState(state));
      shown.follow(state);
    },
    warn,
  });
  const bringUp = (): void => {
    const window = shown.window();
    if (window) showWindow(window);
  };
  const offer = (url: string): Promise<boolean> => offerLink(url, shown.window());

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
      flags = withPort(hubFlags, port);
      await hub.restart();
      return true;
    },
    quit: () => app.quit(),
  };

  registerHandlers({
    ipcMain,
    actions,
    warn,
    sender: { contents: () => shown.window()?.webContents, hubUrl: shown.hubUrl },
  });
  app.on('web-contents-created', (_event, contents) =>
    fenceContents(contents, {
      hubUrl: shown.hubUrl,
      openPage: shown.load,
      offerLink: (url) => void offer(url).catch(warnOf(`${url} did not open`)),
    }),
  );
  app.on('second-instance', (_event, argv) => {
    bringUp();
    const link = readCommandLine(argv).deepLink;
    if (link) shown.openLink(link);
  });
  app.on('open-url', (event, link) => {
    event.preventDefault();
    shown.openLink(link);
  });
  app.on('activate', bringUp);
  // Without a listener Electron would quit; the tray is what keeps the app.
  app.on('window-all-closed', () => undefined);
  const isEnding = drainBeforeQuit(() => hub.stop());

  const openShell = async (): Promise<void> => {
    restrictSession(session.defaultSession);
    protocol.handle(shellScheme, servePages(inApp('resources', 'pages')));
    setAppMenu(process.platform);
    if (app.isPackaged) app.setAsDefaultProtocolClient(deepLinkScheme);
    shown.attach(
      await openWindow({
        preload: inApp('dist', 'electron', 'preload.cjs'),
        icon: inApp('resources', 'icons', '256x256.png'),
        stateFile: join(profile, 'window.json'),
        isEnding,
        onFirstHidden: () =>
          new Notification({
            title: 'Atoll keeps running',
            body: 'The hub still serves. Open or quit it from the tray.',
          }).show(),
      }),
    );
    showTray = openTray({
      iconFolder: inApp('resources', 'icons'),
      platform: process.platform,
      actions: {
        open: bringUp,
        copyEndpoint: () => {
          const line = endpointLine(shown.hubUrl() ?? '', process.platform);
          clipboard.writeText(line).catch(warnOf('The endpoint was not copied'));
        },
        openDataFolder: () => void actions.openDataFolder(),
        quit: () => app.quit(),
      },
    });
    hub.start();
  };
  app
    .whenReady()
    .then(openShell)
    .catch((error: unknown) => {
      warnOf('Atoll did not start')(error);
      app.exit(1);
    });
}

/**
 * Puts Electron's own files into `desktop/` of the data folder. Undefined if another app is open on it: its
 * window comes to the front, and this one ends. All this has to happen before Electron is ready.
 */
function openProfile(dataDir: string): string | undefined {
  let profile = join(dataDir, 'desktop');
  try {
    // For its owner alone, as the hub would make its folder; the shell comes first.
    mkdirSync(profile, { recursive: true, mode: 0o700 });
  } catch (error) {
    // The hub will say what is wrong with the folder; the window that shows it needs a place, too.
    warnOf(`No profile at ${profile}`)(error);
    profile = mkdtempSync(join(tmpdir(), 'atoll-desktop-'));
  }
  app.enableSandbox();
  app.setPath('userData', profile);
  protocol.registerSchemesAsPrivileged([
    { scheme: shellScheme, privileges: { standard: true, secure: true } },
  ]);
  // The lock lies in the profile: two data folders are two apps, one data folder is one.
  if (app.requestSingleInstanceLock()) return profile;
  warn('Atoll is already open for this data folder; its window has been brought to the front.');
  app.exit(0);
  return undefined;
}

/** Holds every quit back until `drain` is done. The answer says whether one is under way. */
function drainBeforeQuit(drain: () => Promise<void>): () => boolean {
  let phase: 'running' | 'draining' | 'drained' = 'running';
  app.on('before-quit', (event) => {
    if (phase === 'drained') return;
    event.preventDefault();
    if (phase === 'draining') return;
    phase = 'draining';
    void drain().then(() => {
      phase = 'drained';
      app.quit();
    });
  });
  return () => phase !== 'running';
}

function takenPort(state: HubState): number {
  return (state.phase === 'failed' && state.failure.details.port) || defaultPort;
}
