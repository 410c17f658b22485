import { foldName } from '../../domain/names.ts';
import type { OrganizationStore } from '../questions/organizations.ts';
import type { StoreContext } from '../store-context.ts';
import {
  insertNamespace,
  renameFully,
  selectOrganizations,
  selectUsers,
  toOrganization,
  toUser,
} from './namespace-rows.ts';

export function createOrganizationStore(context: StoreContext): OrganizationStore {
  const { db } = context;
  return {
    create: async ({ name, fullName, defaultVisibility, now }) => {
      const namespace = await insertNamespace(context, { kind: 'organization', name, fullName, now });
      await db
        .insertInto('organizations')
        .values({ id: namespace.id, default_visibility: defaultVisibility })
        .execute();
      return { ...namespace, defaultVisibility };
    },

    find: async (name) => {
      const row = await selectOrganizations(context)
        .where('namespaces.folded', '=', foldName(name))
        .executeTakeFirst();
      return row && toOrganization(row);
    },

    list: async () => {
      const rows = await selectOrganizations(context).orderBy('namespaces.folded').execute();
      return rows.map(toOrganization);
    },

    update: async (id, { fullName, defaultVisibility }) => {
      if (fullName !== undefined) await renameFully(context, id, fullName);
      if (defaultVisibility !== undefined) {
        await db
          .updateTable('organizations')
          .set({ default_visibility: defaultVisibility })
          .where('id', '=', id)
          .execute();
      }
    },

    setMember: async (organizationId, userId, role, now) => {
      await db
        .insertInto('memberships')
        .values({ organization_id: organizationId, user_id: userId, role, created_at: now })
        .onConflict((on) => on.columns(['organization_id', 'user_id']).doUpdateSet({ role }))
        .execute();
    },

    removeMember: async (organizationId, userId) => {
      const { numDeletedRows } = await db
        .deleteFrom('memberships')
        .where('organization_id', '=', organizationId)
        .where('user_id', '=', userId)
        .executeTakeFirst();
      return numDeletedRows > 0n;
    },

    roleOf: async (organizationId, userId) => {
      const row = await db
        .selectFrom('memberships')
        .select('role')
        .where('organization_id', '=', organizationId)
        .where('user_id', '=', userId)
        .executeTakeFirst();
      return row?.role;
    },

    membershipsOf: async (userId) => {
      const rows = await selectOrganizations(context)
        .innerJoin('memberships', 'memberships.organization_id', 'organizations.id')
        .select('memberships.role')
        .where('memberships.user_id', '=', userId)
        .orderBy('namespaces.folded')
        .execute();
      return rows.map((row) => ({ organization: toOrganization(row), role: row.role }));
    },

    members: async (organizationId) => {
      const rows = await selectUsers(context)
        .innerJoin('memberships', 'memberships.user_id', 'users.id')
        .select('memberships.role')
        .where('memberships.organization_id', '=', organizationId)
        .orderBy('namespaces.folded')
        .execute();
      return rows.map((row) => ({ user: toUser(row), role: row.role }));
    },

    memberPage: async (organizationId, after, limit) => {
      let members = selectUsers(context)
        .innerJoin('memberships', 'memberships.user_id', 'users.id')
        .where('memberships.organization_id', '=', organizationId)
        .orderBy('memberships.user_id')
        .limit(limit);
      if (after !== undefined) members = members.where('memberships.user_id', '>', after);
      return (await members.execute()).map(toUser);
    },

    countMembers: async (organizationId) => {
      const { count } = await db
        .selectFrom('memberships')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .where('organization_id', '=', organizationId)
        .executeTakeFirstOrThrow();
      return Number(count);
    },
  };
}
