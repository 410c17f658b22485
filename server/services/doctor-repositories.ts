import type { Ref } from '../db/questions/refs.ts';
import type { Database } from '../db/stores.ts';
import type { Oid } from '../domain/ids.ts';
import { parsePointer, type LfsPointer } from '../domain/lfs.ts';
import { foldName } from '../domain/names.ts';
import type { Repo } from '../domain/repo.ts';
import { branchOfRef } from '../domain/revision.ts';
import { walkConnectivity } from '../git/connectivity.ts';
import { createObjectCache } from '../git/object-cache.ts';
import { createObjectDb, type ObjectDb } from '../git/object-db.ts';
import { hashObject } from '../git/objects.ts';
import { createOidTable, type OidTable } from '../git/oid-table.ts';
import { checkPack } from '../git/pack-check.ts';
import { peelTag } from '../git/peel-tag.ts';
import type { ObjectStore } from '../objects/object-store.ts';
import { createFindings, everyRow, type DoctorReport, type Findings } from './doctor-findings.ts';
import { checkLength } from './doctor-objects.ts';
import { inflateHotRow, type RepoObjects } from './repo-objects.ts';

const PAGE = 500;
/** Of each invariant, in one repository: it must not hide what is wrong with the others. */
const MOST_PROBLEMS = 100;
/** Hot rows come with their bytes, up to a megabyte each. */
const HOT_PAGE = 32;
const POINTERS_AT_ONCE = 500;
const CACHE_BYTES = 32 * 1024 * 1024;

