import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestHub } from '../support/hub.ts';
import { createRepo, fileLine, startPeopledHub, type RepoClient } from '../support/scenario.ts';

/* Every way to name a revision, on every route that takes one. */

let hub: TestHub;
let repo: RepoClient;
let first: string;
let second: string;
let sided: string;
beforeAll(async () => {
  hub = await startPeopledHub();
  repo = await createRepo(hub, 'owner/m1');
  first = await repo.commit([fileLine('f', 'first'), fileLine('dir/g', 'first')], { summary: 'first' });
  for (const [name, body] of [
    ['v1', { tag: 'v1' }],
    ['annotated', { tag: 'annotated', message: 'A release.\n\nWith notes.' }],
    ['with/slash', { tag: 'with/slash' }],
  ] as const) {
    expect((await repo.api('POST', 'tag/main', { body })).status, name).toBe(200);
  }
  second = await repo.commit([fileLine('f', 'second')], { summary: 'second' });
  for (const name of ['feature/x', 'dir', 'café', 'v1']) {
    const target = `branch/${encodeURIComponent(name)}`;
    expect((await repo.api('POST', target, { body: { startingPoint: 'main' } })).status, name).toBe(200);
  }
  sided = await repo.commit([fileLine('f', 'sided')], { summary: 'sided' }, encodeURIComponent('feature/x'));
});
afterAll(() => hub[Symbol.asyncDispose]());

/** The commit that each way of naming it leads to. */
const namesOf = (): readonly (readonly [revision: string, commit: string])[] => [
  ['main', second],
  ['HEAD', second],
  ['refs/heads/main', second],
  ['refs%2Fheads%2Fmain', second],
  ['feature/x', sided],
  ['feature%2Fx', sided],
  ['feature%2fx', sided],
  ['refs/heads/feature/x', sided],
  ['refs%2Fheads%2Ffeature%2Fx', sided],
  ['refs/heads/feature%2Fx', sided],
  ['dir', second],
  ['caf%C3%A9', second],
  ['with%2Fslash', first],
  ['with/slash', first],
  ['annotated', first],
  ['refs/tags/annotated', first],
  // A branch counts before a tag of its name, as it does for git's clients of the Hub.
  ['v1', second],
  ['refs/tags/v1', first],
  [first, first],
  [second, second],
  [first.slice(0, 7), first],
  [first.slice(0, 12), first],
  [sided.slice(0, 39), sided],
];

const NOWHERE = [
  'absent',
  'Main',
  'head',
  'main~1',
  'main%5E%7Btree%7D',
  'main^',
  '%3A%2Ftext',
  'HEAD@%7B1%7D',
  'main%3AREADME.md',
  '-1',
  '--all',
  'refs/heads',
  'refs/heads/absent',
  'refs/internal/x',
  'refs/pr/1',
  'feature',
  'f'.repeat(40),
  'abc',
  '0',
  '.',
  'a..b',
  'a'.repeat(2000),
];

describe('a revision that exists', () => {
  test('by info', async () => {
    for (const [name, commit] of namesOf()) {
      const { status, text } = await repo.api('GET', `revision/${name}`);
      expect([name, status, JSON.parse(text)]).toMatchObject([name, 200, { sha: commit }]);
    }
  });

  test('by resolve and raw, in front of a path', async () => {
    const content = new Map([
      [first, 'first'],
      [second, 'second'],
      [sided, 'sided'],
    ]);
    for (const [name, commit] of namesOf()) {
      for (const route of ['resolve', 'raw']) {
        const { status, text, headers } = await hub.send('GET', `/owner/m1/${route}/${name}/f`);
        expect([route, name, status, text, headers['x-repo-commit']]).toEqual([
          route,
          name,
          200,
          content.get(commit),
          commit,
        ]);
        const deep = await hub.send('GET', `/owner/m1/${route}/${name}/dir/g`);
        expect([route, name, deep.text]).toEqual([route, name, 'first']);
      }
    }
  });

  test('by tree, with a path or none', async () => {
    for (const [name] of namesOf()) {
      const root = await repo.api('GET', `tree/${name}`);
      expect([name, root.json<{ path: string }[]>().map(({ path }) => path)]).toEqual([
        name,
        ['.gitattributes', 'dir', 'f'],
      ]);
      for (const path of ['dir', 'dir/']) {
        const folder = await repo.api('GET', `tree/${name}/${path}`);
        expect([name, folder.json<{ path: string }[]>().map((entry) => entry.path)]).toEqual([
          name,
          ['dir/g'],
        ]);
      }
    }
  });

  test('by commits, paths-info, preupload and token routes', async () => {
    for (const [name, commit] of namesOf()) {
      const commits = await repo.api('GET', `commits/${name}`);
      expect([name, commits.json<{ id: string }[]>()[0]?.id]).toEqual([name, commit]);
      const info = await repo.api('POST', `paths-info/${name}`, { body: { paths: ['f'] } });
      expect([name, info.json<unknown[]>().length]).toEqual([name, 1]);
      const plan = await repo.api('POST', `preupload/${name}`, { body: { files: [{ path: 'f', size: 1 }] } });
      expect([name, plan.json()['commitOid']]).toEqual([name, commit]);
      for (const scope of ['read', 'write']) {
        expect([name, (await repo.api('GET', `xet-${scope}-token/${name}`)).status]).toEqual([name, 200]);
      }
    }
  });

  test('as the start of branches and tags', async () => {
    for (const [index, [name, commit]] of namesOf().entries()) {
      const startingPoint = decodeURIComponent(name);
      expect((await repo.api('POST', `branch/from-${index}`, { body: { startingPoint } })).status, name).toBe(
        200,
      );
      expect((await repo.api('POST', `tag/${name}`, { body: { tag: `at-${index}` } })).status, name).toBe(
        200,
      );
      expect(await repo.head(`refs/heads/from-${index}`)).toBe(commit);
      expect(await repo.head(`refs/tags/at-${index}`)).toBe(commit);
    }
  });
});

