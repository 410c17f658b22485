import type { Database } from '../db/stores.ts';
import { checkGitFile, MAX_GIT_FILE_BYTES } from '../domain/git-files.ts';
import { corruptObject, HubError, isHubError } from '../domain/errors.ts';
import type { Oid } from '../domain/ids.ts';
import type { Repo } from '../domain/repo.ts';
import type { IngestedPack, IngestReport, IngestTurn } from '../git/ingest-report.ts';
import { createObjectCache } from '../git/object-cache.ts';
import { createObjectDb, type ObjectDb } from '../git/object-db.ts';
import type { GitObject } from '../git/object-storage.ts';
import { OID_BYTES } from '../git/oid-table.ts';
import { badPack } from '../git/pack-scan.ts';
import { tipsDigest } from '../git/tips-digest.ts';
import { packIndexKey, packKey } from '../objects/keys.ts';
import type { ByteSource, ObjectStore } from '../objects/object-store.ts';
import { failPoint } from '../platform/fail-points.ts';
import { freeBytes } from '../platform/free-bytes.ts';
import { createKeyedQueue } from '../platform/keyed-queue.ts';
import type { RightOfWay } from '../platform/right-of-way.ts';
import { createScratchFile, type ScratchFile } from '../platform/scratch-file.ts';
import { createSlots } from '../platform/slots.ts';
import type { WorkerPool } from '../workers/pool.ts';
import { MAX_HOT_BYTES, MAX_HOT_OBJECTS, type StagedObjects } from './object-staging.ts';
import { createPackLoads } from './pack-loads.ts';
import { inflateHotRow, type RepoObjects } from './repo-objects.ts';

/** A pack that was read to its end and lies apart, seen by nobody. */
export interface ReadPack extends AsyncDisposable {
  /** Resolve and check everything. Throws InvalidObject, UseLfs and InvalidContent with a sentence for the pusher. */
  check(onProgress: (text: string) => void): Promise<CheckedPack>;
}

/** A pack in which everything is as it must be; its objects are nobody's yet. */
export interface CheckedPack {
  readonly pack: IngestedPack;
  /** The repository as it would be with the pack. */
  readonly objects: ObjectDb;
  /** Where objects of the pack lie, for those that have a path. */
  pathsOf(oids: readonly Oid[]): Promise<ReadonlyMap<Oid, string>>;
  /** Make it ready for the transaction that moves refs: rows where it is small, else a pack in the object store. */
  store(): Promise<StagedObjects>;
}

export interface PackIntake {
  /** A pack will come soon: a worker starts while the client makes it. */
  prepare(): void;
  /**
   * Read a pack into a temporary file, and a worker through it while it comes. Rejects with the first thing that is
   * wrong, in a sentence, and with the signal's reason; the rest of a body that ends is then read for nothing, since
   * clients listen only after they have spoken.
   */
  read(needs: {
    readonly repo: Repo;
    /** Its arrays must be nobody else's: their memory is freed. */
    readonly bytes: ByteSource;
    /** What the push wants refs to be. */
    readonly tips: readonly Oid[];
    /** Whoever pushes: of theirs one pack is resolved at a time. */
    readonly party: string;
    /** The bytes end with the pack. Otherwise the pack itself says where it ends. */
    readonly isBody: boolean;
    readonly signal: AbortSignal;
  }): Promise<ReadPack>;
}

const CACHE_BYTES = 16 * 1024 * 1024;
/** Packs that are resolved at a time; more would only take turns on the same cores, with memory each. */
const CHECKS_AT_ONCE = 2;
const BASE_BYTES_AT_ONCE = 16 * 1024 * 1024;
const PROGRESS_MS = 1000;
/** Names in a quarantine, not of the object store. */
const PACK = 'pack';
const INDEX = 'index';

