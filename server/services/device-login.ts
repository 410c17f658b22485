import { randomBytes } from 'node:crypto';
import type { DeviceCode } from '../db/questions/oauth.ts';
import type { User } from '../domain/account.ts';
import { forbidden, HubError } from '../domain/errors.ts';
import {
  DEFAULT_DEVICE_SCOPE,
  formatUserCode,
  oauthRefusal,
  parseScope,
  parseUserCode,
} from '../domain/oauth.ts';
import type { Database, Stores } from '../db/stores.ts';
import type { Clock } from '../platform/clock.ts';
import type { IssuedTokens, OAuthGrants } from './oauth-grants.ts';
import { createRateWindow, sourceOf, tooManyRequests } from './rate-window.ts';
import { hashOfSecret } from './token-secret.ts';

const LIFETIME_MS = 15 * 60_000;
const INTERVAL_MS = 5_000;
/** A client that waits exactly so long must not be called too fast because of how long its request travelled. */
const EARLY_MS = 1_000;
const MOST_WAITING = 10_000;
const MOST_OF_SOURCE = 100;
const WRONG_CODES = 10;
const WINDOW_MS = 5 * 60_000;
const LONGEST_CLIENT = 120;
/** 256 bits in base64url. */
const DEVICE_CODE = /^[A-Za-z0-9_-]{43}$/;
/** The client id that is fixed in `hf` (huggingface_hub, `constants.py`). */
const HF_CLIENT_ID = '26be6b09-91c5-47da-9861-d2d2bb7a7e36';

/** A program that asks to be let in, as the person sees it who decides. */
export interface WaitingDevice {
  readonly userCode: string;
  /** Undefined for a program that nobody registered here. */
  readonly name: string | undefined;
  readonly clientId: string;
  readonly scope: string;
  readonly source: string;
  readonly client: string;
  readonly createdAt: number;
  readonly expiresAt: number;
}

export interface DeviceLogin {
  /** Throws TooManyRequests and invalid_scope. */
  begin(request: {
    readonly clientId: string;
    readonly scope: string | undefined;
    readonly source: string;
    readonly client: string;
  }): Promise<{
    readonly deviceCode: string;
    readonly userCode: string;
    readonly expiresInSeconds: number;
    readonly intervalSeconds: number;
  }>;
  /**
   * What waits under a code that somebody typed. Throws NotFound, Gone when it was decided, Forbidden when another user
   * decided it, and TooManyRequests for many wrong codes.
   */
  find(user: User, source: string, userCode: string): Promise<WaitingDevice>;
  /** Let a program in, as this user, or not. One decision counts. Throws as `find`. */
  decide(user: User, source: string, userCode: string, isApproved: boolean): Promise<void>;
  /** What a program asks again and again. Throws authorization_pending, slow_down, expired_token, access_denied. */
  poll(clientId: string, deviceCode: string): Promise<IssuedTokens>;
}

