import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';

/** All that a hub keeps: number and digest of the rows of each table, and the size of each file. */
export type State = Readonly<Record<string, string>>;

/** Tables that jobs fill on their own, at any time, from what the others say. */
const DERIVED =
  /^(jobs|history_chains|history_commits|path_changes|stale_facts|repository_facts|repository_labels|sqlite_.*)$/;
/** How often something was downloaded each day, written some seconds later. */
const COUNTED = /^download_days$/;
/** When somebody was last seen, and how often something was looked at: no request is meant to leave these alone. */
const COUNTERS = /^(last_used_at|seen_at|downloads|downloads_all_time|trending)$/;
/** The database itself, what marks the process that has it open, and answers that are kept to be given again. */
const OWN_FILES = /^(hub\.db.*|lock\.db.*|control.*|answers\/.*)$/;

/** Reads the state of the hub that has this data folder, while it runs. */
export function createStateReader(dataDir: string): { read(): Promise<State>; close(): void } {
  const tables = new BetterSqlite3(join(dataDir, 'hub.db'), { readonly: true });
  const names = tables
    .prepare("select name from sqlite_schema where type = 'table'")
    .pluck()
    .all() as readonly string[];
  const questions = names
    .filter((name) => !DERIVED.test(name) && !COUNTED.test(name))
    .map((name) => {
      const columns = (tables.pragma(`table_info("${name}")`) as readonly { readonly name: string }[])
        .map((column) => column.name)
        .filter((column) => !COUNTERS.test(column));
      // The site administrator's look into a repository is written down; that is the audit, not the repository.
      const audit = name === 'events' ? " where kind <> 'admin-access'" : '';
      const list = columns.map((column) => `"${column}"`).join(', ');
      return { name, rows: tables.prepare(`select ${list} from "${name}"${audit}`).raw() };
    });

  async function files(): Promise<State> {
    const entries = await readdir(dataDir, { recursive: true, withFileTypes: true });
    const sizes: Record<string, string> = {};
    for (const entry of entries) {
      const path = relative(dataDir, join(entry.parentPath, entry.name));
      if (!entry.isFile() || OWN_FILES.test(path)) continue;
      // A job may have put a staged file in its place meanwhile.
      const found = await stat(join(dataDir, path)).catch(() => undefined);
      if (found) sizes[`file ${path}`] = String(found.size);
    }
    return sizes;
  }

  return {
    async read() {
      const state: Record<string, string> = {};
      for (const { name, rows } of questions) {
        const hash = createHash('sha1');
        let count = 0;
        for (const row of rows.iterate() as Iterable<readonly unknown[]>) {
          count += 1;
          for (const value of row) {
            hash.update(value instanceof Uint8Array ? value : String(value)).update('\0');
          }
        }
        state[`table ${name}`] = `${count} rows ${hash.digest('hex')}`;
      }
      return { ...state, ...(await files()) };
    },
    close: () => void tables.close(),
  };
}
