import { expect } from 'vitest';
import type { Answer } from '../support/hub.ts';
import { sha256Of, type LfsObject, type RepoClient } from '../support/scenario.ts';
import { each, one, row, type Row, type Send } from './cases.ts';
import { PART_BYTES, type World } from './world.ts';

/** An upload in three parts, the last of them small. */
interface Upload {
  readonly repo: RepoClient;
  readonly bytes: Buffer;
  readonly oid: string;
  readonly complete: string;
  readonly part: (number: number | string) => string;
}

interface Part {
  readonly partNumber: number;
  readonly etag: string;
}

let count = 0;
const pathOf = (world: World, href = ''): string => href.replace(world.hub.url, '');

async function announce(world: World): Promise<Upload> {
  const repo = await world.fresh();
  const bytes = Buffer.alloc(PART_BYTES * 2 + 1000, `${(count += 1)} parts `);
  for (const part of [1, 2]) bytes.write(`part ${part}`, part * PART_BYTES);
  const object: LfsObject = await repo.batchOne('upload', bytes, ['basic', 'multipart']);
  const upload = object.actions?.['upload'];
  const first = pathOf(world, upload?.header?.['00001']);
  expect(Object.keys(upload?.header ?? {}).sort()).toEqual(['00001', '00002', '00003', 'chunk_size']);
  return {
    repo,
    bytes,
    oid: sha256Of(bytes),
    complete: pathOf(world, upload?.href),
    part: (number) => first.replace(/1$/, String(number)),
  };
}

const slice = ({ bytes }: Upload, number: number): Buffer =>
  bytes.subarray((number - 1) * PART_BYTES, number * PART_BYTES);

async function sendParts(
  world: World,
  upload: Upload,
  change = (bytes: Buffer): Buffer => bytes,
): Promise<Part[]> {
  const parts: Part[] = [];
  for (const partNumber of [1, 2, 3]) {
    const answer = await world.hub.send('PUT', upload.part(partNumber), {
      body: change(slice(upload, partNumber)),
    });
    expect(answer.status, answer.text).toBe(200);
    parts.push({ partNumber, etag: String(answer.headers['etag']) });
  }
  return parts;
}

const complete = (world: World, upload: Upload, parts: unknown, oid: unknown = upload.oid): Promise<Answer> =>
  world.hub.send('POST', upload.complete, { body: { oid, parts } });

const begun = new WeakMap<World, Promise<{ upload: Upload; parts: Part[] }>>();
/** One upload whose parts are all there, for those that only get its completion wrong. */
function waiting(world: World): Promise<{ upload: Upload; parts: Part[] }> {
  const known = begun.get(world);
  if (known) return known;
  const made = announce(world).then(async (upload) => ({ upload, parts: await sendParts(world, upload) }));
  begun.set(world, made);
  return made;
}

const completing =
  (change: (parts: Part[]) => unknown, oid?: unknown): Send =>
  async (world) => {
    const { upload, parts } = await waiting(world);
    return complete(world, upload, change(parts), oid ?? upload.oid);
  };

const sendingTo =
  (number: number | string, body: Buffer, headers: Readonly<Record<string, string>> = {}): Send =>
  async (world) => {
    const { upload } = await waiting(world);
    return world.hub.send('PUT', upload.part(number), { body, headers });
  };

const numbered = (partNumber: unknown) => (parts: Part[]) => [
  { ...parts[0], partNumber },
  parts[1],
  parts[2],
];
const tagged = (etag: unknown) => (parts: Part[]) => [parts[0], { ...parts[1], etag }, parts[2]];
const kept = { isKept: true };

const afterwards =
  (then: (world: World, upload: Upload, parts: Part[]) => Promise<Answer>): Send =>
  async (world) => {
    const upload = await announce(world);
    const parts = await sendParts(world, upload);
    expect((await complete(world, upload, parts)).status).toBe(200);
    return then(world, upload, parts);
  };

