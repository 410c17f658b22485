import type { Generated } from 'kysely';
import type { OrganizationRole, ReachLevel, TokenRole, Visibility } from '../domain/account.ts';
import type { NamespaceId, PublicId, RepositoryId } from '../domain/ids.ts';
import type { LabelRole } from '../domain/repo-facts.ts';
import type { HeldKind, RepoKind } from '../domain/repo.ts';
import type { SshKeyType } from '../domain/ssh-key.ts';

/*
 * Row types for Kysely. They never leave this folder. Flags are 0 or 1, times UTC milliseconds, ids and hashes raw
 * bytes (`bytes.ts`); `folded` columns hold names in ASCII lower case.
 */

type Flag = 0 | 1;

/** Users and organizations: one set of names. */
export interface NamespaceTable {
  id: Generated<NamespaceId>;
  public_id: PublicId;
  kind: 'user' | 'organization';
  name: string;
  folded: string;
  /** By which names that are too much alike are told (`normalName`); unique. */
  normal: string;
  full_name: string;
  created_at: number;
}

export interface UserTable {
  id: NamespaceId;
  email: string | null;
  password_hash: string | null;
  is_admin: Flag;
}

export interface OrganizationTable {
  id: NamespaceId;
  default_visibility: Visibility;
}

export interface MembershipTable {
  organization_id: NamespaceId;
  user_id: NamespaceId;
  role: OrganizationRole;
  created_at: number;
}

export interface AccessTokenTable {
  id: Generated<number>;
  public_id: PublicId;
  user_id: NamespaceId;
  name: string;
  role: TokenRole;
  prefix: string;
  hash: Uint8Array;
  created_at: number;
  expires_at: number | null;
  last_used_at: number | null;
  grant_id: number | null;
}

/** One repository or one namespace that a fine-grained token reaches. */
export interface TokenReachTable {
  id: Generated<number>;
  token_id: number;
  repository_id: RepositoryId | null;
  namespace_id: NamespaceId | null;
  level: ReachLevel;
}

/** A public key of a user, or one that opens a repository: of both columns exactly one is set. */
export interface SshKeyTable {
  id: Generated<number>;
  public_id: PublicId;
  /** SHA-256 of `blob`. */
  fingerprint: Uint8Array;
  type: SshKeyType;
  blob: Uint8Array;
  title: string;
  user_id: NamespaceId | null;
  repository_id: RepositoryId | null;
  /** Of a key that opens a repository. */
  level: ReachLevel | null;
  added_by: NamespaceId | null;
  created_at: number;
  last_used_at: number | null;
}

export interface OAuthAppTable {
  id: Generated<number>;
  public_id: PublicId;
  owner_id: NamespaceId;
  name: string;
  /** Null for an application that cannot keep a secret. */
  secret_hash: Uint8Array | null;
  /** A JSON list. */
  redirect_uris: string;
  created_at: number;
}

/** What a person granted to a program. `generation` counts how often its refresh token was renewed. */
export interface OAuthGrantTable {
  id: Generated<number>;
  public_id: PublicId;
  user_id: NamespaceId;
  /** Null for a program that is not registered here. */
  app_id: number | null;
  client_id: string;
  name: string;
  scope: string;
  role: TokenRole;
  generation: number;
  created_at: number;
  expires_at: number;
}

export interface OAuthCodeTable {
  id: Generated<number>;
  hash: Uint8Array;
  app_id: number;
  user_id: NamespaceId;
  redirect_uri: string;
  scope: string;
  nonce: string | null;
  challenge: string | null;
  created_at: number;
  expires_at: number;
  /** Null until the code is redeemed. */
  grant_id: number | null;
}

export interface DeviceCodeTable {
  id: Generated<number>;
  hash: Uint8Array;
  user_code: string;
  client_id: string;
  scope: string;
  source: string;
  client: string;
  created_at: number;
  expires_at: number;
  decided_by: NamespaceId | null;
  is_approved: Flag;
}

export interface SessionTable {
  id: Generated<number>;
  public_id: Generated<PublicId>;
  /** Address it was started from; empty where it was not noted. */
  place: Generated<string>;
  hash: Uint8Array;
  user_id: NamespaceId;
  client: string;
  created_at: number;
  seen_at: number;
  expires_at: number;
}

