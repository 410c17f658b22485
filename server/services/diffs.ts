import { HubError } from '../domain/errors.ts';
import type { Oid, RepositoryId } from '../domain/ids.ts';
import { mergeBases } from '../git/merge-base.ts';
import type { ObjectDb } from '../git/object-db.ts';
import {
  binaryPatch,
  patchesOf,
  patchHeader,
  submoduleLine,
  type FilePatch,
  type SizedBytes,
} from '../git/patch.ts';
import { fileChange, joinRenames, type FileChange } from '../git/file-changes.ts';
import { isBinary } from '../git/text-lines.ts';
import { diffTrees } from '../git/tree-diff.ts';
import type { FoundEntry } from '../git/tree-walk.ts';
import { diffTexts, replacingHunk } from '../git/unified-diff.ts';
import { gathered } from '../platform/gathered.ts';
import type { Granted } from './authorize.ts';
import type { FileFacts, FileFactsReader } from './file-facts.ts';
import type { RepoObjects } from './repo-objects.ts';

/** Two states of a repository; the first may be that before its first commit. */
export interface Range {
  readonly from: Oid | undefined;
  readonly to: Oid;
}

/** One changed file with what a reader is shown of it. */
export interface FileDiff {
  readonly change: FileChange;
  readonly before: FileFacts | undefined;
  readonly after: FileFacts | undefined;
  readonly text: DiffText;
}

export type DiffText =
  | {
      readonly kind: 'lines';
      readonly additions: number;
      readonly deletions: number;
      readonly unified: string;
    }
  /** Not lines of text, or not shown line by line: large files, and texts longer than a page should hold. */
  | { readonly kind: 'binary' | 'large-file' | 'too-long' | 'none' };

export interface DiffPage {
  readonly files: readonly FileDiff[];
  /** How many files differ in all; undefined when they are too many to be counted for a page. */
  readonly total: number | undefined;
  /** Place of the next page. */
  readonly next: number | undefined;
}

export interface Diffs {
  /** Changed files in order of their paths, from a place on. */
  page(
    granted: Granted<'read'>,
    range: Range,
    query: { readonly path: string; readonly start: number; readonly limit: number },
  ): Promise<DiffPage>;
  /** The whole difference in a form that `git apply` takes. */
  patch(granted: Granted<'read'>, range: Range, path: string): AsyncIterable<Uint8Array>;
  /** Where two histories parted. Throws InvalidRevision when they have nothing in common. */
  mergeBase(granted: Granted<'read'>, one: Oid, other: Oid): Promise<Oid>;
}

/** Up to so many changed files are looked through for those that moved. More are listed as they come. */
const MAX_SORTED = 100_000;
/** Lists of changed files that are kept, each with its paths: some tens of megabytes at most. */
const KEPT_CHANGES = 100_000;
/** Texts longer than this are not compared for a page, only in a patch. */
const MAX_PAGE_TEXT = 2 * 1024 * 1024;
const MAX_PAGE_DIFF = 512 * 1024;
/** A page ends early when it has shown this much, or read this much to do so. */
const PAGE_DIFF_BYTES = 2 * 1024 * 1024;
const PAGE_READ_BYTES = 16 * 1024 * 1024;
/** Texts longer than this are not compared line by line for a patch: the old lines go and the new ones come. */
const MAX_PATCH_TEXT = 8 * 1024 * 1024;
const FACTS_AT_ONCE = 256;
const NO_BYTES = Buffer.alloc(0);

