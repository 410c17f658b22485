import type { Oid } from '../domain/ids.ts';
import { createTimeSlice } from '../platform/time-slice.ts';
import type { ObjectDb } from './object-db.ts';
import type { NewGitObject } from './object-storage.ts';
import { EMPTY_TREE, newObject, parseCommit, parseTag, writeTree } from './objects.ts';
import { TreeScan } from './tree-scan.ts';

/** What a ref leads to after the rewriting: an object, and for a tag what is behind it. */
export interface RewrittenTip {
  readonly target: Oid;
  readonly peeled: Oid | undefined;
}

export interface HistoryRewriter {
  /** Rewrite what a ref leads to. Answers the same ids where nothing of it changes, undefined where nothing is left. */
  rewrite(target: Oid): Promise<RewrittenTip | undefined>;
}

/**
 * Leaves blobs out of all trees of a history. Folders that become empty go with them; commits stay, each with its
 * author, dates and message byte for byte, but without a signature, which would be wrong. Commits and trees that have
 * nothing of the blobs, nor follow on one that has, keep their ids.
 *
 * `keep` is called once for each new object, after those it names. Memory grows with the number of distinct trees.
 */
export function createHistoryRewriter(parts: {
  readonly db: ObjectDb;
  readonly blobs: ReadonlySet<Oid>;
  readonly keep: (object: NewGitObject) => Promise<void>;
}): HistoryRewriter {
  const { db, blobs, keep } = parts;
  const slice = createTimeSlice();
  /** `undefined` for a tree of which nothing is left. */
  const trees = new Map<Oid, Oid | undefined>();
  const commits = new Map<Oid, Oid>();

  async function rewriteTree(oid: Oid): Promise<Oid | undefined> {
    if (trees.has(oid)) return trees.get(oid);
    const content = await db.tree(oid);
    const kept: { mode: string; name: Buffer; oid: Oid }[] = [];
    let isChanged = false;
    const scan = new TreeScan(content);
    while (scan.next()) {
      const entry = {
        mode: scan.modeText,
        name: content.subarray(scan.nameStart, scan.nameEnd),
        oid: scan.oid,
      };
      const next =
        scan.type === 'tree'
          ? await rewriteTree(entry.oid)
          : scan.type === 'blob' && blobs.has(entry.oid)
            ? undefined
            : entry.oid;
      isChanged ||= next !== entry.oid;
      if (next !== undefined) kept.push({ ...entry, oid: next });
      if (slice.isOver()) await slice.next();
    }
    const rewritten = isChanged ? await keepTree(kept) : oid;
    trees.set(oid, rewritten);
    return rewritten;
  }

  async function keepTree(
    entries: readonly { readonly mode: string; readonly name: Buffer; readonly oid: Oid }[],
  ): Promise<Oid | undefined> {
    if (entries.length === 0) return undefined;
    const tree = newObject('tree', writeTree(entries));
    await keep(tree);
    return tree.oid;
  }

  async function rewriteCommit(oid: Oid, content: Buffer): Promise<Oid> {
    const { tree, parents } = parseCommit(content);
    const newTree = (await rewriteTree(tree)) ?? EMPTY_TREE;
    const newParents = parents.map((parent) => commits.get(parent) ?? parent);
    if (newTree === tree && newParents.every((parent, at) => parent === parents[at])) return oid;
    const rewritten = newObject('commit', withTreeAndParents(content, newTree, newParents));
    await keep(rewritten);
    return rewritten.oid;
  }

  /** Parents first, without recursion: histories are long. */
  async function rewriteCommits(tip: Oid): Promise<Oid> {
    const stack = [tip];
    for (let oid = stack.at(-1); oid !== undefined; oid = stack.at(-1)) {
      if (commits.has(oid)) {
        stack.pop();
        continue;
      }
      const { content } = await db.get(oid, 'commit');
      const missing = parseCommit(content).parents.filter((parent) => !commits.has(parent));
      if (missing.length > 0) stack.push(...missing);
      else {
        commits.set(oid, await rewriteCommit(oid, content));
        stack.pop();
      }
      if (slice.isOver()) await slice.next();
    }
    return commits.get(tip) ?? tip;
  }

  async function rewriteTag(oid: Oid, content: Buffer): Promise<RewrittenTip | undefined> {
    const { object } = parseTag(content);
    const tagged = await rewrite(object);
    if (tagged === undefined) return undefined;
    const { target, peeled = target } = tagged;
    if (target === object) return { target: oid, peeled };
    const rewritten = newObject('tag', withObject(content, target));
    await keep(rewritten);
    return { target: rewritten.oid, peeled };
  }

  async function rewrite(target: Oid): Promise<RewrittenTip | undefined> {
    if (blobs.has(target)) return undefined;
    const info = (await db.infoMany([target])).get(target);
    if (info?.type === 'blob') return { target, peeled: undefined };
    const { type, content } = await db.get(target);
    if (type === 'tag') return rewriteTag(target, content);
    const next = type === 'commit' ? await rewriteCommits(target) : await rewriteTree(target);
    return next === undefined ? undefined : { target: next, peeled: undefined };
  }

  return { rewrite };
}

/** Where the headers of a commit or tag end: behind the newline of the last of them. */
function headersOf(content: Buffer): { readonly lines: readonly string[]; readonly rest: Buffer } {
  const blank = content.indexOf('\n\n', 0, 'latin1');
  const end = blank < 0 ? content.length : blank + 1;
  return { lines: content.toString('latin1', 0, end).split('\n').slice(0, -1), rest: content.subarray(end) };
}

/** The content of a commit, byte for byte but for the lines named here and its signature. */
function withTreeAndParents(content: Buffer, tree: Oid, parents: readonly Oid[]): Buffer {
  const { lines, rest } = headersOf(content);
  const kept: string[] = [];
  let isSignature = false;
  for (const line of lines) {
    if (!line.startsWith(' ')) isSignature = /^gpgsig(-sha256)? /.test(line);
    if (!isSignature && !/^(tree|parent) /.test(line)) kept.push(line);
  }
  const head = [`tree ${tree}`, ...parents.map((parent) => `parent ${parent}`), ...kept];
  return Buffer.concat([Buffer.from(`${head.join('\n')}\n`, 'latin1'), rest]);
}

/** The content of an annotated tag that names another object, without its signature. */
function withObject(content: Buffer, object: Oid): Buffer {
  const { lines, rest } = headersOf(content);
  const head = [`object ${object}`, ...lines.slice(1)];
  const signature = rest.indexOf('\n-----BEGIN ', 0, 'latin1');
  const message = signature < 0 ? rest : rest.subarray(0, signature + 1);
  return Buffer.concat([Buffer.from(`${head.join('\n')}\n`, 'latin1'), message]);
}
