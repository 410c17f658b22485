import { createHash, randomBytes } from 'node:crypto';
import type { LargeObject } from '../db/questions/large-objects.ts';
import type { RepoScope } from '../db/questions/repo-scope.ts';
import type { XorbRange } from '../db/questions/xet.ts';
import type { Database } from '../db/stores.ts';
import { ARCHIVED } from '../domain/access.ts';
import { corruptObject, forbidden, HubError, invalidCredentials } from '../domain/errors.ts';
import { isXetHash, type NamespaceId, type Sha256, type XetHash } from '../domain/ids.ts';
import type { Repo } from '../domain/repo.ts';
import { largeObjectKey, xorbKey } from '../objects/keys.ts';
import type { ByteRange, ByteSource, ObjectStore } from '../objects/object-store.ts';
import type { Clock } from '../platform/clock.ts';
import { failPoint } from '../platform/fail-points.ts';
import { freeBytes } from '../platform/free-bytes.ts';
import { createSlots } from '../platform/slots.ts';
import { digestStream } from '../workers/digest.ts';
import type { WorkerPool } from '../workers/pool.ts';
import type { ChunkIndex } from '../xet/chunk-index.ts';
import { createChunkIndexes } from '../xet/chunk-indexes.ts';
import { joinRanges, toldChunks, writeDedupShard, type ToldXorb } from '../xet/dedup-shard.ts';
import { createXetFileReader } from '../xet/file-bytes.ts';
import { HASH_BYTES, loadXetHashing, xetHashBytes } from '../xet/hash.ts';
import {
  reconstruct,
  reconstructionV1,
  reconstructionV2,
  type ReconstructionV1,
  type ReconstructionV2,
  type XetFile,
  type XorbUrl,
} from '../xet/reconstruction.ts';
import { MAX_SHARD_BYTES } from '../xet/shard.ts';
import {
  dedupKeyOf,
  narrowSignedRange,
  signXetToken,
  signXorbQuery,
  verifyXetToken,
  verifyXorbQuery,
} from '../xet/tokens.ts';
import { verifyShard, type VerifiedFile } from '../xet/verify-shard.ts';
import { MAX_XORB_UPLOAD_BYTES } from '../xet/xorb.ts';
import type { Authorize, Granted } from './authorize.ts';
import { requireWritable } from './writable.ts';
import type { XorbKeeper } from './xorb-keeper.ts';

/** A file of a shard that can be kept. */
interface ProvedFile extends VerifiedFile {
  readonly sha256: Sha256;
}

export interface XetToken {
  readonly token: string;
  /** Seconds since the epoch. */
  readonly expiresAt: number;
}

/** Proof that a Xet token was checked: for which repository, and what it allows. */
export interface XetGrant {
  readonly repo: Repo;
  readonly scope: 'read' | 'write';
  /** Absent for an anonymous reader. */
  readonly user: NamespaceId | undefined;
}

export interface Xet {
  /** Part of every CAS URL; clients keep a cache of shards per store (contract 0, decision 8). */
  readonly storeId: string;
  readToken(granted: Granted<'read'>): XetToken;
  writeToken(granted: Granted<'write'>): XetToken;
  /** Check a token. Throws InvalidCredentials, or Forbidden when it allows too little. */
  authorize(token: string | undefined, scope: 'read' | 'write'): Promise<XetGrant>;
  /**
   * Prove and keep a xorb. `sizeBytes` is its length where the client said it. Answers whether it is new. The arrays of
   * `body` are given up, here and below: their memory may be freed.
   */
  putXorb(grant: XetGrant, hash: string, body: ByteSource, sizeBytes: number | undefined): Promise<boolean>;
  /** Prove a shard and keep its files. Answers whether any is new. */
  putShard(grant: XetGrant, body: ByteSource, sizeBytes: number | undefined): Promise<boolean>;
  /**
   * How to rebuild a file that the repository holds, in the first or the second form of the protocol, with URLs
   * below `origin`. Throws NotFound and BadRange.
   */
  reconstruct(
    grant: XetGrant,
    hash: string,
    rangeOf: (sizeBytes: number) => ByteRange | undefined,
    answer: { readonly form: 'v1' | 'v2'; readonly origin: string },
  ): Promise<ReconstructionV1 | ReconstructionV2>;
  fileSize(grant: XetGrant, hash: string): Promise<number>;
  /**
   * A shard about what is held around a chunk, for clients to deduplicate against: files with the chunk that the user
   * may read anywhere on the hub, and nothing of others. Throws NotFound when there is none.
   */
  chunksAround(grant: XetGrant, hash: string): Promise<Buffer>;
  /** The bytes of a signed range. Throws Forbidden. */
  openRange(
    xorb: string,
    query: { readonly range?: unknown; readonly expires?: unknown; readonly signature?: unknown },
    requested: ByteRange | undefined,
  ): Promise<{ readonly bytes: ByteSource; readonly range: ByteRange }>;
  /** The bytes of a file by its terms, whether it is known or not; each array until the one after the next is asked for. */
  readFile(file: XetFile): ByteSource;
  /** Chunk index of a xorb that is held. */
  chunkIndex(xorb: XetHash): Promise<ChunkIndex>;
  /** The bytes of a large object in whichever form it is held; each array until the one after the next is asked for. */
  openLargeObject(object: LargeObject, range: ByteRange | undefined): Promise<ByteSource>;
}

