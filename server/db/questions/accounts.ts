import type {
  AccessToken,
  Namespace,
  ReachLevel,
  TokenReach,
  TokenRole,
  User,
} from '../../domain/account.ts';
import type { NamespaceId, PublicId } from '../../domain/ids.ts';
import type { HeldKind } from '../../domain/repo.ts';

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
