import type { Oid, Sha256 } from '../domain/ids.ts';
import type { LfsPointer } from '../domain/lfs.ts';
import { OID_BYTES } from './oid-table.ts';

const SHA256_BYTES = 32;

/** Blobs that are pointers to large files, in flat arrays: a push may bring a million. May cross threads. */
export interface PointerList {
  readonly count: number;
  /** Raw, 20 bytes each. */
  readonly oids: Uint8Array;
  /** Raw, 32 bytes each. */
  readonly sha256s: Uint8Array;
  readonly sizes: Float64Array;
}

export function createPointerList(): {
  add(oid: Oid, pointer: LfsPointer): void;
  list(): PointerList;
} {
  let count = 0;
  let oids = Buffer.alloc(64 * OID_BYTES);
  let sha256s = Buffer.alloc(64 * SHA256_BYTES);
  let sizes = new Float64Array(64);

  const grow = (): void => {
    oids = Buffer.concat([oids, Buffer.alloc(oids.length)]);
    sha256s = Buffer.concat([sha256s, Buffer.alloc(sha256s.length)]);
    const more = new Float64Array(sizes.length * 2);
    more.set(sizes);
    sizes = more;
  };

  return {
    add(oid, { sha256, sizeBytes }) {
      if (count === sizes.length) grow();
      oids.write(oid, count * OID_BYTES, 'hex');
      sha256s.write(sha256, count * SHA256_BYTES, 'hex');
      sizes[count] = sizeBytes;
      count += 1;
    },
    list: () => ({
      count,
      oids: oids.subarray(0, count * OID_BYTES),
      sha256s: sha256s.subarray(0, count * SHA256_BYTES),
      sizes: sizes.subarray(0, count),
    }),
  };
}

/** One pointer of a list. */
export function pointerAt(list: PointerList, number: number): LfsPointer & { readonly oid: Oid } {
  const hex = (bytes: Uint8Array, length: number): string =>
    Buffer.from(bytes.buffer, bytes.byteOffset + number * length, length).toString('hex');
  return {
    oid: hex(list.oids, OID_BYTES) as Oid,
    sha256: hex(list.sha256s, SHA256_BYTES) as Sha256,
    sizeBytes: list.sizes[number] as number,
  };
}
