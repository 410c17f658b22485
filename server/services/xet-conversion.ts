import type { LargeObject } from '../db/questions/large-objects.ts';
import type { Database } from '../db/stores.ts';
import type { XetHash } from '../domain/ids.ts';
import { largeObjectKey } from '../objects/keys.ts';
import type { ByteSource, ObjectStore } from '../objects/object-store.ts';
import type { Clock } from '../platform/clock.ts';
import { failPoint } from '../platform/fail-points.ts';
import { createGiveWay } from '../platform/give-way.ts';
import type { Log } from '../platform/log.ts';
import type { RightOfWay } from '../platform/right-of-way.ts';
import { createTimeSlice } from '../platform/time-slice.ts';
import { digestStream } from '../workers/digest.ts';
import { ownBuffer } from '../workers/handover.ts';
import type { WorkerPool } from '../workers/pool.ts';
import { writeRawChunkHeader, CHUNK_HEADER_BYTES } from '../xet/chunk-record.ts';
import { HASH_BYTES } from '../xet/hash.ts';
import { lowestHashes } from '../xet/samples.ts';
import { chunkName, planXorbs, type FileChunks, type HeldChunk, type XorbPlan } from '../xet/xorb-plan.ts';
import type { Xet } from './xet.ts';
import type { XorbKeeper } from './xorb-keeper.ts';

export interface XetConversion {
  /** Begin with what nobody looked at yet. Does nothing where it is switched off. */
  start(): void;
  /** There may be something new to look at. */
  wake(): void;
  /** Look at everything that nobody looked at yet. */
  run(): Promise<void>;
  /** Look at nothing more, and wait for what is under way. */
  stop(): Promise<void>;
}

/** Smaller objects save too little for the work. */
const MIN_BYTES = 256 * 1024;
/** Larger ones have more chunks than are to be held at once. */
const MAX_BYTES = 64 * 1024 ** 3;
/** What is saved must be at least this part of the object. */
const MIN_SAVED_PART = 1 / 20;
/** What a chunk costs beside its bytes: its header, and its entry in the chunk index. */
const CHUNK_OVERHEAD_BYTES = 48;
/** By how many chunks an object in plain form is found, and how many of two must be the same to convert both. */
const SAMPLES = 32;
const MIN_COMMON_SAMPLES = 8;
/**
 * Chunks asked for in one transaction. A file of a gigabyte has 16,000 of them; others read meanwhile, and a read
 * transaction that lasts keeps the database from resetting its log.
 */
const PAGE = 500;
/** Xorbs that are looked into for chunks to share. */
const MAX_XORBS = 256;

/**
 * Large objects that came by LFS get a Xet form where that saves room: where they have chunks of what is held, or of
 * another object that came by LFS, which is then converted as well. The plain form is given up in the transaction that
 * makes the Xet form known, after the file was read back from it whole and had its SHA-256; the sweep removes its bytes
 * once they are older than any request. A kill at any moment leaves the plain form, and xorbs that the next try finds.
 */
