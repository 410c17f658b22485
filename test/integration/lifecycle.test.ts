import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectNothingStored, type Answer, type TestHub } from '../support/hub.ts';
import {
  buildXetUpload,
  createRepo,
  fileLine,
  lfsLine,
  ndjson,
  repoClient,
  sha256Of,
  startPeopledHub,
  tokenOf,
  type Person,
} from '../support/scenario.ts';

/* What becomes of repositories: they are renamed, given away, duplicated, archived and deleted. */

let hub: TestHub;
beforeAll(async () => {
  hub = await startPeopledHub();
});
afterAll(async () => {
  expect(await hub.command('doctor', { full: true })).toMatchObject({ problems: [] });
  expect(hub.loggedErrors()).toEqual([]);
  await hub[Symbol.asyncDispose]();
});

const codeOf = ({ status, headers }: Answer): string => `${status} ${String(headers['x-error-code'])}`;
const get = (path: string, person: Person = 'owner', headers = {}): Promise<Answer> =>
  hub.send('GET', path, { token: tokenOf(person), headers });
const post = (path: string, body: unknown, person: Person = 'owner'): Promise<Answer> =>
  hub.send('POST', path, { token: tokenOf(person), body });
const move = (fromRepo: unknown, toRepo: unknown, person: Person = 'owner', more = {}): Promise<Answer> =>
  post('/api/repos/move', { fromRepo, toRepo, type: 'model', ...more }, person);
const remove = (id: string, person: Person = 'owner', more = {}): Promise<Answer> => {
  const [organization, name] = id.split('/');
  return hub.send('DELETE', '/api/repos/delete', {
    token: tokenOf(person),
    body: { organization, name, type: 'model', ...more },
  });
};
const settings = (id: string, body: unknown, person: Person = 'owner'): Promise<Answer> =>
  hub.send('PUT', `/api/models/${id}/settings`, { token: tokenOf(person), body });
const duplicate = (from: string, repository: unknown, person: Person = 'owner', more = {}): Promise<Answer> =>
  post(`/api/models/${from}/duplicate`, { repository, ...more }, person);
const check = async (body: object, person: Person = 'owner') =>
  (await post('/api/validate/check-name', body, person)).json();