const TOKEN_TTL_SECONDS = 3600;
const RANGE_TTL_SECONDS = 3600;
/** Uploads that are held in memory, each up to 64 MiB, until they are proved and stored. */
const UPLOADS_AT_ONCE = 6;
/** What fits into this is hashed here; a thread would take longer to be asked. */
const HASH_HERE_BYTES = 256 * 1024;
const FIRST_BUFFER_BYTES = 1024 * 1024;
const READ_MEMORY_BYTES = 64 * 1024 * 1024;
const CACHED_CHUNKS = 500_000;
/** How much is read for one question about a chunk, and how much of it is told: 65,536 chunks are 3 MiB of shard. */
const AROUND = { files: 8, terms: 20_000 };
const MAX_TOLD_CHUNKS = 65_536;
const PUBLIC: RepoScope = { kind: 'public' };

export function createXet(parts: {
  readonly db: Database;
  readonly objects: ObjectStore;
  readonly clock: Clock;
  readonly workers: WorkerPool;
  readonly authorize: Pick<Authorize, 'scopeOf'>;
  readonly xorbs: XorbKeeper;
  readonly key: Buffer;
  readonly storeId: string;
  readonly maxFileBytes: number;
  /** How long a proved file may wait for its commit. */
  readonly pendTtlSeconds: number;
}): Xet {
  const { db, objects, clock, workers, authorize, xorbs, key } = parts;
  const uploads = createSlots(UPLOADS_AT_ONCE);
  const chunkIndexes = createChunkIndexes({ objects, cacheChunks: CACHED_CHUNKS });
  const reader = createXetFileReader({
    getChunkIndex: chunkIndexes.get,
    readXorb: (xorb, range, into) => objects.read(xorbKey(xorb), range, into),
    inflateElsewhere: async (records, rawBytes) => {
      const owned = new Uint8Array(records);
      return workers.run('inflateBlock', { records: owned, rawBytes }, [owned.buffer]);
    },
    memoryBytes: READ_MEMORY_BYTES,
  });
  const nowSeconds = (): number => Math.floor(clock.now() / 1000);

  function issue({ repo, actor }: Granted<'read'>, scope: 'read' | 'write'): XetToken {
    const expiresAt = nowSeconds() + TOKEN_TTL_SECONDS;
    const user = actor.kind === 'user' ? actor.user.id : undefined;
    return { expiresAt, token: signXetToken(key, { repository: repo.publicId, user, scope, expiresAt }) };
  }

  const urlBelow =
    (origin: string): XorbUrl =>
    (xorb, first, last) => {
      const bytes = { start: first, end: last + 1 };
      const query = signXorbQuery(key, { xorb, bytes, expiresAt: nowSeconds() + RANGE_TTL_SECONDS });
      return `${origin}/xet/${parts.storeId}/xorbs/${xorb}?${query}`;
    };

  /** The SHA-256 of a file, by its bytes; the one it declares must be that. */
  async function proveSha256(file: VerifiedFile): Promise<ProvedFile> {
    const { declaredSha256: declared } = file;
    if (declared === undefined) return { ...file, sha256: await sha256Of(file) };
    const known = await db.read((stores) => stores.largeObjects.findAny(declared));
    // The same file hash over the same bytes was proved to have this SHA-256 before.
    if (known?.xetHash !== file.hash && (await sha256Of(file)) !== declared) {
      throw new HubError(
        'InvalidObject',
        `The file ${file.hash} of the shard does not have the SHA-256 it declares.`,
      );
    }
    return { ...file, sha256: declared };
  }

  async function sha256Of(file: VerifiedFile): Promise<Sha256> {
    if (file.sizeBytes <= HASH_HERE_BYTES) {
      const hash = createHash('sha256');
      for await (const bytes of reader.read(file)) hash.update(bytes);
      return hash.digest('hex') as Sha256;
    }
    return (await digestStream(workers, reader.read(file))).sha256;
  }

  async function heldFile(grant: XetGrant, hash: string): Promise<XetFile> {
    if (!isXetHash(hash)) throw notHeld();
    const file = await db.read(async (stores) => {
      const object = await stores.largeObjects.findByXetHash(grant.repo.id, hash, clock.now());
      return object && stores.xet.findFile(hash);
    });
    if (!file) throw notHeld();
    return file;
  }

  /** The xorbs of the ranges with what may be told of each; none unless the chunk asked for is in one of the ranges. */
  async function toldXorbs(ranges: readonly XorbRange[], asked: Uint8Array): Promise<readonly ToldXorb[]> {
    const byXorb = new Map<XetHash, { start: number; end: number }[]>();
    for (const { xorb, chunkStart, chunkEnd } of ranges) {
      const known = byXorb.get(xorb);
      if (known) known.push({ start: chunkStart, end: chunkEnd });
      else byXorb.set(xorb, [{ start: chunkStart, end: chunkEnd }]);
    }
    const told: ToldXorb[] = [];
    let isAskedIn = false;
    let chunks = 0;
    for (const [hash, own] of byXorb) {
      const joined = joinRanges(own);
      chunks += toldChunks(joined);
      if (chunks > MAX_TOLD_CHUNKS) break;
      const index = await chunkIndexes.get(hash);
      isAskedIn ||= joined.some(({ start, end }) => hasChunk(index, start, end, asked));
      told.push({ hash, index, ranges: joined });
    }
    return isAskedIn ? told : [];
  }

  async function keepFiles(grant: XetGrant, files: readonly ProvedFile[]): Promise<boolean> {
    return db.write(async (stores) => {
      await requireWritable(stores, grant.repo.id);
      const now = clock.now();
      let isAnyNew = false;
      for (const file of files) {
        isAnyNew ||= (await stores.xet.findFile(file.hash)) === undefined;
        await stores.xet.addFile(file, now);
        const [first] = file.terms;
        if (first && file.firstChunk) {
          await stores.xet.addSamples([{ xorb: first.xorb, hash: file.firstChunk }]);
        }
        const name = { sha256: file.sha256, sizeBytes: file.sizeBytes, xetHash: file.hash };
        const object = await stores.largeObjects.addXetForm(name, now);
        await stores.largeObjects.pend(grant.repo.id, [object.id], now + parts.pendTtlSeconds * 1000);
      }
      await failPoint('shard-keeping');
      return isAnyNew;
    });
  }

  return {
    storeId: parts.storeId,

    readToken: (granted) => issue(granted, 'read'),
    writeToken: (granted) => issue(granted, 'write'),

    async authorize(token, scope) {
      const access = token === undefined ? undefined : verifyXetToken(key, token, nowSeconds());
      const repo = access && (await db.read((stores) => stores.repos.findByPublicId(access.repository)));
      if (!access || !repo) throw invalidCredentials();
      // The repository was made private after anybody could have this token.
      if (access.user === undefined && repo.visibility === 'private') throw invalidCredentials();
      if (scope === 'write' && access.scope !== 'write') {
        throw new HubError('Forbidden', 'This Xet token can only read.');
      }
      if (scope === 'write' && repo.archivedAt !== undefined) throw forbidden(ARCHIVED);
      return { repo, scope: access.scope, user: access.user };
    },

    putXorb: (_grant, hash, body, sizeBytes) =>
      uploads.run(async () => {
        if (!isXetHash(hash)) throw new HubError('InvalidObject', 'The name of the xorb is not a Xet hash.');
        const bytes = await collect(body, sizeBytes, MAX_XORB_UPLOAD_BYTES, 'xorb');
        return xorbs.keep(hash, bytes);
      }),

    putShard: (grant, body, sizeBytes) =>
      uploads.run(async () => {
        const files = await verifyShard({
          shard: await collect(body, sizeBytes, MAX_SHARD_BYTES, 'shard'),
          findChunkIndex: async (xorb) => {
            const [row] = await db.read((stores) => stores.xet.findXorbs([xorb]));
            return row && chunkIndexes.find(xorb);
          },
          maxFileBytes: parts.maxFileBytes,
          maxTotalBytes: parts.maxFileBytes,
          mayLackSha256: grant.repo.kind === 'bucket',
        });
        const proved: ProvedFile[] = [];
        for (const file of files) proved.push(await proveSha256(file));
        await failPoint('shard-proved');
        const isAnyNew = await keepFiles(grant, proved);
        await failPoint('shard-kept');
        return isAnyNew;
      }),

    async reconstruct(grant, hash, rangeOf, { form, origin }) {
      const file = await heldFile(grant, hash);
      const reconstruction = await reconstruct(file, rangeOf(file.sizeBytes), chunkIndexes.get);
      return (form === 'v1' ? reconstructionV1 : reconstructionV2)(reconstruction, urlBelow(origin));
    },

    fileSize: async (grant, hash) => (await heldFile(grant, hash)).sizeBytes,

    async chunksAround({ user }, hash) {
      if (!isXetHash(hash)) throw noSuchChunk();
      const scope = user === undefined ? PUBLIC : await authorize.scopeOf(user);
      if (!scope) throw invalidCredentials();
      const asked = xetHashBytes(hash);
      const ranges = await db.read((stores) => stores.xet.rangesAround(scope, asked, AROUND));
      const told = await toldXorbs(ranges, asked);
      if (told.length === 0) throw noSuchChunk();
      const hashing = await loadXetHashing();
      const dedupKey = dedupKeyOf(key, user, nowSeconds());
      return writeDedupShard({
        xorbs: told,
        key: dedupKey.key,
        keyed: await hashing.keyed(dedupKey.key),
        randomHash: () => randomBytes(HASH_BYTES),
        createdAt: nowSeconds(),
        expiresAt: dedupKey.expiresAt,
      });
    },

    async openRange(xorb, query, requested) {
      const signed = isXetHash(xorb) ? verifyXorbQuery(key, xorb, query, nowSeconds()) : undefined;
      const range = signed && narrowSignedRange(signed, requested);
      if (!range || !isXetHash(xorb)) throw new HubError('Forbidden', 'This link does not give these bytes.');
      const body = await objects.get(xorbKey(xorb), range);
      if (!body) throw corruptObject(`xorb ${xorb}`);
      return { bytes: body.bytes, range };
    },

    readFile: (file) => reader.read(file),
    chunkIndex: chunkIndexes.get,

    async openLargeObject(object, range) {
      const plain = object.hasPlainForm
        ? await objects.get(largeObjectKey(object.sha256), range, { reuse: true })
        : undefined;
      if (plain) return plain.bytes;
      // The plain form may have been given up for the Xet form since the object was looked up.
      const xetHash =
        object.xetHash ?? (await db.read((stores) => stores.largeObjects.findAny(object.sha256)))?.xetHash;
      const file = xetHash && (await db.read((stores) => stores.xet.findFile(xetHash)));
      if (!file) throw corruptObject(`large object ${object.sha256}`);
      return reader.read(file, range);
    },
  };
}

