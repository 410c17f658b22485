import { createHash } from 'node:crypto';
import type { Database } from '../db/stores.ts';
import type { Oid } from '../domain/ids.ts';
import type { Repo } from '../domain/repo.ts';
import { isServedRef } from '../domain/revision.ts';
import type { ObjectDb } from '../git/object-db.ts';
import { listObjects } from '../git/object-listing.ts';
import type { PackRef } from '../git/object-storage.ts';
import { copyPack } from '../git/pack-copy.ts';
import type { PackQuestion } from '../git/pack-question.ts';
import { selectObjects } from '../git/pack-selection.ts';
import { planPack } from '../git/pack-stream.ts';
import type { SelectedObjects } from '../git/selected-objects.ts';
import { tipsDigest } from '../git/tips-digest.ts';
import type { ByteSource } from '../objects/object-store.ts';
import type { MadeFiles } from '../platform/made-files.ts';
import type { CommitGraphs } from './commit-graphs.ts';
import type { Reachability } from './reachability.ts';
import type { RepoObjects } from './repo-objects.ts';

/** Packs for fetches. */
export interface PackAnswers {
  /**
   * The pack that answers a question, header and trailer included. `onProgress` is told counts for the person who waits.
   * Throws `CorruptObject` where something is missing or damaged.
   */
  pack(
    repo: Repo,
    question: PackQuestion,
    needs: { signal: AbortSignal; onProgress: (text: string) => void },
  ): Promise<{ bytes: ByteSource }>;
  /** Those of `oids` that a reader of the repository's readable refs cannot reach. */
  unreachable(repo: Repo, oids: readonly Oid[], signal: AbortSignal): Promise<readonly Oid[]>;
}

/**
 * A repository whose bytes came by push for the most part is sent as it lies; in one that was made through the API every
 * commit stores whole folders, and a walk finds what they replaced.
 */
const PUSHED_PART = 3 / 4;
/** With few commits there is little to find. */
const FEW_COMMITS = 8;

/** What the refs of a repository say about a question. */
interface Scope {
  /** Only tips are asked for, and from the beginning: others will ask for the same. */
  readonly isCommon: boolean;
  /** Everything stored is wanted, and nothing is stored that no readable ref leads to. */
  readonly isEverything: boolean;
}

export function createPackAnswers(parts: {
  readonly db: Database;
  readonly repoObjects: RepoObjects;
  readonly commitGraphs: CommitGraphs;
  readonly reachability: Reachability;
  /** Whole answers, under the public id of their repository. */
  readonly answers: MadeFiles;
}): PackAnswers {
  const { db, repoObjects, commitGraphs, reachability, answers } = parts;

  async function scopeOf(repo: Repo, question: PackQuestion): Promise<Scope> {
    const { haves, clientShallow, uncut, cut, filter } = question;
    if (haves.length + clientShallow.length + uncut.length > 0)
      return { isCommon: false, isEverything: false };
    const { refs, mayHoldUnreachable } = await db.read(async (stores) => ({
      refs: await stores.refs.list(repo.id, 'refs/'),
      mayHoldUnreachable: await stores.gitObjects.mayHoldUnreachable(repo.id),
    }));
    const wants = new Set(question.wants);
    const tips = new Set(refs.map(({ target }) => target));
    const isWhole = refs.every(({ name, target }) => isServedRef(name) && wants.has(target));
    return {
      isCommon: question.wants.every((oid) => tips.has(oid)),
      isEverything: isWhole && cut.length === 0 && filter === undefined && !mayHoldUnreachable,
    };
  }

  async function isPushed(repo: Repo): Promise<boolean> {
    const { packs, rows } = await db.read(async (stores) => ({
      packs: await stores.gitObjects.packs(repo.id),
      rows: await stores.gitObjects.hotTotals(repo.id),
    }));
    let pushed = 0;
    let all = rows.sizeBytes;
    for (const { source, sizeBytes } of packs) {
      all += sizeBytes;
      if (source === 'push') pushed += sizeBytes;
    }
    return pushed >= all * PUSHED_PART;
  }

  async function select(
    repo: Repo,
    objects: ObjectDb,
    question: PackQuestion,
    { isEverything }: Scope,
    signal: AbortSignal,
  ): Promise<SelectedObjects> {
    const graph = commitGraphs.open(repo, objects);
    if (isEverything) {
      const hasFewCommits = async (): Promise<boolean> => {
        const commits = [...(await graph.findMany(question.wants)).keys()];
        const { kept, edge } = await graph.within(commits, FEW_COMMITS);
        return kept.length <= FEW_COMMITS && edge.length === 0;
      };
      if ((await isPushed(repo)) || (await hasFewCommits())) {
        return listObjects(repoObjects.storage(repo), objects, signal);
      }
    }
    return selectObjects(question, { graph, db: objects, signal });
  }

  async function make(
    repo: Repo,
    question: PackQuestion,
    scope: Scope,
    signal: AbortSignal,
    onProgress: (text: string) => void,
  ): Promise<{ readonly sizeBytes: number; readonly bytes: ByteSource }> {
    const objects = repoObjects.open(repo);
    const selected = await select(repo, objects, question, scope, signal);
    onProgress(`Enumerating objects: ${selected.count}, done.\n`);
    const { sizeInPacks, bytes } = await planPack({
      db: objects,
      storage: repoObjects.storage(repo),
      selected,
      // A client that left objects out may lack what the trees it has lead to.
      mayBeThin: question.mayBeThin && question.filter === undefined,
      mayUseOffsets: question.mayUseOffsets,
      signal,
    });
    const rows = await db.read((stores) => stores.gitObjects.hotTotals(repo.id));
    return { sizeBytes: sizeInPacks + rows.sizeBytes, bytes };
  }

  /** A pack that one push brought and that is just what is asked for. */
  async function closedPack(repo: Repo, question: PackQuestion): Promise<PackRef | undefined> {
    const { wants, haves, clientShallow, cut, uncut, filter, includeTags, mayUseOffsets } = question;
    const isWhole = haves.length + clientShallow.length + cut.length + uncut.length === 0 && !filter;
    const named = new Set(wants);
    // A tag that is asked for only along with what it leads to lies elsewhere.
    if (!isWhole || !mayUseOffsets || includeTags.some(({ tag }) => !named.has(tag))) return undefined;
    const asked = tipsDigest(wants);
    const packs = await repoObjects.storage(repo).packs();
    return packs.find(({ closureOf }) => closureOf?.equals(asked));
  }

  return {
    async pack(repo, question, { signal, onProgress }) {
      const closed = await closedPack(repo, question);
      if (closed) return { bytes: copyPack(closed, repoObjects.storage(repo).readRange, signal) };
      const scope = await scopeOf(repo, question);
      if (!scope.isCommon) return make(repo, question, scope, signal, onProgress);
      const recipe = (ending: AbortSignal) => make(repo, question, scope, ending, onProgress);
      return { bytes: answers.read(repo.publicId, keyOf(question), recipe, signal) };
    },

    unreachable: (repo, oids, signal) => reachability.unreachable(repo, oids, signal),
  };
}

/** Questions with one key have one answer, as far as nothing is asked that depends on the client. */
function keyOf({ wants, cut, filter, includeTags, mayUseOffsets }: PackQuestion): string {
  const asked = [
    [...new Set(wants)].sort(),
    [...new Set(cut)].sort(),
    filter ?? null,
    includeTags.map(({ tag }) => tag).sort(),
    mayUseOffsets,
  ];
  return createHash('sha256').update(JSON.stringify(asked)).digest('hex').slice(0, 40);
}
