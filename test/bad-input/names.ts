import { expect } from 'vitest';
import type { Answer } from '../support/hub.ts';
import { tokenOf } from '../support/scenario.ts';
import { ask, each, one, row, type Row, type Send } from './cases.ts';

const CREATE = '/api/repos/create';
const create = (body: object): Send => ask('POST', CREATE, { body });
const called = (name: unknown): Send => create({ name });
const below = (organization: unknown): Send => create({ name: 'never', organization });
const move = (fromRepo: string, toRepo: string): Send =>
  ask('POST', '/api/repos/move', { body: { fromRepo, toRepo, type: 'model' } });
const MOVE = '/api/repos/move';

const INVISIBLE = ['a\u200db', 'a\u202eb', 'a\u00adb', 'a\ufeffb'];
const LOOKALIKES = ['\u0430', '\uff41', '\u212a', '\u0131', 'caf\u00e9'];
const CONTROLS = ['a b', 'a\tb', 'a\rb', 'a\nb', 'a\0b', 'a\x7fb'];
const SIGNS = ['a\\b', 'a:b', 'a?b', 'a#b', 'a%2fb', 'a@b', 'a$b', 'a*b', 'a"b', 'a<b>', "a'b"];

const statusOfApply = async (
  text: object,
  command: (name: string, input: unknown) => Promise<unknown>,
): Promise<Answer> => {
  const result = await command('apply', { text: JSON.stringify(text) }).then(
    (value) => JSON.stringify(value),
    (error: Error) => error.message,
  );
  return {
    status: 0,
    headers: {},
    body: Buffer.from(result),
    text: result,
    json: <Shape>() => JSON.parse(result) as Shape,
  };
};

/** A repository with this name behaves like any other. */
const odd =
  (name: string): Send =>
  async ({ hub }) => {
    const token = tokenOf('owner');
    const made = await hub.send('POST', CREATE, { token, body: { name } });
    expect([200, 400]).toContain(made.status);
    if (made.status === 200) {
      expect((await hub.send('GET', `/api/models/owner/${name}`)).json()['id']).toBe(`owner/${name}`);
      const list = await hub.send('GET', '/api/models?author=owner&limit=1000');
      expect(list.json<{ id: string }[]>().map(({ id }) => id)).toContain(`owner/${name}`);
      expect((await hub.send('GET', `/owner/${name}/resolve/main/.gitattributes`)).status).toBe(200);
      const gone = await hub.send('DELETE', '/api/repos/delete', { token, body: { name } });
      expect(gone.status).toBe(200);
    }
    return hub.send('GET', `/api/models/owner/${name}`, { token });
  };

/** Fifty clients create one repository at once; exactly one of them does, and all hear its address. */
const race: Send = async ({ hub }) => {
  const answers = await Promise.all(
    Array.from({ length: 50 }, () =>
      hub.send('POST', CREATE, { token: tokenOf('owner'), body: { name: 'raced' } }),
    ),
  );
  const made = answers.filter(({ status }) => status === 200);
  expect(made).toHaveLength(1);
  const others = answers.filter(({ status }) => status !== 200);
  for (const answer of others) {
    expect([answer.status, answer.headers['x-error-code']]).toEqual([409, 'Conflict']);
    expect(answer.json()['url']).toBe(`${hub.url}/owner/raced`);
  }
  return others[0] ?? (answers[0] as Answer);
};

const deleteTwice: Send = async (world) => {
  const repo = await world.fresh();
  const [, name] = repo.name.split('/');
  const gone = (): Promise<Answer> =>
    world.hub.send('DELETE', '/api/repos/delete', { token: tokenOf('owner'), body: { name } });
  expect((await gone()).status).toBe(200);
  return gone();
};

