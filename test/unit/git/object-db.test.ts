import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isHubError } from '../../../server/domain/errors.ts';
import type { Oid } from '../../../server/domain/ids.ts';
import { createObjectCache } from '../../../server/git/object-cache.ts';
import { createObjectDb } from '../../../server/git/object-db.ts';
import type { ObjectDb } from '../../../server/git/object-db.ts';
import type { GitObject, GitStorage, NewGitObject } from '../../../server/git/object-storage.ts';
import { EMPTY_TREE, hashObject, newObject } from '../../../server/git/objects.ts';
import { createMemoryGitStorage } from '../../support/memory-git-storage.ts';
import { hasNativeGit, useNativeGit } from './native-git.ts';
import {
  addNativePacks,
  buildPack,
  collect,
  ofsDelta,
  rawPack,
  refDelta,
  wholeEntry,
  writeDelta,
} from './pack-files.ts';
import type { RawEntry } from './pack-files.ts';

const blob = (text: string): NewGitObject => newObject('blob', Buffer.from(text));
async function* nothing(): AsyncGenerator<Uint8Array> {}
const absent = hashObject('blob', Buffer.from('never stored'));

function openDb(storage: GitStorage, overlay?: ReadonlyMap<Oid, GitObject>): ObjectDb {
  const cache = createObjectCache({ maxBytes: 16 * 1024 * 1024 });
  return createObjectDb({ storage, cache, scope: 'repo', ...(overlay === undefined ? {} : { overlay }) });
}

async function addPack(storage: ReturnType<typeof createMemoryGitStorage>, objects: readonly NewGitObject[]) {
  const built = await buildPack(objects);
  return storage.addPack(built.packId, built.pack, built.index);
}

