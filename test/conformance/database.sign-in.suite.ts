import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { User } from '../../server/domain/account.ts';
import type { PublicId } from '../../server/domain/ids.ts';
import { NOW, type Fixture } from './database.suite.ts';

const hashOf = (secret: string): Buffer => createHash('sha256').update(secret).digest();
const HOUR = 3_600_000;
const NOBODY = 'f'.repeat(24) as PublicId;

/** What is kept for people who sign in: applications, codes, grants and their tokens, reaches, and sessions by name. */
export function signInSuite(fixture: Fixture): void {
  const { ask, change } = fixture;

  const createApp = async (owner: User, name = 'Reader', secretHash?: Buffer) => {
    const redirectUris = [`https://${name.toLowerCase()}.example.org/back`, 'http://localhost:7860/'];
    const publicId = await change(({ oauth }) =>
      oauth.createApp({ ownerId: owner.id, name, secretHash, redirectUris, now: NOW }),
    );
    const app = await ask(({ oauth }) => oauth.findApp(publicId));
    if (!app) throw new Error('The app is not there.');
    return app;
  };

  const createGrant = async (user: User, more: { appId?: number; now?: number; expiresAt?: number } = {}) => {
    const { appId, now = NOW, expiresAt = NOW + 10 * HOUR } = more;
    const id = await change(({ oauth }) =>
      oauth.createGrant({
        ...{ userId: user.id, appId, clientId: 'client', name: 'A program' },
        ...{ scope: 'openid read-repos', role: 'read', now, expiresAt },
      }),
    );
    const grant = await ask(({ oauth }) => oauth.findGrant({ id }));
    if (!grant) throw new Error('The grant is not there.');
    return grant;
  };

  const createToken = (user: User, secret: string, grantId?: number, expiresAt?: number) =>
    change(({ accounts }) =>
      accounts.createToken({
        ...{ userId: user.id, name: secret, role: 'read', prefix: secret.slice(0, 7) },
        ...{ hash: hashOf(secret), expiresAt, now: NOW, grantId },
      }),
    );
  const isGood = async (secret: string, now = NOW): Promise<boolean> =>
    (await ask(({ accounts }) => accounts.findToken(hashOf(secret), now))) !== undefined;

  describe('OAuth apps', () => {
    test('an app is found by its client id, listed by its owner, and deleted by nobody else', async () => {
      const [ann, bob] = [await fixture.user('ann'), await fixture.user('bob')];
      const secretHash = hashOf('secret');
      const app = await createApp(ann, 'Reader', secretHash);
      expect(app).toMatchObject({ owner: 'ann', name: 'Reader', secretHash, createdAt: NOW });
      expect(app.redirectUris).toEqual(['https://reader.example.org/back', 'http://localhost:7860/']);
      const open = await createApp(ann, 'Open');
      expect(open.secretHash).toBeUndefined();
      await createApp(bob, 'Other');
      expect(await ask(({ oauth }) => oauth.listApps(ann.id))).toEqual([app, open]);
      expect(new Set(await ask(({ oauth }) => oauth.listRedirectUris()))).toEqual(
        new Set([
          ...['reader', 'open', 'other'].map((name) => `https://${name}.example.org/back`),
          'http://localhost:7860/',
        ]),
      );
      expect(await ask(({ oauth }) => oauth.findApp(NOBODY))).toBeUndefined();
      expect(await ask(({ oauth }) => oauth.findApp('no id at all'))).toBeUndefined();
      expect(await change(({ oauth }) => oauth.deleteApp(bob.id, app.publicId))).toBe(false);
      expect(await change(({ oauth }) => oauth.deleteApp(ann.id, app.publicId))).toBe(true);
      expect(await change(({ oauth }) => oauth.deleteApp(ann.id, app.publicId))).toBe(false);
      expect(await ask(({ oauth }) => oauth.findApp(app.publicId))).toBeUndefined();
    });

    test('what was granted to an app ends with it, and nothing else', async () => {
      const ann = await fixture.user('ann');
      const [app, other] = [await createApp(ann, 'One'), await createApp(ann, 'Two')];
      const [grant, kept] = [
        await createGrant(ann, { appId: app.id }),
        await createGrant(ann, { appId: other.id }),
      ];
      await createToken(ann, 'hf_oauth_one', grant.id);
      await createToken(ann, 'hf_oauth_two', kept.id);
      await createToken(ann, 'hf_own');
      await change(({ oauth }) => oauth.deleteApp(ann.id, app.publicId));
      expect(await ask(({ oauth }) => oauth.findGrant({ id: grant.id }))).toBeUndefined();
      expect(await isGood('hf_oauth_one')).toBe(false);
      expect(await isGood('hf_oauth_two')).toBe(true);
      expect(await isGood('hf_own')).toBe(true);
    });
  });

  describe('device codes', () => {
    const deviceCode = (userCode: string, more: object = {}) => ({
      ...{ hash: hashOf(userCode), userCode, clientId: 'client', scope: 'openid', source: '10.0.0.1' },
      ...{ client: 'a program', now: NOW, expiresAt: NOW + HOUR, ...more },
    });
    const create = (userCode: string, more?: object) =>
      change(({ oauth }) => oauth.createDeviceCode(deviceCode(userCode, more)));
    const find = (userCode: string) => ask(({ oauth }) => oauth.findDeviceCode({ userCode }));

    test('a code is found by what the program and what the person knows', async () => {
      expect(await create('ABCD-EFGH')).toBe(true);
      const found = await find('ABCD-EFGH');
      expect(found).toMatchObject({
        ...{ userCode: 'ABCD-EFGH', clientId: 'client', scope: 'openid', source: '10.0.0.1' },
        ...{ client: 'a program', createdAt: NOW, expiresAt: NOW + HOUR },
      });
      expect(found?.decision).toBeUndefined();
      expect(await ask(({ oauth }) => oauth.findDeviceCode({ hash: hashOf('ABCD-EFGH') }))).toEqual(found);
      expect(await find('none')).toBeUndefined();
      expect(await create('ABCD-EFGH', { hash: hashOf('another') })).toBe(false);
      expect(await find('ABCD-EFGH')).toEqual(found);
    });

    test('waiting codes are counted, over all and from one source', async () => {
      await create('A');
      await create('B', { expiresAt: NOW + 1 });
      await create('C', { source: '10.0.0.2' });
      const count = (source: string, now: number) => ask(({ oauth }) => oauth.countDeviceCodes(source, now));
      expect(await count('10.0.0.1', NOW)).toEqual({ all: 3, ofSource: 2 });
      expect(await count('10.0.0.1', NOW + 1)).toEqual({ all: 2, ofSource: 1 });
      expect(await count('10.0.0.3', NOW)).toEqual({ all: 3, ofSource: 0 });
    });

    test('of many who decide at once one is heard, and of many who take it one gets it', async () => {
      const [ann, bob] = [await fixture.user('ann'), await fixture.user('bob')];
      await create('A');
      const id = (await find('A'))?.id ?? 0;
      const decisions = await Promise.all(
        Array.from({ length: 10 }, (_, index) =>
          change(({ oauth }) => oauth.decideDeviceCode(id, index % 2 ? ann.id : bob.id, index % 3 === 0)),
        ),
      );
      expect(decisions.filter(Boolean)).toHaveLength(1);
      const winner = decisions.indexOf(true);
      expect((await find('A'))?.decision).toEqual({
        userId: winner % 2 ? ann.id : bob.id,
        isApproved: winner % 3 === 0,
      });
      const taken = await Promise.all(
        Array.from({ length: 10 }, () => change(({ oauth }) => oauth.deleteDeviceCode(id))),
      );
      expect(taken.filter(Boolean)).toHaveLength(1);
      expect(await change(({ oauth }) => oauth.decideDeviceCode(id, ann.id, true))).toBe(false);
    });
  });

  describe('authorization codes', () => {
    test('a code brings its app and user, and is redeemed once', async () => {
      const [ann, bob] = [await fixture.user('ann'), await fixture.user('bob')];
      const app = await createApp(ann);
      const code = {
        ...{ appId: app.id, userId: bob.id, redirectUri: 'http://localhost:7860/', scope: 'openid' },
        ...{ now: NOW, expiresAt: NOW + HOUR },
      };
      await change(async ({ oauth }) => {
        await oauth.createCode({ ...code, hash: hashOf('a'), nonce: 'n', challenge: 'c' });
        await oauth.createCode({ ...code, hash: hashOf('b'), nonce: undefined, challenge: undefined });
      });
      const find = (secret: string) => ask(({ oauth }) => oauth.findCode(hashOf(secret)));
      const found = await find('a');
      expect(found).toMatchObject({
        ...{ app, user: bob, redirectUri: 'http://localhost:7860/', scope: 'openid', nonce: 'n' },
        ...{ challenge: 'c', createdAt: NOW, expiresAt: NOW + HOUR },
      });
      expect(found?.grantId).toBeUndefined();
      const plain = await find('b');
      expect([plain?.nonce, plain?.challenge]).toEqual([undefined, undefined]);
      expect(await find('c')).toBeUndefined();

      const grants = [await createGrant(bob), await createGrant(bob)];
      const redeemed = await Promise.all(
        grants.map(({ id }) => change(({ oauth }) => oauth.redeemCode(found?.id ?? 0, id))),
      );
      expect(redeemed.filter(Boolean)).toHaveLength(1);
      expect((await find('a'))?.grantId).toBe(grants[redeemed.indexOf(true)]?.id);
    });
  });

  describe('grants', () => {
    test('a grant is found with its user, listed with its last use, and ended by its own user', async () => {
      const [ann, bob] = [await fixture.user('ann'), await fixture.user('bob')];
      const app = await createApp(bob);
      const [grant, other] = [await createGrant(ann, { appId: app.id }), await createGrant(ann)];
      expect(grant).toMatchObject({
        ...{ user: ann, appId: app.id, clientId: 'client', name: 'A program', generation: 0 },
        ...{ scope: 'openid read-repos', role: 'read', createdAt: NOW, expiresAt: NOW + 10 * HOUR },
      });
      expect(other.appId).toBeUndefined();
      expect(await ask(({ oauth }) => oauth.findGrant({ publicId: grant.publicId }))).toEqual(grant);
      expect(await ask(({ oauth }) => oauth.findGrant({ publicId: NOBODY }))).toBeUndefined();

      const first = await createToken(ann, 'hf_oauth_1', grant.id);
      const second = await createToken(ann, 'hf_oauth_2', grant.id);
      await change(({ accounts }) =>
        accounts.touchTokens([
          { publicId: first.publicId, at: NOW + 5 },
          { publicId: second.publicId, at: NOW + 3 },
        ]),
      );
      const { user: _, ...listed } = grant;
      expect(await ask(({ oauth }) => oauth.listGrants(ann.id))).toEqual([
        { ...listed, prefix: second.prefix, lastUsedAt: NOW + 5 },
        expect.objectContaining({ publicId: other.publicId, prefix: undefined, lastUsedAt: undefined }),
      ]);
      expect(await ask(({ oauth }) => oauth.listGrants(bob.id))).toEqual([]);

      await change(({ oauth }) => oauth.advanceGrant(grant.id, 4, NOW + 20 * HOUR));
      expect(await ask(({ oauth }) => oauth.findGrant({ id: grant.id }))).toEqual({
        ...grant,
        generation: 4,
        expiresAt: NOW + 20 * HOUR,
      });
      const end = (userId: User['id']) =>
        change(({ oauth }) => oauth.deleteGrant({ userId, publicId: grant.publicId }));
      expect(await end(bob.id)).toBe(false);
      expect(await isGood('hf_oauth_1')).toBe(true);
      expect(await end(ann.id)).toBe(true);
      expect(await end(ann.id)).toBe(false);
      expect([await isGood('hf_oauth_1'), await isGood('hf_oauth_2')]).toEqual([false, false]);
      expect(await change(({ oauth }) => oauth.deleteGrant({ id: other.id }))).toBe(true);
    });

    test('its tokens carry it, are not listed, and cannot be deleted alone by name', async () => {
      const ann = await fixture.user('ann');
      const grant = await createGrant(ann);
      const own = await createToken(ann, 'hf_own');
      const token = await createToken(ann, 'hf_oauth', grant.id);
      const find = (secret: string) => ask(({ accounts }) => accounts.findToken(hashOf(secret), NOW));
      const { publicId, clientId, scope } = grant;
      expect((await find('hf_oauth'))?.token.grant).toEqual({ publicId, clientId, scope });
      expect((await find('hf_own'))?.token.grant).toBeUndefined();
      expect(await ask(({ accounts }) => accounts.listTokens(ann.id))).toEqual([own]);
      expect(await change(({ accounts }) => accounts.deleteToken(ann.id, token.publicId))).toBe(false);
      await createToken(ann, 'hf_oauth_too', grant.id);
      const end = (secret: string) => change(({ accounts }) => accounts.deleteTokenByHash(hashOf(secret)));
      expect(await end('hf_oauth')).toBe(true);
      expect(await end('hf_oauth')).toBe(false);
      // The whole grant went with it.
      expect(await isGood('hf_oauth_too')).toBe(false);
      expect(await ask(({ oauth }) => oauth.findGrant({ id: grant.id }))).toBeUndefined();
      expect(await isGood('hf_own')).toBe(true);
      expect(await end('hf_own')).toBe(true);
      expect(await isGood('hf_own')).toBe(false);
    });

    test('the newest tokens of one grant are kept', async () => {
      const ann = await fixture.user('ann');
      const [grant, other] = [await createGrant(ann), await createGrant(ann)];
      await createToken(ann, 'hf_other', other.id);
      for (const name of ['1', '2', '3']) await createToken(ann, `hf_${name}`, grant.id);
      await createToken(ann, 'hf_own');
      await change(({ oauth }) => oauth.pruneTokens(grant.id, 2));
      const good = await Promise.all(
        ['hf_1', 'hf_2', 'hf_3', 'hf_other', 'hf_own'].map((name) => isGood(name)),
      );
      expect(good).toEqual([false, true, true, true, true]);
    });

    test('what has expired is removed: device codes an hour late, own tokens never', async () => {
      const ann = await fixture.user('ann');
      const app = await createApp(ann);
      const until = NOW + 100;
      const [ending, lasting] = [await createGrant(ann, { expiresAt: until }), await createGrant(ann)];
      await createToken(ann, 'hf_ending', ending.id);
      await createToken(ann, 'hf_short', lasting.id, until);
      await createToken(ann, 'hf_long', lasting.id, until + 1);
      await createToken(ann, 'hf_own', undefined, until);
      await change(async ({ oauth }) => {
        const common = { clientId: 'client', scope: '', now: NOW, expiresAt: until };
        await oauth.createDeviceCode({ ...common, hash: hashOf('d'), userCode: 'D', source: '', client: '' });
        const code = {
          appId: app.id,
          userId: ann.id,
          redirectUri: '',
          nonce: undefined,
          challenge: undefined,
        };
        await oauth.createCode({ ...common, ...code, hash: hashOf('c') });
      });
      const expire = (now: number) => change(({ oauth }) => oauth.deleteExpired(now));
      expect(await expire(until - 1)).toBe(0);
      expect(await expire(until)).toBe(3);
      expect(await ask(({ oauth }) => oauth.findCode(hashOf('c')))).toBeUndefined();
      expect(await ask(({ oauth }) => oauth.findGrant({ id: ending.id }))).toBeUndefined();
      // Asked for as of an earlier time, so that only what is gone is not found.
      const good = await Promise.all(
        ['hf_ending', 'hf_short', 'hf_long', 'hf_own'].map((name) => isGood(name, NOW)),
      );
      expect(good).toEqual([false, false, true, true]);
      const device = () => ask(({ oauth }) => oauth.findDeviceCode({ userCode: 'D' }));
      expect(await device()).toBeDefined();
      expect(await expire(until + HOUR - 1)).toBe(1);
      expect(await device()).toBeDefined();
      expect(await expire(until + HOUR)).toBe(1);
      expect(await device()).toBeUndefined();
    });
  });

  describe('fine-grained tokens', () => {
    test('a token carries what it reaches, which follows names and ends with what it is about', async () => {
      const ann = await fixture.user('ann');
      const [one, two] = [await fixture.repo(ann, 'one'), await fixture.repo(ann, 'two')];
      const reach = {
        repositories: new Map([
          [one.id, 'write'],
          [two.id, 'read'],
        ] as const),
        namespaces: new Map([[ann.id, 'read']] as const),
      };
      const { publicId } = await change(({ accounts }) =>
        accounts.createToken({
          ...{
            userId: ann.id,
            name: 'fine',
            role: 'fineGrained',
            prefix: 'hf_fine',
            hash: hashOf('hf_fine'),
          },
          ...{ expiresAt: undefined, now: NOW, reach },
        }),
      );
      const found = async () =>
        (await ask(({ accounts }) => accounts.findToken(hashOf('hf_fine'), NOW)))?.token.reach;
      expect(await found()).toEqual(reach);
      const listed = () => ask(({ accounts }) => accounts.listReaches(ann.id));
      const named = { token: publicId, level: 'read' };
      expect(await listed()).toEqual([
        { ...named, type: 'user', id: ann.publicId, name: 'ann' },
        { ...named, type: 'model', id: one.publicId, name: 'ann/one', level: 'write' },
        { ...named, type: 'model', id: two.publicId, name: 'ann/two' },
      ]);

      await change(({ repos }) => repos.delete(one.id));
      expect([...((await found())?.repositories.keys() ?? [])]).toEqual([two.id]);
      await change(({ accounts }) => accounts.renameToken(ann.id, publicId, 'finer'));
      expect(await ask(({ accounts }) => accounts.listTokens(ann.id))).toMatchObject([{ name: 'finer' }]);
      await change(({ accounts }) => accounts.deleteToken(ann.id, publicId));
      expect(await listed()).toEqual([]);
    });

    test('a token of another kind has no reach, and only its own user renames it', async () => {
      const [ann, bob] = [await fixture.user('ann'), await fixture.user('bob')];
      const { publicId } = await createToken(ann, 'hf_plain');
      expect((await ask(({ accounts }) => accounts.findToken(hashOf('hf_plain'), NOW)))?.token.reach).toBe(
        undefined,
      );
      await change(({ accounts }) => accounts.renameToken(bob.id, publicId, 'stolen'));
      expect(await ask(({ accounts }) => accounts.listTokens(ann.id))).toMatchObject([{ name: 'hf_plain' }]);
    });
  });

  describe('sessions by their public names', () => {
    test('good ones are listed, the newest first, and ended one by one by their own user', async () => {
      const [ann, bob] = [await fixture.user('ann'), await fixture.user('bob')];
      const session = { userId: ann.id, client: 'Firefox', now: NOW, expiresAt: NOW + 10 * HOUR };
      await change(async ({ accounts }) => {
        await accounts.createSession({ ...session, hash: hashOf('old') });
        await accounts.createSession({ ...session, hash: hashOf('new'), place: '10.0.0.1', now: NOW + 1 });
        await accounts.createSession({ ...session, hash: hashOf('over'), expiresAt: NOW + 2 });
        await accounts.createSession({ ...session, hash: hashOf('bob'), userId: bob.id });
      });
      const list = (idleSince = NOW, current?: Buffer) =>
        ask(({ accounts }) => accounts.listSessions(ann.id, NOW + 2, idleSince, current));
      const listed = await list(NOW, hashOf('old'));
      expect(listed).toMatchObject([
        { client: 'Firefox', place: '10.0.0.1', createdAt: NOW + 1, seenAt: NOW + 1, isCurrent: false },
        { client: 'Firefox', place: '', createdAt: NOW, seenAt: NOW, isCurrent: true },
      ]);
      expect(listed).toHaveLength(2);
      for (const { publicId } of listed) expect(publicId).toMatch(/^[0-9a-f]{24}$/);
      expect(new Set(listed.map(({ publicId }) => publicId)).size).toBe(2);
      expect((await list(NOW + 1)).map(({ publicId }) => publicId)).toEqual([listed[0]?.publicId]);
      expect((await list()).map(({ isCurrent }) => isCurrent)).toEqual([false, false]);

      const end = (userId: User['id']) =>
        change(({ accounts }) => accounts.deleteSessionOf(userId, listed[0]?.publicId ?? NOBODY));
      expect(await end(bob.id)).toBe(false);
      expect(await end(ann.id)).toBe(true);
      expect(await end(ann.id)).toBe(false);
      const find = (secret: string) =>
        ask(({ accounts }) => accounts.findSession(hashOf(secret), NOW + 2, NOW));
      expect(await find('new')).toBeUndefined();
      expect(await find('old')).toMatchObject({ user: ann });
    });
  });
}
