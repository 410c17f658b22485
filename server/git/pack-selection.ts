import { corruptObject } from '../domain/errors.ts';
import type { Oid } from '../domain/ids.ts';
import { createTimeSlice } from '../platform/time-slice.ts';
import type { CommitGraph, CommitSelection } from './commit-graph.ts';
import { sharedStart } from './delta-encode.ts';
import type { ObjectDb } from './object-db.ts';
import type { GitObject, GitObjectType } from './object-storage.ts';
import { parseTag } from './objects.ts';
import { OID_BYTES } from './oid-table.ts';
import type { ObjectFilter, PackQuestion } from './pack-question.ts';
import { createObjectSelection } from './selected-objects.ts';
import type { ObjectSelection, SelectedObjects } from './selected-objects.ts';
import { TreeScan } from './tree-scan.ts';

/** Trees are read together up to so many, and up to about so many bytes. */
const MOST_TREES = 512;
const TREE_BATCH_BYTES = 4 * 1024 * 1024;
const ID_BATCH = 1024;
/** Folders done with that are let go of together. */
const FORGET_AT = 64 * 1024;
/** Entries between two looks at the clock. */
const STEP = 1024;
/**
 * What the client has is looked through, for files that only moved or were copied, as far as so many entries, or so many
 * for each object that would be sent. Git looks at one level of each folder that changed (`pack.useSparse`).
 */
const LEAST_HELD_ENTRIES = 5000;
const HELD_ENTRIES_PER_OBJECT = 10;
/** Haves whose trees are looked through, besides those where what is sent begins. */
const MOST_HAVE_TREES = 16;

/** A folder of the answer, with the folders it replaced; what it shares with them is in them. */
interface TreeJob {
  readonly tree: Oid;
  readonly formers: readonly Oid[];
  /** Of the tree itself; the root tree of a commit is at 0. */
  readonly depth: number;
}

interface Peeled {
  readonly tags: readonly Oid[];
  readonly target: { readonly oid: Oid; readonly type: GitObjectType } | undefined;
}

/** How many things to read together, when only their number can be chosen and their bytes shall stay bounded. */
function createBatchSize() {
  let size = 8;
  return {
    get size() {
      return size;
    },
    adapt(bytes: number): void {
      if (bytes > TREE_BATCH_BYTES) size = Math.max(1, size >>> 1);
      else if (bytes < TREE_BATCH_BYTES / 2) size = Math.min(MOST_TREES, size * 2);
    },
  };
}

const NO_FILTER: ObjectFilter = { blobBytes: Infinity, depth: Infinity };

/**
 * The objects that answer a fetch: commits by the graph; then for each of them, oldest first, what its tree holds that
 * the trees of its parents do not. Nothing that the client lacks is left out but by the filter. Throws `CorruptObject`
 * when something is missing, and what the signal says when it is aborted.
 */
export async function selectObjects(
  question: PackQuestion,
  needs: { readonly graph: CommitGraph; readonly db: ObjectDb; readonly signal?: AbortSignal },
): Promise<SelectedObjects> {
  const { graph, db, signal } = needs;
  const selection = createObjectSelection();
  const wants = await peelAll(db, question.wants);
  const haves = await peelAll(db, question.haves, { isLenient: true });
  for (const { tags, target } of haves) {
    for (const tag of tags) selection.held.add(tag);
    if (target !== undefined) selection.held.add(target.oid);
  }

  const targetsOf = (all: readonly Peeled[], type: GitObjectType): Oid[] =>
    all.flatMap(({ target }) => (target?.type === type ? [target.oid] : []));
  const uncut = await graph.findMany(question.uncut);
  const commits = await graph.select({
    wants: [...targetsOf(wants, 'commit'), ...[...uncut.values()].flatMap(({ parents }) => parents)],
    haves: [...targetsOf(haves, 'commit'), ...question.uncut],
    ends: [...question.cut, ...question.clientShallow],
    haveEnds: question.clientShallow,
    signal,
  });
  const { table } = graph;
  for (const at of commits.sent) selection.add(table.oidAt(at), 'commit');
  for (const { tags } of wants) {
    for (const tag of tags) if (!selection.held.has(tag)) selection.add(tag, 'tag');
  }
  // What was asked for by name is there before any filter is asked.
  const named = new Set<Oid>();
  for (const type of ['tree', 'blob'] as const) {
    for (const oid of targetsOf(wants, type)) {
      selection.add(oid, type);
      named.add(oid);
    }
  }

  const walk = createTreeWalk({ db, selection, filter: question.filter, signal });
  const { blobBytes, depth } = question.filter ?? NO_FILTER;
  if (depth > 0) await walk.commits(commits, graph);
  await walk.trees(targetsOf(wants, 'tree'));
  if (haves.length > 0 || question.uncut.length > 0) {
    await leaveOutHeld(selection, named, [...boundaryTrees(commits, haves, graph)], db, signal);
  }
  if (blobBytes > 0 && blobBytes < Infinity) await leaveOutLarge(selection, named, blobBytes, db, signal);
  await addTags(selection, question.includeTags, db);
  return selection;
}

