import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectNothingStored, type Answer, type TestHub } from '../support/hub.ts';
import {
  createRepo,
  fileLine,
  lfsLine,
  ndjson,
  repoClient,
  sha256Of,
  startPeopledHub,
  tokenOf,
  type CommitLine,
  type RepoClient,
} from '../support/scenario.ts';

/* Commits that must not be made. Of none of them anything is left: no row, no object, no staged byte. */

let hub: TestHub;
let repo: RepoClient;
const held = randomBytes(20_000);
beforeAll(async () => {
  hub = await startPeopledHub();
  repo = await createRepo(hub, 'owner/m1');
  await repo.uploadLfs(held);
  await repo.commit([fileLine('there', '1'), fileLine('folder/x', '1'), lfsLine('m.bin', held)]);
  expect((await repo.api('POST', 'tag/main', { body: { tag: 'v1' } })).status).toBe(200);
});
afterAll(() => hub[Symbol.asyncDispose]());

const codeOf = ({ status, headers }: Answer): string => `${status} ${String(headers['x-error-code'])}`;

async function expectRefused(body: Buffer, expected: string, revision = 'main'): Promise<Answer> {
  let answer: Answer | undefined;
  await expectNothingStored(hub, async () => {
    answer = await repo.postCommit(body, revision);
    expect(codeOf(answer), answer.text).toBe(expected);
  });
  if (!answer) throw new Error('No answer came.');
  return answer;
}

test('a commit that is made leaves something', async () => {
  const before = await hub.snapshot();
  await repo.commit([fileLine('one-more', '1')]);
  expect(await hub.snapshot()).not.toEqual(before);
});

const line = (key: unknown, value: unknown): string => JSON.stringify({ key, value });
const HEADER = line('header', { summary: 's' });
const GOOD = line('file', { path: 'good', content: 'YQ==', encoding: 'base64' });
const body = (...lines: readonly string[]): Buffer => Buffer.from(lines.map((one) => `${one}\n`).join(''));

describe('bodies', () => {
  test.each([
    ['nothing', Buffer.alloc(0)],
    ['blank lines', Buffer.from('\n\r\n  \n')],
    ['no header', body(GOOD)],
    ['a header that is not first', body(GOOD, HEADER)],
    ['two headers', body(HEADER, GOOD, HEADER)],
    ['an unknown key', body(HEADER, GOOD, line('nope', {}))],
    ['no key', body(HEADER, GOOD, '{"value":{}}')],
    ['a key that is a number', body(HEADER, GOOD, line(1, {}))],
    ['a value that is nothing', body(HEADER, GOOD, line('file', null))],
    ['a value that is a list', body(HEADER, GOOD, line('file', []))],
    ['a line that is no object', body(HEADER, GOOD, '[]')],
    ['a cut last line', Buffer.concat([body(HEADER, GOOD), Buffer.from(GOOD.slice(0, 30))])],
    ['a byte order mark', Buffer.concat([Buffer.from('\ufeff'), body(HEADER, GOOD)])],
    [
      'bytes that are no UTF-8',
      Buffer.concat([body(HEADER, GOOD), Buffer.from('{"key":"file","value":{"path":"\xff"}}', 'latin1')]),
    ],
    ['deep nesting', body(HEADER, GOOD, `{"key":"file","value":${'['.repeat(200_000)}`)],
    ['a key twice', body(HEADER, '{"key":"file","key":"header","value":{"summary":"s"}}')],
    ['a hostile member', body(HEADER, `{"__proto__":{"x":1},${GOOD.slice(1)}`)],
    [
      'one object over several lines',
      Buffer.from(JSON.stringify({ key: 'header', value: { summary: 's' } }, undefined, 2)),
    ],
    ['an array of lines', Buffer.from(JSON.stringify([{ key: 'header', value: { summary: 's' } }]))],
  ])('of %s', async (_, bytes) => {
    await expectRefused(bytes, '400 InvalidBody');
  });

  test('with a broken line are refused by its number', async () => {
    const lines = Array.from({ length: 10 }, (_, index) => line('file', { path: `f${index}`, content: 'x' }));
    lines[5] = '{"key":"file"';
    const answer = await expectRefused(body(HEADER, ...lines), '400 InvalidBody');
    expect(answer.json()).toMatchObject({ line: 7, error: expect.stringMatching(/^Line 7: /) as string });
  });

  test('of another media type', async () => {
    for (const type of ['application/json', 'text/plain', 'application/x-ndjson; charset=latin1']) {
      await expectNothingStored(hub, async () => {
        const answer = await repo.api('POST', 'commit/main', {
          body: body(HEADER, GOOD),
          headers: { 'content-type': type },
        });
        expect([type, answer.status]).toEqual([type, 415]);
      });
    }
    const encoded = await repo.api('POST', 'commit/main', {
      body: body(HEADER, GOOD),
      headers: { 'content-type': 'application/x-ndjson', 'content-encoding': 'gzip' },
    });
    expect(codeOf(encoded)).toBe('415 UnsupportedEncoding');
  });

  test('with a line beyond the limit of a file', async () => {
    const content = 'A'.repeat(16 * 1024 * 1024);
    await expectRefused(
      body(HEADER, GOOD, line('file', { path: 'big', content, encoding: 'base64' })),
      '413 BodyTooLarge',
    );
  });
});

