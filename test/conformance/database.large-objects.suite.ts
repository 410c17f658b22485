import { describe, expect, test } from 'vitest';
import type { RepoScope } from '../../server/db/questions/repo-scope.ts';
import type { PublicId, Sha256 } from '../../server/domain/ids.ts';
import { xetHashBytes } from '../../server/db/bytes.ts';
import type { Stores } from '../../server/db/stores.ts';
import { NOW, sha256Of, xetHashOf, type Fixture } from './database.suite.ts';

const HOUR = 3_600_000;

export function largeObjectSuite(fixture: Fixture): void {
  const { ask, change } = fixture;

  describe('large objects', () => {
    const add = (text: string | number, sizeBytes = 10) =>
      change((stores) => stores.largeObjects.addPlainForm({ sha256: sha256Of(text), sizeBytes }, NOW));

    async function twoRepos() {
      const owner = await fixture.user();
      return { mine: await fixture.repo(owner, 'mine'), other: await fixture.repo(owner, 'other') };
    }

    test('an object gets its forms one by one, in either order', async () => {
      const plain = await add('a');
      expect(plain).toEqual({
        id: plain.id,
        sha256: sha256Of('a'),
        sizeBytes: 10,
        hasPlainForm: true,
        xetHash: undefined,
      });
      const xet = { sha256: sha256Of('a'), sizeBytes: 10, xetHash: xetHashOf('a') };
      const both = await change((stores) => stores.largeObjects.addXetForm(xet, NOW));
      expect(both).toEqual({ ...plain, xetHash: xetHashOf('a') });

      const other = { sha256: sha256Of('b'), sizeBytes: 2 ** 40, xetHash: xetHashOf('b') };
      const xetOnly = await change((stores) => stores.largeObjects.addXetForm(other, NOW));
      expect(xetOnly).toMatchObject({ hasPlainForm: false, sizeBytes: 2 ** 40 });
      expect(await add('b', 2 ** 40)).toEqual({ ...xetOnly, hasPlainForm: true });
      expect(await ask((stores) => stores.largeObjects.findAny(sha256Of('b')))).toEqual({
        ...xetOnly,
        hasPlainForm: true,
      });
      expect(await ask((stores) => stores.largeObjects.findAny(sha256Of('c')))).toBeUndefined();
      expect(await ask((stores) => stores.largeObjects.totals())).toEqual({
        count: 2,
        sizeBytes: 10 + 2 ** 40,
      });
    });

    test('objects in plain form are looked at once each, and found by their chunks until they have a Xet form', async () => {
      const hash = (text: string) => xetHashBytes(xetHashOf(text));
      const [small, first, second] = [await add('small', 5), await add('first', 50), await add('second', 60)];
      await change(({ largeObjects }) =>
        largeObjects.addXetForm({ sha256: sha256Of('xet'), sizeBytes: 90, xetHash: xetHashOf('xet') }, NOW),
      );
      const next = (minBytes = 10) => ask(({ largeObjects }) => largeObjects.nextToExamine(minBytes));
      expect(await next(1)).toEqual(small);
      expect(await next()).toEqual(first);
      const mark = (id: number, texts: readonly string[]) =>
        change(({ largeObjects }) => largeObjects.markExamined(id, texts.map(hash), NOW));
      await mark(first.id, ['a', 'b']);
      await mark(first.id, ['b']);
      expect(await next()).toEqual(second);
      await mark(second.id, ['b', 'c', 'd']);
      expect(await next()).toBeUndefined();

      const find = (texts: readonly string[]) =>
        ask(({ largeObjects }) => largeObjects.findBySamples(texts.map(hash)));
      const found = async (texts: readonly string[]) =>
        new Map((await find(texts)).map(({ object, samples }) => [object, samples]));
      expect(await found(['a', 'b', 'x'])).toEqual(
        new Map([
          [first, 2],
          [second, 1],
        ]),
      );
      expect(await found(['b', 'c', 'd'])).toEqual(
        new Map([
          [first, 1],
          [second, 3],
        ]),
      );
      expect(await find(['x'])).toEqual([]);
      expect(await find([])).toEqual([]);

      // What has no other form keeps the one it has.
      await change(({ largeObjects }) => largeObjects.dropPlainForm(small.id));
      expect(await ask((stores) => stores.largeObjects.findAny(sha256Of('small')))).toEqual(small);
      const xetHash = xetHashOf('second');
      await change(async ({ largeObjects }) => {
        await largeObjects.addXetForm({ sha256: sha256Of('second'), sizeBytes: 60, xetHash }, NOW);
        await largeObjects.dropPlainForm(second.id);
      });
      expect(await ask((stores) => stores.largeObjects.findAny(sha256Of('second')))).toEqual({
        ...second,
        hasPlainForm: false,
        xetHash,
      });
      expect(await find(['c', 'd'])).toEqual([]);
    });

    test('what waits for one repository is listed in pages, as long as it waits', async () => {
      const { mine, other } = await twoRepos();
      const all = [await add('a', 1), await add('b', 2), await add('c', 3), await add('d', 4)];
      const [a, b, c, d] = all.map(({ id }) => id) as [number, number, number, number];
      await change(async ({ largeObjects }) => {
        await largeObjects.pend(mine.id, [a, b, c], NOW + HOUR);
        await largeObjects.pend(mine.id, [d], NOW + 2 * HOUR);
        await largeObjects.pend(other.id, [a], NOW + 2 * HOUR);
        await largeObjects.link(mine.id, [b], NOW);
      });
      const waiting = async (now: number, after = 0, limit = 10) =>
        (await ask(({ largeObjects }) => largeObjects.listPending(mine.id, now, after, limit))).map(
          ({ id }) => id,
        );
      expect(await waiting(NOW)).toEqual([a, c, d]);
      expect(await waiting(NOW, 0, 2)).toEqual([a, c]);
      expect(await waiting(NOW, c, 2)).toEqual([d]);
      expect(await waiting(NOW + HOUR)).toEqual([d]);
    });

    test('a link keeps where it came from, and is gone when it is taken back', async () => {
      const { mine, other } = await twoRepos();
      const [a, b] = [await add('a', 1), await add('b', 2)];
      const origin = { paths: new Map([[a.id, 'x/a.bin']]), ref: 'main', pusherId: mine.owner.id };
      await change(async ({ largeObjects }) => {
        await largeObjects.link(mine.id, [a.id, b.id], NOW, origin);
        await largeObjects.link(mine.id, [a.id], NOW + 5, { ...origin, ref: 'dev' });
        await largeObjects.link(other.id, [a.id], NOW);
        await largeObjects.pend(mine.id, [b.id], NOW + HOUR);
      });
      const list = (after = 0, limit = 10) =>
        ask(({ largeObjects }) => largeObjects.listFiles(mine.id, after, limit));
      const told = { linkedAt: NOW, ref: 'main', pusher: mine.owner.name };
      expect(await list()).toEqual([
        { ...a, ...told, path: 'x/a.bin' },
        { ...b, ...told, path: undefined },
      ]);
      expect(await list(a.id)).toMatchObject([b]);
      expect(await list(0, 1)).toMatchObject([a]);
      const sha256s = [sha256Of('a'), sha256Of('b'), sha256Of('never')];
      const linked = () => ask(({ largeObjects }) => largeObjects.findLinked(mine.id, sha256s));
      expect((await linked()).map(({ id }) => id).sort()).toEqual([a.id, b.id].sort());
      await change(({ largeObjects }) => largeObjects.unlink(mine.id, [sha256Of('b')], NOW));
      await change(({ largeObjects }) => largeObjects.unlink(mine.id, [sha256Of('b')], NOW));
      expect(await linked()).toEqual([a]);
      const seen = ({ largeObjects }: Stores) => largeObjects.findForRepository(mine.id, sha256s, NOW);
      expect(await ask(seen)).toEqual([a]);
      expect(await ask(({ inspection }) => inspection.removedAmong(mine.id, sha256s))).toEqual(
        new Set([sha256Of('b')]),
      );
      expect(await ask(({ inspection }) => inspection.removedAmong(other.id, sha256s))).toEqual(new Set());
    });

    test('the first Xet form of an object stays', async () => {
      const form = (xet: string) => ({ sha256: sha256Of('a'), sizeBytes: 1, xetHash: xetHashOf(xet) });
      await change((stores) => stores.largeObjects.addXetForm(form('one'), NOW));
      const again = await change((stores) => stores.largeObjects.addXetForm(form('two'), NOW));
      expect(again.xetHash).toBe(xetHashOf('one'));
    });

    test('one hash with two lengths is refused as damage', async () => {
      await add('a', 10);
      await expect(add('a', 11)).rejects.toMatchObject({ code: 'CorruptObject' });
      expect(await ask((stores) => stores.largeObjects.findAny(sha256Of('a')))).toMatchObject({
        sizeBytes: 10,
      });
    });

    test('a repository sees only what is linked to it or pending for it', async () => {
      const { mine, other } = await twoRepos();
      const linked = await add('linked');
      const pending = await add('pending');
      await add('stranger');
      await change(async (stores) => {
        await stores.largeObjects.link(mine.id, [linked.id], NOW);
        await stores.largeObjects.pend(mine.id, [pending.id], NOW + HOUR);
      });
      const all = ['linked', 'pending', 'stranger', 'unknown'].map(sha256Of);
      const seen = async (id: typeof mine.id, now: number) =>
        (await ask((stores) => stores.largeObjects.findForRepository(id, all, now)))
          .map((row) => row.id)
          .sort();
      expect(await seen(mine.id, NOW)).toEqual([linked.id, pending.id].sort());
      expect(await seen(mine.id, NOW + HOUR)).toEqual([linked.id]);
      expect(await seen(other.id, NOW)).toEqual([]);
    });

    test('a Xet hash is a name too, not a permission', async () => {
      const { mine, other } = await twoRepos();
      const form = { sha256: sha256Of('a'), sizeBytes: 1, xetHash: xetHashOf('a') };
      const object = await change((stores) => stores.largeObjects.addXetForm(form, NOW));
      await change((stores) => stores.largeObjects.pend(mine.id, [object.id], NOW + HOUR));
      const find = (id: typeof mine.id, now: number) =>
        ask((stores) => stores.largeObjects.findByXetHash(id, xetHashOf('a'), now));
      expect(await find(mine.id, NOW)).toEqual(object);
      expect(await find(mine.id, NOW + HOUR)).toBeUndefined();
      expect(await find(other.id, NOW)).toBeUndefined();
    });

    test('the later end of a pending wins', async () => {
      const { mine } = await twoRepos();
      const { id } = await add('a');
      const sees = async (now: number) =>
        (await ask((stores) => stores.largeObjects.findForRepository(mine.id, [sha256Of('a')], now)))
          .length === 1;
      await change((stores) => stores.largeObjects.pend(mine.id, [id, id], NOW + 2 * HOUR));
      await change((stores) => stores.largeObjects.pend(mine.id, [id], NOW + HOUR));
      expect(await sees(NOW + HOUR)).toBe(true);
      expect(await change((stores) => stores.largeObjects.deleteExpiredPendings(NOW + HOUR))).toBe(0);
      expect(await change((stores) => stores.largeObjects.deleteExpiredPendings(NOW + 2 * HOUR))).toBe(1);
      expect(await sees(NOW)).toBe(false);
    });

    test('linking ends pending and may be repeated', async () => {
      const { mine } = await twoRepos();
      const object = await add('a', 7);
      await change((stores) => stores.largeObjects.pend(mine.id, [object.id], NOW + HOUR));
      await change((stores) => stores.largeObjects.link(mine.id, [object.id, object.id], NOW));
      await change((stores) => stores.largeObjects.link(mine.id, [object.id], NOW));
      expect(await change((stores) => stores.largeObjects.deleteExpiredPendings(NOW + HOUR))).toBe(0);
      expect(await ask((stores) => stores.largeObjects.linkedBytes(mine.id))).toBe(7);
    });

    test('five thousand objects are linked and asked for at once', async () => {
      const { mine, other } = await twoRepos();
      const hashes = Array.from({ length: 5_000 }, (_, index) => sha256Of(index));
      await change(async ({ largeObjects }) => {
        const ids: number[] = [];
        for (const sha256 of hashes)
          ids.push((await largeObjects.addPlainForm({ sha256, sizeBytes: 3 }, NOW)).id);
        await largeObjects.link(mine.id, ids, NOW);
      });
      const find = (id: typeof mine.id, asked: readonly Sha256[]) =>
        ask((stores) => stores.largeObjects.findForRepository(id, asked, NOW));
      expect(await find(mine.id, [...hashes, sha256Of('unknown')])).toHaveLength(5_000);
      expect(await find(other.id, hashes)).toEqual([]);
      expect(await find(mine.id, [])).toEqual([]);
      expect(await ask((stores) => stores.largeObjects.linkedBytes(mine.id))).toBe(15_000);
      expect(await ask((stores) => stores.largeObjects.linkedBytes(other.id))).toBe(0);
      expect(await ask((stores) => stores.largeObjects.linkedBytesByKind())).toMatchObject({
        [mine.kind]: 15_000,
      });

      for (const list of [
        (after: number) => ask((stores) => stores.largeObjects.listLinked(mine.id, after, 2_000)),
        (after: number) => ask((stores) => stores.largeObjects.listAll(after, 2_000)),
      ]) {
        const seen: Sha256[] = [];
        for (let page = await list(0); page.length > 0; page = await list(page.at(-1)?.id ?? 0)) {
          seen.push(...page.map(({ sha256 }) => sha256));
        }
        expect(seen).toEqual(hashes);
      }
    });
  });

  describe('uploads', () => {
    async function start(expiresAt = NOW + HOUR) {
      const { id } = await fixture.repo(await fixture.user());
      const upload = await change((stores) =>
        stores.uploads.create(
          { repositoryId: id, sha256: sha256Of('a'), sizeBytes: 100, partSizeBytes: 40, expiresAt },
          NOW,
        ),
      );
      return { id, upload };
    }

    test('an upload is found by its id and by its object until it expires', async () => {
      const { id, upload } = await start();
      expect(upload).toMatchObject({ repositoryId: id, sizeBytes: 100, partSizeBytes: 40, createdAt: NOW });
      const find = (now: number) => ask((stores) => stores.uploads.find(upload.publicId, now));
      const findFor = (now: number) => ask((stores) => stores.uploads.findFor(id, sha256Of('a'), now));
      expect(await find(NOW)).toEqual(upload);
      expect(await findFor(NOW)).toEqual(upload);
      expect(await find(NOW + HOUR)).toBeUndefined();
      expect(await findFor(NOW + HOUR)).toBeUndefined();
      expect(await ask((stores) => stores.uploads.findFor(id, sha256Of('b'), NOW))).toBeUndefined();
      expect(await ask((stores) => stores.uploads.exists(upload.publicId))).toBe(true);
      expect(await ask((stores) => stores.uploads.listExpired(NOW + HOUR - 1, 10))).toEqual([]);
      expect(await ask((stores) => stores.uploads.listExpired(NOW + HOUR, 10))).toEqual([upload]);
    });

    test('parts come in any order, and a part sent again replaces itself', async () => {
      const { upload } = await start();
      await change(async ({ uploads }) => {
        await uploads.putPart(upload.publicId, { number: 2, sizeBytes: 40, etag: 'two' });
        await uploads.putPart(upload.publicId, { number: 1, sizeBytes: 40, etag: 'one' });
        await uploads.putPart(upload.publicId, { number: 2, sizeBytes: 41, etag: 'again' });
      });
      expect(await ask((stores) => stores.uploads.parts(upload.publicId))).toEqual([
        { number: 1, sizeBytes: 40, etag: 'one' },
        { number: 2, sizeBytes: 41, etag: 'again' },
      ]);
      await change((stores) => stores.uploads.delete(upload.publicId));
      expect(await ask((stores) => stores.uploads.parts(upload.publicId))).toEqual([]);
      expect(await ask((stores) => stores.uploads.exists(upload.publicId))).toBe(false);
    });

    test('a part of an unknown upload is refused', async () => {
      const part = { number: 1, sizeBytes: 1, etag: 'x' };
      const attempt = change((stores) => stores.uploads.putPart('0'.repeat(24) as PublicId, part));
      await expect(attempt).rejects.toMatchObject({ code: 'NotFound' });
    });
  });

  describe('xet', () => {
    const xorb = (text: string | number, sizeBytes = 100) => ({
      hash: xetHashOf(text),
      sizeBytes,
      rawBytes: sizeBytes * 2,
      chunkCount: 4,
    });

    test('xorbs are found by hash, listed in one order, and adding one again changes nothing', async () => {
      const xorbs = Array.from({ length: 30 }, (_, index) => xorb(index, index));
      await change(async ({ xet }) => {
        for (const one of xorbs) await xet.addXorb(one, [], NOW);
        await xet.addXorb({ ...xorb(3), sizeBytes: 9_999 }, [], NOW);
      });
      const asked = [xetHashOf(3), xetHashOf('unknown')];
      expect(await ask((stores) => stores.xet.findXorbs(asked))).toEqual([xorb(3, 3)]);
      const seen: string[] = [];
      for (let after = undefined as (typeof xorbs)[number]['hash'] | undefined; ;) {
        const page = await ask((stores) => stores.xet.listXorbs(after, 7));
        if (page.length === 0) break;
        seen.push(...page.map(({ hash }) => hash));
        after = page.at(-1)?.hash;
      }
      expect(seen.toSorted()).toEqual(xorbs.map(({ hash }) => hash).sort());
      expect(await ask((stores) => stores.xet.totals())).toEqual({ xorbs: 30, sizeBytes: (29 * 30) / 2 });
    });

    test('a file keeps its terms in order, repeats included', async () => {
      const terms = Array.from({ length: 3_000 }, (_, index) => ({
        xorb: xetHashOf(index % 3),
        chunkStart: index,
        chunkEnd: index + 1,
        unpackedBytes: 65_536,
      }));
      const file = { hash: xetHashOf('file'), sizeBytes: 3_000 * 65_536, terms };
      await change(async ({ xet }) => {
        for (const index of [0, 1, 2]) await xet.addXorb(xorb(index), [], NOW);
        await xet.addFile(file, NOW);
        await xet.addFile({ ...file, terms: [] }, NOW);
      });
      const found = await ask((stores) => stores.xet.findFile(file.hash));
      expect(found).toEqual({ sizeBytes: file.sizeBytes, terms });
      expect(await ask((stores) => stores.xet.findFile(xetHashOf('none')))).toBeUndefined();
    });

    test('xorbs are found by the chunks they came with and by those that were added', async () => {
      const hash = (text: string) => xetHashBytes(xetHashOf(text));
      await change(async ({ xet }) => {
        await xet.addXorb(xorb('a'), [hash('1'), hash('both')], NOW);
        await xet.addXorb(xorb('b'), [hash('both')], NOW);
        // A xorb that is there keeps the chunks it came with.
        await xet.addXorb(xorb('a'), [hash('late')], NOW);
        await xet.addSamples([
          { xorb: xetHashOf('b'), hash: hash('added') },
          { xorb: xetHashOf('b'), hash: hash('added') },
          { xorb: xetHashOf('nowhere'), hash: hash('added') },
        ]);
      });
      const find = async (texts: readonly string[], limit = 10) =>
        (await ask(({ xet }) => xet.findBySamples(texts.map(hash), limit))).toSorted();
      expect(await find(['1', 'unknown'])).toEqual([xetHashOf('a')]);
      expect(await find(['both'])).toEqual([xetHashOf('a'), xetHashOf('b')].toSorted());
      expect(await find(['both'], 1)).toHaveLength(1);
      expect(await find(['added'])).toEqual([xetHashOf('b')]);
      expect(await find(['late'])).toEqual([]);
      expect(await find([])).toEqual([]);
    });

    test('what is told around a chunk is of linked files in repositories of the scope alone', async () => {
      const hash = xetHashBytes(xetHashOf('sample'));
      const open = await fixture.repo(await fixture.user('ann'), 'open');
      const hidden = await fixture.repo(await fixture.user('bob'), 'hidden');
      await change(({ repos }) => repos.update(hidden.id, { visibility: 'private' }, NOW));
      const range = (name: string, chunkStart: number) => ({
        xorb: xetHashOf(name),
        chunkStart,
        chunkEnd: chunkStart + 1,
      });
      await change(async ({ xet, largeObjects }) => {
        await xet.addXorb(xorb('shared'), [hash], NOW);
        await xet.addXorb(xorb('beside'), [], NOW);
        for (const [name, repo, ranges] of [
          ['public', open, [range('shared', 0), range('beside', 3)]],
          ['private', hidden, [range('shared', 1)]],
          ['pending', undefined, [range('shared', 2)]],
        ] as const) {
          const xetHash = xetHashOf(name);
          const terms = ranges.map((one) => ({ ...one, unpackedBytes: 1 }));
          await xet.addFile({ hash: xetHash, sizeBytes: terms.length, terms }, NOW);
          const object = await largeObjects.addXetForm(
            { sha256: sha256Of(name), sizeBytes: terms.length, xetHash },
            NOW,
          );
          if (repo) await largeObjects.link(repo.id, [object.id], NOW);
          else await largeObjects.pend(open.id, [object.id], NOW + 1000);
        }
      });
      const limits = { files: 8, terms: 100 };
      const around = (scope: RepoScope, more = limits) =>
        ask(({ xet }) => xet.rangesAround(scope, hash, more));
      expect(await around({ kind: 'public' })).toEqual([range('shared', 0), range('beside', 3)]);
      expect(await around({ kind: 'public-and', owners: [hidden.owner.id] })).toHaveLength(3);
      expect(await around({ kind: 'everything' }, { files: 1, terms: 100 })).toEqual([range('shared', 1)]);
      expect(await around({ kind: 'everything' }, { files: 8, terms: 2 })).toHaveLength(2);
      expect(
        await ask(({ xet }) =>
          xet.rangesAround({ kind: 'everything' }, xetHashBytes(xetHashOf('x')), limits),
        ),
      ).toEqual([]);
    });

    test('a file over an unknown xorb is refused', async () => {
      const terms = [{ xorb: xetHashOf('nowhere'), chunkStart: 0, chunkEnd: 1, unpackedBytes: 1 }];
      const attempt = change((stores) =>
        stores.xet.addFile({ hash: xetHashOf('file'), sizeBytes: 1, terms }, NOW),
      );
      await expect(attempt).rejects.toMatchObject({ code: 'InvalidObject' });
      expect(await ask((stores) => stores.xet.findFile(xetHashOf('file')))).toBeUndefined();
    });
  });
}
