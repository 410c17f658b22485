import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import { blobIdOf, Refused, type CommitToSend, type FileToSend, type HubClient } from './hub-client.ts';

/** One commit that a client wants, from its first try to its acknowledgement. */
export interface JournalEntry {
  readonly repo: string;
  readonly commit: CommitToSend;
  /** Its id, once the hub has shown that it made it: in an answer, or in the history after a crash. */
  id: string | undefined;
  isAcknowledged: boolean;
}

/**
 * What clients know of a hub that is killed again and again: what they asked for, and what was acknowledged. Each
 * repository has one writer, which goes on only when its last request was answered, and never deletes.
 */
export interface Journal {
  /** A repository is about to be created. */
  planRepo(repo: string): void;
  acknowledgeRepo(repo: string): void;
  /** A commit is about to be sent. */
  plan(repo: string, commit: CommitToSend): JournalEntry;
  acknowledge(entry: JournalEntry, id: string): void;
  /** A large object was acknowledged, and no commit uses it yet. */
  acknowledgeObject(repo: string, file: FileToSend): void;
  /** Commits that were sent and never answered. */
  unanswered(): readonly JournalEntry[];
  unansweredRepos(): readonly string[];
  /**
   * Compare the hub with the journal: everything acknowledged is there with its bytes, everything else is there in
   * full or not at all, and nothing is there twice. `withBytes` also downloads every file of every commit.
   */
  check(
    hub: HubClient,
    options?: { readonly repos?: readonly string[]; readonly withBytes?: boolean },
  ): Promise<void>;
  readonly acknowledged: number;
}

const sha256Of = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** What a list of files says of one, when its bytes are these. */
const shownAs = ({ bytes, form }: FileToSend): string =>
  form === 'inline' ? `blob ${blobIdOf(bytes)}` : `large ${sha256Of(bytes)} ${bytes.length}`;

const MADE_BY_THE_HUB = new Set(['.gitattributes']);
const FIRST_COMMIT = 'initial commit';

export function createJournal(): Journal {
  const repos = new Map<string, { isAcknowledged: boolean; readonly entries: JournalEntry[] }>();
  const objects = new Map<string, { readonly repo: string; readonly bytes: Buffer }>();

  const entriesOf = (repo: string): JournalEntry[] => repos.get(repo)?.entries ?? [];

  async function historyOf(hub: HubClient, repo: string) {
    try {
      return await hub.history(repo);
    } catch (error) {
      if (error instanceof Refused && error.status === 404) return undefined;
      throw error;
    }
  }

  async function checkRepo(hub: HubClient, repo: string, withBytes: boolean): Promise<void> {
    const history = await historyOf(hub, repo);
    if (!history) {
      expect(repos.get(repo)?.isAcknowledged, `${repo} is gone`).toBe(false);
      return;
    }
    const made = history.toReversed().filter(({ title }) => title !== FIRST_COMMIT);
    expect(history.length - made.length, `first commits of ${repo}`).toBe(1);
    const asked = new Map(entriesOf(repo).map((entry) => [entry.commit.title, entry]));
    expect(new Set(made.map(({ title }) => title)).size, `${repo} has a commit twice`).toBe(made.length);
    for (const { id, title } of made) {
      const entry = asked.get(title);
      if (!entry) throw new Error(`${repo} has a commit that nobody asked for: ${title}`);
      expect(id, `id of ${title}`).toBe(entry.id ?? id);
      entry.id = id;
    }
    const present = entriesOf(repo).filter((entry) => entry.id !== undefined);
    expect(
      made.map(({ title }) => title),
      `commits of ${repo}`,
    ).toEqual(present.map((entry) => entry.commit.title));

    const expected = new Map(
      present.flatMap(({ commit }) => commit.files.map((file) => [file.path, shownAs(file)] as const)),
    );
    const listed = (await hub.files(repo)).filter(({ path }) => !MADE_BY_THE_HUB.has(path));
    const shown = new Map(
      listed.map(({ path, oid, lfs }) => [path, lfs ? `large ${lfs.oid} ${lfs.size}` : `blob ${oid}`]),
    );
    expect(shown, `files of ${repo}`).toEqual(expected);
    if (!withBytes) return;
    for (const { id, commit } of present) {
      for (const { path, bytes } of commit.files) {
        expect((await hub.read(repo, id ?? '', path)).equals(bytes), `${repo} ${path}`).toBe(true);
      }
    }
  }

  return {
    planRepo: (repo) => void (repos.has(repo) || repos.set(repo, { isAcknowledged: false, entries: [] })),

    acknowledgeRepo(repo) {
      const known = repos.get(repo);
      if (known) known.isAcknowledged = true;
    },

    plan(repo, commit) {
      const entry: JournalEntry = { repo, commit, id: undefined, isAcknowledged: false };
      entriesOf(repo).push(entry);
      return entry;
    },

    acknowledge(entry, id) {
      // What was there after a crash is what the same request is answered with: one commit, not two.
      expect(id, `answer to ${entry.commit.title}`).toBe(entry.id ?? id);
      entry.id = id;
      entry.isAcknowledged = true;
      for (const { bytes } of entry.commit.files) objects.delete(`${entry.repo} ${sha256Of(bytes)}`);
    },

    acknowledgeObject: (repo, { bytes }) => void objects.set(`${repo} ${sha256Of(bytes)}`, { repo, bytes }),

    unanswered: () =>
      [...repos.values()].flatMap(({ entries }) => entries).filter((entry) => !entry.isAcknowledged),

    unansweredRepos: () =>
      [...repos].filter(([, { isAcknowledged }]) => !isAcknowledged).map(([repo]) => repo),

    async check(hub, { repos: some = [...repos.keys()], withBytes = false } = {}) {
      for (const repo of some) await checkRepo(hub, repo, withBytes);
      for (const { repo, bytes } of objects.values()) {
        if (!some.includes(repo)) continue;
        expect((await hub.readObject(repo, bytes)).equals(bytes), `object of ${repo}`).toBe(true);
      }
    },

    get acknowledged() {
      return [...repos.values()].flatMap(({ entries }) => entries).filter((entry) => entry.isAcknowledged)
        .length;
    },
  };
}
