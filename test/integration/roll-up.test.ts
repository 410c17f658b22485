import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Oid, Sha256 } from '../../server/domain/ids.ts';
import type { Repo } from '../../server/domain/repo.ts';
import { createObjectCache } from '../../server/git/object-cache.ts';
import { findEntry } from '../../server/git/tree-walk.ts';
import { createRepoObjects, type RepoObjects } from '../../server/services/repo-objects.ts';
import { ROLL_UP_BOUNDS } from '../../server/services/roll-up.ts';
import { SWEEP_GRACE_MS } from '../../server/services/sweep.ts';
import { openHubServices, type HubServices } from '../support/hub-services.ts';
import { commitBody, type FileToSend } from '../support/hub-client.ts';
import { describeWithTools } from '../support/require.ts';

const scratch = mkdtempSync(join(tmpdir(), 'atoll-roll-up-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

let hub: HubServices;
beforeEach(async () => {
  hub = await openHubServices();
});
afterEach(() => hub[Symbol.asyncDispose]());

/** A copy: what receives it may give up its memory. */
async function* whole(bytes: Buffer): AsyncGenerator<Buffer> {
  yield await Promise.resolve(Buffer.from(bytes));
}

const inline = (path: string, bytes: Buffer): FileToSend => ({ path, bytes, form: 'inline' });

async function commit(repo: Repo, branch: string, files: readonly FileToSend[]): Promise<Oid> {
  const body = commitBody({ title: `add ${files[0]?.path ?? ''}`, files });
  return (await hub.services.commits.commit(await hub.writer(repo), branch, whole(body))).commit;
}

/** Rows and packs of a repository. */
const placesOf = (repo: Repo) =>
  hub.db.read(async ({ gitObjects }) => ({
    rows: (await gitObjects.hotTotals(repo.id)).count,
    packs: await gitObjects.packs(repo.id),
  }));

async function storedKeys(): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { key } of hub.store.list('')) keys.push(key);
  return keys;
}

const expectHealthy = async (): Promise<void> =>
  expect((await hub.services.doctor.run({ full: true })).problems).toEqual([]);

/** A reader that remembers nothing of what it read before. */
const forgetful = (): RepoObjects =>
  createRepoObjects({ db: hub.db, objects: hub.store, cache: createObjectCache({ maxBytes: 1 }) });

async function readFile(objects: RepoObjects, repo: Repo, commitId: Oid, path: string): Promise<Buffer> {
  const db = objects.open(repo);
  const entry = await findEntry(db, (await db.commit(commitId)).tree, path);
  if (!entry) throw new Error(`${path} is not in ${commitId}`);
  return (await db.get(entry.oid, 'blob')).content;
}

describeWithTools('rolling rows into packs', ['git'], ({ git }) => {
  test('goes on beside readers and writers, and nothing is missing at any moment', async () => {
    const repo = await hub.createRepo('busy');
    const options = { startingPoint: undefined, overwrite: false };
    await hub.services.branches.create(await hub.writer(repo), 'side', options);
    const written: { readonly commit: Oid; readonly path: string; readonly bytes: Buffer }[] = [];
    let isWriting = true;
    let reads = 0;
    let rolled = 0;

    async function write(branch: string): Promise<void> {
      for (let round = 0; round < 60; round++) {
        // Every third file has bytes that were there before: rows again, while a pack may have them already.
        const bytes = round % 3 === 0 ? Buffer.from('the same again') : randomBytes(300);
        const path = `${branch}/${round % 5}/${round}.txt`;
        written.push({ commit: await commit(repo, branch, [inline(path, bytes)]), path, bytes });
        await delay(2);
      }
    }
    async function readOn(objects: RepoObjects): Promise<void> {
      while (isWriting) {
        const one = written[Math.floor(Math.random() * written.length)];
        if (one) expect(await readFile(objects, repo, one.commit, one.path)).toEqual(one.bytes);
        reads++;
        await delay(0);
      }
    }
    /** One and the same view for the whole time: its list of packs grows old. */
    async function readByOneView(): Promise<void> {
      const db = forgetful().open(repo);
      while (isWriting) {
        const one = written.at(-1);
        if (one) expect(await db.commit(one.commit)).toBeDefined();
        reads++;
        await delay(1);
      }
    }
    async function roll(): Promise<void> {
      while (isWriting) {
        rolled += await hub.services.rollUps.rollUp(repo.id);
        await delay(20);
      }
    }
    async function examine(): Promise<void> {
      while (isWriting) {
        await expectHealthy();
        await delay(50);
      }
    }

    const writing = Promise.all([write('main'), write('side')]).finally(() => (isWriting = false));
    await Promise.all([
      writing,
      readOn(forgetful()),
      readOn(forgetful()),
      readByOneView(),
      roll(),
      examine(),
    ]);
    expect(reads).toBeGreaterThan(50);
    expect(rolled).toBeGreaterThan(100);

    await hub.services.rollUps.rollUp(repo.id);
    const { rows, packs } = await placesOf(repo);
    expect(rows).toBe(0);
    expect(new Set(packs.map((pack) => pack.source))).toEqual(new Set(['rolled']));
    expect((await storedKeys()).length).toBe(2 * packs.length);
    for (const { commit: id, path, bytes } of written) {
      expect(await readFile(forgetful(), repo, id, path)).toEqual(bytes);
    }
    await expectHealthy();

    const folder = join(scratch, 'busy.git');
    await hub.services.exports.exportRepo('model', 'ada/busy', folder);
    execFileSync(git, ['-C', folder, 'fsck', '--strict', '--full'], { stdio: 'pipe' });
    const count = execFileSync(git, ['-C', folder, 'rev-list', '--count', '--all'], { encoding: 'utf8' });
    expect(Number(count)).toBe(written.length + 1);
  });
});

