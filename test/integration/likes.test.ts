import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectNothingStored, type Answer, type TestHub } from '../support/hub.ts';
import { createRepo, PEOPLE, startPeopledHub, tokenOf, type Person } from '../support/scenario.ts';

/* Likes over HTTP: what each caller may do and see, and that the counter is right whoever comes at once. */

let hub: TestHub;
beforeAll(async () => {
  hub = await startPeopledHub();
});
afterAll(() => hub[Symbol.asyncDispose]());

const by = (person: Person, method: string, target: string, body?: unknown): Promise<Answer> =>
  hub.send(method, target, { token: tokenOf(person), ...(body === undefined ? {} : { body }) });

const namesOf = (answer: Answer): string[] => answer.json<{ user: string }[]>().map(({ user }) => user);

/** Every entry of a list, page by page. */
async function walk<Item>(person: Person, target: string): Promise<Item[]> {
  const items: Item[] = [];
  for (let next: string | undefined = target; next !== undefined;) {
    const answer: Answer = await by(person, 'GET', next);
    expect(answer.status, answer.text).toBe(200);
    items.push(...answer.json<Item[]>());
    const link = /^<([^>]+)>; rel="next"$/.exec(String(answer.headers['link'] ?? ''))?.[1];
    next = link?.replace(hub.url, '');
  }
  return items;
}

describe('liking', () => {
  test('counts a person once, and taking it back is the same as never', async () => {
    await createRepo(hub, 'owner/liked');
    const target = '/api/models/owner/liked/like';
    for (const [method, liked, count] of [
      ['GET', false, 0],
      ['POST', true, 1],
      ['POST', true, 1],
      ['GET', true, 1],
      ['DELETE', false, 0],
      ['DELETE', false, 0],
      ['GET', false, 0],
    ] as const) {
      const answer = await by('stranger', method, target);
      expect([method, answer.status, answer.json()]).toEqual([method, 200, { liked, likes_count: count }]);
    }
  });

  test('is of the repository, whatever case and kind its path has', async () => {
    await createRepo(hub, 'owner/twice');
    await by('owner', 'POST', '/api/repos/create', { name: 'twice', type: 'dataset' });
    await by('member', 'POST', '/api/models/OWNER/Twice/like');
    expect((await by('member', 'GET', '/api/models/owner/twice/like')).json()).toMatchObject({ liked: true });
    expect((await by('member', 'GET', '/api/datasets/owner/twice/like')).json()).toMatchObject({
      liked: false,
    });
  });

  test('what is not there cannot be liked', async () => {
    await expectNothingStored(hub, async () => {
      for (const method of ['POST', 'DELETE', 'GET']) {
        const absent = await by('owner', method, '/api/models/owner/absent/like');
        expect([absent.status, absent.headers['x-error-code']]).toEqual([404, 'RepoNotFound']);
        const hidden = await by('anonymous', method, '/api/models/owner/absent/like');
        expect([hidden.status, hidden.headers['x-error-code']]).toEqual([401, 'RepoNotFound']);
      }
      const refused = await by('anonymous', 'POST', '/api/models/owner/liked/like');
      expect([refused.status, refused.headers['x-error-code']]).toEqual([401, 'SignInRequired']);
    });
  });

  test('a private repository is liked by its readers, and only they see who does', async () => {
    await createRepo(hub, 'lab/secret', { person: 'lab-admin', isPrivate: true });
    const readers: readonly Person[] = ['visitor', 'member', 'lab-admin', 'lab-super-admin', 'site-admin'];
    for (const person of PEOPLE) {
      const { status } = await by(person, 'POST', '/api/models/lab/secret/like');
      const readToken = person === 'member-read' ? 403 : 404;
      const refusal = person === 'anonymous' || person === 'wrong' ? 401 : readToken;
      expect([person, status]).toEqual([person, readers.includes(person) ? 200 : refusal]);
    }
    expect(namesOf(await by('member-read', 'GET', '/api/models/lab/secret/likers')).sort()).toEqual(
      [...readers].sort(),
    );
    expect((await by('stranger', 'GET', '/api/models/lab/secret/likers')).status).toBe(404);
  });
});

describe('what a person likes', () => {
  const likesOf = async (asker: Person, person: Person) =>
    (
      await walk<{ repo: { name: string; type: string }; createdAt: string }>(
        asker,
        `/api/users/${person}/likes?limit=2`,
      )
    ).map(({ repo }) => `${repo.type} ${repo.name}`);

  test('is listed newest first, in pages, as far as the caller may see it', async () => {
    await createRepo(hub, 'lab/hidden', { person: 'lab-admin', isPrivate: true });
    for (const type of ['model', 'dataset', 'space'] as const)
      await by('owner', 'POST', '/api/repos/create', { name: 'many', type });
    for (const path of ['models/owner/many', 'models/lab/hidden', 'datasets/owner/many', 'spaces/owner/many'])
      expect((await by('lab-admin', 'POST', `/api/${path}/like`)).status).toBe(200);
    const shown = ['space owner/many', 'dataset owner/many', 'model owner/many', 'model lab/secret'];
    const all = [...shown.slice(0, 2), 'model lab/hidden', ...shown.slice(2)];
    expect(await likesOf('lab-admin', 'lab-admin')).toEqual(all);
    expect(await likesOf('visitor', 'lab-admin')).toEqual(all);
    for (const person of ['stranger', 'owner', 'anonymous'] as const)
      expect(await likesOf(person, 'lab-admin')).toEqual(shown.slice(0, 3));
  });

  test('goes with the repository', async () => {
    await createRepo(hub, 'owner/short-lived');
    await by('stranger', 'POST', '/api/models/owner/short-lived/like');
    expect(await likesOf('owner', 'stranger')).toContain('model owner/short-lived');
    await by('owner', 'DELETE', '/api/repos/delete', { name: 'short-lived' });
    expect(await likesOf('owner', 'stranger')).not.toContain('model owner/short-lived');
  });

  test('is nothing for who is nobody', async () => {
    for (const name of ['nobody', 'lab', '%00', 'a'.repeat(300), '..%2f']) {
      const answer = await by('owner', 'GET', `/api/users/${name}/likes`);
      expect([name, answer.status < 500 && answer.status >= 400]).toEqual([name, true]);
    }
    const answer = await by('anonymous', 'GET', '/api/users/nobody/likes');
    expect([answer.status, answer.headers['x-error-code']]).toEqual([404, 'NotFound']);
  });
});

