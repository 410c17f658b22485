import { m } from '../messages.ts';
import type { RepoListItem } from '../wire.ts';

export interface CardFact {
  readonly label: string;
  readonly value: string;
}

const texts = (value: unknown): readonly string[] =>
  (Array.isArray(value) ? value : [value]).filter(
    (item): item is string => typeof item === 'string' && item !== '',
  );

/** What a card's front matter says in fields everybody knows, in the order people look for them. */
export function factsOf(card: Readonly<Record<string, unknown>>): readonly CardFact[] {
  const field = (label: string, ...names: readonly string[]): readonly CardFact[] => {
    const values = names.flatMap((name) => texts(card[name]));
    return values.length === 0 ? [] : [{ label, value: [...new Set(values)].join(', ') }];
  };
  return [
    ...field(m.card.facts.license, 'license', 'license_name'),
    ...field(m.card.facts.task, 'pipeline_tag', 'task_categories').map(({ label, value }) => ({
      label,
      value: sayTask(value),
    })),
    ...field(m.card.facts.library, 'library_name'),
    ...field(m.card.facts.languages, 'language'),
    ...field(m.card.facts.baseModel, 'base_model'),
    ...field(m.card.facts.datasets, 'datasets'),
    ...field(m.card.facts.size, 'size_categories'),
    ...field(m.card.facts.sdk, 'sdk'),
    ...field(m.card.facts.metrics, 'metrics'),
  ];
}

/** The words of a card that are shown as chips under the repo's name. */
export function chipsOf(card: Readonly<Record<string, unknown>>): readonly string[] {
  const tasks = ['pipeline_tag', 'task_categories'].flatMap((name) => texts(card[name])).map(sayTask);
  const others = ['library_name', 'license', 'tags'].flatMap((name) => texts(card[name]));
  return [...new Set([...tasks, ...others])].slice(0, 8);
}

/** The task of a listed repo, from its own field or its tags. */
export function taskOf(item: RepoListItem): string {
  const tag = item.tags?.find((name) => name.startsWith('task_categories:'));
  return sayTask(item.pipeline_tag ?? tag?.split(':')[1] ?? '');
}

/** A task's id as words: `text-generation` is `Text generation`. */
const sayTask = (id: string): string => (id.charAt(0).toUpperCase() + id.slice(1)).replaceAll('-', ' ');
