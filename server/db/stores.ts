import type {
  AccessToken,
  Membership,
  Namespace,
  Organization,
  OrganizationRole,
  ReachLevel,
  TokenReach,
  TokenRole,
  User,
  Visibility,
} from '../domain/account.ts';
import type { NamespaceId, Oid, PublicId, RepositoryId, Sha256, XetHash } from '../domain/ids.ts';
import type { Day } from '../domain/popularity.ts';
import type { HeldKind, Repo, RepoKind } from '../domain/repo.ts';
import type { Label, LabelRole } from '../domain/repo-facts.ts';
import type { SshKeyType } from '../domain/ssh-key.ts';

/*
 * The questions the hub asks its database. Stores are the only code with SQL; they return domain values, never
 * rows. Times are UTC milliseconds. Every write takes `now` from its caller. Names fold ASCII case for lookup.
 */

export interface AccountStore {
  /** Throws `Conflict` when a user or an organization has the name, or one too much like it (`normalName`). */
  createUser(user: {
    name: string;
    fullName: string;
    email: string | undefined;
    passwordHash: string | undefined;
    isAdmin: boolean;
    now: number;
  }): Promise<User>;
  countUsers(): Promise<number>;
  findUser(name: string): Promise<User | undefined>;
  findUserById(id: NamespaceId): Promise<User | undefined>;
  listUsers(): Promise<readonly User[]>;
  updateUser(
    id: NamespaceId,
    change: { fullName?: string; email?: string | undefined; isAdmin?: boolean },
  ): Promise<void>;
  passwordHash(id: NamespaceId): Promise<string | undefined>;
  setPasswordHash(id: NamespaceId, hash: string): Promise<void>;
  findNamespace(name: string): Promise<Namespace | undefined>;
  /** The user or organization whose name is this one or too much like it (`normalName`). */
  findAlike(name: string): Promise<Namespace | undefined>;

  /** `hash` is the SHA-256 of the secret. Throws `Conflict` when that hash exists. */
  createToken(token: {
    userId: NamespaceId;
    name: string;
    role: TokenRole;
    prefix: string;
    hash: Buffer;
    expiresAt: number | undefined;
    now: number;
    /** What a fine-grained token is made for. */
    reach?: TokenReach | undefined;
    /** The grant that a token of a program belongs to: it ends with it and is not listed. */
    grantId?: number | undefined;
  }): Promise<AccessToken>;
  /** The token with this hash and its user, with reach and grant; expired tokens are not found. */
  findToken(hash: Buffer, now: number): Promise<{ token: AccessToken; user: User } | undefined>;
  /** The tokens that a user made; those of grants are not among them. */
  listTokens(userId: NamespaceId): Promise<readonly AccessToken[]>;
  /** What the fine-grained tokens of a user reach, by the names that it has now. */
  listReaches(userId: NamespaceId): Promise<readonly NamedReach[]>;
  renameToken(userId: NamespaceId, publicId: PublicId, name: string): Promise<void>;
  /** End the token with this hash, or the whole grant it belongs to. True when there was one. */
  deleteTokenByHash(hash: Buffer): Promise<boolean>;
  /** True when a token was removed. */
  deleteToken(userId: NamespaceId, publicId: PublicId): Promise<boolean>;
  /** Replace the secret and role of the user's token of that name (used by `apply`). */
  replaceToken(
    userId: NamespaceId,
    publicId: PublicId,
    change: { role: TokenRole; prefix: string; hash: Buffer },
  ): Promise<void>;
  setTokenRole(userId: NamespaceId, publicId: PublicId, role: TokenRole): Promise<void>;
  touchTokens(uses: readonly { publicId: PublicId; at: number }[]): Promise<void>;

  createSession(session: {
    hash: Buffer;
    userId: NamespaceId;
    client: string;
    /** Address of the browser, where it is known. */
    place?: string;
    now: number;
    expiresAt: number;
  }): Promise<void>;
  /** The session's user; sessions past `expiresAt` or unseen since `idleSince` are not found. */
  findSession(
    hash: Buffer,
    now: number,
    idleSince: number,
  ): Promise<{ user: User; seenAt: number } | undefined>;
  /** Sessions of a user that are still good, the newest first; `isCurrent` marks the one with that hash. */
  listSessions(
    userId: NamespaceId,
    now: number,
    idleSince: number,
    current: Buffer | undefined,
  ): Promise<readonly BrowserSession[]>;
  /** True when the user had such a session. */
  deleteSessionOf(userId: NamespaceId, publicId: PublicId): Promise<boolean>;
  touchSession(hash: Buffer, now: number): Promise<void>;
  deleteSession(hash: Buffer): Promise<void>;
  /** All sessions of a user, but the one given. */
  deleteSessions(userId: NamespaceId, except?: Buffer): Promise<void>;
  deleteExpiredSessions(now: number, idleSince: number): Promise<number>;
}

/** One thing that a fine-grained token reaches. */
export interface NamedReach {
  readonly token: PublicId;
  readonly type: HeldKind | 'user' | 'organization';
  readonly id: PublicId;
  /** `owner/name` of a repository. */
  readonly name: string;
  readonly level: ReachLevel;
}

export interface BrowserSession {
  readonly publicId: PublicId;
  readonly client: string;
  readonly place: string;
  readonly createdAt: number;
  readonly seenAt: number;
  readonly isCurrent: boolean;
}

/** A program that is registered to sign people in with this hub. */
export interface OAuthApp {
  readonly id: number;
  /** Its client id. */
  readonly publicId: PublicId;
  readonly owner: string;
  readonly name: string;
  /** SHA-256 of the secret; undefined for a program that cannot keep one. */
  readonly secretHash: Buffer | undefined;
  readonly redirectUris: readonly string[];
  readonly createdAt: number;
}

