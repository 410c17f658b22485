import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Answer, TestHub } from '../support/hub.ts';
import {
  createRepo,
  lfsLine,
  PEOPLE,
  startPeopledHub,
  tokenOf,
  type Person,
  type RepoClient,
} from '../support/scenario.ts';

/* What the hub shows of people and organizations, to each caller as far as they may see. */

let hub: TestHub;
let big: RepoClient;
const bytes = randomBytes(300_000);
beforeAll(async () => {
  hub = await startPeopledHub();
  await createRepo(hub, 'lab/public', { person: 'lab-admin' });
  big = await createRepo(hub, 'lab/private', { person: 'lab-admin', isPrivate: true });
  await createRepo(hub, 'owner/public');
  for (const [name, type] of [
    ['data', 'dataset'],
    ['app', 'space'],
    ['fast', 'kernel'],
  ])
    await by('owner', 'POST', '/api/repos/create', { name, type, private: true });
  for (const person of ['owner', 'visitor'] as const) await by(person, 'POST', '/api/models/lab/public/like');
  await by('visitor', 'POST', '/api/models/lab/private/like');
  await big.uploadLfs(bytes);
  await big.commit([lfsLine('weights.bin', bytes)]);
});
afterAll(() => hub[Symbol.asyncDispose]());

const by = (person: Person, method: string, target: string, body?: unknown): Promise<Answer> =>
  hub.send(method, target, { token: tokenOf(person), ...(body === undefined ? {} : { body }) });

const get = async <Shape = Record<string, unknown>>(person: Person, target: string): Promise<Shape> => {
  const answer = await by(person, 'GET', target);
  expect([target, answer.status, answer.text.slice(0, 200)]).toEqual([target, 200, expect.anything()]);
  return answer.json<Shape>();
};

describe('the overview of a person', () => {
  test('says who they are and counts what they have', async () => {
    expect(await get('owner', '/api/users/OWNER/overview')).toEqual({
      _id: expect.stringMatching(/^[0-9a-f]{24}$/) as string,
      type: 'user',
      user: 'owner',
      fullname: 'Full owner',
      avatarUrl: '',
      isPro: false,
      details: '',
      createdAt: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      numModels: 1,
      numDatasets: 1,
      numSpaces: 1,
      numKernels: 1,
      numDiscussions: 0,
      numPapers: 0,
      numUpvotes: 0,
      numLikes: 1,
      numFollowing: 0,
      numFollowers: 0,
      isFollowing: false,
      orgs: [],
    });
  });

  test('counts for others what they may see', async () => {
    for (const person of ['stranger', 'anonymous', 'visitor'] as const)
      expect(await get(person, '/api/users/owner/overview')).toMatchObject({
        numModels: 1,
        numDatasets: 0,
        numSpaces: 0,
      });
    expect(await get('member', '/api/users/visitor/overview')).toMatchObject({ numLikes: 2 });
    expect(await get('stranger', '/api/users/visitor/overview')).toMatchObject({ numLikes: 1 });
  });

  test('names their organizations to those who have signed in', async () => {
    const orgs = [{ type: 'org', name: 'lab', fullname: 'The Lab', avatarUrl: '' }];
    expect(await get('stranger', '/api/users/member/overview')).toMatchObject({ orgs });
    expect(await get('anonymous', '/api/users/member/overview')).toMatchObject({ orgs: [] });
  });

  test('never tells an address of theirs', async () => {
    const answer = await by('site-admin', 'GET', '/api/users/owner/overview');
    expect(answer.text).not.toMatch(/email|@/);
  });
});

describe('the overview of an organization', () => {
  test('counts what the caller may see', async () => {
    expect(await get('member', '/api/organizations/lab/overview')).toMatchObject({
      name: 'lab',
      fullname: 'The Lab',
      avatarUrl: '',
      isVerified: false,
      isFollowing: false,
      numModels: 2,
      numDatasets: 0,
      numSpaces: 0,
      numFollowers: 0,
      numUsers: 4,
    });
    expect(await get('stranger', '/api/organizations/lab/overview')).toMatchObject({
      numModels: 1,
      numUsers: 4,
    });
    const seen = await get('anonymous', '/api/organizations/lab/overview');
    expect(seen).toMatchObject({ numModels: 1 });
    expect(seen).not.toHaveProperty('numUsers');
  });
});

describe('the repositories of a user or an organization', () => {
  type Lists = Record<string, { id: string; likes: number }[]>;
  const idsIn = (lists: Lists) =>
    Object.fromEntries(Object.entries(lists).map(([kind, repos]) => [kind, repos.map(({ id }) => id)]));

  test('are listed by kind, as far as the caller may see', async () => {
    expect(idsIn(await get<Lists>('owner', '/api/users/OWNER/repos'))).toEqual({
      models: ['owner/public'],
      datasets: ['owner/data'],
      spaces: ['owner/app'],
      kernels: ['owner/fast'],
    });
    const empty = { datasets: [], spaces: [], kernels: [] };
    expect(idsIn(await get<Lists>('anonymous', '/api/users/owner/repos'))).toEqual({
      models: ['owner/public'],
      ...empty,
    });
    expect(idsIn(await get<Lists>('member', '/api/users/lab/repos'))).toEqual({
      models: ['lab/private', 'lab/public'],
      ...empty,
    });
  });

  test('are sorted as asked, and no more than asked', async () => {
    const liked = await get<Lists>('member', '/api/users/lab/repos?sort=likes');
    expect(liked['models']).toMatchObject([
      { id: 'lab/public', likes: 2 },
      { id: 'lab/private', likes: 1 },
    ]);
    expect((await get<Lists>('member', '/api/users/lab/repos?limit=1'))['models']).toHaveLength(1);
    for (const query of ['sort=password_hash', 'sort=__proto__', 'limit=0', 'limit=x'])
      expect((await by('owner', 'GET', `/api/users/owner/repos?${query}`)).status).toBe(400);
  });
});

