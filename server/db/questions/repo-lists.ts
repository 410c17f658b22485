import type { Oid } from '../../domain/ids.ts';
import type { Label } from '../../domain/repo-facts.ts';
import type { Repo, RepoKind } from '../../domain/repo.ts';
import type { RepoCounters } from './popularity.ts';

export interface RepoListItem {
  readonly repo: Repo;
  /** Head of the default branch; absent only while a repository is being made. */
  readonly head: Oid | undefined;
  readonly counters: RepoCounters;
  /** By what the list is sorted, for `after`. */
  readonly sortValue: number;
  /** `StoredFacts.summary`, of whichever commit it was derived from; absent until it was once. */
  readonly summary: string | undefined;
}

export type RepoSort =
  | 'updatedAt'
  | 'createdAt'
  | 'likes'
  | 'downloads'
  | 'trending'
  /** Repositories whose parameters are not known are not in such a list. */
  | 'parameters';

export interface RepoListQuery {
  readonly kind: RepoKind;
  readonly owner?: string;
  /** Each must occur in `owner/name`, in any case. */
  readonly search?: readonly string[];
  /** Each must be a label of the repository. */
  readonly labels?: readonly Label[];
  /** One of these at least must be; an empty list matches nothing. */
  readonly anyLabel?: readonly Label[];
  /** Number of parameters, bounds included. */
  readonly parameters?: { readonly min: number; readonly max: number };
  readonly sort: RepoSort;
  readonly direction: 'ascending' | 'descending';
  readonly after?: { readonly value: number; readonly id: number };
  readonly limit: number;
}
