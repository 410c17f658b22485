import { createTimeSlice } from '../platform/time-slice.ts';

/** Stretches are found by blocks of so many bytes of the base. */
const BLOCK_BYTES = 16;
/** More than this of the base is not indexed: it would hold the event loop. */
const MAX_INDEXED_BYTES = 1024 * 1024;
/** Places of the base tried for one place of the result; content that repeats has very many. */
const MAX_TRIES = 8;
/** Compared at once while looking for the first difference. */
const STRIDE_BYTES = 4096;
/** Steps between two looks at the clock. */
const STEP = 16 * 1024;
const MULTIPLIER = 0x01000193;
const MAX_LITERAL = 127;
const MAX_COPY = 0x10000;

/** How many bytes `a` and `b` share from their starts on. */
export function sharedStart(a: Buffer, b: Buffer): number {
  const shortest = Math.min(a.length, b.length);
  let at = 0;
  while (at < shortest) {
    const end = Math.min(at + STRIDE_BYTES, shortest);
    if (a.compare(b, at, end, at, end) !== 0) break;
    at = end;
  }
  while (at < shortest && a[at] === b[at]) at += 1;
  return at;
}

/** How many bytes `a` and `b` share up to their ends, at most `limit`. */
function sharedEnd(a: Buffer, b: Buffer, limit: number): number {
  let count = 0;
  while (count < limit) {
    const next = Math.min(count + STRIDE_BYTES, limit);
    const inA = a.length - next;
    const inB = b.length - next;
    if (a.compare(b, inB, b.length - count, inA, a.length - count) !== 0) break;
    count = next;
  }
  while (count < limit && a[a.length - 1 - count] === b[b.length - 1 - count]) count += 1;
  return count;
}

/** Instructions of a delta (git, Documentation/gitformat-pack, "Deltified representation"), up to a number of bytes. */
class DeltaWriter {
  readonly #bytes: Buffer;
  #length = 0;
  /** The delta got longer than it may be. */
  isOver = false;

  constructor(maxBytes: number) {
    this.#bytes = Buffer.allocUnsafe(maxBytes);
  }

