import { isHubError } from '../domain/errors.ts';
import { parsePointer } from '../domain/lfs.ts';
import type { Oid } from '../domain/ids.ts';
import { createTimeSlice } from '../platform/time-slice.ts';
import { TooCostly, type StepBudget } from './line-diff.ts';
import { mergeLines } from './line-merge.ts';
import type { ObjectDb } from './object-db.ts';
import type { GitObject, NewGitObject } from './object-storage.ts';
import { canonicalMode, EMPTY_TREE, hashLargeObject } from './objects.ts';
import { findRenames } from './renames.ts';
import { isBinary } from './text-lines.ts';
import { diffTrees } from './tree-diff.ts';
import { editTree } from './tree-editor.ts';
import { findNameTwins } from './tree-names.ts';
import { fromByteName, TreeScan } from './tree-scan.ts';
import { findEntry } from './tree-walk.ts';

/**
 * Who wins where both sides changed one thing: nobody, so that it is a conflict; one of the sides; or the base, for the
 * common ancestor that is made up after a criss-cross, where text keeps both sides between markers.
 */
export type MergeFavor = 'none' | 'ours' | 'theirs' | 'base';

export type ConflictKind =
  /** Both sides changed the same lines. */
  | 'content'
  /** Both sides changed a file that cannot be merged by lines. */
  | 'binary'
  /** Both sides changed a large file. */
  | 'large-file'
  /** Both sides added a file, not the same. */
  | 'both-added'
  /** Ours deleted what theirs changed. */
  | 'deleted-by-ours'
  | 'deleted-by-theirs'
  /** A file on one side, a folder on the other. */
  | 'file-and-folder'
  /** Both sides changed what kind of file it is, or its mode. */
  | 'type'
  | 'submodule'
  /** One side moved a file that the other deleted. */
  | 'moved-and-deleted'
  /** Each side moved a file elsewhere. */
  | 'moved-apart'
  /** Each side has a name that some file systems take for the other's. */
  | 'name-twin';

export interface MergeConflict {
  readonly path: string;
  readonly kind: ConflictKind;
}

export interface MergedTree {
  readonly root: Oid;
  /** The blobs and trees that are new, each after the ones it contains. */
  readonly objects: readonly NewGitObject[];
  /** Those nobody won, at most so many as a caller can look at. */
  readonly conflicts: readonly MergeConflict[];
  readonly conflictCount: number;
}

const MAX_LISTED = 1000;
/** More files than this that were deleted here and changed there are not looked for elsewhere. */
const MAX_CLASHES = 5000;
/** Longer texts are merged as whole files. */
const MAX_TEXT_BYTES = 16 * 1024 * 1024;
/** Steps that one merge may spend on comparing lines, a minute or so. */
const LINE_STEPS = 2_000_000_000;
const LOOP_STEP = 1024;
const FOLDER_MODE = '40000';
const NO_CONTENT = Buffer.alloc(0);

/** An entry that is no folder. */
interface FileEntry {
  readonly mode: string;
  readonly oid: Oid;
}

/** The same path in base, ours and theirs. */
interface Three<Value> {
  readonly base: Value | undefined;
  readonly ours: Value | undefined;
  readonly theirs: Value | undefined;
}

/** What was decided for one name of a folder. */
interface Placed {
  readonly byteName: string;
  readonly mode: string;
  readonly oid: Oid;
}

const isSameFile = (a: FileEntry | undefined, b: FileEntry | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && a.oid === b.oid && a.mode === b.mode);

const isRegular = ({ mode }: FileEntry): boolean => canonicalMode(mode)?.startsWith('100') === true;
const isSubmodule = ({ mode }: FileEntry): boolean => canonicalMode(mode) === '160000';
/** The part of a mode that says what kind of file it is. */
const typeOf = ({ mode }: FileEntry): string => (canonicalMode(mode) ?? mode).slice(0, 3);

/** Steps through one folder of the three, or through nothing. */
interface Cursor {
  readonly scan: TreeScan;
  hasEntry: boolean;
}

function cursorOf(content: Buffer | undefined): Cursor {
  const scan = new TreeScan(content ?? NO_CONTENT);
  return { scan, hasEntry: scan.next() };
}

