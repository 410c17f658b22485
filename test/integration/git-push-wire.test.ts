import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { packet } from '../../server/git/pkt-line.ts';
import { EMPTY_TREE, hashObject } from '../../server/git/objects.ts';
import type { Answer, TestHub } from '../support/hub.ts';
import { forgePack, wholeEntry, ZERO_OID } from '../support/forged-packs.ts';
import {
  createRepo,
  DESCRIPTION,
  startPeopledHub,
  tokenOf,
  type Person,
  type RepoClient,
} from '../support/scenario.ts';

/* Pushes as no git would send them, byte by byte. Nothing of them is kept, and nothing hangs. */

let hub: TestHub;
let repo: RepoClient;
beforeAll(async () => {
  hub = await startPeopledHub();
  repo = await createRepo(hub, 'owner/wire');
});
afterEach(async () => {
  expect(Object.keys((await hub.snapshot()).files).filter((name) => name.includes('scratch'))).toEqual([]);
});
afterAll(async () => {
  expect(hub.loggedErrors()).toEqual([]);
  expect(await hub.command('doctor', { full: true })).toMatchObject({ problems: [] });
  await hub[Symbol.asyncDispose]();
});

const CAPABILITIES = 'report-status side-band-64k agent=test/1';
const TYPE = 'application/x-git-receive-pack-request';

const post = (
  body: Buffer,
  more: { readonly headers?: Readonly<Record<string, string>>; readonly person?: Person } = {},
): Promise<Answer> =>
  hub.send('POST', `/${repo.name}.git/git-receive-pack`, {
    token: tokenOf(more.person ?? 'owner'),
    headers: { 'content-type': TYPE, ...more.headers },
    body,
  });

const command = (old: string, next: string, name: string, capabilities?: string): Buffer =>
  packet(`${old} ${next} ${name}${capabilities === undefined ? '' : `\0${capabilities}`}`);
const FLUSH = Buffer.from('0000');
const NO_OBJECTS = forgePack([]);

/** What the report says, out of its side band. */
function reportOf({ status, body }: Answer): string {
  expect(status).toBe(200);
  let text = '';
  for (let at = 0; at < body.length;) {
    const length = Number.parseInt(body.toString('latin1', at, at + 4), 16);
    if (length > 4 && body[at + 4] === 1) text += body.toString('utf8', at + 5, at + length);
    at += Math.max(length, 4);
  }
  return text;
}

/** Ids of a commit that is nowhere yet, and the entries of a pack that brings it. */
function newCommit(message: string): { readonly oid: string; readonly entries: readonly Buffer[] } {
  const who = 'A <a@b> 1700000000 +0000';
  const text = `tree ${EMPTY_TREE}\nauthor ${who}\ncommitter ${who}\n\n${message}\n`;
  const entries = [wholeEntry('tree', ''), wholeEntry('commit', text)];
  return { oid: hashObject('commit', Buffer.from(text)), entries };
}

