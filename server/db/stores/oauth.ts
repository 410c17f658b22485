import type { Selectable } from 'kysely';
import type { NamespaceId } from '../../domain/ids.ts';
import { newPublicId } from '../../platform/random.ts';
import type { AuthorizationCode, DeviceCode, OAuthApp, OAuthGrant, OAuthStore } from '../questions/oauth.ts';
import type { StoreContext } from '../store-context.ts';
import type { DeviceCodeTable, OAuthAppTable, OAuthGrantTable } from '../tables.ts';
import { selectUsers, toUser, type UserRow } from './namespace-rows.ts';

/** For so long a program is told that its code has expired. */
const TOLD_MS = 3_600_000;

export const createOAuthStore = (context: StoreContext): OAuthStore => ({
  ...appQuestions(context),
  ...deviceCodeQuestions(context),
  ...codeQuestions(context),
  ...grantQuestions(context),
});

type AppRow = Selectable<OAuthAppTable> & { readonly owner: string };

const toApp = (row: AppRow): OAuthApp => ({
  id: row.id,
  publicId: row.public_id,
  owner: row.owner,
  name: row.name,
  secretHash: row.secret_hash === null ? undefined : Buffer.from(row.secret_hash),
  redirectUris: JSON.parse(row.redirect_uris) as readonly string[],
  createdAt: row.created_at,
});

const selectApps = ({ db }: StoreContext) =>
  db
    .selectFrom('oauth_apps')
    .innerJoin('namespaces', 'namespaces.id', 'oauth_apps.owner_id')
    .selectAll('oauth_apps')
    .select('namespaces.name as owner');

type AppQuestions = Pick<OAuthStore, 'createApp' | 'findApp' | 'listApps' | 'listRedirectUris' | 'deleteApp'>;

function appQuestions(context: StoreContext): AppQuestions {
  const { db } = context;
  return {
    createApp: async ({ ownerId, name, secretHash, redirectUris, now }) => {
      const publicId = newPublicId();
      await db
        .insertInto('oauth_apps')
        .values({
          public_id: publicId,
          owner_id: ownerId,
          name,
          secret_hash: secretHash ?? null,
          redirect_uris: JSON.stringify(redirectUris),
          created_at: now,
        })
        .execute();
      return publicId;
    },

    findApp: async (clientId) => {
      const row = await selectApps(context)
        .where('oauth_apps.public_id', '=', clientId as OAuthApp['publicId'])
        .executeTakeFirst();
      return row && toApp(row);
    },

    listApps: async (ownerId) => {
      const rows = await selectApps(context)
        .where('owner_id', '=', ownerId)
        .orderBy('oauth_apps.id')
        .execute();
      return rows.map(toApp);
    },

    listRedirectUris: async () => {
      const rows = await db.selectFrom('oauth_apps').select('redirect_uris').execute();
      return rows.flatMap((row) => JSON.parse(row.redirect_uris) as readonly string[]);
    },

    deleteApp: async (ownerId, publicId) => {
      const { numDeletedRows } = await db
        .deleteFrom('oauth_apps')
        .where('owner_id', '=', ownerId)
        .where('public_id', '=', publicId)
        .executeTakeFirst();
      return numDeletedRows > 0n;
    },
  };
}

const toDeviceCode = (row: Selectable<DeviceCodeTable>): DeviceCode => ({
  id: row.id,
  userCode: row.user_code,
  clientId: row.client_id,
  scope: row.scope,
  source: row.source,
  client: row.client,
  createdAt: row.created_at,
  expiresAt: row.expires_at,
  decision:
    row.decided_by === null ? undefined : { userId: row.decided_by, isApproved: row.is_approved === 1 },
});

type DeviceCodeQuestions = Pick<
  OAuthStore,
  'createDeviceCode' | 'countDeviceCodes' | 'findDeviceCode' | 'decideDeviceCode' | 'deleteDeviceCode'
>;

