import { expect } from 'vitest';
import type { Answer } from '../support/hub.ts';
import { fileLine, ndjson, tokenOf } from '../support/scenario.ts';
import { ask, each, jsonText, one, row, type Row, type Send } from './cases.ts';

const API = '/api/models/owner/m1';
const list = (query: string): Send => ask('GET', `/api/models?${query}`);
const commits = (query: string): Send => ask('GET', `${API}/commits/main?${query}`);
const tree = (query: string): Send => ask('GET', `${API}/tree/main?${query}`);
const create = (text: string | Buffer): Send => ask('POST', '/api/repos/create', jsonText(text));
const searched = (search: string): Send => list(`search=${encodeURIComponent(search)}`);

const LIMITS = [
  '0',
  '-1',
  '1e9',
  'abc',
  '1.5',
  '%D9%A3',
  '0x10',
  '',
  '%201',
  '+1',
  'Infinity',
  'NaN',
  'null',
];
const nextOf = (answer: Answer): string => /cursor=([^&>]+)/.exec(String(answer.headers['link']))?.[1] ?? '';

/** The cursor of one list, given to another. */
const strayed =
  (from: string, to: (cursor: string) => string): Send =>
  async ({ hub }) => {
    const first = await hub.send('GET', from, { token: tokenOf('owner') });
    expect(nextOf(first)).not.toBe('');
    return hub.send('GET', to(nextOf(first)), { token: tokenOf('owner') });
  };

const altered = (change: (text: string) => string): Send =>
  strayed(
    '/api/models?limit=1',
    (cursor) =>
      `/api/models?cursor=${encodeURIComponent(Buffer.from(change(Buffer.from(cursor, 'base64url').toString('latin1')), 'latin1').toString('base64url'))}`,
  );

const found = (names: readonly string[]) => ({
  check: (answer: Answer) => {
    const ids = answer.json<{ id: string }[]>().map(({ id }) => id);
    for (const name of names) expect(ids).toContain(name);
    if (names.length === 0) expect(ids).toEqual([]);
  },
});

/** What no caller may say about themselves, sent along with what they may. */
const MORE = {
  is_admin: true,
  isAdmin: true,
  admin: true,
  quota: 10 ** 15,
  owner_id: 1,
  ownerId: 1,
  role: 'admin',
  id: 1,
  _id: 'a'.repeat(24),
  created_by: 1,
};

const asAlways =
  (then: Send, question: string): Send =>
  async (world) => {
    const before = await world.hub.send('GET', question, { token: tokenOf('owner') });
    const answer = await then(world);
    const after = await world.hub.send('GET', question, { token: tokenOf('owner') });
    expect(after.json()).toEqual(before.json());
    return answer;
  };

const STABLE = 150;

/** Walk all pages to the end while others come and go: nothing that stayed is seen twice or left out. */
const walk =
  (query: string): Send =>
  async ({ hub }) => {
    const token = tokenOf('member');
    const make = (name: string): Promise<Answer> =>
      hub.send('POST', '/api/repos/create', { token, body: { name, organization: 'lab', type: 'dataset' } });
    const stable = Array.from({ length: STABLE }, (_, index) => `stable-${index}`);
    for (const name of stable) expect([200, 409]).toContain((await make(name)).status);
    const seen: string[] = [];
    let next = `/api/datasets?author=lab&limit=7&${query}`;
    let last: Answer | undefined;
    for (let page = 0; next !== ''; page++) {
      last = await hub.send('GET', next, { token });
      expect(last.status, last.text).toBe(200);
      seen.push(...last.json<{ id: string }[]>().map(({ id }) => id));
      await make(`passing-${page}`);
      if (page > 0) {
        const gone = await hub.send('DELETE', '/api/repos/delete', {
          token: tokenOf('lab-admin'),
          body: { name: `lab/passing-${page - 1}`, type: 'dataset' },
        });
        expect(gone.status, gone.text).toBe(200);
      }
      if (page > 3 * STABLE) throw new Error('The walk does not end.');
      next = (/<([^>]+)>; rel="next"/.exec(String(last.headers['link'] ?? ''))?.[1] ?? '').replace(
        hub.url,
        '',
      );
    }
    const kept = seen.filter((id) => id.startsWith('lab/stable-'));
    expect(new Set(kept).size).toBe(kept.length);
    expect(kept).toHaveLength(stable.length);
    return last as Answer;
  };

