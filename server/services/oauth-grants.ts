import { createHmac, timingSafeEqual } from 'node:crypto';
import type { OAuthGrant } from '../db/questions/oauth.ts';
import { oauthRefusal, roleOfScope, hasScope } from '../domain/oauth.ts';
import { isPublicId, type NamespaceId, type PublicId } from '../domain/ids.ts';
import type { Database, Stores } from '../db/stores.ts';
import type { Clock } from '../platform/clock.ts';
import { hashOfSecret, newTokenSecret, shownPrefix } from './token-secret.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** `hf` renews a token in its last day, so it must live longer than that (huggingface_hub, `utils/_auth.py`). */
const DEVICE_TOKEN_MS = 30 * DAY_MS;
const APP_TOKEN_MS = 8 * HOUR_MS;
/** A program that was not used for so long asks again. */
const IDLE_MS = 180 * DAY_MS;
/** Access tokens of one grant that are good at a time: many processes with one file may each renew it for themselves. */
const TOKENS_KEPT = 32;
const REFRESH_TOKEN = /^hfr_([0-9a-f]{24})_(0|[1-9][0-9]{0,8})_([A-Za-z0-9_-]{43})$/;

/** What a program receives. */
export interface IssuedTokens {
  readonly accessToken: string;
  readonly expiresInSeconds: number;
  /** Undefined for one that did not ask for `offline_access`. */
  readonly refreshToken: string | undefined;
  readonly scope: string;
}

export interface NewGrant {
  readonly userId: NamespaceId;
  readonly appId: number | undefined;
  readonly clientId: string;
  /** By which the user knows the program in the list of tokens. */
  readonly name: string;
  readonly scope: string;
  /** A program on a device keeps its tokens for longer than a page in a browser. */
  readonly isDevice: boolean;
}

export interface OAuthGrants {
  /** Make a grant with its first tokens, inside the caller's transaction. */
  issueWithin(
    stores: Stores,
    grant: NewGrant,
  ): Promise<{ readonly grantId: number; readonly tokens: IssuedTokens }>;
  /**
   * New tokens for a refresh token. Asked again with the one before, it answers with the same new refresh token, as long as
   * that was not used: the first answer may have been lost. An older one is somebody else's copy: the grant ends. Throws
   * invalid_grant. `isClient` proves that the client is the one that the grant was given to.
   */
  refresh(refreshToken: string, isClient: (grant: OAuthGrant) => Promise<void>): Promise<IssuedTokens>;
  /** End the grant of a refresh token; nothing happens for what is none. */
  revoke(refreshToken: string): Promise<void>;
  /** Remove codes, grants and tokens that have expired. */
  sweep(): Promise<number>;
}

/** What users granted to programs, and the tokens that follow from it. */
export function createOAuthGrants(parts: {
  readonly db: Database;
  readonly clock: Pick<Clock, 'now'>;
  readonly key: Buffer;
}): OAuthGrants {
  const { db, clock, key } = parts;

  /** Refresh tokens follow from grant and generation, so that a repeated answer is the same without being stored. */
  const refreshTokenOf = (grant: PublicId, generation: number): string =>
    `hfr_${grant}_${generation}_${macOf(grant, generation).toString('base64url')}`;
  const macOf = (grant: PublicId, generation: number): Buffer =>
    createHmac('sha256', key).update(`refresh-token\n${grant}\n${generation}`).digest();

  function parseRefreshToken(text: string): { grant: PublicId; generation: number } | undefined {
    const [, grant = '', digits = '', mac = ''] = REFRESH_TOKEN.exec(text) ?? [];
    if (!isPublicId(grant)) return undefined;
    const generation = Number(digits);
    const isGenuine = timingSafeEqual(Buffer.from(mac, 'base64url'), macOf(grant, generation));
    return isGenuine ? { grant, generation } : undefined;
  }

  async function addAccessToken(
    { accounts, oauth }: Stores,
    grant: Omit<OAuthGrant, 'user'> & { readonly userId: NamespaceId },
    generation: number,
    lifetimeMs: number,
  ): Promise<IssuedTokens> {
    const secret = newTokenSecret();
    const now = clock.now();
    await accounts.createToken({
      ...{ userId: grant.userId, name: grant.name, role: grant.role, grantId: grant.id, now },
      prefix: shownPrefix(secret),
      hash: hashOfSecret(secret),
      expiresAt: now + lifetimeMs,
    });
    await oauth.pruneTokens(grant.id, TOKENS_KEPT);
    return {
      accessToken: secret,
      expiresInSeconds: Math.floor(lifetimeMs / 1000),
      refreshToken: isLasting(grant.scope) ? refreshTokenOf(grant.publicId, generation) : undefined,
      scope: grant.scope,
    };
  }

  const invalid = () =>
    oauthRefusal(
      'invalid_grant',
      'This refresh token is expired, revoked or was used before. Sign in again.',
    );

  return {
    async issueWithin(stores, { userId, appId, clientId, name, scope, isDevice }) {
      const now = clock.now();
      const lifetimeMs = isDevice ? DEVICE_TOKEN_MS : APP_TOKEN_MS;
      const grantId = await stores.oauth.createGrant({
        ...{ userId, appId, clientId, name, scope, now },
        role: roleOfScope(scope),
        expiresAt: now + (isLasting(scope) ? IDLE_MS : lifetimeMs),
      });
      const grant = await stores.oauth.findGrant({ id: grantId });
      if (!grant) throw new Error('A grant that was just made is not there.');
      const tokens = await addAccessToken(stores, { ...grant, userId }, 0, lifetimeMs);
      return { grantId, tokens };
    },

    async refresh(refreshToken, isClient) {
      const presented = parseRefreshToken(refreshToken);
      if (!presented) throw invalid();
      const before = await db.read(({ oauth }) => oauth.findGrant({ publicId: presented.grant }));
      if (!before) throw invalid();
      await isClient(before);
      const issued = await db.write(async (stores) => {
        const grant = await stores.oauth.findGrant({ publicId: presented.grant });
        const now = clock.now();
        if (!grant || grant.expiresAt <= now || presented.generation > grant.generation) return undefined;
        if (presented.generation < grant.generation - 1) {
          await stores.oauth.deleteGrant({ id: grant.id });
          return undefined;
        }
        const next = presented.generation + 1;
        if (next > grant.generation) await stores.oauth.advanceGrant(grant.id, next, now + IDLE_MS);
        const lifetimeMs = isDeviceGrant(grant) ? DEVICE_TOKEN_MS : APP_TOKEN_MS;
        return addAccessToken(stores, { ...grant, userId: grant.user.id }, next, lifetimeMs);
      });
      // Thrown out here, so that the end of a copied grant is not undone with the transaction.
      if (!issued) throw invalid();
      return issued;
    },

    async revoke(refreshToken) {
      const presented = parseRefreshToken(refreshToken);
      if (!presented) return;
      await db.write(async ({ oauth }) => {
        const grant = await oauth.findGrant({ publicId: presented.grant });
        if (grant) await oauth.deleteGrant({ id: grant.id });
      });
    },

    sweep: () => db.write(({ oauth }) => oauth.deleteExpired(clock.now())),
  };
}

const isLasting = (scope: string): boolean => hasScope(scope, 'offline_access');
const isDeviceGrant = (grant: OAuthGrant): boolean => grant.appId === undefined;