/** What a user granted to a program; ends with all its tokens when it is deleted. */
export interface OAuthGrant {
  readonly id: number;
  readonly publicId: PublicId;
  readonly user: User;
  /** Undefined for a program that is not registered here. */
  readonly appId: number | undefined;
  readonly clientId: string;
  readonly name: string;
  readonly scope: string;
  readonly role: TokenRole;
  readonly generation: number;
  readonly createdAt: number;
  readonly expiresAt: number;
}

export interface ListedGrant extends Omit<OAuthGrant, 'user'> {
  /** Of its newest access token, the first characters; undefined when none is left. */
  readonly prefix: string | undefined;
  readonly lastUsedAt: number | undefined;
}

/** A program on another device that waits for somebody to let it in. */
export interface DeviceCode {
  readonly id: number;
  readonly userCode: string;
  readonly clientId: string;
  readonly scope: string;
  /** Address it was asked from, and how the program called itself. */
  readonly source: string;
  readonly client: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly decision: { readonly userId: NamespaceId; readonly isApproved: boolean } | undefined;
}

export interface AuthorizationCode {
  readonly id: number;
  readonly app: OAuthApp;
  readonly user: User;
  readonly redirectUri: string;
  readonly scope: string;
  readonly nonce: string | undefined;
  /** Of PKCE: base64url of the SHA-256 of the verifier. */
  readonly challenge: string | undefined;
  readonly createdAt: number;
  readonly expiresAt: number;
  /** The grant it was redeemed for; undefined until then. */
  readonly grantId: number | undefined;
}

export interface OAuthStore {
  createApp(app: {
    ownerId: NamespaceId;
    name: string;
    secretHash: Buffer | undefined;
    redirectUris: readonly string[];
    now: number;
  }): Promise<PublicId>;
  findApp(clientId: string): Promise<OAuthApp | undefined>;
  listApps(ownerId: NamespaceId): Promise<readonly OAuthApp[]>;
  /** Every redirect URI of every app. */
  listRedirectUris(): Promise<readonly string[]>;
  /** True when the user had such an app. Its grants and codes end with it. */
  deleteApp(ownerId: NamespaceId, publicId: PublicId): Promise<boolean>;

  /** False when the user code is in use. */
  createDeviceCode(code: {
    hash: Buffer;
    userCode: string;
    clientId: string;
    scope: string;
    source: string;
    client: string;
    now: number;
    expiresAt: number;
  }): Promise<boolean>;
  /** How many wait, over all and from one source. */
  countDeviceCodes(source: string, now: number): Promise<{ readonly all: number; readonly ofSource: number }>;
  findDeviceCode(by: { hash: Buffer } | { userCode: string }): Promise<DeviceCode | undefined>;
  /** Approve or deny, once. False when somebody decided before. */
  decideDeviceCode(id: number, userId: NamespaceId, isApproved: boolean): Promise<boolean>;
  /** True for the one call that removes it. */
  deleteDeviceCode(id: number): Promise<boolean>;

  createCode(code: {
    hash: Buffer;
    appId: number;
    userId: NamespaceId;
    redirectUri: string;
    scope: string;
    nonce: string | undefined;
    challenge: string | undefined;
    now: number;
    expiresAt: number;
  }): Promise<void>;
  findCode(hash: Buffer): Promise<AuthorizationCode | undefined>;
  /** Note what a code was redeemed for. False when it was redeemed before. */
  redeemCode(id: number, grantId: number): Promise<boolean>;

  createGrant(grant: {
    userId: NamespaceId;
    appId: number | undefined;
    clientId: string;
    name: string;
    scope: string;
    role: TokenRole;
    now: number;
    expiresAt: number;
  }): Promise<number>;
  findGrant(by: { id: number } | { publicId: PublicId }): Promise<OAuthGrant | undefined>;
  listGrants(userId: NamespaceId): Promise<readonly ListedGrant[]>;
  advanceGrant(id: number, generation: number, expiresAt: number): Promise<void>;
  /** End a grant and all its tokens. True when there was one. */
  deleteGrant(by: { id: number } | { userId: NamespaceId; publicId: PublicId }): Promise<boolean>;
  /** Of the access tokens of a grant, keep the newest ones. */
  pruneTokens(grantId: number, keep: number): Promise<void>;
  /**
   * Remove what has expired; answers how many codes, grants and tokens of grants. Device codes go an hour later, so that
   * their program can still be told.
   */
  deleteExpired(now: number): Promise<number>;
}

export interface OrganizationStore {
  create(organization: {
    name: string;
    fullName: string;
    defaultVisibility: Visibility;
    now: number;
  }): Promise<Organization>;
  find(name: string): Promise<Organization | undefined>;
  list(): Promise<readonly Organization[]>;
  update(id: NamespaceId, change: { fullName?: string; defaultVisibility?: Visibility }): Promise<void>;
  setMember(
    organizationId: NamespaceId,
    userId: NamespaceId,
    role: OrganizationRole,
    now: number,
  ): Promise<void>;
  removeMember(organizationId: NamespaceId, userId: NamespaceId): Promise<boolean>;
  roleOf(organizationId: NamespaceId, userId: NamespaceId): Promise<OrganizationRole | undefined>;
  membershipsOf(userId: NamespaceId): Promise<readonly Membership[]>;
  members(organizationId: NamespaceId): Promise<readonly { user: User; role: OrganizationRole }[]>;
  /** In order of their row keys, after one. */
  memberPage(
    organizationId: NamespaceId,
    after: NamespaceId | undefined,
    limit: number,
  ): Promise<readonly User[]>;
  countMembers(organizationId: NamespaceId): Promise<number>;
}

