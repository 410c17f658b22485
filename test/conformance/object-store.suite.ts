import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HubError } from '../../server/domain/errors.ts';
import type { GuardOptions } from '../../server/objects/guard.ts';
import type { ByteSource, ObjectStore } from '../../server/objects/object-store.ts';

export interface OpenedStore {
  /** Empty, and shared with nobody. */
  readonly store: ObjectStore;
  /** Whatever the backend holds beside finished objects: temporary files, unfinished uploads, open handles. */
  leftovers(): Promise<readonly string[]>;
}

const KiB = 1024;
const MiB = 1024 * KiB;

/** What every object store promises. `open` is called before each test. */
export function objectStoreSuite(name: string, open: (guard: GuardOptions) => Promise<OpenedStore>): void {
  describe(`object store: ${name}`, () => {
    let opened: OpenedStore;
    let store: ObjectStore;
    let inTransaction: boolean;

    beforeEach(async () => {
      inTransaction = false;
      opened = await open({ insideTransaction: () => inTransaction });
      store = opened.store;
    });

    afterEach(async () => {
      inTransaction = false;
      for await (const { key } of store.list('')) await store.delete(key);
      expect(await keysOf(store.list(''))).toEqual([]);
      await store.close();
      expect(await opened.leftovers()).toEqual([]);
    });

    describe('put and get', () => {
      const sizes = [0, 1, 64 * KiB, MiB, 8 * MiB - 1, 8 * MiB, 8 * MiB + 1, 21 * MiB + 7];
      test.each(sizes)('gives back what was put, %i bytes', async (size) => {
        const bytes = randomBytes(size);
        const put = await store.put('a/object', chunked(bytes, 100_000), { sizeBytes: size });
        expect(put).toMatchObject({ key: 'a/object', sizeBytes: size });
        expect(await store.head('a/object')).toMatchObject({ key: 'a/object', sizeBytes: size });
        const body = await store.get('a/object');
        expect(body?.sizeBytes).toBe(size);
        expect(digest(await collect(body?.bytes))).toBe(digest(bytes));
      });

      test('takes a whole buffer', async () => {
        const bytes = randomBytes(300_000);
        await store.put('buffer', bytes);
        expect(await getWhole('buffer')).toEqual(bytes);
      });

      test('takes a source whose size nobody knows beforehand', async () => {
        const bytes = randomBytes(17 * MiB);
        expect(await store.put('unknown', chunked(bytes, 64 * KiB))).toMatchObject({
          sizeBytes: bytes.length,
        });
        expect(digest(await getWhole('unknown'))).toBe(digest(bytes));
      });

      test('takes chunks of any size, empty ones too', async () => {
        const parts = [0, 1, 0, 3 * MiB, 17, 0, MiB, 5, 0].map((size) => randomBytes(size));
        await store.put('chunks', Readable.from(parts));
        expect(digest(await getWhole('chunks'))).toBe(digest(Buffer.concat(parts)));
      });

      test('takes thousands of tiny chunks', async () => {
        const bytes = randomBytes(20_000);
        await store.put('tiny', chunked(bytes, 3));
        expect(await getWhole('tiny')).toEqual(bytes);
      });

      test.each([1000, 512 * KiB])(
        'takes a source that uses its two buffers again, %i bytes each',
        async (length) => {
          const bytes = randomBytes(20 * length + 7);
          const memory = new SharedArrayBuffer(2 * length);
          async function* source(): AsyncGenerator<Uint8Array> {
            for (let at = 0, turn = 0; at < bytes.length; at += length, turn++) {
              const part = bytes.subarray(at, at + length);
              const buffer = new Uint8Array(memory, (turn % 2) * length, part.length);
              buffer.set(part);
              yield buffer;
            }
          }
          const put = await store.put('reused', source(), { sizeBytes: bytes.length, reuse: true });
          expect(put.sizeBytes).toBe(bytes.length);
          expect(digest(await getWhole('reused'))).toBe(digest(bytes));
        },
      );

      test('an object keeps its bytes when the buffer it was made of changes', async () => {
        const bytes = Buffer.from('before');
        await store.put('copied', bytes);
        bytes.write('after!');
        expect((await getWhole('copied')).toString()).toBe('before');
        (await store.read('copied', { start: 0, end: 6 })).write('reader');
        expect((await getWhole('copied')).toString()).toBe('before');
      });

      test('an absent object is undefined to get and head, damage to read', async () => {
        expect(await store.get('absent')).toBeUndefined();
        expect(await store.get('absent/deeper', { start: 0, end: 1 })).toBeUndefined();
        expect(await store.head('absent')).toBeUndefined();
        await expect(store.read('absent', { start: 0, end: 1 })).rejects.toMatchObject({
          code: 'CorruptObject',
        });
        await expect(store.read('absent', { start: 0, end: 0 })).rejects.toMatchObject({
          code: 'CorruptObject',
        });
      });

      test('a key that other keys lie under is absent itself', async () => {
        await store.put('folder/object', Buffer.from('x'));
        expect(await store.get('folder')).toBeUndefined();
        expect(await store.head('folder')).toBeUndefined();
        await store.delete('folder');
        expect(await store.head('folder/object')).toBeDefined();
      });

      test('the time of an object is about now', async () => {
        const { modifiedAt } = await store.put('timed', Buffer.from('x'));
        expect(Math.abs(modifiedAt - Date.now())).toBeLessThan(60_000);
        expect((await store.head('timed'))?.modifiedAt).toBe(modifiedAt);
      });

      test('putting a key again is no error', async () => {
        const bytes = randomBytes(1000);
        await store.put('again', bytes);
        await store.put('again', chunked(bytes, 100), { sizeBytes: 1000 });
        expect(await getWhole('again')).toEqual(bytes);
      });

      test('a reader that began before the object was deleted or put again reads on undisturbed', async () => {
        const bytes = randomBytes(3 * MiB);
        await store.put('busy', bytes);
        const body = await store.get('busy');
        await store.put('busy', bytes);
        expect(digest(await collect(body?.bytes))).toBe(digest(bytes));
        expect(digest(await getWhole('busy'))).toBe(digest(bytes));
      });
    });

    describe('put is all or nothing', () => {
      const failure = new Error('the client went away');

      test.each([0, 1, 2 * MiB, 9 * MiB, 20 * MiB])(
        'a source that throws after %i bytes leaves nothing, and its error comes through',
        async (size) => {
          const put = store.put('killed', failing(randomBytes(size), failure));
          await expect(put).rejects.toBe(failure);
          expect(await store.head('killed')).toBeUndefined();
          expect(await keysOf(store.list(''))).toEqual([]);
        },
      );

      test('a source that throws after the promised last byte leaves nothing', async () => {
        const bytes = randomBytes(20 * MiB);
        const put = store.put('late', failing(bytes, failure), { sizeBytes: bytes.length });
        await expect(put).rejects.toBe(failure);
        expect(await store.head('late')).toBeUndefined();
      });

      test('a stream that is destroyed under way leaves nothing', async () => {
        const stream = Readable.from(chunked(randomBytes(20 * MiB), 64 * KiB));
        let seen = 0;
        stream.on('data', (chunk: Buffer) => {
          seen += chunk.length;
          if (seen > 10 * MiB) stream.destroy(failure);
        });
        stream.pause();
        await expect(store.put('destroyed', stream)).rejects.toBe(failure);
        expect(await store.head('destroyed')).toBeUndefined();
      });

      test.each([
        ['fewer', 999, 1000],
        ['more', 1001, 1000],
        ['no', 0, 1],
        ['far more', 20 * MiB, 1],
        ['far fewer', 1, 20 * MiB],
      ])('refuses %s bytes than promised', async (_, actual, promised) => {
        const bytes = randomBytes(actual);
        const refused = { code: 'InvalidSize' };
        const options = { sizeBytes: promised };
        await expect(store.put('sized', chunked(bytes, 64 * KiB), options)).rejects.toMatchObject(refused);
        await expect(store.put('sized', bytes, options)).rejects.toMatchObject(refused);
        expect(await store.head('sized')).toBeUndefined();
      });

      test('an object stays as it was when putting it again fails', async () => {
        const bytes = randomBytes(2000);
        await store.put('kept', bytes);
        await expect(store.put('kept', failing(randomBytes(9 * MiB), failure))).rejects.toBe(failure);
        expect(await getWhole('kept')).toEqual(bytes);
      });

      test('an object is not visible before its last byte has come', async () => {
        const { source, release } = held(randomBytes(10 * MiB));
        const put = store.put('slow', source);
        expect(await store.head('slow')).toBeUndefined();
        expect(await keysOf(store.list(''))).toEqual([]);
        release();
        await put;
        expect(await keysOf(store.list(''))).toEqual(['slow']);
      });

      test('puts of one key at the same time agree', async () => {
        const bytes = randomBytes(2 * MiB);
        await Promise.all(
          Array.from({ length: 8 }, (_, n) =>
            store.put('same', chunked(bytes, 1000 * (n + 1)), { sizeBytes: bytes.length }),
          ),
        );
        expect(digest(await getWhole('same'))).toBe(digest(bytes));
        expect(await keysOf(store.list(''))).toEqual(['same']);
      });

      test('objects come and go in one folder at the same time without loss', async () => {
        const keys = Array.from({ length: 40 }, (_, n) => `shared/deep/folder/${n}`);
        for (let round = 0; round < 3; round++) {
          await Promise.all(
            keys.map(async (key, n) => {
              await store.put(key, Buffer.from(key));
              if (n % 2) await store.delete(key);
            }),
          );
          const kept = keys.filter((_, n) => n % 2 === 0).sort();
          expect(await keysOf(store.list('shared/'))).toEqual(kept);
          await Promise.all(kept.map((key) => store.delete(key)));
        }
      });
    });

    describe('ranges', () => {
      const bytes = randomBytes(2 * MiB + 100);
      const size = bytes.length;
      beforeEach(() => store.put('ranged', bytes));

      test.each([
        ['the first byte', 0, 1],
        ['the last byte', size - 1, size],
        ['one byte within', 70_000, 70_001],
        ['the first half', 0, MiB],
        ['the second half', MiB, size],
        ['everything', 0, size],
        ['across a chunk', MiB - 5, MiB + 5],
      ])('%s', async (_, start, end) => {
        const expected = bytes.subarray(start, end);
        const body = await store.get('ranged', { start, end });
        expect(body?.sizeBytes).toBe(end - start);
        expect(digest(await collect(body?.bytes))).toBe(digest(expected));
        expect(digest(await store.read('ranged', { start, end }))).toBe(digest(expected));
      });

      test('get stops at the end of the object, read calls a short object damaged', async () => {
        const body = await store.get('ranged', { start: size - 3, end: size + 100 });
        expect(body?.sizeBytes).toBe(3);
        expect(await collect(body?.bytes)).toEqual(bytes.subarray(-3));
        const damaged = { code: 'CorruptObject' };
        await expect(store.read('ranged', { start: size - 3, end: size + 1 })).rejects.toMatchObject(damaged);
        await expect(store.read('ranged', { start: size + 5, end: size + 6 })).rejects.toMatchObject(damaged);
      });

      test('a start at or behind the end is refused with the size', async () => {
        const refused = { code: 'BadRange', details: { sizeBytes: size } };
        await expect(store.get('ranged', { start: size, end: size + 1 })).rejects.toMatchObject(refused);
        await expect(store.get('ranged', { start: size * 2, end: size * 3 })).rejects.toMatchObject(refused);
        await store.put('empty', Buffer.alloc(0));
        await expect(store.get('empty', { start: 0, end: 1 })).rejects.toMatchObject({
          code: 'BadRange',
          details: { sizeBytes: 0 },
        });
      });

      test.each([
        [5, 5],
        [5, 4],
        [-1, 5],
        [0.5, 2],
        [0, Number.NaN],
      ])('refuses the range %d to %d', async (start, end) => {
        await expect(store.get('ranged', { start, end })).rejects.toMatchObject({ code: 'BadRange' });
      });

      test('read of no bytes is empty', async () => {
        expect(await store.read('ranged', { start: 10, end: 10 })).toHaveLength(0);
        const into = Buffer.alloc(1000, 'x');
        const given = await store.read('ranged', { start: 10, end: 510 }, into);
        expect([given.buffer === into.buffer, given.length]).toEqual([true, 500]);
        expect(into.subarray(0, 500)).toEqual(await store.read('ranged', { start: 10, end: 510 }));
        expect(into.subarray(500).every((byte) => byte === 0x78)).toBe(true);
      });

      test('many readers at once each get their own bytes', async () => {
        const spots = Array.from({ length: 60 }, (_, n) => ({ start: n * 30_000, end: n * 30_000 + 20_000 }));
        const read = await Promise.all(spots.map((range) => store.read('ranged', range)));
        read.forEach((part, n) =>
          expect(part.equals(bytes.subarray(spots[n]?.start, spots[n]?.end))).toBe(true),
        );
        const whole = await Promise.all(Array.from({ length: 10 }, () => getWhole('ranged')));
        for (const copy of whole) expect(digest(copy)).toBe(digest(bytes));
      });
    });

    describe('consumers that stop early', () => {
      test('hundreds of them do not exhaust the store', async () => {
        const bytes = randomBytes(3 * MiB);
        await store.put('left', bytes);
        for (let n = 0; n < 300; n++) {
          const body = await store.get('left');
          const reader = body?.bytes[Symbol.asyncIterator]();
          if (n % 2) await reader?.next();
          await reader?.return?.();
          expect(await reader?.next()).toMatchObject({ done: true });
        }
        expect(digest(await getWhole('left'))).toBe(digest(bytes));
      });

      test('one that throws releases what it held', async () => {
        await store.put('left', randomBytes(3 * MiB));
        const body = await store.get('left');
        const consume = async () => {
          for await (const chunk of body?.bytes ?? []) throw new Error(`enough after ${chunk.length}`);
        };
        await expect(consume()).rejects.toThrow('enough');
      });

      test('a listing may be left', async () => {
        for (const key of ['a', 'b/c', 'd']) await store.put(key, Buffer.from(key));
        for await (const { key } of store.list('')) {
          expect(key).toBe('a');
          break;
        }
      });
    });

    describe('list and delete', () => {
      test('lists in byte order of the keys, across folders', async () => {
        // `-` and `.` sort before `/`, digits and letters behind it.
        const keys = ['a-b', 'a-b.c/d', 'a.c', 'a/a', 'a/b/c', 'a/b0', 'a0', 'a_', 'aa/b', 'b', 'b0/0'];
        for (const key of [...keys].reverse()) await store.put(key, Buffer.from(key));
        const listed = await all(store.list(''));
        expect(listed.map(({ key }) => key)).toEqual([...keys].sort());
        expect(listed.map(({ sizeBytes }) => sizeBytes)).toEqual([...keys].sort().map((key) => key.length));
      });

      test('a prefix is exact and may end anywhere', async () => {
        const keys = ['a/1', 'ab/1', 'ab/2/3', 'ab1', 'abc/1', 'b'];
        for (const key of keys) await store.put(key, Buffer.from(key));
        expect(await keysOf(store.list('ab/'))).toEqual(['ab/1', 'ab/2/3']);
        expect(await keysOf(store.list('ab'))).toEqual(['ab/1', 'ab/2/3', 'ab1', 'abc/1']);
        expect(await keysOf(store.list('ab/2'))).toEqual(['ab/2/3']);
        expect(await keysOf(store.list('ab/2/3'))).toEqual(['ab/2/3']);
        expect(await keysOf(store.list('b'))).toEqual(['b']);
        expect(await keysOf(store.list('c'))).toEqual([]);
        expect(await keysOf(store.list('ab/9/9/'))).toEqual([]);
        expect(await keysOf(store.list('b/'))).toEqual([]);
      });

      test('lists more objects than one page holds', async () => {
        const keys = Array.from({ length: 1050 }, (_, n) => `many/${String(n).padStart(5, '0')}`);
        for (let n = 0; n < keys.length; n += 50) {
          await Promise.all(keys.slice(n, n + 50).map((key) => store.put(key, Buffer.from('x'))));
        }
        expect(await keysOf(store.list('many/'))).toEqual(keys);
      });

      test('a deleted object is gone from everywhere, its neighbors stay', async () => {
        for (const key of ['x/1', 'x/2']) await store.put(key, Buffer.from(key));
        await store.read('x/1', { start: 0, end: 3 });
        await store.delete('x/1');
        expect(await store.get('x/1')).toBeUndefined();
        expect(await store.head('x/1')).toBeUndefined();
        await expect(store.read('x/1', { start: 0, end: 1 })).rejects.toMatchObject({
          code: 'CorruptObject',
        });
        expect(await keysOf(store.list(''))).toEqual(['x/2']);
      });

      test('a collector removes what is older than it says, and nothing else', async () => {
        const { modifiedAt } = await store.put('old', Buffer.from('x'));
        expect(await store.deleteOlder('old', modifiedAt)).toBe(false);
        expect(await store.head('old')).toBeDefined();
        expect(await store.deleteOlder('old', modifiedAt + 1)).toBe(true);
        expect(await store.head('old')).toBeUndefined();
        expect(await store.deleteOlder('old', modifiedAt + 1)).toBe(false);
      });

      test('a collector never takes away what is put again at the same time', async () => {
        const distant = Date.UTC(2200, 0, 1);
        await store.put('wanted', Buffer.from('wanted'));
        const gate = Promise.withResolvers<void>();
        async function* late(): AsyncGenerator<Uint8Array> {
          await gate.promise;
          yield Buffer.from('wanted');
        }
        const putting = store.put('wanted', late());
        expect(await store.deleteOlder('wanted', distant)).toBe(false);
        gate.resolve();
        await putting;
        const removing = store.deleteOlder('wanted', distant);
        const [isRemoved] = await Promise.all([removing, store.put('wanted', Buffer.from('wanted'))]);
        expect(isRemoved).toBe(true);
        expect(await getWhole('wanted')).toEqual(Buffer.from('wanted'));
      });

      test('deleting what is absent is fine', async () => {
        await store.delete('absent');
        await store.delete('absent/deeper');
        await store.put('absent/deeper', Buffer.from('x'));
        await store.delete('absent/deeper');
        await store.delete('absent/deeper');
      });
    });

    describe('keys', () => {
      const illegal = [
        '',
        '/a',
        'a/',
        'a//b',
        '.',
        '..',
        'a/../b',
        'a/.',
        '../../etc/passwd',
        'A',
        'a b',
        'a\\b',
        'a\0b',
        'a\n',
        'ä',
        'a%2f',
        'a:b',
        'a?',
        'k'.repeat(513),
      ];
      test.each(illegal)('refuses %j', async (key) => {
        const refused = { name: 'HubError', code: 'InvalidRequest' };
        await expect(store.put(key, Buffer.from('x'))).rejects.toMatchObject(refused);
        await expect(store.get(key)).rejects.toMatchObject(refused);
        await expect(store.read(key, { start: 0, end: 1 })).rejects.toMatchObject(refused);
        await expect(store.head(key)).rejects.toMatchObject(refused);
        await expect(store.delete(key)).rejects.toMatchObject(refused);
        await expect(store.deleteOlder(key, 1)).rejects.toMatchObject(refused);
      });

      test.each(['/', '../', 'a//', 'a/../', 'A', 'a b', 'k'.repeat(513)])(
        'refuses to list %j',
        async (prefix) => {
          await expect(all(store.list(prefix))).rejects.toMatchObject({ code: 'InvalidRequest' });
        },
      );

      test.each(['a', '0', 'a.b', '.hidden', 'a/..b', 'a-_.z', `${'d'.repeat(200)}/${'k'.repeat(200)}`])(
        'takes %j',
        async (key) => {
          await store.put(key, Buffer.from(key));
          expect((await getWhole(key)).toString()).toBe(key);
          expect(await keysOf(store.list(''))).toEqual([key]);
        },
      );
    });

    test('refuses to work inside a database transaction', async () => {
      await store.put('there', Buffer.from('x'));
      inTransaction = true;
      const refused = { name: 'HubError', code: 'Internal' };
      await expect(store.put('other', Buffer.from('x'))).rejects.toMatchObject(refused);
      await expect(store.get('there')).rejects.toMatchObject(refused);
      await expect(store.read('there', { start: 0, end: 1 })).rejects.toMatchObject(refused);
      await expect(store.head('there')).rejects.toMatchObject(refused);
      await expect(store.delete('there')).rejects.toMatchObject(refused);
      await expect(all(store.list(''))).rejects.toMatchObject(refused);
      inTransaction = false;
      expect(await keysOf(store.list(''))).toEqual(['there']);
    });

    test('a source is released even if the put is refused before its first byte', async () => {
      let released = 0;
      const source = (): ByteSource => {
        const iterator: AsyncIterableIterator<Uint8Array> = {
          [Symbol.asyncIterator]: () => iterator,
          next: async () => ({ done: false, value: Buffer.from('x') }),
          return: async () => {
            released++;
            return { done: true, value: undefined };
          },
        };
        return iterator;
      };
      await expect(store.put('Illegal', source())).rejects.toMatchObject({ code: 'InvalidRequest' });
      expect(released).toBe(1);
      inTransaction = true;
      await expect(store.put('a', source())).rejects.toMatchObject({ code: 'Internal' });
      expect(released).toBe(2);
      inTransaction = false;
      await expect(store.put('a', source(), { sizeBytes: 3 })).rejects.toMatchObject({ code: 'InvalidSize' });
      expect(released).toBe(3);
    });

    test('an error of the hub thrown by a source keeps its code', async () => {
      const refused = new HubError('QuotaExceeded', 'No room for you.');
      await expect(store.put('quota', failing(randomBytes(100), refused))).rejects.toBe(refused);
    });

    async function getWhole(key: string): Promise<Buffer> {
      const body = await store.get(key);
      if (!body) throw new Error(`${key} is absent`);
      return collect(body.bytes);
    }
  });
}

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function collect(bytes: ByteSource | undefined): Promise<Buffer> {
  if (!bytes) throw new Error('there is no body');
  return Buffer.concat(await all(bytes));
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

async function keysOf(objects: AsyncIterable<{ readonly key: string }>): Promise<string[]> {
  return (await all(objects)).map(({ key }) => key);
}

async function* chunked(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

async function* failing(bytes: Buffer, error: Error): AsyncGenerator<Uint8Array> {
  yield* chunked(bytes, 64 * KiB);
  throw error;
}

/** A source that gives all but its last byte at once, and that one after `release`. */
function held(bytes: Buffer): { readonly source: ByteSource; release(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  async function* source(): AsyncGenerator<Uint8Array> {
    yield* chunked(bytes.subarray(0, -1), 64 * KiB);
    await promise;
    yield bytes.subarray(-1);
  }
  return { source: source(), release: resolve };
}
