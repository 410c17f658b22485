import type { Database } from '../db/stores.ts';
import { foldName, parseNamespaceName, parseRepoName } from '../domain/names.ts';
import { repoFullName, type Repo } from '../domain/repo.ts';
import type { Clock } from '../platform/clock.ts';
import { failPoint } from '../platform/fail-points.ts';
import { actorIdOf, type Authorize, type Granted } from './authorize.ts';

export interface RepoMoves {
  /**
   * Rename a repository, give it to another owner, or both. Nothing but rows changes: all that is stored goes by ids.
   * To its own name it stays as it is. Throws InvalidName and ReservedName, Forbidden where the caller may not create
   * repositories, and Conflict when the name is taken.
   */
  move(granted: Granted<'administer'>, to: { readonly owner: string; readonly name: string }): Promise<Repo>;
}

export function createRepoMoves(parts: {
  readonly db: Database;
  readonly clock: Clock;
  readonly authorize: Authorize;
}): RepoMoves {
  const { db, clock, authorize } = parts;
  return {
    async move(granted, to) {
      const { actor } = granted;
      const name = parseRepoName(to.name);
      const moved = await db.write(async (stores) => {
        const { repo } = await authorize.confirm(stores, granted, 'administer');
        // Whoever administers a repository may rename it; to give it away takes a right on the other side as well.
        const isTransfer = foldName(to.owner) !== foldName(repo.owner.name);
        const owner = isTransfer
          ? (await authorize.confirmNamespace(stores, actor, parseNamespaceName(to.owner), 'create-repos'))
              .namespace
          : repo.owner;
        if (!isTransfer && name === repo.name) return repo;
        const now = clock.now();
        const result = await stores.repos.move(repo, { owner, name }, now);
        await stores.events.append({
          kind: 'repo-moved',
          repositoryId: repo.id,
          actorId: actorIdOf(actor),
          payload: JSON.stringify({ from: repoFullName(repo), to: repoFullName(result) }),
          at: now,
        });
        await failPoint('repository-moving');
        return result;
      });
      await failPoint('repository-moved');
      return moved;
    },
  };
}
