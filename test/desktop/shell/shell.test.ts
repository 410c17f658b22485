import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { makeStandInDist } from '../../support/electron-stand-in/make-dist.ts';
import { runApp, startApp, until, type RunningApp } from '../../support/electron-stand-in/start-app.ts';
import { describeWithTools } from '../../support/require.ts';
import { lookAt } from '../browser/screens.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'atoll-shell-'));
const appFolder = join(scratch, 'app');
const electron = join(scratch, 'electron', 'electron');
const command = [electron, appFolder];

let dataDir: string;
let folders = 0;
const running: RunningApp[] = [];

/** The shell of this checkout over the fake hub, on a data folder that is set up unless said otherwise. */
async function open(env: NodeJS.ProcessEnv = {}, args: readonly string[] = []): Promise<RunningApp> {
  const app = await startApp({ command: [...command, ...args], dataDir, env });
  running.push(app);
  return app;
}

/** The window goes from page to page by itself, so only its last address counts. */
async function arrive(page: Page, address: RegExp | string): Promise<void> {
  const isThere = (url: string): boolean =>
    typeof address === 'string' ? url === address : address.test(url);
  await until(() => isThere(page.url()), `the window to show ${address}; it shows ${page.url()}`);
  await page.waitForLoadState();
}

const config = (settings: object): void =>
  writeFileSync(join(dataDir, 'atoll.config.json'), JSON.stringify(settings));

/** Listens on a port of the system's choice, as another program would. */
async function takePort(): Promise<{ readonly port: number; readonly server: Server }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return { port: typeof address === 'object' && address ? address.port : 0, server };
}

beforeAll(() => {
  makeStandInDist(join(scratch, 'electron'), '45.4.1');
  execFileSync(process.execPath, [join(root, 'bin/bundle.js'), '--shell', join(appFolder, 'dist/electron')]);
  mkdirSync(join(appFolder, 'dist', 'hub'));
  cpSync(join(root, 'test/desktop/shell/fake-hub.js'), join(appFolder, 'dist', 'hub', 'main.mjs'));
  cpSync(join(root, 'resources'), join(appFolder, 'resources'), { recursive: true });
  cpSync(join(root, 'package.json'), join(appFolder, 'package.json'));
});

