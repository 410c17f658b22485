import { connect } from 'node:net';
import { expect } from 'vitest';
import type { RequestOptions } from '../support/hub.ts';
import {
  fileLine,
  lfsLine,
  ndjson,
  sha256Of,
  tokenOf,
  type CommitLine,
  type Person,
} from '../support/scenario.ts';
import { ask, bytes, each, head, one, readAnswer, row, type Row, type Send } from './cases.ts';
import { FOREIGN, HELD } from './world.ts';

const API = '/api/models/owner/m1';
const NDJSON = { 'content-type': 'application/x-ndjson' };
const post = (body: string | Buffer, revision = 'main'): Send =>
  ask('POST', `${API}/commit/${revision}`, { headers: NDJSON, body: Buffer.from(body) });
const line = (key: unknown, value: unknown): string => `${JSON.stringify({ key, value })}\n`;
const HEADER = line('header', { summary: 's' });
const GOOD = line('file', { path: 'never', content: 'YQ==', encoding: 'base64' });
const commit = (...lines: readonly CommitLine[]): Send => post(ndjson(lines));
const withHeader = (header: object): Send => post(ndjson([fileLine('never', '1')], header));
const file = (more: object): Send =>
  commit(['file', { path: 'never', encoding: 'base64', content: 'YQ==', ...more }]);
const large = (more: object): Send =>
  commit(['lfsFile', { path: 'never.bin', algo: 'sha256', oid: sha256Of(HELD), size: HELD.length, ...more }]);
/** A commit of its own repository, which is made. */
const made =
  (body: string | Buffer): Send =>
  async (world) =>
    (await world.fresh()).postCommit(Buffer.from(body));
const kept = { isKept: true };

export const BAD_OIDS: readonly unknown[] = [
  'A'.repeat(64),
  'a'.repeat(63),
  'a'.repeat(65),
  'g'.repeat(64),
  `sha256:${'a'.repeat(64)}`,
  '../../x',
  '\uff11'.repeat(64),
  `${'a'.repeat(63)}\n`,
  '',
  null,
  1,
  ['a'.repeat(64)],
];
/** As they stand in JSON: some are no values of JavaScript. */
export const BAD_SIZES: readonly string[] = [
  '-1',
  '1.5',
  '"5"',
  '1e400',
  '9007199254740992',
  '9223372036854775808',
  'true',
  '[5]',
];

const sized = (size: string): Send =>
  post(
    `${HEADER}{"key":"lfsFile","value":{"path":"never.bin","algo":"sha256","oid":"${sha256Of(HELD)}","size":${size}}}\n`,
  );

const NOT_UPLOADED = Buffer.from('never uploaded');
const unverified: Send = async (world) => {
  const content = Buffer.from('announced, and never sent');
  await world.repo.batchOne('upload', content);
  return world.repo.postCommit(ndjson([lfsLine('never.bin', content)]));
};

/** Ninety-nine hundredths of a commit, and then the line is dead. */
const lost: Send = async ({ hub }) => {
  const body = ndjson([fileLine('never', Buffer.alloc(2_000_000, 'x'))]);
  await new Promise<void>((done) => {
    const socket = connect(Number(new URL(hub.url).port), '127.0.0.1', () => {
      socket.write(
        head(
          `POST ${API}/commit/main HTTP/1.1`,
          `Host: ${hub.host}`,
          `Authorization: Bearer ${tokenOf('owner') ?? ''}`,
          'Content-Type: application/x-ndjson',
          `Content-Length: ${body.length}`,
        ),
      );
      socket.write(body.subarray(0, Math.floor(body.length * 0.99)), () => socket.destroy());
    });
    socket.on('close', () => done());
  });
  return readAnswer('');
};

