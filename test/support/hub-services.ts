import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { createServices, type Services } from '../../server/app.ts';
import { readConfigOfCommandLine } from '../../server/config/read.ts';
import { openDatabase } from '../../server/db/database.ts';
import type { Actor } from '../../server/domain/access.ts';
import type { PublicId } from '../../server/domain/ids.ts';
import type { Repo } from '../../server/domain/repo.ts';
import { createMemoryStore } from '../../server/objects/memory.ts';
import { silentLog } from '../../server/platform/log.ts';
import { insideTransaction } from '../../server/platform/transaction-scope.ts';
import type { Granted } from '../../server/services/authorize.ts';
import { createFailingDatabase, type FailingDatabase } from './failing-database.ts';
import { createFailingStore, type FailingStore } from './failing-store.ts';
import { createFakeClock, type FakeClock } from './people.ts';

type UserActor = Extract<Actor, { kind: 'user' }>;

/** The services of a hub without its servers, on stores that fail where a test tells them to. */
export interface HubServices extends AsyncDisposable {
  readonly services: Services;
  readonly store: FailingStore;
  readonly db: FailingDatabase;
  readonly clock: FakeClock;
  /** A user who may do everything below their own name. */
  readonly actor: UserActor;
  /** What had its effect so far, in order: calls of the store as `put packs/...`, and `transaction`. */
  readonly trace: string[];
  /** How many rows each table has. */
  rowCounts(): Readonly<Record<string, number>>;
  createRepo(name: string): Promise<Repo>;
  /** Proof that the user may write; asked for anew each time, as a request does. */
  writer(repo: Repo): Promise<Granted<'write'>>;
}

export async function openHubServices(): Promise<HubServices> {
  await using cleanup = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'atoll-services-'));
  cleanup.defer(() => rm(folder, { recursive: true, force: true }));
  const stagingFolder = join(folder, 'staging');
  await mkdir(stagingFolder);
  // Doctor looks where a local store has its unfinished objects; this store has none.
  await mkdir(join(folder, 'storage', 'staging'), { recursive: true });
  const read = readConfigOfCommandLine(['--data-dir', folder, '--limits-part-size', '5MiB'], {});
  if (!read.ok) throw new Error(JSON.stringify(read.problems));

  const clock = createFakeClock(Math.floor(performance.timeOrigin + performance.now()));
  const trace: string[] = [];
  const file = join(folder, 'hub.db');
  const db = createFailingDatabase(await openDatabase({ kind: 'sqlite', file }, { clock }), () =>
    trace.push('transaction'),
  );
  cleanup.defer(() => db.close());
  const store = createFailingStore(createMemoryStore({ now: clock.now, insideTransaction }), (call) =>
    trace.push(call),
  );
  const stores = {
    ...{ db, objects: store, stagingFolder, key: Buffer.alloc(32, 7) },
    storeId: '0123456789abcdef01234567' as PublicId,
    isLocked: () => true,
    close: () => Promise.resolve(),
  };
  const services = createServices(read.config, stores, silentLog, clock);
  cleanup.defer(() => services.close());

  const user = await services.accounts.create({ name: 'ada' });
  const actor: UserActor = { kind: 'user', user, via: 'token', tokenRole: 'write' };
  const tables = new BetterSqlite3(file, { readonly: true });
  cleanup.defer(() => void tables.close());
  const names = tables
    .prepare("select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'")
    .pluck()
    .all() as string[];

  const owned = cleanup.move();
  return {
    ...{ services, store, db, clock, actor, trace },
    rowCounts: () =>
      Object.fromEntries(
        names.map((name) => [name, tables.prepare(`select count(*) from "${name}"`).pluck().get() as number]),
      ),
    createRepo: (name) =>
      services.repositories.create(actor, {
        ...{ kind: 'model', owner: 'ada', name, files: [] },
        ...{ visibility: undefined, license: undefined, sdk: undefined },
      }),
    writer: async ({ kind, owner, name }) =>
      (await services.authorize.repo(actor, { kind, owner: owner.name, name }, 'write')).granted,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
