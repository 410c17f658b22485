import type { Oid } from '../domain/ids.ts';
import type { CommitGraph } from './commit-graph.ts';
import type { ObjectDb } from './object-db.ts';

/** Haves looked up together: what is known stays small however many are sent. */
const BATCH = 1000;

/** Finds out what client and server have in common. */
export interface Negotiation {
  /** Commits and tags that both have, in the order in which the client named them. */
  readonly common: readonly Oid[];
  /** Those of `haves` that are common. Others are forgotten. */
  take(haves: Iterable<Oid>): Promise<ReadonlySet<Oid>>;
  /** Whether everything that is wanted builds on what is common, so that more haves would bring nothing. */
  isReady(): Promise<boolean>;
}

export function createNegotiation(parts: {
  readonly objects: Pick<ObjectDb, 'infoMany'>;
  readonly graph: Pick<CommitGraph, 'findMany' | 'allReach'>;
  /** Commits that are wanted, and those that wanted tags lead to. */
  readonly wanted: readonly Oid[];
}): Negotiation {
  const { objects, graph, wanted } = parts;
  const common = new Set<Oid>();
  /** How much was common when it was last looked, and what came out. */
  let looked = { at: 0, isReady: false };

  async function takeBatch(haves: readonly Oid[]): Promise<readonly Oid[]> {
    const commits = await graph.findMany(haves);
    const others = haves.filter((oid) => !commits.has(oid));
    const infos = others.length === 0 ? undefined : await objects.infoMany(others);
    // Nobody has files or folders without a commit.
    return haves.filter((oid) => commits.has(oid) || infos?.get(oid)?.type === 'tag');
  }

  return {
    get common() {
      return [...common];
    },
    async take(haves) {
      const taken = new Set<Oid>();
      const all = [...haves];
      for (let at = 0; at < all.length; at += BATCH) {
        for (const oid of await takeBatch(all.slice(at, at + BATCH))) {
          taken.add(oid);
          common.add(oid);
        }
      }
      return taken;
    },
    async isReady() {
      if (looked.at === common.size || looked.isReady) return looked.isReady;
      const at = common.size;
      looked = { at, isReady: await graph.allReach(wanted, [...common]) };
      return looked.isReady;
    },
  };
}
