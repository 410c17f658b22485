import type { NamespaceId, PublicId, RepositoryId } from './ids.ts';

/** Roles in an organization, weakest first. */
export const ORGANIZATION_ROLES = ['visitor', 'member', 'admin', 'super-admin'] as const;
export type OrganizationRole = (typeof ORGANIZATION_ROLES)[number];

export type Visibility = 'public' | 'private';

/** A name that can own repositories. Users and organizations share one set of names. */
export interface Namespace {
  readonly id: NamespaceId;
  readonly publicId: PublicId;
  readonly kind: 'user' | 'organization';
  /** As first written; lookups fold ASCII case. */
  readonly name: string;
  readonly fullName: string;
  readonly createdAt: number;
}

export interface User extends Namespace {
  readonly kind: 'user';
  readonly email: string | undefined;
  readonly isAdmin: boolean;
}

export interface Organization extends Namespace {
  readonly kind: 'organization';
  readonly defaultVisibility: Visibility;
}

export interface Membership {
  readonly organization: Organization;
  readonly role: OrganizationRole;
}

/** `fineGrained` tokens do nothing but what their {@link TokenReach} names. */
export type TokenRole = 'read' | 'write' | 'fineGrained';

/** How far a fine-grained token reaches into one repository or namespace. `write` includes reading. */
export type ReachLevel = 'read' | 'write';

/** All that a fine-grained token was made for; a namespace stands for each of its repositories, future ones too. */
export interface TokenReach {
  readonly repositories: ReadonlyMap<RepositoryId, ReachLevel>;
  readonly namespaces: ReadonlyMap<NamespaceId, ReachLevel>;
}

/** Where a token comes from that its user did not make but grant: to a program, by OAuth. */
export interface TokenGrant {
  readonly publicId: PublicId;
  readonly clientId: string;
  /** Names of OAuth scopes, separated by blanks. */
  readonly scope: string;
}

/** An access token as it is shown in lists; the secret itself is never stored. */
export interface AccessToken {
  readonly publicId: PublicId;
  readonly userId: NamespaceId;
  readonly name: string;
  readonly role: TokenRole;
  /** First characters of the secret, to recognise it by. */
  readonly prefix: string;
  readonly createdAt: number;
  readonly expiresAt: number | undefined;
  readonly lastUsedAt: number | undefined;
  /** Of a fine-grained token. Lists of tokens leave it out. */
  readonly reach?: TokenReach | undefined;
  /** Of a token that was granted to a program. */
  readonly grant?: TokenGrant | undefined;
}
