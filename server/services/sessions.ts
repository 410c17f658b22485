import { randomBytes } from 'node:crypto';
import type { BrowserSession } from '../db/questions/accounts.ts';
import type { User } from '../domain/account.ts';
import { HubError } from '../domain/errors.ts';
import type { NamespaceId, PublicId } from '../domain/ids.ts';
import type { Database } from '../db/stores.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import { createLastSeen } from './last-seen.ts';
import { hashOfSecret } from './token-secret.ts';

export type { BrowserSession };

const DAY_MS = 86_400_000;
const IDLE_MS = 7 * DAY_MS;
const LIFETIME_MS = 30 * DAY_MS;
/** Seven days need no finer hand than this. */
const TOUCH_AFTER_MS = 600_000;
const FLUSH_MS = 5_000;
/** 256 bits in base64url. */
const SESSION_ID = /^[A-Za-z0-9_-]{43}$/;
const LONGEST_CLIENT = 120;

export interface Sessions {
  /**
   * Sign a user in. `client` is how the browser calls itself; `replaces` is the session that it presented before: it
   * ends, so that an id planted by someone else is worth nothing. `place` is its address.
   */
  start(
    userId: NamespaceId,
    client: string,
    replaces?: string,
    place?: string,
  ): Promise<{ readonly sessionId: string; readonly expiresAt: number }>;
  /** Whose session this is; undefined when it is unknown, ended, or unused for 7 days. */
  find(sessionId: string): Promise<User | undefined>;
  end(sessionId: string): Promise<void>;
  /** The user's sessions, the newest first; `current` is the one that asks. */
  list(userId: NamespaceId, current: string | undefined): Promise<readonly BrowserSession[]>;
  /** Throws NotFound when the user has no such session. */
  revoke(userId: NamespaceId, publicId: PublicId): Promise<void>;
  /** End all sessions of a user but the one that asks. */
  revokeOthers(userId: NamespaceId, current: string | undefined): Promise<void>;
  /** Remove what nobody can use any more; answers how many. */
  sweep(): Promise<number>;
  /** Write times of last use that are not written yet. To be called at stop. */
  close(): Promise<void>;
}

/** What is stored of a session id; undefined for what cannot be one. */
export const hashOfSession = (sessionId: string): Buffer | undefined =>
  SESSION_ID.test(sessionId) ? hashOfSecret(sessionId) : undefined;

/** Browser sessions: 256 random bits, stored as hashes, for 30 days at most. */
export function createSessions({
  db,
  clock,
  log,
}: {
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Log;
}): Sessions {
  // By hexadecimal hash, since two Buffers with the same bytes are two keys of a Map.
  const lastSeen = createLastSeen<string>({
    delayMs: FLUSH_MS,
    log,
    write: (uses) =>
      db.write(async ({ accounts }) => {
        for (const [hash, at] of uses) await accounts.touchSession(Buffer.from(hash, 'hex'), at);
      }),
  });

  return {
    async start(userId, client, replaces, place = '') {
      const sessionId = randomBytes(32).toString('base64url');
      const hash = hashOfSecret(sessionId);
      const old = replaces === undefined ? undefined : hashOfSession(replaces);
      const now = clock.now();
      const expiresAt = now + LIFETIME_MS;
      await db.write(async ({ accounts }) => {
        if (old) await accounts.deleteSession(old);
        await accounts.createSession({
          hash,
          userId,
          client: client.slice(0, LONGEST_CLIENT),
          place,
          now,
          expiresAt,
        });
      });
      return { sessionId, expiresAt };
    },

    async find(sessionId) {
      const hash = hashOfSession(sessionId);
      if (!hash) return undefined;
      const now = clock.now();
      const found = await db.read(({ accounts }) => accounts.findSession(hash, now, now - IDLE_MS));
      if (found && now - found.seenAt >= TOUCH_AFTER_MS) lastSeen.note(hash.toString('hex'), now);
      return found?.user;
    },

    async end(sessionId) {
      const hash = hashOfSession(sessionId);
      if (hash) await db.write(({ accounts }) => accounts.deleteSession(hash));
    },

    list: (userId, current) => {
      const now = clock.now();
      const hash = current === undefined ? undefined : hashOfSession(current);
      return db.read(({ accounts }) => accounts.listSessions(userId, now, now - IDLE_MS, hash));
    },

    async revoke(userId, publicId) {
      const isGone = await db.write(({ accounts }) => accounts.deleteSessionOf(userId, publicId));
      if (!isGone) throw new HubError('NotFound', 'There is no such session.');
    },

    revokeOthers: (userId, current) =>
      db.write(({ accounts }) =>
        accounts.deleteSessions(userId, current === undefined ? undefined : hashOfSession(current)),
      ),

    sweep: () => {
      const now = clock.now();
      return db.write(({ accounts }) => accounts.deleteExpiredSessions(now, now - IDLE_MS));
    },

    close: () => lastSeen.flush(),
  };
}