describe('a roll-up', () => {
  test('is due beyond a number of rows, and the job that follows a commit does it', async () => {
    const [busy, quiet] = [await hub.createRepo('busy'), await hub.createRepo('quiet')];
    await commit(quiet, 'main', [inline('a.txt', Buffer.from('a'))]);
    let made = 0;
    for (const round of ['one', 'two', 'three']) {
      expect(await hub.services.rollUps.due()).toEqual([]);
      const files = Array.from({ length: 720 }, (_, index) =>
        inline(`${round}/${index}.txt`, Buffer.from(`${round} ${index}`)),
      );
      await commit(busy, 'main', files);
      made += files.length;
    }
    expect(made).toBeGreaterThan(ROLL_UP_BOUNDS.count);
    expect(await hub.services.rollUps.due()).toEqual([busy.id]);

    hub.services.jobs.start();
    await expect.poll(async () => (await placesOf(busy)).rows).toBe(0);
    expect((await placesOf(busy)).packs).toHaveLength(1);
    expect((await placesOf(quiet)).rows).toBeGreaterThan(0);
    await hub.services.jobs.stop();
    await expectHealthy();
  });

  test('of a repository without rows, or without the repository, does nothing', async () => {
    const repo = await hub.createRepo('short-lived');
    expect(await hub.services.rollUps.rollUp(repo.id)).toBeGreaterThan(0);
    expect(await hub.services.rollUps.rollUp(repo.id)).toBe(0);
    const { granted } = await hub.services.authorize.repo(
      hub.actor,
      { kind: 'model', owner: 'ada', name: 'short-lived' },
      'administer',
    );
    await hub.services.repositories.delete(granted);
    expect(await hub.services.rollUps.rollUp(repo.id)).toBe(0);
    await expectHealthy();
  });
});

