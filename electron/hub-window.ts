import type { BrowserWindow } from 'electron';
import { pageOfDeepLink } from './deep-link.ts';
import type { HubState } from './hub-process.ts';
import { serverStateChanged, type ServerState } from './ipc.ts';
import { startingPage, startupErrorPage } from './pages.ts';
import { startupProblem } from './startup-error.ts';

/** What pages and tray are told of the hub's state. */
export function shownState(state: HubState): ServerState {
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

/**
 * Where a window that shows `current` goes when the hub enters `state`; undefined leaves it there. `link` is a
 * deep link nobody has followed yet.
 */
export function pageFor(
  state: HubState,
  { current, link }: { readonly current: string; readonly link: string | undefined },
): string | undefined {
  switch (state.phase) {
    case 'starting':
      return startingPage;
    case 'failed':
      return startupErrorPage;
    case 'running': {
      if (state.setupUrl) return state.setupUrl;
      const linked = link && pageOfDeepLink(link, state.url);
      if (linked) return linked;
      // After a crash the page finds the hub again by itself, with what the person was doing.
      return URL.parse(current)?.origin === state.url ? undefined : state.url;
    }
    default:
      return undefined;
  }
}

/** The window over the life of the hub. */
export interface HubWindow {
  /** Begins to show in `window` what belongs to the state. */
  attach(window: BrowserWindow): void;
  follow(state: HubState): void;
  /** Opens the page of a deep link, as soon as there is a hub to open it on. */
  openLink(link: string): void;
  load(page: string): void;
  /** Where the hub answers, or answered last: while it is started again, its page is still in the window. */
  hubUrl(): string | undefined;
  /** Absent before it is attached and after it is closed. */
  window(): BrowserWindow | undefined;
}

export function createHubWindow({
  link,
  warn,
}: {
  /** A deep link the app was started with. */
  readonly link: string | undefined;
  readonly warn: (sentence: string) => void;
}): HubWindow {
  let attached: BrowserWindow | undefined;
  let waiting = link;
  let url: string | undefined;
  let isRunning = false;

  const window = (): BrowserWindow | undefined => (attached?.isDestroyed() ? undefined : attached);
  const load = (page: string): void => {
    window()
      ?.loadURL(page)
      .catch((error: NodeJS.ErrnoException) => {
        // ERR_ABORTED: the page of the next state has taken its place.
        if (error.code !== 'ERR_ABORTED') warn(`The window did not open ${page}: ${error.message}`);
      });
  };

  return {
    attach(opened) {
      attached = opened;
    },
    follow(state) {
      isRunning = state.phase === 'running';
      if (state.phase === 'running') url = state.url;
      const contents = window()?.webContents;
      if (!contents) return;
      contents.send(serverStateChanged, shownState(state));
      const page = pageFor(state, { current: contents.getURL(), link: waiting });
      if (isRunning) waiting = undefined;
      if (page) load(page);
    },
    openLink(followed) {
      const page = isRunning && url ? pageOfDeepLink(followed, url) : undefined;
      if (page) load(page);
      else if (!isRunning) waiting = followed;
    },
    load,
    hubUrl: () => url,
    window,
  };
}
