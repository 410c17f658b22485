import { z } from 'zod';
import { choice, ignored, integer } from './query.ts';
import { anyone, noBody, repo, reply, route } from './route.ts';
import type { repoKind } from './shapes.ts';

/** Days of UTC as `YYYY-MM-DD`, both included. */
interface PeriodReply {
  readonly start: string;
  readonly end: string;
  readonly days: number;
}

/** A number of days that a question is about. More than there can be is clamped. */
const days = (most: number, usual: number) => integer(1, most).transform((value) => value ?? usual);

export const repoStats = route({
  method: 'GET',
  path: '/api/:kind/:namespace/:name/stats',
  access: repo('read'),
  summary: 'How often a repository was downloaded within 30 days and ever, and how many people like it.',
  query: ignored,
  body: noBody,
  answer: reply<{
    readonly downloads: number;
    readonly downloadsAllTime: number;
    readonly likes: number;
  }>(),
  errors: ['RepoNotFound'],
});

export const recentRepoStats = route({
  method: 'GET',
  path: '/api/:kind/:namespace/:name/stats/recent',
  access: repo('read'),
  summary: 'Downloads of each of the last days, the oldest first.',
  query: z.object({ days: days(365, 30) }),
  body: noBody,
  answer: reply<{
    readonly stats: readonly {
      readonly date: string;
      readonly downloads: number;
      readonly authenticated: number;
      readonly anonymous: number;
      readonly files: number;
    }[];
    readonly period: PeriodReply;
  }>(),
  errors: ['RepoNotFound'],
});

export const trending = route({
  method: 'GET',
  path: '/api/trending',
  access: anyone('lists show what the caller may read'),
  summary: 'What people like and download these days, the most used first.',
  query: z.object({
    repo_type: choice(['model', 'dataset', 'space', 'kernel']),
    days: days(90, 7),
    limit: integer(1, 100).transform((value) => value ?? 20),
  }),
  body: noBody,
  answer: reply<{
    readonly trending: readonly {
      readonly id: string;
      readonly type: z.infer<typeof repoKind>;
      readonly downloads: number;
      readonly likes: number;
      readonly recent_downloads: number;
      readonly private: boolean;
    }[];
    readonly period: PeriodReply;
  }>(),
  errors: ['SignInRequired'],
});