describe('what is no push at all', () => {
  const cases: Readonly<Record<string, readonly [body: Buffer | string, sentence: string]>> = {
    'a length of 3': ['0003', 'impossible length'],
    'a length beyond the longest': ['fff5', 'impossible length'],
    'a length that is none': ['zzzz', 'no number'],
    'a negative length': ['-001', 'no number'],
    'half a length': ['00', 'inside a packet length'],
    'half a packet': ['0064abc', 'inside a packet'],
    'a packet of nothing': ['0004', 'lists capabilities'],
    'a delimiter': ['0001', 'nothing but commands'],
    'no command': [packet('hello\0report-status'), 'is no command'],
    'a short id': [packet(`abc ${ZERO_OID} refs/heads/x\0report-status`), 'is no command'],
    'ids of SHA-256': [
      packet(`${'0'.repeat(64)} ${'1'.repeat(64)} refs/heads/x\0report-status`),
      'is no command',
    ],
    'another object format': [
      command(ZERO_OID, '1'.repeat(40), 'refs/heads/x', `${CAPABILITIES} object-format=sha256`),
      'sha1',
    ],
    'no capabilities': [command(ZERO_OID, '1'.repeat(40), 'refs/heads/x'), 'lists capabilities'],
    'an agent of 10 KB': [
      command(ZERO_OID, '1'.repeat(40), 'refs/heads/x', `report-status agent=${'x'.repeat(10_000)}`),
      'too long',
    ],
    'a name that is not UTF-8': [
      packet(
        Buffer.concat([Buffer.from(`${ZERO_OID} ${'1'.repeat(40)} refs/heads/`), Buffer.from([0xff, 0])]),
      ),
      'not UTF-8',
    ],
    'a certificate': [packet(`push-cert\0${CAPABILITIES}`), 'Signed pushes'],
    'a shallow line of nothing': [packet('shallow x'), 'names no commit'],
    'commands without an end': [
      command(ZERO_OID, '1'.repeat(40), 'refs/heads/x', CAPABILITIES),
      'inside its commands',
    ],
    'options without an end': [
      Buffer.concat([command(ZERO_OID, ZERO_OID, 'refs/heads/x', `${CAPABILITIES} push-options`), FLUSH]),
      'inside its push options',
    ],
    'an option with a line feed': [
      Buffer.concat([
        ...[command(ZERO_OID, ZERO_OID, 'refs/heads/x', `${CAPABILITIES} push-options`), FLUSH],
        ...[packet('a\nb'), FLUSH],
      ]),
      'line feed',
    ],
  };

  test.each(Object.entries(cases))('%s', async (_, [body, sentence]) => {
    const answer = await post(Buffer.from(body));
    expect(answer.text).toContain(sentence);
    expect(answer.status).toBe(400);
  });

  test('too many commands, and an option of 10 KB, name their limits', async () => {
    const many = Array.from({ length: 100_001 }, (_, i) =>
      command(ZERO_OID, ZERO_OID, `refs/heads/${i}`, i === 0 ? CAPABILITIES : undefined),
    );
    const answer = await post(Buffer.concat([...many, FLUSH]));
    expect([answer.status, answer.text]).toEqual([413, expect.stringContaining('100000')]);
    const option = Buffer.concat([
      ...[command(ZERO_OID, ZERO_OID, 'refs/heads/x', `${CAPABILITIES} push-options`), FLUSH],
      ...[packet('x'.repeat(10_000)), FLUSH],
    ]);
    expect((await post(option)).status).toBe(413);
  });

  test('another media type, another coding', async () => {
    expect((await post(FLUSH, { headers: { 'content-type': 'text/plain' } })).status).toBe(415);
    expect((await post(FLUSH, { headers: { 'content-encoding': 'br' } })).status).toBe(415);
  });
});

test('a probe of four bytes, and a body of none, are let in or not', async () => {
  for (const body of [FLUSH, Buffer.alloc(0)]) {
    const answer = await post(body);
    expect([answer.status, answer.body.length]).toEqual([200, 0]);
    expect(answer.headers['content-type']).toBe('application/x-git-receive-pack-result');
  }
  expect((await post(FLUSH, { person: 'anonymous' })).status).toBe(401);
  expect((await post(FLUSH, { person: 'stranger' })).status).toBe(403);
});

test('what can be done is told beforehand', async () => {
  const answer = await hub.send('GET', `/${repo.name}/info/refs?service=git-receive-pack`, {
    token: tokenOf('owner'),
  });
  expect(answer.text).toMatch(
    /\0report-status report-status-v2 delete-refs side-band-64k quiet atomic ofs-delta push-options object-format=sha1 agent=atoll/,
  );
  expect(answer.text).toContain(`${await repo.head()} refs/heads/main`);
});

