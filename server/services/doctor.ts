import { createHash } from 'node:crypto';
import type { Database, Ref, Upload } from '../db/stores.ts';
import { isHubError } from '../domain/errors.ts';
import type { Oid, RepositoryId, Sha256 } from '../domain/ids.ts';
import { parsePointer } from '../domain/lfs.ts';
import { repoFullName, type Repo } from '../domain/repo.ts';
import { walkConnectivity } from '../git/connectivity.ts';
import { createObjectCache } from '../git/object-cache.ts';
import { createObjectDb } from '../git/object-db.ts';
import {
  KEY_ROOTS,
  largeObjectKey,
  largeObjectName,
  packId,
  packIndexKey,
  packKey,
  packOwner,
  uploadOwner,
  xorbChunksKey,
  xorbKey,
  xorbName,
} from '../objects/keys.ts';
import type { ObjectStore } from '../objects/object-store.ts';
import type { Clock } from '../platform/clock.ts';
import { filesOlderThan } from '../platform/staging-folder.ts';
import type { RepoObjects } from './repo-objects.ts';
import { SWEEP_GRACE_MS, SWEPT_AT } from './sweep.ts';
import type { Xet } from './xet.ts';

/** The invariants that are checked (reliability 2.6); `docs/invariants.md` says them in full. */
export type Invariant = 'I-02' | 'I-03' | 'I-04' | 'I-05' | 'I-06' | 'I-07' | 'I-08' | 'I-09' | 'I-11';

export interface DoctorProblem {
  readonly invariant: Invariant;
  readonly what: string;
  readonly repo?: string;
}

export interface DoctorReport {
  readonly problems: readonly DoctorProblem[];
  /** How much was looked at, by kind. */
  readonly checked: Readonly<Record<string, number>>;
}

export interface Doctor {
  /** Check everything that is held. `full` also reads every large object and proves its SHA-256. */
  run(options: { readonly full: boolean }): Promise<DoctorReport>;
}

const PAGE = 500;
const CACHE_BYTES = 32 * 1024 * 1024;

