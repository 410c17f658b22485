import type { Selectable } from 'kysely';
import type { Namespace, Organization, User } from '../../domain/account.ts';
import { conflict, type HubError } from '../../domain/errors.ts';
import type { NamespaceId } from '../../domain/ids.ts';
import { foldName, normalName } from '../../domain/names.ts';
import { newPublicId } from '../../platform/random.ts';
import type { StoreContext } from '../store-context.ts';
import type { NamespaceTable, OrganizationTable, UserTable } from '../tables.ts';

/*
 * What the stores of accounts and organizations share: users and organizations are rows of one table of names,
 * each with a row of its own kind beside it.
 */

const NAMESPACE_COLUMNS = [
  'namespaces.id',
  'namespaces.public_id',
  'namespaces.kind',
  'namespaces.name',
  'namespaces.full_name',
  'namespaces.created_at',
] as const;

type NamespaceRow = Pick<
  Selectable<NamespaceTable>,
  'id' | 'public_id' | 'kind' | 'name' | 'full_name' | 'created_at'
>;
export type UserRow = NamespaceRow & Pick<Selectable<UserTable>, 'email' | 'is_admin'>;
type OrganizationRow = NamespaceRow & Pick<Selectable<OrganizationTable>, 'default_visibility'>;

export const selectNamespaces = ({ db }: StoreContext) =>
  db.selectFrom('namespaces').select(NAMESPACE_COLUMNS);

export const selectUsers = ({ db }: StoreContext) =>
  db
    .selectFrom('namespaces')
    .innerJoin('users', 'users.id', 'namespaces.id')
    .select([...NAMESPACE_COLUMNS, 'users.email', 'users.is_admin']);

export const selectOrganizations = ({ db }: StoreContext) =>
  db
    .selectFrom('namespaces')
    .innerJoin('organizations', 'organizations.id', 'namespaces.id')
    .select([...NAMESPACE_COLUMNS, 'organizations.default_visibility']);

export const toNamespace = (row: NamespaceRow): Namespace => ({
  id: row.id,
  publicId: row.public_id,
  kind: row.kind,
  name: row.name,
  fullName: row.full_name,
  createdAt: row.created_at,
});

export const toUser = (row: UserRow): User => ({
  ...toNamespace(row),
  kind: 'user',
  email: row.email ?? undefined,
  isAdmin: row.is_admin === 1,
});

export const toOrganization = (row: OrganizationRow): Organization => ({
  ...toNamespace(row),
  kind: 'organization',
  defaultVisibility: row.default_visibility,
});

/** The user or organization that has this name, or else the one whose name is too much like it. */
export async function findAlike(context: StoreContext, name: string): Promise<Namespace | undefined> {
  const [folded, normal] = [foldName(name), normalName(name)];
  const rows = await selectNamespaces(context)
    .select('namespaces.folded')
    .where((eb) => eb.or([eb('namespaces.folded', '=', folded), eb('namespaces.normal', '=', normal)]))
    .execute();
  const row = rows.find((candidate) => candidate.folded === folded) ?? rows[0];
  return row && toNamespace(row);
}

async function nameTaken(context: StoreContext, name: string): Promise<HubError> {
  const alike = await findAlike(context, name);
  return !alike || foldName(alike.name) === foldName(name)
    ? conflict(`The name "${name}" is already taken.`)
    : conflict(`The name "${name}" is too much like "${alike.name}", which is already taken.`);
}

/** Take a name. Throws `Conflict` when a user or an organization has it already, or one too much like it. */
export async function insertNamespace<Kind extends Namespace['kind']>(
  context: StoreContext,
  namespace: {
    readonly kind: Kind;
    readonly name: string;
    readonly fullName: string;
    readonly now: number;
  },
): Promise<Namespace & { readonly kind: Kind }> {
  const publicId = newPublicId();
  const row = await context.db
    .insertInto('namespaces')
    .values({
      public_id: publicId,
      kind: namespace.kind,
      name: namespace.name,
      folded: foldName(namespace.name),
      normal: normalName(namespace.name),
      full_name: namespace.fullName,
      created_at: namespace.now,
    })
    .onConflict((on) => on.doNothing())
    .returning('id')
    .executeTakeFirst();
  if (!row) throw await nameTaken(context, namespace.name);
  return {
    id: row.id,
    publicId,
    kind: namespace.kind,
    name: namespace.name,
    fullName: namespace.fullName,
    createdAt: namespace.now,
  };
}

export async function renameFully({ db }: StoreContext, id: NamespaceId, fullName: string): Promise<void> {
  await db.updateTable('namespaces').set({ full_name: fullName }).where('id', '=', id).execute();
}