/** Section 3.3. */
export const NAMES: readonly Row[] = [
  row('B-041', 'empty names', each('400 InvalidName', ['', ' '], called)),
  row('B-042', 'dots', each('400 InvalidName', ['.', '..', '...'], called)),
  row('B-043', 'ways out', each('400 InvalidName', ['../x', '..%2fx', 'x/../../y', '../../x'], called)),
  row('B-044', 'too many slashes', each('400 InvalidName', ['a/b/c', '/a', 'a/', '/', 'owner//a'], called)),
  row('B-045', 'signs at the ends', each('400 InvalidName', ['-a', 'a-', '.a', 'a.'], called)),
  row('B-046', 'signs in pairs', each('400 InvalidName', ['a--b', 'a..b'], called)),
  row('B-047', 'long names', [
    one('400 InvalidName', '97 characters', called('a'.repeat(97))),
    one('413 BodyTooLarge', '10 MB', called('a'.repeat(10_000_000))),
  ]),
  row(
    'B-048',
    'names that end like a git folder',
    each('400 InvalidName', ['a.git', 'a.GIT', 'a.git.git'], called),
  ),
  row(
    'B-049',
    'devices of Windows',
    each('400 ReservedName', ['con', 'aux', 'nul.txt', 'com1', 'lpt9', 'CON'], called),
  ),
  row(
    'B-050',
    'reserved owners',
    each(
      '400 ReservedName',
      [
        'api',
        'admin',
        'resolve',
        'settings',
        'login',
        'models',
        'datasets',
        'spaces',
        '.well-known',
        'new',
        'API',
        'xet',
      ],
      below,
    ),
  ),
  row('B-051', 'letters that look like others', each('400 InvalidName', LOOKALIKES, called)),
  row('B-052', 'letters that nobody sees', each('400 InvalidName', INVISIBLE, called)),
  row('B-053', 'spaces and control characters', each('400 InvalidName', CONTROLS, called)),
  row('B-054', 'signs with a meaning elsewhere', each('400 InvalidName', SIGNS, called)),
  row('B-055', 'an emoji', each('400 InvalidName', ['\u{1f600}', 'a\u{1f600}'], called)),
  row('B-056', 'names of another type', [
    ...each('400 InvalidBody', [1, null, ['a'], { a: 1 }, true], called),
    ...each('400 InvalidBody', [1, ['a'], { a: 1 }, true], below),
    one('400 InvalidBody', 'no name', create({})),
  ]),
  row('B-057', 'questions instead of names', each('400 InvalidBody', [{ $ne: 1 }, ['a', 'b']], called)),
  row(
    'B-058',
    'names that objects have',
    each('404 RepoNotFound', ['__proto__', 'constructor', 'toString', 'hasOwnProperty'], odd, {
      isKept: true,
    }),
  ),
  row(
    'B-059',
    'a name in other case',
    each(
      '409 Conflict',
      [{ name: 'M1' }, { name: 'm1', organization: 'OWNER' }, { name: 'Owner/M1' }],
      create,
    ),
  ),
  row('B-060', 'an organization with a user’s name and the reverse', [
    // Organizations have no routes of their own yet: they come from descriptions.
    one(
      'none',
      'an organization called owner',
      ({ command }) => statusOfApply({ organizations: [{ name: 'OWNER' }] }, command),
      {
        check: ({ text }) => expect(text).toMatch(/OWNER/),
      },
    ),
    one('none', 'a user called lab', ({ command }) => statusOfApply({ users: [{ name: 'Lab' }] }, command), {
      check: ({ text }) => expect(text).toMatch(/Lab/),
    }),
  ]),
  row(
    'B-061',
    'a namespace without rights',
    each('403 Forbidden', ['stranger', 'lab', 'nobody-at-all'], below),
  ),
  row(
    'B-062',
    'unknown kinds',
    each('400 InvalidBody', ['modelz', '__proto__', '', 'Model', 1, ['model']], (type) =>
      create({ name: 'never', type }),
    ),
  ),
  row('B-063', 'moving to names', [
    one('200', 'its own', move('owner/m1', 'owner/m1'), { needs: MOVE }),
    one(
      '409 Conflict',
      'an existing one',
      async (world) => {
        const { name } = await world.fresh();
        return move(name, 'owner/m1')(world);
      },
      { needs: MOVE, isKept: true },
    ),
    one('400 InvalidName', 'none at all', move('owner/m1', 'owner/..'), { needs: MOVE }),
    one('404 RepoNotFound', 'from somebody’s secret', move('stranger/secret', 'owner/mine'), { needs: MOVE }),
    one('403 Forbidden', 'of somebody else', move('owner/m1', 'stranger/m1'), { needs: MOVE }),
  ]),
  row('B-064', 'creating fifty times at once', [one('409 Conflict', 'one wins', race, { isKept: true })]),
  row('B-065', 'deleting', [
    one(
      '400 InvalidBody',
      'of an unknown kind',
      ask('DELETE', '/api/repos/delete', { body: { name: 'm1', type: 'modelz' } }),
    ),
    one(
      '404 RepoNotFound',
      'of another kind',
      ask('DELETE', '/api/repos/delete', { body: { name: 'm1', type: 'dataset' } }),
    ),
    one('404 RepoNotFound', 'twice', deleteTwice, { isKept: true }),
  ]),
  row('B-066', 'privacy of another type', [
    ...each('400 InvalidBody', ['false', '0', 1, null, [], {}], (value) =>
      create({ name: 'never', private: value }),
    ),
    ...each('400 InvalidBody', ['false', '0', 1, null], (value) =>
      ask('PUT', '/api/models/owner/m1/settings', { body: { private: value } }),
    ),
    ...each('400 InvalidBody', ['PRIVATE', 'hidden', '', 1, true], (value) =>
      create({ name: 'never', visibility: value }),
    ),
  ]),
];
