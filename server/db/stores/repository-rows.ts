import { sql } from 'kysely';
import type { RepositoryId } from '../../domain/ids.ts';
import type { StoreContext } from '../store-context.ts';

/** Rows deleted by one statement, so that each stays within a few milliseconds. */
const SLICE = 500;

/**
 * Delete a repository and all rows that are its own. What can be many rows goes in slices first; the foreign keys
 * of the rest follow the repository's own row.
 */
export async function deleteRepositoryRows(context: StoreContext, id: RepositoryId): Promise<void> {
  const { db } = context;
  await deletePathChanges(context, id);
  for (const table of ['history_commits', 'hot_objects', 'commit_requests', 'likes'] as const) {
    await inSlices(() =>
      db
        .deleteFrom(table)
        .where('id', 'in', (eb) =>
          eb.selectFrom(table).select('id').where('repository_id', '=', id).limit(SLICE),
        )
        .executeTakeFirst(),
    );
  }
  await inSlices(() =>
    db
      .deleteFrom('bucket_files')
      .where('repository_id', '=', id)
      .where('path', 'in', (eb) =>
        eb.selectFrom('bucket_files').select('path').where('repository_id', '=', id).limit(SLICE),
      )
      .executeTakeFirst(),
  );
  for (const table of ['repository_objects', 'pending_objects'] as const) {
    await inSlices(() =>
      db
        .deleteFrom(table)
        .where('repository_id', '=', id)
        .where('object_id', 'in', (eb) =>
          eb.selectFrom(table).select('object_id').where('repository_id', '=', id).limit(SLICE),
        )
        .executeTakeFirst(),
    );
  }
  await db.deleteFrom('repositories').where('id', '=', id).execute();
}

/** Path changes have no key of their own, so a slice is a run of paths of one chain. */
async function deletePathChanges({ db }: StoreContext, id: RepositoryId): Promise<void> {
  const chains = await db.selectFrom('history_chains').select('id').where('repository_id', '=', id).execute();
  for (const chain of chains) {
    await inSlices(() =>
      db
        .deleteFrom('path_changes')
        .where('chain_id', '=', chain.id)
        .where(
          sql<boolean>`(path, position) in (
            select path, position from path_changes where chain_id = ${chain.id} order by path, position limit ${sql.lit(SLICE)}
          )`,
        )
        .executeTakeFirst(),
    );
  }
}

async function inSlices(deleteSlice: () => Promise<{ readonly numDeletedRows: bigint }>): Promise<void> {
  let deleted: bigint;
  do {
    deleted = (await deleteSlice()).numDeletedRows;
  } while (deleted > 0n);
}
