import { QueryCache, QueryClient, useQuery } from '@tanstack/vue-query';
import { computed, toValue, type MaybeRefOrGetter } from 'vue';
import * as api from './api.ts';
import { ApiError } from './api.ts';
import type { RepoRef } from './repo-ref.ts';

/** Names of what is cached from the hub. Everything about one repo begins with `['repo', kind, owner, name]`. */
export const keys = {
  hub: ['hub'],
  overview: ['overview'],
  tokens: ['tokens'],
  sshKeys: ['ssh-keys'],
  sessions: ['sessions'],
  applications: ['applications'],
  repo: (repo: RepoRef) => ['repo', repo.kind, repo.owner, repo.name] as const,
} as const;

/** An answer of the hub is final, whatever it says; only a lost connection or a broken hub is asked again. */
const worthRetrying = (failures: number, error: Error): boolean =>
  failures < 2 && (!(error instanceof ApiError) || error.status === 0 || error.status >= 500);

/** No answer, or one that says the session has ended: the hub and who is here are asked for at once. */
const doubtsHub = (error: Error): boolean =>
  error instanceof ApiError && (error.status === 0 || error.status === 401);

export function makeQueryClient(): QueryClient {
  const queryCache = new QueryCache({
    onError: (error, { queryKey }) => {
      if (queryKey[0] !== keys.hub[0] && doubtsHub(error)) void client.refetchQueries({ queryKey: keys.hub });
    },
  });
  const client = new QueryClient({
    queryCache,
    defaultOptions: { queries: { retry: worthRetrying, staleTime: 5_000 } },
  });
  return client;
}

/** Counts, storage and recent repos; only for somebody who is signed in. */
export const useOverview = (enabled: MaybeRefOrGetter<boolean>, refetchMs: number | false = false) =>
  useQuery({
    queryKey: keys.overview,
    queryFn: ({ signal }) => api.getOverview(signal),
    enabled: computed(() => toValue(enabled)),
    refetchInterval: refetchMs,
  });

export const useTokens = () =>
  useQuery({ queryKey: keys.tokens, queryFn: ({ signal }) => api.listTokens(signal) });

export const useSshKeys = () =>
  useQuery({ queryKey: keys.sshKeys, queryFn: ({ signal }) => api.listSshKeys(signal) });

export const useSessions = () =>
  useQuery({ queryKey: keys.sessions, queryFn: ({ signal }) => api.listSessions(signal) });

export const useApplications = () =>
  useQuery({ queryKey: keys.applications, queryFn: ({ signal }) => api.listApplications(signal) });

export const useRepo = (repo: MaybeRefOrGetter<RepoRef>) =>
  useQuery({
    queryKey: computed(() => [...keys.repo(toValue(repo)), 'info']),
    queryFn: ({ signal }) => api.getRepo(toValue(repo), signal),
  });

export const useRefs = (repo: MaybeRefOrGetter<RepoRef>) =>
  useQuery({
    queryKey: computed(() => [...keys.repo(toValue(repo)), 'refs']),
    queryFn: ({ signal }) => api.getRefs(toValue(repo), signal),
  });
