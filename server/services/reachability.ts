import type { Database } from '../db/stores.ts';
import type { Oid, RepositoryId } from '../domain/ids.ts';
import type { Repo } from '../domain/repo.ts';
import { isServedRef } from '../domain/revision.ts';
import { selectObjects } from '../git/pack-selection.ts';
import type { SelectedObjects } from '../git/selected-objects.ts';
import { createKeyedQueue } from '../platform/keyed-queue.ts';
import type { CommitGraphs } from './commit-graphs.ts';
import type { RepoObjects } from './repo-objects.ts';

/** Answers whether objects that are stored can be reached from the refs that readers are told of. */
export interface Reachability {
  /** Those of `oids` that cannot. */
  unreachable(repo: Repo, oids: readonly Oid[], signal: AbortSignal): Promise<readonly Oid[]>;
}

/** What the refs of a repository reached at one moment, in the pieces in which it became known. */
interface Closure {
  readonly tips: readonly Oid[];
  readonly pieces: readonly SelectedObjects[];
}

/** So many pieces are asked one after the other; then all is walked anew into one. */
const MOST_PIECES = 32;

const closureBytes = ({ pieces }: Closure): number =>
  pieces.reduce((sum, { oids }) => sum + oids.sizeBytes, 0);

const isIn = ({ pieces }: Closure, oid: Oid): boolean =>
  pieces.some((piece) => {
    const at = piece.oids.position(oid);
    return at >= 0 && piece.groupAt(at) >= 0;
  });

/**
 * Closures are kept within one bound of bytes, and grow with the refs: what a new tip reaches that the former ones did
 * not is one piece more. When a former tip is reachable no longer, everything is walked anew.
 */
export function createReachability(parts: {
  readonly db: Database;
  readonly repoObjects: RepoObjects;
  readonly commitGraphs: CommitGraphs;
  readonly maxBytes: number;
}): Reachability {
  const { db, repoObjects, commitGraphs, maxBytes } = parts;
  // A Map iterates in order of insertion: the first key is the one used longest ago.
  const closures = new Map<RepositoryId, Closure>();
  const walking = createKeyedQueue();

  const trim = (): void => {
    let sum = 0;
    for (const closure of closures.values()) sum += closureBytes(closure);
    for (const [id, closure] of closures) {
      if (sum <= maxBytes) break;
      sum -= closureBytes(closure);
      closures.delete(id);
    }
  };

  async function walk(
    repo: Repo,
    wants: readonly Oid[],
    haves: readonly Oid[],
    signal: AbortSignal,
  ): Promise<SelectedObjects> {
    const objects = repoObjects.open(repo);
    const nothing = { clientShallow: [], cut: [], uncut: [], includeTags: [], filter: undefined };
    const question = { wants, haves, ...nothing, mayBeThin: false, mayUseOffsets: true };
    return selectObjects(question, { graph: commitGraphs.open(repo, objects), db: objects, signal });
  }

  /** True when everything that the former tips lead to is still reachable. */
  async function isKept(repo: Repo, former: readonly Oid[], tips: readonly Oid[]): Promise<boolean> {
    const now = new Set(tips);
    const gone = former.filter((oid) => !now.has(oid));
    if (gone.length === 0) return true;
    const reached = await commitGraphs.open(repo).reachable(gone, tips);
    return gone.every((oid) => reached.has(oid));
  }

  async function closureOf(repo: Repo, tips: readonly Oid[], signal: AbortSignal): Promise<Closure> {
    return walking.run(String(repo.id), async () => {
      const known = closures.get(repo.id);
      const canGrow =
        known !== undefined && known.pieces.length < MOST_PIECES && (await isKept(repo, known.tips, tips));
      const former = canGrow ? known : { tips: [], pieces: [] };
      const before = new Set(former.tips);
      const fresh = tips.filter((oid) => !before.has(oid));
      const pieces =
        fresh.length === 0 ? former.pieces : [...former.pieces, await walk(repo, fresh, former.tips, signal)];
      const closure = { tips, pieces };
      closures.delete(repo.id);
      closures.set(repo.id, closure);
      trim();
      return closure;
    });
  }

  return {
    async unreachable(repo, oids, signal) {
      if (oids.length === 0) return [];
      const { refs, mayHoldUnreachable } = await db.read(async (stores) => ({
        refs: await stores.refs.list(repo.id, 'refs/'),
        mayHoldUnreachable: await stores.gitObjects.mayHoldUnreachable(repo.id),
      }));
      if (!mayHoldUnreachable && refs.every(({ name }) => isServedRef(name))) {
        const stored = await repoObjects.open(repo).has(oids);
        return oids.filter((oid) => !stored.has(oid));
      }
      const readable = refs.filter(({ name }) => isServedRef(name));
      const tips = [...new Set(readable.map(({ target }) => target))].sort();
      const closure = await closureOf(repo, tips, signal);
      return oids.filter((oid) => !isIn(closure, oid));
    },
  };
}
