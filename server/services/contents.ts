import type { LargeObject } from '../db/questions/large-objects.ts';
import type { Ref } from '../db/questions/refs.ts';
import type { Database } from '../db/stores.ts';
import { entryNotFound, HubError } from '../domain/errors.ts';
import type { Oid, Sha256, XetHash } from '../domain/ids.ts';
import { shown } from '../domain/names.ts';
import type { Repo } from '../domain/repo.ts';
import { isReadableRef } from '../domain/revision.ts';
import type { ObjectDb } from '../git/object-db.ts';
import { findEntry, listTree, type FoundEntry } from '../git/tree-walk.ts';
import type { Clock } from '../platform/clock.ts';
import type { Granted } from './authorize.ts';
import { commitRefs } from './commit-refs.ts';
import type { FileFacts, FileFactsReader } from './file-facts.ts';
import type { CommitPage, CommitSummary, History, PageStart } from './history.ts';
import { createKeptReads } from './kept-reads.ts';
import type { RepoObjects } from './repo-objects.ts';
import type { ResolvedRevision, Revisions } from './revisions.ts';

/** A file of a tree. With `large` its bytes are a large object and the blob is the pointer to it. */
export interface FileEntry {
  readonly kind: 'file';
  readonly path: string;
  readonly oid: Oid;
  /** As git stores it: `100644`, `100755`, `120000` for a link, `160000` for a submodule. */
  readonly mode: string;
  /** Length of the content: of the large object where there is one. */
  readonly sizeBytes: number;
  readonly large:
    | { readonly sha256: Sha256; readonly pointerBytes: number; readonly xetHash: XetHash | undefined }
    | undefined;
  readonly lastCommit?: CommitSummary;
}

export interface FolderEntry {
  readonly kind: 'folder';
  readonly path: string;
  readonly oid: Oid;
  readonly lastCommit?: CommitSummary;
}

export type Entry = FileEntry | FolderEntry;

export interface EntryPage {
  readonly entries: readonly Entry[];
  readonly next: string | undefined;
}

export interface Contents {
  /** Split what stands behind `tree/`, `resolve/` and so on into a revision and a path; parts are decoded. */
  locate(repo: Repo, parts: readonly string[]): Promise<{ revision: ResolvedRevision; path: string }>;
  resolve(repo: Repo, revision: string): Promise<ResolvedRevision>;
  /** One file. Throws EntryNotFound for what is absent or a folder. */
  file(granted: Granted<'read'>, commit: Oid, path: string): Promise<FileEntry>;
  /** One page of a folder. Throws EntryNotFound for what is absent or a file. */
  list(
    granted: Granted<'read'>,
    commit: Oid,
    query: {
      readonly path: string;
      readonly recursive: boolean;
      readonly withLastCommits: boolean;
      readonly after: string | undefined;
      readonly limit: number;
    },
  ): Promise<EntryPage>;
  /** Bytes of all files below a path. Throws EntryNotFound for what is absent or a file. */
  treeSize(granted: Granted<'read'>, commit: Oid, path: string): Promise<number>;
  /** Paths of all files in path order, at most `limit`; cheaper than a list, which also says what they are. */
  filePaths(granted: Granted<'read'>, commit: Oid, limit: number): Promise<readonly string[]>;
  /** The entries at these paths; absent ones are left out. */
  entries(
    granted: Granted<'read'>,
    commit: Oid,
    paths: readonly string[],
    withLastCommits: boolean,
  ): Promise<readonly Entry[]>;
  /** Branches, and what else has a name that leads to a commit. */
  refs(granted: Granted<'read'>): Promise<readonly Ref[]>;
  commits(granted: Granted<'read'>, commit: Oid, start: PageStart, limit: number): Promise<CommitPage>;
  commit(granted: Granted<'read'>, oid: Oid): Promise<CommitSummary>;
  /** The bytes of a blob as git keeps it; a small one is whole. */
  blob(granted: Granted<'read'>, oid: Oid): Promise<AsyncIterable<Uint8Array> | Uint8Array>;
  /** A small text file, or undefined when it is absent, a folder, large, or longer than `maxBytes`. */
  smallFile(repo: Repo, commit: Oid, path: string, maxBytes: number): Promise<Buffer | undefined>;
}

