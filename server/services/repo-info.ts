import type { StoredFacts } from '../db/questions/facts.ts';
import type { RepoCounters } from '../db/questions/popularity.ts';
import type { Database } from '../db/stores.ts';
import type { Oid, RepositoryId } from '../domain/ids.ts';
import type { FactSummary, RepoFacts } from '../domain/repo-facts.ts';
import { repoFullName, type Repo } from '../domain/repo.ts';
import { createTimeSlice } from '../platform/time-slice.ts';
import type { Authorize, Granted } from './authorize.ts';
import type { Contents, FileEntry } from './contents.ts';
import { readFacts, readSummary, type Facts } from './facts.ts';
import type { ListedRepo } from './repositories.ts';

/** What lists and info pages say about a repository beyond its row; each part is only looked up when asked for. */
export interface RepoInfo {
  /** Every file at a commit in path order, up to `MAX_SIBLINGS`. */
  files(granted: Granted<'read'>, commit: Oid): Promise<readonly FileEntry[]>;
  /** Their paths alone. */
  paths(granted: Granted<'read'>, commit: Oid): Promise<readonly string[]>;
  /** Bytes of all files at a commit; undefined where there are more than `MAX_SIBLINGS`. */
  contentBytes(granted: Granted<'read'>, commit: Oid): Promise<number | undefined>;
  /** Bytes of the large objects linked to the repository. */
  usedStorage(repo: Repo): Promise<number>;
  counters(repo: Repo): Promise<RepoCounters>;
  /** How many models that the caller may see name this one as their base. */
  countChildren(granted: Granted<'read'>): Promise<number>;
  /** Spaces that the caller may see and that name this model, by full name. */
  spacesUsing(granted: Granted<'read'>): Promise<readonly string[]>;
  /** Public ids of those models that the caller may see. */
  idsOfModels(granted: Granted<'read'>, names: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** A repository at a commit. */
  subject(granted: Granted<'read'>, commit: Oid): InfoSubject;
  /** Those of a page, in order. With `withFacts` more than the summary is read, for a few of them at a time. */
  subjects(page: readonly ListedRepo[], withFacts: boolean): AsyncIterable<ListedSubject>;
}

/** A repository that is described, with what is known of it or how to learn it. */
export interface InfoSubject {
  readonly granted: Granted<'read'>;
  readonly commit: Oid;
  summary(): Promise<FactSummary>;
  facts(): Promise<RepoFacts>;
  counters(): Promise<RepoCounters>;
}

export interface ListedSubject extends InfoSubject {
  readonly listed: ListedRepo;
  /** Characters of what was read for it: whoever makes a page of many stops when it is enough. */
  readonly characters: number;
}

/** Larger repositories are read by `tree`, which has pages; an info answer has none. */
export const MAX_SIBLINGS = 50_000;
const PAGE = 5_000;
const MAX_SPACES = 100;
/** Facts of as many repositories are in memory at a time. */
const FACTS_AT_ONCE = 20;
/** Items between two looks at the time. */
const ITEMS_AT_ONCE = 50;

export function createRepoInfo(parts: {
  readonly db: Database;
  readonly authorize: Authorize;
  readonly contents: Contents;
  readonly facts: Facts;
}): RepoInfo {
  const { db, authorize, contents, facts } = parts;

  async function files(granted: Granted<'read'>, commit: Oid): Promise<readonly FileEntry[]> {
    const found: FileEntry[] = [];
    let after: string | undefined;
    do {
      const query = { path: '', recursive: true, withLastCommits: false, after, limit: PAGE };
      const page = await contents.list(granted, commit, query);
      for (const entry of page.entries) if (entry.kind === 'file') found.push(entry);
      after = page.next;
    } while (after !== undefined && found.length <= MAX_SIBLINGS);
    return found;
  }

  const subjectOf = (listed: ListedRepo, commit: Oid, stored: StoredFacts | undefined): ListedSubject => ({
    listed,
    granted: listed.granted,
    commit,
    summary: () => Promise.resolve(readSummary(listed.summary)),
    // A list is of what was derived last; one repository alone is asked for facts of exactly its commit.
    facts: () =>
      Promise.resolve(stored ? readFacts(stored) : { summary: readSummary(listed.summary), ...NO_FACTS }),
    counters: () => Promise.resolve(listed.counters),
    characters: stored ? stored.card.length + stored.details.length : 0,
  });

  const storedFacts = (ids: readonly RepositoryId[]) => db.read((stores) => stores.facts.findMany(ids));

  return {
    files: async (granted, commit) => (await files(granted, commit)).slice(0, MAX_SIBLINGS),

    paths: (granted, commit) => contents.filePaths(granted, commit, MAX_SIBLINGS),

    async contentBytes(granted, commit) {
      const found = await files(granted, commit);
      if (found.length > MAX_SIBLINGS) return undefined;
      return found.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    },

    usedStorage: (repo) => db.read((stores) => stores.largeObjects.linkedBytes(repo.id)),

    counters: (repo) => db.read((stores) => stores.repos.counters(repo.id)),

    async countChildren({ actor, repo }) {
      const { scope } = await authorize.scope(actor);
      const label = { role: 'tag', label: `base_model:${repoFullName(repo)}` } as const;
      return db.read((stores) => stores.facts.countLabeled(scope, 'model', label));
    },

    async spacesUsing({ actor, repo }) {
      const { scope } = await authorize.scope(actor);
      const spaces = await db.read((stores) =>
        stores.repos.listVisible(scope, {
          kind: 'space',
          labels: [{ role: 'model', label: repoFullName(repo) }],
          sort: 'likes',
          direction: 'descending',
          limit: MAX_SPACES,
        }),
      );
      return spaces.map((space) => repoFullName(space.repo));
    },

    async idsOfModels({ actor }, names) {
      const ids = new Map<string, string>();
      for (const name of names) {
        const [owner = '', model = '', ...others] = name.split('/');
        if (others.length > 0) continue;
        const found = await visibleModel(actor, owner, model);
        if (found) ids.set(name, found.publicId);
      }
      return ids;
    },

    subject: (granted, commit) => {
      const { repo } = granted;
      let read: Promise<RepoFacts> | undefined;
      const readOnce = (): Promise<RepoFacts> => (read ??= facts.at(repo, commit));
      return {
        granted,
        commit,
        facts: readOnce,
        summary: async () => (await readOnce()).summary,
        counters: () => db.read((stores) => stores.repos.counters(repo.id)),
      };
    },

    async *subjects(page, withFacts) {
      const step = withFacts ? FACTS_AT_ONCE : ITEMS_AT_ONCE;
      const slice = createTimeSlice();
      for (let start = 0; start < page.length; start += step) {
        const some = page.slice(start, start + step);
        const stored = withFacts ? await storedFacts(some.map(({ repo }) => repo.id)) : undefined;
        for (const listed of some) {
          if (listed.head) yield subjectOf(listed, listed.head, stored?.get(listed.repo.id));
        }
        if (slice.isOver()) await slice.next();
      }
    },
  };

  /** Undefined for what is absent and what is hidden alike. */
  async function visibleModel(
    actor: Granted<'read'>['actor'],
    owner: string,
    name: string,
  ): Promise<Repo | undefined> {
    const found = await db.read((stores) => stores.repos.find('model', owner, name));
    if (!found) return undefined;
    if (found.repo.visibility === 'public') return found.repo;
    const { scope } = await authorize.scope(actor);
    if (scope.kind !== 'public-and') return undefined;
    const isOwn = scope.owners.includes(found.repo.owner.id) || scope.repositories?.includes(found.repo.id);
    return isOwn === true ? found.repo : undefined;
  }
}

const NO_FACTS: Omit<RepoFacts, 'summary'> = { card: {}, details: {} };
