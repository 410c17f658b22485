import { beforeAll, expect, test } from 'vitest';
import { createHubApi, file } from '../support/hub-api.ts';
import { useKilledHub } from '../support/killed-hub.ts';

/* The program is killed before and after the transactions that move and duplicate repositories. */

const { start, createUser, problems } = useKilledHub('lifecycle-kills');

let token = '';
beforeAll(async () => {
  token = await createUser('ada');
});

const CASES = [
  { point: 'repository-moving', isThere: false },
  { point: 'repository-moved', isThere: true },
  { point: 'repository-duplicating', isThere: false },
  { point: 'repository-duplicated', isThere: true },
] as const;

test.each(CASES)('a kill at $point leaves it whole: done is $isThere', async ({ point, isThere }) => {
  const [old, next] = [`models/ada/${point}-a`, `models/ada/${point}-b`] as const;
  let hub = await start();
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
  expect(await problems()).toEqual([]);

  hub = await start();
  api = createHubApi({ url: hub.url, token });
  const found = (repo: string) =>
    fetch(`${hub.url}/api/${repo}`, { headers: { authorization: `Bearer ${token}` }, redirect: 'manual' });
  expect((await found(next)).status).toBe(isThere ? 200 : 404);
  expect((await found(old)).status).toBe(isThere && isMove ? 307 : 200);
  // Asked for again: a move that was done stays as it is, a duplicate that was made is there already.
  if (isThere && !isMove) await expect(work()).rejects.toThrow('answered 409');
  else expect((await work()).status).toBe(200);
  const info = (await (await found(next)).json()) as { readonly sha: string };
  expect(info.sha).toBe(head);
  expect((await hub.end('SIGTERM')).code).toBe(0);
  expect(await problems()).toEqual([]);
});
