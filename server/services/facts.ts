import type { StoredFacts } from '../db/questions/facts.ts';
import type { Database } from '../db/stores.ts';
import type { Oid, RepositoryId } from '../domain/ids.ts';
import type { FactDetails, FactSummary, RepoFacts } from '../domain/repo-facts.ts';
import type { Repo, RepoKind } from '../domain/repo.ts';
import { branchRef } from '../domain/revision.ts';
import type { Clock } from '../platform/clock.ts';
import { createKeyedQueue } from '../platform/keyed-queue.ts';
import type { Log } from '../platform/log.ts';
import type { RightOfWay } from '../platform/right-of-way.ts';
import type { DerivedFacts, FactDerivation } from './fact-derivation.ts';

/**
 * What the files of a repository say about it. Kept as rows for the head of every default branch and derived by a job
 * after that moved; whoever asks before derives first, so an answer is right at once.
 */
export interface Facts {
  /** At a commit, whichever it is. */
  at(repo: Repo, commit: Oid): Promise<RepoFacts>;
  /** Bring the rows of one repository up to date. */
  refresh(repositoryId: RepositoryId): Promise<void>;
  /**
   * Bring the rows of some that are due up to date; true while there may be more. Throws the first failure after the
   * others were tried.
   */
  refreshSome(): Promise<boolean>;
  /**
   * Before a list of a kind: bring up to date what few repositories are due. Comes back when that is done, and after a
   * quarter of a second at the latest: a list is then of what was there before, and the job does the rest.
   */
  catchUp(kind: RepoKind): Promise<void>;
  /** Mark everything as due when this program derives facts in another way than the one that was here before. */
  checkVersion(): Promise<void>;
}

/** Raised whenever the same files give other facts than before. */
const VERSION = '2';
const VERSION_SETTING = 'facts-version';

const CATCH_UP = { repositories: 32, ms: 250 } as const;
/** After a failure a list does not wait for that repository again for so long. */
const FAILURE_PAUSE_MS = 30_000;
const PAGE = 200;
/** Facts of commits that are no heads, and of heads until the job has run; in characters of JSON. */
const KEPT_CHARACTERS = 8 * 1024 * 1024;

interface KeptFacts {
  readonly derived: DerivedFacts;
  readonly characters: number;
}

const keyOf = (repo: Repo, commit: Oid): string => `${repo.publicId}:${commit}`;

export function createFacts(parts: {
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Log;
  readonly derivation: FactDerivation;
  readonly rightOfWay: Pick<RightOfWay, 'giveWay'>;
}): Facts {
  const { db, clock, log, derivation, rightOfWay } = parts;
  const deriving = createKeyedQueue();
  const kept = new Map<string, KeptFacts>();
  const failedAt = new Map<RepositoryId, number>();
  let keptCharacters = 0;

  function keep(key: string, derived: DerivedFacts): void {
    const characters = JSON.stringify(derived.facts).length + 256;
    kept.set(key, { derived, characters });
    keptCharacters += characters;
    for (const oldest of kept.keys()) {
      if (keptCharacters <= KEPT_CHARACTERS) break;
      drop(oldest);
    }
  }

  function drop(key: string): void {
    keptCharacters -= kept.get(key)?.characters ?? 0;
    kept.delete(key);
  }

  /** Derive once for all who ask at the same time. */
  const derive = (repo: Repo, commit: Oid): Promise<DerivedFacts> => {
    const key = keyOf(repo, commit);
    return deriving.run(key, async () => {
      const known = kept.get(key);
      if (known) return known.derived;
      const derived = await derivation.derive(repo, commit);
      keep(key, derived);
      return derived;
    });
  };

  async function refresh(repositoryId: RepositoryId): Promise<void> {
    const found = await db.read(async (stores) => {
      const repo = await stores.repos.findById(repositoryId);
      if (!repo) return undefined;
      const head = await stores.refs.find(repo.id, branchRef(repo.defaultBranch));
      return { repo, head: head?.peeled ?? head?.target };
    });
    if (!found) return;
    const { repo, head } = found;
    const derived = head && (await derive(repo, head));
    await db.write(async (stores) => {
      // It may have moved, or been deleted, while its files were read: whoever did that left the mark.
      const now = await stores.repos.findById(repositoryId);
      if (!now) return;
      const ref = await stores.refs.find(repositoryId, branchRef(now.defaultBranch));
      if ((ref?.peeled ?? ref?.target) !== head) return;
      if (!head || !derived) await stores.facts.clear(repositoryId);
      else {
        const { labels, parameters } = derived;
        await stores.facts.put(repo, { ...write(head, derived.facts), labels, parameters });
      }
    });
    if (head) drop(keyOf(repo, head));
  }

  /** Failures are logged and left to the job, which tries again. */
  async function refreshQuietly(repositoryId: RepositoryId): Promise<void> {
    if (clock.now() - (failedAt.get(repositoryId) ?? -Infinity) < FAILURE_PAUSE_MS) return;
    try {
      await refresh(repositoryId);
      failedAt.delete(repositoryId);
    } catch (error) {
      failedAt.set(repositoryId, clock.now());
      log.warn('The facts of a repository could not be derived for a list.', { err: error, repositoryId });
    }
  }

  return {
    async at(repo, commit) {
      const stored = await db.read((stores) => stores.facts.find(repo.id));
      if (stored?.commit === commit) return readFacts(stored);
      return (await derive(repo, commit)).facts;
    },

    refresh,

    async refreshSome() {
      const due = await db.read((stores) => stores.facts.listStale(undefined, undefined, PAGE));
      const failures: unknown[] = [];
      for (const id of due) {
        await rightOfWay.giveWay();
        await refresh(id).catch((error: unknown) => failures.push(error));
      }
      if (failures.length > 0) throw failures[0];
      return due.length === PAGE;
    },

    async catchUp(kind) {
      const due = await db.read((stores) => stores.facts.listStale(kind, undefined, CATCH_UP.repositories));
      if (due.length === 0) return;
      const enough = new AbortController();
      const work = (async () => {
        for (const id of due) if (!enough.signal.aborted) await refreshQuietly(id);
      })();
      const pause = clock.sleep(CATCH_UP.ms, enough.signal).catch(() => undefined);
      await Promise.race([work, pause]);
      enough.abort();
    },

    async checkVersion() {
      await db.write(async (stores) => {
        if ((await stores.settings.get(VERSION_SETTING)) === VERSION) return;
        await stores.facts.markAllStale();
        await stores.settings.set(VERSION_SETTING, VERSION);
      });
    },
  };
}

const write = (commit: Oid, { summary, card, details }: RepoFacts): StoredFacts => ({
  commit,
  summary: JSON.stringify(summary),
  card: JSON.stringify(card),
  details: JSON.stringify(details),
});

/** Facts as they were kept by `Facts`. */
export const readFacts = ({ summary, card, details }: StoredFacts): RepoFacts => ({
  summary: readSummary(summary),
  card: JSON.parse(card) as RepoFacts['card'],
  details: JSON.parse(details) as FactDetails,
});

const NO_SUMMARY: FactSummary = { tags: [], models: [], datasets: [] };

export const readSummary = (summary: string | undefined): FactSummary =>
  summary === undefined ? NO_SUMMARY : (JSON.parse(summary) as FactSummary);
