import type { OwnedRepo } from '../db/questions/repos.ts';
import type { Database } from '../db/stores.ts';
import type { Actor } from '../domain/access.ts';
import type { Membership, Namespace, Organization, User } from '../domain/account.ts';
import { HubError, signInRequired } from '../domain/errors.ts';
import type { NamespaceId } from '../domain/ids.ts';
import { couldBeName } from '../domain/names.ts';
import type { RepoKind } from '../domain/repo.ts';
import type { Authorize } from './authorize.ts';

export interface UserProfile {
  readonly user: User;
  /** Repositories of each kind that the caller may see. */
  readonly counts: Readonly<Record<RepoKind, number>>;
  /** What they like of what the caller may see. */
  readonly likes: number;
  /** Undefined for callers who may not see who belongs where. */
  readonly memberships: readonly Membership[] | undefined;
}

export interface OrganizationProfile {
  readonly organization: Organization;
  /** Repositories of each kind that the caller may see. */
  readonly counts: Readonly<Record<RepoKind, number>>;
  /** Undefined for callers who may not see who belongs where. */
  readonly members: number | undefined;
}

/** The repositories of a user or an organization with the room they take. */
export interface OwnerStorage {
  readonly owner: Namespace;
  /** Bytes of the large files of all of them; a file counts in each that has it. */
  totalBytes(): Promise<number>;
  /** Newest first, before the row key of a repository. */
  page(before: number | undefined, limit: number): Promise<readonly OwnedRepo[]>;
}

/** Throws SignInRequired wherever the hub asks everybody to sign in, and NotFound for who is not there. */
export interface Profiles {
  user(actor: Actor, name: string): Promise<User>;
  organization(actor: Actor, name: string): Promise<Organization>;
  /** A user or an organization. */
  owner(actor: Actor, name: string): Promise<Namespace>;
  userProfile(actor: Actor, name: string): Promise<UserProfile>;
  organizationProfile(actor: Actor, name: string): Promise<OrganizationProfile>;
  /** Who belongs to an organization, in order of their accounts, after a row key. Only for who has signed in. */
  members(
    actor: Actor,
    organization: Organization,
    after: NamespaceId | undefined,
    limit: number,
  ): Promise<readonly User[]>;
  /** For those who may see the quota of the namespace. Throws Forbidden for others. */
  storage(actor: Actor, name: string): Promise<OwnerStorage>;
}

/** What the hub shows of people and organizations. */
export function createProfiles(parts: {
  readonly db: Database;
  readonly authorize: Pick<Authorize, 'scope' | 'namespace'>;
}): Profiles {
  const { db, authorize } = parts;

  async function owner(actor: Actor, name: string): Promise<Namespace> {
    await authorize.scope(actor);
    const found = couldBeName(name)
      ? await db.read(({ accounts }) => accounts.findNamespace(name))
      : undefined;
    if (!found) throw absent('user or organization', name);
    return found;
  }

  async function user(actor: Actor, name: string): Promise<User> {
    await authorize.scope(actor);
    const found = couldBeName(name) ? await db.read(({ accounts }) => accounts.findUser(name)) : undefined;
    if (!found) throw absent('user', name);
    return found;
  }

  async function organization(actor: Actor, name: string): Promise<Organization> {
    await authorize.scope(actor);
    const found = couldBeName(name) ? await db.read((stores) => stores.organizations.find(name)) : undefined;
    if (!found) throw absent('organization', name);
    return found;
  }

  return {
    user,
    organization,
    owner,

    async userProfile(actor, name) {
      const { scope } = await authorize.scope(actor);
      const found = await user(actor, name);
      return db.read(async (stores) => ({
        user: found,
        counts: await stores.repos.countVisible(scope, found.id),
        likes: await stores.likes.countLikedBy(found.id, scope),
        memberships: seesMembers(actor) ? await stores.organizations.membershipsOf(found.id) : undefined,
      }));
    },

    async organizationProfile(actor, name) {
      const { scope } = await authorize.scope(actor);
      const found = await organization(actor, name);
      return db.read(async (stores) => ({
        organization: found,
        counts: await stores.repos.countVisible(scope, found.id),
        members: seesMembers(actor) ? await stores.organizations.countMembers(found.id) : undefined,
      }));
    },

    async members(actor, { id }, after, limit) {
      if (!seesMembers(actor)) throw signInRequired();
      return db.read((stores) => stores.organizations.memberPage(id, after, limit));
    },

    async storage(actor, name) {
      const found = await owner(actor, name);
      const { namespace } = await authorize.namespace(actor, found.name, 'see-quota');
      return {
        owner: namespace,
        totalBytes: () => db.read(({ repos }) => repos.ownedBytes(namespace.id)),
        page: (before, limit) => db.read(({ repos }) => repos.listOwned(namespace.id, before, limit)),
      };
    },
  };
}

/** Whoever has an account here may know who works with whom; the names of accounts are nothing for passers-by. */
const seesMembers = (actor: Actor): boolean => actor.kind === 'user';

const absent = (what: string, name: string): HubError =>
  new HubError('NotFound', `There is no ${what} with the name "${name.slice(0, 100)}".`);
