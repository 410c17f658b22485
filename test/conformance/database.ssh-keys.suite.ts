import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { User } from '../../server/domain/account.ts';
import type { NamespaceId, PublicId, RepositoryId } from '../../server/domain/ids.ts';
import type { Repo } from '../../server/domain/repo.ts';
import { NOW, type Fixture } from './database.suite.ts';

const NOBODY = 'f'.repeat(24) as PublicId;

/** Public keys of people and of repositories. */
export function sshKeySuite(fixture: Fixture): void {
  const { ask, change } = fixture;
  const blobOf = (text: string): Buffer => Buffer.from(`\0\0\0\x0b${text}\xff`, 'latin1');
  const fingerprintOf = (text: string): Buffer => createHash('sha256').update(blobOf(text)).digest();
  const ofUser = (userId: NamespaceId) => ({ kind: 'user', userId }) as const;
  const ofRepo = (repositoryId: RepositoryId) => ({ kind: 'repository', repositoryId }) as const;

  const facts = (text: string, addedBy: User) => ({
    ...({ fingerprint: fingerprintOf(text), type: 'ssh-ed25519', blob: blobOf(text) } as const),
    ...{ title: `title of ${text}`, addedBy: addedBy.id, now: NOW },
  });
  const addOwn = (user: User, text: string): Promise<PublicId> =>
    change(({ sshKeys }) => sshKeys.add({ owner: ofUser(user.id), ...facts(text, user) }));
  const addDeploy = (repo: Repo, user: User, text: string, level: 'read' | 'write'): Promise<PublicId> =>
    change(({ sshKeys }) => sshKeys.add({ owner: { ...ofRepo(repo.id), level }, ...facts(text, user) }));
  const find = (text: string) => ask(({ sshKeys }) => sshKeys.find(fingerprintOf(text)));

  describe('keys for SSH', () => {
    test('the key of a user is found by its fingerprint and its id, with its user', async () => {
      const ann = await fixture.user('ann');
      const publicId = await addOwn(ann, 'one');
      const found = await find('one');
      expect(found).toEqual({
        key: {
          ...{ publicId, type: 'ssh-ed25519', blob: blobOf('one'), fingerprint: fingerprintOf('one') },
          ...{ title: 'title of one', level: undefined, addedBy: 'ann', createdAt: NOW },
          lastUsedAt: undefined,
        },
        opens: { kind: 'user', user: ann },
      });
      expect(await ask(({ sshKeys }) => sshKeys.findById(publicId))).toEqual(found);
      expect(await find('two')).toBeUndefined();
      expect(await ask(({ sshKeys }) => sshKeys.findById(NOBODY))).toBeUndefined();
    });

    test('a deploy key is found with its repository and what it may do there', async () => {
      const ann = await fixture.user('ann');
      const repo = await fixture.repo(ann);
      await addDeploy(repo, ann, 'reads', 'read');
      await addDeploy(repo, ann, 'writes', 'write');
      for (const [text, level] of [
        ['reads', 'read'],
        ['writes', 'write'],
      ] as const) {
        const found = await find(text);
        expect(found?.opens).toEqual({ kind: 'repository', repositoryId: repo.id, level });
        expect(found?.key).toMatchObject({ level, addedBy: 'ann' });
      }
    });

    test('a key is of one user or one repository alone, and who has it is not said', async () => {
      const [ann, bob] = [await fixture.user('ann'), await fixture.user('bob')];
      const repo = await fixture.repo(ann);
      await addOwn(ann, 'one');
      await addDeploy(repo, ann, 'two', 'read');
      for (const again of [
        () => addOwn(ann, 'one'),
        () => addOwn(bob, 'one'),
        () => addOwn(bob, 'two'),
        () => addDeploy(repo, bob, 'one', 'write'),
        () => addDeploy(repo, bob, 'two', 'write'),
      ]) {
        await expect(again()).rejects.toMatchObject({ code: 'Conflict' });
        await expect(again()).rejects.not.toThrow(/ann|llama/);
      }
      expect((await find('one'))?.opens).toMatchObject({ user: { name: 'ann' } });
    });

    test('keys are listed in the order in which they were added, each owner for itself', async () => {
      const [ann, bob] = [await fixture.user('ann'), await fixture.user('bob')];
      const repo = await fixture.repo(ann);
      const [one, , three, four] = [
        await addOwn(ann, 'one'),
        await addOwn(bob, 'two'),
        await addOwn(ann, 'three'),
        await addDeploy(repo, ann, 'four', 'read'),
      ];
      const ids = async (owner: ReturnType<typeof ofUser> | ReturnType<typeof ofRepo>) =>
        (await ask(({ sshKeys }) => sshKeys.list(owner))).map(({ publicId }) => publicId);
      expect(await ids(ofUser(ann.id))).toEqual([one, three]);
      expect(await ids(ofRepo(repo.id))).toEqual([four]);
    });

    test('nobody but its owner removes a key, and once removed it can be added by anybody', async () => {
      const [ann, bob] = [await fixture.user('ann'), await fixture.user('bob')];
      const repo = await fixture.repo(ann);
      const [own, deploy] = [await addOwn(ann, 'one'), await addDeploy(repo, ann, 'two', 'read')];
      const remove = (owner: ReturnType<typeof ofUser> | ReturnType<typeof ofRepo>, id: PublicId) =>
        change(({ sshKeys }) => sshKeys.remove(owner, id));
      expect(await remove(ofUser(bob.id), own)).toBe(false);
      expect(await remove(ofRepo(repo.id), own)).toBe(false);
      expect(await remove(ofUser(ann.id), deploy)).toBe(false);
      expect(await remove(ofUser(ann.id), NOBODY)).toBe(false);
      expect(await remove(ofUser(ann.id), own)).toBe(true);
      expect(await remove(ofUser(ann.id), own)).toBe(false);
      expect(await remove(ofRepo(repo.id), deploy)).toBe(true);
      await addOwn(bob, 'one');
      expect((await find('one'))?.opens).toMatchObject({ user: { name: 'bob' } });
    });

    test('the deploy keys of a repository go with it', async () => {
      const ann = await fixture.user('ann');
      const repo = await fixture.repo(ann);
      await addOwn(ann, 'one');
      await addDeploy(repo, ann, 'two', 'write');
      await change(({ repos }) => repos.delete(repo.id));
      expect(await find('two')).toBeUndefined();
      expect(await find('one')).toBeDefined();
    });

    test('the time of last use only moves on', async () => {
      const ann = await fixture.user('ann');
      const publicId = await addOwn(ann, 'one');
      const lastUsed = async () => (await find('one'))?.key.lastUsedAt;
      const touch = (at: number) => change(({ sshKeys }) => sshKeys.touch([{ publicId, at }]));
      await touch(NOW + 5);
      expect(await lastUsed()).toBe(NOW + 5);
      await touch(NOW + 3);
      expect(await lastUsed()).toBe(NOW + 5);
      await touch(NOW + 9);
      expect(await lastUsed()).toBe(NOW + 9);
    });
  });
}