/** The checks of each repository: I-02, I-03, I-05 and I-11, and of each bucket I-11 and I-12. */
export function createRepositoryChecks(parts: {
  readonly db: Database;
  readonly objects: ObjectStore;
  readonly repoObjects: RepoObjects;
  readonly isFull: boolean;
}): { run(findings: Findings): Promise<void> } {
  const { db, objects, repoObjects, isFull } = parts;

  const exists = async (repo: Repo): Promise<boolean> =>
    (await db.read((stores) => stores.repos.findById(repo.id))) !== undefined;

  async function checkRepo(repo: Repo): Promise<DoctorReport> {
    const findings = createFindings(MOST_PROBLEMS);
    findings.count('repositories');
    await findings.attempt('I-11', 'the name', () => checkNames(repo, findings), repo);
    if (repo.kind === 'bucket') {
      await findings.attempt('I-12', 'the files', () => checkBucket(repo, findings), repo);
      return findings.result();
    }
    await findings.attempt('I-05', 'the count of hot rows', () => checkHotTotals(repo, findings), repo);
    await findings.attempt('I-02', 'packs', () => checkPacks(repo, findings), repo);
    const damaged = createOidTable();
    await findings.attempt('I-02', 'the history', () => checkHistory(repo, damaged, findings), repo);
    if (isFull) await findings.attempt('I-02', 'hot rows', () => checkHotRows(repo, damaged, findings), repo);
    return findings.result();
  }

  /** I-11: a repository has its own name, and no second one that is not a redirect. */
  async function checkNames(repo: Repo, findings: Findings): Promise<void> {
    const found = await db.read(async (stores) => ({
      current: await stores.repos.findById(repo.id),
      names: await stores.inspection.namesOf(repo.id),
    }));
    const { current } = found;
    if (!current) return;
    const live = found.names.filter((name) => !name.isRedirect);
    const others = live.filter(
      ({ ownerId, kind, folded }) =>
        ownerId !== current.owner.id || kind !== current.kind || folded !== foldName(current.name),
    );
    if (live.length === others.length) findings.report('I-11', 'is not found by its own name.', repo);
    for (const { kind, folded, ownerId } of others) {
      findings.report('I-11', `is also found as the ${kind} "${folded}" of owner ${ownerId}.`, repo);
    }
  }

  /** I-12: the files of a bucket are linked to it and counted, and nothing else is linked. */
  async function checkBucket(repo: Repo, findings: Findings): Promise<void> {
    const { totals, actual } = await db.read(async ({ buckets }) => ({
      totals: await buckets.totals(repo.id),
      actual: await buckets.inspect(repo.id),
    }));
    if (totals?.fileCount !== actual.fileCount || totals.sizeBytes !== actual.sizeBytes) {
      const counted = totals ? `${totals.fileCount} of ${totals.sizeBytes} bytes are` : 'none is';
      findings.report(
        'I-12',
        `${actual.fileCount} files of ${actual.sizeBytes} bytes are there, ${counted} counted.`,
        repo,
      );
    }
    if (actual.unlinked > 0)
      findings.report('I-12', `${actual.unlinked} files have content that is not linked.`, repo);
    if (actual.unused > 0) findings.report('I-12', `${actual.unused} links belong to no file.`, repo);
  }

  /** I-05: what is counted of the hot rows is what is there. */
  async function checkHotTotals(repo: Repo, findings: Findings): Promise<void> {
    const { totals, actual } = await db.read(async (stores) => ({
      totals: await stores.gitObjects.hotTotals(repo.id),
      actual: await stores.inspection.countHot(repo.id),
    }));
    if (totals.count === actual.count && totals.sizeBytes === actual.sizeBytes) return;
    findings.report(
      'I-05',
      `${actual.count} hot rows of ${actual.sizeBytes} bytes are there, ${totals.count} of ${totals.sizeBytes} bytes are counted.`,
      repo,
    );
  }

  /** I-02: packs are there in full, with the index that belongs to them. */
  async function checkPacks(repo: Repo, findings: Findings): Promise<void> {
    const storage = repoObjects.storage(repo);
    const rows = await db.read((stores) => stores.gitObjects.packs(repo.id));
    const counts = new Map(rows.map((row) => [row.packId, row.objectCount]));
    for (const pack of await storage.packs()) {
      findings.count('packs');
      const problems = [
        await checkLength(objects, pack.packKey, pack.sizeBytes),
        await checkLength(objects, pack.indexKey, pack.indexSizeBytes),
      ].filter((problem) => problem !== undefined);
      for (const problem of problems) findings.report('I-02', problem, repo);
      if (problems.length > 0) continue;
      const check = async (): Promise<void> => {
        const objectCount = await checkPack(pack, storage.readRange, { isFull });
        const counted = counts.get(pack.id) ?? objectCount;
        if (counted !== objectCount) {
          findings.report('I-02', `${pack.packKey} has ${objectCount} objects, not ${counted}.`, repo);
        }
      };
      await findings.attempt('I-02', pack.packKey, check, repo);
    }
  }

  /** I-02: every ref leads to whole, sound history. I-03: so do the pointers on the way. */
  async function checkHistory(repo: Repo, damaged: OidTable, findings: Findings): Promise<void> {
    const refs = await db.read((stores) => stores.refs.list(repo.id, 'refs/'));
    // Its own cache, since what the shared one remembers is not what is stored.
    const cache = createObjectCache({ maxBytes: CACHE_BYTES });
    const objectDb = createObjectDb({ storage: repoObjects.storage(repo), cache, scope: repo.publicId });

    let pointers: LfsPointer[] = [];
    const checkGathered = async (): Promise<void> => {
      const gathered = pointers;
      pointers = [];
      await checkPointers(repo, gathered, findings);
    };
    const onSmallBlob = async (_oid: Oid, content: Buffer): Promise<void> => {
      const pointer = parsePointer(content);
      if (pointer) pointers.push(pointer);
      if (pointers.length >= POINTERS_AT_ONCE) await checkGathered();
    };

    const tips = refs.map((ref) => ({ name: ref.name, oid: ref.target }));
    for await (const { kind, oid, from, detail } of walkConnectivity(objectDb, tips, { onSmallBlob })) {
      damaged.add(oid);
      findings.report('I-02', `${kind} object ${oid}, named by ${from}: ${detail}`, repo);
    }
    await checkGathered();
    for (const ref of refs) {
      findings.count('refs');
      // What is damaged or missing was reported on the way.
      if (!damaged.has(ref.target)) await checkPeeled(repo, objectDb, ref, findings);
    }
  }

  /** A branch is a commit; an annotated tag, or a tag of one, leads to what its ref says. */
  async function checkPeeled(repo: Repo, objectDb: ObjectDb, ref: Ref, findings: Findings): Promise<void> {
    const target = await objectDb.find(ref.target);
    const peeled = target && (await peelTag(objectDb, { oid: ref.target, type: target.type }));
    const found = peeled?.oid === ref.target ? undefined : peeled?.oid;
    if (peeled === undefined || (branchOfRef(ref.name) !== undefined && peeled.type !== 'commit')) {
      findings.report('I-02', `${ref.name} does not lead to a commit.`, repo);
    } else if (found !== ref.peeled) {
      findings.report(
        'I-02',
        `${ref.name} leads to ${found ?? ref.target}, its row says ${ref.peeled ?? 'nothing'}.`,
        repo,
      );
    }
  }

  /** I-03: what a pointer promises is linked and has that size. */
  async function checkPointers(
    repo: Repo,
    pointers: readonly LfsPointer[],
    findings: Findings,
  ): Promise<void> {
    if (pointers.length === 0) return;
    const names = pointers.map(({ sha256 }) => sha256);
    const { linked, removed } = await db.read(async ({ inspection }) => ({
      linked: await inspection.linkedAmong(repo.id, names),
      removed: await inspection.removedAmong(repo.id, names),
    }));
    for (const { sha256, sizeBytes } of pointers) {
      findings.count('pointers');
      const held = linked.get(sha256);
      if (held === undefined && removed.has(sha256)) continue;
      if (held === undefined)
        findings.report('I-03', `a pointer names ${sha256}, which is not linked.`, repo);
      else if (held !== sizeBytes) {
        findings.report('I-03', `a pointer gives ${sha256} ${sizeBytes} bytes, not ${held}.`, repo);
      }
    }
  }

  /** I-02: rows that no ref leads to any more are sound as well. */
  async function checkHotRows(repo: Repo, known: OidTable, findings: Findings): Promise<void> {
    const rows = everyRow((last: { readonly id: number } | undefined) =>
      db.read((stores) => stores.gitObjects.listHot(repo.id, last?.id ?? 0, HOT_PAGE)),
    );
    for await (const row of rows) {
      findings.count('hot rows');
      if (known.has(row.oid)) continue;
      await findings.attempt(
        'I-02',
        `the hot row of ${row.oid}`,
        () => {
          if (hashObject(row.type, inflateHotRow(row)) !== row.oid) {
            findings.report('I-02', `the hot row of ${row.oid} has other bytes.`, repo);
          }
        },
        repo,
      );
    }
  }

  return {
    async run(findings) {
      const repos = everyRow((last: Repo | undefined) =>
        db.read((stores) => stores.repos.listAll(last?.id, PAGE)),
      );
      for await (const repo of repos) {
        const report = await checkRepo(repo);
        // Of one that was deleted meanwhile, things are missing with good reason.
        if (report.problems.length === 0 || (await exists(repo).catch(() => true))) findings.add(report);
      }
    },
  };
}
