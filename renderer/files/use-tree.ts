import { useInfiniteQuery } from '@tanstack/vue-query';
import { computed, toValue, watch, type MaybeRefOrGetter } from 'vue';
import { listTree } from '../api.ts';
import { keys } from '../queries.ts';
import type { RepoRef } from '../repo-ref.ts';
import type { TreeEntry } from '../wire.ts';

export interface Folder {
  readonly repo: RepoRef;
  readonly revision: string;
  readonly path: string;
}

export const TREE_PAGE = 1000;

/**
 * A folder's entries. Names come first; the last change of each entry costs the hub more and follows on its own, so
 * `lastCommits` may know fewer paths than are shown.
 */
export function useTreePages(folder: MaybeRefOrGetter<Folder>, withCommits = false) {
  const pages = (expand: boolean) => {
    const at = computed(() => toValue(folder));
    return useInfiniteQuery({
      queryKey: computed(() => [
        ...keys.repo(at.value.repo),
        'tree',
        at.value.revision,
        at.value.path,
        expand,
      ]),
      queryFn: ({ pageParam, signal }) =>
        listTree(
          at.value.repo,
          {
            revision: at.value.revision,
            path: at.value.path,
            expand,
            limit: TREE_PAGE,
            cursor: pageParam,
          },
          signal,
        ),
      initialPageParam: undefined as string | undefined,
      getNextPageParam: (page) => page.next,
      enabled: !expand || withCommits,
    });
  };
  const names = pages(false);
  const expanded = pages(true);

  const entries = computed(() => names.data.value?.pages.flatMap(({ items }) => items) ?? []);
  const known = computed(() => expanded.data.value?.pages.flatMap(({ items }) => items) ?? []);
  const lastCommits = computed(
    () =>
      new Map(
        known.value.flatMap(({ path, lastCommit }): [string, NonNullable<TreeEntry['lastCommit']>][] =>
          lastCommit ? [[path, lastCommit]] : [],
        ),
      ),
  );
  // The hub may page the costly answer in smaller steps: follow until it has caught up with the names shown.
  watch([known, entries], () => {
    const behind = known.value.length > 0 && known.value.length < entries.value.length;
    if (behind && expanded.hasNextPage.value && !expanded.isFetching.value) void expanded.fetchNextPage();
  });
  return { names, entries, lastCommits };
}
