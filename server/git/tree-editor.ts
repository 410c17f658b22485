import { corruptObject, entryNotFound, HubError } from '../domain/errors.ts';
import type { Oid } from '../domain/ids.ts';
import { createTimeSlice, type TimeSlice } from '../platform/time-slice.ts';
import type { ObjectDb } from './object-db.ts';
import type { NewGitObject } from './object-storage.ts';
import { canonicalMode, EMPTY_TREE, hashLargeObject } from './objects.ts';
import { OID_BYTES } from './oid-table.ts';
import { findNameTwins } from './tree-names.ts';
import { fromByteName, toByteName, TreeScan } from './tree-scan.ts';

/** Which kind of entry a deletion means. A symlink and a submodule count as files. */
export type DeletionKind = 'file' | 'folder' | 'either';

export interface TreeDeletion {
  readonly path: string;
  readonly kind: DeletionKind;
}

/** What an added path shall lead to: anything but a folder. */
export interface TreeTarget {
  /** A file mode; legacy modes are written as git writes them today. */
  readonly mode: string;
  readonly oid: Oid;
}

/** Paths are valid UTF-8 without leading or trailing slash; the caller has checked their parts. */
export interface TreeEdit {
  readonly deletions: readonly TreeDeletion[];
  readonly additions: ReadonlyMap<string, TreeTarget>;
}

/** An added path and another one beside it that differs only in case or Unicode form. */
export interface PathTwin {
  readonly path: string;
  readonly twin: string;
}

export interface EditedTree {
  readonly root: Oid;
  /** The trees that are new, each after the ones it contains. Empty when nothing changed. */
  readonly objects: readonly NewGitObject[];
  /** Only with `reportTwins`. */
  readonly twins: readonly PathTwin[];
}

const FOLDER_MODE = '40000';
/** Trees read together, ahead of being edited. */
const READ_AHEAD = 32;
const LOOP_STEP = 1024;
const SORT_STEP = 8192;

/** What the edit wants of one folder; names are byte names (`toByteName`). */
interface FolderPlan {
  readonly path: string;
  readonly deletions: Map<string, DeletionKind | 'impossible'>;
  readonly files: Map<string, TreeTarget>;
  readonly folders: Map<string, FolderPlan>;
}

/** An entry of the tree before the edit that the plan names. */
interface ExistingEntry {
  readonly isTree: boolean;
  readonly oid: Oid;
}

/** An entry as it shall be written. */
interface Replacement {
  readonly mode: string;
  readonly oid: Oid;
}

/** Sort keys that the plan names, in git's order, and where each lies (or would lie) in the existing tree. */
interface Placement {
  readonly keys: readonly string[];
  /** Byte offset of the first entry that does not sort before the key. */
  readonly starts: Float64Array;
  /** Where that entry ends if it is the one named; else equal to the start. */
  readonly ends: Float64Array;
  readonly existing: ReadonlyMap<string, ExistingEntry>;
}

interface Folder {
  readonly oid: Oid;
  readonly content: Buffer;
}

const isFolderKey = (key: string): boolean => key.endsWith('/');
const nameOfKey = (key: string): string => (isFolderKey(key) ? key.slice(0, -1) : key);

const pathCollision = (path: string): HubError =>
  new HubError('PathCollision', `${path} cannot be both a file and a folder.`, { details: { path } });

const joinPath = (folder: string, byteName: string): string =>
  folder === '' ? fromByteName(byteName) : `${folder}/${fromByteName(byteName)}`;

const newPlan = (path: string): FolderPlan => ({
  path,
  deletions: new Map(),
  files: new Map(),
  folders: new Map(),
});