/** Each holds the path that was asked for, so this is some megabytes at most. */
const KEPT_PLACES = 2_000;

/** Entries looked at together while a folder is measured. */
const SIZE_PAGE = 1_000;
const NO_LAST_COMMITS: ReadonlyMap<string, CommitSummary> = new Map();
const NO_LARGE_OBJECTS: ReadonlyMap<Sha256, LargeObject> = new Map();

const missingBlob = (oid: Oid): HubError =>
  new HubError('CorruptObject', `Object ${oid} of this repository is missing.`);

type Placed = FoundEntry & { readonly path: string };

export function createContents(parts: {
  readonly db: Database;
  readonly clock: Clock;
  readonly repoObjects: RepoObjects;
  readonly revisions: Revisions;
  readonly fileFacts: FileFactsReader;
  readonly history: History;
}): Contents {
  const { db, clock, repoObjects, revisions, fileFacts, history } = parts;
  const kept = createKeptReads({ db, maxEntries: KEPT_PLACES });

  /** Large objects of the pointers that this repository may follow; a pointer without one is a plain file. */
  async function largeObjects(
    repo: Repo,
    facts: Iterable<FileFacts>,
  ): Promise<ReadonlyMap<Sha256, LargeObject>> {
    const sha256s = [...facts].flatMap(({ pointer }) => pointer?.sha256 ?? []);
    if (sha256s.length === 0) return NO_LARGE_OBJECTS;
    const found = await db.read((stores) =>
      stores.largeObjects.findForRepository(repo.id, sha256s, clock.now()),
    );
    return new Map(found.map((object) => [object.sha256, object]));
  }

  async function describe(
    repo: Repo,
    objects: ObjectDb,
    placed: readonly Placed[],
    last: ReadonlyMap<string, CommitSummary>,
  ): Promise<readonly Entry[]> {
    const blobs = placed.filter((entry) => entry.type === 'blob').map((entry) => entry.oid);
    const facts = await fileFacts.read(repo.publicId, objects, blobs);
    const large = await largeObjects(repo, facts.values());
    return placed.flatMap((entry): Entry | [] => {
      const lastCommit = last.get(entry.path);
      const common = { path: entry.path, oid: entry.oid, ...(lastCommit ? { lastCommit } : {}) };
      if (entry.type === 'tree') return { kind: 'folder', ...common };
      // A submodule has no content here; Hub clients know files and folders only.
      if (entry.type === 'commit')
        return { kind: 'file', mode: entry.mode, sizeBytes: 0, large: undefined, ...common };
      const known = facts.get(entry.oid);
      if (!known) throw missingBlob(entry.oid);
      return { kind: 'file', mode: entry.mode, ...fileSize(known, large), ...common };
    });
  }

  /** Which blob lies at a path, and what is known of it: it never changes. */
  async function placeOf(
    repo: Repo,
    commit: Oid,
    path: string,
  ): Promise<{ readonly oid: Oid; readonly mode: string; readonly facts: FileFacts } | undefined> {
    const objects = repoObjects.open(repo);
    const found = await findEntry(objects, await objects.rootTree(commit), path);
    if (found?.type !== 'blob') return undefined;
    const facts = (await fileFacts.read(repo.publicId, objects, [found.oid])).get(found.oid);
    if (!facts) throw missingBlob(found.oid);
    return { oid: found.oid, mode: found.mode, facts };
  }

  const lastOf = async (
    repo: Repo,
    commit: Oid,
    placed: readonly Placed[],
    isWanted: boolean,
  ): Promise<ReadonlyMap<string, CommitSummary>> =>
    isWanted
      ? history.lastCommits(
          repo,
          commit,
          placed.map((entry) => entry.path),
        )
      : NO_LAST_COMMITS;

  return {
    locate: (repo, decoded) => revisions.split(repo, decoded),
    resolve: (repo, text) => revisions.resolve(repo, text),

    async file({ repo }, commit, path) {
      const place = await kept.read(`${repo.id} ${commit} ${path}`, () => placeOf(repo, commit, path));
      if (!place) throw entryNotFound(shown(path));
      const { oid, mode, facts } = place;
      const large = facts.pointer ? await largeObjects(repo, [facts]) : NO_LARGE_OBJECTS;
      return { kind: 'file', path, oid, mode, ...fileSize(facts, large) };
    },

    async list({ repo }, commit, query) {
      const objects = repoObjects.open(repo);
      const page = await listTree(objects, await objects.rootTree(commit), query);
      if (!page) throw entryNotFound(shown(query.path));
      const last = await lastOf(repo, commit, page.entries, query.withLastCommits);
      return { entries: await describe(repo, objects, page.entries, last), next: page.next };
    },

    async treeSize({ repo }, commit, path) {
      const objects = repoObjects.open(repo);
      const root = await objects.rootTree(commit);
      let sizeBytes = 0;
      let after: string | undefined;
      do {
        const page = await listTree(objects, root, { path, recursive: true, after, limit: SIZE_PAGE });
        if (!page) throw entryNotFound(shown(path));
        for (const entry of await describe(repo, objects, page.entries, NO_LAST_COMMITS)) {
          if (entry.kind === 'file') sizeBytes += entry.sizeBytes;
        }
        after = page.next;
      } while (after !== undefined);
      return sizeBytes;
    },

    async filePaths({ repo }, commit, limit) {
      const objects = repoObjects.open(repo);
      const page = await listTree(objects, await objects.rootTree(commit), {
        path: '',
        recursive: true,
        limit,
      });
      return (page?.entries ?? []).flatMap((entry) => (entry.type === 'tree' ? [] : [entry.path]));
    },

    async entries({ repo }, commit, paths, withLastCommits) {
      const objects = repoObjects.open(repo);
      const root = await objects.rootTree(commit);
      const placed: Placed[] = [];
      for (const path of paths) {
        const found = await findEntry(objects, root, path);
        if (found) placed.push({ ...found, path });
      }
      return describe(repo, objects, placed, await lastOf(repo, commit, placed, withLastCommits));
    },

    async refs({ repo }) {
      const refs = await db.read((stores) => stores.refs.list(repo.id, 'refs/'));
      return commitRefs(
        repoObjects.open(repo),
        refs.filter(({ name }) => isReadableRef(name)),
      );
    },

    commits: ({ repo }, commit, start, limit) => history.page(repo, commit, start, limit),

    commit: async ({ repo }, oid) => ({ oid, commit: await repoObjects.open(repo).commit(oid) }),

    async blob({ repo }, oid) {
      const body = await repoObjects.open(repo).open(oid);
      if (!body) throw missingBlob(oid);
      return body.content ?? body.bytes;
    },

    async smallFile(repo, commit, path, maxBytes) {
      const objects = repoObjects.open(repo);
      const found = await findEntry(objects, await objects.rootTree(commit), path);
      if (found?.type !== 'blob') return undefined;
      const facts = (await fileFacts.read(repo.publicId, objects, [found.oid])).get(found.oid);
      if (!facts || facts.pointer || facts.sizeBytes > maxBytes) return undefined;
      return (await objects.get(found.oid, 'blob')).content;
    },
  };
}

function fileSize(
  facts: FileFacts,
  large: ReadonlyMap<Sha256, LargeObject>,
): Pick<FileEntry, 'sizeBytes' | 'large'> {
  const object = facts.pointer && large.get(facts.pointer.sha256);
  if (!object || object.sizeBytes !== facts.pointer?.sizeBytes)
    return { sizeBytes: facts.sizeBytes, large: undefined };
  return {
    sizeBytes: object.sizeBytes,
    large: { sha256: object.sha256, pointerBytes: facts.sizeBytes, xetHash: object.xetHash },
  };
}
