import { HubError } from '../domain/errors.ts';
import type { Oid } from '../domain/ids.ts';
import { createTimeSlice } from '../platform/time-slice.ts';
import type { ObjectDb } from './object-db.ts';
import { toByteName, TreeScan } from './tree-scan.ts';
import type { TreeEntryType } from './tree-scan.ts';

/** Where a path leads in one tree. */
export interface FoundEntry {
  /** As stored, e.g. `100644`, `40000`. */
  readonly mode: string;
  /** `commit` is a submodule. */
  readonly type: TreeEntryType;
  readonly oid: Oid;
}

export interface ListedEntry extends FoundEntry {
  /** Full path from the root, UTF-8, no leading or trailing slash. */
  readonly path: string;
  /** Last part of the path. */
  readonly name: string;
}

export interface TreePage {
  readonly entries: readonly ListedEntry[];
  /** Where the next page starts; absent at the end. */
  readonly next?: string;
}

const LOOP_STEP = 4096;
/** Trees read together at most; one entry of a tree takes at least about this many bytes. */
const MAX_READ_AHEAD = 64;
const LOOK_AHEAD = 256;
const USUAL_ENTRY_BYTES = 40;

/** Stand on the entry with a sort key, or, when it is not there, before the entry that follows its place. */
function seek(scan: TreeScan, key: string): boolean {
  while (scan.next()) {
    const order = scan.compareKey(key);
    if (order === 0) return true;
    if (order > 0) {
      scan.end = scan.start;
      return false;
    }
  }
  return false;
}

/** Find a name whether it is a file or a folder: their places differ, so the search ends behind the folder's. */
async function seekName(content: Buffer, byteName: string): Promise<TreeScan | undefined> {
  const scan = new TreeScan(content);
  const folderKey = `${byteName}/`;
  const slice = createTimeSlice();
  for (let steps = 1; scan.next(); steps += 1) {
    if (steps % LOOP_STEP === 0 && slice.isOver()) await slice.next();
    if (scan.hasName(byteName)) return scan;
    if (scan.compareKey(folderKey) > 0) return undefined;
  }
  return undefined;
}

/** The entry at a path, `undefined` when nothing is there. The empty path is the root itself. */
export async function findEntry(
  db: Pick<ObjectDb, 'tree'>,
  rootTree: Oid,
  path: string,
): Promise<FoundEntry | undefined> {
  let found: FoundEntry = { mode: '40000', type: 'tree', oid: rootTree };
  if (path === '') return found;
  for (const part of path.split('/')) {
    if (found.type !== 'tree') return undefined;
    const scan = await seekName(await db.tree(found.oid), toByteName(part));
    if (scan === undefined) return undefined;
    found = { mode: scan.modeText, type: scan.type, oid: scan.oid };
  }
  return found;
}

/** Where a listing stopped. */
interface Stop {
  /** The last entry given out, as byte names below the listed folder. */
  readonly parts: readonly string[];
  /** Byte offset of each part's entry in its tree: a hint, so that a resumed listing need not scan for it. */
  readonly offsets: readonly number[];
  /** What is listed next: what comes behind a file, behind a folder and all in it, or the content of a folder. */
  readonly next: 'behind-file' | 'behind-folder' | 'in-folder';
}

const CURSOR = /^([fdi])((?:\.[0-9a-z]{1,8})+)~([A-Za-z0-9_-]+)$/;
const NEXT_BY_LETTER = { f: 'behind-file', d: 'behind-folder', i: 'in-folder' } as const;
const LETTER_BY_NEXT = { 'behind-file': 'f', 'behind-folder': 'd', 'in-folder': 'i' } as const;

function writeCursor({ parts, offsets, next }: Stop): string {
  const path = Buffer.from(parts.join('/'), 'latin1').toString('base64url');
  return `${LETTER_BY_NEXT[next]}${offsets.map((offset) => `.${offset.toString(36)}`).join('')}~${path}`;
}

function parseCursor(cursor: string): Stop {
  const [, letter, offsets, path] = CURSOR.exec(cursor) ?? [];
  if (letter === undefined || offsets === undefined || path === undefined) {
    throw new HubError('InvalidCursor', 'The cursor is not valid.');
  }
  return {
    parts: Buffer.from(path, 'base64url').toString('latin1').split('/'),
    offsets: offsets
      .slice(1)
      .split('.')
      .map((offset) => Number.parseInt(offset, 36)),
    next: NEXT_BY_LETTER[letter as 'f' | 'd' | 'i'],
  };
}

/** A folder that is being listed: the scan stands on the last entry that was given out, if any was. */
interface Level {
  readonly scan: TreeScan;
  /** Path with a slash behind it, or empty. */
  readonly path: string;
}