export function createPackIntake(parts: {
  readonly db: Database;
  readonly objects: ObjectStore;
  readonly repoObjects: RepoObjects;
  readonly workers: Pick<WorkerPool, 'open' | 'run'>;
  readonly stagingFolder: string;
  readonly maxFileBytes: number;
  readonly rightOfWay: Pick<RightOfWay, 'hold'>;
}): PackIntake {
  const { objects: store, repoObjects, workers, stagingFolder, maxFileBytes, rightOfWay } = parts;
  const slots = createSlots(CHECKS_AT_ONCE);
  const parties = createKeyedQueue();
  const loads = createPackLoads();

  /** One party alone never has all slots: what it pushes may take minutes each. */
  const inTurn = <Result>(party: string, work: () => Promise<Result>): Promise<Result> =>
    parties.run(party, () => slots.run(work));

  return {
    prepare() {
      // Whatever hinders it hinders the pack that comes, and is told then.
      workers.run('loadIngest', undefined).catch(() => undefined);
    },

    async read({ repo, bytes, tips, party, isBody, signal }) {
      await using cleanup = new AsyncDisposableStack();
      const scratch = await createScratchFile(stagingFolder);
      cleanup.defer(() => scratch.dispose());
      const plan = { tips, maxFileBytes, hot: { bytes: MAX_HOT_BYTES, objects: MAX_HOT_OBJECTS } };
      const session = await workers.open('ingestPack', { path: scratch.path, plan });
      cleanup.defer(() => session.abort());
      const load = cleanup.use(loads.open(() => session.abort()));
      const spooled = spool(bytes, scratch, signal);
      cleanup.defer(() => spooled.discard());

      const turn = async (told: IngestTurn): Promise<IngestReport> => {
        signal.throwIfAborted();
        load.check();
        const report = await rightOfWay.hold(() => session.push(told));
        if (report.kind === 'starved') load.grow(report.objectCount);
        else if (report.kind === 'working' && report.phase === 'reading') load.grow(report.done);
        return report;
      };

      async function readToEnd(): Promise<void> {
        for (;;) {
          const growth = spooled.growth();
          const report = await turn({ growth });
          if (report.kind === 'starved') await spooled.moreThan(growth.sizeBytes);
          else if (report.kind === 'read') {
            await (isBody ? spooled.end() : spooled.discard());
            if (scratch.sizeBytes > report.sizeBytes) {
              throw badPack('is followed by bytes that do not belong to it');
            }
            return;
          }
        }
      }

      try {
        await readToEnd();
      } catch (error) {
        await spooled.discard();
        if (isBody && isHubError(error)) await spooled.end();
        throw error;
      }
      await failPoint('push-read');
      const owned = cleanup.move();
      return {
        check: (onProgress) =>
          inTurn(party, async () => {
            const pack = await answerQuestions(repo, turn, onProgress);
            await failPoint('push-indexed');
            return checked(repo, pack, tips, scratch, async (oids) => {
              const report = await turn({ pathsOf: oids });
              return report.kind === 'paths' ? report.paths : new Map<Oid, string>();
            });
          }),
        [Symbol.asyncDispose]: () => owned.disposeAsync(),
      };
    },
  };

  /** Let the worker go on to its end, and answer what it asks of this repository, and of no other. */
  async function answerQuestions(
    repo: Repo,
    turn: (told: IngestTurn) => Promise<IngestReport>,
    onProgress: (text: string) => void,
  ): Promise<IngestedPack> {
    const own = repoObjects.open(repo);
    let told: IngestTurn = {};
    let saidAt = performance.now();
    for (;;) {
      const report = await turn(told);
      told = {};
      switch (report.kind) {
        case 'done':
          return report.pack;
        case 'working': {
          const { phase, done, total } = report;
          if (phase !== 'resolving' || total === 0 || performance.now() - saidAt < PROGRESS_MS) break;
          saidAt = performance.now();
          onProgress(`Resolving deltas: ${Math.floor((100 * done) / total)}% (${done}/${total})\r`);
          break;
        }
        case 'bases':
          told = { bases: await basesOf(own, report.oids) };
          break;
        case 'outside':
          told = { missing: await missingOf(own, Buffer.from(report.oids), report.types) };
          break;
        case 'git-files':
          for (const { oid, name } of report.files) await checkOutside(own, oid, name);
          break;
        default:
          throw new Error(`a worker said "${report.kind}" of a pack that is read`);
      }
    }
  }

  function checked(
    repo: Repo,
    pack: IngestedPack,
    tips: readonly Oid[],
    scratch: ScratchFile,
    pathsOf: CheckedPack['pathsOf'],
  ): CheckedPack {
    return {
      pack,
      pathsOf,
      objects: pack.rows ? withRows(repo, pack.rows) : withPack(repo, pack, scratch),
      async store() {
        if (pack.objectCount === 0) return { hotObjects: [], packs: [] };
        if (pack.rows) {
          const had = await repoObjects.open(repo).has(pack.rows.map(({ oid }) => oid));
          // What the repository has stays as it is: nothing that is pushed takes its place.
          const fresh = pack.rows.filter(({ oid }) => !had.has(oid));
          const rows = fresh.map((row) => ({ ...row, deflated: Buffer.from(row.deflated) }));
          return { hotObjects: rows, packs: [] };
        }
        const { packId, sizeBytes, objectCount, index } = pack;
        await store.put(packKey(repo.publicId, packId), scratch.bytes(sizeBytes), { sizeBytes });
        await failPoint('pack-stored');
        await store.put(packIndexKey(repo.publicId, packId), index);
        await failPoint('pack-indexed');
        const row = { packId, source: 'push', objectCount, sizeBytes } as const;
        const closure = pack.isClosed ? { closureOf: tipsDigest(tips) } : {};
        return { hotObjects: [], packs: [{ ...row, ...closure, indexSizeBytes: index.byteLength }] };
      },
    };
  }

  function withRows(repo: Repo, rows: NonNullable<IngestedPack['rows']>): ObjectDb {
    const overlay = new Map<Oid, GitObject>();
    for (const row of rows) {
      const content = inflateHotRow({ ...row, id: 0, deflated: Buffer.from(row.deflated) });
      overlay.set(row.oid, { type: row.type, content });
    }
    return quarantine(repo, repoObjects.storage(repo), overlay);
  }

  function withPack(repo: Repo, pack: IngestedPack, scratch: ScratchFile): ObjectDb {
    const storage = repoObjects.storage(repo);
    const { packId, sizeBytes, index } = pack;
    const ref = { id: packId, packKey: PACK, indexKey: INDEX, sizeBytes, indexSizeBytes: index.byteLength };
    return quarantine(repo, {
      ...storage,
      packs: async () => [ref, ...(await storage.packs())],
      readRange(key, offset, length) {
        if (key === PACK) return scratch.read(offset, length);
        if (key !== INDEX) return storage.readRange(key, offset, length);
        return Promise.resolve(Buffer.from(index.buffer, index.byteOffset + offset, length));
      },
    });
  }

  /** With a cache of its own: what may be refused yet must not be found by anybody else. */
  function quarantine(
    repo: Repo,
    storage: ReturnType<RepoObjects['storage']>,
    overlay: ReadonlyMap<Oid, GitObject> = new Map(),
  ): ObjectDb {
    const cache = createObjectCache({ maxBytes: CACHE_BYTES });
    return createObjectDb({ storage, cache, scope: repo.publicId, overlay });
  }
}