/** Whose private repositories a list may show, made by `services/authorize.ts` alone. */
export type RepoScope =
  | { readonly kind: 'everything' }
  | { readonly kind: 'public' }
  | {
      readonly kind: 'public-and';
      readonly owners: readonly NamespaceId[];
      /** Single ones beside those of the owners. */
      readonly repositories?: readonly RepositoryId[];
    };

/** What is counted of a repository. */
export interface RepoCounters {
  readonly likes: number;
  /** Of the last 30 days. */
  readonly downloads: number;
  readonly downloadsAllTime: number;
  readonly trending: number;
}

export interface RepoListItem {
  readonly repo: Repo;
  /** Head of the default branch; absent only while a repository is being made. */
  readonly head: Oid | undefined;
  readonly counters: RepoCounters;
  /** By what the list is sorted, for `after`. */
  readonly sortValue: number;
  /** `StoredFacts.summary`, of whichever commit it was derived from; absent until it was once. */
  readonly summary: string | undefined;
}

export type RepoSort =
  | 'updatedAt'
  | 'createdAt'
  | 'likes'
  | 'downloads'
  | 'trending'
  /** Repositories whose parameters are not known are not in such a list. */
  | 'parameters';

export interface RepoListQuery {
  readonly kind: RepoKind;
  readonly owner?: string;
  /** Each must occur in `owner/name`, in any case. */
  readonly search?: readonly string[];
  /** Each must be a label of the repository. */
  readonly labels?: readonly Label[];
  /** One of these at least must be; an empty list matches nothing. */
  readonly anyLabel?: readonly Label[];
  /** Number of parameters, bounds included. */
  readonly parameters?: { readonly min: number; readonly max: number };
  readonly sort: RepoSort;
  readonly direction: 'ascending' | 'descending';
  readonly after?: { readonly value: number; readonly id: number };
  readonly limit: number;
}

export interface OwnedRepo {
  readonly repo: Repo;
  readonly storedBytes: number;
}

/** What settings change; what is left out stays. */
export interface RepoChange {
  readonly visibility?: Visibility;
  readonly defaultBranch?: string;
  /** Undefined unarchives. */
  readonly archivedAt?: number | undefined;
}

export interface RepoStore {
  /**
   * Throws `Conflict` with `details.name` when a repository of this owner and kind has the name, or one too much like
   * it (`normalName`). A redirect of this name ends.
   */
  create(repo: {
    kind: HeldKind;
    owner: Pick<Namespace, 'id' | 'name' | 'kind'>;
    name: string;
    visibility: Visibility;
    defaultBranch: string;
    createdBy: NamespaceId | undefined;
    /** Chosen beforehand where packs are stored under it before the row exists. */
    publicId?: PublicId;
    now: number;
  }): Promise<Repo>;
  /** By current or former name; `isRedirect` says which it was. */
  find(kind: HeldKind, owner: string, name: string): Promise<{ repo: Repo; isRedirect: boolean } | undefined>;
  findById(id: RepositoryId): Promise<Repo | undefined>;
  findByPublicId(id: PublicId): Promise<Repo | undefined>;
  /** How many of each kind a scope shows, of one owner or of all. */
  countVisible(scope: RepoScope, owner?: NamespaceId): Promise<Readonly<Record<RepoKind, number>>>;
  /** All repositories of an owner, newest first, before a row key, with the bytes of the large files linked to each. */
  listOwned(owner: NamespaceId, before: number | undefined, limit: number): Promise<readonly OwnedRepo[]>;
  /** Bytes of the large files linked to the repositories of an owner, in each that has them. */
  ownedBytes(owner: NamespaceId): Promise<number>;
  /** Keyset page, in the order asked for. */
  listVisible(scope: RepoScope, query: RepoListQuery): Promise<readonly RepoListItem[]>;
  /** All 0 when there is no such repository. */
  counters(id: RepositoryId): Promise<RepoCounters>;
  /** Every repository, in id order, after an id; for jobs, `doctor` and `repo list`. */
  listAll(after: RepositoryId | undefined, limit: number): Promise<readonly Repo[]>;
  /** The repository of this owner and kind whose name is this one or too much like it; redirects do not count. */
  findAlike(ownerId: NamespaceId, kind: HeldKind, name: string): Promise<Repo | undefined>;
  /**
   * Give a repository another name, another owner, or both; the former name leads to it from then on. Throws
   * `Conflict` as `create` does, and for a redirect to what somebody else owns.
   */
  move(
    repo: Repo,
    to: { readonly owner: Pick<Namespace, 'id' | 'name' | 'kind'>; readonly name: string },
    now: number,
  ): Promise<Repo>;
  update(id: RepositoryId, change: RepoChange, now: number): Promise<void>;
  touch(id: RepositoryId, now: number): Promise<void>;
  /** Remove the repository and every row that belongs to it alone. Objects stay for the collector. */
  delete(id: RepositoryId): Promise<void>;
}

export interface Liker {
  /** Row key of the like, ascending in time. */
  readonly id: number;
  readonly user: User;
}

export interface LikedRepo {
  /** Row key of the like, ascending in time. */
  readonly id: number;
  readonly repo: Repo;
  readonly likedAt: number;
}

/**
 * Who likes what. `likes` and `trending` of the repository move with the row of each like, in the database, so that
 * they are right whoever writes at the same time.
 */
