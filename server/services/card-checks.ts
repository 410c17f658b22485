import { HubError } from '../domain/errors.ts';
import type { WorkerPool } from '../workers/pool.ts';
import { validateCard } from './card-rules.ts';
import { isQuickCard, readCard, type CardCheck } from './cards.ts';

/** What is wrong with a card, without what it says. */
export type CardProblems = Pick<CardCheck, 'errors' | 'warnings'>;

/** Cards as the hub is asked about them: YAML of a megabyte takes a second, and others want their answers meanwhile. */
export interface CardChecks {
  /** All that `validate-yaml` says of a card. Never refuses: what is wrong is in `errors`. */
  validate(text: string, repoType: string | undefined): Promise<CardProblems>;
  /** Refuse a card whose metadata cannot be read. Throws InvalidMetadata with all problems in `errors`. */
  requireReadable(content: Buffer): Promise<void>;
}

export function createCardChecks({ workers }: { readonly workers: Pick<WorkerPool, 'run'> }): CardChecks {
  return {
    async validate(text, repoType) {
      return isQuickCard(text)
        ? validateCard(text, repoType)
        : workers.run('validateCard', { text, repoType });
    },

    async requireReadable(content) {
      const text = content.toString('utf8');
      const { errors } = isQuickCard(text) ? readCard(text) : await workers.run('readCard', { text });
      if (errors.length === 0) return;
      throw new HubError('InvalidMetadata', `Invalid metadata in README.md: ${errors.join('; ')}`, {
        details: { errors: errors.map((message) => ({ message })) },
      });
    },
  };
}
