import { promisify } from 'node:util';
import { constants, inflate, inflateSync } from 'node:zlib';
import { corruptObject } from '../domain/errors.ts';
import type { HubError } from '../domain/errors.ts';
import type { Oid } from '../domain/ids.ts';
import type { GitObjectType } from './object-storage.ts';
import { OID_BYTES } from './oid-table.ts';

const inflateInPool = promisify(inflate);

/** Above this, inflating would hold the event loop for milliseconds: the thread pool does it. */
const POOL_BYTES = 512 * 1024;

/** Most bytes of an entry before its data: 9 of size, then 20 of base id or 9 of distance. */
export const MAX_ENTRY_HEADER_BYTES = 32;

const TYPES: readonly (GitObjectType | undefined)[] = [undefined, 'commit', 'tree', 'blob', 'tag'];
const OFS_DELTA = 6;
const REF_DELTA = 7;

/** How one object lies in a pack: whole, or as a difference from a base in the same pack or from any object. */
export type PackEntryHeader = { readonly sizeBytes: number; readonly dataStart: number } & (
  | { readonly kind: 'whole'; readonly type: GitObjectType }
  | { readonly kind: 'ofs-delta'; readonly baseDistance: number }
  | { readonly kind: 'ref-delta'; readonly baseOid: Oid }
);

const damaged = (problem: string, cause?: unknown): HubError =>
  corruptObject(`pack entry with ${problem}`, cause);

/** Read the header at the start of `entry`. `sizeBytes` is of the inflated data (of the delta, for a delta). */
export function parseEntryHeader(entry: Buffer): PackEntryHeader {
  let at = 0;
  const take = (): number => {
    const byte = entry[at];
    if (byte === undefined) throw damaged('a cut-off header');
    at += 1;
    return byte;
  };
  let byte = take();
  const code = (byte >> 4) & 7;
  let sizeBytes = byte & 15;
  // Sizes pass 2^31: multiply, since bit shifts work on 32 bits.
  for (let unit = 16; byte >= 128; unit *= 128) {
    byte = take();
    sizeBytes += (byte & 127) * unit;
    if (!Number.isSafeInteger(sizeBytes) || unit > 2 ** 46) throw damaged('an impossible size');
  }
  if (code === OFS_DELTA) {
    byte = take();
    let baseDistance = byte & 127;
    while (byte >= 128) {
      byte = take();
      baseDistance = (baseDistance + 1) * 128 + (byte & 127);
      if (!Number.isSafeInteger(baseDistance)) throw damaged('an impossible base');
    }
    return { kind: 'ofs-delta', sizeBytes, baseDistance, dataStart: at };
  }
  if (code === REF_DELTA) {
    const end = at + OID_BYTES;
    if (end > entry.length) throw damaged('a cut-off header');
    return { kind: 'ref-delta', sizeBytes, baseOid: entry.toString('hex', at, end) as Oid, dataStart: end };
  }
  const type = TYPES[code];
  if (type === undefined) throw damaged('an unknown type');
  return { kind: 'whole', type, sizeBytes, dataStart: at };
}

/** The header of an entry that holds a whole object. */
export const writeEntryHeader = (type: GitObjectType, sizeBytes: number): Buffer =>
  writeHeader(TYPES.indexOf(type), sizeBytes);

/** The header of a delta against the entry that starts `baseDistance` bytes before. `sizeBytes` is of the delta. */
export function writeOffsetDeltaHeader(sizeBytes: number, baseDistance: number): Buffer {
  let rest = baseDistance;
  const digits = [rest % 128];
  for (rest = Math.floor(rest / 128); rest > 0; rest = Math.floor(rest / 128)) {
    // Each digit but the last counts one more than it says (gitformat-pack, "offset encoding").
    rest -= 1;
    digits.unshift((rest % 128) | 128);
  }
  return Buffer.concat([writeHeader(OFS_DELTA, sizeBytes), Buffer.from(digits)]);
}

/** The header of a delta against an object of that id. `sizeBytes` is of the delta. */
export const writeRefDeltaHeader = (sizeBytes: number, base: Oid): Buffer =>
  Buffer.concat([writeHeader(REF_DELTA, sizeBytes), Buffer.from(base, 'hex')]);

