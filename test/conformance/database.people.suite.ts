import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { NamespaceId, PublicId } from '../../server/domain/ids.ts';
import { createUser, NOW, type Fixture } from './database.suite.ts';

const hashOf = (secret: string): Buffer => createHash('sha256').update(secret).digest();
const HOUR = 3_600_000;

export function peopleSuite(fixture: Fixture): void {
  const { ask, change } = fixture;

  describe('accounts', () => {
    test('a user is found by name in any case, and by id', async () => {
      const created = await fixture.user('Ann');
      expect(created).toMatchObject({
        kind: 'user',
        name: 'Ann',
        fullName: 'Ann in full',
        email: 'Ann@example.org',
        isAdmin: false,
        createdAt: NOW,
      });
      expect(created.publicId).toMatch(/^[0-9a-f]{24}$/);
      expect(await ask((stores) => stores.accounts.findUser('aNN'))).toEqual(created);
      expect(await ask((stores) => stores.accounts.findUserById(created.id))).toEqual(created);
      expect(await ask((stores) => stores.accounts.findUser('bob'))).toBeUndefined();
    });

    test('only ASCII letters are the same in both cases', async () => {
      await fixture.user('İst');
      expect(await ask((stores) => stores.accounts.findUser('i̇st'))).toBeUndefined();
      expect(await ask((stores) => stores.accounts.findUser('İST'))).toMatchObject({ name: 'İst' });
    });

    test('users and organizations share one set of names', async () => {
      await fixture.user('Ann');
      const organization = { name: 'ANN', fullName: '', defaultVisibility: 'public', now: NOW } as const;
      await expect(change((stores) => stores.organizations.create(organization))).rejects.toMatchObject({
        code: 'Conflict',
      });
      await change((stores) => stores.organizations.create({ ...organization, name: 'Lab' }));
      await expect(fixture.user('lab')).rejects.toMatchObject({ code: 'Conflict' });
      expect(await ask((stores) => stores.accounts.findNamespace('LAB'))).toMatchObject({
        kind: 'organization',
        name: 'Lab',
      });
      expect(await ask((stores) => stores.accounts.findUser('lab'))).toBeUndefined();
    });

    test('of fifty sign-ups under one name at once exactly one succeeds', async () => {
      const attempts = await Promise.allSettled(
        Array.from({ length: 50 }, (_, index) => fixture.user(index % 2 ? 'ann' : 'ANN')),
      );
      expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      expect(await ask((stores) => stores.accounts.countUsers())).toBe(1);
    });

    test('users are listed by name', async () => {
      for (const name of ['carl', 'Ann', 'bob']) await fixture.user(name);
      const users = await ask((stores) => stores.accounts.listUsers());
      expect(users.map(({ name }) => name)).toEqual(['Ann', 'bob', 'carl']);
    });

    test('a change touches only what it names', async () => {
      const { id } = await fixture.user();
      await change((stores) => stores.accounts.updateUser(id, { fullName: 'Ann B.', isAdmin: true }));
      expect(await ask((stores) => stores.accounts.findUserById(id))).toMatchObject({
        fullName: 'Ann B.',
        isAdmin: true,
        email: 'ann@example.org',
      });
      await change((stores) => stores.accounts.updateUser(id, { email: undefined }));
      expect(await ask((stores) => stores.accounts.findUserById(id))).toMatchObject({
        fullName: 'Ann B.',
        isAdmin: true,
        email: undefined,
      });
      await change((stores) => stores.accounts.updateUser(id, {}));
    });

    test('a password hash is kept apart from the user', async () => {
      const { id } = await fixture.user();
      expect(await ask((stores) => stores.accounts.passwordHash(id))).toBeUndefined();
      await change((stores) => stores.accounts.setPasswordHash(id, '$scrypt$x'));
      expect(await ask((stores) => stores.accounts.passwordHash(id))).toBe('$scrypt$x');
    });
  });

  describe('access tokens', () => {
    const newToken = (userId: NamespaceId, secret: string, expiresAt?: number) => ({
      userId,
      name: secret,
      role: 'write' as const,
      prefix: secret.slice(0, 4),
      hash: hashOf(secret),
      expiresAt,
      now: NOW,
    });

    test('a token is found by the hash of its secret, with its user', async () => {
      const user = await fixture.user();
      const token = await change((stores) => stores.accounts.createToken(newToken(user.id, 'hf_one')));
      expect(token).toMatchObject({ userId: user.id, name: 'hf_one', role: 'write', lastUsedAt: undefined });
      expect(await ask((stores) => stores.accounts.findToken(hashOf('hf_one'), NOW))).toEqual({
        token,
        user,
      });
      expect(await ask((stores) => stores.accounts.findToken(hashOf('hf_two'), NOW))).toBeUndefined();
    });

    test('an expired token is not found, but listed', async () => {
      const user = await fixture.user();
      await change((stores) => stores.accounts.createToken(newToken(user.id, 'hf_one', NOW + HOUR)));
      const find = (now: number) => ask((stores) => stores.accounts.findToken(hashOf('hf_one'), now));
      expect(await find(NOW + HOUR - 1)).toMatchObject({ token: { expiresAt: NOW + HOUR } });
      expect(await find(NOW + HOUR)).toBeUndefined();
      expect(await ask((stores) => stores.accounts.listTokens(user.id))).toHaveLength(1);
    });

    test('a value that exists is refused', async () => {
      const ann = await fixture.user('ann');
      const bob = await fixture.user('bob');
      await change((stores) => stores.accounts.createToken(newToken(ann.id, 'hf_one')));
      const mine = await change((stores) => stores.accounts.createToken(newToken(bob.id, 'hf_two')));
      const again = change((stores) => stores.accounts.createToken(newToken(bob.id, 'hf_one')));
      await expect(again).rejects.toMatchObject({ code: 'Conflict' });
      const replaced = change((stores) =>
        stores.accounts.replaceToken(bob.id, mine.publicId, {
          role: 'read',
          prefix: 'hf_',
          hash: hashOf('hf_one'),
        }),
      );
      await expect(replaced).rejects.toMatchObject({ code: 'Conflict' });
    });

    test('replacing a token ends its former secret', async () => {
      const { id } = await fixture.user();
      const token = await change((stores) => stores.accounts.createToken(newToken(id, 'hf_one')));
      const hash = hashOf('hf_new');
      await change((stores) =>
        stores.accounts.replaceToken(id, token.publicId, { role: 'read', prefix: 'hf_n', hash }),
      );
      expect(await ask((stores) => stores.accounts.findToken(hashOf('hf_one'), NOW))).toBeUndefined();
      expect(await ask((stores) => stores.accounts.findToken(hash, NOW))).toMatchObject({
        token: { publicId: token.publicId, role: 'read', prefix: 'hf_n', name: 'hf_one' },
      });
      await change((stores) => stores.accounts.setTokenRole(id, token.publicId, 'write'));
      expect(await ask((stores) => stores.accounts.findToken(hash, NOW))).toMatchObject({
        token: { role: 'write' },
      });
    });

    test('a token is deleted by its own user alone', async () => {
      const ann = await fixture.user('ann');
      const bob = await fixture.user('bob');
      const { publicId } = await change((stores) => stores.accounts.createToken(newToken(ann.id, 'hf_one')));
      expect(await change((stores) => stores.accounts.deleteToken(bob.id, publicId))).toBe(false);
      expect(await change((stores) => stores.accounts.deleteToken(ann.id, publicId))).toBe(true);
      expect(await change((stores) => stores.accounts.deleteToken(ann.id, publicId))).toBe(false);
      expect(await ask((stores) => stores.accounts.listTokens(ann.id))).toEqual([]);
    });

    test('the last use of a token never goes back', async () => {
      const { id } = await fixture.user();
      const { publicId } = await change((stores) => stores.accounts.createToken(newToken(id, 'hf_one')));
      await change((stores) =>
        stores.accounts.touchTokens([
          { publicId, at: NOW + 5 },
          { publicId, at: NOW + 3 },
          { publicId: 'f'.repeat(24) as PublicId, at: NOW },
        ]),
      );
      expect(await ask((stores) => stores.accounts.listTokens(id))).toMatchObject([{ lastUsedAt: NOW + 5 }]);
    });
  });

  describe('sessions', () => {
    const session = { client: 'Firefox', now: NOW, expiresAt: NOW + 10 * HOUR };

    test('a session is found until it expires or has been idle', async () => {
      const user = await fixture.user();
      const hash = hashOf('cookie');
      await change((stores) => stores.accounts.createSession({ hash, userId: user.id, ...session }));
      const find = (now: number, idleSince: number) =>
        ask((stores) => stores.accounts.findSession(hash, now, idleSince));
      expect(await find(NOW + HOUR, NOW)).toEqual({ user, seenAt: NOW });
      expect(await find(NOW + HOUR, NOW + 1)).toBeUndefined();
      expect(await find(NOW + 10 * HOUR, NOW)).toBeUndefined();
      await change((stores) => stores.accounts.touchSession(hash, NOW + HOUR));
      expect(await find(NOW + HOUR, NOW + 1)).toMatchObject({ seenAt: NOW + HOUR });
    });

    test('sessions end one by one, or all but one', async () => {
      const { id } = await fixture.user();
      const hashes = ['a', 'b', 'c'].map(hashOf) as [Buffer, Buffer, Buffer];
      await change(async (stores) => {
        for (const hash of hashes) await stores.accounts.createSession({ hash, userId: id, ...session });
      });
      const alive = async () => {
        const found = await ask((stores) =>
          Promise.all(hashes.map((hash) => stores.accounts.findSession(hash, NOW, NOW))),
        );
        return found.map(Boolean);
      };
      await change((stores) => stores.accounts.deleteSession(hashes[0]));
      expect(await alive()).toEqual([false, true, true]);
      await change((stores) => stores.accounts.deleteSessions(id, hashes[2]));
      expect(await alive()).toEqual([false, false, true]);
      await change((stores) => stores.accounts.deleteSessions(id));
      expect(await alive()).toEqual([false, false, false]);
    });

    test('expired and idle sessions are swept', async () => {
      const { id } = await fixture.user();
      await change(async (stores) => {
        for (const [name, expiresAt] of [
          ['short', NOW + 1],
          ['long', NOW + HOUR],
        ] as const) {
          await stores.accounts.createSession({ ...session, hash: hashOf(name), userId: id, expiresAt });
        }
      });
      expect(await change((stores) => stores.accounts.deleteExpiredSessions(NOW + 1, NOW))).toBe(1);
      expect(await change((stores) => stores.accounts.deleteExpiredSessions(NOW + 1, NOW + 1))).toBe(1);
    });
  });

  describe('organizations', () => {
    const lab = { name: 'Lab', fullName: 'The Lab', defaultVisibility: 'private', now: NOW } as const;

    test('an organization is found, listed and changed', async () => {
      const created = await change((stores) => stores.organizations.create(lab));
      expect(created).toMatchObject({ kind: 'organization', name: 'Lab', defaultVisibility: 'private' });
      expect(await ask((stores) => stores.organizations.find('lab'))).toEqual(created);
      await change((stores) =>
        stores.organizations.update(created.id, { fullName: 'New Lab', defaultVisibility: 'public' }),
      );
      expect(await ask((stores) => stores.organizations.list())).toEqual([
        { ...created, fullName: 'New Lab', defaultVisibility: 'public' },
      ]);
      await fixture.user('ann');
      expect(await ask((stores) => stores.organizations.find('ann'))).toBeUndefined();
    });

    test('members come in pages, in order of their accounts', async () => {
      const organization = await change((stores) => stores.organizations.create(lab));
      const other = await change((stores) => stores.organizations.create({ ...lab, name: 'other' }));
      for (const name of ['carl', 'ann', 'bob']) {
        const user = await fixture.user(name);
        await change(async ({ organizations }) => {
          await organizations.setMember(organization.id, user.id, 'member', NOW);
          if (name !== 'ann') await organizations.setMember(other.id, user.id, 'member', NOW);
        });
      }
      const page = (after?: NamespaceId) =>
        ask(({ organizations }) => organizations.memberPage(organization.id, after, 2));
      const first = await page();
      expect(first.map(({ name }) => name)).toEqual(['carl', 'ann']);
      expect((await page(first.at(-1)?.id)).map(({ name }) => name)).toEqual(['bob']);
      expect(await ask(({ organizations }) => organizations.countMembers(organization.id))).toBe(3);
      expect(await ask(({ organizations }) => organizations.countMembers(other.id))).toBe(2);
    });

    test('a member has one role, which can change', async () => {
      const organization = await change((stores) => stores.organizations.create(lab));
      const ann = await fixture.user('ann');
      const bob = await fixture.user('bob');
      await change(async ({ organizations }) => {
        await organizations.setMember(organization.id, ann.id, 'member', NOW);
        await organizations.setMember(organization.id, bob.id, 'visitor', NOW);
        await organizations.setMember(organization.id, ann.id, 'super-admin', NOW);
      });
      expect(await ask(({ organizations }) => organizations.roleOf(organization.id, ann.id))).toBe(
        'super-admin',
      );
      expect(await ask(({ organizations }) => organizations.members(organization.id))).toEqual([
        { user: ann, role: 'super-admin' },
        { user: bob, role: 'visitor' },
      ]);
      expect(await ask(({ organizations }) => organizations.membershipsOf(bob.id))).toEqual([
        { organization, role: 'visitor' },
      ]);
      expect(await change(({ organizations }) => organizations.removeMember(organization.id, bob.id))).toBe(
        true,
      );
      expect(await change(({ organizations }) => organizations.removeMember(organization.id, bob.id))).toBe(
        false,
      );
      expect(await ask(({ organizations }) => organizations.roleOf(organization.id, bob.id))).toBeUndefined();
    });

    test('a user made in a write that throws never was', async () => {
      const attempt = change(async (stores) => {
        await createUser(stores, 'ann');
        throw new Error('stop');
      });
      await expect(attempt).rejects.toThrow('stop');
      expect(await ask((stores) => stores.accounts.findNamespace('ann'))).toBeUndefined();
    });
  });
}
