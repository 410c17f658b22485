import { createServer } from 'node:net';
import { createInterface } from 'node:readline';

/** What no page shows, kept for tests. */
export const seen = {
  clipboard: '',
  opened: [],
  notifications: [],
  dialogs: [],
  tray: { tip: '', menu: [] },
};
/** Which button a person would press in the next dialogs; by default the one that cancels. */
export const person = { dialogAnswer: undefined };

const menuLabels = () => seen.tray.menu.map(({ label, enabled }) => ({ label, enabled: enabled !== false }));

/** Answers one JSON request per line at the socket a test names in ELECTRON_STAND_IN_CONTROL. */
export function openControl(path, windows) {
  const run = {
    state: () => ({
      ...seen,
      tray: { tip: seen.tray.tip, menu: menuLabels() },
      windows: [...windows].map(({ isShown, webContents, options }) => ({
        isShown,
        url: webContents.getURL(),
        webPreferences: options.webPreferences,
      })),
    }),
    click: ({ label }) => {
      const item = seen.tray.menu.find((entry) => entry.label === label);
      if (!item || item.enabled === false) throw new Error(`The tray has no ${label} to click.`);
      item.click();
    },
    answerDialogs: ({ answer }) => {
      person.dialogAnswer = answer;
    },
    closeWindow: () => [...windows].forEach((window) => window.close()),
  };
  const server = createServer((socket) => {
    createInterface({ input: socket }).on('line', (line) => {
      try {
        const request = JSON.parse(line);
        socket.write(`${JSON.stringify({ result: run[request.do](request) ?? null })}\n`);
      } catch (error) {
        socket.write(`${JSON.stringify({ error: String(error) })}\n`);
      }
    });
  });
  server.listen(path).unref();
}