describe('a move', () => {
  test('keeps id, history, branches, tags, large files and what is uploaded just then', async () => {
    const old = await createRepo(hub, 'owner/first');
    const [large, late] = [randomBytes(70_000), randomBytes(60_000)];
    await old.uploadLfs(large);
    await old.commit([lfsLine('a.bin', large), fileLine('b.txt', 'one')]);
    const head = await old.commit([fileLine('b.txt', 'two')]);
    await old.api('POST', 'branch/dev', { body: {} });
    await old.api('POST', 'tag/main', { body: { tag: 'v1', message: 'one' } });
    const before = (await get('/api/models/owner/first')).json();
    const refs = (await old.api('GET', 'refs')).json();
    const upload = (await old.batchOne('upload', late)).actions?.['upload']?.href ?? '';

    expect((await move('owner/first', 'owner/second')).json()).toEqual({
      url: `${hub.url}/owner/second`,
      id: before['_id'],
      name: 'owner/second',
    });
    const repo = repoClient(hub, 'owner/second');
    expect(await repo.head()).toBe(head);
    expect((await get('/api/models/owner/second')).json()).toMatchObject({
      _id: before['_id'],
      id: 'owner/second',
      createdAt: before['createdAt'],
    });
    expect((await repo.api('GET', 'refs')).json()).toEqual(refs);
    expect((await repo.resolve('v1', 'a.bin')).body.equals(large)).toBe(true);
    expect((await repo.api('GET', 'commits/main')).json<unknown[]>()).toHaveLength(3);

    expect((await hub.send('PUT', upload.replace(hub.url, ''), { body: late })).status).toBe(200);
    await repo.commit([lfsLine('late.bin', late)]);
    expect((await repo.resolve('main', 'late.bin')).body.equals(late)).toBe(true);
  });

  test('leaves a former name that leads on in one step, from every kind of address', async () => {
    const [a, b, c] = ['owner/Chain-a', 'owner/Chain-b', 'owner/Chain-c'];
    const repo = await createRepo(hub, a);
    await repo.commit([fileLine('d/x y.txt', 'hello')]);
    await move(a, b);
    await move(b, c);
    const page = { accept: 'text/html' };
    for (const [method, path, to, headers] of [
      ['GET', `/api/models/${a}`, `/api/models/${c}`],
      ['GET', `/api/models/${b}`, `/api/models/${c}`],
      [
        'GET',
        `/api/models/OWNER/chain-A/tree/main?recursive=true&limit=2`,
        `/api/models/${c}/tree/main?recursive=true&limit=2`,
      ],
      ['HEAD', `/${a}/resolve/main/d/x%20y.txt`, `/${c}/resolve/main/d/x%20y.txt`],
      ['GET', `/${a}/raw/main/d/x%20y.txt`, `/${c}/raw/main/d/x%20y.txt`],
      [
        'GET',
        `/models/${a}/resolve/refs%2Fheads%2Fmain/d/x%20y.txt`,
        `/models/${c}/resolve/refs%2Fheads%2Fmain/d/x%20y.txt`,
      ],
      ['GET', `/api/models/${a}/xet-write-token/main`, `/api/models/${c}/xet-write-token/main`],
      ['POST', `/api/models/${a}/preupload/main`, `/api/models/${c}/preupload/main`],
      ['POST', `/api/models/${a}/commit/main`, `/api/models/${c}/commit/main`],
      ['POST', `/${a}.git/info/lfs/objects/batch`, `/${c}.git/info/lfs/objects/batch`],
      ['POST', `/${a}/info/lfs/objects/batch`, `/${c}/info/lfs/objects/batch`],
      ['PUT', `/api/models/${a}/settings`, `/api/models/${c}/settings`],
      ['GET', `/${a}`, `/${c}`, page],
      ['GET', `/${a}/tree/main/d?x=1`, `/${c}/tree/main/d?x=1`, page],
    ] as const) {
      const answer = await hub.send(method, path, { token: tokenOf('owner'), headers: headers ?? {} });
      expect([method, path, answer.status, answer.headers.location]).toEqual([method, path, 307, to]);
    }
    expect((await hub.send('GET', `/${c}`, { headers: page })).status).toBe(200);
    expect((await hub.send('GET', `/owner/never-was`, { headers: page })).status).toBe(200);
  });

  test('does not wait for, nor trip over, a long body sent to a former name', async () => {
    await createRepo(hub, 'owner/long-old');
    await move('owner/long-old', 'owner/long-new');
    const body = ndjson([fileLine('x', Buffer.alloc(3_000_000, 'x'))]);
    const sent = await repoClient(hub, 'owner/long-old').postCommit(body);
    expect([sent.status, sent.headers.location]).toEqual([307, '/api/models/owner/long-new/commit/main']);
    expect(await repoClient(hub, 'owner/long-new').paths()).toEqual(['.gitattributes']);
  });

  test('never shows a private repository to those who do not see it', async () => {
    await createRepo(hub, 'owner/hidden-old', { isPrivate: true });
    await move('owner/hidden-old', 'owner/hidden-new');
    for (const path of ['/api/models/owner/hidden-old', '/owner/hidden-old/resolve/main/.gitattributes']) {
      for (const [person, code] of [
        ['stranger', '404 RepoNotFound'],
        ['anonymous', '401 RepoNotFound'],
      ] as const) {
        const answer = await get(path, person);
        expect([codeOf(answer), answer.headers.location]).toEqual([code, undefined]);
      }
      expect((await get(path)).status).toBe(307);
    }
    const page = await get('/owner/hidden-old', 'stranger', { accept: 'text/html' });
    expect([page.status, page.headers.location]).toEqual([200, undefined]);
    expect(codeOf(await move('owner/hidden-old', 'stranger/mine', 'stranger'))).toBe('404 RepoNotFound');
  });

  test('to its own name changes nothing, and may change the case alone', async () => {
    await createRepo(hub, 'owner/Cased');
    await expectNothingStored(hub, async () => {
      expect((await move('owner/Cased', 'owner/Cased')).json()['name']).toBe('owner/Cased');
    });
    expect((await move('owner/cased', 'owner/CASED')).json()['name']).toBe('owner/CASED');
    expect((await get('/api/models/owner/Cased')).json()['id']).toBe('owner/CASED');
    // The same request again, after its answer was lost.
    await move('owner/CASED', 'owner/cased-2');
    expect((await move('owner/CASED', 'owner/cased-2')).json()['name']).toBe('owner/cased-2');
    expect((await move('owner/cased-2', 'owner/CASED')).json()['name']).toBe('owner/CASED');
  });

  test('to a name that is taken is 409 and says so', async () => {
    await createRepo(hub, 'owner/taken-a');
    await createRepo(hub, 'owner/Taken-b');
    await expectNothingStored(hub, async () => {
      for (const name of ['owner/Taken-b', 'owner/taken-B', 'owner/taken_b', 'owner/takenb']) {
        const answer = await move('owner/taken-a', name);
        expect(codeOf(answer)).toBe('409 Conflict');
        expect(answer.json()['error']).toBe('A model repository called `owner/Taken-b` already exists');
      }
    });
    expect((await post('/api/repos/create', { name: 'taken-b', type: 'dataset' })).status).toBe(200);
  });

  test('a freed name may be taken by a new repository, and then leads there', async () => {
    await createRepo(hub, 'owner/freed');
    await move('owner/freed', 'owner/freed-moved');
    const fresh = await createRepo(hub, 'owner/freed');
    expect((await fresh.api('GET', 'revision/main')).status).toBe(200);
    await createRepo(hub, 'owner/other');
    await move('owner/freed', 'owner/freed-again');
    expect((await move('owner/other', 'owner/freed')).json()['name']).toBe('owner/freed');
    expect((await get('/api/models/owner/freed')).json()['id']).toBe('owner/freed');
  });

  test('between owners takes rights on both sides', async () => {
    await createRepo(hub, 'owner/given');
    await hub.command('apply', {
      text: JSON.stringify({
        organizations: [
          {
            name: 'club',
            members: [
              { user: 'owner', role: 'member' },
              { user: 'lab-admin', role: 'admin' },
            ],
          },
        ],
      }),
    });
    expect(codeOf(await move('owner/given', 'lab/given'))).toBe('403 Forbidden');
    expect(codeOf(await move('owner/given', 'nobody/given'))).toBe('403 Forbidden');
    expect(codeOf(await move('owner/given', 'stranger/given', 'stranger'))).toBe('403 Forbidden');
    expect(codeOf(await move('owner/given', 'owner/x', 'owner-read'))).toBe('403 Forbidden');
    expect(codeOf(await move('owner/given', 'owner/x', 'anonymous'))).toBe('401 SignInRequired');
    expect((await move('owner/given', 'club/Given')).json()['name']).toBe('club/Given');
    expect((await get('/api/models/owner/given')).headers.location).toBe('/api/models/club/Given');
    // A member may write to it, but not move it on.
    expect(codeOf(await move('club/Given', 'owner/given'))).toBe('403 Forbidden');
    // Its former name still leads there, so nothing else is moved to that name; a new one may take it.
    await createRepo(hub, 'owner/wants-it');
    expect(codeOf(await move('owner/wants-it', 'owner/given'))).toBe('409 Conflict');
    expect((await get('/api/models/owner/given')).headers.location).toBe('/api/models/club/Given');
    await createRepo(hub, 'owner/given');
    expect((await get('/api/models/owner/given')).json()['id']).toBe('owner/given');
    // A site administrator renames, but gives nothing away in the name of others.
    expect((await move('club/Given', 'club/Renamed', 'site-admin')).status).toBe(200);
    expect(codeOf(await move('club/Renamed', 'lab/Renamed', 'site-admin'))).toBe('403 Forbidden');
  });

  test.each([
    ['owner/move-bad', 'owner', '400 InvalidName'],
    ['owner/move-bad', 'owner/a/b', '400 InvalidName'],
    ['owner/move-bad', 'owner/', '400 InvalidName'],
    ['owner/move-bad', 'owner/..', '400 InvalidName'],
    ['owner/move-bad', 'owner/a--b', '400 InvalidName'],
    ['owner/move-bad', 'owner/a.git', '400 InvalidName'],
    ['owner/move-bad', 'owner/con', '400 ReservedName'],
    ['owner/move-bad', 'owner/а', '400 InvalidName'],
    ['owner/move-bad', 'api/a', '400 ReservedName'],
    ['owner/move-bad', '/a', '400 InvalidName'],
    ['owner/move-bad', null, '400 InvalidBody'],
    ['owner/move-bad', ['owner/a'], '400 InvalidBody'],
    ['owner/move-bad', { $ne: 1 }, '400 InvalidBody'],
    ['move-bad', 'owner/a', '400 InvalidName'],
    [7, 'owner/a', '400 InvalidBody'],
    ['owner/nothing-here', 'owner/a', '404 RepoNotFound'],
    ['../../etc', 'owner/a', '400 InvalidName'],
  ])('from %j to %j is %s', async (from, to, expected) => {
    if (from === 'owner/move-bad') await createRepo(hub, 'owner/move-bad').catch(() => undefined);
    await expectNothingStored(hub, async () => expect(codeOf(await move(from, to))).toBe(expected));
  });

  test('of a kind that is not there is refused', async () => {
    for (const type of ['modelz', '__proto__', 1, 'buckets']) {
      expect(codeOf(await move('owner/a', 'owner/b', 'owner', { type }))).toBe('400 InvalidBody');
    }
  });
});

