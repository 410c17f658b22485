import { z } from 'zod';
import { ignored, integer, text } from './query.ts';
import { anyone, noBody, reader, repo, reply, route } from './route.ts';
import type { repoKind } from './shapes.ts';

/** A person in a list, as the clients read one (contract 1.4). */
export interface PersonReply {
  readonly type: 'user';
  readonly user: string;
  readonly fullname: string;
  readonly avatarUrl: string;
  readonly isPro: boolean;
}

export interface LikeReply {
  readonly liked: boolean;
  /** How many people like the repository now. */
  readonly likes_count: number;
}

/** One page of a list that is read from its newest entry on. */
export const pageQuery = z.object({ limit: integer(1, 1000), cursor: text(512) });

export const like = route({
  method: 'POST',
  path: '/api/:kind/:namespace/:name/like',
  access: reader(),
  summary: 'Like a repository; once more changes nothing.',
  query: ignored,
  body: noBody,
  answer: reply<LikeReply>(),
  errors: ['RepoNotFound'],
});

export const unlike = route({
  method: 'DELETE',
  path: '/api/:kind/:namespace/:name/like',
  access: reader(),
  summary: 'Take a like back; where there is none this changes nothing.',
  query: ignored,
  body: noBody,
  answer: reply<LikeReply>(),
  errors: ['RepoNotFound'],
});

export const readLike = route({
  method: 'GET',
  path: '/api/:kind/:namespace/:name/like',
  access: repo('read'),
  summary: 'Whether the caller likes a repository.',
  query: ignored,
  body: noBody,
  answer: reply<LikeReply>(),
  errors: ['RepoNotFound'],
});

export const likers = route({
  method: 'GET',
  path: '/api/:kind/:namespace/:name/likers',
  access: repo('read'),
  summary: 'Who likes a repository, the newest first.',
  query: pageQuery,
  body: noBody,
  answer: reply<readonly PersonReply[]>(),
  errors: ['RepoNotFound', 'InvalidCursor'],
});

export const userLikes = route({
  method: 'GET',
  path: '/api/users/:user/likes',
  access: anyone('lists show what the caller may read'),
  summary: 'What a user likes, the newest first.',
  query: pageQuery,
  body: noBody,
  answer: reply<
    readonly {
      readonly createdAt: string;
      readonly repo: { readonly name: string; readonly type: z.infer<typeof repoKind> };
    }[]
  >(),
  errors: ['NotFound', 'InvalidCursor', 'SignInRequired'],
});
