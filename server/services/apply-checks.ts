import type { OrganizationRole } from '../domain/account.ts';
import type { NamespaceId } from '../domain/ids.ts';
import { foldName } from '../domain/names.ts';
import type { Stores } from '../db/stores.ts';
import type { DescribedOrganization, DescribedToken, Description } from './apply-description.ts';
import { hashOfSecret } from './token-secret.ts';

/** What the file asks for that the hub as it is cannot become. */
export async function findContradictions(
  stores: Stores,
  description: Description,
  now: number,
): Promise<string[]> {
  const problems: string[] = [];
  const described = new Set(description.users.map(({ name }) => foldName(name)));
  for (const [index, user] of description.users.entries()) {
    const namespace = await stores.accounts.findNamespace(user.name);
    if (namespace?.kind === 'organization') {
      problems.push(`users[${index}].name: "${user.name}" is the name of an organization.`);
    }
    for (const token of user.tokens) {
      const owner = await ownerOfValue(stores, token, now);
      if (owner && (owner.user.id !== namespace?.id || owner.token.name !== token.name)) {
        problems.push(
          `users[${index}].tokens: the value of "${token.name}" belongs to another token already.`,
        );
      }
    }
  }
  for (const [index, organization] of description.organizations.entries()) {
    const place = `organizations[${index}]`;
    const namespace = await stores.accounts.findNamespace(organization.name);
    if (namespace?.kind === 'user')
      problems.push(`${place}.name: "${organization.name}" is the name of a user.`);
    for (const { user } of organization.members) {
      if (!described.has(foldName(user)) && !(await stores.accounts.findUser(user))) {
        problems.push(`${place}.members: there is no user "${user}".`);
      }
    }
    if (namespace && (await losesSuperAdmins(stores, namespace.id, organization))) {
      problems.push(`${place}.members: the last super-admin would get another role.`);
    }
  }
  if (await losesAdministrators(stores, description)) {
    problems.push('users: no administrator of the hub would be left.');
  }
  return problems;
}

const ownerOfValue = async (stores: Stores, { value }: DescribedToken, now: number) =>
  value === undefined ? undefined : stores.accounts.findToken(hashOfSecret(value), now);

async function losesSuperAdmins(
  stores: Stores,
  id: NamespaceId,
  organization: DescribedOrganization,
): Promise<boolean> {
  const before = await stores.organizations.members(id);
  const after = new Map<string, OrganizationRole>(
    before.map(({ user, role }) => [foldName(user.name), role]),
  );
  for (const { user, role } of organization.members) after.set(foldName(user), role);
  const had = before.some(({ role }) => role === 'super-admin');
  return had && ![...after.values()].includes('super-admin');
}

async function losesAdministrators(stores: Stores, { users }: Description): Promise<boolean> {
  if (!users.some(({ isAdmin }) => isAdmin === false)) return false;
  const before = await stores.accounts.listUsers();
  const after = new Map(before.map(({ name, isAdmin }) => [foldName(name), isAdmin]));
  for (const { name, isAdmin } of users) if (isAdmin !== undefined) after.set(foldName(name), isAdmin);
  return before.some(({ isAdmin }) => isAdmin) && ![...after.values()].includes(true);
}
