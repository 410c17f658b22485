import type { AccessToken, TokenRole, User } from '../domain/account.ts';
import { conflict, HubError } from '../domain/errors.ts';
import type { NamespaceId, PublicId } from '../domain/ids.ts';
import type { AccountStore, Database } from '../db/stores.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import { createKeptReads } from './kept-reads.ts';
import { createLastSeen } from './last-seen.ts';
import { parseLine } from './person-text.ts';
import { couldBeToken, hashOfSecret, newTokenSecret, shownPrefix } from './token-secret.ts';

const MOST_TOKENS = 1_000;
const MINUTE_MS = 60_000;
const FLUSH_MS = 5_000;
const KEPT_LOOKUPS = 10_000;

export interface NewToken {
  readonly name: string;
  readonly role: TokenRole;
  readonly expiresAt?: number | undefined;
}

export interface Tokens {
  /**
   * Make a token. `secret` is nowhere else and cannot be asked for again. Throws InvalidBody for the name, Conflict
   * when the user has a token of that name, TooManyItems.
   */
  create(
    userId: NamespaceId,
    token: NewToken,
  ): Promise<{ readonly token: AccessToken; readonly secret: string }>;
  /** Whose token this is; undefined when it is wrong, revoked or expired. Notes the use. */
  authenticate(secret: string): Promise<{ readonly token: AccessToken; readonly user: User } | undefined>;
  list(userId: NamespaceId): Promise<readonly AccessToken[]>;
  /** Throws NotFound when the user has no such token. */
  revoke(userId: NamespaceId, publicId: PublicId): Promise<void>;
  /** Write times of last use that are not written yet. To be called at stop. */
  close(): Promise<void>;
}

export interface TokensParts {
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Log;
}

/** A token's name: one line of 1 to 128 characters. Throws InvalidBody. */
export const parseTokenName = (text: unknown): string => parseLine(text, 'The name of the token', 1);

/** Access tokens, stored as hashes. */
export function createTokens({ db, clock, log }: TokensParts): Tokens {
  const kept = createKeptReads({ db, maxEntries: KEPT_LOOKUPS });
  const lastUsed = createLastSeen<PublicId>({
    delayMs: FLUSH_MS,
    log,
    write: (uses) =>
      db.write((stores) =>
        stores.accounts.touchTokens([...uses].map(([publicId, at]) => ({ publicId, at }))),
      ),
  });

  return {
    async create(userId, { name, role, expiresAt }) {
      const secret = newTokenSecret();
      const token = await db.write((stores) =>
        addToken(
          stores.accounts,
          userId,
          { name: parseTokenName(name), role, expiresAt },
          secret,
          clock.now(),
        ),
      );
      return { token, secret };
    },

    async authenticate(secret) {
      if (!couldBeToken(secret)) return undefined;
      const now = clock.now();
      const hash = hashOfSecret(secret);
      const found = await kept.read(hash.toString('latin1'), () =>
        db.read((stores) => stores.accounts.findToken(hash, now)),
      );
      // It was found before it ran out, and may be remembered from then.
      if (found?.token.expiresAt !== undefined && found.token.expiresAt <= now) return undefined;
      if (found && now - (found.token.lastUsedAt ?? 0) >= MINUTE_MS) lastUsed.note(found.token.publicId, now);
      return found;
    },

    list: (userId) => db.read((stores) => stores.accounts.listTokens(userId)),

    async revoke(userId, publicId) {
      const isGone = await db.write((stores) => stores.accounts.deleteToken(userId, publicId));
      if (!isGone) throw new HubError('NotFound', 'There is no such access token.');
    },

    close: () => lastUsed.flush(),
  };
}

/** Add a token inside a transaction, held to the rules for names and numbers. */
export async function addToken(
  accounts: AccountStore,
  userId: NamespaceId,
  { name, role, expiresAt }: NewToken,
  secret: string,
  now: number,
): Promise<AccessToken> {
  const others = await accounts.listTokens(userId);
  if (others.length >= MOST_TOKENS) {
    throw new HubError('TooManyItems', `A user can have ${MOST_TOKENS} access tokens. Revoke some first.`);
  }
  if (others.some((other) => other.name === name)) {
    throw conflict(`There is an access token with the name "${name}" already.`);
  }
  const prefix = shownPrefix(secret);
  return accounts.createToken({ userId, name, role, prefix, hash: hashOfSecret(secret), expiresAt, now });
}
