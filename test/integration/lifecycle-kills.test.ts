import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createHubApi, file } from '../support/hub-api.ts';
import { runAtoll, startProgram, type RunningProgram } from '../support/program.ts';

/* The program is killed before and after the transactions that move and duplicate repositories. */

const scratch = mkdtempSync(join(tmpdir(), 'atoll-lifecycle-kills-'));
const dataDir = join(scratch, 'data');
let hub: RunningProgram | undefined;
afterAll(async () => {
  await hub?.end('SIGKILL');
  rmSync(scratch, { recursive: true, force: true });
});

async function ask(...command: readonly string[]): Promise<unknown> {
  const { code, stdout, stderr } = await runAtoll([...command, '--json', '--data-dir', dataDir]);
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${String(code)}: ${stdout}${stderr}`);
  return JSON.parse(stdout) as unknown;
}

const start = (plan?: string): Promise<RunningProgram> =>
  startProgram(['--port', '0', '--host', '127.0.0.1', '--data-dir', dataDir], {
    env: { ATOLL_TEST_STRICT: '1', ...(plan === undefined ? {} : { ATOLL_FAIL: plan }) },
  });

let token = '';
beforeAll(async () => {
  await ask('user', 'create', 'ada', '--without-password');
  token = ((await ask('token', 'create', 'ada', '--name', 'ci')) as { readonly secret: string }).secret;
});

const CASES = [
  { point: 'repository-moving', isThere: false },
  { point: 'repository-moved', isThere: true },
  { point: 'repository-duplicating', isThere: false },
  { point: 'repository-duplicated', isThere: true },
] as const;

test.each(CASES)('a kill at $point leaves it whole: done is $isThere', async ({ point, isThere }) => {
  const [old, next] = [`models/ada/${point}-a`, `models/ada/${point}-b`] as const;
  hub = await start();
  let api = createHubApi({ url: hub.url, token });
  await api.createRepo(old);
  const head = await api.commit(old, [file('big.txt', 'x'.repeat(1_200_000)), file('small.txt', 'y')]);
  await hub.end('SIGTERM');

  hub = await start(`${point}:1:crash`);
  api = createHubApi({ url: hub.url, token });
  const isMove = point.startsWith('repository-mov');
  const repository = next.slice('models/'.length);
  const work = (): Promise<Response> =>
    isMove
      ? api.call('/api/repos/move', { json: { fromRepo: old.slice('models/'.length), toRepo: repository } })
      : api.call(`/api/${old}/duplicate`, { json: { repository } });
  await expect(work()).rejects.toThrow();
  expect((await hub.ended).code).toBeNull();
  expect(await ask('doctor', '--full')).toMatchObject({ problems: [] });

  hub = await start();
  api = createHubApi({ url: hub.url, token });
  const found = (repo: string) =>
    fetch(`${hub?.url}/api/${repo}`, { headers: { authorization: `Bearer ${token}` }, redirect: 'manual' });
  expect((await found(next)).status).toBe(isThere ? 200 : 404);
  expect((await found(old)).status).toBe(isThere && isMove ? 307 : 200);
  // Asked for again: a move that was done stays as it is, a duplicate that was made is there already.
  if (isThere && !isMove) await expect(work()).rejects.toThrow('answered 409');
  else expect((await work()).status).toBe(200);
  const info = (await (await found(next)).json()) as { readonly sha: string };
  expect(info.sha).toBe(head);
  expect((await hub.end('SIGTERM')).code).toBe(0);
  expect(await ask('doctor', '--full')).toMatchObject({ problems: [] });
});
