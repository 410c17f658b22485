import type { RepoScope } from '../db/questions/repo-scope.ts';
import type { Database } from '../db/stores.ts';
import type { Actor } from '../domain/access.ts';
import { pipelineGroup } from '../domain/pipelines.ts';
import type { LabelRole } from '../domain/repo-facts.ts';
import type { Authorize } from './authorize.ts';

/** A tag as a filter shows it. */
export interface TagChoice {
  readonly id: string;
  readonly label: string;
  readonly type: string;
  readonly subType?: string;
}

/** Tags that repositories of a kind have, by what they are about. */
export interface TagLists {
  byType(actor: Actor, kind: 'model' | 'dataset'): Promise<Readonly<Record<string, readonly TagChoice[]>>>;
}

/** Types that are always there, with a list that may be empty. */
const TYPES: Readonly<Record<'model' | 'dataset', readonly string[]>> = {
  model: 'pipeline_tag library dataset language license region arxiv base_model other'.split(' '),
  dataset: `task_categories task_ids language license size_categories format modality library multilinguality
    annotations_creators language_creators source_datasets benchmark region arxiv other`.split(/\s+/),
};

const PAGE = 500;
/** More than any filter shows; what comes after in the order of tags is left out. */
const MAX_TAGS = 50_000;

export function createTagLists(parts: { readonly db: Database; readonly authorize: Authorize }): TagLists {
  const { db, authorize } = parts;

  async function labelsOf(
    scope: RepoScope,
    kind: 'model' | 'dataset',
    role: LabelRole,
  ): Promise<readonly string[]> {
    const all: string[] = [];
    for (;;) {
      const after = all.at(-1);
      const query = { kind, role, after, limit: PAGE };
      const page = await db.read((stores) => stores.facts.listLabels(scope, query));
      all.push(...page);
      if (page.length < PAGE || all.length >= MAX_TAGS) return all;
    }
  }

  return {
    async byType(actor, kind) {
      const { scope } = await authorize.scope(actor);
      const types = TYPES[kind];
      const lists = new Map<string, TagChoice[]>(types.map((type) => [type, []]));
      const has = async (role: LabelRole): Promise<ReadonlySet<string>> =>
        new Set(await labelsOf(scope, kind, role));
      const plain =
        kind === 'model'
          ? {
              pipeline_tag: await has('pipeline'),
              library: await has('library'),
              language: await has('language'),
            }
          : {};
      for (const id of await labelsOf(scope, kind, 'tag')) {
        const choice = describe(id, types, plain);
        lists.get(choice.type)?.push(choice);
      }
      return Object.fromEntries(lists);
    },
  };
}

/** A tag with a prefix is of the type that says; one without is of the type whose field has it. */
function describe(
  id: string,
  types: readonly string[],
  plain: Readonly<Record<string, ReadonlySet<string>>>,
): TagChoice {
  const [prefix = '', ...rest] = id.split(':');
  if (rest.length > 0 && types.includes(prefix)) {
    const value = rest.join(':');
    return { id, label: prefix === 'language' ? languageName(value) : value, type: prefix };
  }
  const [type] = Object.entries(plain).find(([, ids]) => ids.has(id)) ?? ['other'];
  const label = type === 'language' ? languageName(id) : type === 'pipeline_tag' ? titled(id) : id;
  const subType = type === 'pipeline_tag' ? (pipelineGroup(id) ?? 'other') : undefined;
  return { id, label, type, ...(subType === undefined ? {} : { subType }) };
}

/** `text-generation` as people write it. */
const titled = (id: string): string =>
  id.replace(/(^|-)([a-z])/g, (_, dash: string, letter: string) => (dash ? ' ' : '') + letter.toUpperCase());

const NAMES = new Intl.DisplayNames(['en'], { type: 'language', fallback: 'code' });

function languageName(code: string): string {
  try {
    return NAMES.of(code) ?? code;
  } catch {
    // A card may say anything; only what looks like a code has a name.
    return code;
  }
}
