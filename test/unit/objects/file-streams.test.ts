import { describe, expect, it } from 'vitest';
import { createFileStreams, type LeasedFile } from '../../../server/objects/local-reader.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** A file whose bytes tell where they stand, and which tells how it is read. */
function countedFile(sizeBytes: number): LeasedFile & {
  readonly buffers: Set<ArrayBufferLike>;
  readonly lengths: number[];
  most: number;
  releases: number;
} {
  let reading = 0;
  const file = {
    sizeBytes,
    buffers: new Set<ArrayBufferLike>(),
    lengths: [] as number[],
    most: 0,
    releases: 0,
    async read(position: number, length: number, into = Buffer.alloc(length)) {
      file.most = Math.max(file.most, ++reading);
      await new Promise((done) => setImmediate(done));
      file.buffers.add(into.buffer);
      file.lengths.push(length);
      reading--;
      return into.fill(mark(position), 0, length).subarray(0, length);
    },
    release() {
      file.releases++;
      return Promise.resolve();
    },
  };
  return file;
}

const mark = (position: number): number => (position / (32 * KIB)) % 251;

describe('streams of stored files', () => {
  it('a stream that reuses its buffers leaves a chunk alone until the chunk after the next is asked for', async () => {
    const file = countedFile(16 * MIB);
    const stream = createFileStreams().stream(file, { start: 0, end: file.sizeBytes }, true);
    const chunks = stream[Symbol.asyncIterator]();
    let before: { readonly bytes: Uint8Array; readonly mark: number } | undefined;
    let position = 0;
    for (;;) {
      const asked = chunks.next();
      // While this one is being read, the one before it may still be on its way through a socket.
      await new Promise((done) => setImmediate(done));
      const { value, done } = await asked;
      if (before) expect(before.bytes.every((byte) => byte === before?.mark)).toBe(true);
      if (done) break;
      before = { bytes: value, mark: mark(position) };
      position += value.byteLength;
    }
    expect(position).toBe(file.sizeBytes);
    expect(file.releases).toBe(1);
    expect(Math.max(...file.lengths)).toBe(MIB);
    // Two of each size while the chunks grow from 32 KiB to a megabyte, and two from then on.
    expect(file.buffers.size).toBeLessThanOrEqual(8);
  });

  it('chunks shrink with the number of streams, and few are read at a time', async () => {
    const streams = createFileStreams();
    const files = Array.from({ length: 1000 }, () => countedFile(256 * KIB));
    let reading = 0;
    let most = 0;
    const opened = files.map((file) => {
      const { read } = file;
      const counted: LeasedFile['read'] = async (...range) => {
        most = Math.max(most, ++reading);
        try {
          return await read(...range);
        } finally {
          reading--;
        }
      };
      return streams.stream(Object.assign(file, { read: counted }), { start: 0, end: file.sizeBytes }, true);
    });
    const firstHalf = await Promise.all(
      opened.map(async (stream) => {
        const chunks = stream[Symbol.asyncIterator]();
        for (let taken = 0; taken < 4; taken++) await chunks.next();
        return chunks;
      }),
    );
    for (const file of files) expect(Math.max(...file.lengths)).toBe(32 * KIB);
    expect(most).toBeLessThanOrEqual(8);
    for (const chunks of firstHalf) await chunks.return?.();
    expect(files.map(({ releases }) => releases)).toEqual(files.map(() => 1));
  });

  it('a stream that is left while it reads gives its file back after that read', async () => {
    const file = countedFile(MIB);
    const chunks = createFileStreams().stream(file, { start: 0, end: MIB }, false)[Symbol.asyncIterator]();
    await chunks.next();
    expect(file.lengths).toHaveLength(1);
    await chunks.return?.();
    expect(file.lengths).toHaveLength(2);
    expect(file.releases).toBe(1);
    expect(await chunks.next()).toEqual({ done: true, value: undefined });
  });
});
