import type { Ref } from '../db/questions/refs.ts';
import type { Database, Stores } from '../db/stores.ts';
import type { Visibility } from '../domain/account.ts';
import { parseNamespaceName, parseRepoName } from '../domain/names.ts';
import { repoFullName, type Repo } from '../domain/repo.ts';
import type { Clock } from '../platform/clock.ts';
import { failPoint } from '../platform/fail-points.ts';
import { actorIdOf, type Authorize, type Granted } from './authorize.ts';
import type { RefUpdates } from './ref-updates.ts';

export interface RepoDuplicates {
  /**
   * Make a repository with the branches, tags and history of another one, whole when this resolves. `visibility` is
   * that of the source when left out. Throws InvalidName and ReservedName, SignInRequired and Forbidden where the
   * caller may not create repositories, and Conflict with the existing repository's name in `details.name`.
   */
  duplicate(
    source: Granted<'read'>,
    wish: {
      readonly owner: string;
      readonly name: string;
      readonly visibility: Visibility | undefined;
    },
  ): Promise<Repo>;
}

/** What comes along; pull requests belong to the discussions of their repository. */
const COPIED_REFS = ['refs/heads/', 'refs/tags/', 'refs/convert/'] as const;
/** Moves in one event. */
const REFS_AT_ONCE = 500;

export function createRepoDuplicates(parts: {
  readonly db: Database;
  readonly clock: Clock;
  readonly authorize: Authorize;
  readonly refUpdates: RefUpdates;
  /** Told after the transaction, so that waiting jobs are looked at soon. */
  readonly onCommitted: () => void;
}): RepoDuplicates {
  const { db, clock, authorize, refUpdates } = parts;
  return {
    async duplicate(source, wish) {
      const { actor } = source;
      const name = parseRepoName(wish.name);
      // Refused before anything is copied; what counts is asked again in the transaction.
      await authorize.namespace(actor, parseNamespaceName(wish.owner), 'create-repos');
      const duplicate = await db.write(async (stores) => {
        const { repo: from } = await authorize.confirm(stores, source, 'read');
        const target = await authorize.confirmNamespace(stores, actor, wish.owner, 'create-repos');
        const now = clock.now();
        const actorId = actorIdOf(actor);
        const repo = await stores.repos.create({
          kind: from.kind,
          owner: target.namespace,
          name,
          visibility: wish.visibility ?? from.visibility,
          defaultBranch: from.defaultBranch,
          createdBy: actorId,
          now,
        });
        // Packs never change, so both repositories list the same ones; rows are copied.
        await stores.gitObjects.copyAll(from.id, repo.id);
        if (await mayHoldUnreachable(stores, from)) await stores.gitObjects.noteUnreachable(repo.id);
        await stores.largeObjects.copyLinks(from.id, repo.id, now);
        for (const prefix of COPIED_REFS) {
          const refs = await stores.refs.list(from.id, prefix);
          for (let start = 0; start < refs.length; start += REFS_AT_ONCE) {
            const moves = refs.slice(start, start + REFS_AT_ONCE).map(creationOf);
            await refUpdates.applyWithin(stores, { repo, actorId, moves }, now);
          }
        }
        await stores.events.append({
          kind: 'repo-duplicated',
          repositoryId: repo.id,
          actorId,
          payload: JSON.stringify({ from: repoFullName(from), to: repoFullName(repo) }),
          at: now,
        });
        await failPoint('repository-duplicating');
        return repo;
      });
      await failPoint('repository-duplicated');
      parts.onCommitted();
      return duplicate;
    },
  };
}

/** What only refs lead to that do not come along is not reachable in the duplicate. */
async function mayHoldUnreachable(stores: Stores, from: Repo): Promise<boolean> {
  if (await stores.gitObjects.mayHoldUnreachable(from.id)) return true;
  const refs = await stores.refs.list(from.id, 'refs/');
  return refs.some(({ name }) => !COPIED_REFS.some((prefix) => name.startsWith(prefix)));
}

const creationOf = ({ name, target, peeled }: Ref) => ({
  name,
  expected: undefined,
  next: { target, ...(peeled === undefined ? {} : { peeled }) },
});