describe('pages', () => {
  test('refuse limits and cursors that are none of theirs', async () => {
    await createRepo(hub, 'owner/paged');
    for (const person of ['owner', 'member', 'visitor'] as const)
      await by(person, 'POST', '/api/models/owner/paged/like');
    const list = '/api/models/owner/paged/likers';
    const first = await by('owner', 'GET', `${list}?limit=1`);
    const cursor = new URL(/<([^>]+)>/.exec(String(first.headers['link']))?.[1] ?? '').searchParams.get(
      'cursor',
    );
    expect(namesOf(first)).toEqual(['visitor']);
    expect(namesOf(await by('owner', 'GET', `${list}?limit=1&cursor=${cursor}`))).toEqual(['member']);

    const bad = ['0', '-1', 'abc', '1.5', '%D9%A3', '0x10', ''];
    for (const limit of bad) expect((await by('owner', 'GET', `${list}?limit=${limit}`)).status).toBe(400);
    expect((await by('owner', 'GET', `${list}?limit=1000000000`)).status).toBe(200);
    const altered = `${cursor?.slice(0, -2)}AA`;
    for (const given of ['', 'junk', altered, `${cursor}A`, 'x'.repeat(10_000)])
      expect((await by('owner', 'GET', `${list}?cursor=${given}`)).status).toBe(400);
    for (const other of ['/api/users/owner/likes', '/api/models/owner/liked/likers']) {
      const answer = await by('owner', 'GET', `${other}?cursor=${cursor}`);
      expect([answer.status, answer.headers['x-error-code']]).toEqual([400, 'InvalidCursor']);
    }
  });
});

describe('at once', () => {
  const fans = Array.from({ length: 50 }, (_, at) => `fan-${100 + at}`);
  const tokenOfFan = (name: string): string => `hf_${name.replaceAll('-', '').padEnd(30, '0')}`;
  const asFan = (name: string, method: string, target: string): Promise<Answer> =>
    hub.send(method, target, { token: tokenOfFan(name) });

  beforeAll(async () => {
    const users = fans.map((name) => ({
      name,
      tokens: [{ name: 'write', role: 'write', value: tokenOfFan(name) }],
    }));
    await hub.command('apply', { text: JSON.stringify({ users, organizations: [] }) });
  });

  const state = async (repo: string) =>
    (await by('owner', 'GET', `/api/models/${repo}/like`)).json<{ likes_count: number }>().likes_count;

  test('fifty people make fifty', async () => {
    await createRepo(hub, 'owner/loved');
    const answers = await Promise.all(
      fans.flatMap((name) => [
        asFan(name, 'POST', '/api/models/owner/loved/like'),
        asFan(name, 'POST', '/api/models/owner/loved/like'),
      ]),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(await state('owner/loved')).toBe(50);
    const likers = await walk<{ user: string }>('owner', '/api/models/owner/loved/likers?limit=7');
    expect(likers.map(({ user }) => user).sort()).toEqual([...fans].sort());
  });

  test('a storm of likes and likes taken back leaves what the last of each person said', async () => {
    await createRepo(hub, 'owner/stormy');
    const target = '/api/models/owner/stormy/like';
    await Promise.all(
      fans.map(async (name, at) => {
        for (let round = 0; round < 6; round++) await asFan(name, round % 2 ? 'DELETE' : 'POST', target);
        if (at % 3 === 0) await asFan(name, 'POST', target);
      }),
    );
    const likers = await walk<{ user: string }>('owner', '/api/models/owner/stormy/likers');
    expect(likers).toHaveLength(17);
    expect(await state('owner/stormy')).toBe(17);
  });

  test('a repository that is deleted meanwhile refuses the rest, and a new one of its name starts with none', async () => {
    await createRepo(hub, 'owner/doomed');
    const target = '/api/models/owner/doomed/like';
    const liking = fans.map((name) => asFan(name, 'POST', target));
    const deleted = by('owner', 'DELETE', '/api/repos/delete', { name: 'doomed' });
    for (const answer of await Promise.all(liking)) expect([200, 404]).toContain(answer.status);
    expect((await deleted).status).toBe(200);
    expect((await asFan('fan-101', 'POST', target)).status).toBe(404);
    await createRepo(hub, 'owner/doomed');
    expect(await state('owner/doomed')).toBe(0);
    expect(namesOf(await by('owner', 'GET', '/api/models/owner/doomed/likers'))).toEqual([]);
  });
});

test('nothing broke', () => {
  expect(hub.loggedErrors()).toEqual([]);
});
