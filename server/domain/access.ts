import type {
  OrganizationRole,
  ReachLevel,
  TokenGrant,
  TokenReach,
  TokenRole,
  User,
  Visibility,
} from './account.ts';
import type { NamespaceId, PublicId, RepositoryId } from './ids.ts';

/**
 * Who is asking. `via` says how they proved it: a read token never writes, a fine-grained one does only what it was made
 * for, and a session belongs to a browser.
 */
export type Actor =
  | { readonly kind: 'anonymous' }
  | {
      readonly kind: 'user';
      readonly user: User;
      readonly via: 'token' | 'session' | 'key' | 'local';
      readonly tokenRole: TokenRole;
      /** The access token, for those who came with one. */
      readonly token?: {
        readonly publicId: PublicId;
        readonly name: string;
        readonly createdAt: number;
        readonly reach?: TokenReach | undefined;
        readonly grant?: TokenGrant | undefined;
      };
    }
  | {
      /** A key that opens one repository and stands for no user: what it writes was written by nobody known. */
      readonly kind: 'deploy-key';
      readonly publicId: PublicId;
      readonly title: string;
      readonly repositoryId: RepositoryId;
      readonly level: ReachLevel;
    };

export const ANONYMOUS: Actor = { kind: 'anonymous' };

/** What somebody may do with a repository. */
export const REPO_RIGHTS = ['read', 'write', 'settings', 'administer'] as const;
/**
 * - `read`: see it and take its content
 * - `write`: commit, branch, tag, discuss
 * - `settings`: change its settings
 * - `administer`: visibility, move, delete, protected branches
 */
export type RepoRight = (typeof REPO_RIGHTS)[number];

/** What somebody may do with a user's or an organization's name. */
export const NAMESPACE_RIGHTS = [
  'create-repos',
  'manage-members',
  'edit-profile',
  'own',
  'see-quota',
  'set-quota',
] as const;
export type NamespaceRight = (typeof NAMESPACE_RIGHTS)[number];

/** How an actor stands to the owner of something. */
export type Standing = OrganizationRole | 'owner' | 'none';

/**
 * The permission table (design, section 5). `created` means: only for what they created themselves. A site
 * administrator's rights are added to those of their standing, and their use is audited.
 */
const TABLE: Readonly<
  Record<RepoRight | NamespaceRight, Readonly<Partial<Record<Standing | 'site-admin', true | 'created'>>>>
> = {
  read: { visitor: true, member: true, admin: true, 'super-admin': true, owner: true, 'site-admin': true },
  write: { member: true, admin: true, 'super-admin': true, owner: true },
  settings: { member: 'created', admin: true, 'super-admin': true, owner: true, 'site-admin': true },
  administer: { admin: true, 'super-admin': true, owner: true, 'site-admin': true },
  'create-repos': { member: true, admin: true, 'super-admin': true, owner: true },
  'manage-members': { admin: true, 'super-admin': true, 'site-admin': true },
  'edit-profile': { admin: true, 'super-admin': true, owner: true, 'site-admin': true },
  own: { 'super-admin': true, 'site-admin': true },
  'see-quota': {
    visitor: true,
    member: true,
    admin: true,
    'super-admin': true,
    owner: true,
    'site-admin': true,
  },
  'set-quota': { 'site-admin': true },
};

/** Rights that a read token can carry. */
const READ_ONLY: ReadonlySet<RepoRight | NamespaceRight> = new Set(['read', 'see-quota']);

export type Verdict =
  /** `audited`: allowed only because the actor administers the site. */
  | { readonly kind: 'granted'; readonly audited: boolean }
  /** The actor must not learn that it exists. */
  | { readonly kind: 'hidden' }
  | { readonly kind: 'denied'; readonly reason: string };

function allowed(
  right: RepoRight | NamespaceRight,
  standing: Standing,
  isSiteAdmin: boolean,
  isCreator: boolean,
): 'by-standing' | 'as-site-admin' | 'no' {
  const cell = TABLE[right][standing];
  if (cell === true || (cell === 'created' && isCreator)) return 'by-standing';
  return isSiteAdmin && TABLE[right]['site-admin'] ? 'as-site-admin' : 'no';
}

