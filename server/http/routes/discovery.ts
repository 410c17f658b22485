import * as contract from '../../contract/discovery.ts';
import { repoFullName } from '../../domain/repo.ts';
import type { Leaderboards } from '../../services/leaderboards.ts';
import type { SpaceSearch } from '../../services/space-search.ts';
import { serve, type Endpoint } from '../adapter.ts';
import { json } from '../reply.ts';
import { repoUrl } from '../shapes.ts';

/** Ways to come across repositories beside the lists. */
export function discoveryRoutes(services: {
  readonly leaderboards: Leaderboards;
  readonly spaceSearch: SpaceSearch;
}): readonly Endpoint[] {
  const { leaderboards, spaceSearch } = services;
  return [
    serve(contract.leaderboard, async ({ granted, query, request }) => {
      const entries = await leaderboards.of(granted, { baseOnly: query.base_model ?? true });
      return json(
        entries.map(({ model, result }, index) => ({
          rank: index + 1,
          modelId: repoFullName(model),
          value: result.value,
          filename: 'README.md',
          verified: result.isVerified,
          author: {
            type: model.owner.kind === 'organization' ? ('org' as const) : ('user' as const),
            name: model.owner.name,
            fullname: model.owner.name,
            avatarUrl: '',
          },
          // huggingface_hub 1.19 wants one of every entry.
          source: result.source
            ? { ...result.source, isExternal: true }
            : { url: repoUrl(request.origin, model), name: 'Model card', isExternal: false },
          notes: result.metric,
        })),
      );
    }),

    serve(contract.searchSpaces, async ({ actor, query }) => {
      const found = await spaceSearch.find(actor, {
        words: query.q ?? '',
        tags: query.filter,
        sdks: query.sdk,
      });
      return json(
        found.map(({ subject, tags, sdk, title, emoji, shortDescription, relevance }) => {
          const { repo, counters } = subject.listed;
          return {
            _id: repo.publicId,
            id: repoFullName(repo),
            author: repo.owner.name,
            title: title ?? repo.name,
            ...(emoji === undefined ? {} : { emoji }),
            ...(sdk === undefined ? {} : { sdk }),
            likes: counters.likes,
            private: repo.visibility === 'private',
            tags,
            ai_short_description: shortDescription ?? null,
            ai_category: null,
            semanticRelevancyScore: relevance,
            trendingScore: counters.trending,
          };
        }),
      );
    }),
  ];
}