afterEach(async () => {
  for (const app of running.splice(0)) await app[Symbol.asyncDispose]();
});

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describeWithTools('the desktop shell', ['chromium'], () => {
  const fresh = (settings: object = { isSetUp: true }): void => {
    folders += 1;
    dataDir = join(scratch, `data-${folders}`);
    mkdirSync(dataDir);
    config(settings);
  };

  test('opens the one-time setup link of a hub without accounts', async () => {
    fresh({});
    const { page } = await open();
    await arrive(page, /\/setup\?secret=once$/);
  });

  test('shows the hub, and its pages reach the shell through the bridge and nothing else', async () => {
    fresh();
    const app = await open();
    await arrive(app.page, /^http:\/\/127\.0\.0\.1:\d+\/$/);
    expect(await app.page.title()).toBe('The hub');
    const exposed = await app.page.evaluate(() => ({
      names: Object.keys((globalThis as never as { atollDesktop: object }).atollDesktop).sort(),
      node: [
        typeof (globalThis as { require?: unknown }).require,
        typeof (globalThis as never as { process: unknown }).process,
      ],
    }));
    expect(exposed.names).toEqual([
      'copyText',
      'notify',
      'onServerState',
      'openDataFolder',
      'openExternal',
      'pickPort',
      'quit',
      'restartServer',
      'serverState',
      'usePort',
    ]);
    expect(exposed.node).toEqual(['undefined', 'undefined']);

    await app.page.evaluate("atollDesktop.copyText('a line')");
    expect((await app.facts()).clipboard).toBe('a line');
    expect(await app.page.evaluate('atollDesktop.serverState()')).toMatchObject({ phase: 'running' });
    await expect(app.page.evaluate('atollDesktop.quit()')).rejects.toThrow('may not call quit');
    await expect(app.page.evaluate("atollDesktop.notify('x')")).rejects.toThrow('does not take these values');
    expect((await app.facts()).windows[0]?.webPreferences).toMatchObject({
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      webviewTag: false,
    });
  });

  test('keeps the window on the hub and asks before it hands a link to the browser', async () => {
    fresh();
    const app = await open();
    await arrive(app.page, /127/);
    await app.page.click('#outside');
    await app.page.click('#window');
    await until(async () => (await app.facts()).dialogs.length === 2, 'two questions');
    expect((await app.facts()).dialogs.map(({ detail }) => detail)).toEqual([
      'https://example.invalid/x',
      'https://example.invalid/y',
    ]);
    expect((await app.facts()).opened).toEqual([]);
    expect(app.page.url()).toMatch(/^http:\/\/127/);

    await app.answerDialogs(0);
    expect(await app.page.evaluate("atollDesktop.openExternal('https://example.invalid/z')")).toBe(true);
    expect(await app.page.evaluate("atollDesktop.openExternal('file:///etc/passwd')")).toBe(false);
    expect((await app.facts()).opened).toEqual(['https://example.invalid/z']);
    await app.page.click('#inside');
    await arrive(app.page, /\/models$/);
  });

  test('copies the endpoint from the tray and says there what the hub does', async () => {
    fresh();
    const app = await open();
    await arrive(app.page, /127/);
    const url = new URL(app.page.url()).origin;
    await app.clickTray('Copy endpoint line');
    const facts = await app.facts();
    expect(facts.clipboard).toBe(`export HF_ENDPOINT=${url}`);
    expect(facts.tray.tip).toBe(`Atoll: Running at ${url}`);
    expect(facts.tray.menu[0]).toEqual({ label: `Running at ${url}`, enabled: false });
    await app.clickTray('Open data folder');
    await until(async () => (await app.facts()).opened.includes(dataDir), 'the data folder');
  });

  test('hides its window when it is closed, says so once, and brings it back for a second start', async () => {
    fresh();
    const app = await open();
    await arrive(app.page, /127/);
    await until(async () => (await app.facts()).windows[0]?.isShown, 'the window');
    await app.closeWindow();
    expect((await app.facts()).windows[0]?.isShown).toBe(false);
    expect((await app.facts()).notifications).toHaveLength(1);

    const second = await runApp([...command, '--data-dir', dataDir, 'atoll://open/datasets/lab/corals']);
    expect(second.code).toBe(0);
    expect(second.output).toContain('already open for this data folder');
    await arrive(app.page, /\/datasets\/lab\/corals$/);
    expect((await app.facts()).windows[0]?.isShown).toBe(true);
    await app.closeWindow();
    expect((await app.facts()).notifications).toHaveLength(1);
  });

  test('offers another port when the port is taken, and keeps it for the next start', async () => {
    const { port, server } = await takePort();
    try {
      fresh({ isSetUp: true, port });
      const app = await open();
      await app.page.getByRole('heading', { name: `Port ${port} is in use` }).waitFor();
      const input = app.page.getByLabel('Port from now on');
      await until(async () => (await input.inputValue()) !== '', 'the offer');
      const offered = Number(await input.inputValue());
      expect(offered).toBeGreaterThan(port);

      await input.fill(String(port));
      await app.page.getByRole('button', { name: 'Use another port' }).click();
      await app.page.getByText(`Port ${port} is in use, too.`).waitFor();
      await input.fill(String(offered));
      await app.page.getByRole('button', { name: 'Use another port' }).click();
      await arrive(app.page, `http://127.0.0.1:${offered}/`);
      expect(JSON.parse(readFileSync(join(dataDir, 'atoll.config.json'), 'utf8'))).toEqual({
        isSetUp: true,
        port: offered,
      });
      await app[Symbol.asyncDispose]();
      const again = await open();
      await arrive(again.page, `http://127.0.0.1:${offered}/`);
    } finally {
      server.close();
    }
  });

  test('starts a hub that crashed again and leaves the person on their page', async () => {
    fresh();
    const app = await open({}, ['--port', '0']);
    await arrive(app.page, /127/);
    const crashed = new URL('/crash', app.page.url()).href;
    await app.page.evaluate((url) => fetch(url).catch(() => undefined), crashed);
    await until(
      async () => (await app.facts()).tray.menu[0]?.label?.startsWith('Starting again (1)'),
      'the restart',
    );
    await until(() => new URL(app.page.url()).origin !== new URL(crashed).origin, 'the new hub');
    await arrive(app.page, /^http:\/\/127/);
    expect(await app.page.evaluate('atollDesktop.serverState()')).toMatchObject({ phase: 'running' });
  });

  test('shows what a hub that cannot start printed, and tries again when asked', async () => {
    fresh();
    const app = await open({ ATOLL_TEST_HUB: 'crash' });
    await app.page.getByRole('heading', { name: 'The hub has stopped' }).waitFor();
    await app.page.getByText('Details', { exact: true }).click();
    await app.page.getByText('out of luck').waitFor();
    await app.page.getByRole('button', { name: 'Try again' }).click();
    await until(
      () => readFileSync(join(dataDir, 'desktop', 'hub.log'), 'utf8').match(/out of luck/g)?.length === 2,
      'the second try',
    );
    // The window may be gone before the click has been told to be done.
    await app.page
      .getByRole('button', { name: 'Quit' })
      .click()
      .catch((error: unknown) => expect(String(error)).toContain('closed'));
    expect(await app.exited).toBe(0);
  });

  test('names the newer version a database belongs to and does not offer to try again', async () => {
    fresh();
    const { page } = await open({ ATOLL_TEST_HUB: 'newer' });
    await page.getByRole('heading', { name: 'This data folder belongs to a newer Atoll' }).waitFor();
    await page.getByText('Last used by version 9.0').waitFor();
    expect(await page.getByRole('button', { name: 'Try again' }).count()).toBe(0);
  });

  test.each([
    ['hang', 'Starting the hub'],
    ['crash', 'The hub has stopped'],
    ['newer', 'This data folder belongs to a newer Atoll'],
  ])('shuts nobody out of its own pages, light, dark and narrow: %s', async (behavior, title) => {
    fresh();
    const { page } = await open({ ATOLL_TEST_HUB: behavior });
    await page.getByRole('heading', { name: title }).waitFor();
    expect(await lookAt(page, `desktop-${behavior}`)).toEqual([]);
  });

  test('does not believe a message that is not in the contract', async () => {
    fresh();
    const app = await open({ ATOLL_TEST_HUB: 'nonsense' });
    await arrive(app.page, /^http:\/\/127/);
    expect(app.output()).toContain('not in the contract');
  });

  test('passes the hub its settings and none of the session around it', async () => {
    fresh();
    const app = await open({ SSH_AUTH_SOCK: '/tmp/agent', ATOLL_NAME: 'Lab', NODE_OPTIONS: '' });
    await arrive(app.page, /127/);
    const [, names = ''] =
      /environment (.*)/.exec(readFileSync(join(dataDir, 'desktop', 'hub.log'), 'utf8')) ?? [];
    expect(names.split(' ')).toContain('ATOLL_NAME');
    expect(names.split(' ')).not.toContain('SSH_AUTH_SOCK');
    expect(names.split(' ')).not.toContain('NODE_OPTIONS');
  });

  test('drains the hub before it quits and leaves no process', async () => {
    fresh();
    const app = await open({ ATOLL_TEST_HUB: 'slow-stop' });
    await arrive(app.page, /127/);
    const url = app.page.url();
    await app.clickTray('Quit (stops the hub)');
    await until(() => existsSync(join(dataDir, 'stop-was-asked')), 'the stop');
    expect(existsSync(join(dataDir, 'drained'))).toBe(false);
    await until(
      async () => (await app.facts()).tray.menu[0]?.label === 'Finishing what is under way…',
      'the tray',
    );
    expect(await app.exited).toBe(0);
    expect(existsSync(join(dataDir, 'drained'))).toBe(true);
    await expect(fetch(url)).rejects.toThrow();
  });
});
