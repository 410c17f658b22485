import { createHash } from 'node:crypto';
import type { Database } from '../db/stores.ts';
import { foldOperations, type Addition, type ChangeSet } from '../domain/change-set.ts';
import type { CommitHeader } from '../domain/commit-lines.ts';
import { entryNotFound, HubError, isHubError } from '../domain/errors.ts';
import { lfsRuleFor, parseLfsRules } from '../domain/gitattributes.ts';
import { checkGitFile } from '../domain/git-files.ts';
import { isOid, type Oid, type PublicId, type RepositoryId, type Sha256 } from '../domain/ids.ts';
import { MAX_POINTER_BYTES, parsePointer, writePointer } from '../domain/lfs.ts';
import { shown } from '../domain/names.ts';
import type { Repo } from '../domain/repo.ts';
import { branchRef } from '../domain/revision.ts';
import type { GitObject, NewGitObject } from '../git/object-storage.ts';
import { isAncestor } from '../git/commit-log.ts';
import { newObject, writeCommit } from '../git/objects.ts';
import { editTree, type EditedTree, type TreeTarget } from '../git/tree-editor.ts';
import { findEntry } from '../git/tree-walk.ts';
import type { ByteSource, ObjectStore } from '../objects/object-store.ts';
import type { Clock } from '../platform/clock.ts';
import { failPoint } from '../platform/fail-points.ts';
import type { KeyedQueue } from '../platform/keyed-queue.ts';
import { createTimeSlice } from '../platform/time-slice.ts';
import type { Granted } from './authorize.ts';
import type { CardChecks } from './card-checks.ts';
import { receiveCommit, type IntakeLimits, type ReceivedCommit } from './commit-intake.ts';
import type { Contents } from './contents.ts';
import { createObjectStaging, type StagedObjects } from './object-staging.ts';
import type { RefUpdates } from './ref-updates.ts';
import type { RepoObjects } from './repo-objects.ts';
import { signatureOf } from './signatures.ts';

const ATTRIBUTES = '.gitattributes';
const MAX_ATTRIBUTES_BYTES = 4 * 1024 * 1024;
const FILE_MODE = '100644';
/** A repository that has no row yet: all its objects are in the overlay. */
const NO_REPOSITORY = 0 as RepositoryId;
/** Nobody but the queue holds a branch for long; a push may come in between a few times. */
const MAX_ATTEMPTS = 20;

export interface CommitAnswer {
  readonly commit: Oid;
  /** False when the request changed nothing, or was answered before. */
  readonly isNew: boolean;
}

export interface Commits {
  /** Make one commit from its NDJSON. The bytes are read once; see design 2.5 for the order of checks. */
  commit(granted: Granted<'write'>, branch: string, body: ByteSource): Promise<CommitAnswer>;
  /**
   * Make the first commit of a new repository. Throws LfsNotUploaded for the pointer to a large file, which a
   * repository that is not there yet cannot hold, PathCollision, InvalidMetadata and InvalidContent.
   */
  firstCommit(repository: PublicId, plan: FirstCommit): Promise<{ commit: Oid; staged: StagedObjects }>;
}

export interface FirstCommit {
  readonly actor: Granted<'write'>['actor'];
  readonly summary: string;
  readonly files: ReadonlyMap<string, Buffer>;
}

interface Prepared {
  readonly received: ReceivedCommit;
  /** The commit it has to be made on, where it says so. */
  readonly parent: Oid | undefined;
  readonly changes: ChangeSet;
  readonly blobs: StagedObjects;
  readonly fingerprint: Buffer;
  /** The `.gitattributes` that this very commit brings, if it does. */
  readonly attributes: Buffer | undefined;
}