/** Follow tags to what they lead to. Lenient: ids that are not there lead nowhere. */
async function peelAll(
  db: Pick<ObjectDb, 'infoMany' | 'findMany'>,
  oids: readonly Oid[],
  { isLenient = false } = {},
): Promise<readonly Peeled[]> {
  interface Chain {
    readonly tags: Oid[];
    next: Oid;
    target?: Peeled['target'];
  }
  const chains: Chain[] = [...new Set(oids)].map((oid) => ({ tags: [], next: oid }));
  let open = chains;
  while (open.length > 0) {
    const longer: Chain[] = [];
    for (let start = 0; start < open.length; start += ID_BATCH) {
      const batch = open.slice(start, start + ID_BATCH);
      const infos = await db.infoMany(batch.map(({ next }) => next));
      const tags = batch.filter(({ next }) => infos.get(next)?.type === 'tag');
      const contents = await db.findMany(tags.map(({ next }) => next));
      for (const chain of batch) {
        const info = infos.get(chain.next);
        const tag = contents.get(chain.next);
        if (tag !== undefined && info?.type === 'tag') {
          chain.tags.push(chain.next);
          chain.next = parseTag(tag.content).object;
          // A tag cannot name itself, for its id depends on what it names.
          longer.push(chain);
        } else if (info !== undefined) {
          chain.target = { oid: chain.next, type: info.type };
        } else if (!isLenient) {
          throw corruptObject(`object ${chain.next} is missing`);
        }
      }
    }
    open = longer;
  }
  return chains.map(({ tags, target }) => ({ tags, target }));
}

/** Trees that the client has, those next to what is sent first. */
function* boundaryTrees(
  { boundary }: CommitSelection,
  haves: readonly Peeled[],
  { table }: CommitGraph,
): Generator<Oid> {
  for (const at of boundary) yield table.treeAt(at);
  let count = 0;
  for (const { target } of haves) {
    if (target?.type !== 'commit') continue;
    const at = table.find(target.oid);
    if (at >= 0 && table.isRead(at)) yield table.treeAt(at);
    count += 1;
    if (count === MOST_HAVE_TREES) return;
  }
}