describe('names too much alike', () => {
  test('exclude each other for one owner and kind', async () => {
    await createRepo(hub, 'owner/Some-Name');
    for (const name of ['some_name', 'SomeName', 'some-na-me']) {
      const answer = await post('/api/repos/create', { name });
      expect([codeOf(answer), answer.json()['url']]).toEqual(['409 Conflict', `${hub.url}/owner/Some-Name`]);
      expect(answer.json()['error']).toContain('owner/Some-Name');
    }
    expect((await post('/api/repos/create', { name: 'some.name' })).status).toBe(200);
    expect((await post('/api/repos/create', { name: 'some_name', type: 'dataset' })).status).toBe(200);
    // Of fifty that are alike one is made.
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        post('/api/repos/create', { name: index % 2 ? 'alike-1_x' : 'a-l-i-k-e1x' }),
      ),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(49);
  });

  test('exclude each other among users and organizations', async () => {
    for (const name of ['la-b', 'Lab', 'lab_', 'own_er']) {
      const text = JSON.stringify({ organizations: [{ name }] });
      if (name === 'Lab') continue;
      await expect(hub.command('apply', { text })).rejects.toThrow(/too much like/);
    }
  });

  test('are told beforehand', async () => {
    expect(await check({ name: 'brand-New_name', namespace: 'owner', type: 'model' })).toEqual({
      available: true,
      normalized_name: 'brandnewname',
      conflict_with: null,
      message: 'The name "brand-New_name" is free.',
    });
    expect(await check({ name: 'SOME_NAME', namespace: 'Owner' })).toEqual({
      available: false,
      normalized_name: 'somename',
      conflict_with: 'owner/Some-Name',
      message: '"SOME_NAME" is too much like owner/Some-Name.',
    });
    expect(await check({ name: 'some-name', type: 'model' })).toMatchObject({
      conflict_with: 'owner/Some-Name',
    });
    expect(await check({ name: 'L-A-B' }, 'anonymous')).toMatchObject({
      available: false,
      conflict_with: 'lab',
    });
    expect(await check({ name: 'settings' }, 'anonymous')).toMatchObject({
      available: false,
      conflict_with: null,
    });
    expect(await check({ name: 'a--b', type: 'model' })).toMatchObject({ available: false });
    expect(await check({ name: 'a', namespace: 'nobody-here' })).toMatchObject({ available: false });
    for (const body of [{}, { name: 1 }, { name: 'a', type: 'x' }, { name: 'a', namespace: {} }]) {
      expect(codeOf(await post('/api/validate/check-name', body))).toBe('400 InvalidBody');
    }
  });

  test('of private repositories are told to nobody else', async () => {
    await createRepo(hub, 'owner/secret-plans', { isPrivate: true });
    const asked = { name: 'secret_plans', namespace: 'owner', type: 'model' };
    expect(await check(asked)).toMatchObject({ available: false, conflict_with: 'owner/secret-plans' });
    for (const person of ['stranger', 'anonymous'] as const) {
      expect(await check(asked, person)).toEqual(await check({ ...asked, name: 'secret_plans' }, person));
      expect(await check(asked, person)).toMatchObject({ available: true, conflict_with: null });
    }
  });
});

