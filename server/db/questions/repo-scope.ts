import type { NamespaceId, RepositoryId } from '../../domain/ids.ts';

/** Whose private repositories a list may show, made by `services/authorize.ts` alone. */
export type RepoScope =
  | { readonly kind: 'everything' }
  | { readonly kind: 'public' }
  | {
      readonly kind: 'public-and';
      readonly owners: readonly NamespaceId[];
      /** Single ones beside those of the owners. */
      readonly repositories?: readonly RepositoryId[];
    };