describe('members', () => {
  test('are listed to those who have signed in, in pages', async () => {
    const first = await by('stranger', 'GET', '/api/organizations/lab/members?limit=3');
    expect(first.json<object[]>()).toHaveLength(3);
    const next = /<([^>]+)>; rel="next"/.exec(String(first.headers['link']))?.[1] ?? '';
    const rest = await get<object[]>('stranger', next.replace(hub.url, ''));
    expect(rest).toHaveLength(1);
    const all = [...first.json<{ user: string }[]>(), ...(rest as { user: string }[])];
    expect(all.map(({ user }) => user).sort()).toEqual(['lab-admin', 'lab-super-admin', 'member', 'visitor']);
    expect(all[0]).toEqual({
      type: 'user',
      user: expect.any(String) as string,
      fullname: expect.stringContaining('Full ') as string,
      avatarUrl: '',
      isPro: false,
    });
    const nobody = await by('anonymous', 'GET', '/api/organizations/lab/members');
    expect([nobody.status, nobody.headers['x-error-code']]).toEqual([401, 'SignInRequired']);
  });

  test('nobody follows anybody', async () => {
    for (const list of ['users/owner/followers', 'users/owner/following', 'organizations/lab/followers'])
      expect(await get('anonymous', `/api/${list}`)).toEqual([]);
  });
});

describe('the room that repositories take', () => {
  interface Stored {
    readonly id: string;
    readonly type: string;
    readonly visibility: string;
    readonly storage: number;
    readonly storagePercent: number;
  }

  test('is told of all of one’s own, the newest first', async () => {
    const first = await by('owner', 'GET', '/api/settings/repositories?limit=3');
    const next = /<([^>]+)>; rel="next"/.exec(String(first.headers['link']))?.[1] ?? '';
    const all = [...first.json<Stored[]>(), ...(await get<Stored[]>('owner', next.replace(hub.url, '')))];
    expect(all.map(({ id, type, visibility }) => [id, type, visibility])).toEqual([
      ['owner/fast', 'kernel', 'private'],
      ['owner/app', 'space', 'private'],
      ['owner/data', 'dataset', 'private'],
      ['owner/public', 'model', 'public'],
    ]);
    expect(all.every(({ storage, storagePercent }) => storage === 0 && storagePercent === 0)).toBe(true);
    expect(await get('stranger', '/api/settings/repositories')).toEqual([]);
  });

  test('is told of an organization’s to its people', async () => {
    const target = '/api/organizations/lab/settings/repositories';
    const seen = await get<Stored[]>('visitor', target);
    expect(seen).toEqual([
      {
        id: 'lab/private',
        type: 'model',
        updatedAt: expect.stringMatching(/Z$/) as string,
        visibility: 'private',
        storage: bytes.length,
        storagePercent: 100,
      },
      expect.objectContaining({ id: 'lab/public', storage: 0, storagePercent: 0 }),
    ]);
    for (const person of PEOPLE) {
      const { status } = await by(person, 'GET', target);
      const maySee = ['visitor', 'member', 'member-read', 'lab-admin', 'lab-super-admin', 'site-admin'];
      const refusal = person === 'anonymous' || person === 'wrong' ? 401 : 403;
      expect([person, status]).toEqual([person, maySee.includes(person) ? 200 : refusal]);
    }
  });

  test('is refused for a cursor of somebody else', async () => {
    const { headers } = await by('owner', 'GET', '/api/settings/repositories?limit=1');
    const next = /<([^>]+)>/.exec(String(headers['link']))?.[1]?.replace(hub.url, '') ?? '';
    const answer = await by('member', 'GET', next);
    expect([answer.status, answer.headers['x-error-code']]).toEqual([400, 'InvalidCursor']);
  });
});

test('who is not there is 404, in any form of the name', async () => {
  const lists = [
    ...['overview', 'followers', 'following', 'repos'].map((list) => ['users', list]),
    ...['overview', 'followers', 'members', 'settings/repositories'].map((list) => ['organizations', list]),
  ];
  for (const [kind, list] of lists)
    for (const name of ['nobody', 'a'.repeat(200), 'a%20b', '%D9%A3', '..%2f..']) {
      const answer = await by('owner', 'GET', `/api/${kind}/${name}/${list}`);
      expect([kind, list, name, answer.status, answer.headers['x-error-code']]).toEqual([
        kind,
        list,
        name,
        404,
        'NotFound',
      ]);
    }
  // One kind is not taken for the other.
  expect((await by('owner', 'GET', '/api/users/lab/overview')).status).toBe(404);
  expect((await by('owner', 'GET', '/api/organizations/owner/overview')).status).toBe(404);
});

test('a hub that asks everybody to sign in tells nobody who is there', async () => {
  await using closed = await startPeopledHub(['--require-sign-in']);
  for (const name of ['owner', 'nobody'])
    for (const list of ['overview', 'likes', 'repos', 'followers', 'following']) {
      const answer = await closed.send('GET', `/api/users/${name}/${list}`);
      expect([name, list, answer.status, answer.headers['x-error-code']]).toEqual([
        name,
        list,
        401,
        'SignInRequired',
      ]);
    }
});

test('nothing broke', () => {
  expect(hub.loggedErrors()).toEqual([]);
});
