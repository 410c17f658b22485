import { isHubError } from '../domain/errors.ts';
import type { Oid } from '../domain/ids.ts';
import { MAX_POINTER_BYTES } from '../domain/lfs.ts';
import { createTimeSlice } from '../platform/time-slice.ts';
import type { ObjectDb } from './object-db.ts';
import type { GitObject, GitObjectType } from './object-storage.ts';
import { parseCommit, parseTag } from './objects.ts';
import { createOidTable } from './oid-table.ts';
import type { OidTable } from './oid-table.ts';
import { TreeScan } from './tree-scan.ts';

/** Something wrong with the objects that a repository's refs lead to. */
export interface ConnectivityProblem {
  /**
   * `missing`: not stored. `damaged`: cannot be read, or does not hash to its id. `wrong-type`: not what the object
   * that names it says. `malformed`: stored as written, but not as git would accept it.
   */
  readonly kind: 'missing' | 'damaged' | 'wrong-type' | 'malformed';
  readonly oid: Oid;
  /** What leads there: the name of a ref, or the id of an object. */
  readonly from: string;
  /** One sentence for an operator. */
  readonly detail: string;
}

const BLOB_BATCH = 1024;
/** Blobs are read together up to this many bytes; larger ones are streamed through the hash. */
const BATCH_BYTES = 16 * 1024 * 1024;
const LARGE_BLOB_BYTES = 1024 * 1024;

interface Step {
  readonly oid: Oid;
  /** `undefined` for a ref, which may lead to anything. */
  readonly type: GitObjectType | undefined;
  readonly from: string;
}

const DOT = 0x2e;
const DIGIT_0 = 0x30;

/** What git's `fsck --strict` refuses in a tree beyond what cannot be parsed; `undefined` when all is well. */
function treeFault(scan: TreeScan, previous: TreeScan | undefined): string | undefined {
  if (previous !== undefined) {
    if (previous.compareEntry(scan) >= 0) return 'its entries are out of order';
    if (scan.isTree && scan.hasName(previous.byteName)) return 'a name is there twice';
  }
  if (scan.content[scan.start] === DIGIT_0) return 'a mode has leading zeros';
  if (scan.content[scan.nameStart] !== DOT) return undefined;
  return ['.', '..', '.git'].includes(scan.byteName.toLowerCase()) ? `it names ${scan.byteName}` : undefined;
}

/**
 * Walk everything that `tips` lead to, and say what is wrong: every object must exist, hash to its id, parse, and be of
 * the type that names it. Submodules are not followed. Goes on after a problem, so all are found.
 *
 * Give it a db with a small cache of its own: what the shared cache remembers is not what is stored.
 * `onSmallBlob` is called, and waited for, once for each blob of at most 1,024 bytes, the ones that may be LFS pointers.
 */
