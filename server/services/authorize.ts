import type { RepoScope } from '../db/questions/repo-scope.ts';
import type { Stores, Database } from '../db/stores.ts';
import {
  decideNamespace,
  decideRepo,
  KEY_OF_ONE_REPOSITORY,
  reachOf,
  type Actor,
  type HubRules,
  type NamespaceRight,
  type RepoRight,
  type Standing,
  type Verdict,
} from '../domain/access.ts';
import type { Namespace } from '../domain/account.ts';
import { forbidden, HubError, repoNotFound, signInRequired } from '../domain/errors.ts';
import type { NamespaceId } from '../domain/ids.ts';
import { couldBeName, shown } from '../domain/names.ts';
import { repoFullName, type HeldKind, type Repo } from '../domain/repo.ts';
import type { Clock } from '../platform/clock.ts';
import { createKeptReads } from './kept-reads.ts';

const KEPT_LOOKUPS = 10_000;

declare const grantedBrand: unique symbol;

/** What each right brings with it. Administering does not mean writing: a site administrator may not commit. */
interface Implied {
  readonly read: 'read';
  readonly write: 'read' | 'write';
  readonly settings: 'read' | 'settings';
  readonly administer: 'read' | 'settings' | 'administer';
}

/** Proof that an actor has a right on a repository. Only this file can make one; services ask for it. */
export interface Granted<Right extends RepoRight> {
  readonly repo: Repo;
  readonly actor: Actor;
  readonly [grantedBrand]: { readonly [Each in Implied[Right]]: true };
}

/** Proof that a user may act for a namespace. */
export interface GrantedNamespace<Right extends NamespaceRight> {
  readonly namespace: Namespace;
  readonly actor: Extract<Actor, { kind: 'user' }>;
  readonly right: Right;
  readonly [grantedBrand]: Right;
}

export interface RepoName {
  readonly kind: HeldKind;
  readonly owner: string;
  readonly name: string;
}

/** A list's permission: what the question may match, and the proof for each repository it answered with. */
export interface ListScope {
  readonly scope: RepoScope;
  granted(listed: Repo): Granted<'read'>;
}

export interface Authorize {
  /**
   * Find a repository and prove a right on it. Throws RepoNotFound for what is absent or hidden, Forbidden or
   * SignInRequired for what is visible but not allowed. `isRedirect` says that a former name was used.
   */
  repo<Right extends RepoRight>(
    actor: Actor,
    name: RepoName,
    right: Right,
  ): Promise<{ granted: Granted<Right>; isRedirect: boolean }>;
  /** Prove another right on a repository that the actor may read. */
  also<Right extends RepoRight>(granted: Granted<'read'>, right: Right): Promise<Granted<Right>>;
  /**
   * Prove a right anew inside the transaction that uses it, on the repository as it is by then: others may have
   * deleted it, hidden it, given it away or archived it, or put the actor out. Throws as `repo` does.
   */
  confirm<Right extends RepoRight>(
    stores: Stores,
    granted: Granted<'read'>,
    right: Right,
  ): Promise<Granted<Right>>;
  /** Whether the repository is still there: what reads of one that was deleted meanwhile run into is no fault. */
  isThere(granted: Granted<'read'>): Promise<boolean>;
  namespace<Right extends NamespaceRight>(
    actor: Actor,
    name: string,
    right: Right,
  ): Promise<GrantedNamespace<Right>>;
  /** The same inside the transaction that uses it, for rights that need no audit. */
  confirmNamespace(
    stores: Stores,
    actor: Actor,
    name: string,
    right: 'create-repos',
  ): Promise<GrantedNamespace<'create-repos'>>;
  /** What an actor's lists may show. Throws SignInRequired where the hub asks everybody to sign in. */
  scope(actor: Actor): Promise<ListScope>;
  /** The same for a user who proved who they are before; undefined when there is no such user. */
  scopeOf(user: NamespaceId): Promise<RepoScope | undefined>;
  /** For work that the hub does on its own: jobs, `doctor`, the command line. */
  system(repo: Repo): Granted<'administer'>;
}

async function standingOf(
  stores: Stores,
  actor: Actor,
  owner: Pick<Namespace, 'id' | 'kind'>,
): Promise<Standing> {
  if (actor.kind !== 'user') return 'none';
  if (owner.kind === 'user') return owner.id === actor.user.id ? 'owner' : 'none';
  return (await stores.organizations.roleOf(owner.id, actor.user.id)) ?? 'none';
}

/** Throws unless the verdict is that the right was granted. */
function refuse(actor: Actor, verdict: Verdict): Extract<Verdict, { kind: 'granted' }> {
  if (verdict.kind === 'hidden') throw repoNotFound();
  if (verdict.kind === 'denied') throw denied(actor, verdict.reason);
  return verdict;
}

async function namespaceWithin<Right extends NamespaceRight>(
  stores: Stores,
  actor: Actor,
  name: string,
  right: Right,
): Promise<{ readonly granted: GrantedNamespace<Right>; readonly audited: boolean }> {
  if (actor.kind === 'anonymous') throw signInRequired();
  if (actor.kind === 'deploy-key') throw forbidden(KEY_OF_ONE_REPOSITORY);
  const namespace = couldBeName(name) ? await stores.accounts.findNamespace(name) : undefined;
  if (!namespace) throw forbidden(`You do not have the right to do this in the namespace "${shown(name)}".`);
  const verdict = decideNamespace(actor, await standingOf(stores, actor, namespace), right, namespace);
  if (verdict.kind === 'hidden') throw new HubError('NotFound', 'Not found.');
  const { audited } = refuse(actor, verdict);
  return { granted: { namespace, actor, right } as unknown as GrantedNamespace<Right>, audited };
}