export function createCommits(parts: {
  readonly db: Database;
  readonly objects: ObjectStore;
  readonly clock: Clock;
  readonly repoObjects: RepoObjects;
  readonly contents: Contents;
  readonly refUpdates: RefUpdates;
  readonly queue: KeyedQueue;
  readonly stagingFolder: string;
  readonly cards: CardChecks;
  readonly limits: IntakeLimits;
}): Commits {
  const { db, objects, clock, repoObjects, contents, refUpdates, queue, stagingFolder, cards } = parts;

  const openStaging = (repository: PublicId) =>
    createObjectStaging({ repository, objects, stagingFolder, source: 'commit' });

  /** Rules for single files that others have to be able to read. Throws InvalidMetadata and InvalidContent. */
  async function checkFile(path: string, content: Buffer): Promise<void> {
    if (path === 'README.md') await cards.requireReadable(content);
    checkGitFile(path, content);
  }

  async function receive(granted: Granted<'write'>, branch: string, body: ByteSource): Promise<Prepared> {
    const staging = openStaging(granted.repo.publicId);
    let attributes: Buffer | undefined;
    try {
      const received = await receiveCommit(body, staging, parts.limits, async (path, content) => {
        await checkFile(path, content);
        if (path === ATTRIBUTES) attributes = content;
      });
      await failPoint('commit-received');
      const changes = foldOperations(received.operations);
      const parent = await parentOf(granted.repo, received.header);
      const fingerprint = await fingerprintOf(granted, branch, parent, changes);
      return { received, parent, changes, blobs: await staging.store(), fingerprint, attributes };
    } finally {
      await staging.dispose();
    }
  }

  /** Throws InvalidBody for the beginning of no commit that is here, and of several. */
  async function parentOf(repo: Repo, { parentCommit }: CommitHeader): Promise<Oid | undefined> {
    if (parentCommit === undefined || isOid(parentCommit)) return parentCommit;
    const found = await contents.resolve(repo, parentCommit).catch((error: unknown) => {
      if (isHubError(error, 'RevisionNotFound')) return undefined;
      throw error;
    });
    if (found?.commit.startsWith(parentCommit)) return found.commit;
    throw new HubError(
      'InvalidBody',
      'The "parentCommit" is not the beginning of one commit of this repository.',
    );
  }

  /** Rule 1 of design 2.5: the same request again gets the first answer again. */
  async function earlierAnswer(
    repo: Repo,
    branch: string,
    prepared: Prepared,
    head: Oid,
  ): Promise<Oid | undefined> {
    const earlier = await db.read((stores) =>
      stores.commitRequests.find(repo.id, branch, prepared.fingerprint),
    );
    const objectDb = repoObjects.open(repo);
    for (const { commit, parent } of earlier) {
      if (commit === head) return commit;
      if (prepared.parent === undefined || parent !== prepared.parent) continue;
      // A branch that was reset meanwhile has lost the commit: to name it again would be a lie.
      if (await isAncestor(objectDb, commit, head)) return commit;
    }
    return undefined;
  }

  async function attempt(
    granted: Granted<'write'>,
    branch: string,
    prepared: Prepared,
  ): Promise<CommitAnswer | 'moved'> {
    const { repo } = granted;
    const { revision } = await contents.locate(repo, [branchRef(branch)]);
    const head = revision.commit;
    const answered = await earlierAnswer(repo, branch, prepared, head);
    if (answered) return { commit: answered, isNew: false };
    if (prepared.parent !== undefined && prepared.parent !== head) throw refMoved();

    const overlay = new Map<Oid, GitObject>();
    const objectDb = repoObjects.open(repo, overlay);
    const headTree = await objectDb.rootTree(head);
    const { targets, linkPaths, made } = await resolveAdditions(repo, headTree, head, prepared);
    for (const object of made) overlay.set(object.oid, object);
    const edited = await editTree(
      objectDb,
      headTree,
      { deletions: prepared.changes.deletions, additions: targets },
      { reportTwins: true },
    );
    if (edited.root === headTree) return { commit: head, isNew: false };
    refuseTwins(edited);

    const commit = commitObject(granted, prepared.received.header, edited.root, [head], clock.now());
    const staged = await stage(repo.publicId, [...made, ...edited.objects, commit], prepared.blobs);
    const outcome = await refUpdates.apply({
      granted,
      moves: [{ name: branchRef(branch), expected: head, next: { target: commit.oid }, isFastForward: true }],
      ...staged,
      mayHoldUnreachable: hasReplacedFiles(prepared.received),
      links: [...linkPaths.keys()],
      linkPaths,
      also: (stores, now) =>
        stores.commitRequests.remember(
          repo.id,
          branch,
          prepared.fingerprint,
          { commit: commit.oid, parent: head },
          now,
        ),
    });
    return outcome.kind === 'done' ? { commit: commit.oid, isNew: true } : 'moved';
  }

  async function stage(
    repository: PublicId,
    made: readonly NewGitObject[],
    blobs: StagedObjects | undefined,
  ): Promise<StagedObjects> {
    const staging = openStaging(repository);
    try {
      for (const object of made) await staging.addObject(object);
      const own = await staging.store();
      return {
        hotObjects: [...(blobs?.hotObjects ?? []), ...own.hotObjects],
        packs: [...(blobs?.packs ?? []), ...own.packs],
      };
    } finally {
      await staging.dispose();
    }
  }

  /** What every added path leads to, with the pointers that large files need. */
  async function resolveAdditions(
    repo: Repo,
    headTree: Oid,
    head: Oid,
    prepared: Prepared,
  ): Promise<{
    targets: ReadonlyMap<string, TreeTarget>;
    linkPaths: ReadonlyMap<number, string>;
    made: readonly NewGitObject[];
  }> {
    const targets = new Map<string, TreeTarget>();
    const made = new Map<Oid, NewGitObject>();
    const large = await largeObjectsOf(repo, prepared.changes.additions.values());
    const linkPaths = new Map<number, string>();
    const slice = createTimeSlice();
    for (const [path, addition] of prepared.changes.additions) {
      if (slice.isOver()) await slice.next();
      if (addition.kind === 'file') targets.set(path, { mode: FILE_MODE, oid: addition.oid });
      else if (addition.kind === 'copy') targets.set(path, await copySource(repo, head, headTree, addition));
      else {
        const object = requireLarge(large, addition);
        if (!linkPaths.has(object.id)) linkPaths.set(object.id, path);
        const pointer = newObject('blob', Buffer.from(writePointer({ ...object })));
        made.set(pointer.oid, pointer);
        targets.set(path, { mode: FILE_MODE, oid: pointer.oid });
      }
    }
    const attributes = await extendedAttributes(repo, headTree, prepared, targets);
    if (attributes) {
      made.set(attributes.oid, attributes);
      targets.set(ATTRIBUTES, { mode: FILE_MODE, oid: attributes.oid });
    }
    return { targets, linkPaths, made: [...made.values()] };
  }

  async function largeObjectsOf(repo: Repo, additions: Iterable<Addition>) {
    const sha256s = [...additions].flatMap((addition) =>
      addition.kind === 'lfs-file' ? [addition.sha256] : [],
    );
    if (sha256s.length === 0) return new Map<Sha256, { id: number; sha256: Sha256; sizeBytes: number }>();
    const found = await db.read((stores) =>
      stores.largeObjects.findForRepository(repo.id, sha256s, clock.now()),
    );
    return new Map(found.map((object) => [object.sha256, object]));
  }

  async function copySource(
    repo: Repo,
    head: Oid,
    headTree: Oid,
    copy: Extract<Addition, { kind: 'copy' }>,
  ): Promise<TreeTarget> {
    const objectDb = repoObjects.open(repo);
    const from =
      copy.fromRevision === undefined ? head : (await contents.resolve(repo, copy.fromRevision)).commit;
    const tree = from === head ? headTree : await objectDb.rootTree(from);
    const source = await findEntry(objectDb, tree, copy.from);
    if (source?.type !== 'blob') throw entryNotFound(shown(copy.from));
    return { mode: source.mode, oid: source.oid };
  }

  /** The `.gitattributes` that the commit would leave, empty where there is none. */
  async function attributesAfter(
    repo: Repo,
    headTree: Oid,
    prepared: Prepared,
    added: TreeTarget | undefined,
  ): Promise<Buffer | 'unreadable'> {
    const addition = prepared.changes.additions.get(ATTRIBUTES);
    if (addition?.kind === 'file') return prepared.attributes ?? Buffer.alloc(0);
    if (addition?.kind === 'lfs-file') return 'unreadable';
    const isDeleted = prepared.changes.deletions.some(({ path }) => path === ATTRIBUTES);
    const objectDb = repoObjects.open(repo);
    const kept = isDeleted ? undefined : await findEntry(objectDb, headTree, ATTRIBUTES);
    const oid = added?.oid ?? kept?.oid;
    if (oid === undefined) return Buffer.alloc(0);
    const info = (await objectDb.infoMany([oid])).get(oid);
    if (info?.type !== 'blob' || info.sizeBytes > MAX_ATTRIBUTES_BYTES) return 'unreadable';
    const { content } = await objectDb.get(oid, 'blob');
    return parsePointer(content) ? 'unreadable' : content;
  }

  /** Where the commit puts large files: those it names, and those it copies. */
  async function largePaths(
    repo: Repo,
    prepared: Prepared,
    targets: ReadonlyMap<string, TreeTarget>,
  ): Promise<readonly string[]> {
    const additions = [...prepared.changes.additions.values()];
    const copied = additions.flatMap((addition) =>
      addition.kind === 'copy' ? (targets.get(addition.path)?.oid ?? []) : [],
    );
    const objectDb = repoObjects.open(repo);
    const pointers = new Set<Oid>();
    for (const [oid, { type, sizeBytes }] of copied.length > 0 ? await objectDb.infoMany(copied) : []) {
      if (type !== 'blob' || sizeBytes > MAX_POINTER_BYTES) continue;
      if (parsePointer((await objectDb.get(oid, 'blob')).content)) pointers.add(oid);
    }
    return additions.flatMap((addition) => {
      const oid = targets.get(addition.path)?.oid;
      const isLarge =
        addition.kind === 'lfs-file' || (addition.kind === 'copy' && oid !== undefined && pointers.has(oid));
      return isLarge ? [addition.path] : [];
    });
  }

  /**
   * A large file that no pattern covers gets a line of its own in `.gitattributes`, or a git client would check out
   * its pointer (contract 3.2).
   */
  async function extendedAttributes(
    repo: Repo,
    headTree: Oid,
    prepared: Prepared,
    targets: ReadonlyMap<string, TreeTarget>,
  ): Promise<NewGitObject | undefined> {
    const paths = await largePaths(repo, prepared, targets);
    if (paths.length === 0) return undefined;
    const current = await attributesAfter(repo, headTree, prepared, targets.get(ATTRIBUTES));
    // What nobody can read as rules, git-lfs cannot either: there is nothing that a line could be added to.
    if (current === 'unreadable') return undefined;
    const text = current.toString('utf8');
    const rules = parseLfsRules(text);
    const uncovered: string[] = [];
    const slice = createTimeSlice();
    for (const path of paths) {
      if (slice.isOver()) await slice.next();
      if (!rules.isLfs(path)) uncovered.push(path);
    }
    if (uncovered.length === 0) return undefined;
    const separator = text === '' || text.endsWith('\n') ? '' : '\n';
    const lines = uncovered.map(lfsRuleFor).join('');
    return newObject('blob', Buffer.from(`${text}${separator}${lines}`));
  }

  return {
    async commit(granted, branch, body) {
      // A branch that is not there is found out before a long body is read for nothing.
      await contents.locate(granted.repo, [branchRef(branch)]);
      const prepared = await receive(granted, branch, body);
      return queue.run(`${granted.repo.id} ${branch}`, async () => {
        for (let round = 1; round <= MAX_ATTEMPTS; round++) {
          const answer = await attempt(granted, branch, prepared);
          if (answer !== 'moved') return answer;
        }
        throw new HubError('Conflict', 'Others keep committing to this branch. Try again.');
      });
    },

    async firstCommit(repository, plan) {
      for (const [path, content] of plan.files) {
        if (parsePointer(content)) throw notUploaded(path);
        await checkFile(path, content);
      }
      const blobs = [...plan.files].map(([path, content]) => ({ path, object: newObject('blob', content) }));
      const overlay = new Map<Oid, GitObject>(blobs.map(({ object }) => [object.oid, object]));
      const additions = new Map(
        blobs.map(({ path, object }) => [path, { mode: FILE_MODE, oid: object.oid }]),
      );
      const edited = await editTree(
        repoObjects.open({ id: NO_REPOSITORY, publicId: repository }, overlay),
        undefined,
        { deletions: [], additions },
        { reportTwins: true },
      );
      refuseTwins(edited);
      const header = { summary: plan.summary, description: '', parentCommit: undefined };
      const commit = commitObject({ actor: plan.actor }, header, edited.root, [], clock.now());
      const made = [...blobs.map(({ object }) => object), ...edited.objects, commit];
      return { commit: commit.oid, staged: await stage(repository, made, undefined) };
    },
  };
}

