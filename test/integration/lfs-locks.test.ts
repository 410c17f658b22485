import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectNothingStored, type Answer, type TestHub } from '../support/hub.ts';
import { createRepo, startPeopledHub, tokenOf, type Person } from '../support/scenario.ts';

/* The git-lfs locking API over HTTP: who may lock, see and unlock what, and that a path is locked once. */

const LFS = 'application/vnd.git-lfs+json';

let hub: TestHub;
beforeAll(async () => {
  hub = await startPeopledHub();
});
afterAll(() => hub[Symbol.asyncDispose]());

interface Lock {
  readonly id: string;
  readonly path: string;
  readonly locked_at: string;
  readonly owner: { readonly name: string };
}
interface Verified {
  readonly ours: readonly Lock[];
  readonly theirs: readonly Lock[];
  readonly next_cursor?: string;
}

let count = 0;
async function newRepo(isPrivate = false): Promise<string> {
  const { name } = await createRepo(hub, `lab/locks-${(count += 1)}`, { person: 'lab-admin', isPrivate });
  return name;
}

const send = (person: Person, method: string, target: string, body?: object): Promise<Answer> =>
  hub.send(method, target, {
    token: tokenOf(person),
    headers: { accept: LFS, ...(body ? { 'content-type': `${LFS}; charset=utf-8` } : {}) },
    ...(body ? { body: Buffer.from(JSON.stringify(body)) } : {}),
  });
const locksOf = (repo: string): string => `/${repo}.git/info/lfs/locks`;
const lock = (person: Person, repo: string, path: string): Promise<Answer> =>
  send(person, 'POST', locksOf(repo), { path, ref: { name: 'refs/heads/main' } });
const locked = async (person: Person, repo: string, path: string): Promise<Lock> => {
  const answer = await lock(person, repo, path);
  expect(answer.status, answer.text).toBe(201);
  return answer.json<{ lock: Lock }>().lock;
};
const unlock = (person: Person, repo: string, id: string, force?: boolean): Promise<Answer> =>
  send(person, 'POST', `${locksOf(repo)}/${id}/unlock`, { ...(force === undefined ? {} : { force }) });
const list = async (person: Person, repo: string, query = ''): Promise<readonly Lock[]> => {
  const answer = await send(person, 'GET', `${locksOf(repo)}${query}`);
  expect(answer.status, answer.text).toBe(200);
  return answer.json<{ locks: Lock[] }>().locks;
};
const verify = async (person: Person, repo: string, body: object = {}): Promise<Verified> => {
  const answer = await send(person, 'POST', `${locksOf(repo)}/verify`, body);
  expect(answer.status, answer.text).toBe(200);
  return answer.json<Verified>();
};
const pathsOf = (locks: readonly Lock[]): readonly string[] => locks.map(({ path }) => path);

describe('a lock', () => {
  test('says what is locked, since when and by whom, to everybody who reads', async () => {
    const repo = await newRepo();
    const before = Date.now();
    const made = await locked('member', repo, 'data/größe #1.bin');
    expect(made).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{24}$/) as string,
      path: 'data/größe #1.bin',
      locked_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
      owner: { name: 'member' },
    });
    expect(Date.parse(made.locked_at)).toBeGreaterThanOrEqual(before);
    for (const person of ['member', 'visitor', 'stranger', 'anonymous'] as const)
      expect(await list(person, repo)).toEqual([made]);
    for (const base of [repo, `models/${repo}.git`, `models/${repo}`]) {
      const answer = await send('anonymous', 'GET', `/${base}/info/lfs/locks`);
      expect([answer.headers['content-type'], answer.json()]).toEqual([LFS, { locks: [made] }]);
    }
  });

  test('is refused where there is one, which is told', async () => {
    const repo = await newRepo();
    const made = await locked('member', repo, 'a.bin');
    for (const person of ['member', 'lab-admin'] as const) {
      const answer = await lock(person, repo, 'a.bin');
      expect([answer.status, answer.json()]).toMatchObject([
        409,
        { lock: made, message: 'The path is locked already, by member.' },
      ]);
    }
    expect(await list('member', repo)).toEqual([made]);
  });

  test('is made once, however many ask at once', async () => {
    const repo = await newRepo();
    const people = ['member', 'lab-admin', 'lab-super-admin'] as const;
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, at) => lock(people[at % 3] ?? 'member', repo, 'a.bin')),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(29);
    expect(await list('member', repo)).toHaveLength(1);
  });

  test('is made by those who may write, of what they may see', async () => {
    const repo = await newRepo();
    const hidden = await newRepo(true);
    await expectNothingStored(hub, async () => {
      for (const [person, target, status] of [
        ['visitor', repo, 403],
        ['member-read', repo, 403],
        ['stranger', repo, 403],
        ['site-admin', repo, 403],
        ['anonymous', repo, 401],
        ['wrong', repo, 401],
        ['visitor', hidden, 403],
        ['stranger', hidden, 404],
        ['anonymous', hidden, 401],
      ] as const) {
        const answer = await lock(person, target, 'a.bin');
        expect([person, target, answer.status]).toEqual([person, target, status]);
        expect(answer.json()).toMatchObject({ message: expect.any(String) as string });
        if (status === 401) {
          expect(answer.headers).toMatchObject({
            'lfs-authenticate': 'Basic realm="Atoll"',
            'www-authenticate': 'Basic realm="Atoll"',
          });
        }
      }
    });
  });

  test('stays when its repository is renamed, and goes with it', async () => {
    const repo = await newRepo();
    const made = await locked('member', repo, 'a.bin');
    const renamed = `${repo}-renamed`;
    const moved = await hub.send('POST', '/api/repos/move', {
      token: tokenOf('lab-admin'),
      body: { fromRepo: repo, toRepo: renamed, type: 'model' },
    });
    expect(moved.status, moved.text).toBe(200);
    expect(await list('member', renamed)).toEqual([made]);
    const former = await send('member', 'POST', `${locksOf(repo)}/verify`, {});
    expect([former.status, former.headers.location]).toEqual([307, `${locksOf(renamed)}/verify`]);
    const name = renamed.slice('lab/'.length);
    const body = { name, organization: 'lab' };
    await hub.send('DELETE', '/api/repos/delete', { token: tokenOf('lab-admin'), body });
    await createRepo(hub, renamed, { person: 'lab-admin' });
    expect(await list('member', renamed)).toEqual([]);
  });
});