const noSuchChunk = (): HubError => new HubError('NotFound', 'No chunk of this name is known here.');

const hasChunk = (index: ChunkIndex, start: number, end: number, hash: Uint8Array): boolean => {
  for (let chunk = start; chunk < end; chunk += 1) {
    if (Buffer.compare(index.hashes.subarray(chunk * HASH_BYTES, (chunk + 1) * HASH_BYTES), hash) === 0) {
      return true;
    }
  }
  return false;
};

const notHeld = (): HubError => new HubError('NotFound', 'This repository holds no such file.');

/** Read an upload whole into one buffer, up to the limit of its format. Frees the arrays of `body`. */
async function collect(
  body: ByteSource,
  announcedBytes: number | undefined,
  maxBytes: number,
  what: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = (): HubError => new HubError('BodyTooLarge', `A ${what} may have ${maxBytes} bytes.`);
  if (announcedBytes !== undefined && announcedBytes > maxBytes) throw tooLarge();
  let whole = new Uint8Array(announcedBytes ?? FIRST_BUFFER_BYTES);
  let size = 0;
  for await (const chunk of body) {
    if (size + chunk.byteLength > maxBytes) throw tooLarge();
    if (size + chunk.byteLength > whole.byteLength) {
      const larger = new Uint8Array(Math.max(whole.byteLength * 2, size + chunk.byteLength));
      larger.set(whole.subarray(0, size));
      whole = larger;
    }
    whole.set(chunk, size);
    size += chunk.byteLength;
    freeBytes(chunk);
  }
  return size === whole.byteLength ? whole : whole.slice(0, size);
}