export interface LikeStore {
  /** Answers false, changing nothing, when the user likes the repository already. */
  add(repositoryId: RepositoryId, userId: NamespaceId, now: number): Promise<boolean>;
  /** Answers false, changing nothing, when the user does not like the repository. */
  remove(repositoryId: RepositoryId, userId: NamespaceId, now: number): Promise<boolean>;
  /** Take back all likes of a user, who cannot be deleted before. Answers how many there were. */
  removeAllOf(userId: NamespaceId, now: number): Promise<number>;
  has(repositoryId: RepositoryId, userId: NamespaceId): Promise<boolean>;
  /** Newest first, before a row key. */
  likersOf(repositoryId: RepositoryId, before: number | undefined, limit: number): Promise<readonly Liker[]>;
  /** What a user likes of the repositories that a scope shows, newest first, before a row key. */
  likedBy(
    userId: NamespaceId,
    scope: RepoScope,
    before: number | undefined,
    limit: number,
  ): Promise<readonly LikedRepo[]>;
  countLikedBy(userId: NamespaceId, scope: RepoScope): Promise<number>;
}

/** Downloads of one repository on one day. */
export interface DownloadDay {
  readonly day: Day;
  readonly downloads: number;
  /** Those among them by somebody who had signed in. */
  readonly authenticated: number;
  /** Files that were sent. */
  readonly files: number;
}

export interface PopularRepo extends RepoCounters {
  readonly repo: Repo;
}

/** What a repository got within some days. */
export interface PopularityWindow {
  readonly downloads: number;
  /** Points by `domain/popularity.ts`. */
  readonly score: number;
}

/** How much repositories are used. */
export interface PopularityStore {
  /** Add downloads to the days of repositories and to their counters; those of repositories that are gone are dropped. */
  addDownloads(
    counted: readonly ({ readonly repositoryId: RepositoryId } & DownloadDay)[],
    today: Day,
  ): Promise<void>;
  /** Days from `firstDay` on that had any, in order. */
  downloadDays(repositoryId: RepositoryId, firstDay: Day): Promise<readonly DownloadDay[]>;
  /** Repositories of a kind that a scope shows and somebody used lately: first by score, then by downloads, `limit` each. */
  mostUsed(scope: RepoScope, kind: RepoKind, limit: number): Promise<readonly PopularRepo[]>;
  /** What these repositories got in the last `days` days. */
  windows(
    repositoryIds: readonly RepositoryId[],
    today: Day,
    days: number,
  ): Promise<ReadonlyMap<RepositoryId, PopularityWindow>>;
  /**
   * Work out anew what depends on today's date, for the next `limit` repositories after an id. Answers the last one;
   * undefined when there is none.
   */
  recount(after: RepositoryId | undefined, today: Day, limit: number): Promise<RepositoryId | undefined>;
  /** Forget up to `limit` days of repositories that lie before a day; answers how many. */
  deleteDownloadDays(before: Day, limit: number): Promise<number>;
}

export interface Ref {
  /** Full name, e.g. `refs/heads/main`. */
  readonly name: string;
  /** What it points at: a commit, or an annotated tag. */
  readonly target: Oid;
  /** For an annotated tag, the commit it leads to. */
  readonly peeled: Oid | undefined;
}

export interface RefStore {
  find(repositoryId: RepositoryId, name: string): Promise<Ref | undefined>;
  /** Those of `names` that exist. */
  findMany(repositoryId: RepositoryId, names: readonly string[]): Promise<readonly Ref[]>;
  list(repositoryId: RepositoryId, prefix: string): Promise<readonly Ref[]>;
  /** The same in pieces of bounded length, each asked for when the one before was worked off. */
  pages(repositoryId: RepositoryId, prefix: string): AsyncIterable<readonly Ref[]>;
  /**
   * Move, create (`expected` undefined) or delete (`next` undefined) one ref. Answers false, changing nothing,
   * when the ref is not what `expected` says. Called by `services/ref-updates.ts` alone.
   */
  compareAndSet(
    repositoryId: RepositoryId,
    name: string,
    expected: Oid | undefined,
    next: { target: Oid; peeled?: Oid } | undefined,
    now: number,
  ): Promise<boolean>;
}

export type StoredObjectType = 'commit' | 'tree' | 'blob' | 'tag';

export interface PackRow {
  readonly packId: string;
  /** Public id of the repository that it is stored under: a duplicate lists the packs of its source. */
  readonly home: PublicId;
  readonly source: 'commit' | 'push' | 'rolled';
  readonly objectCount: number;
  readonly sizeBytes: number;
  readonly indexSizeBytes: number;
  readonly createdAt: number;
  /** Digest of the tips whose whole history it is (`git/tips-digest.ts`), when it holds nothing else. */
  readonly closureOf?: Buffer;
}

/** A pack of a repository's own, as whoever stored it describes it. */
export type NewPack = Omit<PackRow, 'createdAt' | 'home'>;

export interface HotObject {
  /** Row key, ascending in order of insertion. */
  readonly id: number;
  readonly oid: Oid;
  readonly type: StoredObjectType;
  /** Length of the inflated content. */
  readonly sizeBytes: number;
  /** zlib stream of the content, without git's header. */
  readonly deflated: Buffer;
}