/** Trees to be merged: `base` is what ours and theirs began as; without one, both began with nothing. */
export interface TreesToMerge {
  readonly base: Oid | undefined;
  readonly ours: Oid;
  readonly theirs: Oid;
}

/**
 * Merge two trees that began as `base`. Only folders that both sides changed are read. Text is merged by lines, as git
 * does it; everything else, pointers to large files above all, as whole files. Modes, additions, deletions, and files
 * and folders of one name are decided as git decides them; a file that one side moved and the other changed is changed
 * where it is now; names that differ only in case are refused.
 *
 * @param overlay What `db` reads from first; every new object goes in there.
 */
export async function mergeTrees(
  db: Pick<ObjectDb, 'tree' | 'get' | 'infoMany' | 'findMany'>,
  overlay: Map<Oid, GitObject>,
  trees: TreesToMerge,
  favor: MergeFavor,
): Promise<MergedTree> {
  const first = await mergeByPath(db, overlay, trees, favor);
  if (!trees.base || favor === 'base' || first.clashes.length === 0) return first;
  const followed = await followRenames(db, overlay, { ...trees, base: trees.base }, first.clashes);
  const merged = followed.trees ? await mergeByPath(db, overlay, followed.trees, favor) : first;
  if (favor !== 'none' || followed.conflicts.length === 0) return merged;
  const conflicts = [...merged.conflicts, ...followed.conflicts].slice(0, MAX_LISTED);
  return { ...merged, conflicts, conflictCount: merged.conflictCount + followed.conflicts.length };
}

/** Where a move may be behind what happened. */
interface Clash {
  readonly path: string;
  /** `both-deleted` may be a folder that both sides changed alike: then something in it was perhaps deleted. */
  readonly kind: 'deleted-by-ours' | 'deleted-by-theirs' | 'both-added' | 'both-deleted';
}

interface FollowedRenames {
  /** The same trees with files where the side that moved them has them now, if any was moved. */
  readonly trees: TreesToMerge | undefined;
  /** Moves on which the sides do not agree. */
  readonly conflicts: readonly MergeConflict[];
}

/** Find the files that one side moved, so that what the other did to them meets them at their new paths. */
async function followRenames(
  db: Pick<ObjectDb, 'tree' | 'get' | 'infoMany' | 'findMany'>,
  overlay: Map<Oid, GitObject>,
  trees: TreesToMerge & { readonly base: Oid },
  clashes: readonly Clash[],
): Promise<FollowedRenames> {
  const { base, ours, theirs } = trees;
  const pathsOf = (kind: Clash['kind']): Set<string> =>
    new Set(clashes.flatMap((clash) => (clash.kind === kind ? [clash.path] : [])));
  const [byOurs, byTheirs] = [pathsOf('deleted-by-ours'), pathsOf('deleted-by-theirs')];
  if (pathsOf('both-added').size > 0 || pathsOf('both-deleted').size > 0) {
    for (const path of await removedByBoth(db, trees)) {
      byOurs.add(path);
      byTheirs.add(path);
    }
  }
  const inOurs = await renamesIn(db, base, ours, byOurs);
  const inTheirs = await renamesIn(db, base, theirs, byTheirs);
  const moves = {
    base: new Map<string, string>(),
    ours: new Map<string, string>(),
    theirs: new Map<string, string>(),
  };
  const conflicts: MergeConflict[] = [];
  const moveAll = async (
    renames: ReadonlyMap<string, string>,
    others: ReadonlyMap<string, string>,
    other: 'ours' | 'theirs',
  ): Promise<void> => {
    for (const [from, to] of renames) {
      const isThere = (await findEntry(db, trees[other], from)) !== undefined;
      const isFree = (await findEntry(db, trees[other], to)) === undefined;
      if (!isThere && others.get(from) !== to) {
        conflicts.push({ path: to, kind: others.has(from) ? 'moved-apart' : 'moved-and-deleted' });
        continue;
      }
      if (isThere && !isFree) continue;
      if (isThere) moves[other].set(from, to);
      moves.base.set(from, to);
    }
  };
  await moveAll(inOurs, inTheirs, 'theirs');
  await moveAll(inTheirs, inOurs, 'ours');
  if (moves.base.size === 0) return { trees: undefined, conflicts };
  try {
    const moved = {
      base: await moveFiles(db, overlay, base, moves.base),
      ours: await moveFiles(db, overlay, ours, moves.ours),
      theirs: await moveFiles(db, overlay, theirs, moves.theirs),
    };
    return { trees: moved, conflicts };
  } catch (error) {
    // The new place lies below a file of the other side: the conflict stays what it is.
    if (isHubError(error, 'PathCollision')) return { trees: undefined, conflicts };
    throw error;
  }
}