export interface RepoFacts {
  readonly id: RepositoryId;
  readonly owner: { readonly id: NamespaceId };
  readonly visibility: Visibility;
  readonly createdBy: NamespaceId | undefined;
  readonly archivedAt: number | undefined;
}

/** Rights that nobody has on an archived repository. */
const ENDED_BY_ARCHIVING: ReadonlySet<RepoRight> = new Set(['write']);

/** What is said to those who could write to a repository if it were not archived. */
export const ARCHIVED = 'This repository is archived, so it can only be read. Unarchive it to write to it.';

export interface HubRules {
  /** When set, nobody reads anything without signing in. */
  readonly requireSignIn: boolean;
}

/** Decide one right on one repository. The only place where this is decided. */
export function decideRepo(
  actor: Actor,
  standing: Standing,
  repo: RepoFacts,
  right: RepoRight,
  rules: HubRules,
): Verdict {
  if (actor.kind === 'deploy-key') return decideDeployKey(actor, repo, right);
  const reach = reachInto(actor, repo);
  const readable = mayRead(actor, standing, repo, rules);
  // What a token was not made for looks absent to it. A public repository is open to everybody, but for reading alone.
  if (readable === 'no' || (reach === 'none' && right !== 'read')) return { kind: 'hidden' };
  if (right === 'read') return { kind: 'granted', audited: readable === 'as-site-admin' };
  if (actor.kind === 'anonymous')
    return { kind: 'denied', reason: 'Sign in or send an access token to do this.' };
  const answer = allowed(right, standing, actor.user.isAdmin, repo.createdBy === actor.user.id);
  if (answer === 'no') return { kind: 'denied', reason: `You do not have the right to ${PHRASES[right]}.` };
  if (reach === 'read') return { kind: 'denied', reason: READS_HERE };
  if (repo.archivedAt !== undefined && ENDED_BY_ARCHIVING.has(right)) {
    return { kind: 'denied', reason: ARCHIVED };
  }
  return withToken(actor, right, answer);
}

/** Nothing but its repository is there for a deploy key, public ones among them; there it reads, or writes as well. */
function decideDeployKey(
  key: Extract<Actor, { kind: 'deploy-key' }>,
  repo: RepoFacts,
  right: RepoRight,
): Verdict {
  if (repo.id !== key.repositoryId) return { kind: 'hidden' };
  if (right === 'read') return { kind: 'granted', audited: false };
  if (right !== 'write') return { kind: 'denied', reason: `A deploy key cannot ${PHRASES[right]}.` };
  if (key.level === 'read') return { kind: 'denied', reason: KEY_ONLY_READS };
  return repo.archivedAt === undefined
    ? { kind: 'granted', audited: false }
    : { kind: 'denied', reason: ARCHIVED };
}

const PHRASES: Readonly<Record<RepoRight, string>> = {
  read: 'read this repository',
  write: 'write to this repository',
  settings: 'change the settings of this repository',
  administer: 'administer this repository',
};

function mayRead(
  actor: Exclude<Actor, { kind: 'deploy-key' }>,
  standing: Standing,
  repo: RepoFacts,
  rules: HubRules,
): 'by-standing' | 'as-site-admin' | 'no' {
  if (repo.visibility === 'public' && (actor.kind === 'user' || !rules.requireSignIn)) return 'by-standing';
  if (actor.kind === 'anonymous' || reachInto(actor, repo) === 'none') return 'no';
  return allowed('read', standing, actor.user.isAdmin, repo.createdBy === actor.user.id);
}

const NO_REACH: TokenReach = { repositories: new Map(), namespaces: new Map() };

/** The reach of an actor's token; undefined for one that does whatever its user may. */
export function reachOf(actor: Actor): TokenReach | undefined {
  if (actor.kind !== 'user' || actor.tokenRole !== 'fineGrained') return undefined;
  return actor.token?.reach ?? NO_REACH;
}

function reachInto(actor: Actor, repo: RepoFacts): ReachLevel | 'none' | 'whole' {
  const reach = reachOf(actor);
  if (!reach) return 'whole';
  const levels = [reach.repositories.get(repo.id), reach.namespaces.get(repo.owner.id)];
  return levels.includes('write') ? 'write' : levels.includes('read') ? 'read' : 'none';
}

