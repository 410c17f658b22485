import type { Stores } from '../db/stores.ts';
import { ARCHIVED } from '../domain/access.ts';
import { forbidden, repoNotFound } from '../domain/errors.ts';
import type { RepositoryId } from '../domain/ids.ts';
import type { Repo } from '../domain/repo.ts';

/**
 * The repository as it is now, for a change that was allowed a while ago: bytes take their time, and meanwhile somebody
 * may have deleted or archived what they are for. Throws RepoNotFound and Forbidden.
 */
export async function requireWritable(stores: Pick<Stores, 'repos'>, id: RepositoryId): Promise<Repo> {
  const repo = await stores.repos.findById(id);
  if (!repo) throw repoNotFound();
  if (repo.archivedAt !== undefined) throw forbidden(ARCHIVED);
  return repo;
}