export interface GitObjectStore {
  /** Insert hot rows, skipping ids that the repository has as rows already. Large batches go in slices. */
  insertHot(repositoryId: RepositoryId, objects: readonly Omit<HotObject, 'id'>[]): Promise<void>;
  findHot(repositoryId: RepositoryId, oids: readonly Oid[]): Promise<readonly HotObject[]>;
  hotOidsByPrefix(repositoryId: RepositoryId, hexPrefix: string, limit: number): Promise<readonly Oid[]>;
  hotTotals(repositoryId: RepositoryId): Promise<{ count: number; sizeBytes: number }>;
  /** Repositories whose hot rows exceed either bound, most rows first. */
  repositoriesToRoll(
    bounds: { count: number; sizeBytes: number },
    limit: number,
  ): Promise<readonly RepositoryId[]>;
  /** Hot rows in insertion order, after a row key. */
  listHot(repositoryId: RepositoryId, after: number, limit: number): Promise<readonly HotObject[]>;
  deleteHot(repositoryId: RepositoryId, ids: readonly number[]): Promise<void>;
  addPack(repositoryId: RepositoryId, pack: NewPack, now: number): Promise<void>;
  /** Newest first. */
  packs(repositoryId: RepositoryId): Promise<readonly PackRow[]>;
  /** Whether any repository lists the pack that is stored under `home`. */
  isPackListed(home: PublicId, packId: string): Promise<boolean>;
  /** Whether objects may be stored that no ref of the repository leads to. */
  mayHoldUnreachable(repositoryId: RepositoryId): Promise<boolean>;
  /** From now on there may be such objects. */
  noteUnreachable(repositoryId: RepositoryId): Promise<void>;
  /** Give a new repository all objects of another one: its hot rows in slices, and its packs by name. */
  copyAll(from: RepositoryId, to: RepositoryId): Promise<void>;
}

export interface LargeObject {
  readonly id: number;
  readonly sha256: Sha256;
  readonly sizeBytes: number;
  readonly hasPlainForm: boolean;
  readonly xetHash: XetHash | undefined;
}

/** Where a large file was committed first. */
export interface LinkOrigin {
  /** By row key of the large object. */
  readonly paths: ReadonlyMap<number, string>;
  /** Short name of the branch. */
  readonly ref: string;
  readonly pusherId: NamespaceId | undefined;
}

/** A large object that is linked to a repository; what is not known of its origin is absent. */
export interface LinkedFile extends LargeObject {
  readonly linkedAt: number;
  readonly path: string | undefined;
  readonly ref: string | undefined;
  readonly pusher: string | undefined;
}

export interface LargeObjectStore {
  /** Among the objects linked to, or pending for, this repository. */
  findForRepository(
    repositoryId: RepositoryId,
    sha256s: readonly Sha256[],
    now: number,
  ): Promise<readonly LargeObject[]>;
  /** By Xet hash, again only what this repository may see. */
  findByXetHash(repositoryId: RepositoryId, xetHash: XetHash, now: number): Promise<LargeObject | undefined>;
  /** Whatever the hub holds; for storing, jobs and `doctor`, never to answer a caller. */
  findAny(sha256: Sha256): Promise<LargeObject | undefined>;
  /** Record that the plain form is stored. Creates the object when new. */
  addPlainForm(object: { sha256: Sha256; sizeBytes: number }, now: number): Promise<LargeObject>;
  /** Record that the Xet form is stored. Creates the object when new; of several Xet forms the first stays. */
  addXetForm(
    object: { sha256: Sha256; sizeBytes: number; xetHash: XetHash },
    now: number,
  ): Promise<LargeObject>;
  /** Let the repository commit these until then; a later `until` wins. */
  pend(repositoryId: RepositoryId, objectIds: readonly number[], until: number): Promise<void>;
  /** Those that wait to be committed to this repository, in the order of their keys after `afterId`. */
  listPending(
    repositoryId: RepositoryId,
    now: number,
    afterId: number,
    limit: number,
  ): Promise<readonly LargeObject[]>;
  /** Tie the objects to the repository for good, and drop their pendings. Those that are tied keep their origin. */
  link(
    repositoryId: RepositoryId,
    objectIds: readonly number[],
    now: number,
    origin?: LinkOrigin,
  ): Promise<void>;
  /** The opposite, pendings included; it is remembered which were removed on purpose. */
  unlink(repositoryId: RepositoryId, sha256s: readonly Sha256[], now: number): Promise<void>;
  /** Among the objects linked to this repository; pending ones do not count. */
  findLinked(repositoryId: RepositoryId, sha256s: readonly Sha256[]): Promise<readonly LargeObject[]>;
  listFiles(repositoryId: RepositoryId, afterId: number, limit: number): Promise<readonly LinkedFile[]>;
  /** Tie what one repository has for good to a new one as well, and remember what it gave up. In slices. */
  copyLinks(from: RepositoryId, to: RepositoryId, now: number): Promise<void>;
  /** The next object in plain form alone that nobody has looked at, of at least so many bytes. */
  nextToExamine(minBytes: number): Promise<LargeObject | undefined>;
  /** Remember that it was looked at, and the raw chunk hashes by which it shall be found. */
  markExamined(objectId: number, samples: readonly Uint8Array[], now: number): Promise<void>;
  /** Objects in plain form alone that are found by these chunks, and by how many: a few hundred chunks at a time. */
  findBySamples(
    hashes: readonly Uint8Array[],
  ): Promise<readonly { readonly object: LargeObject; readonly samples: number }[]>;
  /** Say that an object which has a Xet form has no plain form any more. Its bytes are left to the sweep. */
  dropPlainForm(objectId: number): Promise<void>;
  deleteExpiredPendings(now: number): Promise<number>;
  /** Bytes of all objects linked to the repository. */
  linkedBytes(repositoryId: RepositoryId): Promise<number>;
  /** Bytes of the objects linked to repositories of each kind, an object once a kind. */
  linkedBytesByKind(): Promise<Readonly<Record<RepoKind, number>>>;
  listLinked(repositoryId: RepositoryId, afterId: number, limit: number): Promise<readonly LargeObject[]>;
  listAll(afterId: number, limit: number): Promise<readonly LargeObject[]>;
  totals(): Promise<{ count: number; sizeBytes: number }>;
}

