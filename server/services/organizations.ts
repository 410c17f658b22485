import type { OrganizationStore } from '../db/questions/organizations.ts';
import type { Membership, Organization, OrganizationRole, User, Visibility } from '../domain/account.ts';
import { conflict, HubError } from '../domain/errors.ts';
import type { NamespaceId } from '../domain/ids.ts';
import { parseNamespaceName } from '../domain/names.ts';
import type { Database } from '../db/stores.ts';
import type { Clock } from '../platform/clock.ts';
import { parseLine } from './person-text.ts';

export interface NewOrganization {
  readonly name: string;
  /** The name itself when left out or empty. */
  readonly fullName?: string | undefined;
  readonly defaultVisibility?: Visibility;
  /** Becomes its super-admin. */
  readonly owner: User;
}

export interface Organizations {
  /** Throws InvalidName, ReservedName, InvalidBody, and Conflict when the name is taken. */
  create(organization: NewOrganization): Promise<Organization>;
  /** Add somebody or change their role. Throws Conflict when that would leave no super-admin. */
  setMember(organization: Organization, user: User, role: OrganizationRole): Promise<void>;
  /** Throws Conflict for the last super-admin, NotFound for who is no member. */
  removeMember(organization: Organization, user: User): Promise<void>;
  members(
    organization: Organization,
  ): Promise<readonly { readonly user: User; readonly role: OrganizationRole }[]>;
  /** The organizations a user belongs to, with the role in each. */
  membershipsOf(userId: NamespaceId): Promise<readonly Membership[]>;
  list(): Promise<readonly Organization[]>;
  /** Throws NotFound. */
  get(name: string): Promise<Organization>;
}

/** Organizations and who belongs to them. Whether a caller may do this is decided before (`domain/access.ts`). */
export function createOrganizations({
  db,
  clock,
}: {
  readonly db: Database;
  readonly clock: Pick<Clock, 'now'>;
}): Organizations {
  return {
    async create({ name: text, fullName, defaultVisibility = 'public', owner }) {
      const name = parseNamespaceName(text);
      const shownName = parseLine(fullName ?? '', 'The full name') || name;
      const now = clock.now();
      return db.write(async ({ organizations }) => {
        const created = await organizations.create({ name, fullName: shownName, defaultVisibility, now });
        await organizations.setMember(created.id, owner.id, 'super-admin', now);
        return created;
      });
    },

    setMember: (organization, user, role) =>
      db.write(({ organizations }) => assignRole(organizations, organization.id, user.id, role, clock.now())),

    removeMember: (organization, user) =>
      db.write(async ({ organizations }) => {
        await refuseLastSuperAdmin(organizations, organization.id, user.id);
        const isGone = await organizations.removeMember(organization.id, user.id);
        if (!isGone) throw new HubError('NotFound', `${user.name} is not a member of ${organization.name}.`);
      }),

    members: (organization) => db.read(({ organizations }) => organizations.members(organization.id)),

    membershipsOf: (userId) => db.read(({ organizations }) => organizations.membershipsOf(userId)),

    list: () => db.read(({ organizations }) => organizations.list()),

    async get(name) {
      const found = await db.read(({ organizations }) => organizations.find(name));
      if (!found)
        throw new HubError('NotFound', `There is no organization with the name "${name.slice(0, 100)}".`);
      return found;
    },
  };
}

/** Set a role inside a transaction, held to the rule that an organization keeps a super-admin once it has one. */
export async function assignRole(
  organizations: OrganizationStore,
  organizationId: NamespaceId,
  userId: NamespaceId,
  role: OrganizationRole,
  now: number,
): Promise<void> {
  if (role !== 'super-admin') await refuseLastSuperAdmin(organizations, organizationId, userId);
  await organizations.setMember(organizationId, userId, role, now);
}

async function refuseLastSuperAdmin(
  organizations: OrganizationStore,
  organizationId: NamespaceId,
  userId: NamespaceId,
): Promise<void> {
  const superAdmins = (await organizations.members(organizationId)).filter(
    ({ role }) => role === 'super-admin',
  );
  if (superAdmins.length === 1 && superAdmins[0]?.user.id === userId) {
    throw conflict('The last super-admin of an organization can neither leave nor get another role.');
  }
}