const manyTimes: Send = async (world) => {
  const upload = await announce(world);
  const parts = await sendParts(world, upload);
  const answers = await Promise.all(Array.from({ length: 20 }, () => complete(world, upload, parts)));
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  const { actions } = await upload.repo.batchOne('download', upload.bytes);
  expect(
    (await world.hub.send('GET', pathOf(world, actions?.['download']?.href))).body.equals(upload.bytes),
  ).toBe(true);
  return answers[0] as Answer;
};

/** Parts of the right size that do not make the object: it is thrown away, and the upload with it. */
const wrongBytes: Send = async (world) => {
  const upload = await announce(world);
  const parts = await sendParts(world, upload, (bytes) => Buffer.alloc(bytes.length, '!'));
  const answer = await complete(world, upload, parts);
  const files = Object.keys(await world.state()).filter((key) => key.startsWith('file '));
  expect(files.filter((file) => file.includes(upload.oid))).toEqual([]);
  expect((await complete(world, upload, parts)).status).toBe(404);
  return answer;
};

const expired: Send = async (world) => {
  const { upload, parts } = await waiting(world);
  const [payload = ''] = (upload.complete.split('/').pop() ?? '').split('.');
  const facts = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, string | number>;
  const link = world.capabilities(-3_600_000).sign('lfs-upload', facts, 60);
  return world.hub.send('POST', `/api/lfs/complete/${link}`, { body: { oid: upload.oid, parts } });
};

