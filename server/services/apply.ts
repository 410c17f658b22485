import { parseDocument } from 'yaml';
import { HubError } from '../domain/errors.ts';
import type { Database } from '../db/stores.ts';
import type { Clock } from '../platform/clock.ts';
import { findContradictions } from './apply-checks.ts';
import { readDescription } from './apply-description.ts';
import type { DescribedUser } from './apply-description.ts';
import { writeDescription } from './apply-writes.ts';
import type { ApplyOutcome } from './apply-writes.ts';
import type { Passwords } from './passwords.ts';

const LONGEST_FILE_CHARS = 2 * 2 ** 20;
/** Far more than people write by hand, far less than a bomb of aliases needs. */
const MOST_ALIASES = 100;

export interface ApplyParts {
  readonly db: Database;
  readonly clock: Pick<Clock, 'now'>;
  readonly passwords: Passwords;
}

/**
 * Make the people of the hub as a JSON or YAML text describes them. Nothing is ever removed, and what the text
 * does not mention stays. Everything happens in one transaction, or nothing. Throws InvalidBody with all problems
 * in `details.problems`.
 */
export type Apply = (text: string) => Promise<ApplyOutcome>;

export function createApply({ db, clock, passwords }: ApplyParts): Apply {
  return async (text) => {
    const problems: string[] = [];
    const description = readDescription(parseText(text, problems), problems);
    refuse(problems);
    refuse(await db.read((stores) => findContradictions(stores, description, clock.now())));
    const hashes = await newPasswordHashes(description.users);
    return db.write(async (stores) => {
      // Asked again where nothing can come between.
      refuse(await findContradictions(stores, description, clock.now()));
      return writeDescription(stores, description, hashes, clock.now());
    });
  };

  /** The hashes to set, by user name: where the stored one is not of the password, or not the hash, that is given. */
  async function newPasswordHashes(users: readonly DescribedUser[]): Promise<ReadonlyMap<string, string>> {
    const hashes = new Map<string, string>();
    for (const { name, password, passwordHash } of users) {
      if (password === undefined && passwordHash === undefined) continue;
      const stored = await db.read(async ({ accounts }) => {
        const user = await accounts.findUser(name);
        return user && accounts.passwordHash(user.id);
      });
      if (passwordHash !== undefined && passwordHash !== stored) hashes.set(name, passwordHash);
      if (password === undefined) continue;
      const isSame = stored !== undefined && (await passwords.verify(password, stored));
      if (!isSame) hashes.set(name, await passwords.hash(password));
    }
    return hashes;
  }
}

function refuse(problems: readonly string[]): void {
  if (problems.length === 0) return;
  const message = `Nothing was changed, because the file is not right:\n${problems.map((problem) => `  ${problem}`).join('\n')}`;
  throw new HubError('InvalidBody', message, { details: { problems } });
}

/** YAML 1.2, of which JSON is a part. Without custom tags and merge keys, with few aliases. */
function parseText(text: string, problems: string[]): unknown {
  if (text.length > LONGEST_FILE_CHARS) {
    problems.push(`the file: has more than ${LONGEST_FILE_CHARS} characters.`);
    return {};
  }
  try {
    const document = parseDocument(text, { schema: 'core', version: '1.2', prettyErrors: true });
    const wrong = [...document.errors, ...document.warnings];
    problems.push(...wrong.map(({ message }) => `the file: ${message.split('\n', 1)[0] ?? ''}`));
    return wrong.length > 0 ? {} : document.toJS({ maxAliasCount: MOST_ALIASES });
  } catch (error) {
    // The reader throws for too many aliases and when nesting exhausts the stack.
    problems.push(`the file: ${error instanceof Error ? error.message : String(error)}.`);
    return {};
  }
}
