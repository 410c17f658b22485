import { ORGANIZATION_ROLES } from '../domain/account.ts';
import type { OrganizationRole, TokenRole, Visibility } from '../domain/account.ts';
import { isHubError } from '../domain/errors.ts';
import { foldName, parseNamespaceName } from '../domain/names.ts';
import { parsePasswordHash } from './password-hash.ts';
import { parsePassword } from './passwords.ts';
import { parseEmail, parseLine } from './person-text.ts';
import { couldBeToken } from './token-secret.ts';
import { parseTokenName } from './tokens.ts';

export interface DescribedToken {
  readonly name: string;
  readonly role: TokenRole;
  /** Generated when left out. */
  readonly value: string | undefined;
}

/** Fields that are undefined are left as they are. */
export interface DescribedUser {
  readonly name: string;
  readonly fullName: string | undefined;
  readonly email: string | undefined;
  readonly password: string | undefined;
  readonly passwordHash: string | undefined;
  readonly isAdmin: boolean | undefined;
  readonly tokens: readonly DescribedToken[];
}

export interface DescribedOrganization {
  readonly name: string;
  readonly fullName: string | undefined;
  readonly defaultVisibility: Visibility | undefined;
  readonly members: readonly { readonly user: string; readonly role: OrganizationRole }[];
}

/** People as one file describes them. */
export interface Description {
  readonly users: readonly DescribedUser[];
  readonly organizations: readonly DescribedOrganization[];
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Check the content of a description file and give it its types. Everything that is wrong is added to `problems`,
 * each as a sentence that starts with its place (`users[2].tokens[0].role`).
 */
export function readDescription(content: unknown, problems: string[]): Description {
  const say = (place: string, message: string): void => void problems.push(`${place}: ${message}`);

  /** The value that `parse` makes of this; undefined, with a problem, when it throws a HubError. */
  function attempt<Value>(place: string, parse: () => Value): Value | undefined {
    try {
      return parse();
    } catch (error) {
      if (!isHubError(error)) throw error;
      say(place, error.message);
      return undefined;
    }
  }

  function fieldsOf(value: unknown, place: string, known: readonly string[]): Fields {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      say(place, `must be an object with ${known.map((name) => `"${name}"`).join(', ')}.`);
      return {};
    }
    for (const name of Object.keys(value)) {
      if (!known.includes(name))
        say(place, `"${name.slice(0, 60)}" is not known; there are ${known.join(', ')}.`);
    }
    return value as Fields;
  }

  function listOf<Item>(
    value: unknown,
    place: string,
    read: (item: unknown, place: string) => Item,
  ): readonly Item[] {
    if (isAbsent(value)) return [];
    if (Array.isArray(value)) return value.map((item, index) => read(item, `${place}[${index}]`));
    say(place, 'must be a list.');
    return [];
  }

  function optional<Value>(
    value: unknown,
    place: string,
    parse: (value: unknown) => Value,
  ): Value | undefined {
    return isAbsent(value) ? undefined : attempt(place, () => parse(value));
  }

  function oneOf<Value extends string>(
    value: unknown,
    place: string,
    values: readonly Value[],
  ): Value | undefined {
    const found = values.find((candidate) => candidate === value);
    if (found === undefined)
      say(place, `must be ${values.map((candidate) => `"${candidate}"`).join(' or ')}.`);
    return found;
  }

  function refuseTwice(names: readonly string[], place: string, what: string): void {
    const seen = new Set<string>();
    for (const name of names) {
      if (name !== '' && seen.has(name)) say(place, `${what} "${name}" is there twice.`);
      seen.add(name);
    }
  }

  function readToken(value: unknown, place: string): DescribedToken {
    const fields = fieldsOf(value, place, ['name', 'role', 'value']);
    const secret = fields['value'];
    const isUsable = typeof secret === 'string' && couldBeToken(secret);
    if (!isAbsent(secret) && !isUsable) {
      say(
        `${place}.value`,
        'must be "hf_" and 8 to 200 letters and digits; with exactly 46 of them it must be a token that a hub made.',
      );
    }
    return {
      name: attempt(`${place}.name`, () => parseTokenName(fields['name'])) ?? '',
      role: oneOf(fields['role'], `${place}.role`, ['read', 'write']) ?? 'read',
      value: isUsable ? secret : undefined,
    };
  }

