import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { corruptObject } from '../domain/errors.ts';
import type { Clock } from './clock.ts';
import { freeSpace } from './disk.ts';

const READ_BYTES = 256 * 1024;
const PART = '.part';
/** Group, key and content hash of a kept file. */
const KEPT_NAME = /^([0-9a-f]+)-([0-9a-f]+)-([0-9a-f]{40})$/;
/** A file may take this part of the bound, and of the free room of the disk. */
const LARGEST_PART = 2;

/** How to make a file that is not there. */
export interface Recipe {
  /** About how long it will be; what is too long is handed on without being kept. */
  readonly sizeBytes: number;
  /** Chunks that nobody changes afterwards. */
  readonly bytes: AsyncIterable<Uint8Array>;
}

export interface MadeFiles {
  /**
   * The bytes of a file. If nobody has it, it is made while it is read; all who ask meanwhile read along. Once the last
   * of them has gone, making ends. `group` and `key` are hex digits. Throws `CorruptObject` before the last chunk when
   * the file was changed on disk; it is gone then, and made anew for the next one. Each array is of use until the one
   * after the next is asked for.
   */
  read(
    group: string,
    key: string,
    make: (signal: AbortSignal) => Promise<Recipe>,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, undefined>;
  /** Forget all files of a group; who reads one of them may go on. */
  remove(group: string): Promise<void>;
  /** End whatever is being made. */
  close(): Promise<void>;
}

interface KeptFile {
  readonly name: string;
  readonly contentHash: string;
  readonly sizeBytes: number;
  /** The content was compared with its hash since this process began. */
  isProved: boolean;
}

/** Buffers for one reader, each in its turn. */
function createRing(count: number): () => Buffer {
  const buffers: Buffer[] = [];
  let turn = 0;
  return () => (buffers[turn++ % count] ??= Buffer.allocUnsafeSlow(READ_BYTES));
}

/** A file that grows, and those who read it meanwhile. */
interface Making {
  readonly group: string;
  readonly stop: AbortController;
  readers: number;
  /** Readers, and whoever makes it: the last of them closes the file. */
  holders: number;
  /** Undefined until it is known whether it will be kept. */
  handle: FileHandle | undefined;
  /** What was too long to be kept, for the first reader who takes it. */
  recipe: Recipe | undefined;
  written: number;
  state: 'preparing' | 'growing' | 'whole' | 'passed-over' | 'failed';
  error: unknown;
  /** Settles at the next change. */
  changed: PromiseWithResolvers<void>;
  done: Promise<void>;
}

/**
 * Files that take long to make and are asked for over and over, in a folder of their own and within a bound of bytes;
 * what was read longest ago goes first. A kept file is named by its content: it gets that name when it is whole and
 * on disk, and is compared with it before it is first trusted. Only for the process that holds the data folder.
 */
export function createMadeFiles(needs: {
  readonly folder: string;
  readonly maxBytes: number;
  readonly clock: Clock;
}): MadeFiles {
  const { folder, maxBytes, clock } = needs;
  // A Map iterates in order of insertion: the first key is the one used longest ago.
  const kept = new Map<string, KeptFile>();
  const makings = new Map<string, Making>();
  const forgotten = new Set<string>();
  let opening: Promise<void> | undefined;

  /** List what an earlier process left; what it did not finish goes. */
  async function openFolder(): Promise<void> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const found: { id: string; file: KeptFile; usedAt: number }[] = [];
    for (const name of await readdir(folder)) {
      const [, group, key, contentHash] = KEPT_NAME.exec(name) ?? [];
      const facts = await stat(join(folder, name)).catch(() => undefined);
      if (contentHash === undefined || facts === undefined) {
        await rm(join(folder, name), { recursive: true, force: true });
        continue;
      }
      const file = { name, contentHash, sizeBytes: facts.size, isProved: false };
      found.push({ id: `${group ?? ''}-${key ?? ''}`, file, usedAt: facts.mtimeMs });
    }
    for (const { id, file } of found.sort((a, b) => a.usedAt - b.usedAt)) kept.set(id, file);
    await trim();
  }

  const forget = async (id: string, file: KeptFile): Promise<void> => {
    if (kept.get(id) === file) kept.delete(id);
    // Where open files cannot be removed, the next start does it.
    await rm(join(folder, file.name), { force: true }).catch(() => undefined);
  };

  async function trim(): Promise<void> {
    let sum = 0;
    for (const { sizeBytes } of kept.values()) sum += sizeBytes;
    for (const [id, file] of kept) {
      if (sum <= maxBytes) break;
      sum -= file.sizeBytes;
      await forget(id, file);
    }
  }

  const tell = (making: Making): void => {
    making.changed.resolve();
    making.changed = Promise.withResolvers();
  };

  const letGo = async (making: Making): Promise<void> => {
    making.holders -= 1;
    if (making.holders === 0) await making.handle?.close();
  };

  async function isTooLarge(sizeBytes: number): Promise<boolean> {
    if (sizeBytes > maxBytes / LARGEST_PART) return true;
    const room = await freeSpace(folder);
    return room !== undefined && sizeBytes > room.freeBytes / LARGEST_PART;
  }