/** Signing in on one device by a browser on another (RFC 8628). */
export function createDeviceLogin(parts: {
  readonly db: Database;
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
  readonly grants: OAuthGrants;
}): DeviceLogin {
  const { db, clock, grants } = parts;
  const wrongCodes = createRateWindow({ clock, most: WRONG_CODES, windowMs: WINDOW_MS });
  const lastPolls = createRateWindow({ clock, most: 1, windowMs: INTERVAL_MS - EARLY_MS });

  async function nameOf({ oauth }: Stores, clientId: string): Promise<string | undefined> {
    if (clientId === HF_CLIENT_ID) return 'Hugging Face command line';
    return (await oauth.findApp(clientId))?.name;
  }

  async function lookUp(user: User, source: string, typed: string): Promise<DeviceCode> {
    const key = `${user.id} ${sourceOf(source)}`;
    const { count, endsInMs } = wrongCodes.used(key);
    if (count >= WRONG_CODES) {
      throw tooManyRequests((wait) => `Too many wrong codes. Try again in ${wait}.`, endsInMs, {
        name: 'device',
        window: wrongCodes,
      });
    }
    const userCode = parseUserCode(typed);
    const code = userCode && (await db.read(({ oauth }) => oauth.findDeviceCode({ userCode })));
    if (!code || code.expiresAt <= clock.now()) {
      wrongCodes.add(key);
      throw new HubError('NotFound', 'No program waits under this code. Codes are good for 15 minutes.');
    }
    if (code.decision) throw decided(code.decision.userId === user.id);
    return code;
  }

  return {
    async begin({ clientId, scope, source, client }) {
      const granted = parseScope(scope, DEFAULT_DEVICE_SCOPE);
      const deviceCode = randomBytes(32).toString('base64url');
      const now = clock.now();
      const userCode = await db.write(async ({ oauth }) => {
        await oauth.deleteExpired(now);
        const from = sourceOf(source);
        const { all, ofSource } = await oauth.countDeviceCodes(from, now);
        if (all >= MOST_WAITING || ofSource >= MOST_OF_SOURCE) {
          throw tooManyRequests(
            (wait) => `Too many programs wait to be let in. Try again in ${wait}.`,
            60_000,
            {
              name: 'device',
              window: { most: MOST_OF_SOURCE, windowMs: LIFETIME_MS },
            },
          );
        }
        for (;;) {
          const made = formatUserCode(randomBytes(12));
          if (made === undefined) continue;
          const isNew = await oauth.createDeviceCode({
            ...{
              hash: hashOfSecret(deviceCode),
              userCode: made,
              clientId,
              scope: granted,
              source: from,
              now,
            },
            client: client.slice(0, LONGEST_CLIENT),
            expiresAt: now + LIFETIME_MS,
          });
          if (isNew) return made;
        }
      });
      return {
        ...{ deviceCode, userCode },
        expiresInSeconds: LIFETIME_MS / 1000,
        intervalSeconds: INTERVAL_MS / 1000,
      };
    },

    async find(user, source, typed) {
      const code = await lookUp(user, source, typed);
      const name = await db.read((stores) => nameOf(stores, code.clientId));
      const { userCode, clientId, scope, client, createdAt, expiresAt } = code;
      return { userCode, name, clientId, scope, source: code.source, client, createdAt, expiresAt };
    },

    async decide(user, source, typed, isApproved) {
      const code = await lookUp(user, source, typed);
      const isFirst = await db.write(({ oauth }) => oauth.decideDeviceCode(code.id, user.id, isApproved));
      if (!isFirst) throw decided(true);
    },

    async poll(clientId, deviceCode) {
      const hash = hashOfSecret(deviceCode);
      const code = DEVICE_CODE.test(deviceCode)
        ? await db.read(({ oauth }) => oauth.findDeviceCode({ hash }))
        : undefined;
      if (code?.clientId !== clientId) throw unknownCode();
      if (code.expiresAt <= clock.now())
        throw oauthRefusal('expired_token', 'The code has expired. Start again.');
      if (!code.decision) {
        const key = String(code.id);
        const isEarly = lastPolls.used(key).count > 0;
        lastPolls.add(key);
        throw isEarly
          ? oauthRefusal('slow_down', `Ask every ${INTERVAL_MS / 1000} seconds.`)
          : oauthRefusal('authorization_pending', 'Nobody has let this program in yet.');
      }
      if (!code.decision.isApproved) throw oauthRefusal('access_denied', 'Somebody said no.');
      const { userId } = code.decision;
      return db.write(async (stores) => {
        // Of two that ask at once, one receives the token.
        if (!(await stores.oauth.deleteDeviceCode(code.id))) throw unknownCode();
        const app = await stores.oauth.findApp(clientId);
        const name = (await nameOf(stores, clientId)) ?? `Program ${clientId.slice(0, 40)}`;
        const { tokens } = await grants.issueWithin(stores, {
          ...{ userId, appId: app?.id, clientId, scope: code.scope, isDevice: true },
          name: `${name} (${code.source})`,
        });
        return tokens;
      });
    },
  };
}

const decided = (isOwn: boolean): HubError =>
  isOwn
    ? new HubError('Gone', 'This code was used already. Start again on the other device.')
    : forbidden('Somebody else answered under this code.');

const unknownCode = (): HubError =>
  oauthRefusal('invalid_grant', 'This device code is unknown or was used before.');