export interface RepositoryTable {
  id: Generated<RepositoryId>;
  public_id: PublicId;
  kind: HeldKind;
  owner_id: NamespaceId;
  name: string;
  folded: string;
  visibility: Visibility;
  default_branch: string;
  created_by: NamespaceId | null;
  created_at: number;
  updated_at: number;
  likes: Generated<number>;
  /** Of the last 30 days. */
  downloads: Generated<number>;
  downloads_all_time: Generated<number>;
  trending: Generated<number>;
  /** Null while the repository can be written to. */
  archived_at: number | null;
  /** Git objects that no ref leads to may be stored. */
  may_hold_unreachable: Flag;
}

/** Every name a repository is found by: its current one, and former ones until another repository takes them. */
export interface RepositoryNameTable {
  id: Generated<number>;
  repository_id: RepositoryId;
  owner_id: NamespaceId;
  kind: HeldKind;
  folded: string;
  /** As for namespaces; unique for an owner and a kind among the names that are no redirects. */
  normal: string;
  is_redirect: Flag;
}

export interface LikeTable {
  id: Generated<number>;
  repository_id: RepositoryId;
  user_id: NamespaceId;
  created_at: number;
}

/** Downloads of a repository on one day of UTC, numbered from 1970-01-01. */
export interface DownloadDayTable {
  repository_id: RepositoryId;
  day: number;
  downloads: number;
  /** Those among them by somebody who had signed in. */
  authenticated: number;
  /** Files that were sent. */
  files: number;
}

export interface RefTable {
  id: Generated<number>;
  repository_id: RepositoryId;
  name: string;
  target: Uint8Array;
  peeled: Uint8Array | null;
  updated_at: number;
}

export interface HotObjectTable {
  id: Generated<number>;
  repository_id: RepositoryId;
  oid: Uint8Array;
  /** git's own numbers: commit 1, tree 2, blob 3, tag 4 (gitformat-pack). */
  type: number;
  size_bytes: number;
  stored_bytes: number;
  deflated: Uint8Array;
}

/** Kept with every change of `hot_objects`, so that nobody has to count rows. */
export interface HotObjectTotalTable {
  repository_id: RepositoryId;
  object_count: number;
  stored_bytes: number;
}

export interface PackTable {
  id: Generated<number>;
  repository_id: RepositoryId;
  pack_id: string;
  /** Public id of the repository that it is stored under. */
  home: PublicId;
  source: 'commit' | 'push' | 'rolled';
  object_count: number;
  size_bytes: number;
  index_size_bytes: number;
  created_at: number;
  /** Digest of the tips whose whole history it is, when it holds nothing else. */
  closure_of: Buffer | null;
}

export interface LargeObjectTable {
  id: Generated<number>;
  sha256: Uint8Array;
  size_bytes: number;
  has_plain_form: Flag;
  xet_hash: Uint8Array | null;
  created_at: number;
  /** When it was looked at whether the Xet form pays; null before. */
  examined_at: Generated<number | null>;
}

export interface RepositoryObjectTable {
  repository_id: RepositoryId;
  object_id: number;
  created_at: number;
  /** Where it was committed first, by whom; null where that is not known. */
  path: Generated<string | null>;
  ref: Generated<string | null>;
  pusher_id: Generated<NamespaceId | null>;
}

/** Large files that a repository gave up for good, though commits may still name them. */
export interface RemovedObjectTable {
  repository_id: RepositoryId;
  sha256: Uint8Array;
  removed_at: number;
}

export interface LfsLockTable {
  id: Generated<number>;
  public_id: PublicId;
  repository_id: RepositoryId;
  path: string;
  owner_id: NamespaceId;
  locked_at: number;
}

export interface PendingObjectTable {
  repository_id: RepositoryId;
  object_id: number;
  until: number;
}

export interface UploadTable {
  id: Generated<number>;
  public_id: PublicId;
  repository_id: RepositoryId;
  sha256: Uint8Array;
  size_bytes: number;
  part_size_bytes: number;
  created_at: number;
  expires_at: number;
}

export interface UploadPartTable {
  upload_id: number;
  number: number;
  size_bytes: number;
  etag: string;
}

export interface BucketTotalTable {
  repository_id: RepositoryId;
  file_count: number;
  size_bytes: number;
}

/** A file of a bucket. Its object is linked to the bucket as long as some file there is it. */
export interface BucketFileTable {
  repository_id: RepositoryId;
  path: string;
  object_id: number;
  /** When the file was changed where it came from, as its uploader says. */
  modified_at: number | null;
  content_type: string | null;
  uploaded_at: number;
}

export interface XorbTable {
  id: Generated<number>;
  hash: Uint8Array;
  size_bytes: number;
  raw_bytes: number;
  chunk_count: number;
  created_at: number;
}

/** Chunks by which a xorb is found again. */
export interface XorbSampleTable {
  hash: Uint8Array;
  xorb_id: number;
}