describe('a duplicate', () => {
  test('has the history, branches, tags and large files, whatever becomes of its source', async () => {
    const source = await createRepo(hub, 'owner/source');
    const [large, xet, packed] = [randomBytes(50_000), randomBytes(300_000), randomBytes(1_200_000)];
    await source.uploadLfs(large);
    await source.uploadXet(await buildXetUpload(xet));
    await source.commit([lfsLine('a.bin', large), lfsLine('x.bin', xet)]);
    // Large enough for a pack, so that both kinds of storage come along.
    await source.commit([fileLine('packed.txt', packed)]);
    await source.api('POST', 'branch/dev', { body: {} });
    await source.commit([fileLine('README.md', '---\nlicense: mit\n---\n# Hi')], undefined, 'dev');
    await source.api('POST', 'tag/main', { body: { tag: 'v1', message: 'annotated' } });

    const answer = await duplicate('owner/source', 'owner/copy');
    expect(answer.json()).toMatchObject({ url: `${hub.url}/owner/copy`, name: 'owner/copy' });
    const copy = repoClient(hub, 'owner/copy');
    expect((await copy.api('GET', 'refs')).json()).toEqual((await source.api('GET', 'refs')).json());
    expect((await copy.api('GET', 'commits/main')).json()).toEqual(
      (await source.api('GET', 'commits/main')).json(),
    );

    await source.commit([fileLine('later.txt', 'x')]);
    expect(await copy.paths()).not.toContain('later.txt');
    expect((await remove('owner/source')).status).toBe(200);
    expect((await copy.resolve('main', 'packed.txt')).body.equals(packed)).toBe(true);
    expect((await copy.resolve('v1', 'a.bin')).body.equals(large)).toBe(true);
    expect((await copy.resolve('main', 'x.bin')).body.equals(xet)).toBe(true);
    expect((await copy.resolve('dev', 'README.md')).text).toContain('# Hi');
    await copy.commit([fileLine('own.txt', 'mine')]);
    expect(await copy.paths()).toContain('own.txt');
  });

  test('is as private as its source unless it is asked for otherwise', async () => {
    await createRepo(hub, 'lab/inside', { person: 'lab-admin', isPrivate: true });
    const made = async (id: string, more: object): Promise<unknown> => {
      expect((await duplicate('lab/inside', id, 'member', more)).status).toBe(200);
      return (await get(`/api/models/${id}`, 'member')).json()['private'];
    };
    expect(await made('member/d1', {})).toBe(true);
    expect(await made('member/d2', { private: false })).toBe(false);
    expect(await made('member/d3', { visibility: 'public', hardware: 'cpu-basic', secrets: [] })).toBe(false);
    expect(await made('lab/d4', { visibility: 'private' })).toBe(true);
  });

  test('takes reading the source and creating in the target', async () => {
    expect(codeOf(await duplicate('lab/inside', 'stranger/x', 'stranger'))).toBe('404 RepoNotFound');
    expect(codeOf(await duplicate('lab/inside', 'owner/x', 'anonymous'))).toBe('401 RepoNotFound');
    expect(codeOf(await duplicate('lab/inside', 'lab/x', 'visitor'))).toBe('403 Forbidden');
    await createRepo(hub, 'owner/open');
    expect(codeOf(await duplicate('owner/open', 'owner/x', 'anonymous'))).toBe('401 SignInRequired');
    expect(codeOf(await duplicate('owner/open', 'owner/x', 'stranger'))).toBe('403 Forbidden');
    expect(codeOf(await duplicate('owner/open', 'owner/x', 'owner-read'))).toBe('403 Forbidden');
    expect((await duplicate('owner/open', 'stranger/x', 'stranger')).status).toBe(200);
  });

  test('of a name that is taken is 409 with its address', async () => {
    await createRepo(hub, 'owner/there-is-one');
    const answer = await duplicate('owner/open', 'owner/There-is-one');
    expect([codeOf(answer), answer.json()['url']]).toEqual(['409 Conflict', `${hub.url}/owner/there-is-one`]);
    expect(codeOf(await duplicate('owner/open', 'owner/open'))).toBe('409 Conflict');
    for (const [name, code] of [
      ['owner', '400 InvalidName'],
      ['owner/a/b', '400 InvalidName'],
      ['owner/-a', '400 InvalidName'],
      [null, '400 InvalidBody'],
    ] as const) {
      await expectNothingStored(hub, async () =>
        expect(codeOf(await duplicate('owner/open', name))).toBe(code),
      );
    }
  });
});

