import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { User } from '../domain/account.ts';
import { conflict, forbidden } from '../domain/errors.ts';
import type { Database } from '../db/stores.ts';
import type { Clock } from '../platform/clock.ts';
import { prepareUser } from './accounts.ts';
import type { NewUser } from './accounts.ts';
import type { Passwords } from './passwords.ts';
import { createRateWindow, sourceOf, tooManyRequests } from './rate-window.ts';
import { hashOfSecret } from './token-secret.ts';

export interface Setup {
  /** True until the first account exists. */
  isRequired(): Promise<boolean>;
  /**
   * The secret for the one-time link, made when first asked for and valid as long as this process runs; undefined
   * once an account exists.
   */
  secret(): Promise<string | undefined>;
  /**
   * Create the first account, an administrator. Throws Conflict once any account exists, for ever after; Forbidden
   * for a wrong secret, TooManyRequests for many from one source (a right one is never in its way); else as the creation
   * of a user does.
   */
  complete(
    secret: string,
    user: Omit<NewUser, 'isAdmin'> & { readonly password: string },
    source: string,
  ): Promise<User>;
}

export interface SetupParts {
  readonly db: Database;
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
  readonly passwords: Passwords;
}

const WRONG_SECRETS = 10;
const WINDOW_MS = 5 * 60_000;

const alreadyDone = () => conflict('This hub has been set up already. Sign in instead.');

/** The first account of an empty hub, made by whoever can read what the hub prints at start. */
export function createSetup({ db, clock, passwords }: SetupParts): Setup {
  let expected: string | undefined;
  let isDone = false;
  const wrong = createRateWindow({ clock, most: WRONG_SECRETS, windowMs: WINDOW_MS });

  function refuse(source: string): never {
    const { count, endsInMs } = wrong.used(source);
    if (count >= WRONG_SECRETS) {
      throw tooManyRequests((wait) => `Too many wrong setup links. Try again in ${wait}.`, endsInMs, {
        name: 'setup',
        window: wrong,
      });
    }
    wrong.add(source);
    throw forbidden('This setup link is not valid. Use the one that the hub printed when it started.');
  }

  async function isRequired(): Promise<boolean> {
    // Accounts are never all removed again, so a hub that has been set up stays so.
    if (!isDone) isDone = (await db.read(({ accounts }) => accounts.countUsers())) > 0;
    return !isDone;
  }

  return {
    isRequired,

    async secret() {
      if (!(await isRequired())) return undefined;
      expected ??= randomBytes(32).toString('base64url');
      return expected;
    },

    async complete(secret, user, source) {
      if (!(await isRequired())) throw alreadyDone();
      const isRight = expected !== undefined && timingSafeEqual(hashOfSecret(secret), hashOfSecret(expected));
      if (!isRight) refuse(sourceOf(source));
      const prepared = await prepareUser({ ...user, isAdmin: true }, passwords);
      const created = await db.write(async ({ accounts }) => {
        // Asked again where nothing can come between: of two who hold the link, one becomes the owner.
        if ((await accounts.countUsers()) > 0) throw alreadyDone();
        return accounts.createUser({ ...prepared, now: clock.now() });
      });
      isDone = true;
      return created;
    },
  };
}
