import type { GgufFacts } from '../domain/repo-facts.ts';
import type { ByteSource } from '../objects/object-store.ts';
import { createTimeSlice } from '../platform/time-slice.ts';

/** No header is read further than this: real ones, with their whole vocabularies, stay well below. */
export const MAX_GGUF_HEADER_BYTES = 48 * 1024 * 1024;

const MAGIC = 0x46554747;
const VERSIONS = [2, 3];
const MAX_PAIRS = 20_000;
const MAX_TENSORS = 100_000;
const MAX_ITEMS = 16_000_000;
const MAX_KEY_BYTES = 65_535;
const MAX_KEPT_TEXT_BYTES = 128 * 1024;
const MAX_DIMENSIONS = 8;
/** How often the clock is looked at. */
const STEPS = 256;

const TEXT = 8;
const LIST = 9;
/** Bytes of each value type that has a fixed size (gguf specification, `gguf_metadata_value_type`). */
const SIZES: Readonly<Record<number, number>> = {
  ...{ 0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1 },
  ...{ 10: 8, 11: 8, 12: 8 },
};

/** The header is not what the format says, or more than is read. */
class NotReadable extends Error {}

/** What a header says beyond its facts. */
export interface GgufHeader {
  readonly facts: GgufFacts;
  /** Into how many files the model is split, where it says so. */
  readonly splits: number | undefined;
}

/**
 * Read the header of a GGUF file from its beginning. Undefined when it is not one, is damaged, or goes on for more than
 * `MAX_GGUF_HEADER_BYTES`. Only a piece of the source is held at a time, and the source is returned.
 */
export async function readGgufHeader(source: ByteSource): Promise<GgufHeader | undefined> {
  const reader = createReader(source);
  try {
    return await parse(reader);
  } catch (error) {
    if (error instanceof NotReadable) return undefined;
    throw error;
  } finally {
    await reader.end();
  }
}

/** Little-endian values from a stream of pieces. Throws NotReadable at its end, and when too much was read. */
interface Reader {
  number(bytes: 1 | 2 | 4 | 8): Promise<number>;
  bytes(count: number): Promise<Buffer>;
  skip(count: number): Promise<void>;
  /** Pass over texts, each behind its length: vocabularies have hundreds of thousands. */
  skipTexts(count: number): Promise<void>;
  end(): Promise<void>;
}

function createReader(source: ByteSource): Reader {
  const pieces = source[Symbol.asyncIterator]();
  let held: Buffer = Buffer.alloc(0);
  let read = 0;

  async function pull(): Promise<void> {
    const next = await pieces.next();
    if (next.done) throw new NotReadable();
    read += next.value.byteLength;
    if (read > MAX_GGUF_HEADER_BYTES) throw new NotReadable();
    held = held.byteLength === 0 ? Buffer.from(next.value) : Buffer.concat([held, next.value]);
  }

  const take = (count: number): Buffer => {
    const taken = held.subarray(0, count);
    held = held.subarray(count);
    return taken;
  };

  /** How many bytes of what is held are whole texts, `most` of them at most. */
  function wholeTexts(most: number): { readonly count: number; readonly bytes: number } {
    let at = 0;
    let count = 0;
    while (count < most && held.byteLength - at >= 8) {
      if (held.readUInt32LE(at + 4) !== 0) throw new NotReadable();
      const end = at + 8 + held.readUInt32LE(at);
      if (end > held.byteLength) break;
      at = end;
      count++;
    }
    return { count, bytes: at };
  }

  const number = async (bytes: 1 | 2 | 4 | 8): Promise<number> => {
    while (held.byteLength < bytes) await pull();
    const taken = take(bytes);
    if (bytes < 8) return taken.readUIntLE(0, bytes);
    const value = Number(taken.readBigUInt64LE(0));
    if (!Number.isSafeInteger(value)) throw new NotReadable();
    return value;
  };

  const skip = async (count: number): Promise<void> => {
    let left = count;
    while (left > held.byteLength) {
      left -= held.byteLength;
      held = Buffer.alloc(0);
      await pull();
    }
    take(left);
  };

  return {
    number,
    skip,
    async bytes(count) {
      while (held.byteLength < count) await pull();
      return take(count);
    },
    async skipTexts(count) {
      const slice = createTimeSlice();
      for (let left = count; left > 0;) {
        const whole = wholeTexts(left);
        take(whole.bytes);
        left -= whole.count;
        if (left > 0) {
          // This one goes on in the next piece.
          await skip(await number(8));
          left--;
        }
        if (slice.isOver()) await slice.next();
      }
    },
    async end() {
      await pieces.return?.();
    },
  };
}

