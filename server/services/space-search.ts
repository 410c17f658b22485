import type { Actor } from '../domain/access.ts';
import { textOf } from '../domain/plain-json.ts';
import type { Facts } from './facts.ts';
import type { ListedSubject, RepoInfo } from './repo-info.ts';
import type { Repositories } from './repositories.ts';

export interface FoundSpace {
  readonly subject: ListedSubject;
  readonly tags: readonly string[];
  readonly sdk: string | undefined;
  readonly title: string | undefined;
  readonly emoji: string | undefined;
  readonly shortDescription: string | undefined;
  /** How well it fits, from 0 to 1. */
  readonly relevance: number;
}

/** Finds spaces by words of a sentence. */
export interface SpaceSearch {
  find(
    actor: Actor,
    query: { readonly words: string; readonly tags: readonly string[]; readonly sdks: readonly string[] },
  ): Promise<readonly FoundSpace[]>;
}

/** Looked at: those that people use most these days. */
const MAX_CANDIDATES = 1_000;
const MAX_FOUND = 100;
const MAX_WORDS = 16;
/** Where a word is found says how much a space is about it. */
const WEIGHTS = { title: 4, name: 3, tag: 2, description: 1 } as const;

/**
 * The large hub compares meanings; here the words themselves are compared with names, titles, tags and descriptions,
 * which needs no model and is enough for the spaces of a lab (docs/decisions/0009).
 */
export function createSpaceSearch(parts: {
  readonly repositories: Repositories;
  readonly facts: Facts;
  readonly info: RepoInfo;
}): SpaceSearch {
  const { repositories, facts, info } = parts;
  return {
    async find(actor, { words, tags, sdks }) {
      const asked = wordsOf(words).slice(0, MAX_WORDS);
      if (asked.length === 0) return [];
      await facts.catchUp('space');
      const candidates = await repositories.list(actor, {
        kind: 'space',
        labels: tags.map((label) => ({ role: 'tag', label }) as const),
        search: [],
        sort: 'trending',
        direction: 'descending',
        limit: MAX_CANDIDATES,
      });
      const found: FoundSpace[] = [];
      for await (const subject of info.subjects(candidates, true)) {
        const { card, summary } = await subject.facts();
        if (sdks.length > 0 && !sdks.includes(summary.sdk ?? '')) continue;
        const [title, emoji] = [textOf(card['title']), textOf(card['emoji'])];
        const shortDescription = textOf(card['short_description']);
        const relevance = relevanceOf(asked, {
          title: wordsOf(title ?? ''),
          name: wordsOf(subject.granted.repo.name),
          tag: summary.tags.flatMap(wordsOf),
          description: wordsOf(shortDescription ?? ''),
        });
        if (relevance === 0) continue;
        found.push({
          subject,
          tags: summary.tags,
          sdk: summary.sdk,
          title,
          emoji,
          shortDescription,
          relevance,
        });
      }
      return found.sort((a, b) => b.relevance - a.relevance).slice(0, MAX_FOUND);
    },
  };
}

const wordsOf = (text: string): readonly string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

/** The share of the most that all words together could weigh; the beginning of a word counts for half. */
function relevanceOf(
  asked: readonly string[],
  places: Readonly<Record<keyof typeof WEIGHTS, readonly string[]>>,
): number {
  let sum = 0;
  for (const word of asked) {
    let best = 0;
    for (const [place, weight] of Object.entries(WEIGHTS) as [keyof typeof WEIGHTS, number][]) {
      const held = places[place];
      if (held.includes(word)) best = Math.max(best, weight);
      else if (held.some((other) => other.startsWith(word))) best = Math.max(best, weight / 2);
    }
    sum += best;
  }
  return sum / (asked.length * WEIGHTS.title);
}
