import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { extractArchive, listArchive } from '../../support/electron-stand-in/asar.ts';
import { runApp, startApp, until, type RunningApp } from '../../support/electron-stand-in/start-app.ts';
import { describeWithTools } from '../../support/require.ts';

/** On a release machine: the executable of a package made with real Electron. Then nothing is packed here. */
const real = process.env['ATOLL_TEST_APP'];
const root = fileURLToPath(new URL('../../..', import.meta.url));
const release = join(root, 'release', 'stand-in');
const unpacked = join(release, 'linux-unpacked');
const archive = join(unpacked, 'resources', 'app.asar');
const atoll = real ?? join(unpacked, 'atoll');
const scratch = mkdtempSync(join(tmpdir(), 'atoll-package-'));
const isPackable = process.platform === 'linux' && real === undefined;

function describePackage(title: string, tests: () => void): void {
  if (isPackable) describeWithTools(title, ['dpkg-deb'], tests);
  else describe.skip(title, tests);
}

let isPacked = false;
function packOnce(): void {
  if (isPackable && !isPacked)
    execFileSync(process.execPath, [join(root, 'bin/package.js')], { stdio: 'pipe' });
  isPacked = true;
}

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describePackage('the package', () => {
  beforeAll(packOnce);

  const files = (): string[] => listArchive(archive).map(({ path }) => path);

  test('holds one native library, the one of its target, and unpacks nothing else', () => {
    const library = `node_modules/better-sqlite3/prebuilds/linux-${process.arch}.node`;
    expect(files().filter((path) => path.endsWith('.node'))).toEqual([library]);
    const outside = listArchive(archive).filter(({ isUnpacked }) => isUnpacked);
    expect(outside.map(({ path }) => path)).toEqual([library]);
    const onDisk = readdirSync(`${archive}.unpacked`, { recursive: true, withFileTypes: true });
    expect(onDisk.filter((entry) => entry.isFile()).map(({ name }) => name)).toEqual([
      `linux-${process.arch}.node`,
    ]);
  });

  test('holds the programs, the page and the licenses, and no sources or other packages', () => {
    const held = files();
    expect(held).toEqual(
      expect.arrayContaining([
        'package.json',
        'dist/electron/main.cjs',
        'dist/electron/preload.cjs',
        'dist/hub/main.mjs',
        'dist/hub/cli.mjs',
        'dist/hub/worker.mjs',
        'dist/renderer/index.html',
        'resources/pages/startup-error.html',
        'resources/icons/tray-running.png',
      ]),
    );
    expect(held.filter((path) => /\.(ts|vue|map)$/.test(path))).toEqual([]);
    const packages = held.map((path) => /^node_modules\/([^/]+)/.exec(path)?.[1]).filter(Boolean);
    expect([...new Set(packages)]).toEqual(['better-sqlite3']);
    expect(statSync(archive).size).toBeLessThan(15_000_000);
  });

  test('carries the license of every package in it', () => {
    const text = readFileSync(join(root, 'dist', 'third-party-licenses.txt'), 'utf8');
    for (const name of ['better-sqlite3', 'express', 'kysely', 'pino', 'zod', '@aws-sdk/client-s3']) {
      expect(text).toMatch(new RegExp(`^${name} \\d`, 'm'));
    }
    expect(files()).toContain('dist/third-party-licenses.txt');
  });

  test('has the fuses of the configuration in its executable', () => {
    const binary = readFileSync(atoll);
    const at = binary.indexOf('dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX') + 32;
    const digits = binary.subarray(at + 2, at + 2 + (binary[at + 1] ?? 0)).toString();
    const names = [
      'runAsNode',
      'enableCookieEncryption',
      'enableNodeOptionsEnvironmentVariable',
      'enableNodeCliInspectArguments',
      'enableEmbeddedAsarIntegrityValidation',
      'onlyLoadAppFromAsar',
      'loadBrowserProcessSpecificV8Snapshot',
      'grantFileProtocolExtraPrivileges',
    ];
    expect(Object.fromEntries(names.map((name, index) => [name, digits[index] === '1']))).toEqual({
      runAsNode: false,
      enableCookieEncryption: true,
      enableNodeOptionsEnvironmentVariable: false,
      enableNodeCliInspectArguments: false,
      enableEmbeddedAsarIntegrityValidation: true,
      onlyLoadAppFromAsar: true,
      loadBrowserProcessSpecificV8Snapshot: false,
      grantFileProtocolExtraPrivileges: false,
    });
  });

  test('leaves Electron’s own start app out', () => {
    expect(readdirSync(join(unpacked, 'resources'))).not.toContain('default_app.asar');
  });

  test('is a Debian package that installs under /opt with its icons and its link scheme', () => {
    const deb = join(release, readdirSync(release).find((name) => name.endsWith('.deb')) ?? 'no.deb');
    const lines = execFileSync('dpkg-deb', ['-c', deb], { encoding: 'utf8' }).trim().split('\n');
    const modes = new Map(lines.map((line) => [line.split(' ').at(-1), line.slice(0, 10)]));
    expect(modes.get('./opt/Atoll/atoll')).toBe('-rwxr-xr-x');
    expect(modes.get('./opt/Atoll/resources/app.asar')).toBe('-rw-r--r--');
    for (const size of [16, 32, 48, 128, 256, 512]) {
      expect(modes.has(`./usr/share/icons/hicolor/${size}x${size}/apps/atoll.png`)).toBe(true);
    }
    expect(lines.every((line) => line.includes(' root/root '))).toBe(true);
    const entry = execFileSync('sh', [
      '-c',
      'dpkg-deb --fsys-tarfile "$1" | tar -xO ./usr/share/applications/atoll.desktop',
      'sh',
      deb,
    ]).toString();
    expect(entry).toContain('MimeType=x-scheme-handler/atoll;');
    expect(entry).toContain('Exec=/opt/Atoll/atoll %U');
    const control = execFileSync('dpkg-deb', ['-f', deb], { encoding: 'utf8' });
    expect(control).toMatch(/^Package: atoll$/m);
    expect(control).toMatch(/^Depends: libgtk-3-0, /m);
  });

  test('carries a hub that plain Node starts from its files', async () => {
    const tree = join(scratch, 'tree');
    extractArchive(archive, tree);
    const hub = spawn(
      process.execPath,
      [
        join(tree, 'dist/hub/main.mjs'),
        '--port',
        '0',
        '--ssh-port',
        '0',
        '--data-dir',
        join(scratch, 'plain'),
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let printed = '';
    hub.stdout.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
    const url = await until(() => /http:\/\/[\d.]+:\d+/.exec(printed)?.[0], 'the address of the hub');
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    expect(await (await fetch(url, { headers: { accept: 'text/html' } })).text()).toContain('<div id="app"');
    hub.kill('SIGTERM');
    expect(await new Promise((resolve) => hub.on('exit', resolve))).toBe(0);
  });

  test('carries worker threads that start from its files and find their engines', async () => {
    const tree = join(scratch, 'threads');
    extractArchive(archive, tree);
    const worker = new Worker(join(tree, 'dist/hub/worker.mjs'), { env: {} });
    const input = { records: new Uint8Array(0), rawBytes: 0 };
    worker.postMessage({ id: 1, kind: 'call', task: 'inflateBlock', input });
    expect(await new Promise((resolve) => worker.once('message', resolve))).toEqual({
      id: 1,
      ok: true,
      output: new Uint8Array(0),
    });
    await worker.terminate();
  });
});

describeWithTools('the packaged app', real ? [] : ['chromium', 'dpkg-deb'], () => {
  beforeAll(packOnce);

  let folders = 0;
  const running: RunningApp[] = [];
  const newFolder = (): string => {
    folders += 1;
    return join(scratch, `data-${folders}`);
  };
  const open = async (dataDir: string, args: readonly string[] = ['--port', '0']): Promise<RunningApp> => {
    const app = await startApp({ command: [atoll, ...args], dataDir });
    running.push(app);
    return app;
  };
  const path = (page: Page): string => new URL(page.url()).pathname;
  const arrive = async (page: Page, wanted: string): Promise<void> => {
    await until(
      () => page.url().startsWith('http://127') && path(page) === wanted,
      `${wanted} in the window`,
    );
  };

  afterEach(async () => {
    for (const app of running.splice(0)) await app[Symbol.asyncDispose]();
  });

  test('answers its command line before any window', async () => {
    const dataDir = newFolder();
    expect(await runApp([atoll, '--cli', 'version'])).toMatchObject({ code: 0, output: '0.1.0\n' });
    const list = await runApp([atoll, '--cli', 'repo', 'list', '--json', '--data-dir', dataDir]);
    expect(list.code).toBe(0);
    const wrong = await runApp([atoll, '--cli', 'repo', 'lst']);
    expect(wrong.code).not.toBe(0);
    expect(wrong.output).toContain('lst');
  });

  test('goes from an empty folder through the setup to its first page', async () => {
    const dataDir = newFolder();
    const app = await open(dataDir);
    await arrive(app.page, '/setup');
    expect(statSync(dataDir).mode & 0o077).toBe(0);
    await app.page.getByLabel('User name').fill('ana');
    await app.page.getByLabel('Password').fill('seven corals on a reef');
    const next = app.page.getByRole('button', { name: 'Continue' });
    for (const step of ['Where files live', 'Who can reach it', 'Your first model']) {
      await next.click();
      await app.page.getByRole('heading', { name: step, exact: true }).waitFor();
    }
    await app.page.getByRole('button', { name: 'Open the hub' }).click();
    await arrive(app.page, '/');
    await app.page.getByRole('link', { name: 'Models' }).first().click();
    await arrive(app.page, '/models');

    const users = await runApp([atoll, '--cli', 'user', 'list', '--json', '--data-dir', dataDir]);
    expect(users).toMatchObject({ code: 0 });
    expect(users.output).toContain('"ana"');
    const origin = new URL(app.page.url()).origin;
    await app[Symbol.asyncDispose]();
    expect(await app.exited).toBe(0);
    await expect(fetch(`${origin}/healthz`)).rejects.toThrow();

    // The person is still signed in, and the setup is not offered again.
    const again = await open(dataDir, ['--port', new URL(origin).port]);
    await arrive(again.page, '/');
    await again.page.getByRole('link', { name: 'Models' }).first().waitFor();
  });

  test('exposes the bridge to the page of the hub and no Node', async () => {
    const app = await open(newFolder());
    await arrive(app.page, '/setup');
    expect(await app.page.evaluate('typeof atollDesktop.copyText')).toBe('function');
    expect(await app.page.evaluate('[typeof require, typeof process, typeof Buffer]')).toEqual([
      'undefined',
      'undefined',
      'undefined',
    ]);
    expect(await app.page.evaluate('atollDesktop.serverState()')).toMatchObject({ phase: 'running' });
  });

  test('is open once per data folder', async () => {
    const dataDir = newFolder();
    const app = await open(dataDir);
    await arrive(app.page, '/setup');
    const second = await runApp([atoll, '--data-dir', dataDir]);
    expect(second.code).toBe(0);
    expect(second.output).toContain('already open');
    expect(await app.page.evaluate('atollDesktop.serverState()')).toMatchObject({ phase: 'running' });
  });

  test('offers another port when another program has its port', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const taken = typeof address === 'object' && address ? address.port : 0;
    const dataDir = newFolder();
    try {
      const app = await open(dataDir, ['--port', String(taken)]);
      await app.page.getByRole('heading', { name: `Port ${taken} is in use` }).waitFor();
      await app.page.getByRole('listitem').getByText(String(process.pid)).waitFor();
      await app.page.getByRole('button', { name: 'Use another port' }).click();
      await arrive(app.page, '/setup');
      const kept = JSON.parse(readFileSync(join(dataDir, 'atoll.config.json'), 'utf8')) as { port: number };
      expect(new URL(app.page.url()).port).toBe(String(kept.port));
    } finally {
      server.close();
    }
  });

  test('says which other program holds its data folder', async () => {
    const dataDir = newFolder();
    const other = spawn(atoll, ['--cli', 'start', '--port', '0', '--ssh-port', '0', '--data-dir', dataDir], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await new Promise((resolve) => other.stdout.once('data', resolve));
      const app = await open(dataDir);
      await app.page.getByRole('heading', { name: 'Another hub uses this data folder' }).waitFor();
      await app.page.getByText(new RegExp(`pid ${other.pid}`)).waitFor();
      const ended = new Promise((resolve) => other.on('exit', resolve));
      other.kill('SIGTERM');
      await ended;
      await app.page.getByRole('button', { name: 'Try again' }).click();
      await arrive(app.page, '/setup');
    } finally {
      other.kill('SIGKILL');
    }
  });

  test('opens its error page on a data folder that cannot be written', async () => {
    const own = newFolder();
    mkdirSync(own);
    const file = join(own, 'a-file');
    writeFileSync(file, '');
    const app = await startApp({ command: [atoll], dataDir: join(file, 'data'), scratch: own });
    running.push(app);
    await app.page.getByRole('heading', { name: 'The data folder cannot be written' }).waitFor();
    await app.page.getByText(`Data folder: ${join(file, 'data')}`).waitFor();
  });

  test('lists the mistakes of a configuration and starts once they are corrected', async () => {
    const dataDir = newFolder();
    mkdirSync(dataDir);
    const file = join(dataDir, 'atoll.config.json');
    writeFileSync(file, '{ "prot": 8790, "port": -1 }');
    const app = await open(dataDir, []);
    await app.page.getByRole('heading', { name: 'The configuration has mistakes' }).waitFor();
    await app.page
      .getByText(/Did you mean "port"/)
      .first()
      .waitFor();
    expect(await app.page.getByRole('listitem').count()).toBe(2);
    writeFileSync(file, '{ "port": 0 }');
    await app.page.getByRole('button', { name: 'Try again' }).click();
    await arrive(app.page, '/setup');
  });

  const hubPid = (dataDir: string): number =>
    (JSON.parse(readFileSync(join(dataDir, 'lock.json'), 'utf8')) as { pid: number }).pid;
  const answers = async (url: string): Promise<boolean> =>
    fetch(`${url}/healthz`).then(
      ({ ok }) => ok,
      () => false,
    );

  test('starts a hub again that was killed, on the same port', async () => {
    const dataDir = newFolder();
    mkdirSync(dataDir);
    const port = await freePort();
    writeFileSync(join(dataDir, 'atoll.config.json'), JSON.stringify({ port }));
    const app = await open(dataDir, []);
    await arrive(app.page, '/setup');
    const killed = hubPid(dataDir);
    process.kill(killed, 'SIGKILL');
    await until(() => hubPid(dataDir) !== killed, 'another hub');
    await until(() => answers(`http://127.0.0.1:${port}`), 'its answer');
    // The page may be on its way to the new setup link.
    const phase = (): Promise<unknown> =>
      app.page.evaluate('atollDesktop.serverState().then((state) => state.phase)').catch(() => undefined);
    await until(async () => (await phase()) === 'running', 'the shell to know');
  });

  test('leaves no hub behind when it is killed itself, and opens again', async () => {
    const dataDir = newFolder();
    const app = await open(dataDir);
    await arrive(app.page, '/setup');
    const url = new URL(app.page.url()).origin;
    process.kill(app.pid, 'SIGKILL');
    await app.exited;
    await until(async () => !(await answers(url)), 'the hub to end', 5);
    const again = await open(dataDir);
    await arrive(again.page, '/setup');
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}
