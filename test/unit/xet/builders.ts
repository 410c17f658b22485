import { createRequire } from 'node:module';
import type { Sha256, XetHash } from '../../../server/domain/ids.ts';
import type { ChunkIndex } from '../../../server/xet/chunk-index.ts';
import { HASH_BYTES, loadXetHashing, xetHashBytes, xetHashText } from '../../../server/xet/hash.ts';
import type { XetTerm } from '../../../server/xet/shard.ts';

/** An encoder that is not ours. It has no types, and only tests encode. */
const lz4 = createRequire(import.meta.url)('lz4js') as { compress(bytes: Uint8Array): Uint8Array };

export type Scheme = 0 | 1 | 2;

export interface BuiltXorb {
  readonly hash: XetHash;
  readonly bytes: Buffer;
  readonly raw: Buffer;
  readonly chunkHashes: readonly Uint8Array[];
  readonly index: ChunkIndex;
}

export interface BuiltFile {
  readonly hash: XetHash;
  readonly terms: readonly XetTerm[];
  readonly rangeHashes: readonly XetHash[];
  readonly sha256: Sha256 | undefined;
}

/** Bytes of index 0, 4, 8 …, then those of 1, 5, 9 …, and so on. */
export const group = (raw: Uint8Array): Uint8Array =>
  Uint8Array.from([0, 1, 2, 3].flatMap((first) => [...raw.filter((_, index) => index % 4 === first)]));

export const compress = (bytes: Uint8Array): Uint8Array => lz4.compress(bytes);

const encode = (raw: Uint8Array, scheme: Scheme): Uint8Array => {
  if (scheme === 0) return raw;
  return compress(scheme === 1 ? raw : group(raw));
};

/** A chunk record; `header` overrides what the header says. */
export const record = (
  raw: Uint8Array,
  scheme: Scheme,
  header: { version?: number; scheme?: number; storedBytes?: number; rawBytes?: number } = {},
): Buffer => {
  const stored = encode(raw, scheme);
  const head = Buffer.alloc(8);
  head.writeUInt8(header.version ?? 0, 0);
  head.writeUIntLE(header.storedBytes ?? stored.length, 1, 3);
  head.writeUInt8(header.scheme ?? scheme, 4);
  head.writeUIntLE(header.rawBytes ?? raw.length, 5, 3);
  return Buffer.concat([head, stored]);
};

export const buildXorb = async (
  chunks: readonly { readonly raw: Uint8Array; readonly scheme: Scheme }[],
): Promise<BuiltXorb> => {
  const hashing = await loadXetHashing();
  const tree = hashing.tree();
  const records = chunks.map(({ raw, scheme }) => record(raw, scheme));
  const chunkHashes = chunks.map(({ raw }) => hashing.chunk(raw));
  const storedOffsets = [0];
  const rawOffsets = [0];
  chunks.forEach(({ raw }, chunk) => {
    tree.add(chunkHashes[chunk] ?? new Uint8Array(), raw.length);
    storedOffsets.push((storedOffsets.at(-1) ?? 0) + (records[chunk]?.length ?? 0));
    rawOffsets.push((rawOffsets.at(-1) ?? 0) + raw.length);
  });
  return {
    hash: xetHashText(tree.root()),
    bytes: Buffer.concat(records),
    raw: Buffer.concat(chunks.map(({ raw }) => raw)),
    chunkHashes,
    index: {
      count: chunks.length,
      hashes: new Uint8Array(Buffer.concat(chunkHashes)),
      storedOffsets: Uint32Array.from(storedOffsets),
      rawOffsets: Uint32Array.from(rawOffsets),
    },
  };
};