export interface Bucket {
  readonly repo: Repo;
  readonly fileCount: number;
  readonly sizeBytes: number;
}

export interface BucketFile {
  readonly path: string;
  readonly object: LargeObject;
  /** When it was changed where it came from, as its uploader says. */
  readonly modifiedAt: number | undefined;
  readonly contentType: string | undefined;
  readonly uploadedAt: number;
}

/** What a path of a bucket shall hold from now on; without a file nothing. */
export interface BucketChange {
  readonly path: string;
  readonly file: Omit<BucketFile, 'path' | 'uploadedAt'> | undefined;
}

/** The files of buckets, and buckets as their owners list them. */
export interface BucketStore {
  /** How much is in a bucket; undefined for what is none. */
  totals(id: RepositoryId): Promise<Omit<Bucket, 'repo'> | undefined>;
  /** Start counting in a bucket that was just created. */
  begin(id: RepositoryId): Promise<void>;
  /** Buckets of an owner with this text in their names, newest first. */
  list(
    scope: RepoScope,
    query: {
      readonly owner: NamespaceId;
      readonly search: string | undefined;
      readonly before: number | undefined;
      readonly limit: number;
    },
  ): Promise<readonly Bucket[]>;
  find(id: RepositoryId, paths: readonly string[]): Promise<readonly BucketFile[]>;
  /** Files in the order of their paths, from `from` on and before `before`. */
  listFiles(
    id: RepositoryId,
    range: { readonly from: string; readonly before: string | undefined; readonly limit: number },
  ): Promise<readonly BucketFile[]>;
  /** Among the objects linked to a repository, and with `pendingAt` those pending for it then, by Xet hash. */
  findObjects(
    id: RepositoryId,
    xetHashes: readonly XetHash[],
    pendingAt: number | undefined,
  ): Promise<ReadonlyMap<XetHash, LargeObject>>;
  /**
   * Set and delete files; of several changes of a path the last counts. Objects that a file has become are linked,
   * those that no file is any more are not linked any longer.
   */
  change(id: RepositoryId, changes: readonly BucketChange[], now: number): Promise<void>;
  /** Counted anew, for `doctor`: the files, their bytes, files whose object is not linked, and links without a file. */
  inspect(id: RepositoryId): Promise<{
    readonly fileCount: number;
    readonly sizeBytes: number;
    readonly unlinked: number;
    readonly unused: number;
  }>;
}

export interface Upload {
  readonly publicId: PublicId;
  readonly repositoryId: RepositoryId;
  readonly sha256: Sha256;
  readonly sizeBytes: number;
  readonly partSizeBytes: number;
  readonly createdAt: number;
  readonly expiresAt: number;
}

export interface UploadPart {
  readonly number: number;
  readonly sizeBytes: number;
  readonly etag: string;
}

/** Unfinished multipart uploads of large objects. */
export interface UploadStore {
  create(upload: Omit<Upload, 'publicId' | 'createdAt'>, now: number): Promise<Upload>;
  find(publicId: PublicId, now: number): Promise<Upload | undefined>;
  /** An unfinished upload of the same object to the same repository, to resume. */
  findFor(repositoryId: RepositoryId, sha256: Sha256, now: number): Promise<Upload | undefined>;
  /** Give an upload that is resumed more time; never less than it has. */
  extend(publicId: PublicId, expiresAt: number): Promise<void>;
  putPart(publicId: PublicId, part: UploadPart): Promise<void>;
  parts(publicId: PublicId): Promise<readonly UploadPart[]>;
  delete(publicId: PublicId): Promise<void>;
  listExpired(now: number, limit: number): Promise<readonly Upload[]>;
  exists(publicId: PublicId): Promise<boolean>;
}

/** A path of a repository that somebody asked others to leave alone (git-lfs locking API). */
export interface LfsLock {
  /** Row key: locks are listed in the order in which they were made. */
  readonly id: number;
  readonly publicId: PublicId;
  readonly path: string;
  readonly lockedAt: number;
  readonly owner: { readonly id: NamespaceId; readonly name: string };
}

export interface LfsLockStore {
  /** The lock of the path, made now unless there is one already. */
  add(
    lock: { readonly repositoryId: RepositoryId; readonly path: string; readonly ownerId: NamespaceId },
    now: number,
  ): Promise<{ readonly lock: LfsLock; readonly isNew: boolean }>;
  find(repositoryId: RepositoryId, publicId: PublicId): Promise<LfsLock | undefined>;
  /** Oldest first, after a row key. */
  list(
    repositoryId: RepositoryId,
    page: {
      readonly after: number;
      readonly limit: number;
      readonly path?: string | undefined;
      readonly publicId?: PublicId | undefined;
    },
  ): Promise<readonly LfsLock[]>;
  /** Answers false when it is gone already. */
  remove(repositoryId: RepositoryId, publicId: PublicId): Promise<boolean>;
}

export interface XetTerm {
  readonly xorb: XetHash;
  readonly chunkStart: number;
  readonly chunkEnd: number;
  /** Raw length of the chunks of this term together. */
  readonly unpackedBytes: number;
}

export interface XorbRow {
  readonly hash: XetHash;
  readonly sizeBytes: number;
  readonly rawBytes: number;
  readonly chunkCount: number;
}

/** Chunks of a xorb that a file is made of. */
export interface XorbRange {
  readonly xorb: XetHash;
  readonly chunkStart: number;
  readonly chunkEnd: number;
}