async function planOf(edit: TreeEdit, slice: TimeSlice): Promise<FolderPlan> {
  const root = newPlan('');
  const plans = new Map<string, FolderPlan>([['', root]]);
  const planFor = (path: string): FolderPlan => {
    const known = plans.get(path);
    if (known !== undefined) return known;
    const cut = path.lastIndexOf('/');
    const plan = newPlan(path);
    planFor(cut < 0 ? '' : path.slice(0, cut)).folders.set(toByteName(path.slice(cut + 1)), plan);
    plans.set(path, plan);
    return plan;
  };

  let steps = 0;
  for (const { path, kind } of edit.deletions) {
    steps += 1;
    if (steps % LOOP_STEP === 0 && slice.isOver()) await slice.next();
    const cut = path.lastIndexOf('/');
    const { deletions } = planFor(cut < 0 ? '' : path.slice(0, cut));
    const name = toByteName(path.slice(cut + 1));
    const other = deletions.get(name) ?? 'either';
    // The same path deleted as a file and as a folder: one of the two is missing.
    deletions.set(
      name,
      kind === 'either' || kind === other ? other : other === 'either' ? kind : 'impossible',
    );
  }
  let lastFolder = '';
  let lastPlan = root;
  for (const [path, target] of edit.additions) {
    const cut = path.lastIndexOf('/');
    const folder = cut < 0 ? '' : path.slice(0, cut);
    if (folder !== lastFolder) {
      lastPlan = planFor(folder);
      lastFolder = folder;
    }
    lastPlan.files.set(toByteName(path.slice(cut + 1)), target);
    steps += 1;
    if (steps % LOOP_STEP === 0 && slice.isOver()) await slice.next();
  }
  return root;
}

/** Sort strings by code unit. Long lists are sorted in parts that are merged, so that others get their turn. */
async function sortKeys(keys: string[], slice: TimeSlice): Promise<string[]> {
  let isSorted = true;
  for (let i = 1; i < keys.length && isSorted; i += 1) {
    isSorted = (keys[i - 1] as string) < (keys[i] as string);
  }
  if (isSorted) return keys;
  if (keys.length <= SORT_STEP) return keys.sort();

  let runs: string[][] = [];
  for (let at = 0; at < keys.length; at += SORT_STEP) {
    runs.push(keys.slice(at, at + SORT_STEP).sort());
    if (slice.isOver()) await slice.next();
  }
  while (runs.length > 1) {
    const merged: string[][] = [];
    for (let i = 0; i < runs.length; i += 2) {
      const [a, b] = [runs[i] as string[], runs[i + 1] ?? []];
      const both: string[] = [];
      let atA = 0;
      let atB = 0;
      while (atA < a.length && atB < b.length) {
        both.push((a[atA] as string) <= (b[atB] as string) ? (a[atA++] as string) : (b[atB++] as string));
        if (both.length % SORT_STEP === 0 && slice.isOver()) await slice.next();
      }
      for (; atA < a.length; atA += 1) both.push(a[atA] as string);
      for (; atB < b.length; atB += 1) both.push(b[atB] as string);
      merged.push(both);
    }
    runs = merged;
  }
  return runs[0] as string[];
}

/** Find the plan's names in the existing tree with one pass over its bytes. */
async function placeNames(plan: FolderPlan, content: Buffer, slice: TimeSlice): Promise<Placement> {
  const unsorted: string[] = [];
  const place = (name: string): void => {
    // Whether a name is there as a file or as a folder decides its place: look at both, unless nothing is there.
    if (content.length > 0 || plan.files.has(name)) unsorted.push(name);
    if (content.length > 0 || plan.folders.has(name)) unsorted.push(`${name}/`);
  };
  for (const name of plan.files.keys()) {
    place(name);
    if (unsorted.length % LOOP_STEP === 0 && slice.isOver()) await slice.next();
  }
  for (const name of plan.folders.keys()) if (!plan.files.has(name)) place(name);
  for (const name of plan.deletions.keys()) {
    if (!plan.files.has(name) && !plan.folders.has(name)) place(name);
  }
  const keys = await sortKeys(unsorted, slice);
  const starts = new Float64Array(keys.length);
  const ends = new Float64Array(keys.length);
  const existing = new Map<string, ExistingEntry>();

  const scan = new TreeScan(content);
  const before = new TreeScan(content);
  let hasEntry = scan.next();
  let steps = 0;
  for (let i = 0; i < keys.length; i += 1) {
    const key = keys[i] as string;
    let order = -1;
    while (hasEntry) {
      order = scan.compareKey(key);
      if (order >= 0) break;
      hasEntry = scan.next();
      before.next();
      if (hasEntry && before.compareEntry(scan) >= 0) {
        throw corruptObject(`tree of folder ${JSON.stringify(plan.path)} is out of order`);
      }
      steps += 1;
      if (steps % LOOP_STEP === 0 && slice.isOver()) await slice.next();
    }
    if (i % LOOP_STEP === 0 && slice.isOver()) await slice.next();
    const start = hasEntry ? scan.start : content.length;
    starts[i] = start;
    ends[i] = start;
    if (hasEntry && order === 0) {
      ends[i] = scan.end;
      existing.set(nameOfKey(key), { isTree: isFolderKey(key), oid: scan.oid });
    }
  }
  return { keys, starts, ends, existing };
}