function createTreeWalk(needs: {
  readonly db: ObjectDb;
  readonly selection: ObjectSelection;
  readonly filter: ObjectFilter | undefined;
  readonly signal: AbortSignal | undefined;
}) {
  const { db, selection, filter, signal } = needs;
  const { held } = selection;
  const slice = createTimeSlice();
  const batchSize = createBatchSize();
  const { depth: maxDepth, blobBytes } = filter ?? NO_FILTER;
  const hasBlobs = blobBytes > 0;
  /** With a limit of depth a folder may be met again higher up, where more of it is wanted. */
  const depths = maxDepth === Infinity ? undefined : new Map<number, number>();
  let waiting: TreeJob[] = [];

  /** Go into a folder unless that was done before, at least as high up. */
  const enter = (at: number, isNew: boolean, job: TreeJob): void => {
    if (depths === undefined) {
      if (isNew) waiting.push(job);
      return;
    }
    if (!isNew && (depths.get(at) ?? -1) <= job.depth) return;
    depths.set(at, job.depth);
    waiting.push(job);
  };

  const addEntry = (scan: TreeScan, depth: number, formers: readonly (TreeScan | undefined)[]): void => {
    const { type } = scan;
    if (type === 'commit' || (type === 'blob' && !hasBlobs)) return;
    if (depth >= maxDepth || held.hasRaw(scan.content, scan.nameEnd + 1)) return;
    const added = selection.addRaw(scan.content, scan.nameEnd + 1, type);
    const former = formers.find((other) => other?.type === type);
    if (added >= 0 && former !== undefined) selection.setFormer(added, former.oid);
    if (type === 'blob') return;
    if (added < 0 && depths === undefined) return;
    const at = added >= 0 ? added : selection.oids.positionRaw(scan.content, scan.nameEnd + 1);
    enter(at, added >= 0, {
      tree: scan.oid,
      formers: formers.flatMap((other) => (other?.type === 'tree' ? [other.oid] : [])),
      depth,
    });
  };

  /** What a tree holds and its former versions do not. */
  async function scanTree(content: Buffer, formers: readonly Buffer[], depth: number): Promise<void> {
    const [first] = formers;
    const start = first === undefined ? 0 : entryBefore(content, sharedStart(content, first));
    const scan = new TreeScan(content, start);
    const others = formers.map((former, i) => ({
      scan: new TreeScan(former, i === 0 ? start : 0),
      isOpen: true,
    }));
    for (const other of others) other.isOpen = other.scan.next();
    let steps = 0;
    while (scan.next()) {
      let isKnown = false;
      let hasDiffered = false;
      const same = others.map((other, i) => {
        let order = other.isOpen ? other.scan.compareEntry(scan) : 1;
        while (order < 0) {
          if (i === 0) hasDiffered = true;
          other.isOpen = other.scan.next();
          order = other.isOpen ? other.scan.compareEntry(scan) : 1;
        }
        if (order !== 0) return undefined;
        if (other.scan.hasOidOf(scan)) isKnown = true;
        return other.scan;
      });
      if (!isKnown) addEntry(scan, depth, same);
      const [before] = others;
      if (before?.isOpen === true && (hasDiffered || !isKnown)) {
        const rest = same[0] === undefined ? before.scan.start : before.scan.end;
        if (isRestShared(content, scan.end, before.scan.content, rest)) break;
      }
      steps += 1;
      if (steps % STEP === 0 && slice.isOver()) await slice.next();
    }
  }

  /** In order of discovery, so that of two versions of a folder the older one comes first. */
  async function drain(): Promise<void> {
    for (let next = 0; next < waiting.length;) {
      signal?.throwIfAborted();
      const jobs = waiting.slice(next, next + batchSize.size);
      next += jobs.length;
      const found = await db.findMany(new Set(jobs.flatMap(({ tree, formers }) => [tree, ...formers])));
      batchSize.adapt(bytesOf(found));
      for (const { tree, formers, depth } of jobs) {
        const content = treeOf(tree, found.get(tree));
        const before = formers.flatMap((oid) => {
          const object = found.get(oid);
          return object?.type === 'tree' ? [object.content] : [];
        });
        await scanTree(content, before, depth + 1);
        if (slice.isOver()) await slice.next();
      }
      if (next >= FORGET_AT) {
        waiting = waiting.slice(next);
        next = 0;
      }
    }
    waiting = [];
  }

  return {
    async commits({ sent, boundary }: CommitSelection, { table }: CommitGraph): Promise<void> {
      const covered = new Set<number>([...sent, ...boundary]);
      for (let i = sent.length - 1; i >= 0; i -= 1) {
        const at = sent[i] as number;
        const tree = table.treeAt(at);
        const formers: Oid[] = [];
        for (let which = 0; which < table.parentCount(at); which += 1) {
          const parent = table.parentAt(at, which);
          if (covered.has(parent)) formers.push(table.treeAt(parent));
        }
        if (formers.includes(tree) || held.has(tree)) continue;
        const isNew = selection.add(tree, 'tree', formers[0]);
        if (isNew || depths !== undefined) {
          enter(selection.oids.position(tree), isNew, { tree, formers, depth: 0 });
        }
        if (waiting.length >= batchSize.size) await drain();
      }
      await drain();
    },

    /** Trees asked for by name: what is in them counts as if it were at depth 0. */
    async trees(oids: readonly Oid[]): Promise<void> {
      waiting = oids.map((tree) => ({ tree, formers: [], depth: -1 }));
      await drain();
    },
  };
}

const bytesOf = (objects: ReadonlyMap<Oid, GitObject>): number => {
  let sum = 0;
  for (const { content } of objects.values()) sum += content.length;
  return sum;
};