describe('headers', () => {
  test.each([undefined, null, '', ' ', 1, 'a\0b'])('with the summary %j', async (summary) => {
    await expectRefused(body(line('header', { summary }), GOOD), '400 InvalidBody');
  });

  test('with a summary of ten megabytes', async () => {
    await expectRefused(body(line('header', { summary: 'x'.repeat(10_000_000) }), GOOD), '413 BodyTooLarge');
  });

  test.each(['', 'a'.repeat(39), 'main', 'A'.repeat(40), 1])('with the parent %j', async (parentCommit) => {
    await expectRefused(body(line('header', { summary: 's', parentCommit }), GOOD), '400 InvalidBody');
  });

  test('with a forged author change nothing about who made the commit', async () => {
    const forged = { summary: 's\n\nCo-authored-by: eve', author: 'eve', description: 'Author: eve <eve@x>' };
    const made = await repo.commit([fileLine('forged', '1')], forged);
    const [newest] = (await repo.api('GET', 'commits/main')).json<{ id: string; authors: unknown }[]>();
    expect(newest).toMatchObject({ id: made, authors: [{ user: 'owner' }] });
  });
});

describe('files', () => {
  test.each([
    '../x',
    'a/../../x',
    '/x',
    '',
    'a//b',
    'a/',
    '.git/config',
    'a\\b',
    'C:x',
    'a ',
    'x\0y',
    '.cache/x',
    '\ud800',
  ])('at the path %j', async (path) => {
    await expectRefused(ndjson([fileLine('good', '1'), ['file', { path, content: 'x' }]]), '400 InvalidPath');
  });

  test('with the name of a device', async () => {
    await expectRefused(ndjson([fileLine('a/nul.txt', 'x')]), '400 ReservedName');
  });

  test.each(['*', 'YQ', 'YQ==YQ==', 'Y Q=', '_w==', 'YWJ\u0141'])('with the base64 %j', async (content) => {
    await expectRefused(
      body(HEADER, GOOD, line('file', { path: 'a', content, encoding: 'base64' })),
      '400 InvalidContent',
    );
  });

  test('in another encoding', async () => {
    await expectRefused(
      body(HEADER, line('file', { path: 'a', content: 'x', encoding: 'gzip' })),
      '400 InvalidBody',
    );
  });

  test('that belong into git-lfs by their size', async () => {
    const content = randomBytes(10 * 1024 * 1024 + 1);
    await expectRefused(ndjson([fileLine('big', content)]), '400 UseLfs');
  });

  test('that are a card nobody can read', async () => {
    for (const metadata of [
      'license: [',
      'model-index: foo',
      '- a\n- b',
      'tags: {a: 1}',
      'a: 1\na: 2',
      '&a [*a, *a]\n: x',
    ]) {
      const answer = await expectRefused(
        ndjson([fileLine('good', '1'), fileLine('README.md', `---\n${metadata}\n---\n# Card\n`)]),
        '400 InvalidMetadata',
      );
      expect(answer.json<{ errors: { message: string }[] }>().errors[0]?.message).toMatch(/./);
      expect(answer.headers['x-error-message']).toMatch(/Invalid metadata in README\.md/);
    }
    expect(await repo.commit([fileLine('README.md', '---\nlicense: mit\ntags: [a]\n---\n# Card\n')])).toMatch(
      /^[0-9a-f]{40}$/,
    );
    expect(await repo.commit([fileLine('docs/README.md', '---\nlicense: [\n---\n')])).toMatch(
      /^[0-9a-f]{40}$/,
    );
  });
});

describe('large files', () => {
  const value = (more: object): CommitLine => [
    'lfsFile',
    { path: 'n.bin', algo: 'sha256', oid: sha256Of(held), size: held.length, ...more },
  ];

  test.each([
    ['another algorithm', { algo: 'md5' }, '400 InvalidBody'],
    ['an oid in capitals', { oid: 'A'.repeat(64) }, '400 InvalidOid'],
    ['an oid that is a path', { oid: '../../x' }, '400 InvalidOid'],
    ['a negative size', { size: -1 }, '400 InvalidSize'],
    ['half a byte', { size: 1.5 }, '400 InvalidSize'],
    ['a size as text', { size: '5' }, '400 InvalidSize'],
    ['another size than they have', { size: held.length + 1 }, '400 InvalidSize'],
    ['an oid nobody uploaded', { oid: 'a'.repeat(64) }, '400 LfsNotUploaded'],
    ['an oid nobody uploaded, and no size', { oid: 'a'.repeat(64), size: undefined }, '400 LfsNotUploaded'],
  ])('with %s', async (_, more, expected) => {
    await expectRefused(ndjson([fileLine('good', '1'), value(more)]), expected);
  });

  test('of another repository, although the hub has their bytes', async () => {
    const other = await createRepo(hub, 'owner/other');
    const secret = randomBytes(1000);
    await other.uploadLfs(secret);
    const body1 = ndjson([lfsLine('stolen.bin', secret)]);
    const before = await expectRefused(body1, '400 LfsNotUploaded');
    await other.commit([lfsLine('own.bin', secret)]);
    const after = await expectRefused(body1, '400 LfsNotUploaded');
    const absent = await expectRefused(
      ndjson([lfsLine('stolen.bin', randomBytes(1000))]),
      '400 LfsNotUploaded',
    );
    // Whether the hub has the bytes is not to be seen from here.
    for (const answer of [before, after]) expect(answer.json()['error']).toBe(absent.json()['error']);
  });
});

