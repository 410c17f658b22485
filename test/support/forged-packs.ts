import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import type { GitObjectType } from '../../server/git/object-storage.ts';
import { hashObject } from '../../server/git/objects.ts';

/*
 * Packs, byte by byte, right or wrong in whatever way a test wants (git, Documentation/gitformat-pack).
 */

const CODES = { commit: 1, tree: 2, blob: 3, tag: 4, 'ofs-delta': 6, 'ref-delta': 7 } as const;
export const ZERO_OID = '0'.repeat(40);

/** An entry of a pack as its bytes. */
export type PackEntry = Buffer;

/** Type and size as they stand before an entry. `code` may be one that git does not know. */
export function entryHead(code: number, sizeBytes: number | bigint): Buffer {
  let rest = BigInt(sizeBytes);
  const bytes = [(code << 4) | Number(rest & 15n)];
  rest >>= 4n;
  while (rest > 0n) {
    bytes[bytes.length - 1] = (bytes.at(-1) as number) | 128;
    bytes.push(Number(rest & 127n));
    rest >>= 7n;
  }
  return Buffer.from(bytes);
}

export const wholeEntry = (type: GitObjectType, content: Buffer | string): PackEntry =>
  Buffer.concat([entryHead(CODES[type], Buffer.byteLength(content)), deflateSync(content)]);

export const refDelta = (baseOid: string, delta: Buffer): PackEntry =>
  Buffer.concat([
    entryHead(CODES['ref-delta'], delta.length),
    Buffer.from(baseOid, 'hex'),
    deflateSync(delta),
  ]);

/** @param distance Bytes between the start of this entry and that of its base. */
export function ofsDelta(distance: number, delta: Buffer): PackEntry {
  const bytes = [distance & 127];
  for (let rest = Math.floor(distance / 128); rest > 0; rest = Math.floor(rest / 128)) {
    rest -= 1;
    bytes.unshift(128 | (rest & 127));
  }
  return Buffer.concat([entryHead(CODES['ofs-delta'], delta.length), Buffer.from(bytes), deflateSync(delta)]);
}

const varint = (value: number): Buffer => {
  const bytes: number[] = [];
  let rest = value;
  do {
    const digit = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? digit | 128 : digit);
  } while (rest > 0);
  return Buffer.from(bytes);
};

/** A delta with the sizes it claims, and its instructions. */
export const delta = (baseBytes: number, resultBytes: number, ...instructions: readonly Buffer[]): Buffer =>
  Buffer.concat([varint(baseBytes), varint(resultBytes), ...instructions]);

export const copy = (offset: number, length: number): Buffer =>
  Buffer.from([
    0xff,
    ...[0, 8, 16, 24].map((shift) => (offset >>> shift) & 255),
    ...[0, 8, 16].map((shift) => (length >>> shift) & 255),
  ]);

/** At most 127 bytes. */
export const insert = (text: string | Buffer): Buffer =>
  Buffer.concat([Buffer.from([Buffer.byteLength(text)]), Buffer.from(text as string)]);

/** A whole pack; what is left out is right. */
export function forgePack(
  entries: readonly PackEntry[],
  lies: {
    readonly magic?: string;
    readonly version?: number;
    readonly count?: number;
    readonly trailer?: Buffer;
    readonly after?: Buffer;
  } = {},
): Buffer {
  const head = Buffer.alloc(12);
  head.write(lies.magic ?? 'PACK', 'latin1');
  head.writeUInt32BE(lies.version ?? 2, 4);
  head.writeUInt32BE(lies.count ?? entries.length, 8);
  const body = Buffer.concat([head, ...entries]);
  const trailer = lies.trailer ?? createHash('sha1').update(body).digest();
  return Buffer.concat([body, trailer, lies.after ?? Buffer.alloc(0)]);
}

/** A line of a tree, its mode and name as they are. */
export const treeLine = (mode: string, name: string | Buffer, oid: string): Buffer =>
  Buffer.concat([
    Buffer.from(`${mode} `),
    Buffer.from(name as string),
    Buffer.from([0]),
    Buffer.from(oid, 'hex'),
  ]);

export interface ForgedObject {
  readonly type: GitObjectType;
  readonly content: Buffer;
  readonly oid: string;
}

export function forge(type: GitObjectType, content: Buffer | string): ForgedObject {
  const bytes = Buffer.from(content as string);
  return { type, content: bytes, oid: hashObject(type, bytes) };
}

const WHO = 'A U Thor <author@example.com> 1700000000 +0000';

/** A commit as git writes it, or with other lines before its message. */
export const forgeCommit = (
  tree: string,
  options: {
    readonly parents?: readonly string[];
    readonly lines?: readonly string[];
    readonly message?: string;
  } = {},
): ForgedObject =>
  forge(
    'commit',
    [
      `tree ${tree}`,
      ...(options.parents ?? []).map((parent) => `parent ${parent}`),
      ...(options.lines ?? [`author ${WHO}`, `committer ${WHO}`]),
      '',
      options.message ?? 'forged\n',
    ].join('\n'),
  );

export const packOf = (objects: readonly ForgedObject[]): Buffer =>
  forgePack(objects.map(({ type, content }) => wholeEntry(type, content)));
