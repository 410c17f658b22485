import type { Oid } from '../domain/ids.ts';
import { isHubError } from '../domain/errors.ts';
import { mainGguf, mainSafetensors, withItsShards } from '../domain/model-files.ts';
import type { GgufFacts, TensorTotals } from '../domain/repo-facts.ts';
import type { Repo } from '../domain/repo.ts';
import {
  addTotals,
  parseSafetensorsHeader,
  SAFETENSORS_LENGTH_BYTES,
  parseSafetensorsIndex,
  safetensorsHeaderLength,
  type SafetensorsIndex,
} from '../domain/safetensors.ts';
import type { WorkerPool } from '../workers/pool.ts';
import { readPart, readStart, type FileBytesReader, type ReadableFile } from './file-bytes.ts';
import { MAX_GGUF_HEADER_BYTES, readGgufHeader, type GgufHeader } from './gguf.ts';

/** Read first: nearly every header is within it, as the clients assume too. */
const FIRST_READ_BYTES = 100_000;
/** More JSON than this is parsed in a thread. */
const PARSE_HERE_BYTES = 128 * 1024;
const MAX_INDEX_BYTES = 32 * 1024 * 1024;
const MAX_SHARDS = 2_000;
/** All headers of one model together. */
const MAX_HEADER_BYTES = 128 * 1024 * 1024;
const KEPT_TOTALS = 10_000;
/** These hold a chat template each. */
const KEPT_GGUF = 100;

/** What the headers of a model's large files say. A header that is damaged or hostile says nothing, and costs little. */
export interface TensorHeaders {
  safetensors(repo: Repo, commit: Oid, rootNames: readonly string[]): Promise<TensorTotals | undefined>;
  gguf(repo: Repo, commit: Oid, paths: readonly string[]): Promise<GgufFacts | undefined>;
  /** The header of one safetensors file as it stands there, which is JSON; undefined when it is none. */
  checkedHeader(file: ReadableFile): Promise<Buffer | undefined>;
  /** The files that an index names and what else it says; undefined when it is none. */
  index(file: ReadableFile): Promise<SafetensorsIndex | undefined>;
}

export function createTensorHeaders(parts: {
  readonly files: FileBytesReader;
  readonly workers: Pick<WorkerPool, 'run'>;
}): TensorHeaders {
  const { files, workers } = parts;
  /** By content, which never changes what it says; null for what says nothing. */
  const measuredOf = createMemory<{
    readonly totals: TensorTotals | undefined;
    readonly headerBytes: number;
  }>(KEPT_TOTALS);
  const ggufOf = createMemory<GgufHeader | null>(KEPT_GGUF);

  const rawHeader = async (file: ReadableFile): Promise<Buffer | undefined> => {
    const start = await readStart(file, FIRST_READ_BYTES);
    const length = safetensorsHeaderLength(start, file.sizeBytes);
    if (length === undefined) return undefined;
    const end = SAFETENSORS_LENGTH_BYTES + length;
    if (end <= start.byteLength) return start.subarray(SAFETENSORS_LENGTH_BYTES, end);
    const rest = await readPart(file, { start: start.byteLength, end });
    return Buffer.concat([start.subarray(SAFETENSORS_LENGTH_BYTES), rest]);
  };

  async function parseTotals(header: Buffer): Promise<TensorTotals | undefined> {
    if (header.byteLength <= PARSE_HERE_BYTES) return parseSafetensorsHeader(header);
    const bytes = Uint8Array.from(header);
    return workers.run('safetensorsTotals', { bytes }, [bytes.buffer]);
  }

  const measure = (file: ReadableFile) =>
    measuredOf(file.contentId, async () => {
      const header = await rawHeader(file);
      return { totals: header && (await parseTotals(header)), headerBytes: header?.byteLength ?? 0 };
    });

  async function index(file: ReadableFile): Promise<SafetensorsIndex | undefined> {
    if (file.sizeBytes > MAX_INDEX_BYTES) return undefined;
    const content = await readStart(file, MAX_INDEX_BYTES);
    if (content.byteLength > PARSE_HERE_BYTES) {
      const bytes = Uint8Array.from(content);
      return workers.run('safetensorsIndex', { bytes }, [bytes.buffer]);
    }
    return parseSafetensorsIndex(content);
  }

  /** The files that hold the tensors; undefined when what an index names is not all there. */
  async function tensorFiles(
    repo: Repo,
    commit: Oid,
    rootNames: readonly string[],
  ): Promise<readonly string[] | undefined> {
    if (rootNames.includes('model.safetensors')) return ['model.safetensors'];
    const indexFile = await files.find(repo, commit, 'model.safetensors.index.json');
    if (!indexFile) return mainSafetensors(rootNames);
    const shards = (await index(indexFile))?.shards;
    return shards?.every((name) => rootNames.includes(name)) === true ? shards : undefined;
  }

  return {
    async checkedHeader(file) {
      const header = await rawHeader(file);
      return header && (await parseTotals(header)) ? header : undefined;
    },

    index,

    safetensors: (repo, commit, rootNames) =>
      ifSound(async () => {
        if (!rootNames.some((name) => name.endsWith('.safetensors'))) return undefined;
        const names = await tensorFiles(repo, commit, rootNames);
        if (!names || names.length === 0 || names.length > MAX_SHARDS) return undefined;
        const all: TensorTotals[] = [];
        let left = MAX_HEADER_BYTES;
        for (const name of names) {
          const file = await files.find(repo, commit, name);
          const measured = file && (await measure(file));
          left -= measured?.headerBytes ?? 0;
          if (!measured?.totals || left < 0) return undefined;
          all.push(measured.totals);
        }
        return addTotals(all);
      }),

    gguf: (repo, commit, paths) =>
      ifSound(async () => {
        const main = mainGguf(paths);
        if (main === undefined) return undefined;
        const read = async (path: string): Promise<GgufHeader | undefined> => {
          const file = await files.find(repo, commit, path);
          if (!file || file.sizeBytes === 0) return undefined;
          const header = await ggufOf(file.contentId, async () => {
            const source = await file.open({ start: 0, end: MAX_GGUF_HEADER_BYTES });
            return (await readGgufHeader(source)) ?? null;
          });
          return header ?? undefined;
        };
        const [first, ...others] = withItsShards(main, paths).slice(0, MAX_SHARDS);
        const header = first === undefined ? undefined : await read(first);
        if (!header) return undefined;
        let { total } = header.facts;
        for (const shard of others) total += (await read(shard))?.facts.total ?? 0;
        return { ...header.facts, total };
      }),
  };
}

/** A file whose stored bytes are damaged says nothing here; `doctor` names it. */
async function ifSound<Value>(read: () => Promise<Value>): Promise<Value | undefined> {
  try {
    return await read();
  } catch (error) {
    if (isHubError(error, 'CorruptObject')) return undefined;
    throw error;
  }
}

/** Answers kept by a key, the oldest forgotten first. */
function createMemory<Value extends object | null>(
  most: number,
): (key: string, make: () => Promise<Value>) => Promise<Value> {
  const kept = new Map<string, Value>();
  return async (key, make) => {
    const known = kept.get(key);
    if (known !== undefined) return known;
    const made = await make();
    kept.set(key, made);
    const oldest = kept.keys().next();
    if (kept.size > most && !oldest.done) kept.delete(oldest.value);
    return made;
  };
}
