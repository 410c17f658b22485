import type { Bucket, BucketChange, BucketFile } from '../db/questions/buckets.ts';
import type { LargeObject } from '../db/questions/large-objects.ts';
import type { Database, Stores } from '../db/stores.ts';
import type { Actor } from '../domain/access.ts';
import type { Visibility } from '../domain/account.ts';
import { parseBucketLine, type BucketLine } from '../domain/bucket-lines.ts';
import { entryNotFound, HubError, isHubError } from '../domain/errors.ts';
import type { XetHash } from '../domain/ids.ts';
import { couldBeName, foldName, parseRepoName, shown } from '../domain/names.ts';
import { repoFullName, type Repo } from '../domain/repo.ts';
import { afterPrefix } from '../domain/text-range.ts';
import type { ByteSource } from '../objects/object-store.ts';
import type { Clock } from '../platform/clock.ts';
import { failPoint } from '../platform/fail-points.ts';
import { actorIdOf, type Authorize, type Granted } from './authorize.ts';
import { atLine, decodeLine, splitLines } from './body-lines.ts';

export type { Bucket, BucketFile };

export interface NewBucket {
  readonly owner: string;
  readonly name: string;
  /** The owner's default when left out. */
  readonly visibility: Visibility | undefined;
}

export type BucketEntry =
  | ({ readonly kind: 'file' } & BucketFile)
  | {
      readonly kind: 'folder';
      readonly path: string;
      /** The last upload among its first files, which is as far as a listing reads it. */
      readonly uploadedAt: number;
    };

export interface BucketListing {
  readonly entries: readonly BucketEntry[];
  /** From which path the listing goes on; undefined at its end. */
  readonly next: string | undefined;
}

export interface BatchReport {
  readonly processed: number;
  readonly failed: readonly { readonly path: string; readonly error: string }[];
}

/** Files without revisions: rows of a repository of a kind of its own, over the large objects all kinds share. */
export interface Buckets {
  /** Throws InvalidName, Forbidden, and Conflict with the existing bucket's name in `details.name`. */
  create(actor: Actor, bucket: NewBucket): Promise<Repo>;
  describe(granted: Granted<'read'>): Promise<Bucket>;
  /** Those of an owner that the actor may see. Throws NotFound where there is no such owner. */
  list(
    actor: Actor,
    query: {
      readonly owner: string;
      readonly search: string | undefined;
      readonly before: number | undefined;
      readonly limit: number;
    },
  ): Promise<readonly Bucket[]>;
  /**
   * With `isRecursive` all files whose path starts with the prefix, else the files and folders right below the folder
   * it names, or the file. At most a thousand of them, with the place where the next ones begin.
   */
  tree(
    granted: Granted<'read'>,
    query: {
      readonly prefix: string;
      readonly isRecursive: boolean;
      readonly from: string | undefined;
      readonly limit: number;
    },
  ): Promise<BucketListing>;
  /** The files at these paths, as far as there are any. */
  files(granted: Granted<'read'>, paths: readonly string[]): Promise<readonly BucketFile[]>;
  /** Throws EntryNotFound. */
  file(granted: Granted<'read'>, path: string): Promise<BucketFile>;
  /**
   * Read a batch of changes and make them in one transaction. A line that cannot be read refuses the whole batch; a
   * change that cannot be made is reported, and the others are made.
   */
  batch(granted: Granted<'write'>, body: ByteSource, maxLines: number): Promise<BatchReport>;
}

/** Buckets have no branches; the column is there for those that do. */
const NO_BRANCH = '';
const MAX_LINE_BYTES = 64 * 1024;
/** Entries of one answer, whatever more is asked for: some milliseconds of the event loop. */
const MAX_PAGE = 1000;

type Copy = Extract<BucketLine, { kind: 'copy' }>;
type Source = Copy['source'];

const sourceKey = ({ kind, owner, name }: Source): string => `${kind} ${owner}/${name}`;

