import type { Selectable } from 'kysely';
import type { AccessToken, ReachLevel, TokenReach } from '../../domain/account.ts';
import { conflict } from '../../domain/errors.ts';
import type { NamespaceId, RepositoryId } from '../../domain/ids.ts';
import { foldName } from '../../domain/names.ts';
import { newPublicId } from '../../platform/random.ts';
import { createQuestion } from '../question.ts';
import type { AccountStore } from '../questions/accounts.ts';
import type { StoreContext } from '../store-context.ts';
import type { AccessTokenTable, OAuthGrantTable, SessionTable } from '../tables.ts';
import {
  findAlike,
  insertNamespace,
  renameFully,
  selectNamespaces,
  selectUsers,
  toNamespace,
  toUser,
  type UserRow,
} from './namespace-rows.ts';

export const createAccountStore = (context: StoreContext): AccountStore => ({
  ...userQuestions(context),
  ...tokenQuestions(context),
  ...sessionQuestions(context),
});

type UserQuestions = Pick<
  AccountStore,
  | 'createUser'
  | 'countUsers'
  | 'findUser'
  | 'findUserById'
  | 'listUsers'
  | 'updateUser'
  | 'passwordHash'
  | 'setPasswordHash'
  | 'findNamespace'
  | 'findAlike'
>;

function userQuestions(context: StoreContext): UserQuestions {
  const { db } = context;
  return {
    createUser: async ({ name, fullName, email, passwordHash, isAdmin, now }) => {
      const namespace = await insertNamespace(context, { kind: 'user', name, fullName, now });
      await db
        .insertInto('users')
        .values({
          id: namespace.id,
          email: email ?? null,
          password_hash: passwordHash ?? null,
          is_admin: isAdmin ? 1 : 0,
        })
        .execute();
      return { ...namespace, email, isAdmin };
    },

    countUsers: async () => {
      const { count } = await db
        .selectFrom('users')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow();
      return Number(count);
    },

    findUser: async (name) => {
      const row = await selectUsers(context)
        .where('namespaces.folded', '=', foldName(name))
        .executeTakeFirst();
      return row && toUser(row);
    },

    findUserById: async (id) => {
      const row = await selectUsers(context).where('namespaces.id', '=', id).executeTakeFirst();
      return row && toUser(row);
    },

    listUsers: async () => {
      const rows = await selectUsers(context).orderBy('namespaces.folded').execute();
      return rows.map(toUser);
    },

    updateUser: async (id, change) => {
      if (change.fullName !== undefined) await renameFully(context, id, change.fullName);
      const columns = {
        ...('email' in change && { email: change.email ?? null }),
        ...(change.isAdmin !== undefined && { is_admin: change.isAdmin ? (1 as const) : (0 as const) }),
      };
      if (Object.keys(columns).length > 0) {
        await db.updateTable('users').set(columns).where('id', '=', id).execute();
      }
    },

    passwordHash: async (id) => {
      const row = await db
        .selectFrom('users')
        .select('password_hash')
        .where('id', '=', id)
        .executeTakeFirst();
      return row?.password_hash ?? undefined;
    },

    setPasswordHash: async (id, hash) => {
      await db.updateTable('users').set({ password_hash: hash }).where('id', '=', id).execute();
    },

    findNamespace: async (name) => {
      const row = await selectNamespaces(context).where('folded', '=', foldName(name)).executeTakeFirst();
      return row && toNamespace(row);
    },

    findAlike: (name) => findAlike(context, name),
  };
}

type TokenQuestions = Pick<
  AccountStore,
  | 'createToken'
  | 'findToken'
  | 'listTokens'
  | 'listReaches'
  | 'renameToken'
  | 'deleteToken'
  | 'deleteTokenByHash'
  | 'replaceToken'
  | 'setTokenRole'
  | 'touchTokens'
>;

const TOKEN_COLUMNS = [
  'access_tokens.public_id as token_public_id',
  'access_tokens.user_id as token_user_id',
  'access_tokens.name as token_name',
  'access_tokens.role as token_role',
  'access_tokens.prefix as token_prefix',
  'access_tokens.created_at as token_created_at',
  'access_tokens.expires_at as token_expires_at',
  'access_tokens.last_used_at as token_last_used_at',
] as const;

type TokenColumn =
  'public_id' | 'user_id' | 'name' | 'role' | 'prefix' | 'created_at' | 'expires_at' | 'last_used_at';
type TokenRow = { [Column in TokenColumn as `token_${Column}`]: Selectable<AccessTokenTable>[Column] };

const toToken = (row: TokenRow): AccessToken => ({
  publicId: row.token_public_id,
  userId: row.token_user_id,
  name: row.token_name,
  role: row.token_role,
  prefix: row.token_prefix,
  createdAt: row.token_created_at,
  expiresAt: row.token_expires_at ?? undefined,
  lastUsedAt: row.token_last_used_at ?? undefined,
});

interface FoundRow {
  readonly token_id: number;
  readonly grant_public_id: Selectable<OAuthGrantTable>['public_id'] | null;
  readonly grant_client_id: string | null;
  readonly grant_scope: string | null;
}