/** Copy the existing tree, with the entries at the placement's keys replaced, removed or put in. */
async function assemble(
  content: Buffer,
  { keys, starts, ends }: Placement,
  results: ReadonlyMap<string, Replacement | 'keep' | 'none'>,
  slice: TimeSlice,
): Promise<Buffer> {
  const written = (key: string): Replacement | 'keep' | 'none' => {
    const result = results.get(nameOfKey(key)) ?? 'none';
    if (result === 'keep' || result === 'none') return result;
    return (result.mode === FOLDER_MODE) === isFolderKey(key) ? result : 'none';
  };
  let sizeBytes = content.length;
  for (let i = 0; i < keys.length; i += 1) {
    const key = keys[i] as string;
    const result = written(key);
    if (result === 'keep') continue;
    sizeBytes -= (ends[i] as number) - (starts[i] as number);
    if (result !== 'none') sizeBytes += result.mode.length + 1 + nameOfKey(key).length + 1 + OID_BYTES;
    if (i % LOOP_STEP === 0 && slice.isOver()) await slice.next();
  }
  // Its own memory, even when small: this is kept, and a slice of a shared pool would keep the pool.
  const edited = Buffer.allocUnsafeSlow(sizeBytes);
  let at = 0;
  let copied = 0;
  for (let i = 0; i < keys.length; i += 1) {
    const key = keys[i] as string;
    const result = written(key);
    if (result === 'keep') continue;
    at += content.copy(edited, at, copied, starts[i]);
    copied = ends[i] as number;
    if (result !== 'none') {
      at += edited.write(`${result.mode} ${nameOfKey(key)}\0`, at, 'latin1');
      at += edited.write(result.oid, at, OID_BYTES, 'hex');
    }
    if (i % LOOP_STEP === 0 && slice.isOver()) await slice.next();
  }
  content.copy(edited, at, copied);
  return edited;
}

/** Any deletion in the plan, for naming what is missing when its folder is. */
function firstDeletion(plan: FolderPlan): string | undefined {
  for (const name of plan.deletions.keys()) return joinPath(plan.path, name);
  for (const folder of plan.folders.values()) {
    const path = firstDeletion(folder);
    if (path !== undefined) return path;
  }
  return undefined;
}

const NO_CONTENT = Buffer.alloc(0);

/**
 * Apply an edit to a tree: all deletions first, then all additions. Only folders on the paths of the edit are read and
 * written; a folder that becomes empty vanishes, as git has none. The root may be the empty tree.
 *
 * Throws `EntryNotFound` for a deletion that finds nothing of its kind (unless a folder around it is deleted too), and
 * `PathCollision` when a path would be a file and a folder at once, which includes writing below a file, a symlink or
 * a submodule. Takes time in the size of the edit and of the folders it touches.
 */