/** Section 3.8. An upload is continued by its parts; there are no offsets within them, and no call that ends it early. */
export const MULTIPART: readonly Row[] = [
  row('B-165', 'part numbers', [
    ...each('400 InvalidPart', [0, -1, 10_001, 1.5, 4, 2], (number) => completing(numbered(number)), kept),
    ...each('400 InvalidBody', [null, undefined, 'x', '1.5', '-1', [1], true], (number) =>
      completing(numbered(number)),
    ),
    ...each('400 InvalidPart', ['0', '-1', '10001', '1.5', '4', 'x', '01', '1e0'], (number) =>
      sendingTo(number, Buffer.alloc(PART_BYTES)),
    ),
  ]),
  row('B-166', 'the order of parts', [
    one(
      '400 InvalidPart',
      'one twice',
      completing(([first, second]) => [first, first, second]),
    ),
    one(
      '400 InvalidPart',
      'a gap',
      completing(([first, , third]) => [first, third]),
    ),
    one(
      '400 InvalidPart',
      'descending',
      completing((parts) => parts.toReversed()),
    ),
    one(
      '400 InvalidPart',
      'one too many',
      completing((parts) => [...parts, { partNumber: 4, etag: parts[0]?.etag }]),
    ),
  ]),
  row('B-167', 'entity tags', [
    ...each('400 InvalidPart', ['"x"', '', '""', 'a\rb'], (etag) => completing(tagged(etag))),
    ...each('400 InvalidBody', ['x'.repeat(10_000), null, 1, undefined, {}], (etag) =>
      completing(tagged(etag)),
    ),
    one(
      '400 InvalidPart',
      'that of another part',
      completing((parts) => [parts[0], { ...parts[1], etag: parts[0]?.etag }, parts[2]]),
    ),
  ]),
  row('B-168', 'lists of parts', [
    one(
      '400 InvalidPart',
      'empty',
      completing(() => []),
    ),
    one(
      '413 BodyTooLarge',
      'a million',
      completing((parts) => Array.from({ length: 1_000_000 }, () => parts[0])),
    ),
    ...each('400 InvalidBody', [{}, 'x', null, undefined, 1, [null], ['x']], (parts) =>
      completing(() => parts),
    ),
  ]),
  row('B-169', 'sizes of parts', [
    one('400 InvalidPart', 'the first a byte short', sendingTo(1, Buffer.alloc(PART_BYTES - 1))),
    one('400 InvalidPart', 'the last empty', sendingTo(3, Buffer.alloc(0))),
    one('400 InvalidPart', 'the first empty', sendingTo(1, Buffer.alloc(0))),
  ]),
  row('B-170', 'completing something else', [
    ...each('403 Forbidden', ['a'.repeat(64), '', '../x'], (oid) => completing((parts) => parts, oid)),
    one('403 Forbidden', 'with an altered link', async (world) => {
      const { upload, parts } = await waiting(world);
      return world.hub.send('POST', `${upload.complete.slice(0, -4)}AAAA`, {
        body: { oid: upload.oid, parts },
      });
    }),
    one('410 Gone', 'with a link that is out of date', expired),
    one('400 InvalidPart', 'with the link of one piece and no parts', async (world) => {
      const bytes = Buffer.from('one piece');
      const href = pathOf(world, (await world.repo.batchOne('upload', bytes)).actions?.['upload']?.href);
      return world.hub.send('POST', href.replace('/objects/', '/complete/'), {
        body: { oid: sha256Of(bytes), parts: [] },
      });
    }),
  ]),
  row('B-171', 'completing twice', [
    one(
      '200',
      'one after the other',
      afterwards((world, upload, parts) => complete(world, upload, parts)),
      kept,
    ),
    one('200', 'twenty at once', manyTimes, kept),
  ]),
  row('B-172', 'after the end', [
    one(
      '404 NotFound',
      'a part',
      afterwards((world, upload) => world.hub.send('PUT', upload.part(1), { body: slice(upload, 1) })),
      kept,
    ),
    // Nothing ends an upload early: what is left of it goes away with time.
    one(
      '405 MethodNotAllowed',
      'ending it',
      afterwards((world, upload) => world.hub.send('DELETE', upload.complete)),
      kept,
    ),
    one(
      '404 NotFound',
      'completing what was thrown away',
      async (world) => {
        const upload = await announce(world);
        const parts = await sendParts(world, upload, (bytes) => Buffer.alloc(bytes.length, '?'));
        expect((await complete(world, upload, parts)).status).toBe(422);
        return complete(world, upload, parts);
      },
      kept,
    ),
  ]),
  // An upload is known by a signed link, so what was not signed is no invalid id but a link that does not hold.
  row('B-173', 'upload ids', [
    ...each(
      '403 Forbidden',
      ['..%2Fx', 'x'.repeat(10_000), 'x.y'],
      (text): Send =>
        ({ hub }) =>
          hub.send('POST', `/api/lfs/complete/${text}`, { body: { oid: 'a'.repeat(64), parts: [] } }),
    ),
    ...each(
      '400 InvalidPath',
      ['%00', 'a%00.b'],
      (text): Send =>
        ({ hub }) =>
          hub.send('POST', `/api/lfs/complete/${text}`, { body: { oid: 'a'.repeat(64), parts: [] } }),
    ),
    one('404 NotFound', '../x', ({ hub }) => hub.send('POST', '/api/lfs/complete/../x', { body: {} })),
  ]),
  row('B-174', 'other bytes', [one('422 LfsMismatch', 'of the right size', wrongBytes, kept)]),
  row('B-175', 'more than announced', [
    one('413 BodyTooLarge', 'a part too long', sendingTo(1, Buffer.alloc(PART_BYTES + 1))),
    one('413 BodyTooLarge', 'the last as long as the others', sendingTo(3, Buffer.alloc(PART_BYTES))),
  ]),
  // There are no uploads by offset; the parts themselves are what is continued.
  row('B-176', 'offsets', [
    ...each('405 MethodNotAllowed', ['0', '99999999999', '-1', 'x'], (offset) => async (world) => {
      const { upload } = await waiting(world);
      return world.hub.send('PATCH', upload.part(1), {
        headers: { 'upload-offset': offset, 'content-type': 'application/offset+octet-stream' },
        body: Buffer.from('x'),
      });
    }),
    ...each('400 InvalidRequest', ['bytes 5-9/10', 'bytes 99-0/1'], (range) =>
      sendingTo(1, Buffer.alloc(PART_BYTES), { 'content-range': range }),
    ),
  ]),
];
