import type { XetHash } from '../domain/ids.ts';

/*
 * Hashes of the Xet protocol: BLAKE3 with a fixed key per purpose, and one tree rule for xorbs and files.
 * Source: "Hashing" and "Chunking" of the Xet specification (huggingface/hub-docs, docs/xet).
 */

export const HASH_BYTES = 32;

const DATA_KEY = Uint8Array.of(
  102,
  151,
  245,
  119,
  91,
  149,
  80,
  222,
  49,
  53,
  203,
  172,
  165,
  151,
  24,
  28,
  157,
  228,
  33,
  16,
  155,
  235,
  43,
  88,
  180,
  208,
  176,
  75,
  147,
  173,
  242,
  41,
);
const INTERNAL_NODE_KEY = Uint8Array.of(
  1,
  126,
  197,
  199,
  165,
  71,
  41,
  150,
  253,
  148,
  102,
  102,
  180,
  138,
  2,
  230,
  93,
  221,
  83,
  111,
  55,
  199,
  109,
  210,
  248,
  99,
  82,
  230,
  74,
  83,
  113,
  63,
);
const VERIFICATION_KEY = Uint8Array.of(
  127,
  24,
  87,
  214,
  206,
  86,
  237,
  102,
  18,
  127,
  249,
  19,
  231,
  165,
  195,
  243,
  164,
  205,
  38,
  213,
  181,
  219,
  73,
  230,
  65,
  36,
  152,
  127,
  40,
  251,
  148,
  195,
);
const FILE_KEY = new Uint8Array(HASH_BYTES);

/** Hash of the empty file, and of a xorb without chunks. */
export const EMPTY_HASH = '0'.repeat(64) as XetHash;

/**
 * Raw hash to text: each group of eight bytes is one little-endian u64 printed as 16 hex digits. The shard's
 * SHA-256 field is stored through the inverse, so this also gives its ordinary hex form.
 */
export const xetHashText = (bytes: Uint8Array, offset = 0): XetHash => {
  const copy = Buffer.allocUnsafe(HASH_BYTES);
  copy.set(bytes.subarray(offset, offset + HASH_BYTES));
  return copy.swap64().toString('hex') as XetHash;
};

/** Text to raw hash, the inverse of `xetHashText`. */
export const xetHashBytes = (text: XetHash): Buffer => Buffer.from(text, 'hex').swap64();

/** A child of a tree node: raw hash and the number of raw bytes below it. */
interface TreeNode {
  readonly hash: Uint8Array;
  readonly sizeBytes: number;
}

/** Folds chunks, given in order, into the root of their tree. Memory grows with the logarithm of their number. */
export interface HashTree {
  /** `hash` is copied. */
  add(hash: Uint8Array, sizeBytes: number): void;
  /** Raw root; all zeros without chunks. Nothing may be added afterwards. */
  root(): Uint8Array;
}

export interface XetHashing {
  /** Raw hash of a chunk's raw bytes. */
  chunk(bytes: Uint8Array): Uint8Array;
  /** Tree over chunks; its root is the hash of a xorb made of them. */
  tree(): HashTree;
  /** Raw hash of the file whose chunks have this tree root. */
  file(root: Uint8Array): Uint8Array;
  /** Raw verification hash of a term: over the raw hashes of its chunks, back to back. */
  range(chunkHashes: Uint8Array): Uint8Array;
  /** Keyed form of raw chunk hashes, by a key of 32 bytes: what a server tells of chunks the asker may not have. */
  keyed(key: Uint8Array): Promise<(chunkHash: Uint8Array) => Uint8Array>;
}

const MIN_CHILDREN = 3;
const MAX_CHILDREN = 9;
const MEAN_CHILDREN = 4;
/** 64 hex digits, ` : `, at most 16 decimal digits of a safe integer, a newline. */
const NODE_LINE_BYTES = 64 + 3 + 16 + 1;

/** A node may close after this child. The remainder by 4 of the hash's last u64 is that of its first byte. */
const isNaturalCut = (hash: Uint8Array): boolean => (hash[24] ?? 0) % MEAN_CHILDREN === 0;

const createTree = (hashNode: (children: readonly TreeNode[]) => Uint8Array): HashTree => {
  /** Children not yet closed into a parent, per level, and whether the level already made a parent. */
  const levels: { children: TreeNode[]; hasParent: boolean }[] = [];

  const close = (level: number, children: TreeNode[]): void => {
    const sizeBytes = children.reduce((total, child) => total + child.sizeBytes, 0);
    push(level + 1, { hash: hashNode(children), sizeBytes });
  };

  const push = (level: number, node: TreeNode): void => {
    const current = (levels[level] ??= { children: [], hasParent: false });
    current.children.push(node);
    const count = current.children.length;
    if (count < MIN_CHILDREN || (count < MAX_CHILDREN && !isNaturalCut(node.hash))) return;
    const children = current.children;
    current.children = [];
    current.hasParent = true;
    close(level, children);
  };

  return {
    add: (hash, sizeBytes) => push(0, { hash: Uint8Array.from(hash), sizeBytes }),
    root: () => {
      for (let level = 0; level < levels.length; level += 1) {
        const current = levels[level];
        if (!current) break;
        const [only] = current.children;
        if (!current.hasParent && current.children.length === 1 && only) return only.hash;
        // What is left at the end of a level becomes a node of its own, even a single child.
        if (current.children.length > 0) close(level, current.children);
      }
      return new Uint8Array(HASH_BYTES);
    },
  };
};

const load = async (): Promise<XetHashing> => {
  const { createBLAKE3 } = await import('hash-wasm');
  const keyed = async (key: Uint8Array): Promise<(bytes: Uint8Array) => Uint8Array> => {
    const hasher = await createBLAKE3(HASH_BYTES * 8, key);
    return (bytes) => hasher.init().update(bytes).digest('binary');
  };
  const [chunk, node, file, range] = await Promise.all(
    [DATA_KEY, INTERNAL_NODE_KEY, FILE_KEY, VERIFICATION_KEY].map(keyed),
  );
  if (!chunk || !node || !file || !range) throw new Error('BLAKE3 did not load');

  const lines = Buffer.allocUnsafe(MAX_CHILDREN * NODE_LINE_BYTES);
  const hashNode = (children: readonly TreeNode[]): Uint8Array => {
    const text = children.map((child) => `${xetHashText(child.hash)} : ${child.sizeBytes}\n`).join('');
    return node(lines.subarray(0, lines.write(text, 'latin1')));
  };
  return { chunk, file, range, keyed, tree: () => createTree(hashNode) };
};

let loading: Promise<XetHashing> | undefined;

/** The hashers, loaded on first use and then shared: their calls are synchronous and never interleave. */
export const loadXetHashing = (): Promise<XetHashing> => (loading ??= load());