const twice: Send = async (world) => {
  const repo = await world.fresh();
  const body = ndjson([fileLine('x', '1')], { summary: 'once', parentCommit: await repo.head() });
  const first = await repo.postCommit(body);
  const second = await repo.postCommit(body);
  expect(second.json()['commitOid']).toBe(first.json()['commitOid']);
  expect((await repo.api('GET', 'commits/main')).json<unknown[]>()).toHaveLength(2);
  return second;
};

const stale: Send = async (world) => {
  const repo = await world.fresh();
  const parentCommit = await repo.head();
  await repo.commit([fileLine('x', '1')]);
  return repo.postCommit(ndjson([fileLine('y', '2')], { summary: 's', parentCommit }));
};

const forged: Send = async (world) => {
  const repo = await world.fresh();
  const description =
    'Co-authored-by: root <root@localhost>\nauthor stranger <s@x> 0 +0000\nSigned-off-by: x';
  await repo.commit([fileLine('x', '1')], {
    summary: 'a\nauthor eve <e@x> 1 +0000',
    description,
    author: 'eve',
  });
  return repo.api('GET', 'commits/main');
};

const by = (person: Person): Send =>
  ask('POST', `${API}/commit/main`, {
    token: tokenOf(person),
    headers: NDJSON,
    body: ndjson([fileLine('never', '1')]),
  });
/** The owner, once the repository is archived; and how it looks to somebody who asks before a commit. */
const archived =
  (method: string, path: string, options: RequestOptions): Send =>
  async (world) => {
    const repo = await world.fresh();
    expect((await repo.api('PUT', 'settings', { body: { archived: true } })).status).toBe(200);
    return repo.api(method, path, options);
  };
const preupload = (body: object): Send => ask('POST', `${API}/preupload/main`, { body });
const announced = (more: object): Send => preupload({ files: [{ path: 'never', size: 1, ...more }] });

/** Lines by the million, written as fast as they are taken. */
const endless: Send = bytes(({ hub }) => {
  const body = Buffer.from(HEADER + line('deletedFile', { path: 'a' }).repeat(1_000_001));
  return Buffer.concat([
    Buffer.from(
      head(
        `POST ${API}/commit/main HTTP/1.1`,
        `Host: ${hub.host}`,
        `Authorization: Bearer ${tokenOf('owner') ?? ''}`,
        'Content-Type: application/x-ndjson',
        `Content-Length: ${body.length}`,
        'Connection: close',
      ),
    ),
    body,
  ]);
});