describe('the sweep', () => {
  const HOUR_MS = 3_600_000;
  const PART_BYTES = 5 * 1024 * 1024;
  const PACK_BYTES = 1_100_000;

  const nameOf = (bytes: Buffer) => ({
    sha256: createHash('sha256').update(bytes).digest('hex') as Sha256,
    sizeBytes: bytes.length,
  });

  /** Announce an upload in parts and send the first. */
  async function beginUpload(repo: Repo, bytes: Buffer): Promise<string> {
    const [plan] = await hub.services.lfs.planUploads(await hub.writer(repo), [nameOf(bytes)], true);
    if (plan?.kind !== 'parts') throw new Error('no upload in parts');
    const first = bytes.subarray(0, PART_BYTES);
    await hub.services.lfs.receivePart(plan.capability, 1, whole(first), first.length);
    return plan.capability;
  }

  /** A commit that ends between its put and its transaction. */
  async function leavePack(repo: Repo, bytes: Buffer): Promise<void> {
    hub.db.fail({ mode: 'write', call: 1, when: 'before' });
    await expect(commit(repo, 'main', [inline('weights.txt', bytes)])).rejects.toThrow('Planted');
    hub.db.heal();
  }

  test('takes an abandoned upload when its time is over, and not before', async () => {
    const repo = await hub.createRepo('uploads');
    await beginUpload(repo, randomBytes(PART_BYTES + 1));
    hub.clock.advance(23 * HOUR_MS);
    const fresh = randomBytes(PART_BYTES + 2);
    const capability = await beginUpload(repo, fresh);
    expect(await hub.services.sweeps.sweep()).toMatchObject({ uploads: 0, objects: 0 });
    expect(await storedKeys()).toHaveLength(2);
    hub.clock.advance(2 * HOUR_MS);
    expect(await hub.services.sweeps.sweep()).toMatchObject({ uploads: 1 });
    expect(await storedKeys()).toHaveLength(1);
    const rest = fresh.subarray(PART_BYTES);
    const second = await hub.services.lfs.receivePart(capability, 2, whole(rest), rest.length);
    expect(second).toBe(nameOf(rest).sha256);
    await expectHealthy();
  });

  test('takes what a commit left without its transaction after a day, and the commit can be made later', async () => {
    const repo = await hub.createRepo('packs');
    const bytes = randomBytes(PACK_BYTES);
    const kept = randomBytes(PACK_BYTES);
    const keptCommit = await commit(repo, 'main', [inline('kept.txt', kept)]);
    await leavePack(repo, bytes);
    expect(await storedKeys()).toHaveLength(4);
    hub.clock.advance(SWEEP_GRACE_MS - 1);
    expect(await hub.services.sweeps.sweep()).toMatchObject({ objects: 0 });
    hub.clock.advance(2);
    expect(await hub.services.sweeps.sweep()).toMatchObject({ objects: 2 });
    expect(await storedKeys()).toHaveLength(2);
    await expectHealthy();
    const made = await commit(repo, 'main', [inline('weights.txt', bytes)]);
    expect(await readFile(forgetful(), repo, made, 'weights.txt')).toEqual(bytes);
    expect(await readFile(forgetful(), repo, keptCommit, 'kept.txt')).toEqual(kept);
  });

  test('leaves a pack alone that the same commit needs again at that moment', async () => {
    const repo = await hub.createRepo('again');
    const bytes = randomBytes(PACK_BYTES);
    await leavePack(repo, bytes);
    hub.clock.advance(2 * SWEEP_GRACE_MS);
    // The sweep has seen that nobody claims the pack, and is slow to remove it; the commit comes in between.
    hub.store.fail({ operation: 'delete', when: 'before', error: null, delayMs: 300 });
    const sweeping = hub.services.sweeps.sweep();
    await delay(100);
    const made = await commit(repo, 'main', [inline('weights.txt', bytes)]);
    await sweeping;
    hub.store.heal();
    expect(await readFile(forgetful(), repo, made, 'weights.txt')).toEqual(bytes);
    await expectHealthy();
  });

  test('takes the packs of a deleted repository', async () => {
    const repo = await hub.createRepo('deleted');
    await commit(repo, 'main', [inline('weights.txt', randomBytes(PACK_BYTES))]);
    const asked = { kind: 'model', owner: 'ada', name: 'deleted' } as const;
    const { granted } = await hub.services.authorize.repo(hub.actor, asked, 'administer');
    await hub.services.repositories.delete(granted);
    expect(await storedKeys()).toHaveLength(2);
    hub.clock.advance(SWEEP_GRACE_MS + 1);
    await hub.services.sweeps.sweep();
    expect(await storedKeys()).toEqual([]);
    await expectHealthy();
  });

  test('ends the permission to commit an object that no commit used, and keeps those in use', async () => {
    const repo = await hub.createRepo('pendings');
    const [used, unused] = [randomBytes(1000), randomBytes(1001)];
    for (const bytes of [used, unused]) {
      const [plan] = await hub.services.lfs.planUploads(await hub.writer(repo), [nameOf(bytes)], false);
      if (plan?.kind !== 'single') throw new Error('no upload');
      await hub.services.lfs.receive(plan.capability, whole(bytes), bytes.length);
    }
    await commit(repo, 'main', [{ path: 'used.bin', bytes: used, form: 'lfs' }]);
    hub.clock.advance(2 * SWEEP_GRACE_MS);
    expect(await hub.services.sweeps.sweep()).toMatchObject({ pendings: 1 });
    await expect(
      commit(repo, 'main', [{ path: 'unused.bin', bytes: unused, form: 'lfs' }]),
    ).rejects.toMatchObject({ code: 'LfsNotUploaded' });
    await expect(
      hub.services.lfs.verify(await hub.writer(repo), nameOf(used).sha256, used.length),
    ).resolves.toBeUndefined();
    await expectHealthy();
  });
});