export interface XetStore {
  /** Remember a xorb, and the raw hashes of the chunks by which it shall be found again. */
  addXorb(xorb: XorbRow, samples: readonly Uint8Array[], now: number): Promise<void>;
  /** Chunks by which xorbs shall be found, beside those they came with. Unknown xorbs are passed over. */
  addSamples(samples: readonly { xorb: XetHash; hash: Uint8Array }[]): Promise<void>;
  /** Xorbs that are found by any of these chunks, at most `limit`: a few hundred chunks at a time. */
  findBySamples(hashes: readonly Uint8Array[], limit: number): Promise<readonly XetHash[]>;
  /**
   * What files in repositories of the scope are made of, as far as they have a xorb that is found by this chunk: the
   * newest `files` of them, and at most `terms` ranges. What no such file names is not told.
   */
  rangesAround(
    scope: RepoScope,
    hash: Uint8Array,
    limits: { files: number; terms: number },
  ): Promise<readonly XorbRange[]>;
  findXorbs(hashes: readonly XetHash[]): Promise<readonly XorbRow[]>;
  /** Remember a reconstructable file: its terms in order. Adding it again changes nothing. */
  addFile(file: { hash: XetHash; sizeBytes: number; terms: readonly XetTerm[] }, now: number): Promise<void>;
  /** Terms in order with the file's size. */
  findFile(hash: XetHash): Promise<{ sizeBytes: number; terms: readonly XetTerm[] } | undefined>;
  listXorbs(after: XetHash | undefined, limit: number): Promise<readonly XorbRow[]>;
  totals(): Promise<{ xorbs: number; sizeBytes: number }>;
}

/** A commit of the API that was answered, so that the same request can be answered again. */
export interface AnsweredCommit {
  readonly commit: Oid;
  /** Head of the branch when the commit was made. */
  readonly parent: Oid | undefined;
}

export interface CommitRequestStore {
  /** Newest first: earlier answers to exactly this request on this branch. */
  find(repositoryId: RepositoryId, branch: string, fingerprint: Buffer): Promise<readonly AnsweredCommit[]>;
  remember(
    repositoryId: RepositoryId,
    branch: string,
    fingerprint: Buffer,
    answer: AnsweredCommit,
    now: number,
  ): Promise<void>;
  deleteOlderThan(time: number): Promise<number>;
}

export interface HistoryCommit {
  readonly oid: Oid;
  /** First-parent chain this commit lies on. */
  readonly chain: number;
  /** How many first-parent ancestors it has, so that places on one lineage differ across its chains. */
  readonly position: number;
  /** Undefined for a root. */
  readonly firstParent: Oid | undefined;
  /** How many commits are reachable from this one, itself included. */
  readonly reachable: number;
  /** True when no commit reachable from this one has a second parent. */
  readonly isLinear: boolean;
}

export interface ChainSegment {
  readonly chain: number;
  /** Highest position of the chain that belongs to the lineage. */
  readonly upTo: number;
}

/** Derived, rebuildable: which commit of a first-parent lineage touched which path last. */
export interface HistoryStore {
  findCommit(repositoryId: RepositoryId, oid: Oid): Promise<HistoryCommit | undefined>;
  /**
   * Insert a commit with what it changed against its first parent: the paths of files and folders, and `folder/` for
   * a folder that came whole, of which nothing below is listed (`/` for the first tree). Long lists go in slices.
   */
  addCommit(
    repositoryId: RepositoryId,
    commit: { oid: Oid; firstParent: Oid | undefined; reachable: number; isLinear: boolean },
    changes: readonly string[],
  ): Promise<HistoryCommit>;
  /** The chains that make up the first-parent lineage of a commit, nearest first. */
  lineage(repositoryId: RepositoryId, oid: Oid): Promise<readonly ChainSegment[]>;
  /** For each path, as it was given to `addCommit`, the last commit of the lineage recorded for it. */
  lastChanges(
    repositoryId: RepositoryId,
    lineage: readonly ChainSegment[],
    paths: readonly string[],
  ): Promise<ReadonlyMap<string, { oid: Oid; segment: number; position: number }>>;
  /** Commits of the lineage, newest first. */
  page(
    repositoryId: RepositoryId,
    lineage: readonly ChainSegment[],
    skip: number,
    limit: number,
  ): Promise<readonly Oid[]>;
}

/** What was derived from the files of a repository at a commit, as JSON text. */
export interface StoredFacts {
  readonly commit: Oid;
  readonly summary: string;
  readonly card: string;
  readonly details: string;
}

/**
 * Derived, rebuildable: what the files at the head of the default branch say. Whoever moves that branch, or chooses
 * another one, marks the repository stale in the same transaction; whoever derives facts unmarks it.
 */
export interface FactStore {
  /** What is kept, whichever commit it was derived from. */
  find(repositoryId: RepositoryId): Promise<StoredFacts | undefined>;
  findMany(repositoryIds: readonly RepositoryId[]): Promise<ReadonlyMap<RepositoryId, StoredFacts>>;
  /** Replace what is kept, and unmark the repository. */
  put(
    repo: Pick<Repo, 'id' | 'kind'>,
    facts: StoredFacts & { parameters: number | undefined; labels: readonly Label[] },
  ): Promise<void>;
  /** Forget what is kept, and unmark the repository: it has no default branch. */
  clear(repositoryId: RepositoryId): Promise<void>;
  markStale(repositoryId: RepositoryId): Promise<void>;
  markAllStale(): Promise<void>;
  /** In order of ids, after one; of one kind or all. */
  listStale(
    kind: RepoKind | undefined,
    after: RepositoryId | undefined,
    limit: number,
  ): Promise<readonly RepositoryId[]>;
  /** Labels of a role that repositories in scope have, in order, after one. */
  listLabels(
    scope: RepoScope,
    query: { kind: RepoKind; role: LabelRole; after: string | undefined; limit: number },
  ): Promise<readonly string[]>;
  countLabeled(scope: RepoScope, kind: RepoKind, label: Label): Promise<number>;
}

