import { setTimeout as delay } from 'node:timers/promises';
import { connect } from 'node:net';
import { deflateSync, gzipSync } from 'node:zlib';
import { expect } from 'vitest';
import type { Answer } from '../support/hub.ts';
import { forge, forgeCommit, packOf, treeLine, ZERO_OID } from '../support/forged-packs.ts';
import { fileLine, tokenOf, type RepoClient } from '../support/scenario.ts';
import { ask, asNobody, bytes, each, one, row, type Row, type Send } from './cases.ts';
import {
  CAPABILITIES,
  DELIM_PKT,
  fetchV2,
  FLUSH_PKT,
  gitOutcome,
  gitPost,
  gitText,
  pkt,
  pushBody,
  V2,
  type Command,
} from './git-requests.ts';
import type { World } from './world.ts';

const UPLOAD = 'git-upload-pack';
const RECEIVE = 'git-receive-pack';

const fetching = (body: Buffer | ((world: World) => Buffer | Promise<Buffer>), more = {}): Send =>
  gitPost(UPLOAD, body, { ...V2, ...more });
/** In protocol 0, as dulwich and libgit2 speak. */
const fetching0 = (body: Buffer | ((world: World) => Buffer | Promise<Buffer>)): Send =>
  gitPost(UPLOAD, body);
const pushing = (...given: Parameters<typeof pushBody>): Send => gitPost(RECEIVE, pushBody(...given));

let count = 0;
/** A commit that nobody has, in a pack of its own. */
export function freshCommit(): { readonly oid: string; readonly pack: Buffer } {
  const blob = forge('blob', `fresh ${(count += 1)}\n`);
  const tree = forge('tree', treeLine('100644', 'file.txt', blob.oid));
  const commit = forgeCommit(tree.oid, { message: `fresh ${count}\n` });
  return { oid: commit.oid, pack: packOf([commit, tree, blob]) };
}
/** A push of a new branch with it, right but for what the case changes. */
const pushFresh =
  (
    commandsOf: (oid: string, head: string) => readonly Command[],
    options?: Parameters<typeof pushBody>[2],
  ): Send =>
  async (world) => {
    const { oid, pack } = freshCommit();
    const commands = commandsOf(oid, await world.repo.head());
    return gitPost(RECEIVE, pushBody(commands, pack, options))(world);
  };

const WANT = (oid: string, capabilities = 'side-band-64k ofs-delta agent=test/1') =>
  Buffer.concat([pkt(`want ${oid} ${capabilities}\n`), FLUSH_PKT]);
const done = pkt('done\n');

const wantOf =
  (oidOf: (world: World) => Promise<string>, version: 0 | 2): Send =>
  async (world) => {
    const oid = await oidOf(world);
    return version === 2
      ? fetching(fetchV2(`want ${oid}`, 'done'))(world)
      : fetching0(Buffer.concat([WANT(oid), done]))(world);
  };

const refusesWant = ({
  expected,
  name,
  oidOf,
}: {
  expected: string;
  name: string;
  oidOf: (world: World) => Promise<string>;
}) =>
  [0, 2].map((version) =>
    one(expected, `${name}, protocol ${version}`, wantOf(oidOf, version as 0 | 2), {
      check: (answer) => expect(gitText(answer)).toContain('not our ref'),
    }),
  );

/** A commit that a branch had before it was reset. */
async function lostCommit(repo: RepoClient): Promise<string> {
  const before = await repo.head();
  await repo.commit([fileLine('lost.txt', 'lost')]);
  const lost = await repo.head();
  const reset = await repo.api('POST', 'branch/main/reset', { body: { ref: before, force: true } });
  expect(reset.status, reset.text).toBe(200);
  return lost;
}
const blobOf = async (repo: RepoClient, path: string): Promise<string> => {
  const info = await repo.api('POST', 'paths-info/main', { body: { paths: [path] } });
  return info.json<{ oid: string }[]>()[0]?.oid ?? '';
};

const deepen =
  (line: string): Send =>
  async (world) =>
    fetching(fetchV2(`want ${await world.repo.head()}`, line, 'done'))(world);

const filtered = (filter: string): Send => deepen(`filter ${filter}`);
const combined = (levels: number): string => `combine:${'combine:'.repeat(levels)}blob:none`;

const service = (name: string): Send => ask('GET', `/owner/m1.git/info/refs${name}`);

const gzipped = (body: Buffer): Send =>
  fetching(body, { headers: { ...V2.headers, 'content-encoding': 'gzip' } });