function deviceCodeQuestions({ db }: StoreContext): DeviceCodeQuestions {
  return {
    createDeviceCode: async ({ hash, userCode, clientId, scope, source, client, now, expiresAt }) => {
      const row = await db
        .insertInto('device_codes')
        .values({
          hash,
          user_code: userCode,
          client_id: clientId,
          scope,
          source,
          client,
          created_at: now,
          expires_at: expiresAt,
          decided_by: null,
          is_approved: 0,
        })
        .onConflict((on) => on.column('user_code').doNothing())
        .returning('id')
        .executeTakeFirst();
      return row !== undefined;
    },

    countDeviceCodes: async (source, now) => {
      const count = db
        .selectFrom('device_codes')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .where('expires_at', '>', now);
      const all = await count.executeTakeFirstOrThrow();
      const ofSource = await count.where('source', '=', source).executeTakeFirstOrThrow();
      return { all: Number(all.count), ofSource: Number(ofSource.count) };
    },

    findDeviceCode: async (by) => {
      const rows = db.selectFrom('device_codes').selectAll();
      const row = await (
        'hash' in by ? rows.where('hash', '=', by.hash) : rows.where('user_code', '=', by.userCode)
      ).executeTakeFirst();
      return row && toDeviceCode(row);
    },

    decideDeviceCode: async (id, userId, isApproved) => {
      const { numUpdatedRows } = await db
        .updateTable('device_codes')
        .set({ decided_by: userId, is_approved: isApproved ? 1 : 0 })
        .where('id', '=', id)
        .where('decided_by', 'is', null)
        .executeTakeFirst();
      return numUpdatedRows > 0n;
    },

    deleteDeviceCode: async (id) => {
      const { numDeletedRows } = await db.deleteFrom('device_codes').where('id', '=', id).executeTakeFirst();
      return numDeletedRows > 0n;
    },
  };
}

type CodeQuestions = Pick<OAuthStore, 'createCode' | 'findCode' | 'redeemCode'>;

function codeQuestions(context: StoreContext): CodeQuestions {
  const { db } = context;
  return {
    createCode: async (code) => {
      await db
        .insertInto('oauth_codes')
        .values({
          hash: code.hash,
          app_id: code.appId,
          user_id: code.userId,
          redirect_uri: code.redirectUri,
          scope: code.scope,
          nonce: code.nonce ?? null,
          challenge: code.challenge ?? null,
          created_at: code.now,
          expires_at: code.expiresAt,
          grant_id: null,
        })
        .execute();
    },

    findCode: async (hash): Promise<AuthorizationCode | undefined> => {
      const code = await db.selectFrom('oauth_codes').selectAll().where('hash', '=', hash).executeTakeFirst();
      if (!code) return undefined;
      const app = await selectApps(context)
        .where('oauth_apps.id', '=', code.app_id)
        .executeTakeFirstOrThrow();
      const user = await selectUsers(context)
        .where('namespaces.id', '=', code.user_id)
        .executeTakeFirstOrThrow();
      return {
        id: code.id,
        app: toApp(app),
        user: toUser(user),
        redirectUri: code.redirect_uri,
        scope: code.scope,
        nonce: code.nonce ?? undefined,
        challenge: code.challenge ?? undefined,
        createdAt: code.created_at,
        expiresAt: code.expires_at,
        grantId: code.grant_id ?? undefined,
      };
    },

    redeemCode: async (id, grantId) => {
      const { numUpdatedRows } = await db
        .updateTable('oauth_codes')
        .set({ grant_id: grantId })
        .where('id', '=', id)
        .where('grant_id', 'is', null)
        .executeTakeFirst();
      return numUpdatedRows > 0n;
    },
  };
}

const GRANT_COLUMNS = [
  'oauth_grants.id as grant_id',
  'oauth_grants.public_id as grant_public_id',
  'oauth_grants.app_id as grant_app_id',
  'oauth_grants.client_id as grant_client_id',
  'oauth_grants.name as grant_name',
  'oauth_grants.scope as grant_scope',
  'oauth_grants.role as grant_role',
  'oauth_grants.generation as grant_generation',
  'oauth_grants.created_at as grant_created_at',
  'oauth_grants.expires_at as grant_expires_at',
] as const;

type GrantRow = {
  [Column in keyof OAuthGrantTable as `grant_${Column}`]: Selectable<OAuthGrantTable>[Column];
};

