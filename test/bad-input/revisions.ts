import { expect } from 'vitest';
import { blobIdOf, fileLine, tokenOf } from '../support/scenario.ts';
import { ask, each, one, row, type Row, type Send } from './cases.ts';
import type { World } from './world.ts';

const API = '/api/models/owner/m1';
/** Percent-encoded, except what has no UTF-8. */
const branch = (name: string): Send => ask('POST', `${API}/branch/${encodeURIComponent(name)}`, { body: {} });
const tag = (name: unknown): Send => ask('POST', `${API}/tag/main`, { body: { tag: name } });
const both = (expected: string, names: readonly string[]) => [
  ...each(expected, names, branch).map((entry) => ({ ...entry, name: `branch ${entry.name}` })),
  ...each(expected, names, tag).map((entry) => ({ ...entry, name: `tag ${entry.name}` })),
];
const read = (expected: string, revisions: readonly string[], isKept = false) =>
  ['tree', 'commits', 'revision']
    .flatMap((route) =>
      each(expected, revisions, (revision) => ask('GET', `${API}/${route}/${encodeURIComponent(revision)}`), {
        isKept,
      }).map((entry) => ({ ...entry, name: `${route} ${entry.name}` })),
    )
    .concat(
      each(expected, revisions, (revision) =>
        ask('GET', `/owner/m1/resolve/${encodeURIComponent(revision)}/plain.txt`),
      ).map((entry) => ({ ...entry, name: `resolve ${entry.name}` })),
    );

const twin =
  (first: string, second: string): Send =>
  async (world) => {
    const repo = await world.fresh();
    const made = await repo.api('POST', `branch/${encodeURIComponent(first)}`, { body: {} });
    expect([200, 409]).toContain(made.status);
    return repo.api('POST', `branch/${encodeURIComponent(second)}`, { body: {} });
  };

/** A commit that no branch has any more. */
const unreachable: Send = async (world) => {
  const repo = await world.fresh();
  await repo.api('POST', 'branch/gone', { body: {} });
  const commit = await repo.commit([fileLine('x', '1')], { summary: 'left behind' }, 'gone');
  expect((await repo.api('DELETE', 'branch/gone')).status).toBe(200);
  expect((await world.secret.api('GET', `tree/${commit}`)).status).toBe(404);
  return repo.api('GET', `tree/${commit}`);
};

const tagOfTag: Send = async (world) => {
  const repo = await world.fresh();
  let revision = 'main';
  for (let level = 1; level <= 12; level++) {
    const made = await repo.api('POST', `tag/${revision}`, { body: { tag: `t${level}`, message: 'again' } });
    expect(made.status).toBe(200);
    revision = `t${level}`;
  }
  return repo.api('GET', `tree/${revision}`);
};

const startingAt = (startingPoint: unknown): Send =>
  ask('POST', `${API}/branch/never`, { body: { startingPoint } });

const BAD_CHARACTERS = ['a..b', 'a.lock', 'a b', 'a~1', 'a^', 'a:b', 'a?', 'a*', 'a['];
const BAD_SHAPES = ['a\\b', '/a', 'a/', 'a//b', '.a', 'a/.b', 'a.', 'a@{b', 'a/b.lock/c', ''];
const CONTROLS = ['a\x7fb', 'a\nb', 'a\rb', 'a\tb', 'a\x1bb', 'a\x85b'];
const HEX_40 = 'a'.repeat(40);

