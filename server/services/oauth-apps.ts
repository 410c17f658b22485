import { timingSafeEqual } from 'node:crypto';
import type { OAuthApp } from '../db/questions/oauth.ts';
import { HubError } from '../domain/errors.ts';
import type { NamespaceId, PublicId } from '../domain/ids.ts';
import { isRegisteredUri, oauthRefusal, parseRedirectUri } from '../domain/oauth.ts';
import type { Database } from '../db/stores.ts';
import type { Clock } from '../platform/clock.ts';
import { parseLine } from './person-text.ts';
import { hashOfSecret, newTokenSecret } from './token-secret.ts';

export type { OAuthApp };

const MOST_APPS = 100;
const MOST_URIS = 20;

export interface OAuthApps {
  /** Register a program. The secret, for one that can keep it, is nowhere else. Throws InvalidBody, TooManyItems. */
  create(
    ownerId: NamespaceId,
    app: {
      readonly name: string;
      readonly redirectUris: readonly string[];
      readonly isConfidential: boolean;
    },
  ): Promise<{ readonly app: OAuthApp; readonly secret: string | undefined }>;
  list(ownerId: NamespaceId): Promise<readonly OAuthApp[]>;
  /** Throws NotFound. What was granted to it ends. */
  remove(ownerId: NamespaceId, publicId: PublicId): Promise<void>;
  /** An application and an address it may be returned to. Throws invalid_client and invalid_request. */
  find(clientId: string, redirectUri: string): Promise<OAuthApp>;
  /** Undefined when there is none. */
  get(clientId: string): Promise<OAuthApp | undefined>;
  /** Whether scripts of this origin belong to a registered application. */
  isAppOrigin(origin: string): Promise<boolean>;
}

/** Programs that sign people in with this hub. */
export function createOAuthApps(parts: {
  readonly db: Database;
  readonly clock: Pick<Clock, 'now'>;
}): OAuthApps {
  const { db, clock } = parts;
  return {
    async create(ownerId, wish) {
      const name = parseLine(wish.name, 'The name of the application', 1);
      const redirectUris = [...new Set(wish.redirectUris.map(parseRedirectUri))];
      if (redirectUris.length === 0 || redirectUris.length > MOST_URIS) {
        throw new HubError('InvalidBody', `Give 1 to ${MOST_URIS} addresses to return to.`);
      }
      const secret = wish.isConfidential ? newTokenSecret().replace(/^hf_/, 'hfs_') : undefined;
      const secretHash = secret === undefined ? undefined : hashOfSecret(secret);
      const app = await db.write(async ({ oauth }) => {
        if ((await oauth.listApps(ownerId)).length >= MOST_APPS) {
          throw new HubError('TooManyItems', `A user can register ${MOST_APPS} applications.`, {
            details: { most: MOST_APPS },
          });
        }
        const id = await oauth.createApp({ ownerId, name, secretHash, redirectUris, now: clock.now() });
        return oauth.findApp(id);
      });
      if (!app) throw new Error('An application that was just made is not there.');
      return { app, secret };
    },

    list: (ownerId) => db.read(({ oauth }) => oauth.listApps(ownerId)),

    async remove(ownerId, publicId) {
      const isGone = await db.write(({ oauth }) => oauth.deleteApp(ownerId, publicId));
      if (!isGone) throw new HubError('NotFound', 'There is no such application.');
    },

    async find(clientId, redirectUri) {
      const app = await db.read(({ oauth }) => oauth.findApp(clientId));
      if (!app)
        throw oauthRefusal('invalid_request', 'No application with this client id is registered here.');
      if (!isRegisteredUri(redirectUri, app.redirectUris)) {
        throw oauthRefusal(
          'invalid_request',
          `"${app.name}" is not registered with this address to return to.`,
        );
      }
      return app;
    },

    get: (clientId) => db.read(({ oauth }) => oauth.findApp(clientId)),

    async isAppOrigin(origin) {
      const uris = await db.read(({ oauth }) => oauth.listRedirectUris());
      return uris.some((uri) => new URL(uri).origin === origin);
    },
  };
}

/** Whether a client has proved to be this application. Throws invalid_client. */
export function requireSecret(app: OAuthApp, secret: string | undefined): void {
  if (app.secretHash === undefined && secret === undefined) return;
  const isRight =
    app.secretHash !== undefined &&
    secret !== undefined &&
    timingSafeEqual(hashOfSecret(secret), app.secretHash);
  if (!isRight)
    throw oauthRefusal('invalid_client', 'The client id or the secret of the application is wrong.');
}