/** The same for large objects in plain form. */
export interface ObjectSampleTable {
  hash: Uint8Array;
  object_id: number;
}

export interface XetFileTable {
  id: Generated<number>;
  hash: Uint8Array;
  size_bytes: number;
  created_at: number;
}

export interface XetTermTable {
  file_id: number;
  ordinal: number;
  xorb_id: number;
  chunk_start: number;
  chunk_end: number;
  unpacked_bytes: number;
}

export interface CommitRequestTable {
  id: Generated<number>;
  repository_id: RepositoryId;
  branch: string;
  fingerprint: Uint8Array;
  commit_oid: Uint8Array;
  parent_oid: Uint8Array | null;
  created_at: number;
}

/** A run of first parents. `parent_*` is the commit it forks from; null for one that starts at a root. */
export interface HistoryChainTable {
  id: Generated<number>;
  repository_id: RepositoryId;
  parent_chain_id: number | null;
  parent_position: number | null;
}

export interface HistoryCommitTable {
  id: Generated<number>;
  repository_id: RepositoryId;
  oid: Uint8Array;
  chain_id: number;
  /** Number of first-parent ancestors, so positions of one lineage are distinct across its chains. */
  position: number;
  first_parent: Uint8Array | null;
  reachable: number;
  is_linear: Flag;
}

export interface PathChangeTable {
  chain_id: number;
  path: string;
  position: number;
}

/** What the files of a repository say at one commit, as JSON. */
export interface RepositoryFactTable {
  repository_id: RepositoryId;
  /** That of the repository, so that one index serves the lists of a kind. */
  kind: RepoKind;
  commit_oid: Uint8Array;
  /** What every list shows. */
  summary: string;
  card: string;
  details: string;
  /** Of all tensors together; null where that is not known. */
  parameters: number | null;
}

/** What lists are narrowed by. */
export interface RepositoryLabelTable {
  kind: RepoKind;
  role: LabelRole;
  label: string;
  repository_id: RepositoryId;
}

/** Repositories whose facts are not those of the head of their default branch. */
export interface StaleFactTable {
  repository_id: RepositoryId;
}

export interface JobTable {
  id: Generated<number>;
  kind: string;
  key: string;
  payload: string;
  run_at: number;
  attempts: Generated<number>;
  /** Null while the job waits. */
  lease_until: number | null;
  problem: string | null;
  created_at: number;
}

/** Append-only. Ids stay as they were when what they name is gone. */
export interface EventTable {
  id: Generated<number>;
  kind: string;
  repository_id: RepositoryId | null;
  actor_id: NamespaceId | null;
  payload: string;
  at: number;
}

export interface SettingTable {
  key: string;
  value: string;
}

export interface SchemaVersionTable {
  version: number;
  name: string;
  applied_at: number;
}

export interface Tables {
  namespaces: NamespaceTable;
  users: UserTable;
  organizations: OrganizationTable;
  memberships: MembershipTable;
  access_tokens: AccessTokenTable;
  token_reaches: TokenReachTable;
  ssh_keys: SshKeyTable;
  sessions: SessionTable;
  oauth_apps: OAuthAppTable;
  oauth_grants: OAuthGrantTable;
  oauth_codes: OAuthCodeTable;
  device_codes: DeviceCodeTable;
  repositories: RepositoryTable;
  repository_names: RepositoryNameTable;
  likes: LikeTable;
  download_days: DownloadDayTable;
  refs: RefTable;
  hot_objects: HotObjectTable;
  hot_object_totals: HotObjectTotalTable;
  packs: PackTable;
  large_objects: LargeObjectTable;
  repository_objects: RepositoryObjectTable;
  pending_objects: PendingObjectTable;
  uploads: UploadTable;
  upload_parts: UploadPartTable;
  removed_objects: RemovedObjectTable;
  object_samples: ObjectSampleTable;
  bucket_totals: BucketTotalTable;
  bucket_files: BucketFileTable;
  lfs_locks: LfsLockTable;
  xorbs: XorbTable;
  xorb_samples: XorbSampleTable;
  xet_files: XetFileTable;
  xet_terms: XetTermTable;
  commit_requests: CommitRequestTable;
  history_chains: HistoryChainTable;
  history_commits: HistoryCommitTable;
  path_changes: PathChangeTable;
  repository_facts: RepositoryFactTable;
  repository_labels: RepositoryLabelTable;
  stale_facts: StaleFactTable;
  jobs: JobTable;
  events: EventTable;
  settings: SettingTable;
  schema_versions: SchemaVersionTable;
}