describe('an object db', () => {
  it('finds objects in the overlay, in hot rows and in packs, one by one and together', async () => {
    const storage = createMemoryGitStorage();
    const [fresh, hot, packed] = [blob('fresh'), blob('hot'), blob('packed')] as const;
    storage.addHot([hot]);
    await addPack(storage, [packed]);
    const all = [fresh, hot, packed];
    const overlay = new Map([[fresh.oid, fresh]]);
    for (const { oid, content } of all) {
      expect((await openDb(storage, overlay).find(oid))?.content).toEqual(content);
      expect(await collect((await openDb(storage, overlay).open(oid))?.bytes ?? nothing())).toEqual(content);
    }
    const db = openDb(storage, overlay);
    const oids = [...all.map(({ oid }) => oid), absent];
    for (let round = 0; round < 2; round += 1) {
      expect(new Set((await db.findMany(oids)).keys())).toEqual(new Set(oids.slice(0, 3)));
      expect(await db.has(oids)).toEqual(new Set(oids.slice(0, 3)));
      expect(await db.infoMany(oids)).toEqual(
        new Map(all.map(({ oid, content }) => [oid, { type: 'blob', sizeBytes: content.length }])),
      );
    }
    expect(await db.find(absent)).toBeUndefined();
    expect(await db.open(absent)).toBeUndefined();
  });

  it('insists on what must be there', async () => {
    const storage = createMemoryGitStorage();
    storage.addHot([blob('hot')]);
    const db = openDb(storage);
    await expect(db.get(absent)).rejects.toMatchObject({ code: 'CorruptObject' });
    await expect(db.tree(blob('hot').oid)).rejects.toMatchObject({ code: 'CorruptObject' });
    await expect(db.commit(blob('hot').oid)).rejects.toMatchObject({ code: 'CorruptObject' });
  });

  it('knows the empty tree, stored or not', async () => {
    expect(await openDb(createMemoryGitStorage()).tree(EMPTY_TREE)).toEqual(Buffer.alloc(0));
  });

  it('finds ids by their first digits wherever they lie, in order and at most so many', async () => {
    const storage = createMemoryGitStorage();
    const objects = Array.from({ length: 300 }, (_, i) => blob(`object ${i}`));
    storage.addHot(objects.slice(0, 150));
    await addPack(storage, objects.slice(100, 250));
    const overlay = new Map(objects.slice(250).map((object) => [object.oid, object]));
    const db = openDb(storage, overlay);
    const sorted = objects.map(({ oid }) => oid).sort();
    for (const prefix of ['a', '0f', sorted[7] as string, (sorted[9] as string).slice(0, 7)]) {
      const expected = sorted.filter((oid) => oid.startsWith(prefix));
      expect(await db.findByPrefix(prefix, 1000)).toEqual(expected);
      expect(await db.findByPrefix(prefix, 2)).toEqual(expected.slice(0, 2));
    }
    expect(await db.findByPrefix('xyz', 10)).toEqual([]);
    expect(await db.findByPrefix('', 10)).toEqual([]);
  });

  it('never answers one repository with what it remembers of another', async () => {
    const cache = createObjectCache({ maxBytes: 1024 * 1024 });
    const storage = createMemoryGitStorage();
    storage.addHot([blob('secret')]);
    await createObjectDb({ storage, cache, scope: 'one' }).get(blob('secret').oid);
    const other = createObjectDb({ storage: createMemoryGitStorage(), cache, scope: 'two' });
    expect(await other.find(blob('secret').oid)).toBeUndefined();
    expect(await other.has([blob('secret').oid])).toEqual(new Set());
  });

  it('follows an object whose row is rolled into a pack, and whose pack is folded into another', async () => {
    const storage = createMemoryGitStorage();
    const objects = Array.from({ length: 10 }, (_, i) => blob(`object ${i}`));
    storage.addHot(objects);
    const cache = createObjectCache({ maxBytes: 300 });
    const db = createObjectDb({ storage, cache, scope: 'repo' });
    const oids = objects.map(({ oid }) => oid);
    await db.find(absent);

    const rolled = await addPack(storage, objects);
    storage.hot.clear();
    for (const { oid, content } of objects) expect((await db.get(oid)).content).toEqual(content);

    await addPack(storage, [...objects, blob('more')]);
    storage.removePack(rolled.id);
    expect((await db.findMany(oids)).size).toBe(10);
    expect((await db.get(oids[0] as Oid)).content).toEqual(objects[0]?.content);
    expect((await db.infoMany(oids)).size).toBe(10);
  });

  it('takes the good copy when another one is damaged', async () => {
    const storage = createMemoryGitStorage();
    const object = blob('twice');
    const bad = await addPack(storage, [object]);
    await addPack(storage, [blob('once'), object]);
    const pack = Buffer.from(storage.files.get(bad.packKey) as Buffer);
    pack[14] = (pack[14] as number) ^ 0xff;
    storage.files.set(bad.packKey, pack);
    expect((await openDb(storage).get(object.oid)).content).toEqual(object.content);
    expect((await openDb(storage).findMany([object.oid])).get(object.oid)?.content).toEqual(object.content);
  });

  it('refuses a hot row that is not what its id says', async () => {
    const storage = createMemoryGitStorage();
    storage.hot.set(blob('right').oid, blob('wrong'));
    const db = openDb(storage);
    await expect(db.find(blob('right').oid)).rejects.toMatchObject({ code: 'CorruptObject' });
    await expect(db.findMany([blob('right').oid])).rejects.toMatchObject({ code: 'CorruptObject' });
  });

  it('lets failures of the store through as they are', async () => {
    const storage = createMemoryGitStorage();
    await addPack(storage, [blob('packed')]);
    const failing: GitStorage = { ...storage, readRange: () => Promise.reject(new Error('network')) };
    await expect(openDb(failing).find(blob('packed').oid)).rejects.toThrow('network');
    await expect(openDb(failing).findMany([blob('packed').oid])).rejects.toThrow('network');
  });

  it('lets failures of the store through a stream as they are', async () => {
    const storage = createMemoryGitStorage();
    const object = newObject('blob', randomBytes(3_000_000));
    await addPack(storage, [object]);
    const failing: GitStorage = {
      ...storage,
      readRange: (key, offset, length) =>
        offset > 1_000_000
          ? Promise.reject(new Error('network'))
          : Promise.resolve(Buffer.from(storage.files.get(key)?.subarray(offset, offset + length) ?? [])),
    };
    const broken = await openDb(failing).open(object.oid);
    await expect(collect(broken?.bytes ?? nothing())).rejects.toThrow('network');
  });

  it('streams large objects, and stops before the end when they are damaged', async () => {
    const storage = createMemoryGitStorage();
    const object = newObject(
      'blob',
      Buffer.concat([randomBytes(3_000_000), Buffer.alloc(3_000_000, 'text')]),
    );
    const { packKey } = await addPack(storage, [blob('before'), object]);
    const body = await openDb(storage).open(object.oid);
    expect(body?.sizeBytes).toBe(6_000_000);
    expect((await collect(body?.bytes ?? nothing())).equals(object.content)).toBe(true);

    const hostile = Buffer.from(storage.files.get(packKey) as Buffer);
    hostile[2_000_000] = (hostile[2_000_000] as number) ^ 1;
    storage.files.set(packKey, hostile);
    const damaged = await openDb(storage).open(object.oid);
    let sizeBytes = 0;
    await expect(
      (async () => {
        for await (const piece of damaged?.bytes ?? []) sizeBytes += piece.length;
      })(),
    ).rejects.toMatchObject({ code: 'CorruptObject' });
    expect(sizeBytes).toBeLessThan(6_000_000);
  });

  it('lets a reader of a stream leave early', async () => {
    const storage = createMemoryGitStorage();
    const object = newObject('blob', randomBytes(5_000_000));
    await addPack(storage, [object]);
    for await (const piece of (await openDb(storage).open(object.oid))?.bytes ?? []) {
      expect(piece.length).toBeGreaterThan(0);
      break;
    }
    expect(storage.reads.length).toBeLessThan(12);
  });

  it('reads neighbors in a pack together', async () => {
    const storage = createMemoryGitStorage();
    const objects = Array.from({ length: 2000 }, (_, i) => blob(`object ${i}`));
    await addPack(storage, objects);
    const db = openDb(storage);
    const found = await db.findMany(objects.map(({ oid }) => oid));
    expect(found.size).toBe(2000);
    expect(storage.reads.length).toBeLessThan(5);
  });
});

