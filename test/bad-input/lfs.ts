import { expect } from 'vitest';
import type { Answer } from '../support/hub.ts';
import {
  createRepo,
  fileLine,
  ndjson,
  sha256Of,
  tokenOf,
  type LfsObject,
  type Person,
} from '../support/scenario.ts';
import { ask, each, one, row, type Row, type Send } from './cases.ts';
import { BAD_OIDS, BAD_SIZES } from './commits.ts';
import { FOREIGN, HELD, MOST_BYTES, type World } from './world.ts';

const LFS = 'application/vnd.git-lfs+json';
const HEADERS = { 'content-type': LFS, accept: LFS };
const BATCH = '/owner/m1.git/info/lfs/objects/batch';
const NEW = { oid: sha256Of(Buffer.from('new')), size: 3 };
const held = { oid: sha256Of(HELD), size: HELD.length };

const batch = (more: object, person: Person = 'owner'): Send =>
  ask('POST', BATCH, {
    token: tokenOf(person),
    headers: HEADERS,
    body: Buffer.from(JSON.stringify({ operation: 'upload', transfers: ['basic'], objects: [NEW], ...more })),
  });
const batchText = (text: string): Send => ask('POST', BATCH, { headers: HEADERS, body: Buffer.from(text) });
const batchAs = (headers: Readonly<Record<string, string>>): Send =>
  ask('POST', BATCH, {
    headers: { ...HEADERS, ...headers },
    body: Buffer.from(JSON.stringify({ operation: 'upload', objects: [NEW] })),
  });

const objectsOf = (answer: Answer): readonly LfsObject[] => answer.json<{ objects: LfsObject[] }>().objects;
/** The batch is answered, and each of its objects is refused with this code and nothing to do. */
const everyObject = (code: number) => ({
  check: (answer: Answer) => {
    for (const object of objectsOf(answer)) {
      expect(object).toMatchObject({ error: { code, message: expect.stringMatching(/\.$/) as string } });
      expect(object.actions).toBeUndefined();
    }
    expect(objectsOf(answer).length).toBeGreaterThan(0);
  },
});
const transfersBasic = { check: (answer: Answer) => expect(answer.json()['transfer']).toBe('basic') };

let count = 0;
/** Bytes that nobody has sent before. */
const newBytes = (size = 1000): Buffer => Buffer.alloc(size, `${(count += 1)} `);
const pathOf = (world: World, href = ''): string => href.replace(world.hub.url, '');
const uploadPath = async (world: World, bytes: Buffer): Promise<string> =>
  pathOf(world, (await world.repo.batchOne('upload', bytes)).actions?.['upload']?.href);

/** Ask for a link for some bytes, and send others, in some way, to it. */
const put =
  (change: (bytes: Buffer) => Buffer, headers: Readonly<Record<string, string>> = {}): Send =>
  async (world) => {
    const bytes = newBytes();
    return world.hub.send('PUT', await uploadPath(world, bytes), { body: change(bytes), headers });
  };

const chunked: Send = async (world) => {
  const target = await uploadPath(world, newBytes());
  const raw = `PUT ${target} HTTP/1.1\r\nHost: ${world.hub.host}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n`;
  const text = await world.hub.raw(raw);
  return { ...(await world.hub.send('GET', '/healthz')), ...parse(text) };
};

function parse(text: string): Partial<Answer> {
  const [head = '', body = ''] = text.split('\r\n\r\n');
  const headers = Object.fromEntries(
    head
      .split('\r\n')
      .slice(1)
      .map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
  );
  return {
    status: Number(head.slice(9, 12)),
    headers,
    text: body,
    json: <Shape>() => JSON.parse(body) as Shape,
  };
}

const again =
  (change: (bytes: Buffer) => Buffer): Send =>
  async (world) => {
    const bytes = newBytes();
    const target = await uploadPath(world, bytes);
    expect((await world.hub.send('PUT', target, { body: bytes })).status).toBe(200);
    const answer = await world.hub.send('PUT', target, { body: change(bytes) });
    const { actions } = await world.repo.batchOne('download', bytes);
    expect((await world.hub.send('GET', pathOf(world, actions?.['download']?.href))).body).toEqual(bytes);
    return answer;
  };