export function createDiffs(parts: {
  readonly repoObjects: RepoObjects;
  readonly fileFacts: FileFactsReader;
}): Diffs {
  const { repoObjects, fileFacts } = parts;
  const kept = createKeptChanges();

  async function* treeChanges(objects: ObjectDb, { from, to }: Range): AsyncGenerator<FileChange> {
    const before = from && (await objects.rootTree(from));
    for await (const change of diffTrees(objects, before, await objects.rootTree(to)))
      yield fileChange(change);
  }

  /** All changed files with those that moved joined, or undefined when they are too many for that. */
  async function sortedChanges(
    granted: Granted<'read'>,
    objects: ObjectDb,
    range: Range,
  ): Promise<readonly FileChange[] | undefined> {
    const known = kept.find(granted.repo.id, range);
    if (known) return known;
    const changes: FileChange[] = [];
    for await (const change of treeChanges(objects, range)) {
      if (changes.length === MAX_SORTED) return undefined;
      changes.push(change);
    }
    const joined = await joinRenames(objects, changes);
    kept.keep(granted.repo.id, range, joined);
    return joined;
  }

  async function* changesOf(
    objects: ObjectDb,
    range: Range,
    sorted: readonly FileChange[] | undefined,
    path: string,
  ): AsyncGenerator<FileChange> {
    for await (const change of sorted ?? treeChanges(objects, range)) if (isBelow(change, path)) yield change;
  }

  const factsOf = async (
    granted: Granted<'read'>,
    objects: ObjectDb,
    changes: readonly FileChange[],
  ): Promise<ReadonlyMap<Oid, FileFacts>> =>
    fileFacts.read(
      granted.repo.publicId,
      objects,
      changes.flatMap((change) => sidesOf(change).flatMap((side) => (side?.type === 'blob' ? side.oid : []))),
    );

  async function contentOf(objects: ObjectDb, entry: FoundEntry | undefined): Promise<Buffer> {
    if (!entry) return NO_BYTES;
    if (entry.type === 'commit') return submoduleLine(entry.oid);
    return (await objects.get(entry.oid, 'blob')).content;
  }

  async function textOf(objects: ObjectDb, file: Omit<FileDiff, 'text'>): Promise<DiffText> {
    const [before, after] = sidesOf(file.change);
    if (before?.oid === after?.oid) return { kind: 'none' };
    if (file.before?.pointer || file.after?.pointer) return { kind: 'large-file' };
    if ((file.before?.sizeBytes ?? 0) > MAX_PAGE_TEXT || (file.after?.sizeBytes ?? 0) > MAX_PAGE_TEXT) {
      return { kind: 'too-long' };
    }
    const [old, now] = [await contentOf(objects, before), await contentOf(objects, after)];
    if (isBinary(old) || isBinary(now)) return { kind: 'binary' };
    const diff = await diffTexts(old, now);
    if (!diff) return { kind: 'too-long' };
    const { additions, deletions } = diff;
    const pieces: Buffer[] = [];
    let sizeBytes = 0;
    for await (const piece of diff.hunks()) {
      pieces.push(piece);
      sizeBytes += piece.length;
      if (sizeBytes > MAX_PAGE_DIFF) return { kind: 'too-long' };
    }
    return { kind: 'lines', additions, deletions, unified: Buffer.concat(pieces).toString() };
  }

  async function* patchOf(objects: ObjectDb, patch: FilePatch, facts: ReadonlyMap<Oid, FileFacts>) {
    const { before, after } = patch;
    if (before?.oid === after?.oid) {
      yield Buffer.from(patchHeader(patch, 'none'));
      return;
    }
    const sizeOf = (entry: FoundEntry | undefined): number =>
      entry?.type === 'blob' ? (facts.get(entry.oid)?.sizeBytes ?? 0) : 0;
    if (sizeOf(before) > MAX_PATCH_TEXT || sizeOf(after) > MAX_PATCH_TEXT) {
      yield* longPatch(objects, patch);
      return;
    }
    const [old, now] = [await contentOf(objects, before), await contentOf(objects, after)];
    if (isBinary(old) || isBinary(now)) {
      yield Buffer.from(patchHeader(patch, 'binary'));
      const whole = (content: Buffer) => () =>
        Promise.resolve({ sizeBytes: content.length, bytes: of(content) });
      yield* binaryPatch(whole(old), whole(now));
      return;
    }
    const diff = await diffTexts(old, now);
    const hasLines = old.length > 0 || now.length > 0;
    // An empty file that comes or goes has no lines to show.
    yield Buffer.from(patchHeader(patch, hasLines ? 'text' : 'none'));
    if (diff) yield* diff.hunks();
    else {
      yield* replacingHunk(
        () => of(old),
        () => of(now),
      );
    }
  }

  /** Content that is not held in memory whole: it is streamed as often as it takes. */
  async function* longPatch(objects: ObjectDb, patch: FilePatch): AsyncGenerator<Buffer> {
    const open = async (entry: FoundEntry | undefined): Promise<SizedBytes> => {
      if (entry?.type !== 'blob') {
        const content = await contentOf(objects, entry);
        return { sizeBytes: content.length, bytes: of(content) };
      }
      const body = await objects.open(entry.oid);
      if (!body) throw new HubError('CorruptObject', `Object ${entry.oid} of this repository is missing.`);
      return body;
    };
    const before = () => open(patch.before);
    const after = () => open(patch.after);
    if ((await startsBinary(await before())) || (await startsBinary(await after()))) {
      yield Buffer.from(patchHeader(patch, 'binary'));
      yield* binaryPatch(before, after);
      return;
    }
    yield Buffer.from(patchHeader(patch, 'text'));
    yield* replacingHunk(
      () => bytesOf(before),
      () => bytesOf(after),
    );
  }

  async function* patches(granted: Granted<'read'>, range: Range, path: string): AsyncGenerator<Buffer> {
    const objects = repoObjects.open(granted.repo);
    const sorted = await sortedChanges(granted, objects, range);
    let batch: FileChange[] = [];
    const write = async function* (): AsyncGenerator<Buffer> {
      const facts = await factsOf(granted, objects, batch);
      for (const change of batch)
        for (const patch of patchesOf(change)) yield* patchOf(objects, patch, facts);
      batch = [];
    };
    for await (const change of changesOf(objects, range, sorted, path)) {
      batch.push(change);
      if (batch.length === FACTS_AT_ONCE) yield* write();
    }
    yield* write();
  }

  return {
    async page(granted, range, { path, start, limit }) {
      const objects = repoObjects.open(granted.repo);
      const sorted = await sortedChanges(granted, objects, range);
      const below = sorted?.filter((change) => isBelow(change, path));
      const wanted = below?.slice(start, start + limit + 1) ?? [];
      if (!below) {
        let place = 0;
        for await (const change of changesOf(objects, range, undefined, path)) {
          if (place >= start) wanted.push(change);
          place += 1;
          if (wanted.length > limit) break;
        }
      }
      const facts = await factsOf(granted, objects, wanted);
      const files: FileDiff[] = [];
      let [shownBytes, readBytes] = [0, 0];
      for (const change of wanted.slice(0, limit)) {
        const [before, after] = sidesOf(change).map((side) => side && facts.get(side.oid));
        const bytes = (before?.sizeBytes ?? 0) + (after?.sizeBytes ?? 0);
        readBytes += bytes > 2 * MAX_PAGE_TEXT ? 0 : bytes;
        if (files.length > 0 && (shownBytes > PAGE_DIFF_BYTES || readBytes > PAGE_READ_BYTES)) break;
        const text = await textOf(objects, { change, before, after });
        if (text.kind === 'lines') shownBytes += text.unified.length;
        files.push({ change, before, after, text });
      }
      return {
        files,
        total: below?.length,
        next: files.length < wanted.length ? start + files.length : undefined,
      };
    },

    patch: (granted, range, path) => gathered(patches(granted, range, path)),
    async mergeBase(granted, one, other) {
      const [base] = await mergeBases(repoObjects.open(granted.repo), one, other);
      if (base) return base;
      throw new HubError(
        'InvalidRevision',
        'The two revisions have no commit in common. Compare them with two dots.',
      );
    },
  };
}

