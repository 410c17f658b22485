import type { Namespace, Visibility } from './account.ts';
import type { NamespaceId, PublicId, RepositoryId } from './ids.ts';

export const REPO_KINDS = ['model', 'dataset', 'space', 'kernel'] as const;
export type RepoKind = (typeof REPO_KINDS)[number];

export interface Repo {
  readonly id: RepositoryId;
  readonly publicId: PublicId;
  readonly kind: RepoKind;
  readonly owner: Pick<Namespace, 'id' | 'name' | 'kind'>;
  readonly name: string;
  readonly visibility: Visibility;
  /** Short name of the branch that `HEAD` means. */
  readonly defaultBranch: string;
  readonly createdBy: NamespaceId | undefined;
  readonly createdAt: number;
  /** Last change of content or settings. */
  readonly updatedAt: number;
  /** Since when it can only be read; undefined for a repository that can be written to. */
  readonly archivedAt: number | undefined;
}

/** `owner/name`, as clients write it. */
export const repoFullName = (repo: {
  readonly owner: Pick<Namespace, 'name'>;
  readonly name: string;
}): string => `${repo.owner.name}/${repo.name}`;