const forgedLink =
  (facts: Readonly<Record<string, string | number>>, offsetMs: number, purpose = 'lfs-upload'): Send =>
  ({ hub, capabilities }) =>
    hub.send(
      'PUT',
      `/api/lfs/objects/${capabilities(offsetMs).sign(purpose, { repository: 1, oid: NEW.oid, size: 3, ...facts }, 60)}`,
      { body: Buffer.from('new') },
    );

const altered: Send = async (world) => {
  const bytes = newBytes();
  const target = await uploadPath(world, bytes);
  const [payload = '', signature = ''] = (target.split('/').pop() ?? '').split('.');
  const facts = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
  const other = Buffer.from(JSON.stringify({ ...facts, repository: 2 })).toString('base64url');
  return world.hub.send('PUT', `/api/lfs/objects/${other}.${signature}`, { body: bytes });
};

/** A link outlives its repository, whose owner cannot mean it any more. */
const ofDeleted: Send = async (world) => {
  const repo = await world.fresh();
  const bytes = newBytes();
  const target = pathOf(world, (await repo.batchOne('upload', bytes)).actions?.['upload']?.href);
  const [, name] = repo.name.split('/');
  await world.hub.send('DELETE', '/api/repos/delete', { token: tokenOf('owner'), body: { name } });
  const before = (await world.state())['table large_objects'];
  const answer = await world.hub.send('PUT', target, { body: bytes });
  const state = await world.state();
  expect(state['table large_objects']).toBe(before);
  expect(Object.keys(state).filter((key) => key.includes(sha256Of(bytes)))).toEqual([]);
  return answer;
};

const verify = (body: unknown, target = '/owner/m1.git/info/lfs/verify'): Send =>
  ask('POST', target, { headers: HEADERS, body: Buffer.from(JSON.stringify(body)) });

const LOCKS = '/owner/m1.git/info/lfs/locks';
const lock = (body: unknown, person: Person = 'owner'): Send =>
  ask('POST', LOCKS, {
    token: tokenOf(person),
    headers: HEADERS,
    body: Buffer.from(JSON.stringify(body)),
  });
const verifyLocks = (body: unknown): Send =>
  ask('POST', `${LOCKS}/verify`, { headers: HEADERS, body: Buffer.from(JSON.stringify(body)) });

interface Lock {
  readonly id: string;
  readonly path: string;
}
const lockIn = async (world: World, repo: string, person: Person = 'owner'): Promise<Answer> =>
  world.hub.send('POST', `/${repo}.git/info/lfs/locks`, {
    token: tokenOf(person),
    headers: HEADERS,
    body: Buffer.from('{"path":"plain.txt"}'),
  });

const lockedTwice: Send = async (world) => {
  const { name } = await world.fresh();
  const { lock: first } = (await lockIn(world, name)).json<{ lock: Lock }>();
  const answer = await lockIn(world, name);
  expect(answer.json()).toMatchObject({ lock: first, message: expect.any(String) as string });
  return answer;
};

const unlock = (world: World, repo: string, id: string, person: Person): Promise<Answer> =>
  world.hub.send('POST', `/${repo}.git/info/lfs/locks/${id}/unlock`, {
    token: tokenOf(person),
    headers: HEADERS,
    body: Buffer.from('{"force":true}'),
  });

const unlockForeign: Send = async (world) => {
  const { name } = await world.fresh();
  const { lock: made } = (await lockIn(world, name)).json<{ lock: Lock }>();
  return unlock(world, 'owner/m1', made.id, 'owner');
};

let labs = 0;
const unlockByForce: Send = async (world) => {
  const { name } = await createRepo(world.hub, `lab/locked-${(labs += 1)}`, { person: 'lab-admin' });
  const { lock: made } = (await lockIn(world, name, 'lab-admin')).json<{ lock: Lock }>();
  return unlock(world, name, made.id, 'member');
};

