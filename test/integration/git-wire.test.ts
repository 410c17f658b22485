import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Answer, TestHub } from '../support/hub.ts';
import { createRepo, fileLine, startPeopledHub, tokenOf, type RepoClient } from '../support/scenario.ts';
import { packets, readAnswer } from '../support/wire.ts';

/* The bytes of clone and fetch, and what is wrong with some. */

let hub: TestHub;
let repo: RepoClient;
let old: string;
let head: string;
let blob: string;
beforeAll(async () => {
  hub = await startPeopledHub();
  repo = await createRepo(hub, 'owner/wire');
  old = await repo.commit([fileLine('a.txt', 'a\n')], { summary: 'a' });
  head = await repo.commit([fileLine('b.txt', 'bb\n')], { summary: 'b' });
  expect((await repo.api('POST', 'tag/main', { body: { tag: 'v1', message: 'One' } })).status).toBe(200);
  blob = createHash('sha1').update('blob 3\0bb\n').digest('hex');
});
afterAll(() => hub[Symbol.asyncDispose]());

const NOBODYS = 'f'.repeat(40);
const REQUEST_TYPE = 'application/x-git-upload-pack-request';

function post(
  body: Buffer,
  headers: Readonly<Record<string, string>> = {},
  path = '/owner/wire/git-upload-pack',
): Promise<Answer> {
  return hub.send('POST', path, { body, headers: { 'content-type': REQUEST_TYPE, ...headers } });
}
const ask2 = async (lines: readonly string[]): Promise<string[]> => {
  const answer = await post(packets(lines), { 'git-protocol': 'version=2' });
  expect(answer.status, answer.text).toBe(200);
  expect(answer.headers['content-type']).toBe('application/x-git-upload-pack-result');
  return readAnswer(answer.body);
};
const ask0 = async (lines: readonly string[]): Promise<string[]> =>
  readAnswer((await post(packets(lines))).body);
const infoRefs = (
  query: string,
  headers: Readonly<Record<string, string>> = {},
  path = '/owner/wire',
): Promise<Answer> => hub.send('GET', `${path}/info/refs${query}`, { headers });

const PACK = expect.stringMatching(/^1:PACK/) as string;
const fetch2 = (lines: readonly string[]): Promise<string[]> =>
  ask2(['command=fetch', 'agent=test', 'object-format=sha1', 'delim', ...lines, 'flush']);

describe('what a server says first', () => {
  test('in protocol 0, 1 and 2', async () => {
    const asked = '?service=git-upload-pack';
    for (const header of [
      undefined,
      'version=0',
      'version=99',
      'x',
      'version=1',
      'version=2',
      'version=2:version=1',
      'a=b:version=2',
      'v'.repeat(10_000),
    ]) {
      const answer = await infoRefs(asked, header === undefined ? {} : { 'git-protocol': header });
      expect(answer.status).toBe(200);
      expect(answer.headers).toMatchObject({
        'content-type': 'application/x-git-upload-pack-advertisement',
        'cache-control': 'no-cache, max-age=0, must-revalidate',
      });
      const lines = readAnswer(answer.body);
      if (header?.includes('version=2')) {
        expect(lines[0]).toBe('version 2');
        expect(lines).toContain('ls-refs=unborn');
        expect(lines).toContain('fetch=shallow wait-for-done filter ref-in-want');
        expect(lines).toContain('object-format=sha1');
        continue;
      }
      expect(lines.slice(0, 2)).toEqual(['# service=git-upload-pack', 'flush']);
      const refs = lines.slice(header === 'version=1' ? 3 : 2);
      if (header === 'version=1') expect(lines[2]).toBe('version 1');
      const [first = '', capabilities = ''] = refs[0]?.split('\0') ?? [];
      expect(first).toBe(`${head} HEAD`);
      for (const word of [
        'multi_ack_detailed',
        'no-done',
        'side-band-64k',
        'filter',
        'symref=HEAD:refs/heads/main',
        'object-format=sha1',
      ])
        expect(capabilities.split(' ')).toContain(word);
      expect(refs.slice(1).map((line) => line.replace(/^[0-9a-f]{40} /, ''))).toEqual([
        'refs/heads/main',
        'refs/tags/v1',
        'refs/tags/v1^{}',
        'flush',
      ]);
      expect(refs[3]).toBe(`${head} refs/tags/v1^{}`);
    }
  });

  test('of an empty repository', async () => {
    await createRepo(hub, 'owner/empty-wire');
    const lines = readAnswer((await infoRefs('?service=git-upload-pack', {}, '/owner/empty-wire')).body);
    // A repository that the API makes has a first commit; its other branches have none.
    expect(lines.length).toBeGreaterThan(2);
  });

  test('nothing, to clients and services that are not served', async () => {
    for (const query of ['', '?service=', '?service=x', '?service=git-upload-archive', '?x=1']) {
      const answer = await infoRefs(query);
      expect([query, answer.status]).toEqual([query, 403]);
      expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8');
      expect(answer.text).toMatch(/^[A-Z].*\.\n$/);
    }
    for (const path of [
      'HEAD',
      'objects/info/packs',
      `objects/${head.slice(0, 2)}/${head.slice(2)}`,
      'config',
      '.git/config',
      'info/alternates',
    ]) {
      for (const name of ['owner/wire', 'owner/wire.git'])
        expect([path, (await hub.send('GET', `/${name}/${path}`)).status]).toEqual([path, 404]);
    }
  });
});