  #put(byte: number): void {
    if (this.#length >= this.#bytes.length) {
      this.isOver = true;
      return;
    }
    this.#bytes[this.#length] = byte;
    this.#length += 1;
  }

  size(value: number): void {
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.#put((rest % 128) | 128);
    this.#put(rest);
  }

  literal(from: Buffer, start: number, end: number): void {
    for (let at = start; at < end && !this.isOver; at += MAX_LITERAL) {
      const length = Math.min(MAX_LITERAL, end - at);
      this.#put(length);
      if (this.#length + length > this.#bytes.length) this.isOver = true;
      else from.copy(this.#bytes, this.#length, at, at + length);
      this.#length += length;
    }
  }

  copy(offset: number, count: number): void {
    for (let done = 0; done < count && !this.isOver; done += MAX_COPY) {
      const from = offset + done;
      const length = Math.min(MAX_COPY, count - done);
      const operands: number[] = [];
      let instruction = 0x80;
      for (let i = 0; i < 4; i += 1) {
        const byte = Math.floor(from / 256 ** i) % 256;
        if (byte === 0) continue;
        instruction |= 1 << i;
        operands.push(byte);
      }
      for (let i = 0; i < 2; i += 1) {
        const byte = (length >>> (8 * i)) & 255;
        if (byte === 0) continue;
        instruction |= 0x10 << i;
        operands.push(byte);
      }
      this.#put(instruction);
      for (const byte of operands) this.#put(byte);
    }
  }

  finish(): Buffer | undefined {
    // A copy, for a view would keep all that was set aside.
    return this.isOver ? undefined : Buffer.from(this.#bytes.subarray(0, this.#length));
  }
}

/** Blocks of a part of the base, by what they hash to. */
class BlockIndex {
  readonly #base: Buffer;
  readonly #start: number;
  readonly #heads: Int32Array;
  readonly #nexts: Int32Array;
  readonly #mask: number;

  constructor(base: Buffer, start: number, end: number) {
    const count = Math.floor((end - start) / BLOCK_BYTES);
    const size = 2 ** Math.ceil(Math.log2(Math.max(2, count)));
    this.#base = base;
    this.#start = start;
    this.#mask = size - 1;
    this.#heads = new Int32Array(size).fill(-1);
    this.#nexts = new Int32Array(count);
    // From the end, so that of equal blocks the first is tried first.
    for (let block = count - 1; block >= 0; block -= 1) {
      const slot = hashAt(base, start + block * BLOCK_BYTES) & this.#mask;
      this.#nexts[block] = this.#heads[slot] as number;
      this.#heads[slot] = block;
    }
  }

  /** The longest stretch of the base that is in `target` around `at`, not before `from` and up to `end`. */
  longest(target: Buffer, at: number, hash: number, from: number, end: number): Stretch | undefined {
    let best: Stretch | undefined;
    let block = this.#heads[hash & this.#mask] as number;
    for (let tries = 0; block >= 0 && tries < MAX_TRIES; tries += 1) {
      const start = this.#start + block * BLOCK_BYTES;
      let length = 0;
      while (
        at + length < end &&
        start + length < this.#base.length &&
        target[at + length] === this.#base[start + length]
      ) {
        length += 1;
      }
      if (length >= BLOCK_BYTES) {
        let back = 0;
        while (at - back > from && start > back && target[at - back - 1] === this.#base[start - back - 1]) {
          back += 1;
        }
        if (best === undefined || length + back > best.length) {
          best = { inBase: start - back, inTarget: at - back, length: length + back };
        }
      }
      block = this.#nexts[block] as number;
    }
    return best;
  }
}

interface Stretch {
  readonly inBase: number;
  readonly inTarget: number;
  readonly length: number;
}

function hashAt(bytes: Buffer, at: number): number {
  let hash = 0;
  for (let i = 0; i < BLOCK_BYTES; i += 1) hash = Math.imul(hash, MULTIPLIER) + (bytes[at + i] as number);
  return mixed(hash);
}

/** The low bits of a polynomial know only the last bytes; the table is addressed by low bits. */
const mixed = (hash: number): number => hash ^ (hash >>> 15);

/** What the first byte of a block counts for in its hash. */
const LEADING = ((): number => {
  let power = 1;
  for (let i = 1; i < BLOCK_BYTES; i += 1) power = Math.imul(power, MULTIPLIER);
  return power;
})();

/**
 * A delta that makes `target` of `base`; `undefined` when it would take more than `maxBytes`. What both share at start
 * and end is found at the speed of memory, so a large folder with one changed entry costs next to nothing.
 */
export async function encodeDelta(
  base: Buffer,
  target: Buffer,
  maxBytes: number,
): Promise<Buffer | undefined> {
  const writer = new DeltaWriter(maxBytes);
  writer.size(base.length);
  writer.size(target.length);
  const prefix = sharedStart(base, target);
  const suffix = sharedEnd(base, target, Math.min(base.length, target.length) - prefix);
  const end = target.length - suffix;
  writer.copy(0, prefix);
  await encodeMiddle(writer, { base, from: prefix, to: base.length - suffix }, target, prefix, end);
  writer.copy(base.length - suffix, suffix);
  return writer.finish();
}

async function encodeMiddle(
  writer: DeltaWriter,
  { base, from, to }: { readonly base: Buffer; readonly from: number; readonly to: number },
  target: Buffer,
  start: number,
  end: number,
): Promise<void> {
  if (to - from < BLOCK_BYTES || to - from > MAX_INDEXED_BYTES || end - start < BLOCK_BYTES) {
    writer.literal(target, start, end);
    return;
  }
  const slice = createTimeSlice();
  const index = new BlockIndex(base, from, to);
  let written = start;
  let at = start;
  let rolling: number | undefined;
  let steps = 0;
  while (at + BLOCK_BYTES <= end && !writer.isOver) {
    if (rolling === undefined) {
      rolling = 0;
      for (let i = 0; i < BLOCK_BYTES; i += 1) {
        rolling = (Math.imul(rolling, MULTIPLIER) + (target[at + i] as number)) | 0;
      }
    }
    const found = index.longest(target, at, mixed(rolling), written, end);
    if (found === undefined) {
      const out = Math.imul(target[at] as number, LEADING);
      rolling = (Math.imul(rolling - out, MULTIPLIER) + (target[at + BLOCK_BYTES] as number)) | 0;
      at += 1;
    } else {
      writer.literal(target, written, found.inTarget);
      writer.copy(found.inBase, found.length);
      at = found.inTarget + found.length;
      written = at;
      rolling = undefined;
    }
    steps += 1;
    if (steps % STEP === 0 && slice.isOver()) await slice.next();
  }
  writer.literal(target, written, end);
}