describe('an archived repository', () => {
  test('can be read and not written to, until it is unarchived', async () => {
    const repo = await createRepo(hub, 'owner/kept');
    const archivedOnes = async (): Promise<readonly string[]> => {
      const list = (await hub.send('GET', '/api/models?author=owner', {})).json() as readonly {
        readonly id: string;
        readonly archived?: boolean;
      }[];
      return list.filter((item) => 'archived' in item).map(({ id }) => id);
    };
    const [large, xet] = [randomBytes(40_000), randomBytes(50_000)];
    const upload = (await repo.batchOne('upload', large)).actions?.['upload']?.href ?? '';
    const token = await repo.xetToken();
    const built = await buildXetUpload(xet);
    await repo.commit([fileLine('a', '1')]);
    await repo.api('POST', 'branch/dev', { body: {} });
    expect((await settings('owner/kept', { archived: true })).json()).toMatchObject({ archived: true });

    const refused = [
      repo.postCommit(ndjson([fileLine('a', '2')])),
      repo.api('POST', 'branch/other', { body: {} }),
      repo.api('DELETE', 'branch/dev'),
      repo.api('POST', 'tag/main', { body: { tag: 'v1' } }),
      repo.api('POST', 'preupload/main', { body: { files: [{ path: 'a', size: 1, sample: '' }] } }),
      repo.api('GET', 'xet-write-token/main'),
      repo.batch({ operation: 'upload', objects: [{ oid: sha256Of(large), size: large.length }] }),
      hub.send('PUT', upload.replace(hub.url, ''), { body: large }),
      hub.send('POST', `${token.cas}/v1/xorbs/default/${built.xorb.hash}`, {
        token: token.token,
        body: built.xorb.bytes,
      }),
      hub.send('POST', `${token.cas}/v1/shards`, { token: token.token, body: built.shard }),
    ];
    for (const answer of await Promise.all(refused)) {
      expect([codeOf(answer), answer.text]).toEqual([
        '403 Forbidden',
        expect.stringContaining('archived') as string,
      ]);
    }
    expect(codeOf(await repo.api('POST', 'branch/other', { token: tokenOf('stranger'), body: {} }))).toBe(
      '403 Forbidden',
    );

    expect((await repo.resolve('main', 'a')).text).toBe('1');
    expect(await archivedOnes()).toEqual(['owner/kept']);
    expect((await hub.send('GET', '/api/models/owner/kept', {})).json()).toMatchObject({ archived: true });
    expect((await repo.api('GET', 'auth-check')).status).toBe(200);
    expect(codeOf(await repo.api('GET', 'auth-check/write'))).toBe('403 Forbidden');
    expect((await move('owner/kept', 'owner/kept-moved')).status).toBe(200);
    expect((await duplicate('owner/kept-moved', 'owner/kept-copy')).status).toBe(200);
    await repoClient(hub, 'owner/kept-copy').commit([fileLine('a', '3')]);
    expect((await settings('owner/kept-moved', { archived: false })).json()).toMatchObject({
      archived: false,
    });
    expect(await archivedOnes()).toEqual([]);
    await repoClient(hub, 'owner/kept-moved').commit([fileLine('a', '2')]);
    await settings('owner/kept-moved', { archived: true });
    expect((await remove('owner/kept-moved')).status).toBe(200);
  });
});