/** Section 3.15. */
export const LISTS: readonly Row[] = [
  row('B-262', 'limits', [
    ...each('400 InvalidParameter', LIMITS, (limit) => list(`limit=${limit}`)),
    ...each('400 InvalidParameter', LIMITS.slice(0, 6), (limit) => commits(`limit=${limit}`)),
    ...each('400 InvalidParameter', LIMITS.slice(0, 6), (limit) => tree(`limit=${limit}`)),
    ...each('400 InvalidParameter', ['-1', 'x', '1.5'], (page) => commits(`p=${page}`)),
    // As on the large hub, more than a page can hold means a whole page.
    ...each('200', ['1000000000', '999999999999999'], (limit) => list(`limit=${limit}`)),
    one('200', 'a page far behind the end', commits('p=1000000&limit=1000'), {
      check: (answer) => expect(answer.json()).toEqual([]),
    }),
  ]),
  row('B-263', 'cursors', [
    ...each(
      '400 InvalidCursor',
      ['', 'x', '__proto__', 'a'.repeat(300), '%00', '..%2F', 'AAAA', '"'],
      (cursor) => list(`cursor=${cursor}`),
    ),
    ...each('400 InvalidCursor', ['%00', 'a%2F..%2Fb', '%2Fabs', 'x'.repeat(10_000)], (cursor) =>
      tree(`cursor=${cursor}`),
    ),
    one('400 InvalidCursor', '10 KB', list(`cursor=${'x'.repeat(10_000)}`)),
    one(
      '400 InvalidCursor',
      'of another order',
      strayed(
        '/api/models?limit=1&sort=createdAt',
        (cursor) => `/api/models?sort=lastModified&cursor=${cursor}`,
      ),
    ),
    one(
      '400 InvalidCursor',
      'of a tree',
      strayed(`${API}/tree/main?limit=1`, (cursor) => `/api/models?cursor=${cursor}`),
    ),
    one(
      '400 InvalidCursor',
      'altered',
      altered((text) => `${text}x`),
    ),
    one(
      '400 InvalidCursor',
      'with a statement in it',
      altered(() => 'updatedAt 1 1; drop table refs'),
    ),
  ]),
  row('B-264', 'orders', [
    ...each('400 InvalidParameter', ['password_hash', '__proto__', 'id', '', 'likes desc', 'LIKES'], (sort) =>
      list(`sort=${encodeURIComponent(sort)}`),
    ),
    ...each('400 InvalidParameter', ['9', '0', '', 'up', '-2'], (direction) =>
      list(`direction=${direction}`),
    ),
  ]),
  row('B-265', 'searches', [
    ...each(
      '200',
      ['%', '"', "'", '*', 'NEAR(', "' or 1=1 --", '\\', '%_%', 'm1*', 'a\0b', '(', 'a AND b'],
      searched,
      found([]),
    ),
    one('200', 'what is there', searched('M1'), found(['owner/m1'])),
    ...each('400 InvalidParameter', ['x'.repeat(10_000)], searched),
    one('200', 'an author that cannot be', list('author=%25'), found([])),
  ]),
  row('B-266', 'filters and fields', [
    one('431', '10,000 filters', list(Array.from({ length: 10_000 }, () => 'filter=a').join('&'))),
    one(
      '400 InvalidParameter',
      '1,000 filters',
      list(Array.from({ length: 1_000 }, () => 'filter=a').join('&')),
    ),
    ...each(
      '400 InvalidParameter',
      ['tokens', '__proto__', 'passwordHash', '', 'Likes', 'constructor'],
      (field) => list(`expand[]=${field}`),
    ),
    ...each('400 InvalidParameter', ['tokens', '__proto__', ''], (field) =>
      ask('GET', `${API}?expand=${field}`),
    ),
  ]),
  row('B-267', 'flags', [
    ...each(
      '400 InvalidParameter',
      ['full=maybe', 'full=true&full=false', 'full=', 'full=TRUE', 'full=2'],
      list,
    ),
    ...each(
      '400 InvalidParameter',
      ['recursive=maybe', 'expand=maybe', 'recursive=true&recursive=true'],
      tree,
    ),
    ...each('400 InvalidParameter', ['blobs=yes', 'securityStatus=x'], (query) =>
      ask('GET', `${API}?${query}`),
    ),
  ]),
  row('B-268', 'more than may be said', [
    one(
      '200',
      'about a repository',
      asAlways(async (world) => {
        const repo = await world.fresh();
        return world.hub.send('PUT', `/api/models/${repo.name}/settings`, {
          token: tokenOf('owner'),
          body: { private: false, ...MORE, owner: 'stranger' },
        });
      }, '/api/session'),
      { isKept: true },
    ),
    one(
      '409 Conflict',
      'about a new one',
      ask('POST', '/api/repos/create', { body: { name: 'm1', ...MORE } }),
    ),
    one(
      '200',
      'about oneself',
      ask('PUT', '/api/settings/profile', { body: { fullName: 'Full owner', email: null, ...MORE } }),
      {
        isKept: true,
        check: async (answer, world) => {
          expect(answer.json()).toMatchObject({ user: { name: 'owner', isAdmin: false } });
          expect(
            (await world.hub.send('GET', '/api/whoami-v2', { token: tokenOf('owner') })).json(),
          ).toMatchObject({ name: 'owner', auth: { accessToken: { role: 'write' } } });
        },
      },
    ),
    one(
      '201',
      'about a token',
      ask('POST', '/api/settings/tokens', { body: { name: 'more', ...MORE, role: 'read' } }),
      { isKept: true, check: (answer) => expect(answer.json()).toMatchObject({ token: { role: 'read' } }) },
    ),
    one('200', 'about a branch', ask('POST', `${API}/branch/more`, { body: { ...MORE } }), { isKept: true }),
    one('200', 'about a tag', ask('POST', `${API}/tag/main`, { body: { tag: 'more', ...MORE } }), {
      isKept: true,
    }),
    one(
      '200',
      'about a commit',
      async (world) =>
        (await world.fresh()).postCommit(
          ndjson([fileLine('x', '1')], { summary: 's', ...MORE, author: 'stranger' }),
        ),
      { isKept: true },
    ),
  ]),
  row('B-269', 'numbers and notes that JSON has not', [
    ...each(
      '400 InvalidBody',
      [
        '{"name":"never","type":NaN}',
        '{"name":01}',
        '{"name":"never",}',
        '{"name":"never"/*x*/}',
        '{"name":"never"}//x',
        "{'name':'never'}",
        '{name:"never"}',
        '{"name":"never","private":undefined}',
        '{"name":"ne\nver"}',
        '{"name":"\\x41"}',
        '["never"',
        '{"name":.5}',
        '{"name":+1}',
        '{"name":Infinity}',
      ],
      create,
    ),
    ...each('400 InvalidBody', ['1e309', '-1', '9007199254740993', '1.5', '-0.5'], (days) =>
      ask('POST', '/api/settings/tokens', jsonText(`{"name":"never","role":"read","expiresInDays":${days}}`)),
    ),
    ...each('400 InvalidBody', ['1e309', '9007199254740993', '-1', '0.5'], (size) =>
      ask('POST', `${API}/preupload/main`, jsonText(`{"files":[{"path":"never","size":${size}}]}`)),
    ),
  ]),
  row('B-270', 'bodies', [
    one('400 InvalidBody', 'no UTF-8', create(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]))),
    one('400 InvalidBody', 'a byte order mark', create('\ufeff{"name":"never"}')),
    one('400 InvalidBody', 'two documents', create('{"name":"never"}{"name":"never"}')),
    one('400 InvalidBody', 'two lines', create('{"name":"never"}\n{"name":"never"}')),
    one('413 BodyTooLarge', '50 MB', (world) => create(Buffer.alloc(50_000_000, ' '))(world)),
    one('400 InvalidBody', 'nothing', create('')),
    ...each('400 InvalidBody', ['null', '1', '"x"', '[]', 'true', ' ', '[[[['], create),
    one(
      '400 InvalidBody',
      'nesting',
      create(`{"name":"never","x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`),
    ),
    one('400 InvalidBody', 'a name twice', create('{"name":"a","na\\u006de":"never"}')),
  ]),
  row('B-271', 'a million strings', [
    // 2 bytes more than each string, so this is over what a list of files may have.
    one('413 BodyTooLarge', 'in a new repository', (world) =>
      create(`{"name":"never","topics":[${'"aaaaaaaa",'.repeat(1_000_000)}"a"]}`)(world),
    ),
    one('413 BodyTooLarge', 'in settings', (world) =>
      ask(
        'PUT',
        `${API}/settings`,
        jsonText(`{"private":false,"topics":[${'"a",'.repeat(1_000_000)}"a"]}`),
      )(world),
    ),
    one(
      '400 InvalidBody',
      'a license of 10 KB',
      ask('POST', '/api/repos/create', { body: { name: 'never', license: 'l'.repeat(10_000) } }),
    ),
    one('400 InvalidParameter', 'a filter of 10 KB', list(`filter=${'t'.repeat(10_000)}`)),
  ]),
  row('B-272', 'dates', [
    // Nothing takes a date yet; how long a token lasts is told in days.
    ...each('400 InvalidBody', ['2026-13-45', '+1000000-01-01', 1_000_000, [1], {}], (days) =>
      ask('POST', '/api/settings/tokens', { body: { name: 'never', role: 'read', expiresInDays: days } }),
    ),
  ]),
  row(
    'B-273',
    'a walk through pages that change',
    each(
      '200',
      [
        'sort=createdAt',
        'sort=createdAt&direction=1',
        'sort=lastModified',
        'sort=likes',
        'sort=trendingScore',
        'search=stable&sort=downloads',
      ],
      walk,
      { isKept: true },
    ),
  ),
];
