import type { IpcMain, IpcMainInvokeEvent, WebContents } from 'electron';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { registerHandlers, type DesktopActions } from '../../../electron/handlers.ts';
import { channels, type CallName } from '../../../electron/ipc.ts';

const hubUrl = 'http://127.0.0.1:8790';
const contents = {} as WebContents;
const anotherWindow = {} as WebContents;

const calls: readonly CallName[] = Object.keys(channels) as CallName[];
const values: { readonly [Name in CallName]?: readonly unknown[] } = {
  copyText: ['text'],
  openExternal: ['https://example.invalid/'],
  notify: [{ title: 'Done', body: 'Uploaded.' }],
  usePort: [8791],
};

/** A call as Electron hands it over. `parent` is the frame around the sending one. */
const from = (url: string, { sender = contents, parent = null as object | null } = {}): IpcMainInvokeEvent =>
  ({ sender, senderFrame: { url, parent } }) as unknown as IpcMainInvokeEvent;

describe('the handlers of the bridge', () => {
  let handlers: Map<string, (event: IpcMainInvokeEvent, ...sent: unknown[]) => Promise<unknown>>;
  let actions: { readonly [Name in CallName]: ReturnType<typeof vi.fn> };
  let warnings: string[];

  const call = (name: CallName, event: IpcMainInvokeEvent, sent = values[name] ?? []): Promise<unknown> =>
    handlers.get(channels[name])?.(event, ...sent) ?? Promise.reject(new Error(`${name} has no handler.`));

  beforeEach(() => {
    handlers = new Map();
    warnings = [];
    actions = Object.fromEntries(calls.map((name) => [name, vi.fn(() => `did ${name}`)])) as never;
    registerHandlers({
      ipcMain: { handle: (channel, handler) => void handlers.set(channel, handler) } as Pick<
        IpcMain,
        'handle'
      >,
      actions: actions as unknown as DesktopActions,
      sender: { contents: () => contents, hubUrl: () => hubUrl },
      warn: (sentence) => warnings.push(sentence),
    });
  });

  test('answer every channel of the table and no other', () => {
    expect([...handlers.keys()].sort()).toEqual(Object.values(channels).sort());
  });

  test.each(calls)('%s works from the shell’s own pages', async (name) => {
    expect(await call(name, from('atoll-shell://pages/startup-error.html'))).toBe(`did ${name}`);
    expect(actions[name]).toHaveBeenCalledWith(...(values[name] ?? []));
  });

  test('pages of the hub can do what cannot hurt, and not quit or change the port', async () => {
    const allowed = [];
    for (const name of calls) {
      const outcome = await call(name, from(`${hubUrl}/models`)).catch(() => undefined);
      if (outcome !== undefined) allowed.push(name);
    }
    expect(allowed).toEqual([
      'copyText',
      'openExternal',
      'serverState',
      'restartServer',
      'openDataFolder',
      'notify',
    ]);
    expect(actions.quit).not.toHaveBeenCalled();
    expect(actions.usePort).not.toHaveBeenCalled();
  });

  test.each([
    ['another site', from('https://example.invalid/')],
    ['another port of this machine', from('http://127.0.0.1:9999/')],
    ['the hub under another name', from('http://localhost:8790/')],
    ['a name that begins like the hub', from('http://127.0.0.1:8790.example.invalid/')],
    ['a file', from('file:///tmp/page.html')],
    ['a page without an address', from('about:blank')],
    ['another host of the shell’s scheme', from('atoll-shell://other/startup-error.html')],
    ['a frame inside a page of the hub', from(`${hubUrl}/`, { parent: {} })],
    ['a frame inside the error page', from('atoll-shell://pages/startup-error.html', { parent: {} })],
    ['another window', from(`${hubUrl}/`, { sender: anotherWindow })],
    ['a frame that is gone', { sender: contents, senderFrame: null } as unknown as IpcMainInvokeEvent],
  ])('refuse every call from %s', async (_, event) => {
    for (const name of calls) {
      await expect(call(name, event)).rejects.toThrow(`may not call ${name}`);
      expect(actions[name]).not.toHaveBeenCalled();
    }
    expect(warnings).toHaveLength(calls.length);
  });

  test.each([
    ['copyText', [42]],
    ['copyText', []],
    ['copyText', ['a', 'b']],
    ['openExternal', [{ href: 'https://example.invalid/' }]],
    ['serverState', ['extra']],
    ['notify', ['text']],
    ['notify', [{ title: 'x'.repeat(201), body: '' }]],
    ['usePort', ['8790']],
    ['usePort', [0]],
    ['usePort', [65_536]],
    ['usePort', [8790.5]],
  ] as const)('refuse %s with %j', async (name, sent) => {
    const event = from('atoll-shell://pages/startup-error.html');
    await expect(call(name, event, [...sent])).rejects.toThrow('does not take these values');
    expect(actions[name]).not.toHaveBeenCalled();
  });

  test('refuse a text of more than a million characters', async () => {
    const sent = ['x'.repeat(1_000_001)];
    await expect(call('copyText', from(`${hubUrl}/`), sent)).rejects.toThrow('does not take these values');
  });
});