async function parse(reader: Reader): Promise<GgufHeader> {
  if ((await reader.number(4)) !== MAGIC) throw new NotReadable();
  if (!VERSIONS.includes(await reader.number(4))) throw new NotReadable();
  const tensors = await atMost(reader, MAX_TENSORS);
  const pairs = await atMost(reader, MAX_PAIRS);
  const kept = new Map<string, string | number>();
  const turns = createTurns();
  for (let pair = 0; pair < pairs; pair++) {
    const key = (await reader.bytes(await atMost(reader, MAX_KEY_BYTES))).toString('utf8');
    const value = await readValue(reader, await reader.number(4), isWanted(key));
    if (value !== undefined) kept.set(key, value);
    await turns();
  }
  let total = 0;
  for (let tensor = 0; tensor < tensors; tensor++) {
    total += await tensorSize(reader);
    if (!Number.isSafeInteger(total)) throw new NotReadable();
    await turns();
  }
  return { facts: factsOf(kept, total), splits: numberOf(kept, 'split.count') };
}

async function atMost(reader: Reader, most: number): Promise<number> {
  const value = await reader.number(8);
  if (value > most) throw new NotReadable();
  return value;
}

/** Gives others their turn, when asked often enough and long enough. */
function createTurns(): () => Promise<void> | undefined {
  const slice = createTimeSlice();
  let steps = 0;
  return () => (++steps % STEPS === 0 && slice.isOver() ? slice.next() : undefined);
}

const WANTED = new Set([
  'general.architecture',
  'tokenizer.chat_template',
  'quantize.imatrix.file',
  'split.count',
]);
const isWanted = (key: string): boolean => WANTED.has(key) || key.endsWith('.context_length');

/** A wanted text or whole number; everything else is passed over. */
async function readValue(
  reader: Reader,
  type: number,
  isKept: boolean,
): Promise<string | number | undefined> {
  if (type === TEXT) {
    const length = await atMost(reader, MAX_GGUF_HEADER_BYTES);
    if (isKept && length <= MAX_KEPT_TEXT_BYTES) return (await reader.bytes(length)).toString('utf8');
    await reader.skip(length);
    return undefined;
  }
  if (type === LIST) {
    const itemType = await reader.number(4);
    const items = await atMost(reader, MAX_ITEMS);
    const size = SIZES[itemType];
    if (size !== undefined) await reader.skip(size * items);
    else if (itemType === TEXT) await reader.skipTexts(items);
    // Lists of lists are allowed, and no program writes them.
    else throw new NotReadable();
    return undefined;
  }
  const size = SIZES[type];
  if (size === undefined) throw new NotReadable();
  const isWhole = (type >= 2 && type <= 5) || type === 10 || type === 11;
  if (isKept && isWhole) return reader.number(size as 2 | 4 | 8);
  await reader.skip(size);
  return undefined;
}

/** Parameters of the next tensor: the product of its dimensions. */
async function tensorSize(reader: Reader): Promise<number> {
  await reader.skip(await atMost(reader, MAX_KEY_BYTES));
  const dimensions = await reader.number(4);
  if (dimensions > MAX_DIMENSIONS) throw new NotReadable();
  let size = 1;
  for (let dimension = 0; dimension < dimensions; dimension++) size *= await reader.number(8);
  if (!Number.isSafeInteger(size)) throw new NotReadable();
  // Data type and place of its bytes.
  await reader.skip(4 + 8);
  return size;
}

const textIn = (kept: ReadonlyMap<string, string | number>, key: string): string | undefined => {
  const value = kept.get(key);
  return typeof value === 'string' ? value : undefined;
};

const numberOf = (kept: ReadonlyMap<string, string | number>, key: string): number | undefined => {
  const value = kept.get(key);
  return typeof value === 'number' ? value : undefined;
};

function factsOf(kept: ReadonlyMap<string, string | number>, total: number): GgufFacts {
  const architecture = textIn(kept, 'general.architecture');
  const contextLength = numberOf(kept, `${architecture ?? ''}.context_length`);
  const chatTemplate = textIn(kept, 'tokenizer.chat_template');
  const imatrix = textIn(kept, 'quantize.imatrix.file');
  return {
    total,
    ...(architecture === undefined ? {} : { architecture }),
    ...(contextLength === undefined ? {} : { context_length: contextLength }),
    ...(imatrix === undefined ? {} : { quantize_imatrix_file: imatrix }),
    ...(chatTemplate === undefined ? {} : { chat_template: chatTemplate }),
  };
}