describe('a revision that does not exist', () => {
  test('is RevisionNotFound on every route', async () => {
    const routes: readonly (readonly [string, string, object?])[] = [
      ['GET', 'revision/*'],
      ['GET', 'tree/*'],
      ['GET', 'commits/*'],
      ['POST', 'paths-info/*', { paths: ['f'] }],
      ['POST', 'preupload/*', { files: [] }],
      ['POST', 'tag/*', { tag: 'never' }],
    ];
    for (const name of NOWHERE) {
      for (const [method, route, body] of routes) {
        const { status, headers } = await repo.api(method, route.replace('*', name), body ? { body } : {});
        expect([route, name, status, headers['x-error-code']]).toEqual([
          route,
          name,
          404,
          'RevisionNotFound',
        ]);
      }
      const file = await repo.resolve(name, 'f');
      expect([name, file.status, file.headers['x-error-code']]).toEqual([name, 404, 'RevisionNotFound']);
    }
  });

  test('is none of another repository, by its id', async () => {
    const other = await createRepo(hub, 'owner/m2');
    for (const revision of [first, first.slice(0, 10)]) {
      expect((await other.resolve(revision, 'f')).headers['x-error-code']).toBe('RevisionNotFound');
      const branch = await other.api('POST', 'branch/stolen', { body: { startingPoint: revision } });
      expect([branch.status, branch.headers['x-error-code']]).toEqual([404, 'RevisionNotFound']);
      expect((await other.api('POST', `tag/${revision}`, { body: { tag: 'stolen' } })).status).toBe(404);
    }
  });

  test('is none by the id of a file or a folder', async () => {
    const { headers } = await repo.resolve('main', 'f');
    const tree = (await repo.api('GET', 'tree/main')).json<{ path: string; oid: string }[]>();
    const ids = [
      String(headers.etag).replaceAll('"', ''),
      tree.find(({ path }) => path === 'dir')?.oid ?? '',
    ];
    for (const id of [...ids, ...ids.map((one) => one.slice(0, 12))]) {
      expect((await repo.resolve(id, 'f')).headers['x-error-code']).toBe('RevisionNotFound');
    }
  });
});

describe('where a branch has the name of a folder', () => {
  test('the longest branch counts, the rest is the path', async () => {
    const body = { startingPoint: first };
    expect((await repo.api('POST', `branch/${encodeURIComponent('a/b')}`, { body })).status).toBe(200);
    await repo.commit([fileLine('b/f', 'in a folder'), fileLine('c', 'file c')], { summary: 'x' }, 'a%2Fb');
    expect((await repo.resolve('a/b', 'b/f')).text).toBe('in a folder');
    expect((await repo.resolve('a/b', 'c')).text).toBe('file c');
    expect((await repo.resolve('a', 'b')).headers['x-error-code']).toBe('EntryNotFound');
    // Encoded slashes say the same: where the revision ends is not to be seen in them.
    expect((await repo.resolve('a%2Fb', 'b%2Ff')).text).toBe('in a folder');
  });
});