const renamesIn = async (
  db: Pick<ObjectDb, 'tree' | 'get' | 'infoMany'>,
  before: Oid,
  after: Oid,
  wanted: ReadonlySet<string>,
): Promise<ReadonlyMap<string, string>> =>
  wanted.size === 0 ? new Map() : findRenames(db, { before, after }, wanted);

/** More are not looked at: nobody moves so many files on both sides. */
const MAX_REMOVED = 10_000;

async function removedByBoth(
  db: Pick<ObjectDb, 'tree'>,
  { base, ours, theirs }: TreesToMerge,
): Promise<readonly string[]> {
  const removed = async (after: Oid): Promise<Set<string>> => {
    const paths = new Set<string>();
    for await (const { path, kind } of diffTrees(db, base, after)) {
      if (kind === 'removed' && paths.size < MAX_REMOVED) paths.add(path);
    }
    return paths;
  };
  const [one, two] = [await removed(ours), await removed(theirs)];
  return [...one].filter((path) => two.has(path));
}

async function moveFiles(
  db: Pick<ObjectDb, 'tree' | 'findMany'>,
  overlay: Map<Oid, GitObject>,
  root: Oid,
  moves: ReadonlyMap<string, string>,
): Promise<Oid> {
  if (moves.size === 0) return root;
  const additions = new Map<string, FileEntry>();
  for (const [from, to] of moves) {
    const entry = await findEntry(db, root, from);
    if (entry) additions.set(to, entry);
  }
  const deletions = [...moves.keys()].map((path) => ({ path, kind: 'file' as const }));
  const edited = await editTree(db, root, { deletions, additions });
  for (const { oid, type, content } of edited.objects) overlay.set(oid, { type, content });
  return edited.root;
}

