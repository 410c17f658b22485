import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { findHubPlace, readCommandLine, withPort } from '../../../electron/command-line.ts';
import { hubEnvironment } from '../../../electron/hub-environment.ts';
import { keepPort } from '../../../electron/kept-settings.ts';
import { openOutputLog } from '../../../electron/output-log.ts';
import { findFreePort, isPortFree } from '../../../electron/ports.ts';
import { endpointLine, stateLine, trayMenu } from '../../../electron/tray.ts';
import {
  firstWindowState,
  placeOnScreens,
  readWindowState,
  writeWindowState,
} from '../../../electron/window-state.ts';

vi.mock('electron', () => ({ Menu: {}, Tray: class {}, nativeImage: {} }));

const scratch = mkdtempSync(join(tmpdir(), 'atoll-shell-unit-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe('the command line of the app', () => {
  test('gives the hub its flags and leaves Chromium’s to Chromium', () => {
    const { hubFlags, cli, deepLink } = readCommandLine([
      '--no-sandbox',
      '--port',
      '9000',
      '--enable-features=X',
      '--host=0.0.0.0',
      '--no-require-sign-in',
      '--inspect',
      'atoll://open/models',
    ]);
    expect(hubFlags).toEqual(['--port', '9000', '--host=0.0.0.0', '--no-require-sign-in']);
    expect(cli).toBeUndefined();
    expect(deepLink).toBe('atoll://open/models');
  });

  test('hands everything after --cli to the hub’s own command line', () => {
    const { cli, hubFlags } = readCommandLine([
      '--no-sandbox',
      '--cli',
      'user',
      'list',
      '--json',
      '--port',
      '1',
    ]);
    expect(cli).toEqual(['user', 'list', '--json', '--port', '1']);
    expect(hubFlags).toEqual([]);
  });

  test('takes another port in place of the one it names', () => {
    expect(withPort(['--host', '::1', '--port', '1', '--no-require-sign-in'], 2)).toEqual([
      '--host',
      '::1',
      '--no-require-sign-in',
      '--port',
      '2',
    ]);
    expect(withPort(['--port=1'], 2)).toEqual(['--port', '2']);
  });

  test('finds the data folder and configuration the hub will find', () => {
    const dataDir = mkdtempSync(join(scratch, 'place-'));
    expect(findHubPlace(['--data-dir', dataDir], {})).toEqual({
      dataDir,
      configFile: join(dataDir, 'atoll.config.json'),
      hosts: ['127.0.0.1', '::1'],
    });
    writeFileSync(join(dataDir, 'atoll.config.json'), '{ "host": ["127.0.0.1"] }');
    expect(findHubPlace([], { ATOLL_DATA_DIR: dataDir }).hosts).toEqual(['127.0.0.1']);
  });

  test('still finds a folder for the error page when the configuration is wrong', () => {
    const dataDir = mkdtempSync(join(scratch, 'wrong-'));
    writeFileSync(join(dataDir, 'atoll.config.json'), '{ "prot": 1 }');
    expect(findHubPlace(['--data-dir', dataDir], {}).dataDir).toBe(dataDir);
    const home = mkdtempSync(join(scratch, 'home-'));
    expect(findHubPlace(['--config', join(dataDir, 'gone.json')], { XDG_DATA_HOME: home }).dataDir).toBe(
      join(home, 'atoll'),
    );
  });
});

test('the hub’s environment holds its settings, the locale and proxies, and nothing else', () => {
  const env = hubEnvironment({
    ATOLL_PORT: '1',
    LC_ALL: 'C',
    AWS_PROFILE: 'lab',
    https_proxy: 'http://proxy',
    Path: '/bin',
    UNSET: undefined,
    NODE_OPTIONS: '--require x',
    ELECTRON_RUN_AS_NODE: '1',
    LD_PRELOAD: 'x',
    GITHUB_TOKEN: 'secret',
    SSH_AUTH_SOCK: 's',
    DISPLAY: ':0',
  });
  expect(env).toEqual({
    ATOLL_PORT: '1',
    LC_ALL: 'C',
    AWS_PROFILE: 'lab',
    https_proxy: 'http://proxy',
    Path: '/bin',
  });
});

