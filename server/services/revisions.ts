import type { Database } from '../db/stores.ts';
import { revisionNotFound } from '../domain/errors.ts';
import { isOid, type Oid } from '../domain/ids.ts';
import { shown } from '../domain/names.ts';
import type { Repo } from '../domain/repo.ts';
import { branchRef, isReadableRef, MIN_SHORT_OID, refNamesOf } from '../domain/revision.ts';
import type { ObjectDb } from '../git/object-db.ts';
import { commitRefs } from './commit-refs.ts';
import { createKeptReads } from './kept-reads.ts';
import type { RepoObjects } from './repo-objects.ts';

/** Where a revision leads. */
export interface ResolvedRevision {
  /** As the caller wrote it, decoded. */
  readonly text: string;
  readonly commit: Oid;
  /** Full name of the ref it was, unless a commit id was named. */
  readonly ref: string | undefined;
}

export interface Revisions {
  /**
   * Split `revision/path` parts where the longest existing ref ends, since a branch may have slashes in its name and
   * clients send them both plain and encoded (contract 0, decision 6). Throws RevisionNotFound.
   */
  split(repo: Repo, parts: readonly string[]): Promise<{ revision: ResolvedRevision; path: string }>;
  /** Branch, tag, full ref name, commit id or the start of one, or `HEAD`. Throws RevisionNotFound. */
  resolve(repo: Repo, text: string): Promise<ResolvedRevision>;
}

/** Refs deeper than this are not looked for in front of a path. */
const MAX_REF_PARTS = 16;
/** Each holds the names that were asked for, so this is some megabytes at most. */
const KEPT_LOOKUPS = 2_000;

export function createRevisions(parts: {
  readonly db: Database;
  readonly repoObjects: RepoObjects;
}): Revisions {
  const { db, repoObjects } = parts;
  const kept = createKeptReads({ db, maxEntries: KEPT_LOOKUPS });

  /** Follows an id to a commit; undefined when it is none, or is not in this repository. */
  async function commitOf(objects: ObjectDb, oid: Oid): Promise<Oid | undefined> {
    const object = await objects.find(oid);
    return object?.type === 'commit' ? oid : undefined;
  }

  async function byId(repo: Repo, text: string): Promise<ResolvedRevision | undefined> {
    const objects = repoObjects.open(repo);
    if (isOid(text)) {
      const commit = await commitOf(objects, text);
      return commit && { text, commit, ref: undefined };
    }
    if (!/^[0-9a-f]+$/.test(text) || text.length < MIN_SHORT_OID || text.length > 40) return undefined;
    const candidates = await objects.findByPrefix(text, 20);
    const commits: Oid[] = [];
    for (const candidate of candidates) {
      const commit = await commitOf(objects, candidate);
      if (commit) commits.push(commit);
    }
    const [only, ...others] = commits;
    return only && others.length === 0 ? { text, commit: only, ref: undefined } : undefined;
  }

  async function refsNamed(
    repo: Repo,
    texts: readonly string[],
  ): Promise<ReadonlyMap<string, ResolvedRevision>> {
    const names = texts.flatMap((text) =>
      text === 'HEAD' ? [branchRef(repo.defaultBranch)] : refNamesOf(text),
    );
    const refs = await db.read((stores) => stores.refs.findMany(repo.id, names));
    const byName = new Map(refs.map((ref) => [ref.name, ref]));
    const found = new Map<string, ResolvedRevision>();
    const isCommit = new Set(await commitRefs(repoObjects.open(repo), refs));
    for (const text of texts) {
      const candidates = text === 'HEAD' ? [branchRef(repo.defaultBranch)] : refNamesOf(text);
      const ref = candidates.map((name) => byName.get(name)).find((it) => it !== undefined);
      if (ref && isReadableRef(ref.name) && isCommit.has(ref))
        found.set(text, { text, commit: ref.peeled ?? ref.target, ref: ref.name });
    }
    return found;
  }

  async function split(
    repo: Repo,
    decoded: readonly string[],
  ): Promise<{ revision: ResolvedRevision; path: string }> {
    const [first = ''] = decoded;
    const path = (from: number): string => decoded.slice(from).join('/').replace(/\/$/, '');
    if (isOid(first)) {
      const revision = await byId(repo, first);
      if (revision) return { revision, path: path(1) };
    }
    const count = Math.min(decoded.length, MAX_REF_PARTS);
    const texts = Array.from({ length: count }, (_, index) => decoded.slice(0, count - index).join('/'));
    const found = await refsNamed(repo, texts);
    for (const [index, text] of texts.entries()) {
      const revision = found.get(text);
      if (revision) return { revision, path: path(count - index) };
    }
    const revision = await byId(repo, first);
    if (!revision) throw revisionNotFound(shown(first));
    return { revision, path: path(1) };
  }

  return {
    async split(repo, decoded) {
      return kept.read(`${repo.id} ${JSON.stringify(decoded)}`, () => split(repo, decoded));
    },

    async resolve(repo, text) {
      const revision = (await refsNamed(repo, [text])).get(text) ?? (await byId(repo, text));
      if (!revision) throw revisionNotFound(shown(text));
      return revision;
    },
  };
}
