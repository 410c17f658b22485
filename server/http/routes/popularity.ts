import * as contract from '../../contract/popularity.ts';
import { dayText } from '../../domain/popularity.ts';
import { gitKindOf, repoFullName } from '../../domain/repo.ts';
import type { Popularity } from '../../services/popularity.ts';
import { serve, type Endpoint } from '../adapter.ts';
import { json } from '../reply.ts';

/** How much repositories are used. */
export function popularityRoutes(services: { readonly popularity: Popularity }): readonly Endpoint[] {
  const { popularity } = services;

  const periodShape = (days: number) => {
    const { first, last } = popularity.period(days);
    return { start: dayText(first), end: dayText(last), days };
  };

  return [
    serve(contract.repoStats, async ({ granted }) => {
      const { downloads, downloadsAllTime, likes } = await popularity.counters(granted);
      return json({ downloads, downloadsAllTime, likes });
    }),

    serve(contract.recentRepoStats, async ({ granted, query }) => {
      const recent = await popularity.recent(granted, query.days);
      const stats = recent.map(({ day, downloads, authenticated, files }) => ({
        date: dayText(day),
        downloads,
        authenticated,
        anonymous: downloads - authenticated,
        files,
      }));
      return json({ stats, period: periodShape(query.days) });
    }),

    serve(contract.trending, async ({ actor, query: { repo_type: kind, days, limit } }) => {
      const most = await popularity.trending(actor, { kind, days, limit });
      const trending = most.map(({ repo, downloads, likes, recentDownloads }) => ({
        id: repoFullName(repo),
        type: gitKindOf(repo),
        downloads,
        likes,
        recent_downloads: recentDownloads,
        private: repo.visibility === 'private',
      }));
      return json({ trending, period: periodShape(days) });
    }),
  ];
}