describe('over HTTP', () => {
  test('a body must be of the type, by POST', async () => {
    const body = packets(['flush']);
    for (const type of ['text/plain', '', 'application/x-git-receive-pack-request'])
      expect((await post(body, { 'content-type': type })).status).toBe(415);
    for (const path of ['git-upload-pack', 'git-receive-pack']) {
      const answer = await hub.send('GET', `/owner/wire/${path}`);
      expect(answer.status).toBe(405);
      expect(answer.headers['allow']).toBe('POST');
    }
    expect((await post(body, { 'content-encoding': 'br' })).status).toBe(415);
  });

  test('a gzip body is taken whole or not at all', async () => {
    const body = packets([
      'command=ls-refs\n',
      'delim',
      ...Array.from({ length: 500 }, (_, n) => `ref-prefix x${n}`),
      'ref-prefix HEAD',
      'flush',
    ]);
    const gzipped = gzipSync(body);
    const headers = { 'git-protocol': 'version=2', 'content-encoding': 'gzip' };
    const good = await post(gzipped, headers);
    expect(readAnswer(good.body)).toEqual([`${head} HEAD`, 'flush']);
    expect((await post(gzipped.subarray(0, -20), headers)).status).toBe(400);
    expect((await post(Buffer.concat([gzipped, gzipped]), headers)).status).toBe(400);
    expect((await post(Buffer.concat([gzipped, Buffer.from('x')]), headers)).status).toBe(400);
    const line = packets([`ref-prefix ${'y'.repeat(60_000)}`]);
    const bomb = gzipSync(
      Buffer.concat([
        packets(['command=ls-refs', 'delim']),
        ...Array.from({ length: 1200 }, () => line),
        packets(['flush']),
      ]),
    );
    expect(bomb.length).toBeLessThan(1024 * 1024);
    const answer = await post(bomb, headers);
    expect(answer.status).toBe(413);
    expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8');
  });

  test('a body may come in pieces, after 100 Continue', async () => {
    const body = packets(['command=ls-refs', 'delim', 'ref-prefix HEAD', 'flush']).toString('latin1');
    const pieces =
      body
        .match(/[^]{1,7}/g)
        ?.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`)
        .join('') ?? '';
    const text = await hub.raw(
      `POST /owner/wire/git-upload-pack HTTP/1.1\r\nhost: ${hub.host}\r\ncontent-type: ${REQUEST_TYPE}\r\n` +
        `git-protocol: version=2\r\ntransfer-encoding: chunked\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n${pieces}0\r\n\r\n`,
    );
    expect(text).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 OK\r\n/);
    expect(text).toContain(`${head} HEAD\n`);
  });
});

describe('protocol 2', () => {
  test('lists refs as they are asked for', async () => {
    const list = (lines: readonly string[]) => ask2(['command=ls-refs\n', 'delim', ...lines, 'flush']);
    const all = await list([]);
    expect(all).toEqual([
      `${head} HEAD`,
      `${head} refs/heads/main`,
      expect.stringMatching(/^[0-9a-f]{40} refs\/tags\/v1$/),
      'flush',
    ]);
    expect(await list(['symrefs', 'ref-prefix HEAD', 'ref-prefix HEAD'])).toEqual([
      `${head} HEAD symref-target:refs/heads/main`,
      'flush',
    ]);
    expect((await list(['peel\n', 'ref-prefix refs/tags/\n']))[0]).toMatch(
      new RegExp(`refs/tags/v1 peeled:${head}$`),
    );
    expect(await list(['ref-prefix refs/heads/nothing'])).toEqual(['flush']);
    expect(await ask2(['command=ls-refs', 'flush'])).toEqual(all);
    const many = Array.from({ length: 65_537 }, (_, n) => `ref-prefix ${n}`);
    expect(await list(many)).toEqual(all);
    expect(await list(many.slice(2))).toEqual(['flush']);
  });

  test('sends a pack for what is wanted', async () => {
    expect((await fetch2([`want ${head}`, `want ${head}`, 'done'])).slice(0, 3)).toEqual([
      'packfile',
      expect.stringMatching(/^[12]:/),
      expect.stringMatching(/^[12]:/),
    ]);
    const quiet = await fetch2([`want ${head}\n`, 'no-progress\n', 'ofs-delta\n', 'done\n']);
    expect(quiet).toEqual(['packfile', PACK, 'flush']);
    expect(await fetch2(['done'])).toEqual(['flush']);
  });

  test('acknowledges what is common', async () => {
    const common = [`want ${head}`, 'no-progress', `have ${NOBODYS}`, `have ${old}`];
    expect(await fetch2([`want ${head}`, `have ${NOBODYS}`])).toEqual(['acknowledgments', 'NAK', 'flush']);
    expect(await fetch2([...common])).toEqual([
      'acknowledgments',
      `ACK ${old}`,
      'ready',
      'delim',
      'packfile',
      PACK,
      'flush',
    ]);
    expect(await fetch2([...common, 'done'])).toEqual(['packfile', PACK, 'flush']);
    expect(await fetch2([...common, 'wait-for-done'])).toEqual(['acknowledgments', `ACK ${old}`, 'flush']);
    expect(await fetch2(['wait-for-done', `have ${old}`, `have ${NOBODYS}`])).toEqual([
      'acknowledgments',
      `ACK ${old}`,
      'flush',
    ]);
  });

  test('tells where history ends', async () => {
    const done = [`want ${head}`, 'no-progress', 'done'];
    expect(await fetch2([...done, 'deepen 1'])).toEqual([
      'shallow-info',
      `shallow ${head}`,
      'delim',
      'packfile',
      PACK,
      'flush',
    ]);
    expect((await fetch2([...done, `shallow ${head}`])).slice(0, 3)).toEqual([
      'shallow-info',
      'delim',
      'packfile',
    ]);
    expect((await fetch2([...done, `shallow ${NOBODYS}`])).slice(0, 3)).toEqual([
      'shallow-info',
      'delim',
      'packfile',
    ]);
    expect((await fetch2([...done, `shallow ${head}`, 'deepen 2147483647'])).slice(0, 3)).toEqual([
      'shallow-info',
      `unshallow ${head}`,
      'delim',
    ]);
    const relative = await fetch2([
      ...done,
      `shallow ${head}`,
      'deepen 1',
      'deepen-relative',
      `have ${head}`,
    ]);
    expect(relative.slice(0, 3)).toEqual(['shallow-info', `shallow ${old}`, `unshallow ${head}`]);
  });

  test('takes refs by name', async () => {
    const answer = await fetch2(['want-ref refs/heads/main', 'want-ref refs/tags/v1', 'no-progress', 'done']);
    expect(answer).toEqual([
      'wanted-refs',
      `${head} refs/heads/main`,
      expect.stringMatching(/^[0-9a-f]{40} refs\/tags\/v1$/),
      'delim',
      'packfile',
      PACK,
      'flush',
    ]);
    expect(await fetch2(['want-ref refs/heads/nothing', 'done'])).toEqual([
      'ERR unknown ref refs/heads/nothing',
    ]);
  });

  test('tells sizes', async () => {
    const info = (lines: readonly string[]) => ask2(['command=object-info', 'delim', ...lines, 'flush']);
    expect(await info(['size', `oid ${blob}`, `oid ${NOBODYS}`])).toEqual([
      'size',
      `${blob} 3`,
      `${NOBODYS} `,
      'flush',
    ]);
    expect(await info([`oid ${blob}`])).toEqual([blob, 'flush']);
  });
});

describe('protocol 0', () => {
  test('answers in the ways that clients ask for', async () => {
    const want = (words: string) => [`want ${head} ${words}`, 'flush'];
    expect((await ask0([...want(''), 'done'])).slice(0, 2)).toEqual(['NAK', 'raw:PACK']);
    expect((await ask0([`want ${head}`, `want ${head}\n`, 'flush', 'done\n'])).slice(0, 2)).toEqual([
      'NAK',
      'raw:PACK',
    ]);
    expect(await ask0([...want('side-band-64k no-progress'), 'done'])).toEqual(['NAK', PACK, 'flush']);
    const small = await ask0([...want('side-band no-progress'), 'done']);
    expect(small[1]).toMatch(/^1:PACK/);
    expect(
      await ask0([...want('multi_ack_detailed no-done side-band-64k no-progress'), `have ${old}`, 'flush']),
    ).toEqual([`ACK ${old} common`, `ACK ${old} ready`, 'NAK', `ACK ${old}`, PACK, 'flush']);
    expect(await ask0([...want('multi_ack_detailed'), `have ${NOBODYS}`, 'flush'])).toEqual(['NAK']);
    expect(await ask0([...want('multi_ack_detailed'), `have ${old}`, `have ${NOBODYS}`, 'flush'])).toEqual([
      `ACK ${old} common`,
      `ACK ${NOBODYS} ready`,
      'NAK',
    ]);
    expect(await ask0([...want('multi_ack'), `have ${old}`, `have ${NOBODYS}`, 'flush'])).toEqual([
      `ACK ${old} continue`,
      `ACK ${NOBODYS} continue`,
      'NAK',
    ]);
    expect(await ask0([...want('side-band-64k no-progress'), `have ${old}`, 'flush'])).toEqual([
      `ACK ${old}`,
    ]);
    expect(await ask0([...want('multi_ack side-band-64k no-progress'), `have ${old}`, 'done'])).toEqual([
      `ACK ${old} continue`,
      `ACK ${old}`,
      PACK,
      'flush',
    ]);
  });

  test('tells where history ends before anything else', async () => {
    const answer = await ask0([`want ${head} side-band-64k no-progress`, 'deepen 1', 'flush', 'done']);
    expect(answer).toEqual([`shallow ${head}`, 'flush', 'NAK', PACK, 'flush']);
    expect(
      (await ask0([`want ${head} filter side-band-64k no-progress`, 'filter blob:none', 'flush', 'done']))[0],
    ).toBe('NAK');
  });
});

describe('a request that is wrong', () => {
  // Tables are made before there is a repository.
  const withHead = (line: string): string => line.replaceAll('@head', head);
  const errorOf = ([line = '']: readonly string[]): string => line;

  test.each<readonly [what: string, lines: readonly string[], sentence: string]>([
    ['wants what nobody has', [`want ${NOBODYS}`, 'done'], `upload-pack: not our ref ${NOBODYS}`],
    ['wants no id', ['want main', 'done'], `upload-pack: expected an object id after "want", not 'main'`],
    ['has no id', [`want @head`, 'have x'], `upload-pack: expected an object id after "have", not 'x'`],
    ['asks for depth 0', [`want @head`, 'deepen 0', 'done'], 'upload-pack: invalid deepen: 0'],
    ['asks for depth -1', [`want @head`, 'deepen -1', 'done'], 'upload-pack: invalid deepen: -1'],
    [
      'asks for too much depth',
      [`want @head`, 'deepen 2147483648', 'done'],
      'upload-pack: invalid deepen: 2147483648',
    ],
    [
      'asks for no date',
      [`want @head`, 'deepen-since yesterday', 'done'],
      'upload-pack: invalid deepen-since: yesterday',
    ],
    [
      'excludes no ref',
      [`want @head`, 'deepen-not x..y', 'done'],
      'upload-pack: deepen-not is not a ref: x..y',
    ],
    [
      'asks for both',
      [`want @head`, 'deepen 1', 'deepen-since 5', 'done'],
      'upload-pack: deepen and deepen-since (or deepen-not) cannot be used together',
    ],
    [
      'filters by path',
      [`want @head`, 'filter sparse:oid=main', 'done'],
      "The filter 'sparse:oid=main' is not served here: use blob:none, blob:limit=<size>, or tree:<depth> up to 64, or several of them.",
    ],
    ['says something else', [`want @head`, 'sideband-all', 'done'], "fetch: unexpected line: 'sideband-all'"],
  ])('because it %s', async (_what, lines, sentence) => {
    expect(await fetch2(lines.map(withHead))).toEqual([`ERR ${sentence}`]);
  });

  test.each<readonly [what: string, lines: readonly string[], sentence: string]>([
    ['nothing', ['flush'], 'no command requested'],
    ['no command', ['agent=x', 'delim', 'flush'], 'no command requested'],
    ['an unknown command', ['command=push', 'flush'], "invalid command 'push'"],
    ['a command with a value', ['command=fetch=1', 'flush'], "invalid command 'fetch=1'"],
    [
      'two commands',
      ['command=fetch', 'command=fetch', 'flush'],
      'only one command can be requested at a time',
    ],
    [
      'an argument before the delimiter',
      ['command=fetch', `want ${NOBODYS}`, 'flush'],
      `unknown capability 'want ${NOBODYS}'`,
    ],
    [
      'objects of another format',
      ['command=fetch', 'object-format=sha256', 'flush'],
      'This repository has objects of the format sha1, and no other is served.',
    ],
    ['no flush', ['command=ls-refs', 'delim', 'peel'], 'ls-refs: expected flush after arguments'],
    [
      'two delimiters',
      ['command=ls-refs', 'delim', 'peel', 'delim', 'flush'],
      'ls-refs: expected flush after arguments',
    ],
    ['no end at all', ['command=ls-refs'], 'The request ends before its flush.'],
    [
      'an unknown argument',
      ['command=ls-refs', 'delim', 'fields', 'flush'],
      "ls-refs: unexpected line: 'fields'",
    ],
  ])('because it holds %s', async (_what, lines, sentence) => {
    expect(errorOf(await ask2(lines.map(withHead)))).toBe(`ERR ${withHead(sentence)}`);
  });

  test.each<readonly [what: string, lines: readonly string[], sentence: string]>([
    ['wants nothing', ['flush'], 'upload-pack: the request wants nothing'],
    ['wants what nobody has', [`want ${NOBODYS}`, 'flush', 'done'], `upload-pack: not our ref ${NOBODYS}`],
    [
      'filters without saying so',
      [`want @head ofs-delta`, 'filter blob:none', 'flush', 'done'],
      'upload-pack: filtering capability not negotiated',
    ],
    [
      'says something else',
      [`want @head`, 'flush', 'give'],
      `upload-pack: expected "have" or "done", got 'give'`,
    ],
    [
      'has before it wants',
      [`have @head`, 'flush', 'done'],
      `upload-pack: expected "want", got 'have @head'`,
    ],
    ['has no flush', [`want @head`], 'The request ends before its flush.'],
    [
      'is of another format',
      [`want @head object-format=sha256`, 'flush', 'done'],
      'This repository has objects of the format sha1, and no other is served.',
    ],
  ])('by protocol 0, because it %s', async (_what, lines, sentence) => {
    expect(errorOf((await ask0(lines.map(withHead))).slice(-1))).toBe(`ERR ${withHead(sentence)}`);
  });

  test('because it is not made of packets', async () => {
    for (const bytes of ['0003', 'fff5', 'ffff', 'zzzz', '-001', '00', '0009do', '0032want', '', '0005']) {
      for (const version of ['version=2', 'version=0']) {
        const answer = await post(Buffer.from(bytes), { 'git-protocol': version });
        expect(answer.status).toBe(200);
        expect(errorOf(readAnswer(answer.body)), bytes).toMatch(/^ERR /);
      }
    }
  });

  test('because it names too much', async () => {
    const id = (n: number): string => n.toString(16).padStart(40, '0');
    for (const word of ['want', 'have', 'shallow']) {
      const many = Array.from({ length: 200_002 }, (_, n) => `${word} ${id(n)}`);
      const lines = await fetch2([...many, 'done']);
      expect(lines).toEqual([`ERR upload-pack: at most 200000 "${word}" lines are taken in one fetch`]);
    }
    const haves = await ask0([
      `want ${head}`,
      'flush',
      ...Array.from({ length: 200_002 }, (_, n) => `have ${id(n)}`),
      'done',
    ]);
    expect(haves).toEqual(['ERR upload-pack: at most 200000 "have" lines are taken in one fetch']);
  });

  test('and repositories, people and methods are told apart', async () => {
    await createRepo(hub, 'owner/secret', { isPrivate: true });
    const status = async (person: Parameters<typeof tokenOf>[0], service: string, name = 'owner/secret') => {
      const answer = await hub.send('GET', `/${name}.git/info/refs?service=${service}`, {
        token: tokenOf(person),
      });
      if (answer.status === 401) expect(answer.headers['www-authenticate']).toBe('Basic realm="Atoll"');
      if (answer.status >= 400) expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8');
      return answer.status;
    };
    expect(await status('anonymous', 'git-upload-pack')).toBe(401);
    expect(await status('anonymous', 'git-upload-pack', 'owner/absent')).toBe(401);
    expect(await status('wrong', 'git-upload-pack')).toBe(401);
    expect(await status('stranger', 'git-upload-pack')).toBe(404);
    expect(await status('stranger', 'git-upload-pack', 'owner/absent')).toBe(404);
    expect(await status('owner', 'git-upload-pack')).toBe(200);
    expect(await status('owner-read', 'git-upload-pack')).toBe(200);
    expect(await status('anonymous', 'git-receive-pack', 'owner/wire')).toBe(401);
    expect(await status('stranger', 'git-receive-pack', 'owner/wire')).toBe(403);
    expect(await status('owner-read', 'git-receive-pack')).toBe(403);
  });
});
