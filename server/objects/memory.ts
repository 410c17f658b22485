import { corruptObject } from '../domain/errors.ts';
import { guardStore, rangeBehindEnd } from './guard.ts';
import type { GuardOptions, ObjectBackend } from './guard.ts';
import type { ByteSource, ObjectStore } from './object-store.ts';

interface Entry {
  readonly bytes: Buffer;
  readonly modifiedAt: number;
}

/** An object store in this process's memory, for tests and throw-away hubs. `now` gives `modifiedAt`. */
export function createMemoryStore(
  options: { readonly now: () => number } & Partial<GuardOptions>,
): ObjectStore {
  const { now, insideTransaction = () => false } = options;
  const entries = new Map<string, Entry>();
  const describe = (key: string, { bytes, modifiedAt }: Entry) => ({
    key,
    sizeBytes: bytes.length,
    modifiedAt,
  });

  const backend: ObjectBackend = {
    name: 'memory',

    async write(key, source) {
      const entry = { bytes: await collect(source), modifiedAt: now() };
      entries.set(key, entry);
      return describe(key, entry);
    },

    async get(key, range) {
      const entry = entries.get(key);
      if (!entry) return undefined;
      if (range && range.start >= entry.bytes.length) throw rangeBehindEnd(entry.bytes.length);
      const bytes = range ? entry.bytes.subarray(range.start, range.end) : entry.bytes;
      return { sizeBytes: bytes.length, bytes: slices(bytes) };
    },

    async read(key, { start, end }) {
      const entry = entries.get(key);
      if (!entry || end > entry.bytes.length) throw corruptObject(key);
      return Buffer.from(entry.bytes.subarray(start, end));
    },

    async head(key) {
      const entry = entries.get(key);
      return entry && describe(key, entry);
    },

    async delete(key) {
      entries.delete(key);
    },

    async *list(prefix) {
      const keys = [...entries.keys()].filter((key) => key.startsWith(prefix)).sort();
      for (const key of keys) {
        const entry = entries.get(key);
        if (entry) yield describe(key, entry);
      }
    },

    async close() {
      entries.clear();
    },
  };

  return guardStore(backend, { insideTransaction });
}

/** A copy, so that a caller who changes its buffer later does not change the object. */
async function collect(source: ByteSource | Uint8Array): Promise<Buffer> {
  if (source instanceof Uint8Array) return Buffer.from(source);
  const chunks: Buffer[] = [];
  for await (const chunk of source) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

const SLICE_BYTES = 256 * 1024;

async function* slices(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += SLICE_BYTES) {
    yield Buffer.from(bytes.subarray(start, start + SLICE_BYTES));
  }
}