async function mergeByPath(
  db: Pick<ObjectDb, 'tree' | 'get' | 'infoMany'>,
  overlay: Map<Oid, GitObject>,
  trees: TreesToMerge,
  favor: MergeFavor,
): Promise<MergedTree & { readonly clashes: readonly Clash[] }> {
  const slice = createTimeSlice();
  const budget: StepBudget = { left: LINE_STEPS };
  const clashes: Clash[] = [];
  const conflicts: MergeConflict[] = [];
  let conflictCount = 0;
  let steps = 0;

  const breathe = async (): Promise<void> => {
    steps += 1;
    if (steps % LOOP_STEP === 0 && slice.isOver()) await slice.next();
  };

  const note = (path: string, kind: Clash['kind']): void => {
    if (clashes.length < MAX_CLASHES) clashes.push({ path, kind });
  };

  const report = (path: string, kind: ConflictKind): void => {
    conflictCount += 1;
    if (conflicts.length < MAX_LISTED) conflicts.push({ path, kind });
  };

  const keep = async (type: 'blob' | 'tree', content: Buffer): Promise<Oid> => {
    const oid = await hashLargeObject(type, content);
    if (!overlay.has(oid)) overlay.set(oid, { type, content });
    return oid;
  };

  /** What stands at the path after a conflict: nobody's, unless somebody wins. */
  const settle = <Value>(path: string, kind: ConflictKind, three: Three<Value>): Value | undefined => {
    if (kind === 'deleted-by-ours' || kind === 'deleted-by-theirs' || kind === 'both-added') note(path, kind);
    if (favor === 'none') {
      report(path, kind);
      return three.ours;
    }
    return three[favor];
  };

  const contentOf = async (oid: Oid): Promise<Buffer> => (await db.get(oid, 'blob')).content;

  async function mergeContent(
    path: string,
    three: Three<FileEntry>,
    mode: string,
  ): Promise<FileEntry | undefined> {
    const { base, ours, theirs } = three as Three<FileEntry> & { ours: FileEntry; theirs: FileEntry };
    const oids = [base, ours, theirs].flatMap((entry) => (entry && isRegular(entry) ? [entry.oid] : []));
    const infos = await db.infoMany(oids);
    if (oids.some((oid) => (infos.get(oid)?.sizeBytes ?? 0) > MAX_TEXT_BYTES)) {
      return settle(path, 'binary', three);
    }
    const texts = {
      base: base && isRegular(base) ? await contentOf(base.oid) : NO_CONTENT,
      ours: await contentOf(ours.oid),
      theirs: await contentOf(theirs.oid),
    };
    const all = [texts.base, texts.ours, texts.theirs];
    if (all.some((text) => parsePointer(text))) return settle(path, 'large-file', three);
    if (all.some(isBinary)) return settle(path, 'binary', three);
    try {
      const merged = await mergeLines(texts, favor === 'none' || favor === 'base' ? 'marked' : favor, budget);
      if (merged.conflicts > 0 && favor === 'none') {
        return settle(path, base ? 'content' : 'both-added', three);
      }
      return { mode, oid: await keep('blob', merged.content) };
    } catch (error) {
      if (error instanceof TooCostly) return settle(path, 'content', three);
      throw error;
    }
  }

  async function mergeFile(path: string, three: Three<FileEntry>): Promise<FileEntry | undefined> {
    const { base, ours, theirs } = three;
    if (isSameFile(ours, theirs) || isSameFile(base, theirs)) return ours;
    if (isSameFile(base, ours)) return theirs;
    if (!ours) return settle(path, 'deleted-by-ours', three);
    if (!theirs) return settle(path, 'deleted-by-theirs', three);
    if (typeOf(ours) !== typeOf(theirs)) return settle(path, base ? 'type' : 'both-added', three);
    const hasBaseMode = base !== undefined && typeOf(base) === typeOf(ours);
    const isModeOurs = hasBaseMode && ours.mode !== base.mode;
    const mode = isModeOurs ? ours.mode : theirs.mode;
    const isModeClear = ours.mode === theirs.mode || hasBaseMode;
    if (!isModeClear) return settle(path, 'type', three);
    if (ours.oid === theirs.oid || base?.oid === theirs.oid) return { mode, oid: ours.oid };
    if (base?.oid === ours.oid) return { mode, oid: theirs.oid };
    if (isSubmodule(ours)) return settle(path, 'submodule', three);
    if (!isRegular(ours)) return settle(path, base ? 'binary' : 'both-added', three);
    return mergeContent(path, three, mode);
  }

  /** The merged folder, undefined when nothing is left in it. */
  async function mergeFolder(folder: string, three: Three<Oid>): Promise<Oid | undefined> {
    const { base, ours, theirs } = three;
    if (ours === theirs && base !== undefined && base !== ours) note(folder, 'both-deleted');
    if (ours === theirs || base === theirs) return ours;
    if (base === ours) return theirs;
    const read = async (oid: Oid | undefined): Promise<Cursor> =>
      cursorOf(oid === undefined ? undefined : await db.tree(oid));
    const cursors = { base: await read(base), ours: await read(ours), theirs: await read(theirs) };
    const all = [cursors.base, cursors.ours, cursors.theirs];
    const placed: (Placed | undefined)[] = [];
    /** Where the file of a name went that was not the same everywhere; a folder of the name may follow. */
    const files = new Map<string, { readonly at: number; readonly isOurs: boolean }>();
    const introduced = new Set<string>();

    for (;;) {
      await breathe();
      let first: TreeScan | undefined;
      for (const { scan, hasEntry } of all) {
        if (hasEntry && (first === undefined || scan.compareEntry(first) < 0)) first = scan;
      }
      if (first === undefined) break;
      const lead = first;
      const { byteName, isTree } = lead;
      const take = (cursor: Cursor): FileEntry | undefined => {
        if (!cursor.hasEntry || (cursor.scan !== lead && cursor.scan.compareEntry(lead) !== 0))
          return undefined;
        return { mode: cursor.scan.modeText, oid: cursor.scan.oid };
      };
      const entries: Three<FileEntry> = {
        base: take(cursors.base),
        ours: take(cursors.ours),
        theirs: take(cursors.theirs),
      };
      if (entries.base) cursors.base.hasEntry = cursors.base.scan.next();
      if (entries.ours) cursors.ours.hasEntry = cursors.ours.scan.next();
      if (entries.theirs) cursors.theirs.hasEntry = cursors.theirs.scan.next();

      if (isSameFile(entries.base, entries.ours) && isSameFile(entries.ours, entries.theirs)) {
        if (entries.ours) placed.push({ byteName, ...entries.ours });
        continue;
      }
      const path = folder + fromByteName(byteName);
      if (!entries.ours && !entries.theirs) {
        note(path, 'both-deleted');
        continue;
      }
      if (!entries.ours) introduced.add(fromByteName(byteName));
      if (!isTree) {
        const merged = await mergeFile(path, entries);
        if (!merged) continue;
        files.set(byteName, { at: placed.length, isOurs: entries.ours !== undefined });
        placed.push({ byteName, ...merged });
        continue;
      }
      const oid = await mergeFolder(`${path}/`, {
        base: entries.base?.oid,
        ours: entries.ours?.oid,
        theirs: entries.theirs?.oid,
      });
      if (oid === undefined) continue;
      const clash = files.get(byteName);
      if (clash) {
        if (favor === 'none') report(path, 'file-and-folder');
        const isFileKept = favor === 'ours' ? clash.isOurs : favor === 'theirs' ? !clash.isOurs : false;
        if (isFileKept) continue;
        placed[clash.at] = undefined;
      }
      placed.push({ byteName, mode: FOLDER_MODE, oid });
    }

    const content = writeFolder(placed);
    if (content.length === 0) return undefined;
    if (introduced.size > 0 && favor !== 'base') {
      for (const { name } of await findNameTwins(content, introduced)) report(folder + name, 'name-twin');
    }
    for (const [oid, cursor] of [
      [ours, cursors.ours],
      [theirs, cursors.theirs],
    ] as const) {
      if (oid !== undefined && cursor.scan.content.equals(content)) return oid;
    }
    return keep('tree', content);
  }

  const root = (await mergeFolder('', trees)) ?? (await keep('tree', NO_CONTENT));
  if (root === EMPTY_TREE) await keep('tree', NO_CONTENT);
  return { root, objects: await newObjects(overlay, root), conflicts, conflictCount, clashes };
}

