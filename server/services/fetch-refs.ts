import type { Ref } from '../db/questions/refs.ts';
import type { Database } from '../db/stores.ts';
import type { Oid } from '../domain/ids.ts';
import type { Repo } from '../domain/repo.ts';
import { branchRef, isServedRef } from '../domain/revision.ts';

/** The refs of a repository that readers are told of, as they were at one moment. */
export interface FetchRefs {
  /** By name. */
  readonly all: readonly Ref[];
  /** Full name of the branch that `HEAD` stands for, whether it exists or not. */
  readonly head: string;
  /** By full name, or `HEAD`. */
  find(name: string): Ref | undefined;
  /** Those that git would take a short name for (git, `ref_rev_parse_rules`). */
  meantBy(name: string): readonly Ref[];
  /** What a tip leads to: itself, or what an annotated tag is for; undefined for an id that no ref points at. */
  peeledTip(oid: Oid): Oid | undefined;
  /** What all tips lead to, each once. */
  tips(): readonly Oid[];
}

export async function readFetchRefs(db: Database, repo: Repo): Promise<FetchRefs> {
  const all: Ref[] = [];
  const head = branchRef(repo.defaultBranch);
  const byName = new Map<string, Ref>();
  const tips = new Map<Oid, Oid>();
  await db.read(async ({ refs }) => {
    for await (const page of refs.pages(repo.id, 'refs/')) {
      for (const ref of page) {
        if (!isServedRef(ref.name)) continue;
        const { name, target, peeled = target } = ref;
        all.push(ref);
        byName.set(name, ref);
        tips.set(target, peeled);
        if (!tips.has(peeled)) tips.set(peeled, peeled);
      }
    }
  });
  const find = (name: string): Ref | undefined => byName.get(name === 'HEAD' ? head : name);
  return {
    all,
    head,
    find,
    meantBy: (name) =>
      [name, `refs/${name}`, `refs/tags/${name}`, `refs/heads/${name}`].flatMap((full) => find(full) ?? []),
    peeledTip: (oid) => tips.get(oid),
    tips: () => [...new Set(tips.values())],
  };
}