const toGrant = (row: FoundRow): AccessToken['grant'] =>
  row.grant_public_id === null
    ? undefined
    : { publicId: row.grant_public_id, clientId: row.grant_client_id ?? '', scope: row.grant_scope ?? '' };

const tokenExists = () => conflict('An access token with this value exists already.');

function tokenQuestions(context: StoreContext): TokenQuestions {
  const { db } = context;

  const findByHash = createQuestion<{ hash: Buffer; now: number }, UserRow & TokenRow & FoundRow>(
    db,
    (value) =>
      selectUsers(context)
        .innerJoin('access_tokens', 'access_tokens.user_id', 'users.id')
        .leftJoin('oauth_grants', 'oauth_grants.id', 'access_tokens.grant_id')
        .select(TOKEN_COLUMNS)
        .select([
          'access_tokens.id as token_id',
          'oauth_grants.public_id as grant_public_id',
          'oauth_grants.client_id as grant_client_id',
          'oauth_grants.scope as grant_scope',
        ])
        .where('access_tokens.hash', '=', value('hash'))
        .where(({ eb, or }) =>
          or([eb('access_tokens.expires_at', 'is', null), eb('access_tokens.expires_at', '>', value('now'))]),
        ),
  );

  async function reachOf(tokenId: number): Promise<TokenReach> {
    const rows = await db
      .selectFrom('token_reaches')
      .select(['repository_id', 'namespace_id', 'level'])
      .where('token_id', '=', tokenId)
      .execute();
    const repositories = new Map<RepositoryId, ReachLevel>();
    const namespaces = new Map<NamespaceId, ReachLevel>();
    for (const { repository_id, namespace_id, level } of rows) {
      if (repository_id !== null) repositories.set(repository_id, level);
      if (namespace_id !== null) namespaces.set(namespace_id, level);
    }
    return { repositories, namespaces };
  }

  async function addReach(tokenId: number, { repositories, namespaces }: TokenReach): Promise<void> {
    const rows = [
      ...[...repositories].map(([id, level]) => ({ repository_id: id, namespace_id: null, level })),
      ...[...namespaces].map(([id, level]) => ({ repository_id: null, namespace_id: id, level })),
    ];
    if (rows.length === 0) return;
    await db
      .insertInto('token_reaches')
      .values(rows.map((row) => ({ token_id: tokenId, ...row })))
      .execute();
  }

  return {
    createToken: async ({ userId, name, role, prefix, hash, expiresAt, now, reach, grantId }) => {
      const publicId = newPublicId();
      const row = await db
        .insertInto('access_tokens')
        .values({
          public_id: publicId,
          user_id: userId,
          name,
          role,
          prefix,
          hash,
          created_at: now,
          expires_at: expiresAt ?? null,
          last_used_at: null,
          grant_id: grantId ?? null,
        })
        .onConflict((on) => on.column('hash').doNothing())
        .returning('id')
        .executeTakeFirst();
      if (!row) throw tokenExists();
      if (reach) await addReach(row.id, reach);
      return { publicId, userId, name, role, prefix, createdAt: now, expiresAt, lastUsedAt: undefined };
    },

    findToken: async (hash, now) => {
      const [row] = await findByHash({ hash, now });
      if (!row) return undefined;
      const token = { ...toToken(row), grant: toGrant(row) };
      const reach = token.role === 'fineGrained' ? await reachOf(row.token_id) : undefined;
      return { token: { ...token, reach }, user: toUser(row) };
    },

    listTokens: async (userId) => {
      const rows = await db
        .selectFrom('access_tokens')
        .select(TOKEN_COLUMNS)
        .where('user_id', '=', userId)
        .where('grant_id', 'is', null)
        .orderBy('id')
        .execute();
      return rows.map(toToken);
    },

    listReaches: async (userId) => {
      const reaches = db
        .selectFrom('token_reaches')
        .innerJoin('access_tokens', 'access_tokens.id', 'token_reaches.token_id')
        .where('access_tokens.user_id', '=', userId);
      const repositories = await reaches
        .innerJoin('repositories', 'repositories.id', 'token_reaches.repository_id')
        .innerJoin('namespaces', 'namespaces.id', 'repositories.owner_id')
        .select([
          'access_tokens.public_id as token',
          'repositories.kind as type',
          'repositories.public_id as id',
          'namespaces.name as owner',
          'repositories.name',
          'token_reaches.level',
        ])
        .orderBy('token_reaches.id')
        .execute();
      const namespaces = await reaches
        .innerJoin('namespaces', 'namespaces.id', 'token_reaches.namespace_id')
        .select([
          'access_tokens.public_id as token',
          'namespaces.kind as type',
          'namespaces.public_id as id',
          'namespaces.name',
          'token_reaches.level',
        ])
        .orderBy('token_reaches.id')
        .execute();
      return [
        ...namespaces,
        ...repositories.map(({ owner, name, ...reach }) => ({ ...reach, name: `${owner}/${name}` })),
      ];
    },

    renameToken: async (userId, publicId, name) => {
      await db
        .updateTable('access_tokens')
        .set({ name })
        .where('user_id', '=', userId)
        .where('public_id', '=', publicId)
        .execute();
    },

    deleteTokenByHash: async (hash) => {
      const row = await db
        .selectFrom('access_tokens')
        .select(['id', 'grant_id'])
        .where('hash', '=', hash)
        .executeTakeFirst();
      if (!row) return false;
      if (row.grant_id === null) await db.deleteFrom('access_tokens').where('id', '=', row.id).execute();
      else await db.deleteFrom('oauth_grants').where('id', '=', row.grant_id).execute();
      return true;
    },

    deleteToken: async (userId, publicId) => {
      const { numDeletedRows } = await db
        .deleteFrom('access_tokens')
        .where('user_id', '=', userId)
        .where('public_id', '=', publicId)
        .where('grant_id', 'is', null)
        .executeTakeFirst();
      return numDeletedRows > 0n;
    },

    replaceToken: async (userId, publicId, { role, prefix, hash }) => {
      const other = await db
        .selectFrom('access_tokens')
        .select('id')
        .where('hash', '=', hash)
        .where('public_id', '!=', publicId)
        .executeTakeFirst();
      if (other) throw tokenExists();
      await db
        .updateTable('access_tokens')
        .set({ role, prefix, hash })
        .where('user_id', '=', userId)
        .where('public_id', '=', publicId)
        .execute();
    },

    setTokenRole: async (userId, publicId, role) => {
      await db
        .updateTable('access_tokens')
        .set({ role })
        .where('user_id', '=', userId)
        .where('public_id', '=', publicId)
        .execute();
    },

    touchTokens: async (uses) => {
      for (const { publicId, at } of uses) {
        await db
          .updateTable('access_tokens')
          .set({ last_used_at: at })
          .where('public_id', '=', publicId)
          .where(({ eb, or }) => or([eb('last_used_at', 'is', null), eb('last_used_at', '<', at)]))
          .execute();
      }
    },
  };
}

