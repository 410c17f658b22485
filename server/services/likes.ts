import type { LikedRepo, Liker } from '../db/questions/likes.ts';
import type { Database } from '../db/stores.ts';
import type { Actor } from '../domain/access.ts';
import type { User } from '../domain/account.ts';
import { repoNotFound } from '../domain/errors.ts';
import type { Clock } from '../platform/clock.ts';
import type { Authorize, Granted } from './authorize.ts';

export interface LikeState {
  readonly isLiked: boolean;
  /** How many people like the repository. */
  readonly likes: number;
}

export interface Likes {
  /** Like a repository or take that back; what is so already stays. Throws RepoNotFound for one that is gone. */
  set(granted: Granted<'read'>, user: User, isLiked: boolean): Promise<LikeState>;
  /** Whether the caller likes a repository; nobody in particular likes nothing. */
  state(granted: Granted<'read'>): Promise<LikeState>;
  /** Newest first, before the row key of a like. */
  likers(granted: Granted<'read'>, before: number | undefined, limit: number): Promise<readonly Liker[]>;
  /** What a user likes of what the caller may see, newest first, before the row key of a like. */
  likedBy(actor: Actor, user: User, before: number | undefined, limit: number): Promise<readonly LikedRepo[]>;
}

/** Who likes which repository. */
export function createLikes(parts: {
  readonly db: Database;
  readonly clock: Pick<Clock, 'now'>;
  readonly authorize: Pick<Authorize, 'scope'>;
}): Likes {
  const { db, clock, authorize } = parts;

  return {
    set: ({ repo }, user, isLiked) =>
      db.write(async (stores) => {
        // It may have been deleted since the caller was let in.
        if (!(await stores.repos.findById(repo.id))) throw repoNotFound();
        if (isLiked) await stores.likes.add(repo.id, user.id, clock.now());
        else await stores.likes.remove(repo.id, user.id, clock.now());
        return { isLiked, likes: (await stores.repos.counters(repo.id)).likes };
      }),

    state: ({ repo, actor }) =>
      db.read(async (stores) => ({
        isLiked: actor.kind === 'user' && (await stores.likes.has(repo.id, actor.user.id)),
        likes: (await stores.repos.counters(repo.id)).likes,
      })),

    likers: ({ repo }, before, limit) => db.read((stores) => stores.likes.likersOf(repo.id, before, limit)),

    async likedBy(actor, user, before, limit) {
      const { scope } = await authorize.scope(actor);
      return db.read((stores) => stores.likes.likedBy(user.id, scope, before, limit));
    },
  };
}