/** Section 3.6, with the order of checks of the design (2.5). */
export const COMMITS: readonly Row[] = [
  row('B-111', 'nothing to do', [
    one('400 InvalidBody', 'an empty body', post('')),
    one('400 InvalidBody', 'blank lines', post('\n\r\n \n')),
    one('200', 'only a header', post(HEADER), {
      check: async (answer, world) => expect(answer.json()['commitOid']).toBe(await world.repo.head()),
    }),
  ]),
  row('B-112', 'headers', [
    one('400 InvalidBody', 'none', post(GOOD)),
    one('400 InvalidBody', 'not first', post(GOOD + HEADER)),
    one('400 InvalidBody', 'two', post(HEADER + GOOD + HEADER)),
  ]),
  row('B-113', 'lines of another form', [
    ...each('400 InvalidBody', ['nope', '', 1, null, ['file'], '__proto__', 'constructor'], (key) =>
      post(HEADER + line(key, {})),
    ),
    ...each('400 InvalidBody', [null, [], 'x', 1], (value) => post(HEADER + line('file', value))),
    ...each('400 InvalidBody', ['{"value":{}}', '{"key":"file"}', '[]', '1', 'null', '"x"', 'x'], (text) =>
      post(`${HEADER}${text}\n`),
    ),
  ]),
  row('B-114', 'no JSON on line 7 of 10', [
    one(
      '400 InvalidBody',
      'names the line',
      post(HEADER + GOOD.repeat(5) + '{"key":"file"\n' + GOOD.repeat(3)),
      {
        check: (answer) =>
          expect(answer.json()).toMatchObject({
            line: 7,
            error: expect.stringMatching(/^Line 7: /) as string,
          }),
      },
    ),
  ]),
  row('B-115', 'the end of the last line', [
    one('400 InvalidBody', 'cut in the middle', post(HEADER + GOOD.slice(0, 30))),
    one('200', 'without a newline', made(HEADER + GOOD.trimEnd()), kept),
  ]),
  row('B-116', 'marks and line ends', [
    one('400 InvalidBody', 'a byte order mark', post(`\ufeff${HEADER}${GOOD}`)),
    one('200', 'CRLF', made((HEADER + GOOD).replaceAll('\n', '\r\n')), kept),
    one('200', 'blank lines', made(`\n${HEADER}\n  \n${GOOD}\n\n`), kept),
  ]),
  row('B-117', 'bytes that are no UTF-8', [
    one(
      '400 InvalidBody',
      'in a string',
      post(
        Buffer.concat([
          Buffer.from(HEADER),
          Buffer.from('{"key":"file","value":{"path":"\xff","content":"YQ=="}}\n', 'latin1'),
        ]),
      ),
    ),
    one(
      '400 InvalidBody',
      'half a surrogate pair',
      post(
        Buffer.concat([
          Buffer.from(`${HEADER}{"key":"file","value":{"path":"`),
          Buffer.from([0xed, 0xa0, 0x80]),
          Buffer.from('","content":"YQ=="}}\n'),
        ]),
      ),
    ),
  ]),
  row('B-118', 'a line of 100 MB', [
    one('413 BodyTooLarge', 'one file', (world) =>
      post(
        Buffer.concat([
          Buffer.from(`${HEADER}{"key":"file","value":{"path":"never","encoding":"base64","content":"`),
          Buffer.alloc(100_000_000, 'A'),
        ]),
      )(world),
    ),
  ]),
  row('B-119', 'a million lines', [one('413 TooManyItems', '1,000,002', endless)]),
  row('B-120', 'nesting', [
    one(
      '400 InvalidBody',
      'arrays',
      post(`${HEADER}{"key":"file","value":${'['.repeat(200_000)}${']'.repeat(200_000)}}\n`),
    ),
    one(
      '400 InvalidBody',
      'objects',
      post(`${HEADER}{"key":"file","value":${'{"a":'.repeat(200_000)}1${'}'.repeat(200_000)}}\n`),
    ),
    one('400 InvalidBody', 'never closed', post(`${HEADER}${'['.repeat(200_000)}\n`)),
  ]),
  row(
    'B-121',
    'a key twice',
    each(
      '400 InvalidBody',
      [
        '{"key":"file","key":"header","value":{"summary":"s"}}',
        '{"key":"file","\\u006bey":"header","value":{"summary":"s"}}',
        '{"key":"file","value":{"path":"a","path":"b","content":"YQ=="}}',
      ],
      (text) => post(`${HEADER}${text}\n`),
    ),
  ),
  row(
    'B-122',
    'members of every object',
    each(
      '400 InvalidBody',
      [
        '{"__proto__":{"x":1},"key":"file","value":{"path":"never","content":"a"}}',
        '{"\\u005f_proto__":{"x":1},"key":"file","value":{"path":"never","content":"a"}}',
        '{"constructor":{"prototype":{"x":1}},"key":"file","value":{"path":"never","content":"a"}}',
        '{"key":"file","value":{"__proto__":{"path":"never"},"content":"a"}}',
      ],
      (text) => post(`${HEADER}${text}\n`),
      { check: () => expect(({} as { x?: number }).x).toBeUndefined() },
    ),
  ),
  row('B-123', 'summaries', [
    ...each('400 InvalidBody', [undefined, null, '', ' ', 1, [], {}, 'a\0b'], (summary) =>
      withHeader({ summary }),
    ),
    one(
      '400 InvalidBody',
      'a lone surrogate',
      post('{"key":"header","value":{"summary":"\\ud800"}}\n' + GOOD),
    ),
    one('413 BodyTooLarge', '10 MB', withHeader({ summary: 'a'.repeat(10_000_000) })),
    one(
      '413 BodyTooLarge',
      'a description of 10 MB',
      withHeader({ summary: 's', description: 'a'.repeat(10_000_000) }),
    ),
    ...each('400 InvalidBody', [1, [], 'a\0b'], (description) => withHeader({ summary: 's', description })),
    one('200', 'that name an author', forged, {
      ...kept,
      check: (answer) => {
        const [first] = answer.json<{ authors: { user: string }[] }[]>();
        expect(first?.authors).toEqual([expect.objectContaining({ user: 'owner' })]);
      },
    }),
  ]),
  row('B-124', 'parents', [
    ...each(
      '400 InvalidBody',
      ['a'.repeat(39), 'g'.repeat(40), 'A'.repeat(40), '', 1, [], 'main'],
      (parentCommit) => withHeader({ summary: 's', parentCommit }),
    ),
    // `RefMoved` is this hub's word for a precondition that failed.
    one('412 RefMoved', 'unknown', withHeader({ summary: 's', parentCommit: 'a'.repeat(40) })),
    one('412 RefMoved', 'stale', stale, kept),
  ]),
  row('B-125', 'encodings', [
    ...each('400 InvalidBody', ['gzip', 'UTF-8', 'hex', '', 1, null], (encoding) => file({ encoding })),
    // The contract (3.4) has both: base64 where it is named, else the text as it is.
    one('200', 'utf-8', made(HEADER + line('file', { path: 'x', content: 'YQ==', encoding: 'utf-8' })), kept),
    one(
      '200',
      'none: the text is the content',
      async (world) => {
        const repo = await world.fresh();
        await repo.commit([['file', { path: 'x', content: 'YQ==' }]]);
        return repo.resolve('main', 'x');
      },
      { ...kept, check: ({ text }) => expect(text).toBe('YQ==') },
    ),
  ]),
  row(
    'B-126',
    'base64 of another kind',
    each(
      '400 InvalidContent',
      ['YQ*=', 'Y Q==', 'YQ', 'YQ=', '_-8=', 'YQ==YQ==', 'YQ==x', 'YR==', '\u0159Q==', 'YQ==\n', '===='],
      (content) => file({ content }),
    ),
  ),
  row('B-127', 'content of another type', [
    ...each('400 InvalidBody', [null, 1, {}, ['a'], true], (content) => file({ content })),
    one(
      '400 InvalidContent',
      'a lone surrogate',
      post(`${HEADER}{"key":"file","value":{"path":"never","content":"\\ud800"}}\n`),
    ),
    one('200', 'empty', made(HEADER + line('file', { path: 'x', content: '', encoding: 'base64' })), kept),
  ]),
  row('B-128', 'a file over the limit', [
    one('400 UseLfs', '10 MiB and a byte', (world) =>
      file({ content: Buffer.alloc(10 * 2 ** 20 + 1).toString('base64') })(world),
    ),
  ]),
  row(
    'B-129',
    'other algorithms',
    each('400 InvalidBody', ['md5', 'SHA256', undefined, null, 1], (algo) => large({ algo })),
  ),
  row(
    'B-130',
    'oids that are none',
    each('400 InvalidOid', BAD_OIDS, (oid) => large({ oid })),
  ),
  row('B-131', 'sizes that are none', each('400 InvalidSize', [...BAD_SIZES, 'null'], sized)),
  row('B-132', 'no size', [
    one('200', 'of an object that is held', async (world) =>
      world.repo.postCommit(ndjson([['lfsFile', { path: 'held.bin', algo: 'sha256', oid: sha256Of(HELD) }]])),
    ),
    one('400 LfsNotUploaded', 'of one that is not', large({ oid: sha256Of(NOT_UPLOADED), size: undefined })),
  ]),
  // The sentence tells the true size; `LfsMismatch` is kept for bytes that are not what their name says.
  row(
    'B-133',
    'another size than the object has',
    each('400 InvalidSize', [0, HELD.length - 1, HELD.length + 1], (size) => large({ size })),
  ),
  row('B-134', 'objects that the repository does not hold', [
    one('400 LfsNotUploaded', 'not uploaded', commit(lfsLine('never.bin', NOT_UPLOADED))),
    one('400 LfsNotUploaded', 'announced only', unverified),
    one('400 LfsNotUploaded', 'held by another repository', commit(lfsLine('never.bin', FOREIGN))),
  ]),
  row('B-135', 'where nothing can be added', [
    one('400 InvalidRevision', 'a tag', post(HEADER + GOOD, 'v1')),
    one('400 InvalidRevision', 'a commit', async (world) =>
      world.repo.postCommit(Buffer.from(HEADER + GOOD), await world.repo.head()),
    ),
    one('404 RevisionNotFound', 'a missing branch', post(HEADER + GOOD, 'missing')),
  ]),
  row('B-136', 'pull requests', [
    // 501 by the design (section 4): the endpoint exists on the large hub, and clients do not retry it.
    ...each('501 NotSupported', ['1', 'true'], (value) =>
      ask('POST', `${API}/commit/main?create_pr=${value}`, {
        headers: NDJSON,
        body: ndjson([fileLine('never', '1')]),
      }),
    ),
    ...each('400 InvalidParameter', ['yes', '', '2'], (value) =>
      ask('POST', `${API}/commit/main?create_pr=${value}`, {
        headers: NDJSON,
        body: ndjson([fileLine('never', '1')]),
      }),
    ),
  ]),
  row(
    'B-137',
    'other media types',
    each(
      '415 UnsupportedMediaType',
      ['application/json', 'text/plain', 'application/x-ndjson; charset=latin1', ''],
      (type) =>
        ask('POST', `${API}/commit/main`, {
          headers: { 'content-type': type },
          body: ndjson([fileLine('never', '1')]),
        }),
    ),
  ),
  row('B-138', 'who may not write', [
    one('403 Forbidden', 'a read token', by('owner-read')),
    one('403 Forbidden', 'a stranger', by('stranger')),
    one('401 SignInRequired', 'nobody', by('anonymous')),
    one(
      '403 Forbidden',
      'the owner of an archived repository',
      archived('POST', 'commit/main', { headers: NDJSON, body: ndjson([fileLine('never', '1')]) }),
      { isKept: true },
    ),
    ...each(
      '403 Forbidden',
      ['preupload/main', 'branch/never', 'tag/main'],
      (path) => archived('POST', path, { body: path.startsWith('pre') ? { files: [] } : { tag: 'never' } }),
      { isKept: true },
    ),
  ]),
  row('B-139', 'a connection that is lost', [one('none', 'at 99 %', lost)]),
  row('B-140', 'a commit twice', [one('200', 'is one', twice, kept)]),
  row('B-141', 'preupload', [
    ...each('400 InvalidBody', [{}, 'x', null, 1, [null], ['x'], [[]]], (files) => preupload({ files })),
    one(
      '413 TooManyItems',
      '10,001 files',
      preupload({ files: Array.from({ length: 10_001 }, (_, index) => ({ path: `f${index}`, size: 1 })) }),
    ),
    ...each('400 InvalidContent', ['*', 'YQ', 'Y Q=', 'YQ==YQ=='], (sample) => announced({ sample })),
    one('413 BodyTooLarge', 'a sample of 10 MB', announced({ sample: 'A'.repeat(10_000_000) })),
    ...each('400 InvalidBody', [-1, 1.5, '1', null, 2 ** 60], (size) => announced({ size })),
    ...each('400 InvalidBody', [1, {}, ['a']], (sample) => announced({ sample })),
    ...each('400 InvalidBody', [1, {}], (gitIgnore) => preupload({ files: [], gitIgnore })),
  ]),
];