describe('an object cache', () => {
  it('loads an index once for all who ask at the same time', async () => {
    const cache = createObjectCache({ maxBytes: 1_000_000 });
    const storage = createMemoryGitStorage();
    await addPack(storage, [blob('packed')]);
    await Promise.all(
      Array.from({ length: 5 }, () => createObjectDb({ storage, cache, scope: 'repo' }).find(absent)),
    );
    expect(storage.reads.length).toBe(1);
  });
});

describe('deltas', () => {
  const base = blob('The quick brown fox jumps over the lazy dog.');
  const copyAll = writeDelta(base.content.length, base.content.length + 1, [
    0x90,
    base.content.length,
    1,
    0x21,
  ]);
  const result = newObject('blob', Buffer.concat([base.content, Buffer.from('!')]));

  async function dbOf(entries: readonly RawEntry[], hot: readonly NewGitObject[] = []): Promise<ObjectDb> {
    const storage = createMemoryGitStorage();
    storage.addHot(hot);
    const { pack, index } = await rawPack(entries);
    storage.addPack('raw', pack, index);
    return openDb(storage);
  }
  const back = (oid: Oid) => (offset: number, offsetOf: (oid: Oid) => number) => offset - offsetOf(oid);

  it('are resolved by distance, by id, and from a base outside the pack', async () => {
    const cases = [
      await dbOf([wholeEntry(base), ofsDelta(result.oid, back(base.oid), copyAll)]),
      await dbOf([wholeEntry(base), refDelta(result.oid, base.oid, copyAll)]),
      await dbOf([refDelta(result.oid, base.oid, copyAll), wholeEntry(base)]),
      await dbOf([refDelta(result.oid, base.oid, copyAll)], [base]),
    ];
    for (const db of cases) {
      expect(await db.infoMany([result.oid])).toEqual(
        new Map([[result.oid, { type: 'blob', sizeBytes: 45 }]]),
      );
      expect((await db.get(result.oid)).content).toEqual(result.content);
      expect((await db.findMany([result.oid, base.oid])).size).toBe(2);
    }
  });

  it('may form long chains, over several packs', async () => {
    const storage = createMemoryGitStorage();
    let previous = base;
    let entries: RawEntry[] = [wholeEntry(base)];
    const all = [base];
    for (let i = 0; i < 200; i += 1) {
      const length = previous.content.length;
      // Nothing from the base is longer than 255 bytes: copy a tail of it and add one letter.
      const kept = Math.min(length, 100);
      const next = newObject(
        'blob',
        Buffer.concat([previous.content.subarray(length - kept), Buffer.from([65 + (i % 26), i])]),
      );
      const delta = writeDelta(length, kept + 2, [0x91, length - kept, kept, 2, 65 + (i % 26), i]);
      entries.push(refDelta(next.oid, previous.oid, delta));
      all.push(next);
      previous = next;
      if (i % 50 === 49) {
        const { pack, index } = await rawPack(entries);
        storage.addPack(`raw${i}`, pack, index);
        entries = [];
      }
    }
    expect((await openDb(storage).get(previous.oid)).content).toEqual(previous.content);
    expect((await openDb(storage).infoMany([previous.oid])).get(previous.oid)?.sizeBytes).toBe(102);
    expect((await openDb(storage).findMany(all.map(({ oid }) => oid))).size).toBe(201);
  });

  it.each<[string, readonly RawEntry[]]>([
    ['leads to itself', [refDelta(result.oid, result.oid, copyAll)]],
    [
      'goes round in a circle',
      [refDelta(result.oid, absent, copyAll), refDelta(absent, result.oid, copyAll)],
    ],
    ['has no base', [refDelta(result.oid, absent, copyAll)]],
    ['has its base before the pack', [ofsDelta(result.oid, (offset) => offset + 100, copyAll)]],
    ['has its base between entries', [wholeEntry(base), ofsDelta(result.oid, () => 3, copyAll)]],
    ['is its own base', [wholeEntry(base), ofsDelta(result.oid, () => 0, copyAll)]],
    ['is for another base', [wholeEntry(base), refDelta(result.oid, base.oid, writeDelta(7, 3, [0x90, 3]))]],
    [
      'copies beyond its base',
      [wholeEntry(base), refDelta(result.oid, base.oid, writeDelta(44, 40, [0x91, 40, 40]))],
    ],
    [
      'makes more than it says',
      [wholeEntry(base), refDelta(result.oid, base.oid, writeDelta(44, 3, [0x90, 44]))],
    ],
    [
      'makes less than it says',
      [wholeEntry(base), refDelta(result.oid, base.oid, writeDelta(44, 45, [0x90, 44]))],
    ],
    [
      'is cut off in an instruction',
      [wholeEntry(base), refDelta(result.oid, base.oid, writeDelta(44, 45, [0x91, 0]))],
    ],
    [
      'is cut off in its text',
      [wholeEntry(base), refDelta(result.oid, base.oid, writeDelta(44, 45, [5, 65]))],
    ],
    [
      'has an unknown instruction',
      [wholeEntry(base), refDelta(result.oid, base.oid, writeDelta(44, 0, [0]))],
    ],
    [
      'wants absurd memory',
      [wholeEntry(base), refDelta(result.oid, base.oid, writeDelta(44, 2 ** 50, [0x90, 44]))],
    ],
    ['is empty', [wholeEntry(base), refDelta(result.oid, base.oid, Buffer.alloc(0))]],
    [
      'makes another object',
      [wholeEntry(base), refDelta(result.oid, base.oid, writeDelta(44, 44, [0x90, 44]))],
    ],
  ])('that %s is corrupt', async (_what, entries) => {
    const db = await dbOf(entries);
    await expect(db.get(result.oid)).rejects.toMatchObject({ code: 'CorruptObject' });
    await expect((await dbOf(entries)).findMany([result.oid])).rejects.toMatchObject({
      code: 'CorruptObject',
    });
  });

  it('that go round in a circle over two packs are corrupt', async () => {
    const storage = createMemoryGitStorage();
    for (const [id, oid, to] of [
      ['a', result.oid, absent],
      ['b', absent, result.oid],
    ] as const) {
      const { pack, index } = await rawPack([refDelta(oid, to, copyAll)]);
      storage.addPack(id, pack, index);
    }
    await expect(openDb(storage).get(result.oid)).rejects.toMatchObject({ code: 'CorruptObject' });
    await expect(openDb(storage).infoMany([result.oid])).rejects.toMatchObject({ code: 'CorruptObject' });
  });
});