function treeOf(oid: Oid, object: GitObject | undefined): Buffer {
  if (object === undefined) throw corruptObject(`tree ${oid} is missing`);
  if (object.type !== 'tree') throw corruptObject(`object ${oid} is a ${object.type}, not a tree`);
  return object.content;
}

/** Where the entry starts that holds byte `at`, or that ends there. */
function entryBefore(tree: Buffer, at: number): number {
  let start = 0;
  for (;;) {
    let end = start;
    while (end < at && tree[end] !== 0) end += 1;
    end += 1 + OID_BYTES;
    if (end > at) return start;
    start = end;
  }
}

/** True when nothing differs from these places on. */
const isRestShared = (a: Buffer, inA: number, b: Buffer, inB: number): boolean =>
  a.length - inA === b.length - inB && a.compare(b, inB, b.length, inA, a.length) === 0;

/** Leave out what the client has at another path. */
async function leaveOutHeld(
  selection: ObjectSelection,
  named: ReadonlySet<Oid>,
  roots: readonly Oid[],
  db: Pick<ObjectDb, 'findMany'>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { oids, held } = selection;
  const candidates = selection.countOf('tree') + selection.countOf('blob');
  if (candidates === 0) return;
  const slice = createTimeSlice();
  const batchSize = createBatchSize();
  let budget = Math.max(LEAST_HELD_ENTRIES, candidates * HELD_ENTRIES_PER_OBJECT);
  // Level by level: what moved is found by the highest folder that moved.
  let level = [...new Set(roots)];
  for (const oid of level) held.add(oid);
  while (level.length > 0 && budget > 0) {
    const below: Oid[] = [];
    for (let start = 0; start < level.length && budget > 0;) {
      signal?.throwIfAborted();
      const batch = level.slice(start, start + batchSize.size);
      start += batch.length;
      const found = await db.findMany(batch);
      batchSize.adapt(bytesOf(found));
      for (const { type, content } of found.values()) {
        if (type !== 'tree') continue;
        const scan = new TreeScan(content);
        while (budget > 0 && scan.next()) {
          budget -= 1;
          if (scan.type === 'commit') continue;
          if (held.addRaw(content, scan.nameEnd + 1) && scan.isTree) below.push(scan.oid);
          if (budget % STEP === 0 && slice.isOver()) await slice.next();
        }
      }
    }
    level = below;
  }
  const raw = oids.bytes();
  for (let at = 0; at < oids.size; at += 1) {
    const type = selection.typeAt(at);
    if ((type === 'tree' || type === 'blob') && held.hasRaw(raw, at * OID_BYTES)) {
      if (!named.has(oids.oidAt(at))) selection.leaveOut(at);
    }
    if (at % STEP === 0 && slice.isOver()) await slice.next();
  }
}

async function leaveOutLarge(
  selection: ObjectSelection,
  named: ReadonlySet<Oid>,
  limit: number,
  db: Pick<ObjectDb, 'infoMany'>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { oids } = selection;
  let batch: Oid[] = [];
  const check = async (): Promise<void> => {
    signal?.throwIfAborted();
    for (const [oid, { sizeBytes }] of await db.infoMany(batch)) {
      if (sizeBytes >= limit) selection.leaveOut(oids.position(oid));
    }
    batch = [];
  };
  for (let at = 0; at < oids.size; at += 1) {
    if (selection.typeAt(at) !== 'blob') continue;
    const oid = oids.oidAt(at);
    if (!named.has(oid)) batch.push(oid);
    if (batch.length === ID_BATCH) await check();
  }
  if (batch.length > 0) await check();
}

/** Tags of what is sent, with the tags between. */
async function addTags(
  selection: ObjectSelection,
  tags: PackQuestion['includeTags'],
  db: Pick<ObjectDb, 'findMany'>,
): Promise<void> {
  const isSent = (oid: Oid): boolean => {
    const at = selection.oids.position(oid);
    return at >= 0 && selection.typeAt(at) !== undefined;
  };
  let next = tags.filter(({ target }) => isSent(target)).map(({ tag }) => tag);
  while (next.length > 0) {
    const behind: Oid[] = [];
    for (let start = 0; start < next.length; start += ID_BATCH) {
      for (const [oid, { type, content }] of await db.findMany(next.slice(start, start + ID_BATCH))) {
        if (type === 'tag' && !selection.held.has(oid) && selection.add(oid, 'tag')) {
          behind.push(parseTag(content).object);
        }
      }
    }
    next = behind;
  }
}