describe('settings', () => {
  test('are told and changed by those who may', async () => {
    const repo = await createRepo(hub, 'lab/set', { person: 'member' });
    await repo.api('POST', 'branch/dev', { body: {} });
    expect((await get('/api/models/lab/set/settings', 'member')).json()).toEqual({
      visibility: 'public',
      private: false,
      gated: false,
      archived: false,
      defaultBranch: 'main',
    });
    // A member who made it may change settings, but neither who sees it nor whether it is archived.
    expect((await settings('lab/set', { defaultBranch: 'dev' }, 'member')).json()).toMatchObject({
      defaultBranch: 'dev',
    });
    expect((await get('/api/models/lab/set')).json()['sha']).toBe(await repo.head('dev'));
    for (const body of [
      { private: true },
      { archived: true },
      { visibility: 'private', defaultBranch: 'main' },
    ]) {
      await expectNothingStored(hub, async () =>
        expect(codeOf(await settings('lab/set', body, 'member'))).toBe('403 Forbidden'),
      );
    }
    expect((await get('/api/models/lab/set/settings', 'lab-admin')).json()).toMatchObject({
      defaultBranch: 'dev',
      private: false,
    });
    expect(codeOf(await repo.api('DELETE', 'branch/dev'))).toBe('403 Forbidden');
    expect((await repo.api('DELETE', 'branch/main')).status).toBe(200);
    expect((await settings('lab/set', { gated: false }, 'member')).status).toBe(200);
    expect((await settings('lab/set', { xetEnabled: true }, 'member')).status).toBe(200);
  });

  test('that nobody can have are refused, and nothing is changed', async () => {
    await createRepo(hub, 'owner/unset');
    for (const [body, code] of [
      [{}, '400 InvalidBody'],
      [{ gated: 'auto', private: true }, '501 NotSupported'],
      [{ xetEnabled: false }, '501 NotSupported'],
      [{ gated: 'manual' }, '501 NotSupported'],
      [{ gated: true }, '501 NotSupported'],
      [{ gated: 'sometimes' }, '400 InvalidBody'],
      [{ visibility: 'protected' }, '403 Forbidden'],
      [{ private: null }, '400 InvalidBody'],
      [{ private: '0' }, '400 InvalidBody'],
      [{ archived: 'yes' }, '400 InvalidBody'],
      [{ defaultBranch: 'absent', private: true }, '404 RevisionNotFound'],
      [{ defaultBranch: 1 }, '400 InvalidBody'],
    ] as const) {
      await expectNothingStored(hub, async () =>
        expect([body, codeOf(await settings('owner/unset', body))]).toEqual([body, code]),
      );
    }
    expect((await get('/api/models/owner/unset', 'anonymous')).status).toBe(200);
  });
});