export function createXetConversion(parts: {
  readonly db: Database;
  readonly objects: ObjectStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly workers: WorkerPool;
  readonly xet: Pick<Xet, 'readFile' | 'chunkIndex'>;
  readonly xorbs: XorbKeeper;
  readonly isOn: boolean;
  readonly rightOfWay: Pick<RightOfWay, 'giveWay'>;
}): XetConversion {
  const { db, objects, clock, log, workers, xet, xorbs, rightOfWay } = parts;
  let working: Promise<void> | undefined;
  let isStarted = false;
  let isStopped = false;
  const giveWay = createGiveWay(rightOfWay, clock);

  const openPlain = async (object: LargeObject): Promise<ByteSource | undefined> =>
    (await objects.get(largeObjectKey(object.sha256)))?.bytes;

  /** The chunks of the plain form, cut and hashed in a worker; undefined when it is not there, or at a stop. */
  async function chunksOf(object: LargeObject): Promise<FileChunks | undefined> {
    const bytes = await openPlain(object);
    if (!bytes) return undefined;
    const hashes: Uint8Array[] = [];
    const lengths: number[] = [];
    const session = await workers.open('chunks');
    try {
      for await (const piece of bytes) {
        if (isStopped) return undefined;
        await giveWay();
        const owned = ownBuffer(piece);
        const list = await session.push(owned, [owned.buffer]);
        hashes.push(list.hashes);
        for (const length of list.lengths) lengths.push(length);
      }
      const last = await session.close();
      hashes.push(last.hashes);
      lengths.push(...last.lengths);
    } finally {
      session.abort();
    }
    return { hashes: Buffer.concat(hashes), lengths: Uint32Array.from(lengths) };
  }

  /** Chunks of the file that lie in xorbs which one of its chunks leads to. */
  async function heldChunks(names: ReadonlyMap<string, Uint8Array>): Promise<ReadonlyMap<string, HeldChunk>> {
    const leads = new Set<XetHash>();
    for (const page of pagesOf([...names.values()])) {
      const missing = MAX_XORBS - leads.size;
      if (missing <= 0) break;
      for (const xorb of await db.read((stores) => stores.xet.findBySamples(page, missing))) leads.add(xorb);
    }
    const held = new Map<string, HeldChunk>();
    const slice = createTimeSlice();
    for (const xorb of leads) {
      const index = await xet.chunkIndex(xorb);
      for (let number = 0; number < index.count; number += 1) {
        const name = chunkName(index.hashes, number);
        if (names.has(name) && !held.has(name)) held.set(name, { xorb, number });
      }
      if (slice.isOver()) await slice.next();
    }
    return held;
  }

  async function planOf(chunks: FileChunks): Promise<{ readonly plan: XorbPlan; readonly pays: boolean }> {
    const plan = await planXorbs(chunks, await heldChunks(await namesOf(chunks)));
    const sizeBytes = chunks.lengths.reduce((total, length) => total + length, 0);
    const savedBytes = sizeBytes - plan.newBytes - chunks.lengths.length * CHUNK_OVERHEAD_BYTES;
    return { plan, pays: savedBytes >= sizeBytes * MIN_SAVED_PART };
  }

  /** Put the new chunks into xorbs, as the plan has them. Answers false when the bytes are not those that were cut. */
  async function writeXorbs(object: LargeObject, chunks: FileChunks, plan: XorbPlan): Promise<boolean> {
    const bytes = await openPlain(object);
    if (!bytes) return false;
    let next = 0;
    let xorb: Uint8Array<ArrayBuffer> | undefined;
    let filled = 0;
    let count = 0;
    for await (const { number, raw } of cutAgain(bytes, chunks.lengths, plan.isNew)) {
      if (isStopped) return false;
      await giveWay();
      const planned = plan.xorbs[next];
      if (!planned) return false;
      xorb ??= new Uint8Array(planned.sizeBytes);
      writeRawChunkHeader(xorb, filled, raw.length);
      xorb.set(raw, filled + CHUNK_HEADER_BYTES);
      filled += CHUNK_HEADER_BYTES + (chunks.lengths[number] ?? 0);
      count += 1;
      if (count < planned.chunkCount) continue;
      await xorbs.keep(planned.hash, xorb);
      [xorb, filled, count, next] = [undefined, 0, 0, next + 1];
    }
    return next === plan.xorbs.length;
  }

  /** Write what is new, prove the whole, and make it known. Answers whether it went well. */
  async function convert(object: LargeObject, chunks: FileChunks, plan: XorbPlan): Promise<boolean> {
    await failPoint('conversion-planned');
    if (!(await writeXorbs(object, chunks, plan))) return false;
    await failPoint('conversion-stored');
    const file = { hash: plan.fileHash, sizeBytes: object.sizeBytes, terms: plan.terms };
    const readBack = await digestStream(workers, givingWay(xet.readFile(file), giveWay));
    if (readBack.sha256 !== object.sha256 || readBack.sizeBytes !== object.sizeBytes) {
      log.error('The Xet form of a large object does not give its bytes back.', { sha256: object.sha256 });
      return false;
    }
    await db.write(async (stores) => {
      const now = clock.now();
      await stores.xet.addFile(file, now);
      const [first] = plan.terms;
      const hash = chunks.hashes.subarray(0, HASH_BYTES);
      if (first) await stores.xet.addSamples([{ xorb: first.xorb, hash }]);
      const { id, xetHash } = await stores.largeObjects.addXetForm({ ...object, xetHash: file.hash }, now);
      // A client may have brought another Xet form meanwhile; that one is proved as well.
      if (xetHash !== undefined) await stores.largeObjects.dropPlainForm(id);
      await failPoint('conversion-keeping');
    });
    await failPoint('conversion-kept');
    return true;
  }

  /**
   * Convert another object in plain form that has much of this one: so that this one pays, or for its own sake when its
   * chunks are held already, as they are after a kill between the two. Answers whether it did.
   */
  async function convertPartner(chunks: FileChunks, mustPay: boolean): Promise<boolean> {
    const alike = await mostAlike(chunks);
    if (!alike) return false;
    const [found, samples] = alike;
    if (samples < Math.min(MIN_COMMON_SAMPLES, chunks.lengths.length / 2)) return false;
    const partner = await chunksOf(found);
    if (!partner) return false;
    const { plan, pays } = await planOf(partner);
    return (pays || !mustPay) && convert(found, partner, plan);
  }

  /** The object in plain form that is found by most chunks of another, and by how many. */
  async function mostAlike(chunks: FileChunks): Promise<readonly [LargeObject, number] | undefined> {
    const counts = new Map<number, readonly [LargeObject, number]>();
    for (const page of pagesOf(hashesOf(chunks))) {
      const found = await db.read((stores) => stores.largeObjects.findBySamples(page));
      for (const { object, samples } of found)
        counts.set(object.id, [object, samples + (counts.get(object.id)?.[1] ?? 0)]);
    }
    return [...counts.values()].toSorted((one, other) => other[1] - one[1])[0];
  }

  async function examine(object: LargeObject): Promise<void> {
    const chunks = object.sizeBytes <= MAX_BYTES ? await chunksOf(object) : undefined;
    if (isStopped) return;
    let isConverted = false;
    if (chunks) {
      let { plan, pays } = await planOf(chunks);
      if (await convertPartner(chunks, pays)) ({ plan, pays } = await planOf(chunks));
      isConverted = pays && (await convert(object, chunks, plan));
    }
    if (isStopped && !isConverted) return;
    const samples = chunks && !isConverted ? lowestHashes(chunks.hashes, SAMPLES) : [];
    await db.write((stores) => stores.largeObjects.markExamined(object.id, samples, clock.now()));
  }

  async function work(): Promise<void> {
    while (!isStopped) {
      const object = await db.read((stores) => stores.largeObjects.nextToExamine(MIN_BYTES));
      if (!object) return;
      await examine(object);
    }
  }

  const run = (): Promise<void> => (working ??= work().finally(() => (working = undefined)));

  function wake(): void {
    if (!isStarted || isStopped) return;
    run().catch((error: unknown) => {
      // The object stays unexamined and is tried again at the next commit.
      if (!isStopped) log.error('A large object could not be looked at.', { err: error });
    });
  }

  return {
    start() {
      isStarted = parts.isOn;
      wake();
    },
    wake,
    run,
    async stop() {
      isStopped = true;
      await working?.catch(() => undefined);
    },
  };
}