/** Section 3.4, as far as it is the API's; pushes (`ng`) come with the git wire. */
export const REVISIONS: readonly Row[] = [
  row('B-067', 'characters that git refuses', both('400 InvalidRevision', BAD_CHARACTERS)),
  row('B-068', 'shapes that git refuses', [
    ...both(
      '400 InvalidRevision',
      BAD_SHAPES.filter((name) => name !== ''),
    ),
    ...each('400 InvalidRevision', [''], tag),
  ]),
  row('B-069', 'control characters', [
    ...both('400 InvalidRevision', CONTROLS),
    ...each('400 InvalidRevision', ['a\0b'], tag),
    // In a path, NUL is refused before anybody asks what the path means.
    ...each('400 InvalidPath', ['a\0b'], branch),
  ]),
  row('B-070', 'options', both('400 InvalidRevision', ['-x', '--upload-pack=x', '--exec=x'])),
  row(
    'B-071',
    'names that git keeps for itself',
    both('400 ReservedName', ['HEAD', '@', 'FETCH_HEAD', 'refs/heads/x', 'head']),
  ),
  row(
    'B-072',
    'names that read as ids',
    both('400 InvalidRevision', [HEX_40, 'b'.repeat(64), 'abcdef0', 'c'.repeat(39)]),
  ),
  row(
    'B-073',
    'long names',
    both('400 InvalidRevision', [
      'a'.repeat(256),
      Array.from({ length: 5 }, () => 'a'.repeat(204)).join('/') + 'b'.repeat(5),
    ]),
  ),
  row('B-074', 'a name as folder of another', [
    one('409 Conflict', 'dev/x beside dev', branch('dev/x')),
    one('409 Conflict', 'a beside a/b', branch('a')),
  ]),
  row('B-075', 'names that are one elsewhere', [
    one('409 Conflict', 'Main beside main', branch('Main')),
    one('409 Conflict', 'a decomposed twin', branch('cafe\u0301')),
    one('409 Conflict', 'capital letters beyond ASCII', twin('\u00e4', '\u00c4'), { isKept: true }),
    one('409 Conflict', 'a folder in other case', branch('DEV/x')),
  ]),
  row('B-076', 'a name with letters beyond ASCII', [
    one('200', 'caf\u00e9 is there', ask('GET', `${API}/tree/caf%C3%A9`)),
    one('200', 'a tag', tag('caf\u00e9-1'), { isKept: true }),
  ]),
  row('B-077', 'refs outside of branches', [
    // Pushing to them comes with the git wire; the API makes branches and tags only.
    ...each('400 ReservedName', ['refs/pull/1/head', 'refs/internal/x', 'refs/heads/main'], branch),
    ...each('400 InvalidRevision', ['refs/heads/../x'], branch),
    ...each('404 RevisionNotFound', ['refs/internal/x', 'refs/pull/1/head', 'config'], (ref) =>
      ask('POST', `${API}/commit/${encodeURIComponent(ref)}`, {
        headers: { 'content-type': 'application/x-ndjson' },
        body: Buffer.from(''),
      }),
    ),
  ]),
  row('B-078', 'deleting and making again', [
    one('403 Forbidden', 'the default branch', ask('DELETE', `${API}/branch/main`)),
    one('404 RevisionNotFound', 'a missing branch', ask('DELETE', `${API}/branch/missing`)),
    one('404 RevisionNotFound', 'a missing tag', ask('DELETE', `${API}/tag/missing`)),
    one('404 RevisionNotFound', 'a branch as a tag', ask('DELETE', `${API}/tag/dev`)),
    one('409 Conflict', 'an existing branch', branch('dev')),
    one('409 Conflict', 'an existing tag', tag('v1')),
  ]),
  row(
    'B-079',
    'expressions',
    read('404 RevisionNotFound', [
      'main~1',
      'main^{tree}',
      ':/text',
      'HEAD@{1}',
      'main:README.md',
      '-1',
      'main..dev',
      'refs/heads/../heads/main',
    ]),
  ),
  row('B-080', 'ids that name no commit', [
    ...each('404 RevisionNotFound', ['short', 'blob', 'tree', 'absent'], (what) => async (world) => {
      const tree = (await world.repo.api('GET', 'tree/main')).json<{ type: string; oid: string }[]>();
      const ids: Record<string, string> = {
        short: (await world.repo.head()).slice(0, 3),
        blob: blobIdOf(Buffer.from('0123456789')),
        tree: tree.find(({ type }) => type === 'directory')?.oid ?? '',
        absent: HEX_40,
      };
      return world.repo.api('GET', `tree/${ids[what] ?? ''}`);
    }),
    // As on the large hub, a commit stays readable by its id, in its own repository and to those who can read it.
    one('200', 'unreachable', unreachable, { isKept: true }),
  ]),
  row(
    'B-081',
    'a slash in a branch, encoded and not',
    each('200', ['a%2Fb', 'a/b', 'refs%2Fheads%2Fa%2Fb'], (text) =>
      ask('GET', `/owner/m1/resolve/${text}/plain.txt`),
    ),
  ),
  row('B-082', 'tags of tags', [
    // The API tags commits: a tag of a tag is one of its commit. Longer chains come with pushes.
    one('200', 'twelve levels', tagOfTag, { isKept: true }),
  ]),
  row('B-083', 'a branch at another repository’s commit', [
    one('404 RevisionNotFound', 'by its id', (world: World) => startingAt(world.secretHead)(world)),
    one('404 RevisionNotFound', 'as a tag', (world: World) =>
      world.repo.api('POST', `tag/${world.secretHead}`, { body: { tag: 'never' } }),
    ),
    one('404 RevisionNotFound', 'read', (world: World) =>
      world.hub.send('GET', `/owner/m1/resolve/${world.secretHead}/foreign.bin`, { token: tokenOf('owner') }),
    ),
  ]),
  row(
    'B-084',
    'starting points of another type',
    each('400 InvalidBody', [1, {}, '', ['main'], true], startingAt),
  ),
];
