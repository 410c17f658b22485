import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { crc32, deflateSync } from 'node:zlib';
import type { Oid } from '../../../server/domain/ids.ts';
import type { NewGitObject } from '../../../server/git/object-storage.ts';
import { writeEntryHeader } from '../../../server/git/pack-entry.ts';
import { writePackIndex } from '../../../server/git/pack-index.ts';
import { createPackBuilder } from '../../../server/git/pack-write.ts';
import type { BuiltPack } from '../../../server/git/pack-write.ts';
import { createSpool } from '../../../server/platform/spool.ts';
import type { MemoryGitStorage } from '../../support/memory-git-storage.ts';

export async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of bytes) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** A pack of whole objects, as the hub makes it. */
export async function buildPack(
  objects: Iterable<NewGitObject>,
): Promise<BuiltPack & { readonly pack: Buffer }> {
  const spool = createSpool({ folder: tmpdir(), memoryBytes: Number.POSITIVE_INFINITY });
  const builder = createPackBuilder({ spool });
  for (const { type, content } of objects) await builder.add(type, content);
  const built = await builder.finish();
  return { ...built, pack: await collect(built.bytes()) };
}

/** Every pack of a native repository, put into storage. */
export function addNativePacks(storage: MemoryGitStorage, folder: string): void {
  const packFolder = join(folder, 'objects/pack');
  for (const name of readdirSync(packFolder)) {
    if (!name.endsWith('.pack')) continue;
    const id = name.slice('pack-'.length, -'.pack'.length);
    storage.addPack(
      id,
      readFileSync(join(packFolder, name)),
      readFileSync(join(packFolder, `pack-${id}.idx`)),
    );
  }
}

/** An entry written by hand, so that a pack may hold what no honest writer makes. */
export interface RawEntry {
  readonly oid: Oid;
  /** Header and data, given where the entry starts. */
  readonly bytes: (offset: number, offsetOf: (oid: Oid) => number) => Buffer;
}

export const wholeEntry = ({ oid, type, content }: NewGitObject): RawEntry => ({
  oid,
  bytes: () => Buffer.concat([writeEntryHeader(type, content.length), deflateSync(content)]),
});

export const refDelta = (oid: Oid, base: Oid, delta: Buffer): RawEntry => ({
  oid,
  bytes: () => {
    const header = writeEntryHeader('commit', delta.length);
    header[0] = ((header[0] as number) & 0x8f) | (7 << 4);
    return Buffer.concat([header, Buffer.from(base, 'hex'), deflateSync(delta)]);
  },
});

export const ofsDelta = (
  oid: Oid,
  distance: (offset: number, offsetOf: (oid: Oid) => number) => number,
  delta: Buffer,
): RawEntry => ({
  oid,
  bytes: (offset, offsetOf) => {
    const header = writeEntryHeader('commit', delta.length);
    header[0] = ((header[0] as number) & 0x8f) | (6 << 4);
    let rest = distance(offset, offsetOf);
    const digits = [rest % 128];
    for (rest = Math.floor(rest / 128); rest > 0; rest = Math.floor(rest / 128)) {
      rest -= 1;
      digits.unshift((rest % 128) | 128);
    }
    return Buffer.concat([header, Buffer.from(digits), deflateSync(delta)]);
  },
});

/** A delta with the given instructions. */
export function writeDelta(baseBytes: number, resultBytes: number, instructions: readonly number[]): Buffer {
  const size = (value: number): number[] => {
    const digits: number[] = [];
    let rest = value;
    do {
      digits.push((rest % 128) | (rest >= 128 ? 128 : 0));
      rest = Math.floor(rest / 128);
    } while (rest > 0);
    return digits;
  };
  return Buffer.from([...size(baseBytes), ...size(resultBytes), ...instructions]);
}

/** Put entries one behind the other, with an index that fits. */
export async function rawPack(entries: readonly RawEntry[]): Promise<{ pack: Buffer; index: Buffer }> {
  const header = Buffer.alloc(12);
  header.write('PACK');
  header.writeUInt32BE(2, 4);
  header.writeUInt32BE(entries.length, 8);
  const pieces: Buffer[] = [header];
  const offsets = new Map<Oid, number>();
  let at = header.length;
  for (const { oid, bytes } of entries) {
    offsets.set(oid, at);
    const piece = bytes(at, (other) => offsets.get(other) as number);
    pieces.push(piece);
    at += piece.length;
  }
  const body = Buffer.concat(pieces);
  const checksum = createHash('sha1').update(body).digest();
  const index = await writePackIndex(
    {
      oids: Buffer.concat(entries.map(({ oid }) => Buffer.from(oid, 'hex'))),
      crc32s: Uint32Array.from(pieces.slice(1), (piece) => crc32(piece)),
      offsets: Float64Array.from(entries, ({ oid }) => offsets.get(oid) as number),
    },
    checksum,
  );
  return { pack: Buffer.concat([body, checksum]), index };
}
