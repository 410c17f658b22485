import type { NamespaceId, PublicId } from './ids.ts';

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

export type TokenRole = 'read' | 'write';

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
}
