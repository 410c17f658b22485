import { Menu, Tray, nativeImage, type MenuItemConstructorOptions } from 'electron';
import type { ServerState } from './ipc.ts';

export interface TrayActions {
  readonly open: () => void;
  readonly copyEndpoint: () => void;
  readonly openDataFolder: () => void;
  readonly quit: () => void;
}

/** The hub's state in a line. */
export function stateLine(state: ServerState): string {
  switch (state.phase) {
    case 'starting':
      return 'Starting…';
    case 'running':
      return `Running at ${state.url}`;
    case 'restarting':
      return `Starting again (${state.attempt})…`;
    case 'failed':
      return state.problem.title;
    case 'stopping':
      return 'Finishing what is under way…';
  }
}

/** The line to paste into a shell so that Hugging Face clients use this hub. */
export function endpointLine(url: string, platform: NodeJS.Platform): string {
  return platform === 'win32' ? `$env:HF_ENDPOINT = "${url}"` : `export HF_ENDPOINT=${url}`;
}

/** The menu of the tray icon. */
export function trayMenu(state: ServerState, actions: TrayActions): MenuItemConstructorOptions[] {
  const isRunning = state.phase === 'running';
  return [
    { label: stateLine(state), enabled: false },
    { type: 'separator' },
    { label: 'Open Atoll', click: actions.open },
    { label: 'Copy endpoint line', enabled: isRunning, click: actions.copyEndpoint },
    { label: 'Open data folder', click: actions.openDataFolder },
    { type: 'separator' },
    { label: 'Quit (stops the hub)', enabled: state.phase !== 'stopping', click: actions.quit },
  ];
}

/** Solid while the hub answers, hollow while it does not, marked when a person is needed. */
const iconOf = (phase: ServerState['phase']): 'running' | 'attention' | 'stopped' => {
  if (phase === 'running') return 'running';
  return phase === 'failed' ? 'attention' : 'stopped';
};

/** Puts the icon into the system's tray. The function that is returned shows a new state. */
export function openTray({
  iconFolder,
  platform,
  actions,
}: {
  readonly iconFolder: string;
  readonly platform: NodeJS.Platform;
  readonly actions: TrayActions;
}): (state: ServerState) => void {
  // macOS tints a "template" image itself; elsewhere trays are dark or light and the icon is drawn for both.
  const suffix = platform === 'darwin' ? 'Template' : '';
  const image = (phase: ServerState['phase']): Electron.NativeImage =>
    nativeImage.createFromPath(`${iconFolder}/tray-${iconOf(phase)}${suffix}.png`);
  const tray = new Tray(image('starting'));
  if (platform !== 'darwin') tray.on('click', actions.open);
  return (state) => {
    tray.setImage(image(state.phase));
    tray.setToolTip(`Atoll: ${stateLine(state)}`);
    tray.setContextMenu(Menu.buildFromTemplate(trayMenu(state, actions)));
  };
}