export interface Job {
  readonly id: number;
  readonly kind: string;
  readonly key: string;
  readonly payload: string;
  readonly attempts: number;
}

export interface JobStore {
  /** Put a job in line; while one of the same kind and key waits unclaimed this changes nothing. */
  enqueue(job: { kind: string; key: string; payload: string; runAt: number }, now: number): Promise<void>;
  /** Claim the next due job for `leaseMs`; jobs whose lease ran out are due again. */
  claim(now: number, leaseMs: number): Promise<Job | undefined>;
  /** Make every claimed job due again. Only for a process that knows that no other one works on them. */
  releaseAll(now: number): Promise<void>;
  finish(id: number): Promise<void>;
  /** Try again later, remembering why. */
  retry(id: number, runAt: number, problem: string): Promise<void>;
  counts(): Promise<{ waiting: number; running: number }>;
}

export interface HubEvent {
  readonly id: number;
  readonly kind: string;
  readonly repositoryId: RepositoryId | undefined;
  readonly actorId: NamespaceId | undefined;
  readonly payload: string;
  readonly at: number;
}

export interface EventStore {
  append(event: Omit<HubEvent, 'id'>): Promise<void>;
  /** In order, after an id. */
  list(after: number, limit: number): Promise<readonly HubEvent[]>;
}

export interface SettingStore {
  get(key: string): Promise<string | undefined>;
  set(key: string, value: string): Promise<void>;
  /** Set only when absent; answers what is stored afterwards. */
  setDefault(key: string, value: string): Promise<string>;
}

/** A name under which a repository is found. */
export interface RepositoryName {
  readonly ownerId: NamespaceId;
  readonly kind: HeldKind;
  /** In ASCII lower case, without the owner. */
  readonly folded: string;
  /** A former name, which lasts until another repository takes it. */
  readonly isRedirect: boolean;
}

/** Whose a key for SSH is. */
export type SshKeyOwner =
  | { readonly kind: 'user'; readonly userId: NamespaceId }
  | { readonly kind: 'repository'; readonly repositoryId: RepositoryId };

export interface StoredSshKey {
  readonly publicId: PublicId;
  readonly type: SshKeyType;
  readonly blob: Buffer;
  /** SHA-256 of `blob`. */
  readonly fingerprint: Buffer;
  readonly title: string;
  /** What a deploy key may do in its repository; undefined for the key of a user. */
  readonly level: ReachLevel | undefined;
  /** Name of whoever added it, while there is such a user. */
  readonly addedBy: string | undefined;
  readonly createdAt: number;
  readonly lastUsedAt: number | undefined;
}

/** A key with what it opens: all that its user may do, or one repository. */
export interface FoundSshKey {
  readonly key: StoredSshKey;
  readonly opens:
    | { readonly kind: 'user'; readonly user: User }
    | { readonly kind: 'repository'; readonly repositoryId: RepositoryId; readonly level: ReachLevel };
}

/** Public keys of people and of repositories. */
export interface SshKeyStore {
  /** Throws `Conflict`, without saying where, when the key is in use already. */
  add(key: {
    readonly owner:
      | Extract<SshKeyOwner, { kind: 'user' }>
      | (Extract<SshKeyOwner, { kind: 'repository' }> & { readonly level: ReachLevel });
    readonly fingerprint: Buffer;
    readonly type: SshKeyType;
    readonly blob: Buffer;
    readonly title: string;
    readonly addedBy: NamespaceId;
    readonly now: number;
  }): Promise<PublicId>;
  find(fingerprint: Buffer): Promise<FoundSshKey | undefined>;
  findById(publicId: PublicId): Promise<FoundSshKey | undefined>;
  /** In the order in which they were added. */
  list(owner: SshKeyOwner): Promise<readonly StoredSshKey[]>;
  /** True when the owner had such a key. */
  remove(owner: SshKeyOwner, publicId: PublicId): Promise<boolean>;
  touch(uses: readonly { publicId: PublicId; at: number }[]): Promise<void>;
}

/** What `doctor` alone asks: counts taken anew, and who is affected by what is broken. */
export interface InspectionStore {
  namesOf(repositoryId: RepositoryId): Promise<readonly RepositoryName[]>;
  /** The hot rows there are, whatever `hotTotals` says. */
  countHot(repositoryId: RepositoryId): Promise<{ count: number; sizeBytes: number }>;
  /** Sizes of those objects that are linked to the repository for good; pending ones do not count. */
  linkedAmong(repositoryId: RepositoryId, sha256s: readonly Sha256[]): Promise<ReadonlyMap<Sha256, number>>;
  /** Those that the repository gave up on purpose. */
  removedAmong(repositoryId: RepositoryId, sha256s: readonly Sha256[]): Promise<ReadonlySet<Sha256>>;
  /** Repositories that link a large object. */
  linkersOf(objectId: number, limit: number): Promise<readonly RepositoryId[]>;
  /** Repositories that link a large object which is rebuilt from this xorb. */
  dependentsOf(xorb: XetHash, limit: number): Promise<readonly RepositoryId[]>;
  /** Unfinished uploads, expired ones too, in order of their ids. */
  listUploads(after: PublicId | undefined, limit: number): Promise<readonly Upload[]>;
}

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
