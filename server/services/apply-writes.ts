import type { AccessToken, OrganizationRole, TokenRole, User } from '../domain/account.ts';
import { HubError } from '../domain/errors.ts';
import type { Stores } from '../db/stores.ts';
import type {
  DescribedOrganization,
  DescribedToken,
  DescribedUser,
  Description,
} from './apply-description.ts';
import { assignRole } from './organizations.ts';
import { hashOfSecret, newTokenSecret, shownPrefix } from './token-secret.ts';
import { addToken } from './tokens.ts';

export interface AppliedChange {
  readonly kind: 'user' | 'token' | 'organization' | 'member';
  /** `ada`, `ada/laptop` for tokens, `lab/ada` for members. */
  readonly name: string;
  readonly action: 'created' | 'changed' | 'unchanged';
  /** What was changed, in the words of the file. Never values. */
  readonly fields: readonly string[];
}

export interface ApplyOutcome {
  readonly changes: readonly AppliedChange[];
  /** Tokens made because the file gave no value: their only appearance. */
  readonly secrets: readonly {
    readonly user: string;
    readonly name: string;
    readonly role: TokenRole;
    readonly secret: string;
  }[];
}

/** Make the hub as a checked description says, inside a transaction. `hashes` are those to set, by user name. */
export async function writeDescription(
  stores: Stores,
  description: Description,
  hashes: ReadonlyMap<string, string>,
  now: number,
): Promise<ApplyOutcome> {
  const changes: AppliedChange[] = [];
  const secrets: ApplyOutcome['secrets'][number][] = [];
  for (const described of description.users) {
    const { user, change } = await writeUser(stores, described, hashes.get(described.name), now);
    changes.push(change);
    const tokens = await stores.accounts.listTokens(user.id);
    for (const token of described.tokens) {
      const same = tokens.find(({ name }) => name === token.name);
      const secret = token.value ?? newTokenSecret();
      changes.push({
        kind: 'token',
        name: `${user.name}/${token.name}`,
        ...(await writeToken(stores, user, same, token, secret, now)),
      });
      if (!same && token.value === undefined)
        secrets.push({ user: user.name, name: token.name, role: token.role, secret });
    }
  }
  for (const organization of description.organizations) {
    changes.push(...(await writeOrganization(stores, organization, now)));
  }
  return { changes, secrets };
}

const changed = (fields: readonly (string | false)[]): Pick<AppliedChange, 'action' | 'fields'> => {
  const names = fields.filter((field) => field !== false);
  return { action: names.length > 0 ? 'changed' : 'unchanged', fields: names };
};

const CREATED = { action: 'created', fields: [] } as const;

/** True when the file gives a value and it is not the one there is. */
const differs = <Value>(given: Value | undefined, present: Value): boolean =>
  given !== undefined && given !== present;

async function writeUser(
  { accounts }: Stores,
  { name, fullName, email, isAdmin }: DescribedUser,
  hash: string | undefined,
  now: number,
): Promise<{ readonly user: User; readonly change: AppliedChange }> {
  const user = await accounts.findUser(name);
  if (!user) {
    const made = await accounts.createUser({
      name,
      fullName: fullName || name,
      email,
      passwordHash: hash,
      isAdmin: isAdmin ?? false,
      now,
    });
    return { user: made, change: { kind: 'user', name, ...CREATED } };
  }
  const isRenamed = differs(fullName || undefined, user.fullName);
  const change = {
    ...(isRenamed && fullName !== undefined && { fullName }),
    ...(differs(email, user.email) && { email }),
    ...(differs(isAdmin, user.isAdmin) && isAdmin !== undefined && { isAdmin }),
  };
  if (Object.keys(change).length > 0) await accounts.updateUser(user.id, change);
  if (hash !== undefined) {
    await accounts.setPasswordHash(user.id, hash);
    await accounts.deleteSessions(user.id);
  }
  const fields = changed([
    'fullName' in change && 'fullname',
    'email' in change && 'email',
    'isAdmin' in change && 'admin',
    hash !== undefined && 'password',
  ]);
  return { user, change: { kind: 'user', name: user.name, ...fields } };
}

async function writeToken(
  { accounts }: Stores,
  user: User,
  same: AccessToken | undefined,
  { name, role, value }: DescribedToken,
  secret: string,
  now: number,
): Promise<Pick<AppliedChange, 'action' | 'fields'>> {
  if (!same) {
    await addToken(accounts, user.id, { name, role }, secret, now);
    return CREATED;
  }
  const hash = hashOfSecret(secret);
  const hasNewValue = value !== undefined && (await accounts.findToken(hash, now)) === undefined;
  if (hasNewValue)
    await accounts.replaceToken(user.id, same.publicId, { role, prefix: shownPrefix(secret), hash });
  else if (role !== same.role) await accounts.setTokenRole(user.id, same.publicId, role);
  return changed([role !== same.role && 'role', hasNewValue && 'value']);
}

async function writeOrganization(
  { accounts, organizations }: Stores,
  { name, fullName, defaultVisibility, members }: DescribedOrganization,
  now: number,
): Promise<readonly AppliedChange[]> {
  const found = await organizations.find(name);
  const organization =
    found ??
    (await organizations.create({
      name,
      fullName: fullName || name,
      defaultVisibility: defaultVisibility ?? 'public',
      now,
    }));
  const change = {
    ...(differs(fullName || undefined, organization.fullName) && fullName !== undefined && { fullName }),
    ...(differs(defaultVisibility, organization.defaultVisibility) &&
      defaultVisibility !== undefined && { defaultVisibility }),
  };
  if (Object.keys(change).length > 0) await organizations.update(organization.id, change);
  const fields = changed([
    'fullName' in change && 'fullname',
    'defaultVisibility' in change && 'default_visibility',
  ]);
  const changes: AppliedChange[] = [
    { kind: 'organization', name: organization.name, ...(found ? fields : CREATED) },
  ];
  // Super-admins first: a new one may take over from the last.
  const inOrder = [...members].sort((left, right) => rank(left.role) - rank(right.role));
  for (const { user: memberName, role } of inOrder) {
    const user = await accounts.findUser(memberName);
    if (!user) throw new HubError('Internal', `The user ${memberName} is gone.`);
    const before = await organizations.roleOf(organization.id, user.id);
    if (before !== role) await assignRole(organizations, organization.id, user.id, role, now);
    const outcome = before === undefined ? CREATED : changed([before !== role && 'role']);
    changes.push({ kind: 'member', name: `${organization.name}/${user.name}`, ...outcome });
  }
  return changes;
}

const rank = (role: OrganizationRole): number => (role === 'super-admin' ? 0 : 1);
