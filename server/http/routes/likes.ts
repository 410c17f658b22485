import * as contract from '../../contract/likes.ts';
import { timestamp } from '../../contract/shapes.ts';
import { repoFullName } from '../../domain/repo.ts';

import type { Likes, LikeState } from '../../services/likes.ts';
import type { Profiles } from '../../services/profiles.ts';
import { serve, type Endpoint } from '../adapter.ts';
import { pageReply } from './keyset-page.ts';
import { json } from '../reply.ts';
import { personShape } from '../shapes.ts';

/** Likes: of a repository, and of a person. */
export function likeRoutes(services: {
  readonly profiles: Profiles;
  readonly likes: Likes;
}): readonly Endpoint[] {
  const { likes, profiles } = services;
  return [
    serve(contract.like, async ({ granted, actor }) =>
      json(likeShape(await likes.set(granted, actor.user, true))),
    ),

    serve(contract.unlike, async ({ granted, actor }) =>
      json(likeShape(await likes.set(granted, actor.user, false))),
    ),

    serve(contract.readLike, async ({ granted }) => json(likeShape(await likes.state(granted)))),

    serve(contract.likers, ({ granted, request, query }) =>
      pageReply(request, query, {
        name: `likers ${granted.repo.publicId}`,
        rows: (before, limit) => likes.likers(granted, before, limit),
        keyOf: ({ id }) => id,
        shapeOf: ({ user }) => personShape(user),
      }),
    ),

    serve(contract.userLikes, async ({ actor, params, request, query }) => {
      const user = await profiles.user(actor, params['user'] ?? '');
      return pageReply(request, query, {
        name: `likes ${user.publicId}`,
        rows: (before, limit) => likes.likedBy(actor, user, before, limit),
        keyOf: ({ id }) => id,
        shapeOf: ({ repo, likedAt }) => ({
          createdAt: timestamp(likedAt),
          repo: { name: repoFullName(repo), type: repo.kind },
        }),
      });
    }),
  ];
}

const likeShape = ({ isLiked, likes }: LikeState): contract.LikeReply => ({
  liked: isLiked,
  likes_count: likes,
});
