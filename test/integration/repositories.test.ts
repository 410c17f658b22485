import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectNothingStored, type Answer, type TestHub } from '../support/hub.ts';
import {
  createRepo,
  fileLine,
  repoClient,
  startPeopledHub,
  tokenOf,
  type Person,
  type RepoClient,
} from '../support/scenario.ts';

/* Repositories as clients create, find, list and describe them. */

let hub: TestHub;
beforeAll(async () => {
  hub = await startPeopledHub();
});
afterAll(() => hub[Symbol.asyncDispose]());

const create = (body: unknown, person: Person = 'owner'): Promise<Answer> =>
  hub.send('POST', '/api/repos/create', { token: tokenOf(person), body });
const remove = (body: object, person: Person = 'owner'): Promise<Answer> =>
  hub.send('DELETE', '/api/repos/delete', { token: tokenOf(person), body });
const codeOf = ({ status, headers }: Answer): string => `${status} ${String(headers['x-error-code'])}`;
const info = (id: string, query = '', person: Person = 'owner'): Promise<Answer> =>
  hub.send('GET', `/api/${id}${query}`, { token: tokenOf(person) });

describe('creating', () => {
  test('answers the address, and leaves a first commit', async () => {
    const answer = await create({ name: 'first' });
    expect(answer.json()).toEqual({
      url: `${hub.url}/owner/first`,
      id: expect.stringMatching(/^[0-9a-f]{24}$/) as string,
      name: 'owner/first',
    });
    const repo = repoClient(hub, 'owner/first');
    expect(await repo.paths()).toEqual(['.gitattributes']);
    const [commit] = (await repo.api('GET', 'commits/main')).json<{ title: string; parents: string[] }[]>();
    expect(commit).toMatchObject({ title: 'initial commit', parents: [] });
    expect((await repo.resolve('main', '.gitattributes')).text).toContain(
      '*.safetensors filter=lfs diff=lfs merge=lfs -text\n',
    );
  });

  test.each([
    ['dataset', 'datasets', {}],
    ['space', 'spaces', { sdk: 'gradio' }],
    ['kernel', 'kernels', {}],
  ])('a %s', async (type, segment, more) => {
    const answer = await create({ name: 'kinds', type, ...more });
    expect(answer.json()).toMatchObject({ url: `${hub.url}/${segment}/owner/kinds`, name: 'owner/kinds' });
    expect((await info(`${segment}/owner/kinds`)).json()).toMatchObject({
      id: 'owner/kinds',
      author: 'owner',
    });
    expect((await hub.send('GET', `/${segment}/owner/kinds/resolve/main/.gitattributes`)).status).toBe(200);
  });

  test('takes a license, files, and who sees it, in every spelling', async () => {
    const readme = Buffer.from('---\nlicense: mit\n---\n# Hello\n').toString('base64');
    await create({ name: 'licensed', license: 'apache-2.0' });
    expect((await info('models/owner/licensed')).json()).toMatchObject({
      cardData: { license: 'apache-2.0' },
      tags: ['license:apache-2.0', 'region:us'],
    });
    await create({ name: 'filled', files: [{ path: 'README.md', content: readme, encoding: 'base64' }] });
    expect(await repoClient(hub, 'owner/filled').paths()).toEqual(['.gitattributes', 'README.md']);
    for (const [name, body] of Object.entries({
      p1: { private: true },
      p2: { visibility: 'private' },
      p3: { private: false, visibility: 'private' },
    })) {
      await create({ name, ...body });
      expect([name, (await info(`models/owner/${name}`)).json()['private']]).toEqual([name, true]);
    }
  });

  test('for an organization, by its name in either place, in its default visibility', async () => {
    const organizations = [
      { name: 'closed', default_visibility: 'private', members: [{ user: 'owner', role: 'admin' }] },
    ];
    await hub.command('apply', { text: JSON.stringify({ organizations }) });
    expect((await create({ name: 'a', organization: 'closed' })).json()['name']).toBe('closed/a');
    expect((await create({ name: 'closed/b' })).json()['name']).toBe('closed/b');
    expect((await create({ name: 'closed/c', organization: 'closed', private: false })).status).toBe(200);
    expect((await info('models/closed/a')).json()['private']).toBe(true);
    expect((await info('models/closed/c')).json()['private']).toBe(false);
    expect(codeOf(await create({ name: 'closed/d', organization: 'lab' }))).toBe('400 InvalidName');
  });

  test('of what is there is 409 with its address, by any case of its name', async () => {
    await create({ name: 'Twice', private: true });
    for (const name of ['Twice', 'twice', 'TWICE', 'Owner/Twice']) {
      const answer = await create({ name });
      expect([codeOf(answer), answer.json()['url']]).toEqual(['409 Conflict', `${hub.url}/owner/Twice`]);
      expect(answer.text).not.toContain('conflicting operation');
    }
    expect((await create({ name: 'Twice', type: 'dataset' })).status).toBe(200);
  });

  test('many times at once makes one', async () => {
    const answers = await Promise.all(Array.from({ length: 30 }, () => create({ name: 'raced' })));
    expect(answers.map(({ status }) => status).sort()).toEqual([
      200,
      ...Array.from({ length: 29 }, () => 409),
    ]);
    for (const answer of answers) expect(answer.json()['url']).toBe(`${hub.url}/owner/raced`);
  });

  test.each([
    ['', '400 InvalidName'],
    [' ', '400 InvalidName'],
    ['..', '400 InvalidName'],
    ['../x', '400 InvalidName'],
    ['a/b/c', '400 InvalidName'],
    ['/a', '400 InvalidName'],
    ['a/', '400 InvalidName'],
    ['-a', '400 InvalidName'],
    ['a--b', '400 InvalidName'],
    ['a.git', '400 InvalidName'],
    ['x'.repeat(97), '400 InvalidName'],
    ['а', '400 InvalidName'],
    ['a b', '400 InvalidName'],
    ['a\0', '400 InvalidName'],
    ['con', '400 ReservedName'],
    ['com1.x', '400 ReservedName'],
    [1, '400 InvalidBody'],
    [null, '400 InvalidBody'],
    [['a'], '400 InvalidBody'],
    [{ $ne: 1 }, '400 InvalidBody'],
    ['nobody/a', '403 Forbidden'],
    ['stranger/a', '403 Forbidden'],
    ['api/a', '400 ReservedName'],
  ])('with the name %j is %s', async (name, expected) => {
    await expectNothingStored(hub, async () => {
      expect(codeOf(await create({ name }))).toBe(expected);
    });
  });

  test.each([
    [{ private: 'false' }],
    [{ private: 1 }],
    [{ visibility: 'secret' }],
    [{ type: 'modelz' }],
    [{ type: '__proto__' }],
    [{ type: 1 }],
    [{ organization: 1 }],
    [{ sdk: 'unknown' }],
    [{ license: 'a b\n- c' }],
    [{ files: [{ path: 'a', content: 'x', encoding: 'utf-8' }] }],
  ])('with %j is refused', async (more) => {
    await expectNothingStored(hub, async () => {
      expect(codeOf(await create({ name: 'never', ...more }))).toBe('400 InvalidBody');
    });
  });

  test.each([
    [[{ path: '../a', content: '', encoding: 'base64' }], 'InvalidPath'],
    [[{ path: 'a', content: '***', encoding: 'base64' }], 'InvalidContent'],
    [
      [
        { path: 'a', content: '', encoding: 'base64' },
        { path: 'a/b', content: '', encoding: 'base64' },
      ],
      'PathCollision',
    ],
    [
      [
        {
          path: 'README.md',
          content: Buffer.from('---\nlicense: [\n---\n').toString('base64'),
          encoding: 'base64',
        },
      ],
      'InvalidMetadata',
    ],
  ])('with the files %j is refused', async (files, code) => {
    await expectNothingStored(hub, async () => {
      expect(codeOf(await create({ name: 'never', files }))).toBe(`400 ${code}`);
    });
  });

  test('takes no more than it is asked for', async () => {
    const answer = await create({
      name: 'plain',
      id: '0'.repeat(24),
      owner_id: 1,
      role: 'admin',
      quota: 1,
      createdBy: 1,
    });
    expect(answer.json()['id']).not.toBe('0'.repeat(24));
    expect((await info('models/owner/plain')).json()).toMatchObject({ author: 'owner' });
  });

  test('with names that mean something elsewhere breaks nothing', async () => {
    for (const name of [
      '__proto__',
      'constructor',
      'toString',
      'hasOwnProperty',
      'resolve',
      'tree',
      'main',
      'settings',
    ]) {
      expect([name, (await create({ name })).status]).toEqual([name, 200]);
      expect((await info(`models/owner/${name}`)).json()).toMatchObject({ id: `owner/${name}` });
      expect((await repoClient(hub, `owner/${name}`).resolve('main', '.gitattributes')).status).toBe(200);
      const listed = (await info('models', `?author=owner&search=${name}`)).json<{ id: string }[]>();
      expect(listed.map(({ id }) => id)).toContain(`owner/${name}`);
      expect((await remove({ name })).status).toBe(200);
    }
  });
});