describe('refs', () => {
  const push = (...parts: readonly Buffer[]): Promise<Answer> => post(Buffer.concat(parts));

  test('one that is asked for twice ends the whole push', async () => {
    const { oid, entries } = newCommit('twice');
    const answer = await push(
      ...[command(ZERO_OID, oid, 'refs/heads/t1', CAPABILITIES), command(ZERO_OID, oid, 'refs/heads/t2')],
      ...[command(oid, ZERO_OID, 'refs/heads/t1'), FLUSH, forgePack(entries)],
    );
    expect(reportOf(answer)).toMatch(/ng refs\/heads\/t1 .*twice.*\n.*ng refs\/heads\/t2 .*twice/);
  });

  test('from nothing to nothing, a wrong old value, an old value that nobody has', async () => {
    const { oid, entries } = newCommit('old');
    const pack = forgePack(entries);
    expect(
      reportOf(await push(command(ZERO_OID, ZERO_OID, 'refs/heads/none', CAPABILITIES), FLUSH)),
    ).toContain('ng refs/heads/none There is no refs/heads/none.');
    for (const old of [ZERO_OID, '1'.repeat(40), oid]) {
      const answer = await push(command(old, oid, 'refs/heads/main', CAPABILITIES), FLUSH, pack);
      expect(reportOf(answer)).toContain('ng refs/heads/main fetch first');
    }
    const absent = await push(command('1'.repeat(40), oid, 'refs/heads/new', CAPABILITIES), FLUSH, pack);
    expect(reportOf(absent)).toContain('ng refs/heads/new fetch first');
  });

  test('an object that is nowhere, or is no commit', async () => {
    const nowhere = await push(
      command(ZERO_OID, '2'.repeat(40), 'refs/heads/n', CAPABILITIES),
      FLUSH,
      NO_OBJECTS,
    );
    expect(reportOf(nowhere)).toContain('ng refs/heads/n The object 2222');
    const blob = hashObject('blob', Buffer.from('x'));
    const pack = forgePack([wholeEntry('blob', 'x')]);
    expect(
      reportOf(await push(command(ZERO_OID, blob, 'refs/heads/b', CAPABILITIES), FLUSH, pack)),
    ).toContain('is a blob');
  });

  test('names outside', async () => {
    const head = await repo.head();
    for (const name of ['config', 'refs', 'refs/heads/../x', 'refs/pull/1/head', 'refs/heads/a b', 'HEAD']) {
      const answer = await push(command(ZERO_OID, head, name, CAPABILITIES), FLUSH, NO_OBJECTS);
      expect(reportOf(answer)).toContain(`ng ${name} `);
    }
  });
});

describe('packs', () => {
  const pushOf = (pack: Buffer, name = 'refs/heads/p', capabilities = CAPABILITIES): Buffer =>
    Buffer.concat([command(ZERO_OID, newCommit('p').oid, name, capabilities), FLUSH, pack]);

  test('a good one, in gzip, without a side band, in silence', async () => {
    const { oid, entries } = newCommit('p');
    const pack = forgePack(entries);
    const zipped = await post(gzipSync(pushOf(pack, 'refs/heads/zipped')), {
      headers: { 'content-encoding': 'gzip' },
    });
    expect(reportOf(zipped)).toContain('unpack ok\n');
    expect(await repo.head('zipped')).toBe(oid);
    const plain = await post(pushOf(pack, 'refs/heads/plain', 'report-status-v2'));
    expect(plain.text).toBe('000eunpack ok\n0018ok refs/heads/plain\n0000');
    const silent = await post(pushOf(pack, 'refs/heads/silent', 'agent=x'));
    expect(silent.body.length).toBe(0);
    expect(await repo.head('silent')).toBe(oid);
  });

  test('one that is wrong is said to be, and no ref moves', async () => {
    const { entries } = newCommit('p');
    const good = forgePack(entries);
    for (const [pack, reason] of [
      [Buffer.alloc(0), 'cut off'],
      [good.subarray(0, -1), 'cut off'],
      [Buffer.concat([good, Buffer.from('x')]), 'followed by'],
      [forgePack(entries, { count: 0xffffffff }), 'cut off'],
      [forgePack(entries, { version: 7 }), 'version 7'],
      [Buffer.concat([forgePack(entries, { version: 7 }), Buffer.alloc(5_000_000)]), 'version 7'],
    ] as const) {
      const report = reportOf(await post(pushOf(pack)));
      expect(report).toContain(reason);
      expect(report).toMatch(/unpack The pack .*\n.*ng refs\/heads\/p The pack /);
    }
    expect((await repo.api('GET', 'revision/p')).status).toBe(404);
  });

  test('one that names objects of another repository is incomplete', async () => {
    const other = await createRepo(hub, 'owner/other', { isPrivate: true });
    const secret = await other.commit([['file', { path: 'a', content: 'secret', encoding: 'utf-8' }]]);
    const who = 'A <a@b> 1700000000 +0000';
    const text = `tree ${EMPTY_TREE}\nparent ${secret}\nauthor ${who}\ncommitter ${who}\n\nx\n`;
    const oid = hashObject('commit', Buffer.from(text));
    const pack = forgePack([wholeEntry('tree', ''), wholeEntry('commit', text)]);
    const body = Buffer.concat([command(ZERO_OID, oid, 'refs/heads/stolen', CAPABILITIES), FLUSH, pack]);
    expect(reportOf(await post(body))).toContain(
      `the commit ${secret} is neither in it nor in the repository`,
    );
    const direct = Buffer.concat([
      command(ZERO_OID, secret, 'refs/heads/stolen', CAPABILITIES),
      FLUSH,
      NO_OBJECTS,
    ]);
    expect(reportOf(await post(direct))).toContain('neither in the push nor in the repository');
  });
});