describe('hostile packs', () => {
  it('with flipped bits give the right object or are corrupt, and never hang', async () => {
    const base = blob('x'.repeat(500));
    const delta = writeDelta(500, 301, [0xb0, 300 & 255, 300 >> 8, 1, 0x21]);
    const derived = newObject('blob', Buffer.concat([base.content.subarray(0, 300), Buffer.from('!')]));
    const far = newObject('tree', Buffer.from(randomBytes(400)));
    const { pack, index } = await rawPack([
      wholeEntry(base),
      refDelta(derived.oid, base.oid, delta),
      wholeEntry(far),
    ]);
    const objects = [base, derived, far];
    await fc.assert(
      fc.asyncProperty(fc.nat(pack.length * 8 - 1), fc.boolean(), async (bit, isCut) => {
        const hostile = isCut ? Buffer.alloc(pack.length) : Buffer.from(pack);
        if (isCut) pack.copy(hostile, 0, 0, bit >> 3);
        else hostile[bit >> 3] = (hostile[bit >> 3] as number) ^ (1 << (bit & 7));
        const storage = createMemoryGitStorage();
        storage.addPack('raw', hostile, index);
        const db = openDb(storage);
        for (const { oid, content } of objects) {
          try {
            expect((await db.get(oid)).content.equals(content)).toBe(true);
          } catch (error) {
            expect(isHubError(error, 'CorruptObject'), String(error)).toBe(true);
          }
        }
        await db.infoMany(objects.map(({ oid }) => oid)).catch((error: unknown) => {
          expect(isHubError(error, 'CorruptObject'), String(error)).toBe(true);
        });
      }),
      { numRuns: 400 },
    );
  });

  it('that are cut off are corrupt', async () => {
    const storage = createMemoryGitStorage();
    const object = blob('y'.repeat(100));
    const { packKey } = await addPack(storage, [object]);
    storage.files.set(packKey, (storage.files.get(packKey) as Buffer).subarray(0, 15));
    await expect(openDb(storage).get(object.oid)).rejects.toMatchObject({ code: 'CorruptObject' });
  });
});

