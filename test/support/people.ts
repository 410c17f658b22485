import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '../../server/db/database.ts';
import type { Database } from '../../server/db/stores.ts';
import type { Clock } from '../../server/platform/clock.ts';

/** A clock that stands still until it is told to go on. Both its faces move together. */
export interface FakeClock extends Clock {
  advance(ms: number): void;
}

export function createFakeClock(start = Date.UTC(2026, 0, 1)): FakeClock {
  let elapsed = 0;
  return {
    now: () => start + elapsed,
    monotonic: () => elapsed,
    sleep: () => Promise.resolve(),
    advance: (ms) => {
      elapsed += ms;
    },
  };
}

export interface TemporaryDatabase {
  readonly db: Database;
  dispose(): Promise<void>;
}

/** An empty database in a folder of its own. */
export async function openTemporaryDatabase(): Promise<TemporaryDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'atoll-test-'));
  const db = await openDatabase({ kind: 'sqlite', file: join(folder, 'atoll.db') });
  return {
    db,
    async dispose() {
      await db.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