  function readUser(value: unknown, place: string): DescribedUser {
    const known = ['name', 'fullname', 'email', 'password', 'password_hash', 'admin', 'tokens'];
    const fields = fieldsOf(value, place, known);
    const { password, password_hash: passwordHash, admin } = fields;
    if (!isAbsent(password) && !isAbsent(passwordHash))
      say(place, 'has both "password" and "password_hash".');
    if (!isAbsent(passwordHash) && !(typeof passwordHash === 'string' && parsePasswordHash(passwordHash))) {
      say(
        `${place}.password_hash`,
        'must be "$scrypt$ln=15,r=8,p=3$salt$hash", both in Base64 without padding.',
      );
    }
    if (!isAbsent(admin) && typeof admin !== 'boolean') say(`${place}.admin`, 'must be true or false.');
    const tokens = listOf(fields['tokens'], `${place}.tokens`, readToken);
    refuseTwice(
      tokens.map(({ name }) => name),
      `${place}.tokens`,
      'the name',
    );
    return {
      name: attempt(`${place}.name`, () => parseNamespaceName(fields['name'])) ?? '',
      fullName: optional(fields['fullname'], `${place}.fullname`, (text) => parseLine(text, 'The full name')),
      email: optional(fields['email'], `${place}.email`, parseEmail),
      password: optional(password, `${place}.password`, parsePassword),
      passwordHash: typeof passwordHash === 'string' ? passwordHash : undefined,
      isAdmin: typeof admin === 'boolean' ? admin : undefined,
      tokens,
    };
  }

  function readMember(
    value: unknown,
    place: string,
  ): { readonly user: string; readonly role: OrganizationRole } {
    const fields = fieldsOf(value, place, ['user', 'role']);
    return {
      user: attempt(`${place}.user`, () => parseNamespaceName(fields['user'])) ?? '',
      role: oneOf(fields['role'], `${place}.role`, ORGANIZATION_ROLES) ?? 'visitor',
    };
  }

  function readOrganization(value: unknown, place: string): DescribedOrganization {
    const fields = fieldsOf(value, place, ['name', 'fullname', 'default_visibility', 'members']);
    const members = listOf(fields['members'], `${place}.members`, readMember);
    refuseTwice(
      members.map(({ user }) => foldName(user)),
      `${place}.members`,
      'the user',
    );
    const visibility = fields['default_visibility'];
    return {
      name: attempt(`${place}.name`, () => parseNamespaceName(fields['name'])) ?? '',
      fullName: optional(fields['fullname'], `${place}.fullname`, (text) => parseLine(text, 'The full name')),
      defaultVisibility: isAbsent(visibility)
        ? undefined
        : oneOf(visibility, `${place}.default_visibility`, ['public', 'private']),
      members,
    };
  }

  const fields = fieldsOf(content, 'the file', ['users', 'organizations']);
  const users = listOf(fields['users'], 'users', readUser);
  const organizations = listOf(fields['organizations'], 'organizations', readOrganization);
  refuseTwice(
    [...users, ...organizations].map(({ name }) => foldName(name)),
    'the file',
    'the name',
  );
  refuseSharedValues(users, say);
  return { users, organizations };
}

/** A key without a value (`email:` in YAML) is as good as no key. */
const isAbsent = (value: unknown): value is undefined | null => value === undefined || value === null;

function refuseSharedValues(
  users: readonly DescribedUser[],
  say: (place: string, message: string) => void,
): void {
  const owners = new Map<string, string>();
  for (const { name: user, tokens } of users) {
    for (const { name, value } of tokens) {
      if (value === undefined) continue;
      const first = owners.get(value);
      if (first !== undefined)
        say('the file', `the tokens ${first} and ${user}/${name} have the same value.`);
      owners.set(value, `${user}/${name}`);
    }
  }
}