function writeHeader(code: number, sizeBytes: number): Buffer {
  const bytes: number[] = [];
  let rest = Math.floor(sizeBytes / 16);
  bytes.push((code << 4) | (sizeBytes % 16) | (rest > 0 ? 128 : 0));
  while (rest > 0) {
    const digit = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(digit | (rest > 0 ? 128 : 0));
  }
  return Buffer.from(bytes);
}

/** Inflate exactly `sizeBytes` bytes from the start of `deflated`; anything else is `CorruptObject`. */
export async function inflateEntry(deflated: Buffer, sizeBytes: number): Promise<Buffer> {
  // One byte more than needed: zlib would otherwise start a second chunk to see that nothing follows. And an output
  // chunk of the right size, because a small result would otherwise pin a chunk of 16 KiB.
  const options = { chunkSize: Math.max(64, sizeBytes + 1), maxOutputLength: Math.max(1, sizeBytes) };
  let content: Buffer;
  try {
    content =
      sizeBytes > POOL_BYTES ? await inflateInPool(deflated, options) : inflateSync(deflated, options);
  } catch (error) {
    throw damaged('data that cannot be inflated', error);
  }
  if (content.length !== sizeBytes) throw damaged('a wrong size');
  return content;
}

/** Read as much as there is of the first bytes of a cut-off zlib stream. */
export function inflatePrefix(deflated: Buffer): Buffer {
  try {
    return inflateSync(deflated, { finishFlush: constants.Z_SYNC_FLUSH });
  } catch (error) {
    throw damaged('data that cannot be inflated', error);
  }
}

/** Sizes at the start of a delta, and where its instructions begin. */
export function parseDeltaSizes(delta: Buffer): { baseBytes: number; resultBytes: number; start: number } {
  let at = 0;
  const size = (): number => {
    let value = 0;
    for (let unit = 1; ; unit *= 128) {
      const byte = delta[at];
      if (byte === undefined || unit > 2 ** 46) throw damaged('a cut-off delta');
      at += 1;
      value += (byte & 127) * unit;
      if (byte < 128) break;
    }
    if (!Number.isSafeInteger(value)) throw damaged('an impossible delta');
    return value;
  };
  return { baseBytes: size(), resultBytes: size(), start: at };
}

/**
 * Apply a delta (git, Documentation/gitformat-pack, "Deltified representation"): copies from the base and literal
 * bytes. Every length is checked before it is used. A result above `maxBytes` is `CorruptObject`.
 *
 * @param allocate Gives the memory of the result.
 */
export function applyDelta(
  base: Buffer,
  delta: Buffer,
  maxBytes: number,
  allocate: (sizeBytes: number) => Buffer = (sizeBytes) => Buffer.allocUnsafeSlow(sizeBytes),
): Buffer {
  const { baseBytes, resultBytes, start } = parseDeltaSizes(delta);
  if (baseBytes !== base.length) throw damaged('a delta for another base');
  if (resultBytes > maxBytes) throw damaged('a delta that makes too large an object');
  const result = allocate(resultBytes);
  let at = start;
  let filled = 0;
  const take = (): number => {
    const byte = delta[at];
    if (byte === undefined) throw damaged('a cut-off delta');
    at += 1;
    return byte;
  };
  while (at < delta.length) {
    const instruction = take();
    if (instruction >= 128) {
      let offset = 0;
      let length = 0;
      if (instruction & 0x01) offset += take();
      if (instruction & 0x02) offset += take() * 0x100;
      if (instruction & 0x04) offset += take() * 0x10000;
      if (instruction & 0x08) offset += take() * 0x1000000;
      if (instruction & 0x10) length += take();
      if (instruction & 0x20) length += take() * 0x100;
      if (instruction & 0x40) length += take() * 0x10000;
      if (length === 0) length = 0x10000;
      if (offset + length > baseBytes || filled + length > resultBytes)
        throw damaged('a delta that overruns');
      base.copy(result, filled, offset, offset + length);
      filled += length;
    } else if (instruction > 0) {
      if (at + instruction > delta.length || filled + instruction > resultBytes) {
        throw damaged('a delta that overruns');
      }
      delta.copy(result, filled, at, at + instruction);
      at += instruction;
      filled += instruction;
    } else {
      throw damaged('an unknown delta instruction');
    }
  }
  if (filled !== resultBytes) throw damaged('a delta that falls short');
  return result;
}
