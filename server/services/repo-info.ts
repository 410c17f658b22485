import type { Database } from '../db/stores.ts';
import type { Oid } from '../domain/ids.ts';
import type { Repo } from '../domain/repo.ts';
import type { Granted } from './authorize.ts';
import { readCard } from './cards.ts';
import type { Contents, FileEntry } from './contents.ts';

export type CardData = Readonly<Record<string, unknown>>;

/** What lists and info pages say about a repository beyond its row; each part is only made when asked for. */
export interface RepoInfo {
  /** Metadata of `README.md` at a commit; empty when there is none or it cannot be read. */
  card(repo: Repo, commit: Oid): Promise<CardData>;
  /** Every file at a commit in path order, up to `MAX_SIBLINGS`. */
  files(granted: Granted<'read'>, commit: Oid): Promise<readonly FileEntry[]>;
  /** Their paths alone. */
  paths(granted: Granted<'read'>, commit: Oid): Promise<readonly string[]>;
  /** Bytes of the large objects linked to the repository. */
  usedStorage(repo: Repo): Promise<number>;
}

/** Larger repositories are read by `tree`, which has pages; an info answer has none. */
export const MAX_SIBLINGS = 50_000;
const PAGE = 5_000;
const MAX_CARD_BYTES = 1024 * 1024;
const KEPT_CARDS = 1_000;

export function createRepoInfo(parts: { readonly db: Database; readonly contents: Contents }): RepoInfo {
  const { db, contents } = parts;
  /** By commit, which never changes what it says. */
  const cards = new Map<string, CardData>();

  return {
    async card(repo, commit) {
      const key = `${repo.publicId}:${commit}`;
      const known = cards.get(key);
      if (known) return known;
      const content = await contents.smallFile(repo, commit, 'README.md', MAX_CARD_BYTES);
      const { data, errors } = readCard(content?.toString('utf8') ?? '');
      const card = errors.length > 0 ? {} : data;
      cards.set(key, card);
      const oldest = cards.keys().next();
      if (cards.size > KEPT_CARDS && !oldest.done) cards.delete(oldest.value);
      return card;
    },

    async files(granted, commit) {
      const files: FileEntry[] = [];
      let after: string | undefined;
      do {
        const query = { path: '', recursive: true, withLastCommits: false, after, limit: PAGE };
        const page = await contents.list(granted, commit, query);
        for (const entry of page.entries) if (entry.kind === 'file') files.push(entry);
        after = page.next;
      } while (after !== undefined && files.length < MAX_SIBLINGS);
      return files.slice(0, MAX_SIBLINGS);
    },

    paths: (granted, commit) => contents.filePaths(granted, commit, MAX_SIBLINGS),

    usedStorage: (repo) => db.read((stores) => stores.largeObjects.linkedBytes(repo.id)),
  };
}
