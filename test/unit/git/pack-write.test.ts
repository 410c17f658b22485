import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hashObject, newObject, writeCommit, writeTree } from '../../../server/git/objects.ts';
import { createPackBuilder, deflateObject } from '../../../server/git/pack-write.ts';
import { createSpool } from '../../../server/platform/spool.ts';
import { hasNativeGit, useNativeGit } from './native-git.ts';
import { buildPack, collect } from './pack-files.ts';

const ada = { name: 'Ada', email: 'ada@example.org', time: 1_700_000_000, zone: '+0000' };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'atoll-pack-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('a pack builder', () => {
  it('holds each object once, also when the same object is added twice at a time', async () => {
    const spool = createSpool({ folder, memoryBytes: 1024 });
    const builder = createPackBuilder({ spool });
    const large = randomBytes(300_000);
    const [a, b, c] = await Promise.all([
      builder.add('blob', large),
      builder.add('blob', large),
      builder.add('blob', Buffer.from('x')),
    ]);
    expect(a).toBe(b);
    expect(builder.has(c)).toBe(true);
    expect((await builder.finish()).objectCount).toBe(2);
    await spool.dispose();
  });

  it('names a pack by what is in it', async () => {
    const objects = ['a', 'b'].map((text) => newObject('blob', Buffer.from(text)));
    const [first, again, other] = [
      await buildPack(objects),
      await buildPack(objects),
      await buildPack([...objects].reverse()),
    ];
    expect(first.packId).toMatch(/^[0-9a-f]{40}$/);
    expect(again.packId).toBe(first.packId);
    expect(other.packId).not.toBe(first.packId);
    expect(first.pack.length).toBe(first.sizeBytes);
  });

  it('gives the same bytes again and again, from memory and from a file', async () => {
    const contents = Array.from({ length: 40 }, (_, i) =>
      Buffer.alloc(50_000, String(i)).fill(randomBytes(20_000)),
    );
    const packs: Buffer[] = [];
    for (const memoryBytes of [0, Number.POSITIVE_INFINITY]) {
      const spool = createSpool({ folder, memoryBytes });
      const builder = createPackBuilder({ spool });
      for (const content of contents) await builder.add('blob', content);
      expect(readdirSync(folder).length).toBe(memoryBytes === 0 ? 1 : 0);
      const built = await builder.finish();
      packs.push(await collect(built.bytes()), await collect(built.bytes()));
      await spool.dispose();
      expect(readdirSync(folder)).toEqual([]);
    }
    for (const pack of packs) expect(pack.equals(packs[0] as Buffer)).toBe(true);
  });

  it('does not hand out the end of a pack whose spool has changed under it', async () => {
    const spool = createSpool({ folder, memoryBytes: 0 });
    const builder = createPackBuilder({ spool });
    await builder.add('blob', randomBytes(600_000));
    const built = await builder.finish();
    const file = join(folder, readdirSync(folder)[0] as string);
    const bytes = readFileSync(file);
    bytes[1000] = (bytes[1000] as number) ^ 1;
    writeFileSync(file, bytes);
    await expect(collect(built.bytes())).rejects.toMatchObject({ code: 'CorruptObject' });
    await spool.dispose();
  });

  it('refuses additions once it is finished', async () => {
    const builder = createPackBuilder({ spool: createSpool({ folder, memoryBytes: 1024 }) });
    await builder.finish();
    await expect(builder.add('blob', Buffer.from('late'))).rejects.toThrow('finished');
  });

  it('stores what does not shrink as it is, and deflates the rest', async () => {
    const noise = randomBytes(200_000);
    const text = Buffer.alloc(200_000, 'all work and no play ');
    expect((await deflateObject(noise)).length).toBeLessThan(noise.length + 200);
    expect((await deflateObject(text)).length).toBeLessThan(text.length / 20);
    expect((await deflateObject(Buffer.alloc(0))).length).toBeLessThan(16);
  });
});

describe.skipIf(!hasNativeGit)('beside native git', () => {
  const git = useNativeGit();

  it('packs pass index-pack --strict, and the index is byte for byte its own', async () => {
    const blobs = [
      newObject('blob', Buffer.alloc(0)),
      newObject('blob', randomBytes(3_000_000)),
      newObject('blob', Buffer.alloc(2_000_000, 'text ')),
      ...Array.from({ length: 600 }, (_, i) => newObject('blob', randomBytes(i))),
    ];
    const tree = newObject(
      'tree',
      writeTree(blobs.map(({ oid }, i) => ({ mode: '100644', name: `file ${i}`, oid }))),
    );
    const commit = newObject(
      'commit',
      writeCommit({ tree: tree.oid, parents: [], author: ada, committer: ada, message: 'all\n' }),
    );
    const { pack, index, packId } = await buildPack([...blobs, tree, commit]);
    const file = join(git.folder, `objects/pack/pack-${packId}.pack`);
    writeFileSync(file, pack);
    git.run(['index-pack', '--strict', '--index-version=2', file]);
    expect(readFileSync(join(git.folder, `objects/pack/pack-${packId}.idx`)).equals(index)).toBe(true);
    git.run(['update-ref', 'refs/heads/main', commit.oid]);
    git.run(['fsck', '--strict', '--full']);
    expect(
      git
        .run(['cat-file', 'blob', (blobs[1] as (typeof blobs)[number]).oid])
        .equals((blobs[1] as (typeof blobs)[number]).content),
    ).toBe(true);
  });

  it('packs may hold streams deflated elsewhere, at any level', async () => {
    const spool = createSpool({ folder, memoryBytes: 1024 });
    const builder = createPackBuilder({ spool });
    const content = Buffer.alloc(5000, 'row ');
    const oid = hashObject('blob', content);
    await builder.addDeflated('blob', content.length, oid, deflateSync(content, { level: 9 }));
    await builder.addDeflated('blob', content.length, oid, deflateSync(content, { level: 1 }));
    const built = await builder.finish();
    expect(built.objectCount).toBe(1);
    git.run(['index-pack', '--strict', '--stdin'], { input: await collect(built.bytes()) });
    expect(git.run(['cat-file', 'blob', oid]).equals(content)).toBe(true);
    await spool.dispose();
  });

  it('an empty pack is one that git takes', async () => {
    const { pack } = await buildPack([]);
    git.run(['index-pack', '--strict', '--stdin'], { input: pack });
  });
});
