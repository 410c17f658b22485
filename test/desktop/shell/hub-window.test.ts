import { beforeEach, describe, expect, test } from 'vitest';
import type { HubState } from '../../../electron/hub-process.ts';
import { createHubWindow, type HubWindow } from '../../../electron/hub-window.ts';

const url = 'http://127.0.0.1:8790';
const running: HubState = { phase: 'running', url, setupUrl: undefined };
const failed: HubState = {
  phase: 'failed',
  failure: { code: 'Crashed', message: 'It ended.', details: {}, output: [] },
};

describe('the window over the life of the hub', () => {
  let loaded: string[];
  let sent: unknown[];
  let current: string;
  let isDestroyed: boolean;
  let failure: Error | undefined;
  let warnings: string[];
  let shown: HubWindow;

  const start = (link?: string): void => {
    shown = createHubWindow({ link, warn: (sentence) => warnings.push(sentence) });
    shown.attach({
      isDestroyed: () => isDestroyed,
      loadURL: async (page: string) => {
        loaded.push(page);
        if (failure) throw failure;
        current = page;
      },
      webContents: { getURL: () => current, send: (_channel: string, state: unknown) => sent.push(state) },
    } as never);
  };

  beforeEach(() => {
    [loaded, sent, warnings] = [[], [], []];
    current = '';
    isDestroyed = false;
    failure = undefined;
    start();
  });

  test('goes from the starting page to the hub, and to the error page when it fails', () => {
    for (const state of [{ phase: 'starting' } as const, running, failed]) shown.follow(state);
    expect(loaded).toEqual([
      'atoll-shell://pages/starting.html',
      url,
      'atoll-shell://pages/startup-error.html',
    ]);
    expect(sent).toMatchObject([{ phase: 'starting' }, { phase: 'running', url }, { phase: 'failed' }]);
  });

  test('opens the setup of an empty hub, whatever link it was started with', () => {
    start('atoll://open/models');
    shown.follow({ ...running, setupUrl: `${url}/setup?secret=x` });
    expect(loaded).toEqual([`${url}/setup?secret=x`]);
  });

  test('leaves a page of the hub alone while the hub is started again and after', async () => {
    shown.follow(running);
    current = `${url}/datasets/lab/corals`;
    shown.follow({ phase: 'restarting', attempt: 1 });
    expect(shown.hubUrl()).toBe(url);
    shown.follow(running);
    expect(loaded).toEqual([url]);
  });

  test('goes to a hub that answers on another port now', async () => {
    shown.follow(running);
    await Promise.resolve();
    shown.follow({ ...running, url: 'http://127.0.0.1:8791' });
    expect(loaded).toEqual([url, 'http://127.0.0.1:8791']);
  });

  test('follows a link when there is a hub to follow it on, and only once', () => {
    start('atoll://open/models');
    shown.follow({ phase: 'starting' });
    shown.openLink('atoll://open/datasets');
    shown.follow(running);
    expect(loaded.at(-1)).toBe(`${url}/datasets`);
    shown.openLink('atoll://open/spaces');
    expect(loaded.at(-1)).toBe(`${url}/spaces`);
    current = `${url}/spaces`;
    shown.follow(running);
    shown.openLink('atoll://open/api/models');
    expect(loaded).toHaveLength(3);
  });

  test('does nothing with a window that is gone', () => {
    isDestroyed = true;
    shown.follow(running);
    expect([loaded, sent]).toEqual([[], []]);
    expect(shown.window()).toBeUndefined();
    expect(shown.hubUrl()).toBe(url);
  });

  test('says when a page did not open, but not when the next one took its place', async () => {
    failure = Object.assign(new Error('aborted'), { code: 'ERR_ABORTED' });
    shown.load(url);
    failure = Object.assign(new Error('refused'), { code: 'ERR_CONNECTION_REFUSED' });
    shown.load(url);
    await expect.poll(() => warnings).toEqual([`The window did not open ${url}: refused`]);
  });
});