/** In the words that programs look for: those of the Hub, and in the list those it had until 2025. */
const refMoved = (): HubError =>
  new HubError(
    'RefMoved',
    'The branch was updated since you opened this page. Please refresh and try again.',
    { details: { errors: [{ message: 'A commit has happened since. Please refresh and try again.' }] } },
  );

function commitObject(
  { actor }: Pick<Granted<'write'>, 'actor'>,
  header: CommitHeader,
  tree: Oid,
  parents: readonly Oid[],
  now: number,
): NewGitObject {
  const signature = signatureOf(actor, now);
  const message = header.description === '' ? header.summary : `${header.summary}\n\n${header.description}`;
  return newObject(
    'commit',
    writeCommit({ tree, parents, author: signature, committer: signature, message: `${message}\n` }),
  );
}

const notUploaded = (path: string): HubError =>
  new HubError('LfsNotUploaded', `The large file "${shown(path)}" was not uploaded to this repository.`);

function requireLarge(
  held: ReadonlyMap<Sha256, { readonly id: number; readonly sha256: Sha256; readonly sizeBytes: number }>,
  addition: Extract<Addition, { kind: 'lfs-file' }>,
): { readonly id: number; readonly sha256: Sha256; readonly sizeBytes: number } {
  const object = held.get(addition.sha256);
  if (!object) throw notUploaded(addition.path);
  if (addition.sizeBytes !== undefined && addition.sizeBytes !== object.sizeBytes) {
    throw new HubError(
      'InvalidSize',
      `The large file "${shown(addition.path)}" has ${object.sizeBytes} bytes.`,
    );
  }
  return object;
}