export async function editTree(
  db: Pick<ObjectDb, 'tree' | 'findMany'>,
  root: Oid | undefined,
  edit: TreeEdit,
  options: { readonly reportTwins?: boolean } = {},
): Promise<EditedTree> {
  const slice = createTimeSlice();
  const objects = new Map<Oid, NewGitObject>();
  const twins: PathTwin[] = [];
  // Thrown at the end: deletions come first, so one that finds nothing is what the caller hears of.
  let collision: HubError | undefined;

  const reportTwins = async (plan: FolderPlan, edited: Buffer, added: ReadonlySet<string>): Promise<void> => {
    if (added.size === 0) return;
    const inFolder = plan.path === '' ? '' : `${plan.path}/`;
    for (const { name, twin } of await findNameTwins(edited, added)) {
      twins.push({ path: inFolder + name, twin: inFolder + twin });
    }
  };

  /** `isCleared`: a folder around this one is deleted by the edit, so nothing is there and nothing is missing. */
  const editFolder = async (
    plan: FolderPlan,
    before: Folder | undefined,
    isCleared: boolean,
  ): Promise<Oid | undefined> => {
    const content = before?.content ?? NO_CONTENT;
    const placement = await placeNames(plan, content, slice);
    const { existing } = placement;
    const gone = new Set<string>();
    for (const [name, kind] of plan.deletions) {
      const entry = existing.get(name);
      const isMeant = kind === 'either' || kind === (entry?.isTree === true ? 'folder' : 'file');
      if (entry !== undefined && isMeant) gone.add(name);
      else if (!isCleared) throw entryNotFound(joinPath(plan.path, name));
    }

    const results = new Map<string, Replacement | 'keep' | 'none'>();
    for (const [name] of existing) results.set(name, gone.has(name) ? 'none' : 'keep');

    const subplans = [...plan.folders];
    for (let at = 0; at < subplans.length; at += READ_AHEAD) {
      const group = subplans.slice(at, at + READ_AHEAD);
      const wanted: Oid[] = [];
      for (const [name] of group) {
        const entry = existing.get(name);
        if (entry?.isTree === true && !gone.has(name)) wanted.push(entry.oid);
      }
      const ahead = wanted.length > 1 ? await db.findMany(wanted) : undefined;
      for (const [name, subplan] of group) {
        const entry = existing.get(name);
        const isDeletedFolder = entry?.isTree === true && gone.has(name);
        const remains = entry !== undefined && !gone.has(name) ? entry : undefined;
        if (remains?.isTree === false) {
          const missing = firstDeletion(subplan);
          if (missing !== undefined) throw entryNotFound(missing);
          collision ??= pathCollision(joinPath(plan.path, name));
          continue;
        }
        const read = remains === undefined ? undefined : ahead?.get(remains.oid);
        const folder =
          remains === undefined
            ? undefined
            : {
                oid: remains.oid,
                content: read?.type === 'tree' ? read.content : await db.tree(remains.oid),
              };
        const oid = await editFolder(subplan, folder, isCleared || isDeletedFolder);
        if (oid === undefined) results.set(name, 'none');
        else if (oid !== remains?.oid) results.set(name, { mode: FOLDER_MODE, oid });
      }
    }

    let steps = 0;
    for (const [name, target] of plan.files) {
      const result = results.get(name) ?? 'none';
      const isFolderThere = result === 'keep' ? existing.get(name)?.isTree === true : result !== 'none';
      if (isFolderThere) collision ??= pathCollision(joinPath(plan.path, name));
      const mode = canonicalMode(target.mode);
      if (mode === undefined || mode === FOLDER_MODE) {
        throw new TypeError(`not the mode of a file: ${target.mode}`);
      }
      results.set(name, { mode, oid: target.oid });
      steps += 1;
      if (steps % LOOP_STEP === 0 && slice.isOver()) await slice.next();
    }

    const edited = await assemble(content, placement, results, slice);
    if (edited.length === 0) return undefined;
    if (options.reportTwins === true) {
      const added = new Set<string>();
      for (const name of plan.files.keys()) if (!existing.has(name)) added.add(fromByteName(name));
      for (const name of plan.folders.keys()) {
        const isThere = (results.get(name) ?? 'none') !== 'none';
        if (isThere && !existing.has(name)) added.add(fromByteName(name));
      }
      await reportTwins(plan, edited, added);
    }
    if (before !== undefined && edited.equals(before.content)) return before.oid;
    const oid = await hashLargeObject('tree', edited);
    objects.set(oid, { oid, type: 'tree', content: edited });
    return oid;
  };

  const plan = await planOf(edit, slice);
  const before = root === undefined ? undefined : { oid: root, content: await db.tree(root) };
  const oid = await editFolder(plan, before, false);
  if (collision !== undefined) throw collision;
  if (oid !== undefined) return { root: oid, objects: [...objects.values()], twins };
  const isNew = root !== EMPTY_TREE;
  return {
    root: EMPTY_TREE,
    objects: isNew ? [{ oid: EMPTY_TREE, type: 'tree', content: NO_CONTENT }] : [],
    twins,
  };
}
