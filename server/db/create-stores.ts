import type { Kysely } from 'kysely';
import type { SqlDialect } from './dialect.ts';
import type { StoreContext } from './store-context.ts';
import type { Stores } from './stores.ts';
import { createAccountStore } from './stores/accounts.ts';
import { createBucketStore } from './stores/buckets.ts';
import { createCommitRequestStore } from './stores/commit-requests.ts';
import { createEventStore } from './stores/events.ts';
import { createFactStore } from './stores/facts.ts';
import { createGitObjectStore } from './stores/git-objects.ts';
import { createHistoryStore } from './stores/history.ts';
import { createInspectionStore } from './stores/inspection.ts';
import { createJobStore } from './stores/jobs.ts';
import { createLargeObjectStore } from './stores/large-objects.ts';
import { createLfsLockStore } from './stores/lfs-locks.ts';
import { createLikeStore } from './stores/likes.ts';
import { createOAuthStore } from './stores/oauth.ts';
import { createOrganizationStore } from './stores/organizations.ts';
import { createPopularityStore } from './stores/popularity.ts';
import { createRefStore } from './stores/refs.ts';
import { createRepoStore } from './stores/repos.ts';
import { createSettingStore } from './stores/settings.ts';
import { createSshKeyStore } from './stores/ssh-keys.ts';
import { createUploadStore } from './stores/uploads.ts';
import { createXetStore } from './stores/xet.ts';
import type { Tables } from './tables.ts';

/**
 * The stores over a handle. SQLite has one handle per role for life, so its stores and their statement texts are
 * made once; a pooled database has a handle per transaction, which takes its stores with it.
 */
export function createStores(dialect: SqlDialect): (db: Kysely<Tables>) => Stores {
  const made = new WeakMap<Kysely<Tables>, Stores>();
  return (db) => {
    const known = made.get(db);
    if (known) return known;
    const stores = storesOver({ db, dialect });
    made.set(db, stores);
    return stores;
  };
}

const storesOver = (context: StoreContext): Stores => ({
  accounts: createAccountStore(context),
  oauth: createOAuthStore(context),
  organizations: createOrganizationStore(context),
  sshKeys: createSshKeyStore(context),
  repos: createRepoStore(context),
  likes: createLikeStore(context),
  popularity: createPopularityStore(context),
  refs: createRefStore(context),
  gitObjects: createGitObjectStore(context),
  largeObjects: createLargeObjectStore(context),
  buckets: createBucketStore(context),
  uploads: createUploadStore(context),
  lfsLocks: createLfsLockStore(context),
  xet: createXetStore(context),
  commitRequests: createCommitRequestStore(context),
  history: createHistoryStore(context),
  facts: createFactStore(context),
  jobs: createJobStore(context),
  events: createEventStore(context),
  settings: createSettingStore(context),
  inspection: createInspectionStore(context),
});
