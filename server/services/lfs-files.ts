import type { LinkedFile } from '../db/questions/large-objects.ts';
import type { Database } from '../db/stores.ts';
import { conflict } from '../domain/errors.ts';
import type { Oid, Sha256, XetHash } from '../domain/ids.ts';
import type { Repo } from '../domain/repo.ts';
import { branchRef } from '../domain/revision.ts';
import { findBlobs } from '../git/find-blobs.ts';
import { pointerOid } from '../git/pointer-oid.ts';
import { createHistoryRewriter } from '../git/rewrite-history.ts';
import type { ObjectStore } from '../objects/object-store.ts';
import type { Clock } from '../platform/clock.ts';
import type { Granted } from './authorize.ts';
import { createObjectStaging, type StagedObjects } from './object-staging.ts';
import type { RefMove, RefUpdates } from './ref-updates.ts';
import type { RepoObjects } from './repo-objects.ts';

/** A large file of a repository, and one name under which it was committed. */
export interface LfsFile extends Omit<LinkedFile, 'path'> {
  readonly path: string;
}

export interface FileToCopy {
  readonly sha256: Sha256;
  /** What the source's listings say; absent where the caller does not know. */
  readonly xetHash: XetHash | undefined;
}

export interface LfsFiles {
  /** In the order in which they came, after a row key. */
  list(granted: Granted<'read'>, after: number, limit: number): Promise<readonly LfsFile[]>;
  /**
   * Give large files up for good. With `rewriteHistory` no commit that a ref leads to names them any more: all refs move
   * in one transaction. Without, commits keep their pointers, which lead nowhere. Files that are not there are passed
   * over, so that the same call may be sent again. Throws Conflict when others keep moving the refs.
   */
  remove(
    granted: Granted<'settings'>,
    sha256s: readonly Sha256[],
    options: { readonly rewriteHistory: boolean },
  ): Promise<void>;
  /**
   * Let another repository commit files of this one without their bytes being sent. Answers those it could not be done
   * for: only what commits of the source name is copied.
   */
  copy(
    source: Granted<'read'>,
    target: Granted<'write'>,
    files: readonly FileToCopy[],
  ): Promise<readonly { readonly sha256: Sha256; readonly problem: string }[]>;
}

/** A push may come in between a few times. */
const MAX_ATTEMPTS = 5;

export function createLfsFiles(parts: {
  readonly db: Database;
  readonly objects: ObjectStore;
  readonly clock: Clock;
  readonly repoObjects: RepoObjects;
  readonly refUpdates: RefUpdates;
  readonly stagingFolder: string;
  /** How long copied files may wait for their commit. */
  readonly pendTtlSeconds: number;
}): LfsFiles {
  const { db, objects, clock, repoObjects, refUpdates, stagingFolder } = parts;

  /** Names of files that were linked by something else than a commit of the API: looked up in the default branch. */
  async function namesOf(repo: Repo, files: readonly LinkedFile[]): Promise<ReadonlyMap<Sha256, string>> {
    const head = await db.read((stores) => stores.refs.find(repo.id, branchRef(repo.defaultBranch)));
    if (!head || files.length === 0) return new Map();
    const byPointer = new Map(files.map((file) => [pointerOid(file), file.sha256]));
    const objectDb = repoObjects.open(repo);
    const root = await objectDb.rootTree(head.peeled ?? head.target);
    const found = await findBlobs(objectDb, root, new Set(byPointer.keys()));
    return new Map([...found].flatMap(([oid, path]) => [[byPointer.get(oid) as Sha256, path] as const]));
  }

  async function pointersOf(sha256s: readonly Sha256[]): Promise<ReadonlySet<Oid>> {
    const oids = new Set<Oid>();
    await db.read(async (stores) => {
      for (const sha256 of sha256s) {
        const object = await stores.largeObjects.findAny(sha256);
        if (object) oids.add(pointerOid(object));
      }
    });
    return oids;
  }

  async function rewrite(
    repo: Repo,
    blobs: ReadonlySet<Oid>,
  ): Promise<{ readonly moves: readonly RefMove[]; readonly staged: StagedObjects }> {
    const refs = await db.read((stores) => stores.refs.list(repo.id, 'refs/'));
    const staging = createObjectStaging({
      repository: repo.publicId,
      objects,
      stagingFolder,
      source: 'commit',
    });
    try {
      const keep = staging.addObject;
      const rewriter = createHistoryRewriter({ db: repoObjects.open(repo), blobs, keep });
      const moves: RefMove[] = [];
      for (const { name, target } of refs) {
        const next = await rewriter.rewrite(target);
        if (next?.target === target) continue;
        moves.push({
          name,
          expected: target,
          next: next && {
            target: next.target,
            ...(next.peeled === undefined ? {} : { peeled: next.peeled }),
          },
        });
      }
      return { moves, staged: await staging.store() };
    } finally {
      await staging.dispose();
    }
  }

  return {
    async list({ repo }, after, limit) {
      const files = await db.read((stores) => stores.largeObjects.listFiles(repo.id, after, limit));
      const unnamed = files.filter(({ path }) => path === undefined);
      const names = await namesOf(repo, unnamed);
      return files.map((file) => ({ ...file, path: file.path ?? names.get(file.sha256) ?? file.sha256 }));
    },

    async remove(granted, sha256s, { rewriteHistory }) {
      const { repo, actor } = granted;
      const blobs = rewriteHistory ? await pointersOf(sha256s) : new Set<Oid>();
      for (let round = 1; round <= MAX_ATTEMPTS; round++) {
        const { moves, staged } =
          blobs.size > 0 ? await rewrite(repo, blobs) : { moves: [], staged: { hotObjects: [], packs: [] } };
        const outcome = await refUpdates.apply({
          granted,
          right: 'settings',
          moves,
          ...staged,
          also: async (stores, now) => {
            await stores.largeObjects.unlink(repo.id, sha256s, now);
            await stores.events.append({
              kind: 'large-files-removed',
              repositoryId: repo.id,
              actorId: actor.kind === 'user' ? actor.user.id : undefined,
              payload: JSON.stringify({ files: sha256s, rewriteHistory }),
              at: now,
            });
          },
        });
        if (outcome.kind === 'done') return;
      }
      throw conflict('Others keep writing to this repository. Try again.');
    },

    async copy(source, target, files) {
      const failed: { sha256: Sha256; problem: string }[] = [];
      await db.write(async (stores) => {
        const sha256s = files.map(({ sha256 }) => sha256);
        const linked = await stores.largeObjects.findLinked(source.repo.id, sha256s);
        const bySha256 = new Map(linked.map((object) => [object.sha256, object]));
        const copied: number[] = [];
        for (const { sha256, xetHash } of files) {
          const object = bySha256.get(sha256);
          if (!object) failed.push({ sha256, problem: 'The source repository has no such file.' });
          else if (xetHash !== undefined && object.xetHash !== xetHash) {
            failed.push({ sha256, problem: 'The Xet hash is that of another file.' });
          } else copied.push(object.id);
        }
        const until = clock.now() + parts.pendTtlSeconds * 1000;
        await stores.largeObjects.pend(target.repo.id, copied, until);
      });
      return failed;
    },
  };
}
