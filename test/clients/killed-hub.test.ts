import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createHubApi } from '../support/hub-api.ts';
import { runAtoll, startProgram, type RunningProgram } from '../support/program.ts';
import { describeWithTools } from '../support/require.ts';

/* The hub is killed while a client uploads a folder; it comes back, and the client is started again. */

const SEND = fileURLToPath(new URL('python/send.py', import.meta.url));
const MIB = 1024 * 1024;
const LANE = 'py/hub-2.4.0';

/** Where the hub dies: among the bytes, at the end of the transaction, and before its answer. */
const POINTS = ['xorb-stored', 'shard-keeping', 'refs-moving', 'refs-moved'] as const;

describeWithTools('upload_folder while the hub is killed', [LANE], ({ [LANE]: python }) => {
  let scratch: string;
  let dataDir: string;
  let token: string;
  let port = '0';
  let hub: RunningProgram | undefined;

  /** Always at one address, so that a client finds it again. */
  async function start(plan?: string): Promise<RunningProgram> {
    const env = { ATOLL_TEST_STRICT: '1', ...(plan === undefined ? {} : { ATOLL_FAIL: plan }) };
    hub = await startProgram(['--host', '127.0.0.1', '--port', port, '--data-dir', dataDir], { env });
    port = new URL(hub.url).port;
    return hub;
  }

  async function ask(...command: readonly string[]): Promise<unknown> {
    const { code, stdout, stderr } = await runAtoll([...command, '--json', '--data-dir', dataDir]);
    if (code !== 0) throw new Error(`${command.join(' ')} ended with ${String(code)}: ${stdout}${stderr}`);
    return JSON.parse(stdout) as unknown;
  }

  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'atoll-killed-hub-'));
    dataDir = join(scratch, 'data');
    await ask('user', 'create', 'ada', '--without-password');
    token = ((await ask('token', 'create', 'ada', '--name', 'ci')) as { readonly secret: string }).secret;
    const { url } = await start();
    for (const point of POINTS) await createHubApi({ url, token }).createRepo(`models/ada/at-${point}`);
    await hub?.end('SIGTERM');
  });
  afterAll(async () => {
    await hub?.end('SIGKILL');
    await rm(scratch, { recursive: true, force: true });
  });

  function upload(endpoint: string, repo: string, source: string): Promise<number | null> {
    const child = spawn(python, [SEND], {
      env: { PATH: process.env['PATH'] ?? '', LANG: 'C.UTF-8', HF_HUB_DISABLE_PROGRESS_BARS: '1' },
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    const home = join(scratch, 'home');
    child.stdin.end(JSON.stringify({ endpoint, token, home, repo, call: 'folder', source }));
    return new Promise((done) => child.on('close', done));
  }

  test.each(POINTS)('at %s ends with all files in one commit', async (point) => {
    const source = join(scratch, point);
    const files = new Map<string, Buffer>();
    for (let number = 0; number < 20; number += 1)
      files.set(`text/${number}.txt`, Buffer.from(`file ${number} of ${point}\n`));
    for (let number = 0; number < 3; number += 1) files.set(`large-${number}.bin`, randomBytes(2 * MIB));
    await mkdir(join(source, 'text'), { recursive: true });
    for (const [path, content] of files) await writeFile(join(source, path), content);

    const repo = `ada/at-${point}`;
    const dying = await start(`${point}:1:crash`);
    const first = upload(dying.url, repo, source);
    expect((await dying.ended).code).toBeNull();
    const { url } = await start();
    // It may have waited for the hub; otherwise it is started again.
    if ((await first) !== 0) expect(await upload(url, repo, source)).toBe(0);

    const { call } = createHubApi({ url, token });
    const tree = (await (await call(`/api/models/${repo}/tree/main?recursive=true`)).json()) as readonly {
      readonly type: string;
      readonly path: string;
    }[];
    const paths = tree.filter(({ type }) => type === 'file').map(({ path }) => path);
    expect(paths.toSorted()).toEqual(['.gitattributes', ...files.keys()].toSorted());
    for (const [path, content] of files) {
      const body = Buffer.from(await (await call(`/${repo}/resolve/main/${path}`)).arrayBuffer());
      expect(sha256Of(body), path).toBe(sha256Of(content));
    }
    const commits = (await (await call(`/api/models/${repo}/commits/main`)).json()) as readonly unknown[];
    expect(commits).toHaveLength(2);
    expect(await ask('doctor', '--full')).toMatchObject({ problems: [] });
    expect((await hub?.end('SIGTERM'))?.code).toBe(0);
  });
});

const sha256Of = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
