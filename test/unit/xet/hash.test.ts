import * as client from '@huggingface/xetchunk-wasm';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { XetHash } from '../../../server/domain/ids.ts';
import type { XetHashing } from '../../../server/xet/hash.ts';
import { EMPTY_HASH, loadXetHashing, xetHashBytes, xetHashText } from '../../../server/xet/hash.ts';
import { NODES, TREES } from './tree-vectors.ts';

let hashing: XetHashing;
beforeAll(async () => {
  hashing = await loadXetHashing();
});

const hash32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
const chunkList = fc.array(fc.record({ hash: hash32, length: fc.integer({ min: 1, max: 131072 }) }), {
  minLength: 1,
  maxLength: 300,
});

const rootOf = (chunks: readonly { readonly hash: Uint8Array; readonly length: number }[]): Uint8Array => {
  const tree = hashing.tree();
  for (const chunk of chunks) tree.add(chunk.hash, chunk.length);
  return tree.root();
};

describe('text of a hash', () => {
  it('prints each group of eight bytes as a little-endian number', () => {
    const bytes = Uint8Array.from({ length: 32 }, (_, index) => index);
    expect(xetHashText(bytes)).toBe('07060504030201000f0e0d0c0b0a090817161514131211101f1e1d1c1b1a1918');
  });

  it('comes back from text as the same bytes, wherever they lie', () => {
    fc.assert(
      fc.property(hash32, fc.nat(9), (bytes, offset) => {
        const padded = Buffer.concat([Buffer.alloc(offset), bytes]);
        const text = xetHashText(padded, offset);
        expect(Buffer.compare(xetHashBytes(text), bytes)).toBe(0);
        expect(text).toBe(client.hashToHex(bytes));
      }),
    );
  });
});

describe('chunk hash', () => {
  it('is the one the JavaScript client computes', () => {
    const data = Uint8Array.from({ length: 300_000 }, (_, index) => (index * index) >>> 7);
    let offset = 0;
    for (const chunk of client.getChunks(data)) {
      expect(Buffer.compare(hashing.chunk(data.subarray(offset, offset + chunk.length)), chunk.hash)).toBe(0);
      offset += chunk.length;
    }
    expect(offset).toBe(data.length);
  });
});

describe('tree hash', () => {
  it.each(TREES)('agrees with the reference for $nodes', ({ nodes, xorb, file }) => {
    const chunks = nodes.map((node) => ({ hash: xetHashBytes(NODES[node] as XetHash), length: node * 100 }));
    const root = rootOf(chunks);
    expect(xetHashText(root)).toBe(xorb);
    if (nodes.length > 0) expect(xetHashText(hashing.file(root))).toBe(file);
    else expect(file).toBe(EMPTY_HASH);
  });

  it('agrees with the JavaScript client for any chunks', () => {
    fc.assert(
      fc.property(chunkList, (chunks) => {
        const root = rootOf(chunks);
        expect(Buffer.compare(root, client.xorbHash(chunks))).toBe(0);
        expect(Buffer.compare(hashing.file(root), client.fileHash(chunks))).toBe(0);
      }),
    );
  });

  it('agrees with the JavaScript client for a tree of several thousand chunks', () => {
    const chunks = Array.from({ length: 5000 }, (_, index) => ({
      hash: hashing.chunk(Buffer.from(String(index))),
      length: index + 1,
    }));
    expect(Buffer.compare(rootOf(chunks), client.xorbHash(chunks))).toBe(0);
  });

  it('copies what is added, so that callers may reuse their array', () => {
    const tree = hashing.tree();
    const reused = new Uint8Array(32).fill(1);
    tree.add(reused, 10);
    reused.fill(2);
    tree.add(reused, 20);
    const root = tree.root();
    expect(
      Buffer.compare(
        root,
        rootOf([
          { hash: new Uint8Array(32).fill(1), length: 10 },
          { hash: new Uint8Array(32).fill(2), length: 20 },
        ]),
      ),
    ).toBe(0);
  });
});

describe('verification hash', () => {
  it('agrees with the JavaScript client', () => {
    fc.assert(
      fc.property(chunkList, (chunks) => {
        const hashes = chunks.map((chunk) => chunk.hash);
        expect(Buffer.compare(hashing.range(Buffer.concat(hashes)), client.verificationHash(hashes))).toBe(0);
      }),
    );
  });
});