const toGrant = (row: Omit<GrantRow, 'grant_user_id'>): Omit<OAuthGrant, 'user'> => ({
  id: row.grant_id,
  publicId: row.grant_public_id,
  appId: row.grant_app_id ?? undefined,
  clientId: row.grant_client_id,
  name: row.grant_name,
  scope: row.grant_scope,
  role: row.grant_role,
  generation: row.grant_generation,
  createdAt: row.grant_created_at,
  expiresAt: row.grant_expires_at,
});

type GrantQuestions = Pick<
  OAuthStore,
  | 'createGrant'
  | 'findGrant'
  | 'listGrants'
  | 'advanceGrant'
  | 'deleteGrant'
  | 'pruneTokens'
  | 'deleteExpired'
>;

function grantQuestions(context: StoreContext): GrantQuestions {
  const { db } = context;

  const tokensOf = (userId: NamespaceId) =>
    db
      .selectFrom('access_tokens')
      .select(['grant_id', 'prefix', 'last_used_at'])
      .where('user_id', '=', userId)
      .where('grant_id', 'is not', null)
      .orderBy('id', 'desc')
      .execute();

  return {
    createGrant: async ({ userId, appId, clientId, name, scope, role, now, expiresAt }) => {
      const { id } = await db
        .insertInto('oauth_grants')
        .values({
          public_id: newPublicId(),
          user_id: userId,
          app_id: appId ?? null,
          client_id: clientId,
          name,
          scope,
          role,
          generation: 0,
          created_at: now,
          expires_at: expiresAt,
        })
        .returning('id')
        .executeTakeFirstOrThrow();
      return id;
    },

    findGrant: async (by) => {
      const rows = selectUsers(context)
        .innerJoin('oauth_grants', 'oauth_grants.user_id', 'users.id')
        .select(GRANT_COLUMNS);
      const row = await (
        'id' in by
          ? rows.where('oauth_grants.id', '=', by.id)
          : rows.where('oauth_grants.public_id', '=', by.publicId)
      ).executeTakeFirst();
      return row && { ...toGrant(row), user: toUser(row satisfies UserRow) };
    },

    listGrants: async (userId) => {
      const rows = await db
        .selectFrom('oauth_grants')
        .select(GRANT_COLUMNS)
        .where('user_id', '=', userId)
        .orderBy('id')
        .execute();
      const tokens = await tokensOf(userId);
      return rows.map((row) => {
        const own = tokens.filter((token) => token.grant_id === row.grant_id);
        const lastUses = own.flatMap(({ last_used_at: at }) => (at === null ? [] : [at]));
        return {
          ...toGrant(row),
          prefix: own[0]?.prefix,
          lastUsedAt: lastUses.length === 0 ? undefined : Math.max(...lastUses),
        };
      });
    },

    advanceGrant: async (id, generation, expiresAt) => {
      await db
        .updateTable('oauth_grants')
        .set({ generation, expires_at: expiresAt })
        .where('id', '=', id)
        .execute();
    },

    deleteGrant: async (by) => {
      const rows = db.deleteFrom('oauth_grants');
      const { numDeletedRows } = await (
        'id' in by
          ? rows.where('id', '=', by.id)
          : rows.where('user_id', '=', by.userId).where('public_id', '=', by.publicId)
      ).executeTakeFirst();
      return numDeletedRows > 0n;
    },

    pruneTokens: async (grantId, keep) => {
      await db
        .deleteFrom('access_tokens')
        .where('grant_id', '=', grantId)
        .where('id', 'not in', (eb) =>
          eb
            .selectFrom('access_tokens')
            .select('id')
            .where('grant_id', '=', grantId)
            .orderBy('id', 'desc')
            .limit(keep),
        )
        .execute();
    },

    deleteExpired: async (now) => {
      let deleted = 0n;
      const tables = { device_codes: now - TOLD_MS, oauth_codes: now, oauth_grants: now } as const;
      for (const [table, until] of Object.entries(tables) as [keyof typeof tables, number][]) {
        const { numDeletedRows } = await db
          .deleteFrom(table)
          .where('expires_at', '<=', until)
          .executeTakeFirst();
        deleted += numDeletedRows;
      }
      const { numDeletedRows } = await db
        .deleteFrom('access_tokens')
        .where('grant_id', 'is not', null)
        .where('expires_at', '<=', now)
        .executeTakeFirst();
      return Number(deleted + numDeletedRows);
    },
  };
}
