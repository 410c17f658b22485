import type { Oid, Sha256, XetHash } from '../domain/ids.ts';

/*
 * Ids are hex text in the hub and raw bytes in the database: half the size, and indexes compare them with memcmp.
 */

/** A driver's bytes (Buffer or Uint8Array) as a Buffer over the same memory. */
export const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const hex = (bytes: Uint8Array): string => asBuffer(bytes).toString('hex');

export const oidBytes = (oid: Oid): Buffer => Buffer.from(oid, 'hex');
export const toOid = (bytes: Uint8Array): Oid => hex(bytes) as Oid;

export const sha256Bytes = (sha256: Sha256): Buffer => Buffer.from(sha256, 'hex');
export const toSha256 = (bytes: Uint8Array): Sha256 => hex(bytes) as Sha256;

/** The raw hash: the printed form has the bytes of each 8-byte group in reverse (see `XetHash`). */
export const xetHashBytes = (hash: XetHash): Buffer => Buffer.from(hash, 'hex').swap64();
export const toXetHash = (bytes: Uint8Array): XetHash =>
  Buffer.from(bytes).swap64().toString('hex') as XetHash;