async function basesOf(own: ObjectDb, oids: readonly Oid[]): Promise<readonly (GitObject | undefined)[]> {
  const bases: (GitObject | undefined)[] = [];
  let bytes = 0;
  for (const oid of oids) {
    const base = await own.find(oid);
    bases.push(base);
    bytes += base?.content.length ?? 0;
    if (bytes > BASE_BYTES_AT_ONCE) break;
  }
  return bases;
}

async function missingOf(
  own: ObjectDb,
  raw: Buffer,
  types: readonly GitObject['type'][],
): Promise<readonly number[]> {
  const oids = types.map((_, i) => raw.toString('hex', i * OID_BYTES, (i + 1) * OID_BYTES) as Oid);
  const found = await own.infoMany(oids);
  return oids.flatMap((oid, i) => (found.get(oid)?.type === types[i] ? [] : [i]));
}

async function checkOutside(own: ObjectDb, oid: Oid, name: string): Promise<void> {
  const info = (await own.infoMany([oid])).get(oid);
  if (!info) throw corruptObject(`object ${oid} is missing`);
  if (info.sizeBytes > MAX_GIT_FILE_BYTES) {
    throw new HubError('InvalidContent', `A ${name} may have ${MAX_GIT_FILE_BYTES} bytes.`);
  }
  checkGitFile(name, (await own.get(oid, 'blob')).content);
}

interface Spooled {
  growth(): { readonly sizeBytes: number; readonly isEnd: boolean };
  /** When there is more than so much, or nothing more to come. Rejects as the source does. */
  moreThan(sizeBytes: number): Promise<void>;
  end(): Promise<void>;
  /** From now on what comes is thrown away. Nothing is written any more when this resolves. */
  discard(): Promise<void>;
}

/** Write a source, whose arrays are nobody else's, into a file as it comes, while others read what is there. */
function spool(bytes: ByteSource, scratch: ScratchFile, signal: AbortSignal): Spooled {
  let isEnd = false;
  let isDiscarding = false;
  let appending: Promise<void> = Promise.resolve();
  let failure: Error | undefined;
  let wake: (() => void) | undefined;
  const noteChange = (): void => {
    wake?.();
    wake = undefined;
  };
  signal.addEventListener('abort', noteChange, { once: true });
  const receiving = (async () => {
    for await (const piece of bytes) {
      if (signal.aborted) break;
      if (!isDiscarding) {
        appending = scratch.append(piece);
        await appending;
        noteChange();
      }
      freeBytes(piece);
    }
  })().catch((error: unknown) => {
    failure = error instanceof Error ? error : new Error(String(error));
  });
  const over = receiving.finally(() => {
    isEnd = true;
    signal.removeEventListener('abort', noteChange);
    noteChange();
  });
  const check = (): void => {
    signal.throwIfAborted();
    if (failure !== undefined) throw failure;
  };
  return {
    growth: () => ({ sizeBytes: scratch.sizeBytes, isEnd: isEnd && failure === undefined }),
    async moreThan(sizeBytes) {
      for (;;) {
        check();
        if (isEnd || scratch.sizeBytes > sizeBytes) return;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
    async end() {
      for (;;) {
        check();
        if (isEnd) return;
        await Promise.race([over, new Promise<void>((resolve) => (wake = resolve))]);
      }
    },
    async discard() {
      isDiscarding = true;
      await appending.catch(() => undefined);
    },
  };
}