describe.skipIf(!hasNativeGit)('packs made by native git', () => {
  const git = useNativeGit();

  /**
   * A history of a growing text and a growing folder. fast-import makes each blob a delta of the one before it, up to
   * 50 in a chain, and so with trees.
   */
  function makeHistory(commits: number): void {
    const stream: string[] = [];
    let text = '';
    for (let i = 0; i < commits; i += 1) {
      text += `line ${i} ${'abc'.repeat(i % 20)}\n`;
      stream.push(`blob\nmark :${i + 1}\ndata ${text.length}\n${text}\n`);
    }
    for (let i = 0; i < commits; i += 1) {
      stream.push(
        `commit refs/heads/main\ncommitter A <a@b> ${1_700_000_000 + i} +0000\ndata <<END\ncommit ${i}\nEND\n`,
        `M 100644 :${i + 1} text.txt\nM 100644 :${(i % 7) + 1} folder/file${i}\n\n`,
      );
    }
    git.run(['fast-import', '--quiet'], { input: stream.join('') });
    git.run(['tag', '-a', '-m', 'tagged', 'v1', 'main']);
  }

  const allObjects = (): { oid: Oid; type: string; size: number }[] =>
    git
      .text(['cat-file', '--batch-all-objects', '--batch-check'])
      .split('\n')
      .map((line) => line.split(' '))
      .map(([oid, type, size]) => ({ oid: oid as Oid, type: type as string, size: Number(size) }));

  it.each(['true', 'false'])(
    'are read object by object and all together, with deltas by offset: %s',
    async (byOffset) => {
      if (git.text(['for-each-ref']) === '') makeHistory(150);
      git.run(['-c', `repack.useDeltaBaseOffset=${byOffset}`, 'repack', '-adq', '--depth=60']);
      const [packName] = readdirSync(join(git.folder, 'objects/pack')).filter((name) =>
        name.endsWith('.idx'),
      );
      const chains = git.text(['verify-pack', '-v', join('objects/pack', packName as string)]);
      expect(/chain length = [3-6]\d/.test(chains)).toBe(true);

      const storage = createMemoryGitStorage();
      addNativePacks(storage, git.folder);
      const objects = allObjects();
      const infos = await openDb(storage).infoMany(objects.map(({ oid }) => oid));
      const together = await openDb(storage).findMany(objects.map(({ oid }) => oid));
      const db = openDb(storage);
      for (const { oid, type, size } of objects) {
        expect(infos.get(oid)).toEqual({ type, sizeBytes: size });
        expect(together.get(oid)?.content.length).toBe(size);
        expect((await db.get(oid)).type).toBe(type);
      }
      const sample = objects.filter((_, i) => i % 40 === 0);
      for (const { oid, type } of sample)
        expect((await db.get(oid)).content).toEqual(git.run(['cat-file', type, oid]));
    },
  );

  it('are read when a thin pack was completed with its bases', async () => {
    if (git.text(['for-each-ref']) === '') makeHistory(150);
    const thin = git.run(['pack-objects', '--thin', '--stdout', '--revs', '-q'], {
      input: 'main\n^main~20\n',
    });
    const other = join(git.folder, 'other.git');
    git.run(['init', '-q', '--bare', other]);
    const old = git.run(['pack-objects', '--stdout', '--revs', '-q'], { input: 'main~20\n' });
    git.run(['index-pack', '--stdin'], { input: old, cwd: other });
    git.run(['index-pack', '--fix-thin', '--stdin'], { input: thin, cwd: other });
    const storage = createMemoryGitStorage();
    addNativePacks(storage, other);
    expect((await storage.packs()).length).toBe(2);
    const wanted = git
      .text(['rev-list', '--objects', 'main'])
      .split('\n')
      .map((line) => line.slice(0, 40) as Oid);
    const db = openDb(storage);
    for (const oid of wanted) await db.get(oid);
    expect((await openDb(storage).findMany(wanted)).size).toBe(new Set(wanted).size);
  });

  it('with a flipped byte never give a wrong object', async () => {
    if (git.text(['for-each-ref']) === '') makeHistory(150);
    git.run(['repack', '-adq']);
    const clean = createMemoryGitStorage();
    addNativePacks(clean, git.folder);
    const [ref] = await clean.packs();
    if (ref === undefined) throw new Error('no pack');
    const pack = clean.files.get(ref.packKey) as Buffer;
    const oids = allObjects().map(({ oid }) => oid);
    await fc.assert(
      fc.asyncProperty(fc.nat(pack.length - 1), fc.integer({ min: 1, max: 255 }), async (at, mask) => {
        const hostile = Buffer.from(pack);
        hostile[at] = (hostile[at] as number) ^ mask;
        const storage = createMemoryGitStorage();
        storage.addPack('hostile', hostile, clean.files.get(ref.indexKey) as Buffer);
        const db = openDb(storage);
        for (const oid of oids.filter((_, i) => i % 10 === at % 10)) {
          try {
            const { type, content } = await db.get(oid);
            expect(hashObject(type, content)).toBe(oid);
          } catch (error) {
            expect(isHubError(error, 'CorruptObject'), String(error)).toBe(true);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('have indexes that are read as written, 64-bit offsets included', async () => {
    if (git.text(['for-each-ref']) === '') makeHistory(150);
    git.run(['repack', '-adq']);
    const packs = join(git.folder, 'objects/pack');
    const name = readdirSync(packs).find((file) => file.endsWith('.pack')) as string;
    const index = join(git.folder, 'large.idx');
    // Offsets above 100 go to the table of 64-bit offsets, as they would in a pack of more than 2 GiB.
    git.run(['index-pack', '--index-version=2,0x64', '-o', index, join(packs, name)]);
    const storage = createMemoryGitStorage();
    storage.addPack('large', readFileSync(join(packs, name)), readFileSync(index));
    writeFileSync(index, '');
    const oids = allObjects().map(({ oid }) => oid);
    expect((await openDb(storage).findMany(oids)).size).toBe(oids.length);
  });
});
