import type { Oid } from '../domain/ids.ts';
import type { Repo } from '../domain/repo.ts';
import type { CommitGraph } from '../git/commit-graph.ts';
import { ofType, typesOf } from '../git/object-types.ts';
import type { ObjectDb } from '../git/object-db.ts';
import type { GitObjectType } from '../git/object-storage.ts';
import { peelTag } from '../git/peel-tag.ts';
import { protocolError } from '../git/pkt-line.ts';
import type { FetchRefs } from './fetch-refs.ts';
import type { PackAnswers } from './pack-answers.ts';

/** What is needed to tell whether a reader may have an object. */
export interface WantScope {
  readonly repo: Repo;
  readonly refs: FetchRefs;
  readonly objects: ObjectDb;
  readonly graph: CommitGraph;
  readonly packAnswers: Pick<PackAnswers, 'unreachable'>;
  readonly signal: AbortSignal;
}

/** Those of `oids` that the repository has and a reader of its refs can reach, with their types; tips are not asked for. */
export async function readableObjects(
  { repo, refs, objects, graph, packAnswers, signal }: WantScope,
  oids: readonly Oid[],
): Promise<ReadonlyMap<Oid, GitObjectType>> {
  const types = new Map(await typesOf(graph, objects, oids, signal));
  const commits = ofType(types, 'commit');
  const others = [...types.keys()].filter((oid) => types.get(oid) !== 'commit');
  const reached = commits.length === 0 ? new Set() : await graph.reachable(commits, refs.tips());
  const lost = others.length === 0 ? [] : await packAnswers.unreachable(repo, others, signal);
  for (const oid of [...commits.filter((commit) => !reached.has(commit)), ...lost]) types.delete(oid);
  return types;
}

/**
 * Check that a reader may have what they ask for by id, and find the commits it is about: wanted ones, and those that
 * wanted tags lead to. What git's own server would send to whoever knows its id, unreachable or hidden as it may be, is
 * not ours to give. Throws InvalidRequest.
 */
export async function checkWants(scope: WantScope, wants: Iterable<Oid>): Promise<readonly Oid[]> {
  const commits = new Set<Oid>();
  const strangers: Oid[] = [];
  for (const want of wants) {
    const tip = scope.refs.peeledTip(want);
    if (tip === undefined) strangers.push(want);
    else commits.add(tip);
  }
  const types = await readableObjects(scope, strangers);
  for (const want of strangers) {
    const type = types.get(want);
    if (type === undefined) throw protocolError(`upload-pack: not our ref ${want}`);
    if (type === 'commit') commits.add(want);
    const peeled = type === 'tag' ? await peelTag(scope.objects, { oid: want, type }) : undefined;
    if (peeled !== undefined) commits.add(peeled.oid);
  }
  // A tag may be for a file.
  return ofType(await typesOf(scope.graph, scope.objects, [...commits], scope.signal), 'commit');
}