type SessionQuestions = Pick<
  AccountStore,
  | 'createSession'
  | 'findSession'
  | 'listSessions'
  | 'deleteSessionOf'
  | 'touchSession'
  | 'deleteSession'
  | 'deleteSessions'
  | 'deleteExpiredSessions'
>;

function sessionQuestions(context: StoreContext): SessionQuestions {
  const { db } = context;

  const findLive = createQuestion<
    { hash: Buffer; now: number; idleSince: number },
    UserRow & Pick<Selectable<SessionTable>, 'seen_at'>
  >(db, (value) =>
    selectUsers(context)
      .innerJoin('sessions', 'sessions.user_id', 'users.id')
      .select('sessions.seen_at')
      .where('sessions.hash', '=', value('hash'))
      .where('sessions.expires_at', '>', value('now'))
      .where('sessions.seen_at', '>=', value('idleSince')),
  );

  return {
    createSession: async ({ hash, userId, client, place = '', now, expiresAt }) => {
      await db
        .insertInto('sessions')
        .values({
          public_id: newPublicId(),
          hash,
          user_id: userId,
          client,
          place,
          created_at: now,
          seen_at: now,
          expires_at: expiresAt,
        })
        .execute();
    },

    findSession: async (hash, now, idleSince) => {
      const [row] = await findLive({ hash, now, idleSince });
      return row && { user: toUser(row), seenAt: row.seen_at };
    },

    listSessions: async (userId, now, idleSince, current) => {
      const rows = await db
        .selectFrom('sessions')
        .select(['public_id', 'client', 'place', 'created_at', 'seen_at', 'hash'])
        .where('user_id', '=', userId)
        .where('expires_at', '>', now)
        .where('seen_at', '>=', idleSince)
        .orderBy('id', 'desc')
        .execute();
      return rows.map((row) => ({
        publicId: row.public_id,
        client: row.client,
        place: row.place,
        createdAt: row.created_at,
        seenAt: row.seen_at,
        isCurrent: current !== undefined && Buffer.from(row.hash).equals(current),
      }));
    },

    deleteSessionOf: async (userId, publicId) => {
      const { numDeletedRows } = await db
        .deleteFrom('sessions')
        .where('user_id', '=', userId)
        .where('public_id', '=', publicId)
        .executeTakeFirst();
      return numDeletedRows > 0n;
    },

    touchSession: async (hash, now) => {
      await db
        .updateTable('sessions')
        .set({ seen_at: now })
        .where('hash', '=', hash)
        .where('seen_at', '<', now)
        .execute();
    },

    deleteSession: async (hash) => {
      await db.deleteFrom('sessions').where('hash', '=', hash).execute();
    },

    deleteSessions: async (userId, except) => {
      let sessions = db.deleteFrom('sessions').where('user_id', '=', userId);
      if (except) sessions = sessions.where('hash', '!=', except);
      await sessions.execute();
    },

    deleteExpiredSessions: async (now, idleSince) => {
      const { numDeletedRows } = await db
        .deleteFrom('sessions')
        .where(({ eb, or }) => or([eb('expires_at', '<=', now), eb('seen_at', '<', idleSince)]))
        .executeTakeFirst();
      return Number(numDeletedRows);
    },
  };
}