export async function* walkConnectivity(
  db: ObjectDb,
  tips: Iterable<{ readonly name: string; readonly oid: Oid }>,
  callbacks: { readonly onSmallBlob?: (oid: Oid, content: Buffer) => void | Promise<void> } = {},
): AsyncGenerator<ConnectivityProblem, void, undefined> {
  const slice = createTimeSlice();
  const problems: ConnectivityProblem[] = [];
  const stack: Step[] = [];
  let blobs: Step[] = [];
  // One object named as two types is wrong once at least, so what was seen is remembered by the type expected.
  const seen = new Map<GitObjectType | undefined, OidTable>();

  const discover = (step: Step): void => {
    let table = seen.get(step.type);
    if (table === undefined) seen.set(step.type, (table = createOidTable()));
    if (!table.add(step.oid)) return;
    (step.type === 'blob' ? blobs : stack).push(step);
  };

  const report = (kind: ConnectivityProblem['kind'], { oid, from }: Step, detail: string): void => {
    problems.push({ kind, oid, from, detail });
  };

  /** Turn a damaged object into a problem; any other failure (storage is down) stops the walk. */
  const attempt = async <T>(step: Step, read: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await read();
    } catch (error) {
      if (!isHubError(error, 'CorruptObject')) throw error;
      report('damaged', step, error.message);
      return undefined;
    }
  };

  const checkType = (step: Step, type: GitObjectType): boolean => {
    if (step.type === undefined || step.type === type) return true;
    report('wrong-type', step, `${step.from} names it as a ${step.type}, it is a ${type}.`);
    return false;
  };

  const followTree = async (step: Step, content: Buffer): Promise<void> => {
    const scan = new TreeScan(content);
    const before = new TreeScan(content);
    let fault: string | undefined;
    for (let count = 0; scan.next(); count += 1) {
      fault ??= treeFault(scan, count > 0 && before.next() ? before : undefined);
      if (scan.type !== 'commit') discover({ oid: scan.oid, type: scan.type, from: step.oid });
      if (slice.isOver()) await slice.next();
    }
    if (fault !== undefined) report('malformed', step, `In this tree, ${fault}.`);
  };

  const follow = async (step: Step, { type, content }: GitObject): Promise<void> => {
    switch (type) {
      case 'commit': {
        const { tree, parents } = parseCommit(content);
        discover({ oid: tree, type: 'tree', from: step.oid });
        for (const oid of parents) discover({ oid, type: 'commit', from: step.oid });
        break;
      }
      case 'tag': {
        const { object, type: tagged } = parseTag(content);
        discover({ oid: object, type: tagged, from: step.oid });
        break;
      }
      case 'tree':
        await followTree(step, content);
        break;
      case 'blob':
        if (content.length <= MAX_POINTER_BYTES) await callbacks.onSmallBlob?.(step.oid, content);
        break;
    }
  };

  const visit = async (step: Step, object: GitObject | undefined): Promise<void> => {
    if (object === undefined) report('missing', step, `${step.from} leads to it.`);
    else if (checkType(step, object.type)) await attempt(step, () => follow(step, object));
  };

  const readThrough = async (step: Step): Promise<void> => {
    const body = await db.open(step.oid);
    if (body === undefined) return visit(step, undefined);
    for await (const piece of body.bytes) if (piece.length > 0 && slice.isOver()) await slice.next();
    checkType(step, body.type);
  };

  /** Read small blobs many at a time; if one of them is damaged, one at a time. */
  const readTogether = async (steps: readonly Step[]): Promise<void> => {
    try {
      const found = await db.findMany(steps.map(({ oid }) => oid));
      for (const step of steps) await visit(step, found.get(step.oid));
    } catch (error) {
      if (!isHubError(error, 'CorruptObject')) throw error;
      for (const step of steps) {
        await attempt(step, async () => visit(step, await db.find(step.oid)));
      }
    }
  };

  const checkBlobs = async (steps: readonly Step[]): Promise<void> => {
    let sizes: Awaited<ReturnType<ObjectDb['infoMany']>>;
    try {
      sizes = await db.infoMany(steps.map(({ oid }) => oid));
    } catch (error) {
      if (!isHubError(error, 'CorruptObject')) throw error;
      for (const step of steps) await attempt(step, () => readThrough(step));
      return;
    }
    let group: Step[] = [];
    let groupBytes = 0;
    for (const step of steps) {
      const sizeBytes = sizes.get(step.oid)?.sizeBytes ?? 0;
      if (sizeBytes > LARGE_BLOB_BYTES) {
        await attempt(step, () => readThrough(step));
        continue;
      }
      group.push(step);
      groupBytes += sizeBytes;
      if (groupBytes >= BATCH_BYTES) {
        await readTogether(group);
        group = [];
        groupBytes = 0;
      }
    }
    if (group.length > 0) await readTogether(group);
  };

  for (const { name, oid } of tips) discover({ oid, type: undefined, from: name });
  while (stack.length > 0 || blobs.length > 0) {
    const step = stack.pop();
    if (step !== undefined) await attempt(step, async () => visit(step, await db.find(step.oid)));
    if (blobs.length >= BLOB_BATCH || stack.length === 0) {
      const all = blobs;
      blobs = [];
      for (let at = 0; at < all.length; at += BLOB_BATCH) await checkBlobs(all.slice(at, at + BLOB_BATCH));
    }
    yield* problems.splice(0);
    if (slice.isOver()) await slice.next();
  }
}