  /** Make a file to its end. Never rejects: what went wrong is told to the readers. */
  async function run(
    id: string,
    making: Making,
    make: (signal: AbortSignal) => Promise<Recipe>,
  ): Promise<void> {
    const path = join(folder, `${randomUUID()}${PART}`);
    const { signal } = making.stop;
    try {
      const recipe = await make(signal);
      if (await isTooLarge(recipe.sizeBytes)) {
        making.recipe = recipe;
        making.state = 'passed-over';
        return;
      }
      const handle = await open(path, 'wx+', 0o600);
      making.handle = handle;
      making.state = 'growing';
      const hash = createHash('sha1');
      for await (const chunk of recipe.bytes) {
        signal.throwIfAborted();
        hash.update(chunk);
        for (let at = 0; at < chunk.length;) {
          at += (await handle.write(chunk, at, chunk.length - at, making.written + at)).bytesWritten;
        }
        making.written += chunk.length;
        tell(making);
      }
      await handle.datasync();
      const contentHash = hash.digest('hex');
      const name = `${id}-${contentHash}`;
      making.state = 'whole';
      if (forgotten.has(making.group)) return;
      await rename(path, join(folder, name));
      kept.set(id, { name, contentHash, sizeBytes: making.written, isProved: true });
      await trim();
    } catch (error) {
      if (making.state !== 'whole') making.state = 'failed';
      making.error = error;
    } finally {
      tell(making);
      await rm(path, { force: true }).catch(() => undefined);
      if (makings.get(id) === making) makings.delete(id);
      await letGo(making);
    }
  }

  const begin = (group: string, id: string, make: (signal: AbortSignal) => Promise<Recipe>): Making => {
    const making: Making = {
      group,
      stop: new AbortController(),
      readers: 0,
      holders: 1,
      recipe: undefined,
      handle: undefined,
      written: 0,
      state: 'preparing',
      error: undefined,
      changed: Promise.withResolvers(),
      done: Promise.resolve(),
    };
    makings.set(id, making);
    making.done = run(id, making, make);
    return making;
  };

  /** Read along; false when the file is not kept, so that the reader has to go on alone. */
  async function* follow(
    making: Making,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, boolean, undefined> {
    const gone = Promise.withResolvers<never>();
    // Nobody may be waiting when it rejects.
    gone.promise.catch(() => undefined);
    const leave = (): void => gone.reject(signal.reason as Error);
    signal.addEventListener('abort', leave);
    making.readers += 1;
    making.holders += 1;
    // One is read into while the consumer may still be at the other.
    const nextBuffer = createRing(2);
    try {
      for (let at = 0; ;) {
        signal.throwIfAborted();
        if (making.handle !== undefined && at < making.written) {
          const length = Math.min(READ_BYTES, making.written - at);
          const chunk = nextBuffer();
          const { bytesRead } = await making.handle.read(chunk, 0, length, at);
          at += bytesRead;
          yield chunk.subarray(0, bytesRead);
        } else if (making.state === 'failed') throw making.error;
        else if (making.state === 'whole') return true;
        else if (making.state === 'passed-over') return false;
        else await Promise.race([making.changed.promise, gone.promise]);
      }
    } finally {
      signal.removeEventListener('abort', leave);
      making.readers -= 1;
      const isUnderWay = making.state === 'preparing' || making.state === 'growing';
      if (making.readers === 0 && isUnderWay) making.stop.abort();
      await letGo(making);
    }
  }

  /** Undefined when the file is gone. */
  const openKept = async (id: string, file: KeptFile): Promise<FileHandle | undefined> => {
    const handle = await open(join(folder, file.name), 'r').catch(() => undefined);
    if (handle === undefined && kept.get(id) === file) kept.delete(id);
    return handle;
  };

  async function* readKept(
    id: string,
    file: KeptFile,
    handle: FileHandle,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    kept.delete(id);
    kept.set(id, file);
    const hash = file.isProved ? undefined : createHash('sha1');
    try {
      // The order of use outlives the process; where it cannot be written it is not needed.
      const now = clock.now() / 1000;
      await handle.utimes(now, now).catch(() => undefined);
      let held: Buffer | undefined;
      // One more, since the last one read is held back until it is known whether it ends a sound file.
      const nextBuffer = createRing(3);
      for (let at = 0; at < file.sizeBytes;) {
        const chunk = nextBuffer();
        const { bytesRead } = await handle.read(chunk, 0, Math.min(READ_BYTES, file.sizeBytes - at), at);
        if (bytesRead === 0) break;
        at += bytesRead;
        const piece = chunk.subarray(0, bytesRead);
        hash?.update(piece);
        if (held !== undefined) yield held;
        held = piece;
      }
      if (hash !== undefined && hash.digest('hex') !== file.contentHash) {
        await forget(id, file);
        throw corruptObject(`kept file ${file.name}`);
      }
      file.isProved = true;
      if (held !== undefined) yield held;
    } finally {
      await handle.close();
    }
  }

  return {
    async *read(group, key, make, signal) {
      await (opening ??= openFolder());
      const id = `${group}-${key}`;
      const file = kept.get(id);
      const handle = file && (await openKept(id, file));
      if (file !== undefined && handle !== undefined) {
        yield* readKept(id, file, handle);
        return;
      }
      const running = makings.get(id);
      // One that failed, or is given up since its last reader went, is of no use to a new one.
      const isUseful = running !== undefined && running.state !== 'failed' && !running.stop.signal.aborted;
      const making = isUseful ? running : begin(group, id, make);
      if (yield* follow(making, signal)) return;
      const { recipe = await make(signal) } = making;
      making.recipe = undefined;
      yield* recipe.bytes;
    },

    async remove(group) {
      forgotten.add(group);
      if (opening === undefined) opening = openFolder();
      await opening;
      for (const [id, file] of [...kept]) if (id.startsWith(`${group}-`)) await forget(id, file);
    },

    async close() {
      const running = [...makings.values()];
      for (const { stop } of running) stop.abort();
      await Promise.all(running.map(({ done }) => done));
    },
  };
}