const POINTER = (oid: string, size: number): string =>
  `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${size}\n`;
/** What is not exactly a pointer is a file like any other, and comes back as it was. */
const plain =
  (text: string): Send =>
  async (world) => {
    const repo = await world.fresh();
    await repo.commit([fileLine('pointer.txt', text)]);
    const answer = await repo.resolve('main', 'pointer.txt');
    expect(answer.text).toBe(text);
    expect(answer.headers['x-linked-size']).toBeUndefined();
    return answer;
  };
const pointerCommit = (text: string): Send =>
  ask('POST', '/api/models/owner/m1/commit/main', {
    headers: { 'content-type': 'application/x-ndjson' },
    body: ndjson([fileLine('never.bin', text)]),
  });
const kept = { isKept: true };
const UNCHANGED = (bytes: Buffer): Buffer => bytes;
const OTHER = (bytes: Buffer): Buffer => Buffer.alloc(bytes.length, '!');

/** Section 3.7. Refusals have the form of the git-lfs specification, in which a body that does not validate is 422. */
export const LFS_ROWS: readonly Row[] = [
  row(
    'B-142',
    'operations',
    each('422 InvalidBody', ['delete', undefined, ['upload'], null, '', 'UPLOAD', '__proto__'], (operation) =>
      batch({ operation }),
    ),
  ),
  row('B-143', 'objects', [
    ...each('422 InvalidBody', [undefined, {}, null, 'x', [1], [null], ['x'], [[]]], (objects) =>
      batch({ objects }),
    ),
    one('200', 'none', batch({ objects: [] }), { check: (answer) => expect(objectsOf(answer)).toEqual([]) }),
  ]),
  row('B-144', 'too much', [
    one('413 TooManyItems', '1,001 objects', batch({ objects: Array.from({ length: 1_001 }, () => NEW) })),
    one('413 BodyTooLarge', '50 MB', (world) => batchText(' '.repeat(50_000_000))(world)),
  ]),
  row(
    'B-145',
    'other hashes',
    each('409 Conflict', ['sha512', 'SHA-1', '__proto__'], (algorithm) => batch({ hash_algo: algorithm })),
  ),
  row('B-146', 'other transfers', [
    ...each(
      '200',
      [['ssh'], [], ['lfs-standalone-file', 'x'], undefined, null],
      (transfers) => batch({ transfers }),
      transfersBasic,
    ),
    ...each('422 InvalidBody', [1, 'basic', {}, [1], [null]], (transfers) => batch({ transfers })),
  ]),
  row('B-147', 'media types', [
    one('406 NotAcceptable', 'an answer in HTML', batchAs({ accept: 'text/html' })),
    one('415 UnsupportedMediaType', 'plain text', batchAs({ 'content-type': 'text/plain' })),
    one(
      '415 UnsupportedMediaType',
      'a form',
      batchAs({ 'content-type': 'application/x-www-form-urlencoded' }),
    ),
  ]),
  row('B-148', 'refs', [
    ...each(
      '422 InvalidBody',
      [1, 'x'.repeat(10_000), 'refs/heads/-x', '-x', 'a\0b', 'a\nb', 'refs/heads/../x', null, {}],
      (name) => batch({ ref: { name } }),
    ),
    ...each('422 InvalidBody', [1, 'x', [], true], (ref) => batch({ ref })),
    ...each('200', ['refs/heads/main', 'main', 'refs/heads/feature/x', 'HEAD'], (name) =>
      batch({ ref: { name } }),
    ),
  ]),
  row(
    'B-149',
    'oids that are none',
    each('200', BAD_OIDS, (oid) => batch({ objects: [{ oid, size: 3 }] }), everyObject(422)),
  ),
  row('B-150', 'sizes that are none', [
    ...each(
      '200',
      [...BAD_SIZES, 'null'],
      (size) => batchText(`{"operation":"upload","objects":[{"oid":"${NEW.oid}","size":${size}}]}`),
      everyObject(422),
    ),
    one(
      '200',
      'over the limit of a file',
      batch({ objects: [{ oid: NEW.oid, size: MOST_BYTES + 1 }] }),
      everyObject(413),
    ),
    one('200', 'no size', batch({ objects: [{ oid: NEW.oid }] }), everyObject(422)),
  ]),
  row('B-151', 'an oid with two sizes', [
    one('200', 'both refused', batch({ objects: [NEW, { ...NEW, size: 4 }] }), everyObject(422)),
  ]),
  row('B-152', 'nothing under another name', [
    one('200', 'size 0', batch({ objects: [{ ...NEW, size: 0 }] }), everyObject(422)),
  ]),
  row('B-153', 'downloads', [
    one(
      '200',
      'not held here',
      batch({ operation: 'download', objects: [{ oid: sha256Of(FOREIGN), size: FOREIGN.length }] }),
      everyObject(404),
    ),
    one('200', 'nowhere held', batch({ operation: 'download', objects: [NEW] }), everyObject(404)),
    one(
      '200',
      'another size',
      batch({ operation: 'download', objects: [{ ...held, size: held.size + 1 }] }),
      everyObject(422),
    ),
  ]),
  row('B-154', 'who may not upload', [
    one('403 Forbidden', 'a read token', batch({}, 'owner-read')),
    one('403 Forbidden', 'a stranger', batch({}, 'stranger')),
    one('401 SignInRequired', 'nobody', batch({}, 'anonymous'), {
      check: ({ headers }) => expect(headers['lfs-authenticate']).toBe('Basic realm="Atoll"'),
    }),
    one(
      '401 RepoNotFound',
      'nobody, on what is hidden',
      ask('POST', '/stranger/secret.git/info/lfs/objects/batch', {
        token: undefined,
        headers: HEADERS,
        body: Buffer.from(JSON.stringify({ operation: 'upload', objects: [NEW] })),
      }),
    ),
    one(
      '404 RepoNotFound',
      'an owner, as another kind',
      ask('POST', '/datasets/owner/m1.git/info/lfs/objects/batch', {
        headers: HEADERS,
        body: Buffer.from(JSON.stringify({ operation: 'upload', objects: [NEW] })),
      }),
    ),
  ]),
  row('B-155', 'other lengths than announced', [
    one(
      '422 LfsMismatch',
      'shorter',
      put((bytes) => bytes.subarray(1)),
    ),
    one(
      '413 BodyTooLarge',
      'longer',
      put((bytes) => Buffer.concat([bytes, bytes])),
    ),
    one('411 LengthRequired', 'in chunks', chunked),
  ]),
  row('B-156', 'other bytes', [one('422 LfsMismatch', 'of the same length', put(OTHER))]),
  row('B-157', 'links that do not hold', [
    one('410 Gone', 'out of date', forgedLink({}, -3_600_000)),
    one('403 Forbidden', 'altered', altered),
    one('403 Forbidden', 'of another purpose', forgedLink({}, 0, 'lfs-download')),
    ...each('403 Forbidden', ['x', 'x.y', '..%2Fx', 'e30.AAAA'], (text) =>
      ask('PUT', `/api/lfs/objects/${text}`, { body: Buffer.from('new') }),
    ),
    // The link is the credential, so there is no other user to it; its repository may be gone.
    one('401 RepoNotFound', 'of a repository that was deleted', ofDeleted, kept),
  ]),
  row('B-158', 'a link twice', [
    one('200', 'the same bytes', again(UNCHANGED), kept),
    one('422 LfsMismatch', 'other bytes', again(OTHER), kept),
  ]),
  // There is no upload by ranges: RFC 9110 (14.5) wants 400 then. Large files go up in parts.
  row(
    'B-159',
    'Content-Range',
    each('400 InvalidRequest', ['bytes 0-999/1000', 'bytes 10-20/1000', 'bytes 0-999/500', 'x'], (range) =>
      put(UNCHANGED, { 'content-range': range }),
    ),
  ),
  row('B-160', 'verify', [
    one('422 UnprocessableObject', 'another size', verify({ ...held, size: held.size + 1 })),
    one('404 NotFound', 'not uploaded', verify(NEW)),
    one('200', 'with more members', verify({ ...held, parts: [{ partNumber: -1 }] })),
    one('404 NotFound', 'held elsewhere', verify({ oid: sha256Of(FOREIGN), size: FOREIGN.length })),
    ...each('422 UnprocessableObject', ['x', '../../x', 'A'.repeat(64)], (oid) => verify({ ...held, oid })),
    ...each('422 InvalidBody', [null, 1, []], (oid) => verify({ ...held, oid })),
  ]),
  row('B-161', 'locks', [
    ...each(
      '422 InvalidBody',
      ['../x', 'a\0b', 'x'.repeat(5_000), '', '/x', '.git/config', 1, null],
      (path) => lock({ path }),
    ),
    ...each('422 InvalidBody', ['x', 1, { name: '-x' }, { name: 1 }], (ref) => lock({ path: 'p', ref })),
    one('409 Conflict', 'twice', lockedTwice, kept),
    one('403 Forbidden', 'a read token', lock({ path: 'plain.txt' }, 'owner-read')),
    one('401 SignInRequired', 'nobody', lock({ path: 'plain.txt' }, 'anonymous')),
  ]),
  row('B-162', 'unlocking', [
    ...each('404 NotFound', ['1', '1e3', '-1', 'abc', '18446744073709551616', 'f'.repeat(24)], (id) =>
      ask('POST', `${LOCKS}/${id}/unlock`, { headers: HEADERS, body: Buffer.from('{"force":true}') }),
    ),
    one('404 NotFound', 'a lock of another repository', unlockForeign, kept),
    one('403 Forbidden', 'by force, without the right to administer', unlockByForce, kept),
    ...each('422 InvalidBody', ['yes', 1, {}], (force) =>
      ask('POST', `${LOCKS}/${'f'.repeat(24)}/unlock`, {
        headers: HEADERS,
        body: Buffer.from(JSON.stringify({ force })),
      }),
    ),
  ]),
  row('B-163', 'lists of locks', [
    ...each('400 InvalidCursor', ['x', '1', 'MQ.AAAAAAAAAAA'], (cursor) =>
      ask('GET', `${LOCKS}?cursor=${cursor}`),
    ),
    ...each('400 InvalidParameter', ['-1', 'x', '0', '1e3', '1&limit=2'], (limit) =>
      ask('GET', `${LOCKS}?limit=${limit}`),
    ),
    ...each('200', ['path=..%2Fx', 'id=x', 'refspec=-x'], (query) => ask('GET', `${LOCKS}?${query}`)),
    ...each('422 InvalidBody', [-1, 'x', 1.5], (limit) => verifyLocks({ limit })),
    ...each('400 InvalidCursor', ['x', '1'], (cursor) => verifyLocks({ cursor })),
  ]),
  row('B-164', 'pointers in commits', [
    ...each(
      '200',
      [
        POINTER(held.oid, held.size).replace('/v1', '/v9'),
        POINTER(held.oid, held.size).replaceAll('\n', '\r\n'),
        `ext-0-x sha256:${held.oid}\n${POINTER(held.oid, held.size)}`,
        POINTER(held.oid, held.size).replace('size', 'zzz 1\nsize'),
        `${POINTER(held.oid, held.size)}${' '.repeat(1_025)}`,
        POINTER(held.oid.toUpperCase(), held.size),
      ],
      plain,
      kept,
    ),
    one('400 LfsNotUploaded', 'to what is not held', pointerCommit(POINTER(NEW.oid, NEW.size))),
    one(
      '400 LfsNotUploaded',
      'to what another holds',
      pointerCommit(POINTER(sha256Of(FOREIGN), FOREIGN.length)),
    ),
    one('400 InvalidSize', 'with another size', pointerCommit(POINTER(held.oid, held.size + 1))),
    one(
      '200',
      'to what is held',
      async (world) => world.repo.postCommit(ndjson([fileLine('held.bin', POINTER(held.oid, held.size))])),
      {},
    ),
  ]),
];
