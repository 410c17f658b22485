import { afterAll, afterEach, beforeAll, beforeEach, describe } from 'vitest';
import { createHash } from 'node:crypto';
import type { User } from '../../server/domain/account.ts';
import type { Oid, Sha256, XetHash } from '../../server/domain/ids.ts';
import type { Repo } from '../../server/domain/repo.ts';
import type { Database, Stores } from '../../server/db/stores.ts';
import { bucketSuite } from './database.buckets.suite.ts';
import { factSuite } from './database.facts.suite.ts';
import { gitSuite } from './database.git.suite.ts';
import { historySuite } from './database.history.suite.ts';
import { inspectionSuite } from './database.inspection.suite.ts';
import { largeObjectSuite } from './database.large-objects.suite.ts';
import { peopleSuite } from './database.people.suite.ts';
import { lockSuite } from './database.locks.suite.ts';
import { popularitySuite } from './database.popularity.suite.ts';
import { repoSuite } from './database.repos.suite.ts';
import { signInSuite } from './database.sign-in.suite.ts';
import { sshKeySuite } from './database.ssh-keys.suite.ts';
import { transactionSuite } from './database.transactions.suite.ts';
import { workSuite } from './database.work.suite.ts';

/** How a backend gives the suite its databases. */
export interface DatabaseBackend {
  /** An empty database, shared with nobody until `dispose`. */
  open(): Promise<{ readonly db: Database; dispose(): Promise<void> }>;
  /** Let go of whatever the backend itself holds. */
  shutDown(): Promise<void>;
}

/** What the tests of one part of the suite work with. */
export interface Fixture {
  readonly db: Database;
  /** Ask one thing in a transaction of its own. */
  ask<Result>(question: (stores: Stores) => Promise<Result>): Promise<Result>;
  change<Result>(work: (stores: Stores) => Promise<Result>): Promise<Result>;
  user(name?: string): Promise<User>;
  repo(owner: User, name?: string): Promise<Repo>;
}

export const NOW = Date.UTC(2026, 0, 1);

export const oidOf = (text: string | number): Oid =>
  createHash('sha1').update(String(text)).digest('hex') as Oid;
export const sha256Of = (text: string | number): Sha256 =>
  createHash('sha256').update(String(text)).digest('hex') as Sha256;
export const xetHashOf = (text: string | number): XetHash =>
  createHash('sha256').update(`xet ${text}`).digest('hex') as XetHash;

/** What every metadata database promises. */
export function databaseSuite(name: string, start: () => Promise<DatabaseBackend>): void {
  describe(`database: ${name}`, () => {
    let backend: DatabaseBackend;
    let opened: Awaited<ReturnType<DatabaseBackend['open']>>;
    beforeAll(async () => {
      backend = await start();
    }, 60_000);
    afterAll(() => backend.shutDown());
    beforeEach(async () => {
      opened = await backend.open();
    });
    afterEach(() => opened.dispose());

    const fixture: Fixture = {
      get db() {
        return opened.db;
      },
      ask: (question) => opened.db.read(question),
      change: (work) => opened.db.write(work),
      user: (userName = 'ann') => fixture.change((stores) => createUser(stores, userName)),
      repo: (owner, repoName = 'llama') =>
        fixture.change((stores) => stores.repos.create(newRepo(owner, repoName))),
    };

    transactionSuite(fixture);
    peopleSuite(fixture);
    signInSuite(fixture);
    sshKeySuite(fixture);
    repoSuite(fixture);
    popularitySuite(fixture);
    lockSuite(fixture);
    gitSuite(fixture);
    largeObjectSuite(fixture);
    bucketSuite(fixture);
    historySuite(fixture);
    factSuite(fixture);
    workSuite(fixture);
    inspectionSuite(fixture);
  });
}

export const createUser = (stores: Stores, name: string): Promise<User> =>
  stores.accounts.createUser({
    name,
    fullName: `${name} in full`,
    email: `${name}@example.org`,
    passwordHash: undefined,
    isAdmin: false,
    now: NOW,
  });

export const newRepo = (owner: User, name: string) =>
  ({
    kind: 'model',
    owner,
    name,
    visibility: 'public',
    defaultBranch: 'main',
    createdBy: owner.id,
    now: NOW,
  }) as const;
