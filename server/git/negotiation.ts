import type { Oid } from '../domain/ids.ts';
import type { CommitGraph } from './commit-graph.ts';
import { typesOf } from './object-types.ts';
import type { ObjectDb } from './object-db.ts';

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
  readonly graph: Pick<CommitGraph, 'table' | 'allReach'>;
  /** Commits that are wanted, and those that wanted tags lead to. */
  readonly wanted: readonly Oid[];
  readonly signal: AbortSignal;
}): Negotiation {
  const { objects, graph, wanted, signal } = parts;
  const common = new Set<Oid>();
  /** How much was common when it was last looked, and what came out. */
  let looked = { at: 0, isReady: false };

  return {
    get common() {
      return [...common];
    },
    async take(haves) {
      const all = [...haves];
      const types = await typesOf(graph, objects, all, signal);
      // Nobody has files or folders without a commit.
      const taken = all.filter((oid) => ['commit', 'tag'].includes(types.get(oid) ?? ''));
      for (const oid of taken) common.add(oid);
      return new Set(taken);
    },
    async isReady() {
      if (looked.at === common.size || looked.isReady) return looked.isReady;
      const at = common.size;
      looked = { at, isReady: await graph.allReach(wanted, [...common]) };
      return looked.isReady;
    },
  };
}