async function* givingWay(bytes: ByteSource, giveWay: () => Promise<void>): ByteSource {
  for await (const piece of bytes) {
    await giveWay();
    yield piece;
  }
}

function* pagesOf(hashes: readonly Uint8Array[]): Generator<readonly Uint8Array[]> {
  for (let start = 0; start < hashes.length; start += PAGE) yield hashes.slice(start, start + PAGE);
}

const hashesOf = ({ hashes, lengths }: FileChunks): readonly Uint8Array[] =>
  Array.from(lengths, (_, chunk) => hashes.subarray(chunk * HASH_BYTES, (chunk + 1) * HASH_BYTES));

/** The distinct chunks of a file by name. */
async function namesOf(chunks: FileChunks): Promise<ReadonlyMap<string, Uint8Array>> {
  const names = new Map<string, Uint8Array>();
  const slice = createTimeSlice();
  for (const [chunk, hash] of hashesOf(chunks).entries()) {
    names.set(chunkName(chunks.hashes, chunk), hash);
    if (chunk % 4096 === 0 && slice.isOver()) await slice.next();
  }
  return names;
}

/** The bytes of those chunks that are wanted, cut at known lengths. Each array is good until the next one is asked for. */
async function* cutAgain(
  bytes: ByteSource,
  lengths: Uint32Array,
  isWanted: Uint8Array,
): AsyncGenerator<{ readonly number: number; readonly raw: Uint8Array }> {
  let number = 0;
  let held: Uint8Array[] = [];
  let missing = lengths[0] ?? 0;
  for await (const piece of bytes) {
    let rest = piece;
    while (rest.length > 0 && number < lengths.length) {
      const part = rest.subarray(0, missing);
      if (isWanted[number] === 1) held.push(missing > part.length ? Uint8Array.from(part) : part);
      missing -= part.length;
      rest = rest.subarray(part.length);
      if (missing > 0) break;
      if (isWanted[number] === 1)
        yield { number, raw: held.length === 1 ? (held[0] as Uint8Array) : Buffer.concat(held) };
      held = [];
      number += 1;
      missing = lengths[number] ?? 0;
    }
  }
}