export function createBuckets(parts: {
  readonly db: Database;
  readonly clock: Clock;
  readonly authorize: Authorize;
}): Buckets {
  const { db, clock, authorize } = parts;

  async function receive(body: ByteSource, maxLines: number): Promise<readonly BucketLine[]> {
    const lines: BucketLine[] = [];
    let number = 0;
    for await (const bytes of splitLines(body, MAX_LINE_BYTES)) {
      number++;
      if (number > maxLines) throw new HubError('TooManyItems', `A batch may have ${maxLines} lines.`);
      try {
        lines.push(parseBucketLine(decodeLine(bytes, number)));
      } catch (error) {
        throw isHubError(error) ? atLine(error, number) : error;
      }
    }
    if (lines.length === 0) throw new HubError('InvalidBody', 'A batch has at least one line.');
    return lines;
  }

  /** The repositories that files are copied from, as far as the actor may read them. */
  async function readableSources(
    actor: Actor,
    lines: readonly BucketLine[],
  ): Promise<ReadonlyMap<string, Granted<'read'>>> {
    const sources = new Map<string, Granted<'read'>>();
    const seen = new Set<string>();
    for (const line of lines) {
      if (line.kind !== 'copy') continue;
      const key = sourceKey(line.source);
      if (seen.has(key)) continue;
      seen.add(key);
      const granted = await orHidden(async () => (await authorize.repo(actor, line.source, 'read')).granted);
      if (granted) sources.set(key, granted);
    }
    return sources;
  }

  /** What a batch may use, by the name of its source; what it uploaded itself has no source. */
  async function usableObjects(
    stores: Stores,
    repo: Repo,
    lines: readonly BucketLine[],
    sources: ReadonlyMap<string, Granted<'read'>>,
  ): Promise<(line: Exclude<BucketLine, { kind: 'delete' }>) => LargeObject | undefined> {
    const added = new Set<XetHash>();
    const copied = new Map<string, Set<XetHash>>();
    for (const line of lines) {
      if (line.kind === 'add') added.add(line.xetHash);
      if (line.kind !== 'copy') continue;
      const key = sourceKey(line.source);
      copied.set(key, (copied.get(key) ?? new Set()).add(line.xetHash));
    }
    const own = await stores.buckets.findObjects(repo.id, [...added], clock.now());
    const held = new Map<string, ReadonlyMap<XetHash, LargeObject>>();
    for (const [key, hashes] of copied) {
      const source = sources.get(key);
      const current = source && (await orHidden(() => authorize.confirm(stores, source, 'read')));
      // What only waits for its commit there is for those who uploaded it.
      if (current) held.set(key, await stores.buckets.findObjects(current.repo.id, [...hashes], undefined));
    }
    return (line) =>
      line.kind === 'add' ? own.get(line.xetHash) : held.get(sourceKey(line.source))?.get(line.xetHash);
  }

  return {
    async create(actor, wish) {
      const name = parseRepoName(wish.name);
      await authorize.namespace(actor, wish.owner, 'create-repos');
      return db.write(async (stores) => {
        const target = await authorize.confirmNamespace(stores, actor, wish.owner, 'create-repos');
        const { namespace: owner } = target;
        const now = clock.now();
        const organization =
          owner.kind === 'organization' ? await stores.organizations.find(owner.name) : undefined;
        const repo = await stores.repos.create({
          kind: 'bucket',
          owner,
          name,
          visibility: wish.visibility ?? organization?.defaultVisibility ?? 'public',
          defaultBranch: NO_BRANCH,
          createdBy: target.actor.user.id,
          now,
        });
        await stores.buckets.begin(repo.id);
        await stores.events.append({
          kind: 'repo-created',
          repositoryId: repo.id,
          actorId: target.actor.user.id,
          payload: JSON.stringify({ repo: repoFullName(repo), kind: repo.kind }),
          at: now,
        });
        return repo;
      });
    },

    async describe({ repo }) {
      const totals = await db.read((stores) => stores.buckets.totals(repo.id));
      return { repo, fileCount: totals?.fileCount ?? 0, sizeBytes: totals?.sizeBytes ?? 0 };
    },

    async list(actor, { owner, search, before, limit }) {
      const { scope } = await authorize.scope(actor);
      return db.read(async (stores) => {
        const namespace = couldBeName(owner) ? await stores.accounts.findNamespace(owner) : undefined;
        if (!namespace) throw new HubError('NotFound', `There is no user or organization "${shown(owner)}".`);
        const text = search === undefined ? undefined : foldName(search);
        return stores.buckets.list(scope, { owner: namespace.id, search: text, before, limit });
      });
    },

    tree: ({ repo }, { prefix, isRecursive, from, limit: asked }) => {
      const limit = Math.min(asked, MAX_PAGE);
      return db.read((stores) =>
        isRecursive
          ? listBelow(stores, repo, { prefix, from, limit })
          : listFolder(stores, repo, { folder: prefix.replace(/\/$/, ''), from, limit }),
      );
    },

    files: ({ repo }, paths) => db.read((stores) => stores.buckets.find(repo.id, paths)),

    async file({ repo }, path) {
      const [file] = await db.read((stores) => stores.buckets.find(repo.id, [path]));
      if (!file) throw entryNotFound(shown(path));
      return file;
    },

    async batch(granted, body, maxLines) {
      const lines = await receive(body, maxLines);
      const sources = await readableSources(granted.actor, lines);
      const report = await db.write(async (stores) => {
        const { repo, actor } = await authorize.confirm(stores, granted, 'write');
        const objectOf = await usableObjects(stores, repo, lines, sources);
        const changes: BucketChange[] = [];
        const failed: { path: string; error: string }[] = [];
        for (const line of lines) {
          const { path } = line;
          if (line.kind === 'delete') {
            changes.push({ path, file: undefined });
            continue;
          }
          const object = objectOf(line);
          const { modifiedAt, contentType } = line;
          if (object) changes.push({ path, file: { object, modifiedAt, contentType } });
          else failed.push({ path, error: notHeld(line) });
        }
        if (changes.length > 0) {
          const now = clock.now();
          await stores.buckets.change(repo.id, changes, now);
          await stores.repos.touch(repo.id, now);
          await stores.events.append({
            kind: 'bucket-changed',
            repositoryId: repo.id,
            actorId: actorIdOf(actor),
            payload: JSON.stringify({ changes: changes.length }),
            at: now,
          });
          await failPoint('bucket-changing');
        }
        return { processed: lines.length, failed };
      });
      await failPoint('bucket-changed');
      return report;
    },
  };
}