describe('operations', () => {
  test.each([
    ['deleting a file that is not there', [['deletedFile', { path: 'absent' }]], '404 EntryNotFound'],
    ['deleting a folder that is not there', [['deletedFolder', { path: 'absent/' }]], '404 EntryNotFound'],
    ['deleting a file as a folder', [['deletedFolder', { path: 'there/' }]], '404 EntryNotFound'],
    ['deleting below a file', [['deletedFile', { path: 'there/x' }]], '404 EntryNotFound'],
    ['deleting everything', [['deletedFolder', { path: '/' }]], '400 InvalidPath'],
    ['deleting nothing', [['deletedFolder', { path: '' }]], '400 InvalidPath'],
    ['deleting here', [['deletedFolder', { path: '.' }]], '400 InvalidPath'],
    ['deleting what git knows alone', [['deletedFile', { path: '.git/config' }]], '400 InvalidPath'],
    ['copying what is not there', [['copyFile', { path: 'a', srcPath: 'absent' }]], '404 EntryNotFound'],
    ['copying a folder', [['copyFile', { path: 'a', srcPath: 'folder' }]], '404 EntryNotFound'],
    [
      'copying from a revision that is none',
      [['copyFile', { path: 'a', srcPath: 'there', srcRevision: 'absent' }]],
      '404 RevisionNotFound',
    ],
    ['copying out of the repository', [['copyFile', { path: 'a', srcPath: '../x' }]], '400 InvalidPath'],
    ['a file in a file', [fileLine('there/x', '1')], '400 PathCollision'],
  ] as const)('%s', async (_, lines, expected) => {
    await expectRefused(ndjson([fileLine('good', '1'), ...lines]), expected);
  });
});

describe('targets', () => {
  test.each([
    ['a tag', 'v1', '400 InvalidRevision'],
    ['a tag by its full name', 'refs%2Ftags%2Fv1', '400 InvalidRevision'],
    ['a branch that is not there', 'absent', '404 RevisionNotFound'],
    ['a pull request that is not there', 'refs%2Fpr%2F1', '404 RevisionNotFound'],
    ['nothing that can be decoded', '%zz', '400 InvalidPath'],
  ])('that are %s', async (_, revision, expected) => {
    await expectRefused(ndjson([fileLine('good', '1')]), expected, revision);
  });

  test('that are a commit', async () => {
    const head = await repo.head();
    await expectRefused(ndjson([fileLine('good', '1')]), '400 InvalidRevision', head);
    await expectRefused(ndjson([fileLine('good', '1')]), '400 InvalidRevision', head.slice(0, 10));
  });

  test('that are pull requests, as long as there are none', async () => {
    await expectRefused(ndjson([fileLine('good', '1')]), '501 NotSupported', 'main?create_pr=1');
    await expectRefused(ndjson([fileLine('good', '1')]), '400 InvalidParameter', 'main?create_pr=yes');
    expect((await repo.api('POST', 'preupload/main?create_pr=1', { body: { files: [] } })).status).toBe(501);
  });

  test('that a token may only read', async () => {
    await expectNothingStored(hub, async () => {
      const reader = repoClient(hub, repo.name, 'owner-read');
      expect(codeOf(await reader.postCommit(ndjson([fileLine('good', '1')])))).toBe('403 Forbidden');
    });
  });
});

test('a repository that goes away during the upload takes the commit with it', async () => {
  const gone = await createRepo(hub, 'owner/gone');
  const content = ndjson([fileLine('a', 'x')]);
  const answered = new Promise<number>((done, failed) => {
    const sent = request(`${hub.url}/api/models/owner/gone/commit/main`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${tokenOf('owner') ?? ''}`,
        'content-type': 'application/x-ndjson',
        'content-length': content.length,
      },
    });
    sent.on('error', failed);
    sent.on('response', (response) => {
      response.resume();
      done(response.statusCode ?? 0);
    });
    sent.write(content.subarray(0, 20));
    setTimeout(() => {
      const body1 = { name: gone.name };
      void hub
        .send('DELETE', '/api/repos/delete', { token: tokenOf('owner'), body: body1 })
        .then(() => sent.end(content.subarray(20)));
    }, 50);
  });
  expect(await answered).toBe(404);
});

test('nothing of this was an error of the hub', () => {
  expect(hub.loggedErrors()).toEqual([]);
});
