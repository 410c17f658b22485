import { randomBytes } from 'node:crypto';
import type { Database } from '../db/stores.ts';
import { probeKey } from '../objects/keys.ts';
import type { ObjectStore } from '../objects/object-store.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';

export interface ReadinessCheck {
  readonly name: 'database' | 'objects' | 'lock' | 'accepting';
  readonly ok: boolean;
}

/** Whether the hub can do its work now: stores answer, the data folder is ours, and it is not stopping. */
export interface Readiness {
  check(): Promise<readonly ReadinessCheck[]>;
}

/** An object is put and read back at most this often, however often somebody asks. */
const PROBE_EVERY_MS = 30_000;

export function createReadiness(parts: {
  readonly db: Database;
  readonly objects: ObjectStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly isLocked: () => boolean;
  readonly isStopping: () => boolean;
}): Readiness {
  const { db, objects, clock, log } = parts;
  let probe: { readonly at: number; readonly ok: Promise<boolean> } | undefined;

  async function tryObjects(): Promise<boolean> {
    const key = probeKey(randomBytes(8).toString('hex'));
    await objects.put(key, Buffer.from(key));
    const bytes = await objects.read(key, { start: 0, end: key.length });
    await objects.delete(key);
    return bytes.toString() === key;
  }

  const report = (what: string) => (error: unknown) => {
    log.error(`The hub is not ready: ${what} does not answer.`, { err: error });
    return false;
  };

  return {
    async check() {
      if (!probe || clock.monotonic() - probe.at > PROBE_EVERY_MS) {
        probe = { at: clock.monotonic(), ok: tryObjects().catch(report('the object store')) };
      }
      const database = await db
        .read((stores) => stores.accounts.countUsers())
        .then(() => true)
        .catch(report('the database'));
      return [
        { name: 'database', ok: database },
        { name: 'objects', ok: await probe.ok },
        { name: 'lock', ok: parts.isLocked() },
        { name: 'accepting', ok: !parts.isStopping() },
      ];
    },
  };
}
