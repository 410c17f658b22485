import { sql, type Insertable } from 'kysely';
import type { RepositoryId } from '../../domain/ids.ts';
import {
  DAY_MS,
  LIKE_WORTH,
  pointsOf,
  RECENT_DAYS,
  TRENDING_DAYS,
  type Day,
} from '../../domain/popularity.ts';
import { createRowInserter } from '../insert-rows.ts';
import { createQuestion } from '../question.ts';
import type { PopularityStore, PopularityWindow } from '../questions/popularity.ts';
import { slices } from '../slices.ts';
import type { StoreContext } from '../store-context.ts';
import type { DownloadDayTable } from '../tables.ts';
import { COUNTER_COLUMNS, isVisible, selectRepos, toCounters, toRepo } from './repo-rows.ts';

/** Repositories asked for by one statement. */
const SLICE = 100;

/** Sum of whole numbers, 0 of none. */
const sum = (value: ReturnType<typeof sql<number>>) =>
  sql<number>`cast(coalesce(sum(${value}), 0) as bigint)`;

export function createPopularityStore(context: StoreContext): PopularityStore {
  const { db, dialect } = context;

  const addToRepository = createQuestion<
    { id: RepositoryId; recent: number; all: number; points: number },
    { readonly id: RepositoryId }
  >(db, (value) =>
    db
      .updateTable('repositories')
      .set((eb) => ({
        downloads: eb('downloads', '+', value('recent')),
        downloads_all_time: eb('downloads_all_time', '+', value('all')),
        trending: eb('trending', '+', value('points')),
      }))
      .where('id', '=', value('id'))
      .returning('id'),
  );

  const addToDays = createRowInserter<Insertable<DownloadDayTable>>(
    db,
    ['repository_id', 'day', 'downloads', 'authenticated', 'files'],
    (rows) =>
      db
        .insertInto('download_days')
        .values(rows)
        .onConflict((on) =>
          on.columns(['repository_id', 'day']).doUpdateSet((eb) => ({
            downloads: eb('download_days.downloads', '+', eb.ref('excluded.downloads')),
            authenticated: eb('download_days.authenticated', '+', eb.ref('excluded.authenticated')),
            files: eb('download_days.files', '+', eb.ref('excluded.files')),
          })),
        ),
  );

  /** Points of a day, as `pointsOf` counts them, for days that the query does not leave out. */
  const points = (day: ReturnType<typeof sql<number>>, firstDay: Day) =>
    sql<number>`(${day} - ${firstDay} + 1)`;
  const likedDay = sql<number>`(${sql.ref('likes.created_at')} / ${sql.lit(DAY_MS)})`;
  const downloadDay = sql<number>`${sql.ref('download_days.day')}`;

  const downloadsFrom = (repositoryIds: readonly RepositoryId[], firstDay: Day) =>
    db
      .selectFrom('download_days')
      .where('repository_id', 'in', dialect.integerRows(repositoryIds))
      .where('day', '>=', firstDay)
      .groupBy('repository_id')
      .select([
        'repository_id',
        sum(sql`downloads`).as('downloads'),
        sum(sql`downloads * ${points(downloadDay, firstDay)}`).as('points'),
      ])
      .execute();

  const likesFrom = (repositoryIds: readonly RepositoryId[], firstDay: Day) =>
    db
      .selectFrom('likes')
      .where('repository_id', 'in', dialect.integerRows(repositoryIds))
      .where('created_at', '>=', firstDay * DAY_MS)
      .groupBy('repository_id')
      .select([
        'repository_id',
        sum(sql`${sql.lit(LIKE_WORTH)} * ${points(likedDay, firstDay)}`).as('points'),
      ])
      .execute();

  const windows: PopularityStore['windows'] = async (repositoryIds, today, days) => {
    const firstDay = today - days + 1;
    const found = new Map<RepositoryId, PopularityWindow>();
    for (const slice of slices(repositoryIds, SLICE)) {
      for (const row of await downloadsFrom(slice, firstDay))
        found.set(row.repository_id, { downloads: row.downloads, score: row.points });
      for (const row of await likesFrom(slice, firstDay)) {
        const { downloads, score } = found.get(row.repository_id) ?? { downloads: 0, score: 0 };
        found.set(row.repository_id, { downloads, score: score + row.points });
      }
    }
    return found;
  };

  return {
    addDownloads: async (counted, today) => {
      const rows: Insertable<DownloadDayTable>[] = [];
      for (const { repositoryId, day, downloads, ...others } of counted) {
        const [held] = await addToRepository({
          id: repositoryId,
          recent: today - day < RECENT_DAYS ? downloads : 0,
          all: downloads,
          points: downloads * pointsOf(day, today),
        });
        if (held) rows.push({ repository_id: repositoryId, day, downloads, ...others });
      }
      await addToDays(rows);
    },

    downloadDays: (repositoryId, firstDay) =>
      db
        .selectFrom('download_days')
        .select(['day', 'downloads', 'authenticated', 'files'])
        .where('repository_id', '=', repositoryId)
        .where('day', '>=', firstDay)
        .orderBy('day')
        .execute(),

    mostUsed: async (scope, kind, limit) => {
      const byColumn = (column: 'trending' | 'downloads') =>
        selectRepos(context)
          .select(COUNTER_COLUMNS)
          .where('repositories.kind', '=', kind)
          .where(`repositories.${column}`, '>', 0)
          .where(isVisible(context, scope))
          .orderBy(`repositories.${column}`, 'desc')
          .orderBy('repositories.id', 'desc')
          .limit(limit)
          .execute();
      const rows = [...(await byColumn('trending')), ...(await byColumn('downloads'))];
      const distinct = new Map(rows.map((row) => [row.id, row]));
      return [...distinct.values()].map((row) => ({ repo: toRepo(row), ...toCounters(row) }));
    },

    windows,

    recount: async (after, today, limit) => {
      const rows = await db
        .selectFrom('repositories')
        .select(['id', 'downloads', 'trending'])
        .where('id', '>', after ?? (0 as RepositoryId))
        .orderBy('id')
        .limit(limit)
        .execute();
      const counted = rows.filter(({ downloads, trending }) => downloads > 0 || trending > 0);
      const ids = counted.map(({ id }) => id);
      const recent = await windows(ids, today, RECENT_DAYS);
      const trending = await windows(ids, today, TRENDING_DAYS);
      for (const row of counted) {
        const downloads = recent.get(row.id)?.downloads ?? 0;
        const score = trending.get(row.id)?.score ?? 0;
        if (downloads === row.downloads && score === row.trending) continue;
        await db
          .updateTable('repositories')
          .set({ downloads, trending: score })
          .where('id', '=', row.id)
          .execute();
      }
      return rows.at(-1)?.id;
    },

    deleteDownloadDays: async (before, limit) => {
      const { numDeletedRows } = await db
        .deleteFrom('download_days')
        .where(
          sql<boolean>`(repository_id, day) in (
            select repository_id, day from download_days where day < ${before} order by day, repository_id limit ${limit}
          )`,
        )
        .executeTakeFirst();
      return Number(numDeletedRows);
    },
  };
}
