import type { AccountStore, NamedReach } from '../db/questions/accounts.ts';
import type { ListedGrant } from '../db/questions/oauth.ts';
import type { AccessToken, TokenReach, TokenRole, User } from '../domain/account.ts';
import { conflict, HubError } from '../domain/errors.ts';
import type { NamespaceId, PublicId } from '../domain/ids.ts';
import { foldName } from '../domain/names.ts';
import type { Database, Stores } from '../db/stores.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import { createKeptReads } from './kept-reads.ts';
import { createLastSeen } from './last-seen.ts';
import { parseLine } from './person-text.ts';
import { couldBeToken, hashOfSecret, newTokenSecret, shownPrefix } from './token-secret.ts';

export type { ListedGrant, NamedReach };

const MOST_TOKENS = 1_000;
const MINUTE_MS = 60_000;
const FLUSH_MS = 5_000;
const KEPT_LOOKUPS = 10_000;

export interface NewToken {
  readonly name: string;
  readonly role: TokenRole;
  readonly expiresAt?: number | undefined;
  /** What a fine-grained token is made for. */
  readonly reach?: TokenReach | undefined;
}

/** Everything that acts in a user's name beside their browsers. */
export interface OwnTokens {
  readonly tokens: readonly AccessToken[];
  /** What the fine-grained ones among them reach. */
  readonly reaches: readonly NamedReach[];
  /** What the user granted to programs. */
  readonly grants: readonly ListedGrant[];
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
  /**
   * Whose token this is; undefined when it is wrong, revoked or expired. `userName` is the name that came with it as Basic
   * credentials: git's own clients send any, but that of another person is a mistake, and nobody's token. Notes the use.
   */
  authenticate(
    secret: string,
    userName?: string,
  ): Promise<{ readonly token: AccessToken; readonly user: User } | undefined>;
  list(userId: NamespaceId): Promise<readonly AccessToken[]>;
  listAll(userId: NamespaceId): Promise<OwnTokens>;
  /** What one token reaches. */
  reachesOf(userId: NamespaceId, publicId: PublicId): Promise<readonly NamedReach[]>;
  /** Throws NotFound, InvalidBody, and Conflict when another token of the user has that name. */
  rename(userId: NamespaceId, publicId: PublicId, name: string): Promise<void>;
  /** End those of the secrets that are tokens of this hub, whoever asks: having one is the right to end it. */
  revokeSecrets(secrets: readonly string[]): Promise<void>;
  /** End a token, or a grant to a program with all its tokens. Throws NotFound when the user has no such one. */
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
    async create(userId, { name, role, expiresAt, reach }) {
      const secret = newTokenSecret();
      const token = await db.write((stores) =>
        addToken(
          stores.accounts,
          userId,
          { name: parseTokenName(name), role, expiresAt, reach },
          secret,
          clock.now(),
        ),
      );
      return { token, secret };
    },

    async authenticate(secret, userName) {
      if (!couldBeToken(secret)) return undefined;
      const now = clock.now();
      const hash = hashOfSecret(secret);
      const found = await kept.read(hash.toString('latin1'), () =>
        db.read((stores) => stores.accounts.findToken(hash, now)),
      );
      // It was found before it ran out, and may be remembered from then.
      if (found?.token.expiresAt !== undefined && found.token.expiresAt <= now) return undefined;
      if (found && userName !== undefined && foldName(userName) !== foldName(found.user.name)) {
        const other = await db.read(({ accounts }) => accounts.findNamespace(userName));
        if (other) return undefined;
      }
      if (found && now - (found.token.lastUsedAt ?? 0) >= MINUTE_MS) lastUsed.note(found.token.publicId, now);
      return found;
    },

    list: (userId) => db.read((stores) => stores.accounts.listTokens(userId)),

    listAll: (userId) =>
      db.read(async ({ accounts, oauth }) => ({
        tokens: await accounts.listTokens(userId),
        reaches: await accounts.listReaches(userId),
        grants: await oauth.listGrants(userId),
      })),

    async reachesOf(userId, publicId) {
      const all = await db.read(({ accounts }) => accounts.listReaches(userId));
      return all.filter((reach) => reach.token === publicId);
    },

    async rename(userId, publicId, text) {
      const name = parseTokenName(text);
      await db.write(async ({ accounts }) => {
        const tokens = await accounts.listTokens(userId);
        if (!tokens.some((token) => token.publicId === publicId)) throw noSuchToken();
        if (tokens.some((token) => token.publicId !== publicId && token.name === name)) throw nameTaken(name);
        await accounts.renameToken(userId, publicId, name);
      });
    },

    async revokeSecrets(secrets) {
      const hashes = secrets.filter(couldBeToken).map(hashOfSecret);
      if (hashes.length === 0) return;
      await db.write(async ({ accounts }) => {
        for (const hash of hashes) await accounts.deleteTokenByHash(hash);
      });
    },

    async revoke(userId, publicId) {
      const isGone = await db.write((stores) => endToken(stores, userId, publicId));
      if (!isGone) throw noSuchToken();
    },

    close: () => lastUsed.flush(),
  };
}

const noSuchToken = (): HubError => new HubError('NotFound', 'There is no such access token.');
const nameTaken = (name: string): HubError =>
  conflict(`There is an access token with the name "${name}" already.`);

const endToken = async (
  { accounts, oauth }: Stores,
  userId: NamespaceId,
  publicId: PublicId,
): Promise<boolean> =>
  (await accounts.deleteToken(userId, publicId)) || (await oauth.deleteGrant({ userId, publicId }));

/** Add a token inside a transaction, held to the rules for names and numbers. */
export async function addToken(
  accounts: AccountStore,
  userId: NamespaceId,
  { name, role, expiresAt, reach }: NewToken,
  secret: string,
  now: number,
): Promise<AccessToken> {
  const others = await accounts.listTokens(userId);
  if (others.length >= MOST_TOKENS) {
    throw new HubError('TooManyItems', `A user can have ${MOST_TOKENS} access tokens. Revoke some first.`, {
      details: { most: MOST_TOKENS },
    });
  }
  if (others.some((other) => other.name === name)) {
    throw nameTaken(name);
  }
  const prefix = shownPrefix(secret);
  return accounts.createToken({
    ...{ userId, name, role, prefix, expiresAt, now, reach },
    hash: hashOfSecret(secret),
  });
}
