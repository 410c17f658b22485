import type { Expression, ExpressionBuilder, Selectable, SqlBool } from 'kysely';
import { conflict } from '../../domain/errors.ts';
import { newPublicId } from '../../platform/random.ts';
import type { SshKeyOwner, SshKeyStore, StoredSshKey } from '../questions/ssh-keys.ts';
import type { StoreContext } from '../store-context.ts';
import type { SshKeyTable, Tables } from '../tables.ts';
import { selectUsers, toUser } from './namespace-rows.ts';

type KeyRow = Selectable<SshKeyTable> & { readonly added_by_name: string | null };

export function createSshKeyStore(context: StoreContext): SshKeyStore {
  const { db } = context;

  const selectKeys = () =>
    db
      .selectFrom('ssh_keys')
      .leftJoin('namespaces', 'namespaces.id', 'ssh_keys.added_by')
      .selectAll('ssh_keys')
      .select('namespaces.name as added_by_name');

  async function find(row: KeyRow | undefined): ReturnType<SshKeyStore['find']> {
    if (!row) return undefined;
    const key = toKey(row);
    if (row.repository_id !== null && row.level !== null) {
      return { key, opens: { kind: 'repository', repositoryId: row.repository_id, level: row.level } };
    }
    const user = await selectUsers(context).where('users.id', '=', row.user_id).executeTakeFirst();
    return user && { key, opens: { kind: 'user', user: toUser(user) } };
  }

  return {
    add: async ({ owner, fingerprint, type, blob, title, addedBy, now }) => {
      const publicId = newPublicId();
      const row = await db
        .insertInto('ssh_keys')
        .values({
          public_id: publicId,
          fingerprint,
          type,
          blob,
          title,
          ...columnsOf(owner),
          added_by: addedBy,
          created_at: now,
          last_used_at: null,
        })
        .onConflict((on) => on.column('fingerprint').doNothing())
        .returning('id')
        .executeTakeFirst();
      if (!row) throw conflict('This key is in use already. Make another one with "ssh-keygen".');
      return publicId;
    },

    find: async (fingerprint) =>
      find(await selectKeys().where('fingerprint', '=', fingerprint).executeTakeFirst()),

    findById: async (publicId) =>
      find(await selectKeys().where('ssh_keys.public_id', '=', publicId).executeTakeFirst()),

    list: async (owner) => {
      const rows = await selectKeys().where(isOf(owner)).orderBy('ssh_keys.id').execute();
      return rows.map(toKey);
    },

    remove: async (owner, publicId) => {
      const { numDeletedRows } = await db
        .deleteFrom('ssh_keys')
        .where(isOf(owner))
        .where('public_id', '=', publicId)
        .executeTakeFirst();
      return numDeletedRows > 0n;
    },

    touch: async (uses) => {
      for (const { publicId, at } of uses) {
        await db
          .updateTable('ssh_keys')
          .set({ last_used_at: at })
          .where('public_id', '=', publicId)
          .where(({ eb, or }) => or([eb('last_used_at', 'is', null), eb('last_used_at', '<', at)]))
          .execute();
      }
    },
  };
}

const isOf =
  (owner: SshKeyOwner) =>
  (eb: ExpressionBuilder<Tables, 'ssh_keys'>): Expression<SqlBool> =>
    owner.kind === 'user'
      ? eb('ssh_keys.user_id', '=', owner.userId)
      : eb('ssh_keys.repository_id', '=', owner.repositoryId);

const columnsOf = (owner: SshKeyOwner & { readonly level?: 'read' | 'write' }) =>
  owner.kind === 'user'
    ? { user_id: owner.userId, repository_id: null, level: null }
    : { user_id: null, repository_id: owner.repositoryId, level: owner.level ?? 'read' };

const toKey = (row: KeyRow): StoredSshKey => ({
  publicId: row.public_id,
  type: row.type,
  blob: Buffer.from(row.blob),
  fingerprint: Buffer.from(row.fingerprint),
  title: row.title,
  level: row.level ?? undefined,
  addedBy: row.added_by_name ?? undefined,
  createdAt: row.created_at,
  lastUsedAt: row.last_used_at ?? undefined,
});
