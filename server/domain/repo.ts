import type { Namespace, Visibility } from './account.ts';
import { HubError } from './errors.ts';
import type { NamespaceId, PublicId, RepositoryId } from './ids.ts';

export const REPO_KINDS = ['model', 'dataset', 'space', 'kernel'] as const;
export type RepoKind = (typeof REPO_KINDS)[number];
/**
 * Everything that has an owner, a name, a visibility and large files. A bucket has no git: its files are rows, without
 * revisions, so nothing that is about commits or lists of repositories knows of it.
 */
export type HeldKind = RepoKind | 'bucket';

export interface Repo {
  readonly id: RepositoryId;
  readonly publicId: PublicId;
  readonly kind: HeldKind;
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

/** The kind of a repository that has git. Throws Internal for a bucket, which no route for repositories leads to. */
export function gitKindOf({ kind }: { readonly kind: HeldKind }): RepoKind {
  if (kind === 'bucket') throw new HubError('Internal', 'A bucket was taken for a repository with git.');
  return kind;
}