/** A folder's content from entries that are in git's order. */
function writeFolder(entries: readonly (Placed | undefined)[]): Buffer {
  let sizeBytes = 0;
  for (const entry of entries) {
    if (entry) sizeBytes += entry.mode.length + entry.byteName.length + 22;
  }
  const content = Buffer.allocUnsafeSlow(sizeBytes);
  let at = 0;
  for (const entry of entries) {
    if (!entry) continue;
    at += content.write(`${entry.mode} ${entry.byteName}\0`, at, 'latin1');
    at += content.write(entry.oid, at, 20, 'hex');
  }
  return content;
}

/** What of the overlay a tree needs, each object after the ones it contains. */
async function newObjects(overlay: ReadonlyMap<Oid, GitObject>, root: Oid): Promise<readonly NewGitObject[]> {
  const slice = createTimeSlice();
  const needed = new Map<Oid, NewGitObject>();
  const collect = async (oid: Oid): Promise<void> => {
    const object = overlay.get(oid);
    if (!object || needed.has(oid)) return;
    if (object.type === 'tree') {
      const scan = new TreeScan(object.content);
      while (scan.next()) if (overlay.has(scan.oid)) await collect(scan.oid);
      if (slice.isOver()) await slice.next();
    }
    needed.set(oid, { oid, ...object });
  };
  await collect(root);
  return [...needed.values()];
}
