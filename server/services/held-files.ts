import type { LargeObject } from '../db/questions/large-objects.ts';
import type { Database } from '../db/stores.ts';
import { HubError } from '../domain/errors.ts';
import type { Oid, Sha256, XetHash } from '../domain/ids.ts';
import { shown } from '../domain/names.ts';
import type { Repo } from '../domain/repo.ts';
import type { ObjectDb } from '../git/object-db.ts';
import { diffTrees } from '../git/tree-diff.ts';
import { largeObjectKey, xorbKey } from '../objects/keys.ts';
import type { ObjectStore } from '../objects/object-store.ts';
import type { Clock } from '../platform/clock.ts';
import type { FileFactsReader } from './file-facts.ts';

/** A large file that a tree needs and that cannot be had. */
export interface MissingFile {
  readonly path: string;
  readonly sha256: Sha256;
  readonly sizeBytes: number;
}

export interface HeldFiles {
  /**
   * Look for every large file that `after` has and `before` has not: it must be linked to the repository, or wait for
   * a commit, and its bytes must be there. Answers the row keys of those that are to be linked. Throws LfsNotUploaded
   * with the list of what is missing. Takes time in the difference of the trees, and little memory.
   */
  require(
    repo: Repo,
    objects: ObjectDb,
    trees: { readonly before: Oid | undefined; readonly after: Oid; readonly commit: Oid },
  ): Promise<readonly number[]>;
}

const FILES_AT_ONCE = 500;
const LOOKS_AT_ONCE = 8;
const MAX_LISTED = 1000;

export function createHeldFiles(parts: {
  readonly db: Database;
  readonly objects: ObjectStore;
  readonly clock: Clock;
  readonly fileFacts: FileFactsReader;
}): HeldFiles {
  const { db, objects: store, clock, fileFacts } = parts;

  async function hasXetForm(xetHash: XetHash, sizeBytes: number, known: Set<XetHash>): Promise<boolean> {
    const file = await db.read((stores) => stores.xet.findFile(xetHash));
    if (file?.sizeBytes !== sizeBytes) return false;
    const hashes = [...new Set(file.terms.map(({ xorb }) => xorb))].filter((hash) => !known.has(hash));
    for (const hash of hashes) {
      if (!(await store.head(xorbKey(hash)))) return false;
      known.add(hash);
    }
    return true;
  }

  async function isHeld(object: LargeObject, knownXorbs: Set<XetHash>): Promise<boolean> {
    const { sha256, sizeBytes, hasPlainForm, xetHash } = object;
    if (hasPlainForm && (await store.head(largeObjectKey(sha256)))?.sizeBytes === sizeBytes) return true;
    return xetHash !== undefined && hasXetForm(xetHash, sizeBytes, knownXorbs);
  }

  return {
    async require(repo, objects, { before, after, commit }) {
      const links: number[] = [];
      const missing: MissingFile[] = [];
      let missingCount = 0;
      const seen = new Set<Sha256>();
      const knownXorbs = new Set<XetHash>();

      const note = (file: MissingFile): void => {
        missingCount += 1;
        if (missing.length < MAX_LISTED) missing.push(file);
      };

      const checkFiles = async (files: readonly MissingFile[]): Promise<void> => {
        const names = files.map(({ sha256 }) => sha256);
        const { linked, usable } = await db.read(async (stores) => ({
          linked: await stores.inspection.linkedAmong(repo.id, names),
          usable: await stores.largeObjects.findForRepository(repo.id, names, clock.now()),
        }));
        const bySha256 = new Map(usable.map((object) => [object.sha256, object]));
        const check = async (file: MissingFile): Promise<void> => {
          const object = bySha256.get(file.sha256);
          if (object?.sizeBytes !== file.sizeBytes || !(await isHeld(object, knownXorbs))) note(file);
          else if (!linked.has(file.sha256)) links.push(object.id);
        };
        for (let at = 0; at < files.length; at += LOOKS_AT_ONCE) {
          await Promise.all(files.slice(at, at + LOOKS_AT_ONCE).map(check));
        }
      };

      let blobs: { readonly path: string; readonly oid: Oid }[] = [];
      const checkBlobs = async (): Promise<void> => {
        const gathered = blobs;
        blobs = [];
        const oids = gathered.map(({ oid }) => oid);
        const facts = await fileFacts.read(repo.publicId, objects, oids);
        const files: MissingFile[] = [];
        for (const { path, oid } of gathered) {
          const pointer = facts.get(oid)?.pointer;
          if (!pointer || seen.has(pointer.sha256)) continue;
          seen.add(pointer.sha256);
          files.push({ path, ...pointer });
        }
        if (files.length > 0) await checkFiles(files);
      };

      for await (const { path, after: entry } of diffTrees(objects, before, after)) {
        if (entry?.type !== 'blob') continue;
        blobs.push({ path, oid: entry.oid });
        if (blobs.length >= FILES_AT_ONCE) await checkBlobs();
      }
      await checkBlobs();
      if (missingCount > 0) throw notRecoverable(missing, missingCount, commit);
      return links;
    },
  };
}

function notRecoverable(missing: readonly MissingFile[], count: number, commit: Oid): HubError {
  const [first] = missing;
  const others = count > 1 ? ` and ${count - 1} more` : '';
  return new HubError(
    'LfsNotUploaded',
    `This repository does not hold the large file "${shown(first?.path ?? '')}"${others} any more. Upload what is missing, then try again.`,
    {
      details: {
        recoverable: false,
        missing_files: missing.map(({ path, sha256, sizeBytes }) => ({ path, oid: sha256, size: sizeBytes })),
        missing_count: count,
        affected_commits: [commit],
      },
    },
  );
}