export function createDoctor(parts: {
  readonly db: Database;
  readonly objects: ObjectStore;
  readonly clock: Clock;
  readonly repoObjects: RepoObjects;
  readonly xet: Xet;
  readonly stagingFolder: string;
}): Doctor {
  const { db, objects, clock, repoObjects, xet } = parts;

  /** One run: what it found and how much it saw. */
  function createRun(isFull: boolean) {
    const problems: DoctorProblem[] = [];
    const checked: Record<string, number> = {};
    const count = (kind: string): void => {
      checked[kind] = (checked[kind] ?? 0) + 1;
    };
    const report = (invariant: Invariant, what: string, repo?: Repo): void => {
      problems.push({ invariant, what, ...(repo ? { repo: repoFullName(repo) } : {}) });
    };

    async function forEachRepo(check: (repo: Repo) => Promise<void>): Promise<void> {
      let last: RepositoryId | undefined;
      for (;;) {
        const after = last;
        const page = await db.read((stores) => stores.repos.listAll(after, PAGE));
        if (page.length === 0) return;
        for (const repo of page) await check(repo);
        last = page.at(-1)?.id;
      }
    }

    /** I-02: every ref leads to whole, sound history. Answers the pointers met on the way. */
    async function checkHistory(repo: Repo, refs: readonly Ref[]): Promise<ReadonlyMap<Sha256, number>> {
      // Its own cache, since what the shared one remembers is not what is stored.
      const cache = createObjectCache({ maxBytes: CACHE_BYTES });
      const objectDb = createObjectDb({ storage: repoObjects.storage(repo), cache, scope: repo.publicId });
      const pointers = new Map<Sha256, number>();
      const onSmallBlob = (_oid: Oid, content: Buffer): void => {
        const pointer = parsePointer(content);
        if (pointer) pointers.set(pointer.sha256, pointer.sizeBytes);
      };
      const tips = refs.map((ref) => ({ name: ref.name, oid: ref.target }));
      for await (const problem of walkConnectivity(objectDb, tips, { onSmallBlob })) {
        report(
          'I-02',
          `${problem.kind} object ${problem.oid}, named by ${problem.from}: ${problem.detail}`,
          repo,
        );
      }
      for (const ref of refs) {
        count('refs');
        const commit = await objectDb.find(ref.peeled ?? ref.target).catch(() => undefined);
        if (commit?.type !== 'commit') report('I-02', `${ref.name} does not lead to a commit.`, repo);
      }
      return pointers;
    }

    /** I-03: what a pointer promises is linked and has that size. */
    async function checkPointers(repo: Repo, pointers: ReadonlyMap<Sha256, number>): Promise<void> {
      const linked = new Map<Sha256, number>();
      for (let after = 0; ;) {
        const from = after;
        const page = await db.read((stores) => stores.largeObjects.listLinked(repo.id, from, PAGE));
        for (const object of page) linked.set(object.sha256, object.sizeBytes);
        const last = page.at(-1);
        if (!last) break;
        after = last.id;
      }
      for (const [sha256, sizeBytes] of pointers) {
        count('pointers');
        const held = linked.get(sha256);
        if (held === undefined) report('I-03', `a pointer names ${sha256}, which is not linked.`, repo);
        else if (held !== sizeBytes)
          report('I-03', `a pointer gives ${sha256} ${sizeBytes} bytes, not ${held}.`, repo);
      }
    }

    /** I-02, I-05: packs are there in full, and the counted hot rows are those that exist. */
    async function checkStorage(repo: Repo): Promise<void> {
      for (const pack of await db.read((stores) => stores.gitObjects.packs(repo.id))) {
        count('packs');
        await checkLength('I-02', packKey(repo.publicId, pack.packId), pack.sizeBytes, repo);
        await checkLength('I-02', packIndexKey(repo.publicId, pack.packId), pack.indexSizeBytes, repo);
      }
      const totals = await db.read((stores) => stores.gitObjects.hotTotals(repo.id));
      let rows = 0;
      for (let after = 0; ;) {
        const from = after;
        const page = await db.read((stores) => stores.gitObjects.listHot(repo.id, from, PAGE));
        rows += page.length;
        const last = page.at(-1);
        if (!last) break;
        after = last.id;
      }
      if (rows !== totals.count)
        report('I-05', `${rows} hot rows are there, ${totals.count} are counted.`, repo);
    }

    async function checkLength(
      invariant: Invariant,
      key: string,
      sizeBytes: number,
      repo?: Repo,
    ): Promise<void> {
      const stored = await objects.head(key);
      if (!stored) report(invariant, `${key} is missing.`, repo);
      else if (stored.sizeBytes !== sizeBytes) {
        report(invariant, `${key} has ${stored.sizeBytes} bytes, not ${sizeBytes}.`, repo);
      }
    }

    /** I-03, I-04: large objects have their bytes, in every form they claim. */
    async function checkLargeObjects(): Promise<void> {
      for (let after = 0; ;) {
        const from = after;
        const page = await db.read((stores) => stores.largeObjects.listAll(from, PAGE));
        for (const object of page) {
          count('large objects');
          const { sha256, sizeBytes, hasPlainForm, xetHash } = object;
          if (!hasPlainForm && xetHash === undefined)
            report('I-04', `large object ${sha256} has no form at all.`);
          if (hasPlainForm) await checkLength('I-04', largeObjectKey(sha256), sizeBytes);
          const file = xetHash && (await db.read((stores) => stores.xet.findFile(xetHash)));
          if (xetHash && file?.sizeBytes !== sizeBytes)
            report('I-04', `Xet file ${xetHash} of ${sha256} is not held whole.`);
          if (isFull && hasPlainForm) await checkDigest({ ...object, xetHash: undefined });
          if (isFull && xetHash !== undefined) await checkDigest({ ...object, hasPlainForm: false });
        }
        const last = page.at(-1);
        if (!last) return;
        after = last.id;
      }
    }

    async function checkDigest(form: Parameters<Xet['openLargeObject']>[0]): Promise<void> {
      const hash = createHash('sha256');
      try {
        for await (const bytes of await xet.openLargeObject(form, undefined)) hash.update(bytes);
      } catch (error) {
        if (!isHubError(error)) throw error;
        report('I-03', `large object ${form.sha256} cannot be read: ${error.message}`);
        return;
      }
      if (hash.digest('hex') !== form.sha256) report('I-03', `large object ${form.sha256} has other bytes.`);
    }

    /** I-04: xorbs that rows speak of are stored with their index. */
    async function checkXorbs(): Promise<void> {
      let after: Parameters<typeof xorbKey>[0] | undefined;
      for (;;) {
        const from = after;
        const page = await db.read((stores) => stores.xet.listXorbs(from, PAGE));
        for (const xorb of page) {
          count('xorbs');
          await checkLength('I-04', xorbKey(xorb.hash), xorb.sizeBytes);
          if (!(await objects.head(xorbChunksKey(xorb.hash))))
            report('I-04', `${xorbChunksKey(xorb.hash)} is missing.`);
        }
        after = page.at(-1)?.hash;
        if (after === undefined) return;
      }
    }

    /** I-06: what was begun and given up is gone after a sweep. One that was never run could not remove it. */
    async function checkLeftovers(): Promise<void> {
      const sweptAt = Number((await db.read((stores) => stores.settings.get(SWEPT_AT))) ?? 0);
      const oldest = sweptAt - SWEEP_GRACE_MS;
      const expired: readonly Upload[] = await db.read((stores) => stores.uploads.listExpired(sweptAt, PAGE));
      for (const upload of expired) report('I-06', `upload ${upload.publicId} expired and was not swept.`);
      for (const root of Object.values(KEY_ROOTS)) {
        for await (const { key, modifiedAt } of objects.list(root)) {
          count('stored objects');
          if (modifiedAt < oldest && !(await isClaimed(key))) report('I-06', `${key} belongs to nothing.`);
        }
      }
    }

    const isClaimed = (key: string): Promise<boolean> =>
      db.read(async (stores) => {
        if (packOwner(key)) {
          const repo = await stores.repos.findByPublicId(packOwner(key) as Repo['publicId']);
          const packs = repo ? await stores.gitObjects.packs(repo.id) : [];
          return packs.some((pack) => pack.packId === packId(key));
        }
        if (uploadOwner(key)) return stores.uploads.exists(uploadOwner(key) as Upload['publicId']);
        if (xorbName(key)) return (await stores.xet.findXorbs([xorbName(key) as never])).length > 0;
        const object = await stores.largeObjects.findAny(largeObjectName(key) as Sha256);
        return object?.hasPlainForm === true;
      });

    /** I-09: the log of ref moves, replayed, gives the refs there are: no acknowledged commit was lost. */
    async function checkMoves(): Promise<void> {
      const expected = new Map<RepositoryId, Map<string, string>>();
      for (let after = 0; ;) {
        const from = after;
        const page = await db.read((stores) => stores.events.list(from, PAGE));
        for (const event of page) {
          if (event.kind !== 'refs-updated' || event.repositoryId === undefined) continue;
          count('ref moves');
          const refs = expected.get(event.repositoryId) ?? new Map<string, string>();
          expected.set(event.repositoryId, refs);
          replay(refs, event.payload, (what) => report('I-09', `event ${event.id}: ${what}`));
        }
        const last = page.at(-1);
        if (!last) break;
        after = last.id;
      }
      for (const [repositoryId, refs] of expected) {
        const repo = await db.read((stores) => stores.repos.findById(repositoryId));
        if (!repo) continue;
        const actual = new Map((await refsOf(repo)).map((ref) => [ref.name, ref.target as string]));
        for (const name of new Set([...refs.keys(), ...actual.keys()])) {
          if (refs.get(name) === actual.get(name)) continue;
          report(
            'I-09',
            `${name} is ${actual.get(name) ?? 'absent'}, last moved to ${refs.get(name) ?? 'nothing'}.`,
            repo,
          );
        }
      }
    }

    const refsOf = (repo: Repo): Promise<readonly Ref[]> =>
      db.read((stores) => stores.refs.list(repo.id, 'refs/'));

    /** I-11: a repository is found by its own name, and that name leads nowhere else. */
    async function checkName(repo: Repo): Promise<void> {
      const found = await db.read((stores) => stores.repos.find(repo.kind, repo.owner.name, repo.name));
      if (found?.repo.id !== repo.id || found.isRedirect)
        report('I-11', 'is not found by its own name.', repo);
    }

    return {
      problems,
      checked,
      async run(): Promise<void> {
        for (const problem of await db.check()) report('I-07', problem);
        await forEachRepo(async (repo) => {
          count('repositories');
          await checkName(repo);
          await checkStorage(repo);
          await checkPointers(repo, await checkHistory(repo, await refsOf(repo)));
        });
        await checkLargeObjects();
        await checkXorbs();
        await checkLeftovers();
        await checkMoves();
        for (const name of await filesOlderThan(parts.stagingFolder, clock.now() - SWEEP_GRACE_MS)) {
          report('I-08', `temporary file ${name} was left behind.`);
        }
      },
    };
  }

  return {
    async run({ full }) {
      const run = createRun(full);
      await run.run();
      return { problems: run.problems, checked: run.checked };
    },
  };
}

/** Apply the moves of one event to what the refs were; a move from anything else than that is a lost update. */
function replay(refs: Map<string, string>, payload: string, report: (what: string) => void): void {
  const { moves } = JSON.parse(payload) as {
    readonly moves: readonly { readonly name: string; readonly from?: string; readonly to?: string }[];
  };
  for (const { name, from, to } of moves) {
    if (refs.get(name) !== from) {
      report(`${name} was moved from ${from ?? 'nothing'}, but it was at ${refs.get(name) ?? 'nothing'}.`);
    }
    if (to === undefined) refs.delete(name);
    else refs.set(name, to);
  }
}
