import { HubError } from '../domain/errors.ts';
import { compareValues, resultsOf, type EvaluationResult } from '../domain/evaluation.ts';
import { repoFullName, type Repo } from '../domain/repo.ts';
import type { Granted } from './authorize.ts';
import type { Facts } from './facts.ts';
import type { RepoInfo } from './repo-info.ts';
import type { Repositories } from './repositories.ts';

export interface LeaderboardEntry {
  readonly model: Repo;
  readonly result: EvaluationResult;
}

/** Models by what their cards say they reached on a data set. */
export interface Leaderboards {
  /**
   * The best result of each model that the caller may read, best first, in the metric that most of them state. With
   * `baseOnly` without models that name a base model. Throws NotFound where no card has a result.
   */
  of(dataset: Granted<'read'>, options: { readonly baseOnly: boolean }): Promise<readonly LeaderboardEntry[]>;
}

const MAX_MODELS = 1_000;

export function createLeaderboards(parts: {
  readonly repositories: Repositories;
  readonly facts: Facts;
  readonly info: RepoInfo;
}): Leaderboards {
  const { repositories, facts, info } = parts;

  async function resultsOn(
    dataset: Granted<'read'>,
    baseOnly: boolean,
  ): Promise<readonly LeaderboardEntry[]> {
    const name = repoFullName(dataset.repo);
    await facts.catchUp('model');
    const models = await repositories.list(dataset.actor, {
      kind: 'model',
      labels: [{ role: 'evaluated', label: name }],
      search: [],
      sort: 'createdAt',
      direction: 'ascending',
      limit: MAX_MODELS,
    });
    const entries: LeaderboardEntry[] = [];
    for await (const subject of info.subjects(models, true)) {
      const { card, details } = await subject.facts();
      if (baseOnly && details.base !== undefined) continue;
      const results = resultsOf(card).filter((result) => result.dataset === name);
      for (const result of results) entries.push({ model: subject.granted.repo, result });
    }
    return entries;
  }

  return {
    async of(dataset, { baseOnly }) {
      const entries = dataset.repo.kind === 'dataset' ? await resultsOn(dataset, baseOnly) : [];
      const metric = commonMetric(entries);
      if (metric === undefined) {
        throw new HubError(
          'NotFound',
          'There is no leaderboard here: no card states a result for this data set.',
        );
      }
      const best = new Map<string, LeaderboardEntry>();
      const inOrder = entries
        .filter(({ result }) => result.metric === metric)
        .sort((a, b) => compareValues(metric, a.result.value, b.result.value));
      for (const entry of inOrder) {
        if (!best.has(entry.model.publicId)) best.set(entry.model.publicId, entry);
      }
      return [...best.values()];
    },
  };
}

/** The metric that most models state; of several the first that was met. */
function commonMetric(entries: readonly LeaderboardEntry[]): string | undefined {
  const models = new Map<string, Set<string>>();
  for (const { model, result } of entries) {
    models.set(result.metric, (models.get(result.metric) ?? new Set()).add(model.publicId));
  }
  const [most] = [...models].sort(([, a], [, b]) => b.size - a.size);
  return most?.[0];
}
