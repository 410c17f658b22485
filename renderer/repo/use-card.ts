import { useQuery } from '@tanstack/vue-query';
import { computed, toValue, type MaybeRefOrGetter } from 'vue';
import { ApiError, readFile } from '../api.ts';
import { readCardFacts, splitFrontMatter, type CardData } from '../card/front-matter.ts';
import { keys } from '../queries.ts';
import type { RepoRef } from '../repo-ref.ts';

export const CARD_PATH = 'README.md';
/** More than any card has; the rest of a longer one can be read in the file's own page. */
const MAX_CARD_BYTES = 1_000_000;

export interface Card {
  readonly markdown: string;
  readonly data: CardData;
  readonly cut: boolean;
}

/** The card of a repo at a revision; null when it has none. */
export const useCard = (at: MaybeRefOrGetter<{ readonly repo: RepoRef; readonly revision: string }>) =>
  useQuery({
    queryKey: computed(() => [...keys.repo(toValue(at).repo), 'card', toValue(at).revision]),
    queryFn: async ({ signal }): Promise<Card | null> => {
      const { repo, revision } = toValue(at);
      try {
        const file = await readFile(
          repo,
          { revision, path: CARD_PATH, start: 0, length: MAX_CARD_BYTES },
          signal,
        );
        const { yaml, markdown } = splitFrontMatter(new TextDecoder().decode(file.bytes));
        return { markdown, data: await readCardFacts(yaml), cut: file.size > file.bytes.length };
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) return null;
        throw error;
      }
    },
  });
