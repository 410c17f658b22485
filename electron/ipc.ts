/**
 * Everything a page in the desktop window can ask of the shell: the only place where channels are named.
 * `preload.ts` exposes exactly these as `window.atollDesktop`, `handlers.ts` implements and guards them.
 */

/** What a person can do about a hub that does not start; the page calls the function of the same name. */
export type ProblemAction = 'restartServer' | 'usePort' | 'openDataFolder' | 'quit';

/** A failure in words: what `startup-error.html` shows. */
export interface StartupProblem {
  readonly code: string;
  readonly title: string;
  readonly text: string;
  /** One line each: the holder of a port, the problems of a configuration. */
  readonly facts: readonly string[];
  /** In order of preference; the first is the primary button. */
  readonly actions: readonly { readonly action: ProblemAction; readonly label: string }[];
  /** What the hub printed last, for the folded details. */
  readonly output: readonly string[];
}

export type ServerState =
  | { readonly phase: 'starting' }
  | { readonly phase: 'running'; readonly url: string }
  /** The hub ended by itself and is being started again, for the `attempt`th time in a row. */
  | { readonly phase: 'restarting'; readonly attempt: number }
  | { readonly phase: 'failed'; readonly problem: StartupProblem }
  | { readonly phase: 'stopping' };

/** Every call with its signature, as the shell implements it. */
export interface DesktopCalls {
  copyText(text: string): void;
  /** Asks the person, then opens an http(s) address in their browser. False: not opened. */
  openExternal(url: string): boolean;
  serverState(): ServerState;
  restartServer(): void;
  openDataFolder(): void;
  notify(notification: { readonly title: string; readonly body: string }): void;
  /** A port nothing listens on, for the error page to offer. */
  pickPort(): number;
  /** Keeps `port` for this data folder and starts the hub on it. False: something listens there, too. */
  usePort(port: number): boolean;
  /** Drains and stops the hub, then ends the app. */
  quit(): void;
}

export type CallName = keyof DesktopCalls;

export const channels = {
  copyText: 'atoll:copy-text',
  openExternal: 'atoll:open-external',
  serverState: 'atoll:server-state',
  restartServer: 'atoll:restart-server',
  openDataFolder: 'atoll:open-data-folder',
  notify: 'atoll:notify',
  pickPort: 'atoll:pick-port',
  usePort: 'atoll:use-port',
  quit: 'atoll:quit',
} as const satisfies Record<CallName, string>;

/** Sent by the shell to its window whenever the state changes, with a {@link ServerState}. */
export const serverStateChanged = 'atoll:server-state-changed';

/** `window.atollDesktop`. Absent in a browser. */
export type AtollDesktop = {
  readonly [Name in CallName]: (
    ...values: Parameters<DesktopCalls[Name]>
  ) => Promise<ReturnType<DesktopCalls[Name]>>;
} & {
  /** Calls `listener` on every change. Returns the function that ends it. */
  readonly onServerState: (listener: (state: ServerState) => void) => () => void;
};
