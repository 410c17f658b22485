import { describe, expect, test } from 'vitest';
import { NOW, oidOf, sha256Of, xetHashOf, type Fixture } from './database.suite.ts';

const HOUR = 3_600_000;

export function inspectionSuite(fixture: Fixture): void {
  const { ask, change } = fixture;

  describe('inspection', () => {
    async function twoRepos() {
      const owner = await fixture.user();
      return { owner, mine: await fixture.repo(owner, 'Mine'), other: await fixture.repo(owner, 'other') };
    }

    test('a repository has the names it is found by', async () => {
      const { owner, mine } = await twoRepos();
      expect(await ask((stores) => stores.inspection.namesOf(mine.id))).toEqual([
        { ownerId: owner.id, kind: 'model', folded: 'mine', isRedirect: false },
      ]);
    });

    test('hot rows are counted anew', async () => {
      const { mine, other } = await twoRepos();
      const row = (text: string) =>
        ({ oid: oidOf(text), type: 'blob', sizeBytes: 1, deflated: Buffer.from(text) }) as const;
      await change((stores) => stores.gitObjects.insertHot(mine.id, [row('one'), row('three')]));
      const count = (id: typeof mine.id) => ask((stores) => stores.inspection.countHot(id));
      expect(await count(mine.id)).toEqual({ count: 2, sizeBytes: 8 });
      expect(await count(mine.id)).toEqual(await ask((stores) => stores.gitObjects.hotTotals(mine.id)));
      expect(await count(other.id)).toEqual({ count: 0, sizeBytes: 0 });
    });

    test('linked is what is linked for good, and each link is found from the object', async () => {
      const { mine, other } = await twoRepos();
      const [linked, pending] = await change(async ({ largeObjects }) => {
        const both = await largeObjects.addPlainForm({ sha256: sha256Of('linked'), sizeBytes: 7 }, NOW);
        const waiting = await largeObjects.addPlainForm({ sha256: sha256Of('pending'), sizeBytes: 8 }, NOW);
        await largeObjects.link(mine.id, [both.id], NOW);
        await largeObjects.link(other.id, [both.id], NOW);
        await largeObjects.pend(mine.id, [waiting.id], NOW + HOUR);
        return [both, waiting];
      });
      const names = ['linked', 'pending', 'unknown'].map(sha256Of);
      expect(await ask((stores) => stores.inspection.linkedAmong(mine.id, names))).toEqual(
        new Map([[sha256Of('linked'), 7]]),
      );
      const linkers = (id: number, limit: number) => ask((stores) => stores.inspection.linkersOf(id, limit));
      expect(await linkers(linked.id, 10)).toEqual([mine.id, other.id]);
      expect(await linkers(linked.id, 1)).toEqual([mine.id]);
      expect(await linkers(pending.id, 10)).toEqual([]);
    });

    test('a xorb leads to the repositories whose files are rebuilt from it', async () => {
      const { mine, other } = await twoRepos();
      await change(async ({ xet, largeObjects }) => {
        for (const name of ['used', 'idle']) {
          await xet.addXorb({ hash: xetHashOf(name), sizeBytes: 1, rawBytes: 2, chunkCount: 2 }, [], NOW);
        }
        const term = { xorb: xetHashOf('used'), chunkStart: 0, chunkEnd: 1, unpackedBytes: 1 };
        await xet.addFile({ hash: xetHashOf('file'), sizeBytes: 2, terms: [term, term] }, NOW);
        const form = { sha256: sha256Of('file'), sizeBytes: 2, xetHash: xetHashOf('file') };
        const { id } = await largeObjects.addXetForm(form, NOW);
        for (const repo of [mine, other]) await largeObjects.link(repo.id, [id], NOW);
      });
      const dependents = (name: string, limit: number) =>
        ask((stores) => stores.inspection.dependentsOf(xetHashOf(name), limit));
      expect(await dependents('used', 10)).toEqual([mine.id, other.id]);
      expect(await dependents('used', 1)).toEqual([mine.id]);
      expect(await dependents('idle', 10)).toEqual([]);
    });

    test('uploads are listed page by page, expired ones too', async () => {
      const { mine } = await twoRepos();
      const made = await change(async ({ uploads }) => {
        const all = [];
        for (const expiresAt of [NOW - 1, NOW + HOUR, NOW + HOUR]) {
          const upload = { sha256: sha256Of('big'), sizeBytes: 10, partSizeBytes: 5, expiresAt };
          all.push(await uploads.create({ repositoryId: mine.id, ...upload }, NOW));
        }
        return all;
      });
      const sorted = [...made].sort((a, b) => (a.publicId < b.publicId ? -1 : 1));
      const first = await ask((stores) => stores.inspection.listUploads(undefined, 2));
      const rest = await ask((stores) => stores.inspection.listUploads(first.at(-1)?.publicId, 2));
      expect([...first, ...rest]).toEqual(sorted);
    });
  });
}