/** Who is written into the log of events. */
export const actorIdOf = (actor: Actor): NamespaceId | undefined =>
  actor.kind === 'user' ? actor.user.id : undefined;

/** Whom what is shared out is counted for. Of those who did not sign in nobody is told from another. */
export const partyOf = (actor: Actor): string =>
  actor.kind === 'user'
    ? `user ${actor.user.id}`
    : actor.kind === 'deploy-key'
      ? `key ${actor.publicId}`
      : 'anonymous';

export function createAuthorize(parts: {
  readonly db: Database;
  readonly clock: Clock;
  readonly rules: HubRules;
}): Authorize {
  const { db, clock, rules } = parts;
  const kept = createKeptReads({ db, maxEntries: KEPT_LOOKUPS });

  async function audit(stores: Stores, actor: Actor, repo: Repo | undefined, right: string): Promise<void> {
    await stores.events.append({
      kind: 'admin-access',
      repositoryId: repo?.id,
      actorId: actor.kind === 'user' ? actor.user.id : undefined,
      payload: JSON.stringify({ right, ...(repo ? { repo: repoFullName(repo) } : {}) }),
      at: clock.now(),
    });
  }

  async function grant<Right extends RepoRight>(
    actor: Actor,
    repo: Repo,
    right: Right,
    verdict: Verdict,
  ): Promise<Granted<Right>> {
    if (refuse(actor, verdict).audited) await db.write((stores) => audit(stores, actor, repo, right));
    return { repo, actor } as Granted<Right>;
  }

  return {
    async repo(actor, name, right) {
      if (!couldBeName(name.owner) || !couldBeName(name.name)) throw repoNotFound();
      const isRead = right === 'read';
      const asker = actor.kind === 'user' ? actor.user.id : '';
      const found = await kept.read(`${name.kind} ${name.owner} ${name.name} ${isRead} ${asker}`, () =>
        db.read(async (stores) => {
          const hit = await stores.repos.find(name.kind, name.owner, name.name);
          if (!hit) return undefined;
          // A public repository is read by whoever asks: their standing need not be looked up.
          const isOpen = isRead && hit.repo.visibility === 'public';
          const standing = isOpen ? ('none' as const) : await standingOf(stores, actor, hit.repo.owner);
          return { ...hit, standing };
        }),
      );
      if (!found) throw repoNotFound();
      const verdict = decideRepo(actor, found.standing, found.repo, right, rules);
      return { granted: await grant(actor, found.repo, right, verdict), isRedirect: found.isRedirect };
    },

    async also(granted, right) {
      const { actor, repo } = granted;
      const standing = await db.read((stores) => standingOf(stores, actor, repo.owner));
      return grant(actor, repo, right, decideRepo(actor, standing, repo, right, rules));
    },

    async confirm(stores, { repo, actor }, right) {
      const current = await stores.repos.findById(repo.id);
      if (!current) throw repoNotFound();
      const standing = await standingOf(stores, actor, current.owner);
      refuse(actor, decideRepo(actor, standing, current, right, rules));
      return { repo: current, actor } as Granted<typeof right>;
    },

    isThere: async ({ repo }) => (await db.read((stores) => stores.repos.findById(repo.id))) !== undefined,

    async namespace(actor, name, right) {
      const { granted, audited } = await db.read((stores) => namespaceWithin(stores, actor, name, right));
      if (audited) await db.write((stores) => audit(stores, actor, undefined, right));
      return granted;
    },

    confirmNamespace: async (stores, actor, name, right) =>
      (await namespaceWithin(stores, actor, name, right)).granted,

    async scope(actor) {
      const granted = (listed: Repo) => ({ repo: listed, actor }) as Granted<'read'>;
      if (actor.kind === 'anonymous') {
        if (rules.requireSignIn) throw signInRequired();
        return { scope: { kind: 'public' }, granted };
      }
      if (actor.kind === 'deploy-key') throw forbidden(KEY_OF_ONE_REPOSITORY);
      const reach = reachOf(actor);
      return db.read(async (stores) => {
        const memberships = await stores.organizations.membershipsOf(actor.user.id);
        const owners = [actor.user.id, ...memberships.map(({ organization }) => organization.id)];
        if (!reach) return { scope: { kind: 'public-and', owners }, granted };
        const single = await Promise.all(
          [...reach.repositories.keys()].map((id) => stores.repos.findById(id)),
        );
        const repositories = single.flatMap((repo) =>
          repo && owners.includes(repo.owner.id) ? [repo.id] : [],
        );
        const reached = owners.filter((owner) => reach.namespaces.has(owner));
        return { scope: { kind: 'public-and', owners: reached, repositories }, granted };
      });
    },

    scopeOf: (user) =>
      db.read(async (stores) => {
        if (!(await stores.accounts.findUserById(user))) return undefined;
        const memberships = await stores.organizations.membershipsOf(user);
        const owners = [user, ...memberships.map(({ organization }) => organization.id)];
        return { kind: 'public-and', owners };
      }),

    system: (repo) => ({ repo, actor: { kind: 'anonymous' } }) as unknown as Granted<'administer'>,
  };
}

const denied = (actor: Actor, reason: string): HubError =>
  actor.kind === 'anonymous' ? signInRequired() : forbidden(reason);
