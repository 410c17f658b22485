import { z } from 'zod';
import { flag, list, text } from './query.ts';
import { anyone, noBody, repo, reply, route } from './route.ts';

/** A model on a leaderboard (contract 1.4). */
export interface LeaderboardReply {
  readonly rank: number;
  readonly modelId: string;
  readonly value: number;
  readonly filename: string;
  readonly verified: boolean;
  readonly author: {
    readonly type: 'user' | 'org';
    readonly name: string;
    readonly fullname: string;
    readonly avatarUrl: string;
  };
  /** Where the card says that the result comes from, else the card itself. */
  readonly source: { readonly url: string; readonly name?: string; readonly isExternal: boolean };
  readonly notes: string;
}

export const leaderboard = route({
  method: 'GET',
  path: '/api/:kind/:namespace/:name/leaderboard',
  access: repo('read'),
  summary: 'Models by the results that their cards state for a data set; of other kinds there is none.',
  query: z.object({ base_model: flag }),
  body: noBody,
  answer: reply<readonly LeaderboardReply[]>(),
  errors: ['RepoNotFound'],
});

export interface FoundSpaceReply {
  readonly _id: string;
  readonly id: string;
  readonly author: string;
  readonly title: string;
  readonly emoji?: string;
  readonly sdk?: string;
  readonly likes: number;
  readonly private: boolean;
  readonly tags: readonly string[];
  readonly ai_short_description: string | null;
  readonly ai_category: string | null;
  readonly semanticRelevancyScore: number;
  readonly trendingScore: number;
}

export const searchSpaces = route({
  method: 'GET',
  path: '/api/spaces/semantic-search',
  access: anyone('it finds what the caller may read'),
  summary: 'Find spaces by words of their titles, names, tags and descriptions.',
  query: z.object({ q: text(250), filter: list(64), sdk: list(16), includeNonRunning: flag }),
  body: noBody,
  answer: reply<readonly FoundSpaceReply[]>(),
  errors: ['InvalidParameter'],
});
