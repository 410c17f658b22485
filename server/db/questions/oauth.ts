import type { TokenRole, User } from '../../domain/account.ts';
import type { NamespaceId, PublicId } from '../../domain/ids.ts';

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
