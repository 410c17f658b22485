import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Answer, TestHub } from '../support/hub.ts';
import {
  createRepo,
  fileLine,
  lfsLine,
  startPeopledHub,
  tokenOf,
  type RepoClient,
} from '../support/scenario.ts';

/* Lists of commits, one commit, and what a folder weighs. */

interface Listed {
  readonly id: string;
  readonly title: string;
  readonly message: string;
  readonly date: string;
  readonly authors: readonly { readonly user: string }[];
  readonly parents: readonly string[];
  readonly formatted?: { readonly title: string; readonly message: string };
}

let hub: TestHub;
let repo: RepoClient;
let ids: readonly string[];
const large = Buffer.alloc(300_000, 7);
beforeAll(async () => {
  hub = await startPeopledHub();
  repo = await createRepo(hub, 'owner/listed');
  const made = [await repo.head()];
  for (let n = 0; n < 12; n++) {
    const header = { summary: `change <${n}>`, description: n % 2 ? `Because & "so".\nLine two.` : '' };
    made.push(await repo.commit([fileLine(`d/f${n}`, 'x'.repeat(n))], header));
  }
  await repo.uploadLfs(large);
  made.push(await repo.commit([lfsLine('d/deep/large.bin', large)], { summary: 'large' }));
  ids = made.reverse();
});
afterAll(() => hub[Symbol.asyncDispose]());

const codeOf = ({ status, headers }: Answer): string => `${status} ${String(headers['x-error-code'])}`;
const nextOf = ({ headers }: Answer): string | undefined =>
  /<[^>]+\/api\/models\/owner\/listed\/([^>]+)>; rel="next"/.exec(String(headers['link'] ?? ''))?.[1];

async function walk(first: string): Promise<readonly string[]> {
  const listed: string[] = [];
  for (let next: string | undefined = first; next !== undefined;) {
    const answer: Answer = await repo.api('GET', next);
    expect([answer.status, answer.headers['x-total-count']]).toEqual([200, String(ids.length)]);
    listed.push(...answer.json<Listed[]>().map(({ id }) => id));
    next = nextOf(answer);
  }
  return listed;
}

test('commits are listed in pages of any size, by number and behind a commit', async () => {
  for (const limit of [1, 3, 7, 14, 50]) {
    expect(await walk(`commits/main?limit=${limit}`)).toEqual(ids);
    expect(await walk(`commits/main?limit=${limit}&after=${ids[2]}`)).toEqual(ids.slice(3));
  }
  expect(await walk(`commits/main?limit=3&p=2`)).toEqual(ids.slice(6));
});

test('a page behind a commit stays the same while the branch goes on', async () => {
  await repo.api('POST', 'branch/moving', { body: { startingPoint: 'main' } });
  const before = (await repo.api('GET', `commits/moving?limit=4&after=${ids[3]}`)).text;
  await repo.commit([fileLine('g', 'g')], { summary: 'further' }, 'moving');
  expect((await repo.api('GET', `commits/moving?limit=4&after=${ids[3]}`)).text).toBe(before);
});

test.each([
  ['commits/main?limit=0', '400 InvalidParameter'],
  ['commits/main?p=-1', '400 InvalidParameter'],
  ['commits/main?after=main', '400 InvalidCursor'],
  [`commits/main?after=${'0'.repeat(40)}`, '400 InvalidCursor'],
  ['commits/absent', '404 RevisionNotFound'],
  ['commit/absent', '404 RevisionNotFound'],
  [`commit/${'0'.repeat(40)}`, '404 RevisionNotFound'],
  ['treesize/absent/d', '404 RevisionNotFound'],
  ['treesize/main/absent', '404 EntryNotFound'],
  ['treesize/main/d/f1', '404 EntryNotFound'],
  ['treesize/main/..%2Fx', '400 InvalidPath'],
])('%s is refused', async (target, expected) => {
  expect(codeOf(await repo.api('GET', target))).toBe(expected);
});

test('a commit answers the same in a list and alone', async () => {
  const listed = (await repo.api('GET', 'commits/main?expand[]=formatted')).json<Listed[]>();
  for (const one of listed) {
    const alone = (await repo.api('GET', `commit/${one.id}?expand[]=formatted`)).json<Listed>();
    expect(alone).toMatchObject(one);
    expect(alone).toMatchObject({
      oid: one.id,
      author: 'owner',
      description: one.message,
      committed_at: one.date,
    });
  }
  const [, latest] = listed;
  expect(latest).toMatchObject({
    title: 'change <11>',
    message: 'Because & "so".\nLine two.',
    parents: [ids[2]],
    authors: [{ user: 'owner' }],
    formatted: { title: 'change &lt;11&gt;', message: 'Because &amp; &quot;so&quot;.\nLine two.' },
  });
  // Dates are UTC whatever the zone of the machine.
  expect(Math.abs(Date.parse(latest?.date ?? '') - Date.now())).toBeLessThan(60_000);
  for (const name of ['main', 'HEAD', 'refs%2Fheads%2Fmain', (ids[0] ?? '').slice(0, 9)]) {
    expect((await repo.api('GET', `commit/${name}`)).json<Listed>().id).toBe(ids[0]);
  }
});

test('the size of a folder counts large files in full', async () => {
  const small = Array.from({ length: 12 }, (_, n) => n).reduce((sum, n) => sum + n, 0);
  const sizeOf = async (at: string) => (await repo.api('GET', `treesize/${at}`)).json();
  expect(await sizeOf('main/d')).toEqual({ path: 'd', size: small + large.byteLength });
  expect(await sizeOf('refs%2Fheads%2Fmain/d/deep')).toEqual({ path: 'd/deep', size: large.byteLength });
  const root = (await sizeOf('main')) as { size: number };
  expect(root).toMatchObject({ path: '' });
  expect(root.size).toBeGreaterThan(small + large.byteLength);
});

test('resolve-cache answers what resolve does, without a redirect', async () => {
  for (const path of ['d/f3', 'd/deep/large.bin', '.gitattributes', 'absent']) {
    for (const method of ['GET', 'HEAD']) {
      for (const headers of [{}, { range: 'bytes=0-1' }]) {
        const [direct, cached] = await Promise.all(
          [`/owner/listed/resolve/${ids[0]}`, `/api/resolve-cache/models/owner/listed/${ids[0]}`].map(
            (base) => hub.send(method, `${base}/${path}`, { token: tokenOf('owner'), headers }),
          ),
        );
        const plain = ({ status, headers: { date: _, 'x-request-id': __, ...rest }, body }: Answer) => ({
          status,
          rest,
          body: status === 404 ? '' : body,
        });
        expect(plain(cached as Answer)).toEqual(plain(direct as Answer));
      }
    }
  }
});

test('every call is the same for a repository called resolve-cache', async () => {
  const odd = await createRepo(hub, 'owner/resolve-cache');
  await odd.commit([fileLine('f', 'odd')]);
  const answer = await hub.send('GET', '/api/resolve-cache/models/owner/resolve-cache/main/f');
  expect(answer.text).toBe('odd');
});
