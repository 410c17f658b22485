import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { User } from '../../../server/domain/account.ts';
import type { Database } from '../../../server/db/stores.ts';
import { silentLog } from '../../../server/platform/log.ts';
import { couldBeToken, newTokenSecret } from '../../../server/services/token-secret.ts';
import { createTokens } from '../../../server/services/tokens.ts';
import type { Tokens } from '../../../server/services/tokens.ts';
import { createFakeClock, openTemporaryDatabase } from '../../support/people.ts';
import type { FakeClock, TemporaryDatabase } from '../../support/people.ts';

let temporary: TemporaryDatabase;
let db: Database;
let clock: FakeClock;
let tokens: Tokens;
let ada: User;

beforeEach(async () => {
  temporary = await openTemporaryDatabase();
  db = temporary.db;
  clock = createFakeClock();
  tokens = createTokens({ db, clock, log: silentLog });
  ada = await addUser('ada');
});
afterEach(() => temporary.dispose());

const addUser = (name: string): Promise<User> =>
  db.write(({ accounts }) =>
    accounts.createUser({
      name,
      fullName: name,
      email: undefined,
      passwordHash: undefined,
      isAdmin: false,
      now: clock.now(),
    }),
  );

const flip = (text: string, at: number): string =>
  text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1);

describe('the secret of a token', () => {
  it('starts with hf_ and carries 40 random and 6 check characters', () => {
    const secrets = Array.from({ length: 200 }, newTokenSecret);
    for (const secret of secrets) {
      expect(secret).toMatch(/^hf_[A-Za-z0-9]{46}$/);
      expect(couldBeToken(secret)).toBe(true);
    }
    expect(new Set(secrets).size).toBe(secrets.length);
  });

  it('is seen to be wrong when any character is', () => {
    const secret = newTokenSecret();
    for (let at = 3; at < secret.length; at += 1) expect(couldBeToken(flip(secret, at))).toBe(false);
  });

  it.each([
    '',
    'hf_',
    'hf_short',
    'api_orgabcdefghijkl',
    'hf_with space0000',
    'hf_é23456789',
    `hf_${'x'.repeat(10_000)}`,
  ])('cannot be %j', (text) => expect(couldBeToken(text)).toBe(false));

  it('may have another length when an administrator brought it along', () => {
    expect(couldBeToken(`hf_${'x'.repeat(34)}`)).toBe(true);
  });
});

describe('access tokens', () => {
  it('lead to their user, are listed without the secret, and are stored only as a hash', async () => {
    const { token, secret } = await tokens.create(ada.id, { name: ' laptop ', role: 'write' });
    expect(token).toMatchObject({ name: 'laptop', role: 'write', prefix: secret.slice(0, 7) });
    expect(await tokens.authenticate(secret)).toMatchObject({
      user: { name: 'ada' },
      token: { name: 'laptop' },
    });
    expect(JSON.stringify(await tokens.list(ada.id))).not.toContain(secret.slice(8));
  });

  it('are no longer known when revoked or expired', async () => {
    const one = await tokens.create(ada.id, { name: 'one', role: 'read' });
    const two = await tokens.create(ada.id, { name: 'two', role: 'read', expiresAt: clock.now() + 1000 });
    await tokens.revoke(ada.id, one.token.publicId);
    expect(await tokens.authenticate(one.secret)).toBeUndefined();
    expect(await tokens.authenticate(two.secret)).toBeDefined();
    clock.advance(1000);
    expect(await tokens.authenticate(two.secret)).toBeUndefined();
  });

  it('are revoked only by their owner', async () => {
    const eve = await addUser('eve');
    const { token, secret } = await tokens.create(ada.id, { name: 'one', role: 'read' });
    await expect(tokens.revoke(eve.id, token.publicId)).rejects.toMatchObject({ code: 'NotFound' });
    expect(await tokens.authenticate(secret)).toBeDefined();
  });

  it('have a name of their own for each user', async () => {
    await tokens.create(ada.id, { name: 'one', role: 'read' });
    await expect(tokens.create(ada.id, { name: 'one', role: 'write' })).rejects.toMatchObject({
      code: 'Conflict',
    });
    for (const name of ['', '   ', 'x'.repeat(129), 'a\nb', 'a\u202eb', 7 as unknown as string]) {
      await expect(tokens.create(ada.id, { name, role: 'read' })).rejects.toMatchObject({
        code: 'InvalidBody',
      });
    }
    const script = await tokens.create(ada.id, { name: '<script>alert(1)</script>', role: 'read' });
    expect(script.token.name).toBe('<script>alert(1)</script>');
  });

  it('do not ask the database for what cannot be a token', async () => {
    const unopened = new Proxy({} as Database, {
      get: () => {
        throw new Error('The database was asked.');
      },
    });
    const { secret } = await tokens.create(ada.id, { name: 'one', role: 'read' });
    const fenced = createTokens({ db: unopened, clock, log: silentLog });
    expect(await fenced.authenticate(flip(secret, 20))).toBeUndefined();
  });

  it('remember their last use, written together and at most once a minute', async () => {
    const { secret } = await tokens.create(ada.id, { name: 'one', role: 'read' });
    const lastUsed = async () => (await tokens.list(ada.id))[0]?.lastUsedAt;
    const first = clock.now();
    await tokens.authenticate(secret);
    expect(await lastUsed()).toBeUndefined();
    await tokens.close();
    expect(await lastUsed()).toBe(first);
    clock.advance(59_000);
    await tokens.authenticate(secret);
    await tokens.close();
    expect(await lastUsed()).toBe(first);
    clock.advance(1_000);
    await tokens.authenticate(secret);
    await tokens.close();
    expect(await lastUsed()).toBe(first + 60_000);
  });
});
