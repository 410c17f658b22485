import type { Selectable } from 'kysely';
import { HubError } from '../../domain/errors.ts';
import { newPublicId } from '../../platform/random.ts';
import { sha256Bytes, toSha256 } from '../bytes.ts';
import type { Upload, UploadStore } from '../questions/uploads.ts';
import type { StoreContext } from '../store-context.ts';
import type { UploadTable } from '../tables.ts';

export const toUpload = (row: Selectable<UploadTable>): Upload => ({
  publicId: row.public_id,
  repositoryId: row.repository_id,
  sha256: toSha256(row.sha256),
  sizeBytes: row.size_bytes,
  partSizeBytes: row.part_size_bytes,
  createdAt: row.created_at,
  expiresAt: row.expires_at,
});

export function createUploadStore({ db }: StoreContext): UploadStore {
  const selectUploads = () => db.selectFrom('uploads').selectAll();

  return {
    create: async (upload, now) => {
      const publicId = newPublicId();
      await db
        .insertInto('uploads')
        .values({
          public_id: publicId,
          repository_id: upload.repositoryId,
          sha256: sha256Bytes(upload.sha256),
          size_bytes: upload.sizeBytes,
          part_size_bytes: upload.partSizeBytes,
          created_at: now,
          expires_at: upload.expiresAt,
        })
        .execute();
      return { ...upload, publicId, createdAt: now };
    },

    find: async (publicId, now) => {
      const row = await selectUploads()
        .where('public_id', '=', publicId)
        .where('expires_at', '>', now)
        .executeTakeFirst();
      return row && toUpload(row);
    },

    findFor: async (repositoryId, sha256, now) => {
      const row = await selectUploads()
        .where('repository_id', '=', repositoryId)
        .where('sha256', '=', sha256Bytes(sha256))
        .where('expires_at', '>', now)
        .orderBy('id', 'desc')
        .limit(1)
        .executeTakeFirst();
      return row && toUpload(row);
    },

    extend: async (publicId, expiresAt) => {
      await db
        .updateTable('uploads')
        .set({ expires_at: expiresAt })
        .where('public_id', '=', publicId)
        .where('expires_at', '<', expiresAt)
        .execute();
    },

    putPart: async (publicId, part) => {
      const upload = await db
        .selectFrom('uploads')
        .select('id')
        .where('public_id', '=', publicId)
        .executeTakeFirst();
      if (!upload) throw new HubError('NotFound', 'This upload does not exist any more. Start it again.');
      await db
        .insertInto('upload_parts')
        .values({ upload_id: upload.id, number: part.number, size_bytes: part.sizeBytes, etag: part.etag })
        .onConflict((on) =>
          on.columns(['upload_id', 'number']).doUpdateSet({ size_bytes: part.sizeBytes, etag: part.etag }),
        )
        .execute();
    },

    parts: async (publicId) => {
      const rows = await db
        .selectFrom('upload_parts')
        .innerJoin('uploads', 'uploads.id', 'upload_parts.upload_id')
        .select(['upload_parts.number', 'upload_parts.size_bytes', 'upload_parts.etag'])
        .where('uploads.public_id', '=', publicId)
        .orderBy('upload_parts.number')
        .execute();
      return rows.map((row) => ({ number: row.number, sizeBytes: row.size_bytes, etag: row.etag }));
    },

    delete: async (publicId) => {
      await db.deleteFrom('uploads').where('public_id', '=', publicId).execute();
    },

    listExpired: async (now, limit) => {
      const rows = await selectUploads()
        .where('expires_at', '<=', now)
        .orderBy('expires_at')
        .limit(limit)
        .execute();
      return rows.map(toUpload);
    },

    exists: async (publicId) => {
      const row = await db
        .selectFrom('uploads')
        .select('id')
        .where('public_id', '=', publicId)
        .executeTakeFirst();
      return row !== undefined;
    },
  };
}
