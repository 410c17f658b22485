import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import type { GitObjectType } from '../../server/git/object-storage.ts';

const TYPE_CODES = { commit: 1, tree: 2, blob: 3, tag: 4, 'ofs-delta': 6, 'ref-delta': 7 } as const;

/** The size and type at the start of an entry; `code` may be one that git does not know. */
export function entryHead(code: number, sizeBytes: number): Buffer {
  const bytes = [];
  let rest = BigInt(sizeBytes);
  bytes.push((code << 4) | Number(rest & 15n));
  rest >>= 4n;
  while (rest > 0n) {
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) | 128;
    bytes.push(Number(rest & 127n));
    rest >>= 7n;
  }
  return Buffer.from(bytes);
}

/** One whole object as an entry. */
export const wholeEntry = (type: GitObjectType, content: Buffer | string): Buffer => {
  const bytes = Buffer.from(content);
  return Buffer.concat([entryHead(TYPE_CODES[type], bytes.length), deflateSync(bytes)]);
};

/** A delta against an object by its id. */
export const refDeltaEntry = (baseOid: string, delta: Buffer): Buffer =>
  Buffer.concat([
    entryHead(TYPE_CODES['ref-delta'], delta.length),
    Buffer.from(baseOid, 'hex'),
    deflateSync(delta),
  ]);

/** A delta against the entry that starts so many bytes before this one. */
export function ofsDeltaEntry(distance: number, delta: Buffer): Buffer {
  const digits = [distance & 127];
  for (let rest = distance >> 7; rest > 0; rest >>= 7) digits.unshift(128 | (--rest & 127));
  return Buffer.concat([
    entryHead(TYPE_CODES['ofs-delta'], delta.length),
    Buffer.from(digits),
    deflateSync(delta),
  ]);
}

const varint = (value: number): Buffer => {
  const bytes = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    bytes.push((rest % 128) | (rest >= 128 ? 128 : 0));
    if (rest < 128) return Buffer.from(bytes);
  }
};

/** A delta of raw instructions. */
export const deltaOf = (baseBytes: number, resultBytes: number, ...instructions: readonly Buffer[]): Buffer =>
  Buffer.concat([varint(baseBytes), varint(resultBytes), ...instructions]);

/** Copy `length` bytes (at most 65,535) of the base from `offset`. */
export const copyInstruction = (offset: number, length: number): Buffer => {
  const bytes = Buffer.alloc(7);
  bytes[0] = 0xbf;
  bytes.writeUInt32LE(offset, 1);
  bytes.writeUInt16LE(length, 5);
  return bytes;
};

/** At most 127 new bytes. */
export const insertInstruction = (text: string): Buffer => {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
};

/** A pack around entries, with a header and trailer that fit unless they are told otherwise. */
export function forgePack(
  entries: readonly Buffer[],
  forged: { readonly magic?: string; readonly version?: number; readonly count?: number } = {},
): Buffer {
  const header = Buffer.alloc(12);
  header.write(forged.magic ?? 'PACK', 'latin1');
  header.writeUInt32BE(forged.version ?? 2, 4);
  header.writeUInt32BE(forged.count ?? entries.length, 8);
  const body = Buffer.concat([header, ...entries]);
  return Buffer.concat([body, createHash('sha1').update(body).digest()]);
}
