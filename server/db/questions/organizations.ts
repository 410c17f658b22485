import type { Membership, Organization, OrganizationRole, User, Visibility } from '../../domain/account.ts';
import type { NamespaceId } from '../../domain/ids.ts';

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