/** Stand on the entry the cursor names, by its hint if that still holds, else by its place in the order. */
function resume(
  content: Buffer,
  key: string,
  hint: number | undefined,
): { scan: TreeScan; isThere: boolean } {
  if (hint !== undefined && hint < content.length) {
    const scan = new TreeScan(content, hint);
    try {
      if (scan.next() && scan.compareKey(key) === 0) return { scan, isThere: true };
    } catch (error) {
      // The tree is another one than the cursor was made on: its bytes at the hint are no entry.
      if (!(error instanceof HubError)) throw error;
    }
  }
  const scan = new TreeScan(content);
  return { scan, isThere: seek(scan, key) };
}

/**
 * One page of a folder, in the order of git: bytes of the paths, a folder right before its content. `recursive` lists
 * everything below, folders included. `undefined` when the path is absent or not a folder.
 *
 * A page costs time in its own length: trees are scanned in place, and the cursor knows where it stopped. It stays
 * valid when the tree changes between pages: listing goes on behind the last path given. Throws `InvalidCursor`.
 */
export async function listTree(
  db: Pick<ObjectDb, 'tree' | 'findMany'>,
  rootTree: Oid,
  query: {
    readonly path: string;
    readonly recursive: boolean;
    readonly after?: string | undefined;
    readonly limit: number;
  },
): Promise<TreePage | undefined> {
  const { path, recursive, after } = query;
  const limit = Math.max(1, query.limit);
  const folder = await findEntry(db, rootTree, path);
  if (folder?.type !== 'tree') return undefined;
  const slice = createTimeSlice();
  const ahead = new Map<Oid, Buffer>();
  const entries: ListedEntry[] = [];
  const levels: Level[] = [];

  const enter = (scan: TreeScan): void => {
    const parent = levels.at(-1);
    const isRoot = parent === undefined;
    levels.push({
      scan,
      path: isRoot ? (path === '' ? '' : `${path}/`) : `${parent.path}${parent.scan.name}/`,
    });
  };

  /** The folder's content; folders that follow it are read with it, as many as the page may still hold. */
  let lastTreeBytes = USUAL_ENTRY_BYTES * 16;
  const readFolder = async (scan: TreeScan): Promise<Buffer> => {
    const oid = scan.oid;
    let content = ahead.get(oid);
    ahead.delete(oid);
    if (content === undefined) {
      const wanted = Math.ceil(((limit - entries.length) * USUAL_ENTRY_BYTES) / lastTreeBytes);
      const oids = [oid];
      const following = new TreeScan(scan.content, scan.end);
      for (let i = 0; i < LOOK_AHEAD && oids.length < Math.min(wanted, MAX_READ_AHEAD); i += 1) {
        if (!following.next()) break;
        if (following.isTree) oids.push(following.oid);
      }
      const found = oids.length > 1 ? await db.findMany(oids) : undefined;
      for (const [treeOid, tree] of found ?? []) {
        if (tree.type === 'tree' && treeOid !== oid) ahead.set(treeOid, tree.content);
      }
      const own = found?.get(oid);
      content = own?.type === 'tree' ? own.content : await db.tree(oid);
    }
    lastTreeBytes = Math.max(USUAL_ENTRY_BYTES, content.length);
    return content;
  };

  let content = await db.tree(folder.oid);
  if (after === undefined) {
    enter(new TreeScan(content));
  } else {
    const { parts, offsets, next } = parseCursor(after);
    for (const [i, part] of parts.entries()) {
      const isLast = i === parts.length - 1;
      const isFile = isLast && next === 'behind-file';
      const { scan, isThere } = resume(content, isFile ? part : `${part}/`, offsets[i]);
      enter(scan);
      if (!recursive || !isThere || isFile || (isLast && next === 'behind-folder')) break;
      content = await db.tree(scan.oid);
      if (isLast) enter(new TreeScan(content));
    }
  }

  let steps = 0;
  while (levels.length > 0 && entries.length < limit) {
    const { scan, path: inFolder } = levels.at(-1) as Level;
    if (!scan.next()) {
      levels.pop();
      continue;
    }
    const { name } = scan;
    entries.push({ path: inFolder + name, name, mode: scan.modeText, type: scan.type, oid: scan.oid });
    if (recursive && scan.isTree) enter(new TreeScan(await readFolder(scan)));
    steps += 1;
    if (steps % LOOP_STEP === 0 && slice.isOver()) await slice.next();
  }
  if (levels.every(({ scan }) => scan.end >= scan.content.length)) return { entries };
  const isInside = (levels.at(-1) as Level).scan.end === 0;
  const given = isInside ? levels.slice(0, -1) : levels;
  return {
    entries,
    next: writeCursor({
      parts: given.map(({ scan }) => scan.byteName),
      offsets: given.map(({ scan }) => scan.start),
      next: isInside ? 'in-folder' : (given.at(-1) as Level).scan.isTree ? 'behind-folder' : 'behind-file',
    }),
  };
}