/** A file of chunk ranges of xorbs, with every hash right. */
export const buildFile = async (
  ranges: readonly { readonly xorb: BuiltXorb; readonly start: number; readonly end: number }[],
  sha256: Sha256 | undefined,
): Promise<BuiltFile> => {
  const hashing = await loadXetHashing();
  const tree = hashing.tree();
  const terms = ranges.map(({ xorb, start, end }): XetTerm => {
    const { rawOffsets } = xorb.index;
    for (let chunk = start; chunk < end; chunk += 1) {
      tree.add(
        xorb.chunkHashes[chunk] ?? new Uint8Array(),
        (rawOffsets[chunk + 1] ?? 0) - (rawOffsets[chunk] ?? 0),
      );
    }
    const unpackedBytes = (rawOffsets[end] ?? 0) - (rawOffsets[start] ?? 0);
    return { xorb: xorb.hash, chunkStart: start, chunkEnd: end, unpackedBytes };
  });
  const rangeHashes = ranges.map(({ xorb, start, end }) =>
    xetHashText(hashing.range(xorb.index.hashes.subarray(start * HASH_BYTES, end * HASH_BYTES))),
  );
  return { hash: xetHashText(hashing.file(tree.root())), terms, rangeHashes, sha256 };
};

export const SHARD_TAG = Buffer.from(
  '4846526570 6f4d65746144617461 00 5569 67456a7b81 5783a5bdd95ccdd14aa9'.replaceAll(' ', ''),
  'hex',
);
export const BOOKEND = Buffer.concat([Buffer.alloc(32, 0xff), Buffer.alloc(16)]);

const entry = (hash: Uint8Array, ...words: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(48);
  bytes.set(hash);
  words.forEach((word, position) => bytes.writeUInt32LE(word, 32 + 4 * position));
  return bytes;
};

export const shardHeader = (version: number, footerBytes: number): Buffer => {
  const bytes = Buffer.alloc(48);
  bytes.set(SHARD_TAG);
  bytes.writeBigUInt64LE(BigInt(version), 32);
  bytes.writeBigUInt64LE(BigInt(footerBytes), 40);
  return bytes;
};

export const fileBlock = (file: BuiltFile, flags?: number): Buffer => {
  const given = (file.rangeHashes.length > 0 ? 0x80000000 : 0) + (file.sha256 ? 0x40000000 : 0);
  return Buffer.concat([
    entry(xetHashBytes(file.hash), flags ?? given, file.terms.length),
    ...file.terms.map((term) =>
      entry(xetHashBytes(term.xorb), 0, term.unpackedBytes, term.chunkStart, term.chunkEnd),
    ),
    ...file.rangeHashes.map((hash) => entry(xetHashBytes(hash))),
    // The specification writes this field by the rule of hash texts, though it is an ordinary SHA-256.
    ...(file.sha256 ? [entry(xetHashBytes(file.sha256 as string as XetHash))] : []),
  ]);
};

export const xorbBlock = (xorb: BuiltXorb): Buffer =>
  Buffer.concat([
    entry(xetHashBytes(xorb.hash), 0, xorb.index.count, xorb.raw.length, xorb.bytes.length),
    ...xorb.chunkHashes.map((hash, chunk) =>
      entry(
        hash,
        xorb.index.rawOffsets[chunk] ?? 0,
        (xorb.index.rawOffsets[chunk + 1] ?? 0) - (xorb.index.rawOffsets[chunk] ?? 0),
      ),
    ),
  ]);

export const buildShard = (
  files: readonly BuiltFile[],
  xorbs: readonly BuiltXorb[],
  options: { readonly footer?: boolean } = {},
): Buffer => {
  const footer = Buffer.alloc(options.footer ? 200 : 0);
  if (options.footer) footer.writeBigUInt64LE(1n);
  return Buffer.concat([
    shardHeader(2, footer.length),
    ...files.map((file) => fileBlock(file)),
    BOOKEND,
    ...xorbs.map(xorbBlock),
    BOOKEND,
    footer,
  ]);
};

/** Bytes that compress a little, the same for the same seed. */
export const sample = (seed: number, length: number): Buffer => {
  const bytes = Buffer.alloc(length);
  let state = seed * 2654435761 + 1;
  for (let index = 0; index < length; index += 1) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    bytes[index] = index % 3 === 0 ? state >>> 24 : (index >>> 6) & 0xff;
  }
  return bytes;
};