test('whoever is put out while their push comes pushes nothing', async () => {
  const lab = await createRepo(hub, 'lab/slow', { person: 'member' });
  const { oid, entries } = newCommit('slow');
  const body = Buffer.concat([
    command(ZERO_OID, oid, 'refs/heads/slow', CAPABILITIES),
    FLUSH,
    forgePack(entries),
  ]);
  const token = tokenOf('member') ?? '';
  const pushing = request(`${hub.url}/${lab.name}/git-receive-pack`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': TYPE },
  });
  pushing.write(body.subarray(0, -10));
  const answered = once(pushing, 'response');
  await expect.poll(async () => JSON.stringify((await hub.snapshot()).files)).toContain('scratch');
  const organizations = DESCRIPTION.organizations.map((organization) => ({
    ...organization,
    members: organization.members.map(({ user, role }) => ({
      user,
      role: user === 'member' ? 'visitor' : role,
    })),
  }));
  await hub.command('apply', { text: JSON.stringify({ organizations }) });
  pushing.end(body.subarray(-10));
  const [response] = (await answered) as [IncomingMessage];
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece as Buffer);
  const text = Buffer.concat(pieces).toString('latin1');
  expect(text).toMatch(/ng refs\/heads\/slow You do not have the right to/);
  await hub.command('apply', { text: JSON.stringify(DESCRIPTION) });
  const refs = await lab.api('GET', 'refs');
  expect(refs.text).not.toContain('slow');
});

test('a client that leaves in the middle leaves nothing behind', async () => {
  const before = await hub.snapshot();
  const { oid, entries } = newCommit('left');
  const body = Buffer.concat([
    command(ZERO_OID, oid, 'refs/heads/left', CAPABILITIES),
    FLUSH,
    forgePack(entries),
  ]);
  const head = `POST /${repo.name}/git-receive-pack HTTP/1.1\r\nHost: ${hub.host}\r\nAuthorization: Bearer ${tokenOf('owner') ?? ''}\r\nContent-Type: ${TYPE}\r\nContent-Length: ${body.length + 1000}\r\nConnection: close\r\n\r\n`;
  const { connect } = await import('node:net');
  const [host, port] = hub.host.split(':');
  const socket = connect(Number(port), host);
  socket.write(Buffer.concat([Buffer.from(head), body]));
  await new Promise((resolve) => setTimeout(resolve, 500));
  socket.destroy();
  await expect.poll(() => hub.snapshot()).toEqual(before);
});