const request = async (world: World): Promise<Buffer> => fetchV2(`want ${await world.repo.head()}`, 'done');
const gzippedRequest =
  (change: (zipped: Buffer) => Buffer): Send =>
  async (world) =>
    gzipped(change(gzipSync(await request(world))))(world);

const crowd =
  (size: number): Send =>
  async (world) => {
    const body = fetchV2(`want ${await world.repo.head()}`, 'done');
    const answers = await Promise.all(Array.from({ length: size }, () => fetching(body)(world)));
    const outcomes = answers.map((answer) => gitOutcome(answer) ?? String(answer.status));
    for (const outcome of outcomes) expect(['pack', 'error', '429']).toContain(outcome);
    expect(outcomes).toContain('pack');
    return answers[outcomes.indexOf('pack')] as Answer;
  };

/** Reads a little of a pack and then nothing: others are served meanwhile, and the connection can be ended. */
const stopReading: Send = async (world) => {
  const body = await request(world);
  const socket = connect(Number(new URL(world.hub.url).port), '127.0.0.1');
  socket.pause();
  const head = [
    `POST /owner/m1.git/${UPLOAD} HTTP/1.1`,
    `Host: ${world.hub.host}`,
    `Authorization: Bearer ${tokenOf('owner') ?? ''}`,
    'Git-Protocol: version=2',
    'Content-Type: application/x-git-upload-pack-request',
    `Content-Length: ${body.length}`,
  ];
  socket.write(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]));
  await delay(300);
  try {
    return await fetching(body)(world);
  } finally {
    socket.destroy();
  }
};

const many = <Value>(length: number, valueOf: (index: number) => Value): readonly Value[] =>
  Array.from({ length }, (_, index) => valueOf(index));
const MILLION = 1_000_000;
/** A fetch with a million lines more. */
const fetchMany = (word: 'want' | 'have', ...first: readonly string[]): Buffer => {
  const lines = many(MILLION, (index) => `0032${word} ${index.toString(16).padStart(40, 'a')}\n`);
  return Buffer.concat([
    fetchV2(...first).subarray(0, -4),
    Buffer.from(lines.join('')),
    pkt('done\n'),
    FLUSH_PKT,
  ]);
};

