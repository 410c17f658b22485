import { HubError } from '../domain/errors.ts';
import type { WorkerPool } from '../workers/pool.ts';
import { validateCard } from './card-rules.ts';
import { isQuickCard, readCard, type CardCheck } from './cards.ts';

/** What is wrong with a card, without what it says. */
export type CardProblems = Pick<CardCheck, 'errors' | 'warnings'>;

/** Cards as the hub is asked about them: YAML of a megabyte takes a second, and others want their answers meanwhile. */
export interface CardChecks {
  /**
   * All that `validate-yaml` says of a card; what is wrong is in `errors`. Throws TooManyRequests while very many cards
   * wait.
   */
  validate(text: string, repoType: string | undefined): Promise<CardProblems>;
  /** Refuse a card whose metadata cannot be read. Throws InvalidMetadata with all problems in `errors`. */
  requireReadable(content: Buffer): Promise<void>;
}

/** Characters of cards that wait for the thread of those that anybody sends: about as many seconds. */
const MAX_WAITING = 24 * 1024 * 1024;
const RETRY_AFTER_SECONDS = 10;

/**
 * `openWorkers` is the place of cards that anybody may have checked. It is another than that of commits, whose cards
 * would otherwise wait behind them: a megabyte of YAML takes one to five seconds, most of them in the YAML library, which
 * makes three objects for each value.
 */
export function createCardChecks(parts: {
  readonly workers: Pick<WorkerPool, 'run'>;
  readonly openWorkers: Pick<WorkerPool, 'run'>;
}): CardChecks {
  const { workers, openWorkers } = parts;
  let waiting = 0;

  return {
    async validate(text, repoType) {
      if (isQuickCard(text)) return validateCard(text, repoType);
      if (waiting > 0 && waiting + text.length > MAX_WAITING) throw manyCards();
      waiting += text.length;
      try {
        return await openWorkers.run('validateCard', { text, repoType });
      } finally {
        waiting -= text.length;
      }
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

const manyCards = (): HubError =>
  new HubError(
    'TooManyRequests',
    `Many cards are being checked. Try again in ${RETRY_AFTER_SECONDS} seconds.`,
    {
      details: { retryAfterSeconds: RETRY_AFTER_SECONDS },
    },
  );
