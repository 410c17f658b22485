import type { AccountStore } from './questions/accounts.ts';
import type { BucketStore } from './questions/buckets.ts';
import type { CommitRequestStore } from './questions/commit-requests.ts';
import type { EventStore } from './questions/events.ts';
import type { FactStore } from './questions/facts.ts';
import type { GitObjectStore } from './questions/git-objects.ts';
import type { HistoryStore } from './questions/history.ts';
import type { InspectionStore } from './questions/inspection.ts';
import type { JobStore } from './questions/jobs.ts';
import type { LargeObjectStore } from './questions/large-objects.ts';
import type { LfsLockStore } from './questions/lfs-locks.ts';
import type { LikeStore } from './questions/likes.ts';
import type { OAuthStore } from './questions/oauth.ts';
import type { OrganizationStore } from './questions/organizations.ts';
import type { PopularityStore } from './questions/popularity.ts';
import type { RefStore } from './questions/refs.ts';
import type { RepoStore } from './questions/repos.ts';
import type { SettingStore } from './questions/settings.ts';
import type { SshKeyStore } from './questions/ssh-keys.ts';
import type { UploadStore } from './questions/uploads.ts';
import type { XetStore } from './questions/xet.ts';

/*
 * The questions the hub asks its database, one file a subject in `questions/`. Stores are the only code with SQL; they
 * return domain values, never rows. Times are UTC milliseconds. Every write takes `now` from its caller. Names fold
 * ASCII case for lookup.
 */

/** Everything a transaction can ask. */
export interface Stores {
  readonly accounts: AccountStore;
  readonly oauth: OAuthStore;
  readonly organizations: OrganizationStore;
  readonly sshKeys: SshKeyStore;
  readonly repos: RepoStore;
  readonly likes: LikeStore;
  readonly popularity: PopularityStore;
  readonly refs: RefStore;
  readonly gitObjects: GitObjectStore;
  readonly largeObjects: LargeObjectStore;
  readonly buckets: BucketStore;
  readonly uploads: UploadStore;
  readonly lfsLocks: LfsLockStore;
  readonly xet: XetStore;
  readonly commitRequests: CommitRequestStore;
  readonly history: HistoryStore;
  readonly facts: FactStore;
  readonly jobs: JobStore;
  readonly events: EventStore;
  readonly settings: SettingStore;
  readonly inspection: InspectionStore;
}

export interface Database {
  /** Run questions that see one consistent state. Nothing but the database may be awaited inside. */
  read<Result>(work: (stores: Stores) => Promise<Result>): Promise<Result>;
  /** Run questions and changes as one transaction; committed durably when this resolves, undone when it throws. */
  write<Result>(work: (stores: Stores) => Promise<Result>): Promise<Result>;
  /**
   * A number that changes with every committed write: while it is the same, what was read is still so. Undefined where
   * other processes may write as well.
   */
  version(): number | undefined;
  /** Problems of the file itself: integrity, foreign keys, journal and synchronous mode, library version. */
  check(): Promise<readonly string[]>;
  readonly dialect: 'sqlite' | 'postgres';
  close(): Promise<void>;
}
