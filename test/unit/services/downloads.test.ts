import { afterEach, beforeEach, expect, test } from 'vitest';
import type { User } from '../../../server/domain/account.ts';
import { DAY_MS, dayOf } from '../../../server/domain/popularity.ts';
import type { Repo } from '../../../server/domain/repo.ts';
import { createLog } from '../../../server/platform/log.ts';
import { createDownloads, type Downloads } from '../../../server/services/downloads.ts';
import { createFailingDatabase, type FailingDatabase } from '../../support/failing-database.ts';
import { createFakeClock, openTemporaryDatabase, type FakeClock } from '../../support/people.ts';

let opened: Awaited<ReturnType<typeof openTemporaryDatabase>>;
let db: FailingDatabase;
let clock: FakeClock;
let downloads: Downloads;
let owner: User;
let repo: Repo;
let writes = 0;
const logged: string[] = [];

beforeEach(async () => {
  opened = await openTemporaryDatabase();
  db = createFailingDatabase(opened.db, () => void writes++);
  clock = createFakeClock(Date.UTC(2026, 0, 1, 23, 59));
  const log = createLog({ level: 'info', format: 'json', write: (line) => void logged.push(line) });
  downloads = createDownloads({ db, clock, log });
  [owner, repo] = await db.write(async (stores) => {
    const facts = { fullName: 'Ann', email: undefined, passwordHash: undefined, isAdmin: false };
    const user = await stores.accounts.createUser({ name: 'ann', ...facts, now: clock.now() });
    return [user, await createRepo(stores, user, 'llama')] as const;
  });
  logged.length = 0;
  writes = 0;
});
afterEach(() => opened.dispose());

const createRepo = (
  stores: Parameters<Parameters<FailingDatabase['write']>[0]>[0],
  user: User,
  name: string,
) =>
  stores.repos.create({
    kind: 'model',
    owner: user,
    name,
    visibility: 'public',
    defaultBranch: 'main',
    createdBy: user.id,
    now: clock.now(),
  });

const download = (by: User | string, of = repo): void =>
  downloads.note(
    {
      repositoryId: of.id,
      user: typeof by === 'string' ? undefined : by.id,
      address: typeof by === 'string' ? by : '127.0.0.1',
    },
    { kind: 'sent', path: 'config.json' },
  );
const days = () => db.read((stores) => stores.popularity.downloadDays(repo.id, 0));

test('downloads are gathered by day and written together', async () => {
  for (let caller = 0; caller < 1_000; caller++) download(`10.0.0.${caller}`);
  download(owner);
  clock.advance(2 * 60_000);
  download(owner);
  expect(writes).toBe(0);
  await downloads.flush();
  expect(writes).toBe(1);
  const today = dayOf(clock.now());
  expect(await days()).toEqual([
    { day: today - 1, downloads: 1_001, authenticated: 1, files: 1_001 },
    { day: today, downloads: 1, authenticated: 1, files: 1 },
  ]);
  await downloads.flush();
  expect(writes).toBe(1);
});

test('what could not be written is written with the next, once', async () => {
  download('10.0.0.1');
  db.fail({ mode: 'write', call: 1, when: 'inside' });
  await downloads.flush();
  expect(db.heal()).toBe(true);
  expect(await days()).toEqual([]);
  expect(logged.join()).toContain('Downloads could not be counted');
  download('10.0.0.2');
  await downloads.flush();
  expect(await days()).toMatchObject([{ downloads: 2, files: 2 }]);
});

test('a repository that is gone does not keep others from being counted', async () => {
  const gone = await db.write((stores) => createRepo(stores, owner, 'gone'));
  download(owner, gone);
  download(owner);
  await db.write((stores) => stores.repos.delete(gone.id));
  await downloads.flush();
  expect(await days()).toMatchObject([{ downloads: 1 }]);
  expect(logged).toEqual([]);
});

test('old days fall out of what is recent', async () => {
  download(owner);
  await downloads.flush();
  const counts = () => db.read((stores) => stores.repos.counters(repo.id));
  expect(await counts()).toEqual({ likes: 0, downloads: 1, downloadsAllTime: 1, trending: 7 });
  clock.advance(30 * DAY_MS);
  await db.write((stores) => stores.popularity.recount(undefined, dayOf(clock.now()), 10));
  expect(await counts()).toEqual({ likes: 0, downloads: 0, downloadsAllTime: 1, trending: 0 });
});