const ONLY_READS = 'This access token can only read. Use a token with the role "write".';
const READS_HERE = 'This access token can only read this repository.';
const KEY_ONLY_READS = 'This deploy key can only read. Add one that may write.';
export const KEY_OF_ONE_REPOSITORY = 'A deploy key opens one repository and nothing else.';
const NOT_MADE_FOR = 'This access token was not made for this.';
const AT_THE_PAGE = 'Only somebody who is signed in at the page of the hub can decide this.';
const GRANTED_ONLY = 'A token that was granted to a program cannot do this. Sign in at the page of the hub.';

/**
 * What a route needs of somebody who is signed in, beside the rights that a service asks for later.
 * - `read`: nothing
 * - `write`: a change in their name; a fine-grained token makes none
 * - `repo`: as `write`, on a repository or namespace that the body names and the service authorizes
 * - `account`: their tokens, sessions, password and profile; tokens that were granted to programs keep out too
 * - `session`: a decision at the page of the hub, such as letting another program in; no token makes it
 */
export type AccountScope = 'read' | 'write' | 'repo' | 'account' | 'session';

/** Decide whether a credential can be used for the caller's own things at all. */
export function decideAccount(actor: Extract<Actor, { kind: 'user' }>, scope: AccountScope): Verdict {
  if (scope === 'read') return { kind: 'granted', audited: false };
  if (scope === 'session' && actor.via !== 'session') return { kind: 'denied', reason: AT_THE_PAGE };
  if (actor.tokenRole === 'read') return { kind: 'denied', reason: ONLY_READS };
  if (actor.tokenRole === 'fineGrained' && scope !== 'repo') return { kind: 'denied', reason: NOT_MADE_FOR };
  if (actor.token?.grant && scope === 'account') return { kind: 'denied', reason: GRANTED_ONLY };
  return { kind: 'granted', audited: false };
}

function withToken(
  actor: Extract<Actor, { kind: 'user' }>,
  right: RepoRight | NamespaceRight,
  answer: 'by-standing' | 'as-site-admin',
): Verdict {
  if (actor.tokenRole === 'read' && !READ_ONLY.has(right)) {
    return { kind: 'denied', reason: ONLY_READS };
  }
  return { kind: 'granted', audited: answer === 'as-site-admin' };
}

/** Decide one right on the name of a user or an organization. */
export function decideNamespace(
  actor: Actor,
  standing: Standing,
  right: NamespaceRight,
  namespace: { readonly id: NamespaceId },
): Verdict {
  if (actor.kind === 'anonymous')
    return { kind: 'denied', reason: 'Sign in or send an access token to do this.' };
  if (actor.kind === 'deploy-key') return { kind: 'denied', reason: KEY_OF_ONE_REPOSITORY };
  const answer = allowed(right, standing, actor.user.isAdmin, false);
  if (answer === 'no')
    return { kind: 'denied', reason: 'You do not have the right to do this in this namespace.' };
  const reach = reachOf(actor);
  if (reach && !REACHED[right].includes(reach.namespaces.get(namespace.id) ?? 'none')) {
    return { kind: 'denied', reason: NOT_MADE_FOR };
  }
  return withToken(actor, right, answer);
}

/** With which reach into a namespace a fine-grained token has a right there: it holds for repositories, not for people. */
const REACHED: Readonly<Record<NamespaceRight, readonly (ReachLevel | 'none')[]>> = {
  'create-repos': ['write'],
  'see-quota': ['read', 'write'],
  'manage-members': [],
  'edit-profile': [],
  own: [],
  'set-quota': [],
};

/** May somebody of this standing give or take this role? Admins manage only those below their own rank. */
export function mayManageRole(standing: Standing, isSiteAdmin: boolean, role: OrganizationRole): boolean {
  if (standing === 'super-admin' || isSiteAdmin) return true;
  return standing === 'admin' && (role === 'member' || role === 'visitor');
}

/** How Hugging Face clients name the role (`roleInOrg` of whoami-v2). */
export const clientRole = (role: OrganizationRole): 'admin' | 'write' | 'read' =>
  role === 'visitor' ? 'read' : role === 'member' ? 'write' : 'admin';
