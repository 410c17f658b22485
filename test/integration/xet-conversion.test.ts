import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TestHub } from '../support/hub.ts';
import { createRepo, lfsLine, sha256Of, startPeopledHub, type RepoClient } from '../support/scenario.ts';
import { sample } from '../unit/xet/builders.ts';

/* Large files that came by LFS are kept in chunks where that saves room, and nobody who reads them notices. */

const MIB = 1024 * 1024;
const DAY_MS = 86_400_000;

let hub: TestHub;
beforeAll(async () => {
  hub = await startPeopledHub();
});
afterAll(() => hub[Symbol.asyncDispose]());

let count = 0;
const newRepo = (): Promise<RepoClient> => createRepo(hub, `owner/c${(count += 1)}`);

async function add(repo: RepoClient, path: string, bytes: Buffer): Promise<void> {
  await repo.uploadLfs(bytes);
  await repo.commit([lfsLine(path, bytes)]);
}

async function xetHashOf(repo: RepoClient, path: string): Promise<string | undefined> {
  const [entry] = (await repo.api('POST', 'paths-info/main', { body: { paths: [path] } })).json<
    { xetHash?: string }[]
  >();
  return entry?.xetHash;
}

/** Wait until the file has a Xet hash. */
async function converted(repo: RepoClient, path: string): Promise<string> {
  for (let round = 0; round < 300; round += 1) {
    const hash = await xetHashOf(repo, path);
    if (hash !== undefined) return hash;
    await delay(50);
  }
  throw new Error(`${path} was not converted.`);
}

async function xorbBytes(): Promise<number> {
  const { files } = await hub.snapshot();
  return Object.entries(files)
    .filter(([name]) => name.includes('xorbs/') && !name.endsWith('.chunks'))
    .reduce((total, [, size]) => total + size, 0);
}

const edited = (bytes: Buffer, seed: number): Buffer =>
  Buffer.concat([bytes.subarray(0, MIB), sample(seed, 20_000), bytes.subarray(MIB + 20_000)]);

test('two versions of a file that came by LFS are held as one and what differs', async () => {
  const [first, second] = [await newRepo(), await newRepo()];
  const before = sample(1, 6 * MIB);
  const after = edited(before, 2);
  await add(first, 'w.bin', before);
  await add(second, 'w.bin', after);
  await converted(second, 'w.bin');
  await converted(first, 'w.bin');
  expect(await xorbBytes()).toBeLessThan(6.5 * MIB);
  expect((await first.resolve('main', 'w.bin')).body.equals(before)).toBe(true);
  expect((await second.resolve('main', 'w.bin', { range: 'bytes=1000000-1100000' })).body).toEqual(
    after.subarray(1_000_000, 1_100_001),
  );

  // The whole way of a client: the hash leads to a reconstruction.
  const { cas, token } = await second.xetToken('read');
  const hash = await converted(second, 'w.bin');
  const answer = await hub.send('GET', `${cas}/v2/reconstructions/${hash}`, { token });
  expect(answer.status).toBe(200);

  // The plain form is swept when it is old, and nothing else is.
  const plainFiles = async () =>
    Object.keys((await hub.snapshot()).files).filter((name) =>
      [before, after].some((bytes) => name.endsWith(sha256Of(bytes))),
    );
  expect(await plainFiles()).toHaveLength(2);
  hub.advance(2 * DAY_MS);
  for (let round = 0; round < 300 && (await plainFiles()).length > 0; round += 1) await delay(50);
  expect(await plainFiles()).toEqual([]);
  expect((await second.resolve('main', 'w.bin')).body.equals(after)).toBe(true);
  expect(await hub.command('doctor', { full: true })).toMatchObject({ problems: [] });

  // Uploaded again by somebody else, it is proved and linked, and no second form of it is made.
  const third = await newRepo();
  await add(third, 'again.bin', before);
  expect(await plainFiles()).toEqual([]);
  expect((await third.resolve('main', 'again.bin')).body.equals(before)).toBe(true);
});

test('a file that shares nothing stays as it is', async () => {
  const repo = await newRepo();
  const [lonely, other] = [sample(10, 2 * MIB), sample(11, 2 * MIB)];
  await add(repo, 'lonely.bin', lonely);
  await add(repo, 'other.bin', other);
  const base = await newRepo();
  // What is converted after them shows that their turn is over.
  await add(base, 'a.bin', sample(12, 2 * MIB));
  await add(base, 'b.bin', edited(sample(12, 2 * MIB), 13));
  await converted(base, 'b.bin');
  expect(await xetHashOf(repo, 'lonely.bin')).toBeUndefined();
  expect(await xetHashOf(repo, 'other.bin')).toBeUndefined();
  expect((await repo.resolve('main', 'lonely.bin')).body.equals(lonely)).toBe(true);
});

test('a file that repeats itself is held once', async () => {
  const repo = await newRepo();
  const part = sample(20, MIB);
  const bytes = Buffer.concat([part, part, part, part, part]);
  const before = await xorbBytes();
  await add(repo, 'w.bin', bytes);
  await converted(repo, 'w.bin');
  expect((await xorbBytes()) - before).toBeLessThan(1.5 * MIB);
  expect((await repo.resolve('main', 'w.bin')).body.equals(bytes)).toBe(true);
});

test('readers see the same bytes at every moment', async () => {
  const repo = await newRepo();
  const base = sample(30, 4 * MIB);
  const bytes = edited(base, 31);
  await add(repo, 'base.bin', base);
  let isOver = false;
  const read = async (): Promise<number> => {
    let reads = 0;
    while (!isOver) {
      const answer = await repo.resolve('main', 'w.bin');
      expect(answer.status).toBe(200);
      expect(sha256Of(answer.body)).toBe(sha256Of(bytes));
      reads += 1;
    }
    return reads;
  };
  await add(repo, 'w.bin', bytes);
  const readers = [read(), read(), read()];
  await converted(repo, 'w.bin');
  isOver = true;
  expect(Math.min(...(await Promise.all(readers)))).toBeGreaterThan(0);
});

test('nothing is converted where it is switched off', async () => {
  await using other = await startPeopledHub(['--no-uploads-convert-to-xet']);
  const repo = await createRepo(other, 'owner/off');
  const base = sample(40, 2 * MIB);
  for (const [path, bytes] of [
    ['a.bin', base],
    ['b.bin', edited(base, 41)],
  ] as const) {
    await repo.uploadLfs(bytes);
    await repo.commit([lfsLine(path, bytes)]);
  }
  await delay(500);
  expect(await xetHashOf(repo, 'b.bin')).toBeUndefined();
});

test('nothing of this was an error of the hub', () => {
  expect(hub.loggedErrors()).toEqual([]);
});