describe('deleting', () => {
  test('ends it, once, and its name is free again', async () => {
    const repo = await createRepo(hub, 'owner/gone');
    const old = await repo.commit([fileLine('a', '1')]);
    expect(codeOf(await remove({ name: 'gone', type: 'dataset' }))).toBe('404 RepoNotFound');
    expect((await remove({ name: 'gone', organization: 'owner' })).status).toBe(200);
    expect(codeOf(await remove({ name: 'gone' }))).toBe('404 RepoNotFound');
    expect(codeOf(await repo.resolve('main', 'a'))).toBe('404 RepoNotFound');
    await createRepo(hub, 'owner/gone');
    expect(codeOf(await repo.resolve(old, 'a'))).toBe('404 RevisionNotFound');
    expect(await repo.paths()).toEqual(['.gitattributes']);
  });
});

describe('settings', () => {
  test('change who can see it', async () => {
    const repo = await createRepo(hub, 'owner/shown');
    const put = (body: object) => repo.api('PUT', 'settings', { body });
    expect((await put({ private: true })).json()).toMatchObject({ visibility: 'private', private: true });
    expect(codeOf(await info('models/owner/shown', '', 'anonymous'))).toBe('401 RepoNotFound');
    expect(codeOf(await info('models/owner/shown', '', 'stranger'))).toBe('404 RepoNotFound');
    expect((await put({ visibility: 'public' })).status).toBe(200);
    expect((await info('models/owner/shown', '', 'anonymous')).status).toBe(200);
    for (const body of [{ private: 'false' }, { private: 0 }, { visibility: 'open' }, { visibility: 1 }]) {
      expect(codeOf(await put(body))).toBe('400 InvalidBody');
    }
    expect((await info('models/owner/shown', '', 'anonymous')).status).toBe(200);
  });
});