/** Lists of changes never change, and reading one page by page asks for it again and again. */
function createKeptChanges() {
  const lists = new Map<string, readonly FileChange[]>();
  const keyOf = (repository: RepositoryId, { from, to }: Range): string =>
    `${repository} ${from ?? ''} ${to}`;
  return {
    find(repository: RepositoryId, range: Range): readonly FileChange[] | undefined {
      const key = keyOf(repository, range);
      const list = lists.get(key);
      if (list) {
        lists.delete(key);
        lists.set(key, list);
      }
      return list;
    },
    keep(repository: RepositoryId, range: Range, list: readonly FileChange[]): void {
      lists.set(keyOf(repository, range), list);
      let count = 0;
      for (const [key, one] of [...lists].reverse()) {
        // An empty list takes room too.
        count += one.length + 1;
        if (count > KEPT_CHANGES + 1) lists.delete(key);
      }
    },
  };
}

const sidesOf = (change: FileChange): readonly [FoundEntry | undefined, FoundEntry | undefined] => [
  change.kind === 'added' ? undefined : change.before,
  change.kind === 'removed' ? undefined : change.after,
];

const isAtOrBelow = (path: string, folder: string): boolean =>
  folder === '' || path === folder || path.startsWith(`${folder}/`);

const isBelow = (change: FileChange, folder: string): boolean =>
  isAtOrBelow(change.path, folder) || (change.kind === 'renamed' && isAtOrBelow(change.previousPath, folder));

async function* of(content: Buffer): AsyncGenerator<Buffer> {
  yield await Promise.resolve(content);
}

async function* bytesOf(open: () => Promise<SizedBytes>): AsyncGenerator<Uint8Array> {
  yield* (await open()).bytes;
}

async function startsBinary({ bytes }: SizedBytes): Promise<boolean> {
  for await (const chunk of bytes)
    return isBinary(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
  return false;
}