const notHeld = (line: Exclude<BucketLine, { kind: 'delete' }>): string =>
  line.kind === 'add'
    ? `The content ${line.xetHash} was not uploaded to this bucket.`
    : `The ${line.source.kind} "${shown(`${line.source.owner}/${line.source.name}`)}" has no content ${line.xetHash}, or you cannot see it.`;

/** Undefined where the actor must not learn that it exists, and where they may not see it. */
async function orHidden<Result>(look: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await look();
  } catch (error) {
    if (isHubError(error, 'RepoNotFound') || isHubError(error, 'SignInRequired')) return undefined;
    throw error;
  }
}

async function listBelow(
  stores: Stores,
  repo: Repo,
  { prefix, from = prefix, limit }: { prefix: string; from: string | undefined; limit: number },
): Promise<BucketListing> {
  const range = { from, before: afterPrefix(prefix), limit: limit + 1 };
  const files = await stores.buckets.listFiles(repo.id, range);
  return {
    entries: files.slice(0, limit).map((file) => ({ kind: 'file', ...file })),
    next: files[limit]?.path,
  };
}

/** Files read at a time where folders may be passed over. */
const FOLDER_STEP = 200;

/** Folders are not stored: one is told by the first file in it, and what else is in it is jumped over. */
async function listFolder(
  stores: Stores,
  repo: Repo,
  { folder, from, limit }: { folder: string; from: string | undefined; limit: number },
): Promise<BucketListing> {
  const base = folder === '' ? '' : `${folder}/`;
  const before = afterPrefix(base);
  const entries: BucketEntry[] = [];
  if (folder !== '' && from === undefined) {
    // What was asked for may be a file itself.
    const [file] = await stores.buckets.find(repo.id, [folder]);
    if (file) entries.push({ kind: 'file', ...file });
  }
  let next: string | undefined = from ?? base;
  while (next !== undefined) {
    const files = await stores.buckets.listFiles(repo.id, { from: next, before, limit: FOLDER_STEP + 1 });
    next = files[FOLDER_STEP]?.path;
    for (const file of files.slice(0, FOLDER_STEP)) {
      const slash = file.path.indexOf('/', base.length);
      const path = slash < 0 ? file.path : file.path.slice(0, slash);
      const last = entries.at(-1);
      const { uploadedAt } = file;
      if (slash >= 0 && last?.kind === 'folder' && last.path === path) {
        if (uploadedAt > last.uploadedAt) entries.splice(-1, 1, { ...last, uploadedAt });
        continue;
      }
      if (entries.length >= limit) return { entries, next: file.path };
      entries.push(slash < 0 ? { kind: 'file', ...file } : { kind: 'folder', path, uploadedAt });
    }
    const last = entries.at(-1);
    if (next !== undefined && last?.kind === 'folder' && next.startsWith(`${last.path}/`)) {
      next = afterPrefix(`${last.path}/`);
    }
  }
  return { entries, next: undefined };
}
