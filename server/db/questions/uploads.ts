import type { PublicId, RepositoryId, Sha256 } from '../../domain/ids.ts';

export interface Upload {
  readonly publicId: PublicId;
  readonly repositoryId: RepositoryId;
  readonly sha256: Sha256;
  readonly sizeBytes: number;
  readonly partSizeBytes: number;
  readonly createdAt: number;
  readonly expiresAt: number;
}

export interface UploadPart {
  readonly number: number;
  readonly sizeBytes: number;
  readonly etag: string;
}

/** Unfinished multipart uploads of large objects. */
export interface UploadStore {
  create(upload: Omit<Upload, 'publicId' | 'createdAt'>, now: number): Promise<Upload>;
  find(publicId: PublicId, now: number): Promise<Upload | undefined>;
  /** An unfinished upload of the same object to the same repository, to resume. */
  findFor(repositoryId: RepositoryId, sha256: Sha256, now: number): Promise<Upload | undefined>;
  /** Give an upload that is resumed more time; never less than it has. */
  extend(publicId: PublicId, expiresAt: number): Promise<void>;
  putPart(publicId: PublicId, part: UploadPart): Promise<void>;
  parts(publicId: PublicId): Promise<readonly UploadPart[]>;
  delete(publicId: PublicId): Promise<void>;
  listExpired(now: number, limit: number): Promise<readonly Upload[]>;
  exists(publicId: PublicId): Promise<boolean>;
}
