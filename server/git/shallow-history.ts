import type { Oid } from '../domain/ids.ts';
import type { CommitGraph } from './commit-graph.ts';
import { INFINITE_DEPTH, type Deepening } from './fetch-request.ts';
import type { PackQuestion } from './pack-question.ts';
import { protocolError } from './pkt-line.ts';

/** Where the history of a client ends after a fetch, in the terms of the pack and in those of the wire. */
export interface ShallowEnds extends Pick<PackQuestion, 'clientShallow' | 'cut' | 'uncut'> {
  /** `shallow` and `unshallow` lines: what changes at the client. */
  readonly lines: readonly string[];
}

/** What a deepening keeps: commits with all their parents, and commits without. */
interface Kept {
  readonly whole: ReadonlySet<Oid>;
  readonly edge: readonly Oid[];
}

/**
 * Work out where the client's history ends from now on, as git does (`upload-pack.c`, `shallow.c`). A root at exactly
 * the depth asked for is on the edge too, as there. `--deepen` goes on from each place where the history ends; git
 * before 2.54 cuts it anew in its middle where a merged branch ends in it, and later ones measure from the nearest of
 * those places. Throws InvalidRequest when nothing at all would be sent.
 */
export async function endHistory(
  graph: CommitGraph,
  asked: {
    /** Commits that are wanted, and those that wanted tags lead to. */
    readonly wanted: readonly Oid[];
    /** Commits that the client calls shallow. */
    readonly clientShallow: readonly Oid[];
    readonly deepening: Deepening | undefined;
    /** What the names in `deepening.not` lead to. */
    readonly not: readonly Oid[];
  },
): Promise<ShallowEnds> {
  const { clientShallow } = asked;
  const { whole, edge } = await keptBy(graph, asked);
  const uncut = clientShallow.filter((oid) => whole.has(oid));
  const stays = new Set(clientShallow.filter((oid) => !whole.has(oid)));
  const fresh = edge.filter((oid) => !stays.has(oid));
  return {
    clientShallow,
    uncut,
    cut: [...fresh, ...stays],
    // Without a line feed, as git has it: libgit2 takes none here.
    lines: [...fresh.map((oid) => `shallow ${oid}`), ...uncut.map((oid) => `unshallow ${oid}`)],
  };
}

async function keptBy(graph: CommitGraph, asked: Parameters<typeof endHistory>[1]): Promise<Kept> {
  const { wanted, clientShallow, deepening, not } = asked;
  if (deepening === undefined) return { whole: new Set(), edge: [] };
  if (deepening.kind === 'depth') {
    if (deepening.depth === INFINITE_DEPTH) return { whole: new Set(clientShallow), edge: [] };
    const { kept, edge } = deepening.isRelative
      ? await graph.behind(wanted, clientShallow, deepening.depth)
      : await graph.within(wanted, deepening.depth);
    return withoutEdge(kept, edge);
  }
  const { kept, edge } = await graph.newer(wanted, { since: deepening.since, not });
  if (kept.length === 0) throw protocolError('no commits selected for shallow requests');
  // One of several tips that is beyond the limits is sent by itself, not with all its history.
  const isKept = new Set(kept);
  return withoutEdge(kept, [...edge, ...wanted.filter((oid) => !isKept.has(oid))]);
}

function withoutEdge(kept: readonly Oid[], edge: readonly Oid[]): Kept {
  const whole = new Set(kept);
  for (const oid of edge) whole.delete(oid);
  return { whole, edge };
}
