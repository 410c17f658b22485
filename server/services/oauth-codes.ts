import { createHash, randomBytes } from 'node:crypto';
import type { AuthorizationCode } from '../db/questions/oauth.ts';
import type { User } from '../domain/account.ts';
import { isChallenge, isVerifier, oauthRefusal, parseScope, DEFAULT_APP_SCOPE } from '../domain/oauth.ts';
import type { Database } from '../db/stores.ts';
import type { Clock } from '../platform/clock.ts';
import { requireSecret, type OAuthApp, type OAuthApps } from './oauth-apps.ts';
import type { IssuedTokens, OAuthGrants } from './oauth-grants.ts';
import { hashOfSecret } from './token-secret.ts';

const LIFETIME_MS = 5 * 60_000;
/** A redeemed code is remembered for so long, to know it when it is presented again. */
const REMEMBERED_MS = 24 * 3_600_000;
const CODE = /^[A-Za-z0-9_-]{43}$/;

/** What an application's page sends a browser here with. */
export interface AuthorizationRequest {
  readonly clientId: string;
  readonly redirectUri: string;
  readonly responseType: string | undefined;
  readonly scope: string | undefined;
  readonly state: string | undefined;
  readonly nonce: string | undefined;
  readonly challenge: string | undefined;
  readonly challengeMethod: string | undefined;
  readonly prompt: string | undefined;
}

/** A request that can be put before the user. */
export interface CheckedRequest {
  readonly app: OAuthApp;
  readonly scope: string;
}

export interface Redemption {
  readonly code: string;
  readonly redirectUri: string | undefined;
  readonly verifier: string | undefined;
  readonly clientId: string | undefined;
  readonly clientSecret: string | undefined;
}

export interface OAuthCodes {
  /**
   * Check a request for its own sake. The application and the address to return to come first: what is wrong with them is
   * told to the person, everything after that to the application (RFC 6749, 4.1.2.1).
   */
  check(request: AuthorizationRequest): Promise<CheckedRequest>;
  /** The code that an approved request is answered with. */
  approve(user: User, request: AuthorizationRequest): Promise<string>;
  /**
   * The tokens for a code, once. A code that comes a second time was copied: what it was redeemed for ends. Throws
   * invalid_grant, invalid_client.
   */
  redeem(
    redemption: Redemption,
  ): Promise<{ readonly code: AuthorizationCode; readonly tokens: IssuedTokens }>;
}

/** The code flow of OAuth 2.1: exact addresses, PKCE by S256, codes that are good once and for five minutes. */
export function createOAuthCodes(parts: {
  readonly db: Database;
  readonly clock: Pick<Clock, 'now'>;
  readonly apps: OAuthApps;
  readonly grants: OAuthGrants;
}): OAuthCodes {
  const { db, clock, apps, grants } = parts;

  async function check(request: AuthorizationRequest): Promise<CheckedRequest> {
    const app = await apps.find(request.clientId, request.redirectUri);
    if (request.responseType !== 'code') {
      throw oauthRefusal('unsupported_response_type', 'Only the response type "code" is offered.');
    }
    const { challenge, challengeMethod, prompt } = request;
    if (challenge === undefined && app.secretHash === undefined) {
      throw oauthRefusal(
        'invalid_request',
        'An application without a secret must send a code_challenge (PKCE).',
      );
    }
    if (challenge !== undefined && (challengeMethod !== 'S256' || !isChallenge(challenge))) {
      throw oauthRefusal('invalid_request', 'The code_challenge must be made by the method S256.');
    }
    if (prompt !== undefined && prompt.split(' ').includes('none')) {
      throw oauthRefusal('interaction_required', 'This hub always asks the person.');
    }
    return { app, scope: parseScope(request.scope, DEFAULT_APP_SCOPE) };
  }

  return {
    check,

    async approve(user, request) {
      const { app, scope } = await check(request);
      const code = randomBytes(32).toString('base64url');
      const now = clock.now();
      await db.write(({ oauth }) =>
        oauth.createCode({
          ...{ hash: hashOfSecret(code), appId: app.id, userId: user.id, scope, now },
          redirectUri: request.redirectUri,
          nonce: request.nonce,
          challenge: request.challenge,
          expiresAt: now + REMEMBERED_MS,
        }),
      );
      return code;
    },

    async redeem(redemption) {
      const code = CODE.test(redemption.code)
        ? await db.read(({ oauth }) => oauth.findCode(hashOfSecret(redemption.code)))
        : undefined;
      if (!code) throw refused();
      checkRedemption(code, redemption);
      const { app, user, scope } = code;
      if (code.grantId === undefined && code.createdAt + LIFETIME_MS <= clock.now()) throw refused();
      const tokens = await db.write(async (stores) => {
        const current = await stores.oauth.findCode(hashOfSecret(redemption.code));
        if (!current) return undefined;
        if (current.grantId !== undefined) {
          await stores.oauth.deleteGrant({ id: current.grantId });
          return undefined;
        }
        const issued = await grants.issueWithin(stores, {
          ...{
            userId: user.id,
            appId: app.id,
            clientId: app.publicId,
            name: app.name,
            scope,
            isDevice: false,
          },
        });
        await stores.oauth.redeemCode(code.id, issued.grantId);
        return issued.tokens;
      });
      // Thrown out here, so that the end of a copied grant is not undone with the transaction.
      if (!tokens) throw refused();
      return { code, tokens };
    },
  };
}

const refused = () =>
  oauthRefusal(
    'invalid_grant',
    'This code is unknown, out of date, was used before, or is not for this application.',
  );

/** A client shows that it is the one that began: by its id and secret where it sends them, and by PKCE. */
function checkRedemption(code: AuthorizationCode, redemption: Redemption): void {
  const { app, challenge } = code;
  if (redemption.clientId !== undefined && redemption.clientId !== app.publicId) throw refused();
  requireSecret(app, redemption.clientSecret);
  if (redemption.redirectUri !== code.redirectUri) throw refused();
  const { verifier } = redemption;
  if (challenge === undefined) {
    if (verifier !== undefined) throw refused();
    return;
  }
  const proved = verifier !== undefined && isVerifier(verifier) && challengeOf(verifier) === challenge;
  if (!proved) throw refused();
}

const challengeOf = (verifier: string): string => createHash('sha256').update(verifier).digest('base64url');