describe('a list of locks', () => {
  test('comes in pages, oldest first, also of one path or id', async () => {
    const repo = await newRepo();
    const made: Lock[] = [];
    for (const path of ['c', 'b', 'a']) made.push(await locked('member', repo, path));
    expect(pathsOf(await list('visitor', repo))).toEqual(['c', 'b', 'a']);
    const first = await send('visitor', 'GET', `${locksOf(repo)}?limit=2&refspec=refs%2Fheads%2Fmain`);
    const { locks, next_cursor: next = '' } = first.json<{ locks: Lock[]; next_cursor?: string }>();
    expect(pathsOf(locks)).toEqual(['c', 'b']);
    const last = await send('visitor', 'GET', `${locksOf(repo)}?limit=2&cursor=${next}`);
    expect(last.json()).toEqual({ locks: [made[2]] });
    expect(pathsOf(await list('visitor', repo, '?path=b'))).toEqual(['b']);
    expect(pathsOf(await list('visitor', repo, `?id=${made[2]?.id ?? ''}`))).toEqual(['a']);
    expect(await list('visitor', repo, '?id=1')).toEqual([]);
    expect(await list('visitor', repo, '?path=none')).toEqual([]);
    const elsewhere = await send('visitor', 'GET', `${locksOf(await newRepo())}?limit=2&cursor=${next}`);
    expect([elsewhere.status, elsewhere.headers['x-error-code']]).toEqual([400, 'InvalidCursor']);
  });

  test('is told apart into ours and theirs for whoever is about to push', async () => {
    const repo = await newRepo();
    const mine = await locked('member', repo, 'mine.bin');
    const other = await locked('lab-admin', repo, 'other.bin');
    expect(await verify('member', repo)).toEqual({ ours: [mine], theirs: [other] });
    expect(await verify('lab-admin', repo, { ref: {} })).toEqual({ ours: [other], theirs: [mine] });
    const page = await verify('member', repo, { limit: 1, ref: { name: 'refs/heads/main' } });
    expect(page).toMatchObject({ ours: [mine], theirs: [], next_cursor: expect.any(String) as string });
    expect(await verify('member', repo, { limit: 1, cursor: page.next_cursor })).toEqual({
      ours: [],
      theirs: [other],
    });
    for (const [person, status] of [
      ['visitor', 403],
      ['stranger', 403],
      ['anonymous', 401],
    ] as const) {
      expect((await send(person, 'POST', `${locksOf(repo)}/verify`, {})).status).toBe(status);
    }
  });
});

describe('unlocking', () => {
  test('is for whoever locked, also by force, once', async () => {
    const repo = await newRepo();
    for (const force of [undefined, false, true]) {
      const made = await locked('member', repo, 'a.bin');
      const answer = await unlock('member', repo, made.id, force);
      expect([answer.status, answer.json()]).toEqual([200, { lock: made }]);
      expect((await unlock('member', repo, made.id)).status).toBe(404);
      expect(await list('member', repo)).toEqual([]);
    }
  });

  test('of what somebody else locked takes force, and the right to administer', async () => {
    const repo = await newRepo();
    const made = await locked('lab-admin', repo, 'a.bin');
    const own = await locked('member', repo, 'b.bin');
    for (const [person, id, force, status] of [
      ['member', made.id, false, 403],
      ['member', made.id, true, 403],
      ['visitor', own.id, true, 403],
      ['stranger', own.id, true, 403],
      ['anonymous', own.id, true, 401],
      ['lab-super-admin', own.id, false, 403],
      ['lab-super-admin', own.id, true, 200],
      ['lab-admin', made.id, false, 200],
    ] as const) {
      const answer = await unlock(person, repo, id, force);
      expect([person, force, answer.status]).toEqual([person, force, status]);
    }
  });

  test('is of a lock in this repository', async () => {
    const repo = await newRepo();
    const other = await newRepo();
    const made = await locked('lab-admin', repo, 'a.bin');
    for (const id of [made.id, '1', 'x', '0'.repeat(24), `${made.id}%00`]) {
      const answer = await unlock('lab-admin', other, id, true);
      expect([400, 404], answer.text).toContain(answer.status);
    }
    expect(await list('member', repo)).toEqual([made]);
  });

  test('happens once, however many ask at once', async () => {
    const repo = await newRepo();
    const made = await locked('member', repo, 'a.bin');
    const answers = await Promise.all(Array.from({ length: 10 }, () => unlock('member', repo, made.id)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 404)).toHaveLength(9);
  });

  test('nothing in an archived repository is locked or unlocked', async () => {
    const repo = await newRepo();
    const made = await locked('member', repo, 'a.bin');
    await hub.send('PUT', `/api/models/${repo}/settings`, {
      token: tokenOf('lab-admin'),
      body: { archived: true },
    });
    expect((await lock('member', repo, 'b.bin')).status).toBe(403);
    expect((await unlock('member', repo, made.id)).status).toBe(403);
    expect(await list('member', repo)).toEqual([made]);
  });
});

test('nothing of this was an error of the hub', () => {
  expect(hub.loggedErrors()).toEqual([]);
});