/** Section 3.10. */
export const GIT_WIRE: readonly Row[] = [
  row('B-186', 'lengths of packets', [
    ...each('git error', ['0003', '0005', 'fff1', 'ffff', 'zzzz', '-001', '00', '0032want'], (text) =>
      fetching0(Buffer.from(text)),
    ),
    ...each('git error', ['0003', 'fff1', 'zzzz', '-001', '0'], (text) => fetching(Buffer.from(text))),
    ...each('git error', ['0003', '0005', 'fff1', 'zzzz', '-001', '00', '0077cut'], (text) =>
      gitPost(RECEIVE, Buffer.from(text)),
    ),
  ]),
  row('B-187', 'nothing but a flush, or nothing', [
    one('git nothing', 'a flush to push', gitPost(RECEIVE, FLUSH_PKT)),
    one('git nothing', 'nothing to push', gitPost(RECEIVE, Buffer.alloc(0))),
    one('git error', 'nothing to fetch', fetching(Buffer.alloc(0))),
    one('git error', 'a flush to fetch', fetching(FLUSH_PKT)),
  ]),
  row('B-188', 'capabilities', [
    one(
      'git error',
      'none, not even a NUL',
      pushFresh((next) => [{ next, ref: 'refs/heads/b188a' }], { capabilities: null }),
    ),
    one(
      'git ok',
      'unknown ones',
      pushFresh((next) => [{ next, ref: 'refs/heads/b188b' }], {
        capabilities: `${CAPABILITIES} x-unknown y=1`,
      }),
      { isKept: true },
    ),
    one(
      'git error',
      'an agent of 10 KB',
      pushFresh((next) => [{ next, ref: 'refs/heads/b188c' }], {
        capabilities: `report-status agent=${'a'.repeat(10_000)}`,
      }),
    ),
    one(
      'git ok',
      'an agent with an escape',
      pushFresh((next) => [{ next, ref: 'refs/heads/b188d' }], {
        capabilities: 'report-status agent=git/\u001b[31m',
      }),
      { isKept: true },
    ),
  ]),
  row('B-189', 'old values', [
    one(
      'git ng',
      'from nothing to nothing',
      pushing([{ next: ZERO_OID, ref: 'refs/heads/b189' }], undefined),
    ),
    one(
      'git ng',
      'wrong',
      pushFresh((next) => [{ old: next, next, ref: 'refs/heads/main' }]),
    ),
    one(
      'git ng',
      'of a ref that is not there',
      pushFresh((next, old) => [{ old, next, ref: 'refs/heads/b189' }]),
    ),
    one(
      'git ng',
      'of an object that is not there',
      pushFresh((next) => [{ old: 'b'.repeat(40), next, ref: 'refs/heads/dev' }]),
    ),
    one(
      'git ng',
      'none, of a ref that is there',
      pushFresh((next) => [{ next, ref: 'refs/heads/dev' }]),
    ),
  ]),
  row('B-190', 'the same ref twice', [
    one(
      'git ng',
      'created twice',
      pushFresh((next) => [
        { next, ref: 'refs/heads/b190' },
        { next, ref: 'refs/heads/b190' },
      ]),
    ),
    one(
      'git ng',
      'created and deleted',
      pushFresh((next) => [
        { next, ref: 'refs/heads/b190' },
        { old: next, next: ZERO_OID, ref: 'refs/heads/b190' },
      ]),
    ),
  ]),
  row('B-191', 'too many commands', [
    one(
      'git error',
      '100,001',
      pushFresh((next) => many(100_001, (index) => `refs/heads/b${index}`).map((ref) => ({ next, ref }))),
      {
        check: (answer) => expect(gitText(answer) + answer.text).toMatch(/[0-9]{2}/),
      },
    ),
  ]),
  row('B-192', 'push options', [
    ...each('git error', ['a\nb', 'a'.repeat(10_000)], (option) =>
      pushFresh((next) => [{ next, ref: 'refs/heads/b192' }], {
        capabilities: `${CAPABILITIES} push-options`,
        pushOptions: [option],
      }),
    ),
  ]),
  row('B-193', 'another format of objects', [
    one(
      'git error',
      'of a push',
      pushFresh((next) => [{ next, ref: 'refs/heads/b193' }], {
        capabilities: 'report-status object-format=sha256',
      }),
    ),
    one(
      'git error',
      'of a fetch',
      fetching(
        Buffer.concat([pkt('command=ls-refs\n'), pkt('object-format=sha256\n'), DELIM_PKT, FLUSH_PKT]),
      ),
    ),
  ]),
  row('B-194', 'objects that are not the reader\u2019s', [
    ...refusesWant({
      expected: 'git error',
      name: 'a commit that no ref reaches',
      oidOf: ({ repo }) => lostCommit(repo),
    }).map((entry) => ({ ...entry, isKept: true })),
    ...refusesWant({
      expected: 'git error',
      name: 'a commit of another repository',
      oidOf: ({ secretHead }) => Promise.resolve(secretHead),
    }),
    ...refusesWant({
      expected: 'git error',
      name: 'a file of another repository',
      oidOf: ({ secret }) => blobOf(secret, 'foreign.bin'),
    }),
    ...refusesWant({
      expected: 'git error',
      name: 'nobody\u2019s',
      oidOf: () => Promise.resolve('c'.repeat(40)),
    }),
    one(
      'git pack',
      'a file that a branch has',
      wantOf(({ repo }) => blobOf(repo, 'plain.txt'), 2),
    ),
  ]),
  row('B-195', 'very many ids', [
    one(
      'git error',
      '1,000,000 wants',
      fetching(() => fetchMany('want')),
    ),
    one('git error', '1,000,000 haves', async (world) =>
      fetching(fetchMany('have', `want ${await world.repo.head()}`))(world),
    ),
  ]),
  row('B-196', 'depths', [
    ...each(
      'git error',
      [
        'deepen 0',
        'deepen -1',
        'deepen 2147483648',
        'deepen x',
        'deepen',
        'deepen-since x',
        'deepen-since -',
        'deepen-not refs/heads/none',
        'deepen-not ../x',
      ],
      deepen,
    ),
    one('git pack', 'the depth that means all', deepen('deepen 2147483647')),
  ]),
  row('B-197', 'filters', [
    ...each(
      'git error',
      [
        'sparse:oid=main',
        'tree:99999',
        'tree:-1',
        'blob:limit=x',
        'blob:limit=-1',
        'nonsense',
        '',
        combined(1000),
      ],
      filtered,
    ),
    ...each('git pack', ['blob:none', 'blob:limit=1k', 'tree:0'], filtered),
  ]),
  row('B-198', 'commands of protocol 2', [
    one('git error', 'unknown', fetching(Buffer.concat([pkt('command=explode\n'), FLUSH_PKT]))),
    one('git error', 'none', fetching(Buffer.concat([pkt('agent=test/1\n'), FLUSH_PKT]))),
    one(
      'git error',
      'two',
      fetching(Buffer.concat([pkt('command=ls-refs\n'), pkt('command=fetch\n'), DELIM_PKT, FLUSH_PKT])),
    ),
    one(
      'git error',
      'an argument before the delimiter',
      fetching(Buffer.concat([pkt('command=ls-refs\n'), pkt('peel\n'), FLUSH_PKT])),
    ),
    one('git error', 'an unknown argument', fetching(fetchV2('explode'))),
    one(
      'git error',
      'no flush',
      fetching(Buffer.concat([pkt('command=ls-refs\n'), DELIM_PKT, pkt('peel\n')])),
    ),
    one(
      'git error',
      'two delimiters',
      fetching(Buffer.concat([pkt('command=ls-refs\n'), DELIM_PKT, DELIM_PKT, FLUSH_PKT])),
    ),
  ]),
  row('B-199', 'versions', [
    one(
      'git refs',
      '99',
      ask('GET', `/owner/m1.git/info/refs?service=${UPLOAD}`, { headers: { 'git-protocol': 'version=99' } }),
      {
        check: ({ text }) => expect(text).toContain('refs/heads/main'),
      },
    ),
    one(
      'git refs',
      '10 KB',
      ask('GET', `/owner/m1.git/info/refs?service=${UPLOAD}`, {
        headers: { 'git-protocol': 'x'.repeat(10_000) },
      }),
    ),
    one(
      '400 InvalidRequest',
      'with a line feed',
      bytes(
        `GET /owner/m1.git/info/refs?service=${UPLOAD} HTTP/1.1\r\nHost: HOST\r\nGit-Protocol: a\nb\r\nConnection: close\r\n\r\n`,
      ),
    ),
  ]),
  row('B-200', 'services and files that are not served', [
    ...each('403 Forbidden', ['?service=git-upload-archive', '?service=x', ''], service),
    ...each(
      '404',
      ['/objects/info/packs', '/HEAD', '/config', '/.git/config', '/objects/00/11', '/.git/HEAD'],
      (path) => ask('GET', `/owner/m1.git${path}`),
    ),
  ]),
  row('B-201', 'media types and methods', [
    ...[UPLOAD, RECEIVE].flatMap((name) => [
      one(
        '415 UnsupportedMediaType',
        `${name} as JSON`,
        ask('POST', `/owner/m1.git/${name}`, {
          body: Buffer.from('0000'),
          headers: { 'content-type': 'application/json' },
        }),
      ),
      one(
        '415 UnsupportedMediaType',
        `${name} as nothing`,
        ask('POST', `/owner/m1.git/${name}`, { body: Buffer.from('0000') }),
      ),
      one('405 MethodNotAllowed', `GET of ${name}`, ask('GET', `/owner/m1.git/${name}`)),
    ]),
    one(
      '401 SignInRequired',
      'a push by nobody',
      asNobody('GET', `/owner/m1.git/info/refs?service=${RECEIVE}`),
      {
        check: ({ headers }) => expect(headers['www-authenticate']).toMatch(/^Basic realm=/),
      },
    ),
  ]),
  row('B-202', 'gzip', [
    one(
      'git pack',
      'whole',
      gzippedRequest((zipped) => zipped),
    ),
    one('413 BodyTooLarge', 'a bomb', (world) => gzipped(gzipSync(Buffer.alloc(256 * 2 ** 20)))(world)),
    one(
      '400 InvalidBody',
      'cut off',
      gzippedRequest((zipped) => zipped.subarray(0, -6)),
    ),
    one(
      '400 InvalidBody',
      'two members',
      gzippedRequest((zipped) => Buffer.concat([zipped, gzipSync(Buffer.from('0000'))])),
    ),
    one(
      '400 InvalidBody',
      'bytes behind it',
      gzippedRequest((zipped) => Buffer.concat([zipped, Buffer.from('behind')])),
    ),
    one('400 InvalidBody', 'not gzip', gzipped(deflateSync(Buffer.from('0000')))),
    one(
      '415 UnsupportedEncoding',
      'another coding',
      fetching(FLUSH_PKT, { headers: { ...V2.headers, 'content-encoding': 'br' } }),
    ),
  ]),
  row('B-203', 'a client that stops reading', [one('git pack', 'holds up nobody', stopReading)]),
  row('B-204', 'a crowd of one user', [one('git pack', '50 clones at once', crowd(50))]),
];
