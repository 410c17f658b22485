import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Answer, TestHub } from '../support/hub.ts';
import { createRepo, fileLine, startPeopledHub, type RepoClient } from '../support/scenario.ts';

/* Listings in pages, and what lies at paths. */

interface Listed {
  readonly type: string;
  readonly path: string;
  readonly size: number;
  readonly lastCommit?: { readonly title: string };
}

let hub: TestHub;
let repo: RepoClient;
beforeAll(async () => {
  hub = await startPeopledHub();
  repo = await createRepo(hub, 'owner/trees');
  const lines = Array.from({ length: 40 }, (_, n) => fileLine(`d${n % 4}/sub/f${n}`, String(n)));
  await repo.commit([...lines, fileLine('top', 'top')], { summary: 'many' });
});
afterAll(() => hub[Symbol.asyncDispose]());

const nextOf = ({ headers }: Answer): string | undefined =>
  /<[^>]+\/api\/models\/owner\/trees\/([^>]+)>; rel="next"/.exec(String(headers['link'] ?? ''))?.[1];
const codeOf = ({ status, headers }: Answer): string => `${status} ${String(headers['x-error-code'])}`;

async function walk(first: string, between?: () => Promise<unknown>): Promise<readonly Listed[]> {
  const entries: Listed[] = [];
  for (let next: string | undefined = first; next !== undefined;) {
    const answer = await repo.api('GET', next);
    expect(answer.status, answer.text).toBe(200);
    entries.push(...answer.json<Listed[]>());
    next = nextOf(answer);
    await between?.();
  }
  return entries;
}

test('a listing in pages shows the commit it began at, though the branch moves meanwhile', async () => {
  const whole = (await repo.api('GET', 'tree/main?recursive=true')).json<Listed[]>();
  let changes = 0;
  const paged = await walk('tree/main?recursive=true&limit=5', () =>
    repo.commit([
      fileLine(`d${changes % 4}/sub/new${(changes += 1)}`, 'new'),
      ['deletedFile', { path: `d${changes % 4}/sub/f${changes}` }],
    ]),
  );
  expect(changes).toBeGreaterThan(8);
  expect(paged).toEqual(whole);
  expect((await repo.api('GET', 'tree/main?recursive=true')).json<Listed[]>()).not.toEqual(whole);
});

test('a cursor belongs to its own listing', async () => {
  const answer = await repo.api('GET', 'tree/main?recursive=true&limit=5');
  const cursor = new URLSearchParams(nextOf(answer)?.split('?')[1]).get('cursor') ?? '';
  const altered = `${cursor.slice(0, 10)}${cursor[10] === 'A' ? 'B' : 'A'}${cursor.slice(11)}`;
  for (const [target, at] of [
    ['tree/main?recursive=false', cursor],
    ['tree/main/d1?recursive=true', cursor],
    ['tree/main?recursive=true', altered],
    ['tree/main?recursive=true', ''],
    ['tree/main?recursive=true', 'junk'],
    ['tree/main?recursive=true', `${cursor}.x`],
  ]) {
    const refused = await repo.api('GET', `${target}&cursor=${encodeURIComponent(at ?? '')}`);
    expect([target, codeOf(refused)]).toEqual([target, '400 InvalidCursor']);
  }
  const other = await createRepo(hub, 'owner/other-trees');
  const elsewhere = await other.api('GET', `tree/main?recursive=true&cursor=${encodeURIComponent(cursor)}`);
  expect(codeOf(elsewhere)).toBe('400 InvalidCursor');
});

test('a branch that goes away while it is listed is not found', async () => {
  await repo.api('POST', 'branch/gone', { body: { startingPoint: 'main' } });
  const next = nextOf(await repo.api('GET', 'tree/gone?recursive=true&limit=5')) ?? '';
  await repo.api('DELETE', 'branch/gone');
  expect(codeOf(await repo.api('GET', next))).toBe('404 RevisionNotFound');
});

test('every page of an expanded listing has last commits', async () => {
  const entries = await walk('tree/main?expand=true&recursive=true&limit=7');
  expect(entries.every(({ lastCommit }) => lastCommit !== undefined)).toBe(true);
});
