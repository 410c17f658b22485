import { sql } from 'kysely';
import type { NamespaceId, RepositoryId } from '../../domain/ids.ts';
import { dayOf, LIKE_WORTH, pointsOf } from '../../domain/popularity.ts';
import type { LikeStore } from '../questions/likes.ts';
import type { RepoScope } from '../questions/repo-scope.ts';
import type { StoreContext } from '../store-context.ts';
import { selectUsers, toUser } from './namespace-rows.ts';
import { isVisible, selectRepos, toRepo } from './repo-rows.ts';

/** Likes of a deleted user that are looked up at once. */
const SLICE = 500;

/** What a like of some time adds to the trending score today. */
const worthOf = (likedAt: number, now: number): number => LIKE_WORTH * pointsOf(dayOf(likedAt), dayOf(now));

export function createLikeStore(context: StoreContext): LikeStore {
  const { db, dialect } = context;

  const move = async (repositoryId: RepositoryId, likes: 1 | -1, worth: number): Promise<void> => {
    const trending = sql<number>`${sql.ref('trending')} + ${likes * worth}`;
    await db
      .updateTable('repositories')
      .set((eb) => ({
        likes: eb('likes', '+', likes),
        // The score may be of yesterday, until it is worked out anew.
        trending: dialect.greatest(trending, sql.lit(0)),
      }))
      .where('id', '=', repositoryId)
      .execute();
  };

  const remove: LikeStore['remove'] = async (repositoryId, userId, now) => {
    const removed = await db
      .deleteFrom('likes')
      .where('repository_id', '=', repositoryId)
      .where('user_id', '=', userId)
      .returning('created_at')
      .executeTakeFirst();
    if (!removed) return false;
    await move(repositoryId, -1, worthOf(removed.created_at, now));
    return true;
  };

  const likesOf = (userId: NamespaceId, scope: RepoScope) =>
    db
      .selectFrom('likes')
      .innerJoin('repositories', 'repositories.id', 'likes.repository_id')
      .where('likes.user_id', '=', userId)
      .where(isVisible(context, scope));

  return {
    add: async (repositoryId, userId, now) => {
      const added = await db
        .insertInto('likes')
        .values({ repository_id: repositoryId, user_id: userId, created_at: now })
        .onConflict((on) => on.columns(['repository_id', 'user_id']).doNothing())
        .returning('id')
        .executeTakeFirst();
      if (!added) return false;
      await move(repositoryId, 1, worthOf(now, now));
      return true;
    },

    remove,

    removeAllOf: async (userId, now) => {
      for (let count = 0; ;) {
        const liked = await db
          .selectFrom('likes')
          .select('repository_id')
          .where('user_id', '=', userId)
          .limit(SLICE)
          .execute();
        if (liked.length === 0) return count;
        for (const { repository_id: repositoryId } of liked) await remove(repositoryId, userId, now);
        count += liked.length;
      }
    },

    has: async (repositoryId, userId) => {
      const row = await db
        .selectFrom('likes')
        .select('id')
        .where('repository_id', '=', repositoryId)
        .where('user_id', '=', userId)
        .executeTakeFirst();
      return row !== undefined;
    },

    likersOf: async (repositoryId, before, limit) => {
      let likers = selectUsers(context)
        .innerJoin('likes', 'likes.user_id', 'users.id')
        .select('likes.id as like_id')
        .where('likes.repository_id', '=', repositoryId)
        .orderBy('likes.id', 'desc')
        .limit(limit);
      if (before !== undefined) likers = likers.where('likes.id', '<', before);
      const rows = await likers.execute();
      return rows.map((row) => ({ id: row.like_id, user: toUser(row) }));
    },

    likedBy: async (userId, scope, before, limit) => {
      let liked = selectRepos(context)
        .innerJoin('likes', 'likes.repository_id', 'repositories.id')
        .select(['likes.id as like_id', 'likes.created_at as liked_at'])
        .where('likes.user_id', '=', userId)
        .where(isVisible(context, scope))
        .orderBy('likes.id', 'desc')
        .limit(limit);
      if (before !== undefined) liked = liked.where('likes.id', '<', before);
      const rows = await liked.execute();
      return rows.map((row) => ({ id: row.like_id, repo: toRepo(row), likedAt: row.liked_at }));
    },

    countLikedBy: async (userId, scope) => {
      const { count } = await likesOf(userId, scope)
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow();
      return Number(count);
    },
  };
}