describe('the port a person chooses', () => {
  test('is kept beside every other setting of the file', async () => {
    const file = join(mkdtempSync(join(scratch, 'port-')), 'atoll.config.json');
    await keepPort(file, 8791);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ port: 8791 });
    writeFileSync(file, '\uFEFF{ "storage": { "kind": "local" }, "port": 1 }');
    await keepPort(file, 8792);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ storage: { kind: 'local' }, port: 8792 });
  });

  test('is not written into a file that is not one of settings', async () => {
    const file = join(mkdtempSync(join(scratch, 'port-')), 'atoll.config.json');
    writeFileSync(file, 'port = 1');
    await expect(keepPort(file, 8791)).rejects.toThrow();
    expect(readFileSync(file, 'utf8')).toBe('port = 1');
  });

  test('is offered near the one that is taken, and only if nothing listens there', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const taken = typeof address === 'object' && address ? address.port : 0;
    expect(await isPortFree(taken, ['127.0.0.1'])).toBe(false);
    const offered = await findFreePort(taken, ['127.0.0.1']);
    expect(offered).toBeGreaterThan(taken);
    expect(await isPortFree(offered, ['127.0.0.1'])).toBe(true);
    server.close();
  });

  test('is not refused for an address this machine does not have', async () => {
    const free = await findFreePort(20_000, ['127.0.0.1']);
    expect(await isPortFree(free, ['127.0.0.1', '192.0.2.1'])).toBe(true);
  });
});

describe('the window as it was left', () => {
  const file = join(scratch, 'window.json');
  const state = { x: 10, y: 20, width: 900, height: 700, isMaximized: true, knowsTray: true };

  test('is there again', async () => {
    expect(await readWindowState(file)).toEqual(firstWindowState);
    await writeWindowState(file, state);
    expect(await readWindowState(file)).toEqual(state);
  });

  test.each(['', '{', '[]', '{"width":1,"height":1,"isMaximized":false,"knowsTray":true}'])(
    'is forgotten when the file holds %s',
    async (text) => {
      writeFileSync(file, text);
      expect(await readWindowState(file)).toEqual(firstWindowState);
    },
  );

  test('keeps its size but not its place when that screen is gone', () => {
    const screens = [{ x: 0, y: 0, width: 1920, height: 1080 }];
    expect(placeOnScreens(state, screens)).toEqual(state);
    const { x, y, ...size } = state;
    expect([x, y]).toEqual([10, 20]);
    expect(placeOnScreens({ ...state, x: 2_000 }, screens)).toEqual(size);
    expect(placeOnScreens({ ...state, x: -890 }, screens)).toEqual(size);
    expect(placeOnScreens({ ...state, y: 1_070 }, screens)).toEqual(size);
    expect(placeOnScreens(state, [])).toEqual(size);
  });
});

describe('the tray', () => {
  const actions = { open: vi.fn(), copyEndpoint: vi.fn(), openDataFolder: vi.fn(), quit: vi.fn() };

  test('says in a line what the hub does', () => {
    expect(stateLine({ phase: 'running', url: 'http://127.0.0.1:8790' })).toBe(
      'Running at http://127.0.0.1:8790',
    );
    expect(stateLine({ phase: 'restarting', attempt: 2 })).toBe('Starting again (2)…');
  });

  test('copies an endpoint only while there is one, and quits only once', () => {
    const enabled = (state: Parameters<typeof trayMenu>[0]): (string | undefined)[] =>
      trayMenu(state, actions)
        .filter((item) => item.enabled !== false && item.label)
        .map(({ label }) => label);
    expect(enabled({ phase: 'running', url: 'http://x' })).toEqual([
      'Open Atoll',
      'Copy endpoint line',
      'Open data folder',
      'Quit (stops the hub)',
    ]);
    expect(enabled({ phase: 'starting' })).not.toContain('Copy endpoint line');
    expect(enabled({ phase: 'stopping' })).toEqual(['Open Atoll', 'Open data folder']);
  });

  test('copies the line in the words of the system’s shell', () => {
    expect(endpointLine('http://127.0.0.1:8790', 'linux')).toBe('export HF_ENDPOINT=http://127.0.0.1:8790');
    expect(endpointLine('http://127.0.0.1:8790', 'win32')).toBe('$env:HF_ENDPOINT = "http://127.0.0.1:8790"');
  });
});

describe('the log of what the hub prints', () => {
  test('begins anew once it is long, and the file before it is kept', () => {
    const file = join(mkdtempSync(join(scratch, 'log-')), 'deep', 'hub.log');
    const print = openOutputLog(file);
    print('x'.repeat(6 * 2 ** 20));
    print('the next line\n');
    expect(readFileSync(file, 'utf8')).toBe('the next line\n');
    expect(statSync(`${file}.1`).size).toBe(6 * 2 ** 20);
  });

  test('does not stop the hub when the disk takes none', () => {
    const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const file = join(scratch, 'a-file');
    writeFileSync(file, '');
    const print = openOutputLog(join(file, 'hub.log'));
    print('a line\n');
    print('another\n');
    expect(said).toHaveBeenCalledTimes(1);
    said.mockRestore();
  });
});
