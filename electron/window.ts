import { BrowserWindow, nativeTheme, screen, type WebContents } from 'electron';
import { mayShow } from './fence.ts';
import { placeOnScreens, readWindowState, writeWindowState } from './window-state.ts';

const saveAfterMs = 500;
/** `--canvas` of the page's design, so that nothing flashes before the first paint. */
const canvas = { light: '#fbfaf7', dark: '#14130f' };

/**
 * Keeps every frame of `contents` on the hub and the shell's own pages. A link that leads elsewhere goes to
 * `offerLink`; a new window for a page of the hub becomes a navigation of this one.
 */
export function fenceContents(
  contents: WebContents,
  {
    hubUrl,
    openPage,
    offerLink,
  }: {
    readonly hubUrl: () => string | undefined;
    readonly openPage: (url: string) => void;
    readonly offerLink: (url: string) => void;
  },
): void {
  contents.on('will-navigate', (event) => {
    if (mayShow(event.url, hubUrl())) return;
    event.preventDefault();
    offerLink(event.url);
  });
  contents.on('will-redirect', (event) => {
    if (!mayShow(event.url, hubUrl())) event.preventDefault();
  });
  contents.on('will-frame-navigate', (event) => {
    if (!event.isMainFrame && !mayShow(event.url, hubUrl())) event.preventDefault();
  });
  contents.on('will-attach-webview', (event) => event.preventDefault());
  contents.setWindowOpenHandler(({ url }) => {
    if (mayShow(url, hubUrl())) openPage(url);
    else offerLink(url);
    return { action: 'deny' };
  });
}

/**
 * Opens the app's window, where and as large as it was left. Closing it hides it: the hub goes on in the tray
 * until `isEnding`. `onFirstHidden` is called the first time ever that happens.
 */
export async function openWindow({
  preload,
  icon,
  stateFile,
  isEnding,
  onFirstHidden,
}: {
  readonly preload: string;
  readonly icon: string;
  readonly stateFile: string;
  readonly isEnding: () => boolean;
  readonly onFirstHidden: () => void;
}): Promise<BrowserWindow> {
  const areas = screen.getAllDisplays().map((display) => display.workArea);
  const saved = placeOnScreens(await readWindowState(stateFile), areas);
  const { x, y } = saved;
  let { knowsTray } = saved;

  const window = new BrowserWindow({
    ...(x !== undefined && y !== undefined ? { x, y } : {}),
    width: saved.width,
    height: saved.height,
    minWidth: 420,
    minHeight: 320,
    title: 'Atoll',
    icon,
    show: false,
    autoHideMenuBar: true,
    backgroundColor: nativeTheme.shouldUseDarkColors ? canvas.dark : canvas.light,
    webPreferences: {
      preload,
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      webviewTag: false,
      navigateOnDragDrop: false,
      spellcheck: false,
    },
  });
  if (saved.isMaximized) window.maximize();
  window.once('ready-to-show', () => window.show());

  let timer: NodeJS.Timeout | undefined;
  const save = async (): Promise<void> => {
    clearTimeout(timer);
    const { x, y, width, height } = window.getNormalBounds();
    await writeWindowState(stateFile, { x, y, width, height, isMaximized: window.isMaximized(), knowsTray });
  };
  const saveQuietly = (): void => {
    // Where a window was is not worth a word to the person when the disk refuses it.
    save().catch((error: unknown) => process.stderr.write(`atoll: ${String(error)}\n`));
  };
  const saveSoon = (): void => {
    clearTimeout(timer);
    timer = setTimeout(saveQuietly, saveAfterMs);
  };
  window.on('resize', saveSoon);
  window.on('move', saveSoon);
  window.on('closed', () => clearTimeout(timer));
  window.on('close', (event) => {
    if (!isEnding()) {
      event.preventDefault();
      window.hide();
      if (!knowsTray) onFirstHidden();
      knowsTray = true;
    }
    saveQuietly();
  });
  return window;
}

/** Brings the window to the front, from wherever it is. */
export function showWindow(window: BrowserWindow): void {
  if (window.isMinimized()) window.restore();
  window.show();
  window.focus();
}