describe('info', () => {
  let repo: RepoClient;
  let head: string;
  beforeAll(async () => {
    repo = await createRepo(hub, 'owner/Info');
    const card =
      '---\nlicense: mit\nlanguage: [en, de]\ntags: [test]\npipeline_tag: text-generation\nlibrary_name: transformers\ndatasets: [a/b]\nbase_model: c/d\n---\n# Card\n';
    head = await repo.commit([fileLine('README.md', card), fileLine('d/f', '1')]);
  });

  test('has the shape that clients read', async () => {
    const body = (await info('models/owner/Info')).json();
    expect(body).toMatchObject({
      _id: expect.stringMatching(/^[0-9a-f]{24}$/) as string,
      id: 'owner/Info',
      modelId: 'owner/Info',
      author: 'owner',
      sha: head,
      private: false,
      disabled: false,
      gated: false,
      downloads: 0,
      likes: 0,
      pipeline_tag: 'text-generation',
      library_name: 'transformers',
      cardData: { license: 'mit', language: ['en', 'de'] },
      siblings: [{ rfilename: '.gitattributes' }, { rfilename: 'README.md' }, { rfilename: 'd/f' }],
    });
    expect(body['tags']).toEqual(
      expect.arrayContaining([
        'transformers',
        'text-generation',
        'test',
        'en',
        'de',
        'dataset:a/b',
        'base_model:c/d',
        'license:mit',
      ]),
    );
    for (const field of ['createdAt', 'lastModified'])
      expect(body[field]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  test('is found by any case of the name, and answers with the right one', async () => {
    for (const id of ['models/OWNER/INFO', 'models/owner/info'])
      expect((await info(id)).json()['id']).toBe('owner/Info');
    expect((await hub.send('GET', '/OWNER/info/resolve/main/d/f')).text).toBe('1');
  });

  test('has only what is asked for', async () => {
    for (const query of ['?expand=sha&expand=private', '?expand[]=sha&expand[]=private']) {
      expect(Object.keys((await info('models/owner/Info', query)).json()).sort()).toEqual([
        '_id',
        'id',
        'private',
        'sha',
      ]);
    }
    expect((await info('models/owner/Info', '?expand=xetEnabled')).json()['xetEnabled']).toBe(true);
    for (const field of ['tokens', '__proto__', 'constructor', 'sdk']) {
      const answer = await info('models/owner/Info', `?expand=${field}`);
      expect(answer.status).toBe(400);
      expect(answer.json()['error']).toMatch(/^"expand" must be one of \[/);
    }
    expect((await info('models/owner/Info', `?${'expand=sha&'.repeat(100)}`)).status).toBe(400);
    expect((await info('models/owner/Info', '?blobs=maybe')).status).toBe(400);
  });

  test('of an earlier revision is of that time', async () => {
    const first = (await repo.api('GET', 'commits/main')).json<{ id: string }[]>().at(-1)?.id ?? '';
    const body = (await info(`models/owner/Info/revision/${first}`)).json();
    expect(body).toMatchObject({ sha: first, siblings: [{ rfilename: '.gitattributes' }] });
  });

  test('with blobs has sizes and ids', async () => {
    const { siblings } = (await info('models/owner/Info', '?blobs=true')).json<{
      siblings: { rfilename: string; size: number; blobId: string }[];
    }>();
    expect(siblings.find(({ rfilename }) => rfilename === 'd/f')).toEqual({
      rfilename: 'd/f',
      size: 1,
      blobId: '56a6051ca2b02b04ef92d5150c9ef600403cb1de',
    });
  });

  test('of repositories without an owner is that there are none', async () => {
    for (const path of ['gpt2', 'gpt2/revision/main', 'gpt2/tree/main', 'gpt2/refs', 'gpt2/commits/main']) {
      expect(codeOf(await info(`models/${path}`, '', 'anonymous'))).toBe('401 RepoNotFound');
      expect(codeOf(await info(`models/${path}`))).toBe('404 RepoNotFound');
    }
    expect(codeOf(await hub.send('GET', '/gpt2/resolve/main/config.json'))).toBe('401 RepoNotFound');
    for (const [method, path] of [
      ['POST', 'like'],
      ['DELETE', 'like'],
      ['POST', 'preupload/main'],
      ['POST', 'commit/main'],
      ['POST', 'paths-info/main'],
      ['POST', 'branch/b'],
      ['DELETE', 'tag/v1'],
      ['PUT', 'settings'],
    ] as const) {
      const body = method === 'DELETE' ? {} : { body: {} };
      const answer = await hub.send(method, `/api/models/gpt2/${path}`, { token: tokenOf('owner'), ...body });
      expect(codeOf(answer), `${method} ${path}`).toBe('404 RepoNotFound');
    }
  });
});

describe('lists', () => {
  let other: TestHub;
  beforeAll(async () => {
    other = await startPeopledHub();
    for (let index = 0; index < 7; index++)
      await createRepo(other, `owner/r${index}`, { isPrivate: index % 2 === 1 });
    for (const name of ['lab/open', 'lab/percent_x', 'lab/percentax'])
      await createRepo(other, name, { person: 'lab-admin' });
    await createRepo(other, 'lab/closed', { person: 'lab-admin', isPrivate: true });
  });
  afterAll(() => other[Symbol.asyncDispose]());

  const list = (query: string, person: Person = 'anonymous'): Promise<Answer> =>
    other.send('GET', `/api/models${query}`, { token: tokenOf(person) });
  const ids = (answer: Answer): readonly string[] => answer.json<{ id: string }[]>().map(({ id }) => id);

  test('show what the caller may see', async () => {
    const open = [
      'lab/open',
      'lab/percent_x',
      'lab/percentax',
      'owner/r0',
      'owner/r2',
      'owner/r4',
      'owner/r6',
    ];
    const own = ['owner/r1', 'owner/r3', 'owner/r5'];
    const cases: readonly (readonly [Person, readonly string[]])[] = [
      ['anonymous', open],
      ['stranger', open],
      ['owner', [...open, ...own]],
      ['owner-read', [...open, ...own]],
      ['visitor', [...open, 'lab/closed']],
      ['lab-admin', [...open, 'lab/closed']],
      // Administering the site opens what is asked for by name, audited, and not every list.
      ['site-admin', open],
    ];
    for (const [person, expected] of cases) {
      expect([person, [...ids(await list('?limit=100', person))].sort()]).toEqual([
        person,
        [...expected].sort(),
      ]);
    }
    expect(ids(await list('?author=owner', 'stranger'))).toHaveLength(4);
    expect(ids(await list('?author=nobody', 'owner'))).toEqual([]);
    expect(ids(await list('?author=OWNER', 'owner'))).toHaveLength(7);
  });

  test('come in pages that are complete and have nothing twice, newest first', async () => {
    const seen: string[] = [];
    let query: string | undefined = '?limit=3&sort=createdAt';
    while (query !== undefined) {
      const page: Answer = await list(query, 'owner');
      seen.push(...ids(page));
      const next = /^<(.+)>; rel="next"$/.exec(String(page.headers['link'] ?? ''))?.[1];
      if (next) expect(next).toMatch(new RegExp(`^${other.url}/api/models\\?limit=3&sort=createdAt&cursor=`));
      query = next?.slice(`${other.url}/api/models`.length);
    }
    expect(seen).toEqual([
      'lab/percentax',
      'lab/percent_x',
      'lab/open',
      ...[6, 5, 4, 3, 2, 1, 0].map((index) => `owner/r${index}`),
    ]);
    expect(ids(await list('?sort=createdAt&direction=1&limit=2', 'owner'))).toEqual(['owner/r0', 'owner/r1']);
  });

  test('search for text, by its letter', async () => {
    expect(ids(await list('?search=PERCENT_'))).toEqual(['lab/percent_x']);
    expect([...ids(await list('?search=lab/p'))].sort()).toEqual(['lab/percent_x', 'lab/percentax']);
    for (const search of ['%', '_x%', '"', "'", '*', 'NEAR(', '\\', '[a]', '%00', ' OR 1=1']) {
      const answer = await list(`?search=${encodeURIComponent(search)}`, 'owner');
      expect([search, answer.status, ids(answer)]).toEqual([search, 200, []]);
    }
    expect((await list(`?search=${'x'.repeat(10_000)}`)).status).toBe(400);
  });

  test.each([
    'limit=0',
    'limit=-1',
    'limit=1e9',
    'limit=abc',
    'limit=1.5',
    'limit=%D9%A3',
    'limit=0x10',
    'limit=',
    'limit=1&limit=2',
    'cursor=',
    'cursor=junk',
    `cursor=${'x'.repeat(10_000)}`,
    'cursor=Y3JlYXRlZEF0IDEgMQ',
    'sort=password_hash',
    'sort=__proto__',
    'direction=9',
    'full=maybe',
    'full=true&full=false',
    'expand[]=tokens',
    `${'filter=a&'.repeat(100)}`,
  ])('refuse %s', async (query) => {
    expect((await list(`?${query}`)).status).toBe(400);
  });

  test('clamp page sizes that are too large, and pass over what is not known', async () => {
    expect((await list('?limit=100000')).status).toBe(200);
    expect((await list('?unknown=1&more[a]=1&config=true&fetch_config=True')).status).toBe(200);
  });

  test('are closed where everybody is asked to sign in', async () => {
    await using closed = await startPeopledHub(['--require-sign-in']);
    await createRepo(closed, 'owner/public');
    for (const target of ['/api/models', '/api/overview']) {
      expect([target, codeOf(await closed.send('GET', target))]).toEqual([target, '401 SignInRequired']);
    }
    for (const target of ['/api/models/owner/public', '/owner/public/resolve/main/.gitattributes']) {
      expect([target, codeOf(await closed.send('GET', target))]).toEqual([target, '401 RepoNotFound']);
      expect((await closed.send('GET', target, { token: tokenOf('stranger') })).status).toBe(200);
    }
    expect((await closed.send('GET', '/healthz')).status).toBe(200);
  });
});

describe('trees', () => {
  let repo: RepoClient;
  beforeAll(async () => {
    repo = await createRepo(hub, 'owner/trees');
    const paths = ['a', 'a-b/x', 'a.txt', 'b/c/d', 'b/e', 'é/ü', 'z'];
    await repo.commit(paths.map((path) => fileLine(path, path)));
  });
  const pathsOf = (answer: Answer): readonly string[] =>
    answer.json<{ path: string }[]>().map(({ path }) => path);

  test('list a folder, or all that is below it, folders too', async () => {
    expect(pathsOf(await repo.api('GET', 'tree/main'))).toEqual([
      '.gitattributes',
      'a',
      'a-b',
      'a.txt',
      'b',
      'z',
      'é',
    ]);
    expect(pathsOf(await repo.api('GET', 'tree/main/b'))).toEqual(['b/c', 'b/e']);
    expect(pathsOf(await repo.api('GET', 'tree/main/b?recursive=true'))).toEqual(['b/c', 'b/c/d', 'b/e']);
    expect(pathsOf(await repo.api('GET', 'tree/main/%C3%A9'))).toEqual(['é/ü']);
    const [folder] = (await repo.api('GET', 'tree/main/b')).json<Record<string, unknown>[]>();
    expect(folder).toEqual({
      type: 'directory',
      path: 'b/c',
      oid: expect.stringMatching(/^[0-9a-f]{40}$/) as string,
      size: 0,
    });
  });

  test('come in pages', async () => {
    const whole = pathsOf(await repo.api('GET', 'tree/main?recursive=true'));
    for (const limit of [1, 2, 3, 100]) {
      const seen: string[] = [];
      let target: string | undefined =
        `/api/models/owner/trees/tree/main?recursive=true&expand=true&limit=${limit}`;
      while (target !== undefined) {
        const page: Answer = await hub.send('GET', target);
        expect(page.status).toBe(200);
        seen.push(...pathsOf(page));
        target = /^<(.+)>; rel="next"$/.exec(String(page.headers['link'] ?? ''))?.[1]?.replace(hub.url, '');
      }
      expect(seen).toEqual(whole);
    }
  });

  test('of a file, or of nothing, are EntryNotFound', async () => {
    for (const path of ['a', 'absent', 'b/c/d', 'b/absent/x']) {
      expect(codeOf(await repo.api('GET', `tree/main/${path}`))).toBe('404 EntryNotFound');
    }
    for (const path of ['%2e%2e', 'b//c', 'b%5Cc', '.git'])
      expect((await repo.api('GET', `tree/main/${path}`)).status).toBe(400);
    for (const query of ['cursor=junk', 'cursor=', 'limit=0', 'recursive=maybe', 'expand=true&expand=true']) {
      expect([query, (await repo.api('GET', `tree/main?${query}`)).status]).toEqual([query, 400]);
    }
  });

  test('can be asked path by path, as a form or as JSON', async () => {
    const form = (body: string) =>
      repo.api('POST', 'paths-info/main', {
        body: Buffer.from(body),
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      });
    expect(pathsOf(await form('paths=a&paths=b%2Fc&paths=absent&expand=True'))).toEqual(['a', 'b/c']);
    expect(pathsOf(await form('paths=%C3%A9%2F%C3%BC'))).toEqual(['é/ü']);
    expect((await form('expand=False')).json()).toEqual([]);
    const json = (body: unknown) => repo.api('POST', 'paths-info/main', { body });
    expect(pathsOf(await json({ paths: ['z', 'z', 'b/', 'a/b'] }))).toEqual(['z', 'b']);
    expect((await json({ paths: Array.from({ length: 1001 }, (_, index) => `${index}`) })).status).toBe(413);
    for (const body of [
      { paths: [1] },
      { paths: {} },
      { paths: ['../x'] },
      { paths: ['a'], expand: 'maybe' },
      [],
    ]) {
      expect((await json(body)).status).toBe(400);
    }
    expect(
      (
        await repo.api('POST', 'paths-info/main', {
          body: Buffer.from('x'),
          headers: { 'content-type': 'text/plain' },
        })
      ).status,
    ).toBe(415);
  });
});

describe('cards', () => {
  const validate = (content: unknown) =>
    hub.send('POST', '/api/validate-yaml', { body: { content, repoType: 'model' } });

  test('are checked for anyone', async () => {
    expect((await validate('---\nlicense: mit\n---\n')).json()).toEqual({ errors: [], warnings: [] });
    const empty = await validate('# No metadata');
    expect(empty.status).toBe(200);
    expect(empty.json<{ warnings: unknown[] }>().warnings).toHaveLength(1);
    const wrong = await validate('---\nmodel-index: foo\n---\n');
    expect(wrong.status).toBe(400);
    expect(wrong.json<{ errors: { message: string }[] }>().errors[0]?.message).toContain('model-index');
  });

  test('that would take for ever are refused quickly', async () => {
    const bomb = `---\na: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghi'
      .split('')
      .map(
        (name, index) =>
          `${name}: &${name} [${Array.from({ length: 9 }, () => `*${'abcdefgh'[index] ?? ''}`).join(',')}]`,
      )
      .join('\n')}\n---\n`;
    const started = performance.now();
    expect((await validate(bomb)).status).toBe(400);
    await validate(`---\n${'- '.repeat(5000)}x\n---\n`);
    await validate(`---\n${'a: {'.repeat(5000)}\n---\n`);
    await validate(`${'\n'.repeat(200_000)}---`);
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

test('nothing of this was an error of the hub', () => {
  expect(hub.loggedErrors()).toEqual([]);
});