/** Of two contents for one path the first is staged as well, though nothing will lead to it. */
function hasReplacedFiles({ operations }: ReceivedCommit): boolean {
  const files = operations.filter(({ kind }) => kind === 'file');
  return new Set(files.map(({ path }) => path)).size < files.length;
}

function refuseTwins(edited: EditedTree): void {
  const [twin] = edited.twins;
  if (!twin) return;
  throw new HubError(
    'PathCollision',
    `"${shown(twin.path)}" and "${shown(twin.twin)}" are one file on Windows and macOS. Give one of them another name.`,
    { details: { path: twin.path, twin: twin.twin } },
  );
}

async function fingerprintOf(
  granted: Granted<'write'>,
  branch: string,
  parent: Oid | undefined,
  changes: ChangeSet,
): Promise<Buffer> {
  const actor = granted.actor.kind === 'user' ? granted.actor.user.publicId : '';
  const hash = createHash('sha256').update(JSON.stringify([actor, branch, parent ?? null]));
  const byPath = (a: { path: string }, b: { path: string }): number =>
    a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
  for (const { path, kind } of [...changes.deletions].sort(byPath))
    hash.update(JSON.stringify(['-', kind, path]));
  const slice = createTimeSlice();
  for (const addition of [...changes.additions.values()].sort(byPath)) {
    if (slice.isOver()) await slice.next();
    hash.update(JSON.stringify(addition));
  }
  return hash.digest();
}
