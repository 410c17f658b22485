import { useQuery } from '@tanstack/vue-query';
import { computed, toValue, type MaybeRefOrGetter } from 'vue';
import { readFile } from '../api.ts';
import { readCardFacts, splitFrontMatter, type CardData } from '../card/front-matter.ts';
import { keys } from '../queries.ts';
import type { RepoRef } from '../repo-ref.ts';
import type { RepoInfo } from '../wire.ts';

export const CARD_PATH = 'README.md';
/** More than any card has; the rest of a longer one can be read in the file's own page. */
const MAX_CARD_BYTES = 1_000_000;

export interface Card {
  readonly markdown: string;
  readonly data: CardData;
  readonly cut: boolean;
}

/** Whether the repo's list of files has a card. */
export const hasCard = (info: RepoInfo | undefined): boolean =>
  (info?.siblings ?? []).some(({ rfilename }) => rfilename === CARD_PATH);

/** The card of a repo at a revision; null when it has none. */
export const useCard = (
  at: MaybeRefOrGetter<{ readonly repo: RepoRef; readonly revision: string; readonly exists: boolean }>,
) =>
  useQuery({
    queryKey: computed(() => [
      ...keys.repo(toValue(at).repo),
      'card',
      toValue(at).revision,
      toValue(at).exists,
    ]),
    queryFn: async ({ signal }): Promise<Card | null> => {
      const { repo, revision, exists } = toValue(at);
      if (!exists) return null;
      const file = await readFile(
        repo,
        { revision, path: CARD_PATH, start: 0, length: MAX_CARD_BYTES },
        signal,
      );
      const { yaml, markdown } = splitFrontMatter(new TextDecoder().decode(file.bytes));
      return { markdown, data: await readCardFacts(yaml), cut: file.size > file.bytes.length };
    },
  });