describe('deleting', () => {
  test('takes the name that it has now, and what was typed to confirm', async () => {
    await createRepo(hub, 'owner/old-name');
    await move('owner/old-name', 'owner/New-name');
    expect(codeOf(await remove('owner/old-name'))).toBe('404 RepoNotFound');
    expect(codeOf(await remove('owner/New-name', 'owner', { confirm: 'owner/old-name' }))).toBe(
      '400 InvalidBody',
    );
    expect(codeOf(await remove('owner/New-name', 'owner', { confirm: true }))).toBe('400 InvalidBody');
    expect(codeOf(await remove('owner/New-name', 'owner', { type: 'modelz' }))).toBe('400 InvalidBody');
    expect((await remove('owner/New-name', 'owner', { confirm: 'owner/New-name' })).status).toBe(200);
    expect(codeOf(await remove('owner/New-name'))).toBe('404 RepoNotFound');
    expect(codeOf(await get('/api/models/owner/old-name'))).toBe('404 RepoNotFound');
  });

  test('while others upload ends their uploads with a clean refusal, and leaves nothing', async () => {
    const repo = await createRepo(hub, 'owner/doomed');
    const [large, xet] = [randomBytes(40_000), randomBytes(50_000)];
    const upload = (await repo.batchOne('upload', large)).actions?.['upload']?.href ?? '';
    const token = await repo.xetToken();
    const built = await buildXetUpload(xet);
    expect((await remove('owner/doomed')).status).toBe(200);
    expect(codeOf(await hub.send('PUT', upload.replace(hub.url, ''), { body: large }))).toBe(
      '401 RepoNotFound',
    );
    expect(codeOf(await repo.postCommit(ndjson([fileLine('a', '1')])))).toBe('404 RepoNotFound');
    const xorb = await hub.send('POST', `${token.cas}/v1/xorbs/default/${built.xorb.hash}`, {
      token: token.token,
      body: built.xorb.bytes,
    });
    expect(xorb.status).toBe(401);
  });

  test('during commits, batches and uploads is one of the serial outcomes', async () => {
    for (let round = 0; round < 5; round++) {
      const id = `owner/raced-${round}`;
      const repo = await createRepo(hub, id);
      const work = Array.from({ length: 6 }, async (_, index) => {
        const bytes = randomBytes(30_000 + index);
        const answers = [
          repo.postCommit(ndjson([fileLine(`f${index}`, 'x'.repeat(index * 200_000))])),
          repo.batch({ operation: 'upload', objects: [{ oid: sha256Of(bytes), size: bytes.length }] }),
          repo.api('POST', `branch/b${index}`, { body: {} }),
        ];
        return Promise.all(answers);
      });
      const [, ...answers] = await Promise.all([remove(id), ...work]);
      for (const answer of answers.flat()) {
        expect([200, 404], answer.text).toContain(answer.status);
        if (answer.status === 404)
          expect(['RepoNotFound', 'RevisionNotFound']).toContain(answer.headers['x-error-code']);
      }
      expect(codeOf(await get(`/api/models/${id}`))).toBe('404 RepoNotFound');
    }
  });
});
