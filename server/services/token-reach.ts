import type { Actor } from '../domain/access.ts';
import type { ReachLevel, TokenReach } from '../domain/account.ts';
import { HubError } from '../domain/errors.ts';
import type { NamespaceId, RepositoryId } from '../domain/ids.ts';
import type { HeldKind } from '../domain/repo.ts';
import type { Database } from '../db/stores.ts';
import type { Authorize } from './authorize.ts';

/** One thing that somebody wants a fine-grained token to reach. */
export interface WantedReach {
  readonly type: HeldKind | 'user' | 'organization';
  /** `owner/name` of a repository, the name of a user or an organization. */
  readonly name: string;
  readonly level: ReachLevel;
}

export interface TokenReaches {
  /**
   * Look up what is wanted. Throws RepoNotFound for a repository that the user cannot see, InvalidBody for a namespace
   * that is neither theirs nor of an organization they belong to, and for nothing at all.
   */
  resolve(actor: Extract<Actor, { kind: 'user' }>, wanted: readonly WantedReach[]): Promise<TokenReach>;
}

/** What fine-grained tokens are made for, from names to the things themselves, so that a rename loses nothing. */
export function createTokenReaches(parts: {
  readonly db: Database;
  readonly authorize: Authorize;
}): TokenReaches {
  const { db, authorize } = parts;
  return {
    async resolve(actor, wanted) {
      if (wanted.length === 0) {
        throw new HubError('InvalidBody', 'Choose at least one repository, user or organization.');
      }
      const namespaces = new Map<NamespaceId, ReachLevel>();
      const repositories = new Map<RepositoryId, ReachLevel>();
      const memberships = await db.read(({ organizations }) => organizations.membershipsOf(actor.user.id));
      const own = [actor.user, ...memberships.map(({ organization }) => organization)];
      for (const { type, name, level } of wanted) {
        if (type === 'user' || type === 'organization') {
          const found = own.find(
            (namespace) => namespace.kind === type && namespace.name.toLowerCase() === name.toLowerCase(),
          );
          if (!found) throw new HubError('InvalidBody', `You do not belong to "${name.slice(0, 100)}".`);
          raise(namespaces, found.id, level);
        } else {
          const [owner = '', repo = ''] = name.split('/', 2);
          const { granted } = await authorize.repo(actor, { kind: type, owner, name: repo }, 'read');
          raise(repositories, granted.repo.id, level);
        }
      }
      return { namespaces, repositories };
    },
  };
}

/** The same thing named twice is reached by the larger level. */
function raise<Id>(levels: Map<Id, ReachLevel>, id: Id, level: ReachLevel): void {
  if (levels.get(id) !== 'write') levels.set(id, level);
}
