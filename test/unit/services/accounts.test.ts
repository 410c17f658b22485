import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { User } from '../../../server/domain/account.ts';
import type { HubError } from '../../../server/domain/errors.ts';
import type { Database } from '../../../server/db/stores.ts';
import { silentLog } from '../../../server/platform/log.ts';
import { createAccounts } from '../../../server/services/accounts.ts';
import type { Accounts } from '../../../server/services/accounts.ts';
import { createPasswords } from '../../../server/services/passwords.ts';
import { createSessions } from '../../../server/services/sessions.ts';
import { createSetup } from '../../../server/services/setup.ts';
import { createSignInLimits } from '../../../server/services/sign-in-limits.ts';
import { createFakeClock, openTemporaryDatabase } from '../../support/people.ts';
import type { FakeClock, TemporaryDatabase } from '../../support/people.ts';

const PASSWORD = 'tide pools at dawn';
const source = '10.0.0.7';

let temporary: TemporaryDatabase;
let db: Database;
let clock: FakeClock;
let accounts: Accounts;
const passwords = createPasswords();

beforeEach(async () => {
  temporary = await openTemporaryDatabase();
  db = temporary.db;
  clock = createFakeClock();
  accounts = createAccounts({ db, clock, passwords, limits: createSignInLimits(clock) });
});
afterEach(() => temporary.dispose());

const errorWith = (code: string) => expect.objectContaining({ code }) as HubError;

describe('accounts', () => {
  it('are made with a name, and everything else can come later', async () => {
    const user = await accounts.create({ name: 'Ada' });
    expect(user).toMatchObject({ name: 'Ada', fullName: 'Ada', isAdmin: false });
    expect(await accounts.get('ADA')).toMatchObject({ id: user.id });
    await expect(accounts.create({ name: 'ada' })).rejects.toThrow(errorWith('Conflict'));
    await expect(accounts.get('eve')).rejects.toThrow(errorWith('NotFound'));
  });

  it.each([
    [{ name: 'settings' }, 'ReservedName'],
    [{ name: 'a--b' }, 'InvalidName'],
    [{ name: 'ada', email: 'nowhere' }, 'InvalidBody'],
    [{ name: 'ada', fullName: 'A\u202eda' }, 'InvalidBody'],
    [{ name: 'ada', password: 'short' }, 'InvalidBody'],
  ])('are refused for %j', async (user, code) => {
    await expect(accounts.create(user)).rejects.toThrow(errorWith(code));
    expect(await accounts.list()).toEqual([]);
  });

  it('sign in with name, in any case, and password', async () => {
    const user = await accounts.create({ name: 'Ada', password: PASSWORD });
    expect(await accounts.signIn({ name: 'aDA', password: PASSWORD, source })).toEqual(user);
  });

  it('answer alike to a wrong password, an unknown name and a user without password', async () => {
    await accounts.create({ name: 'ada', password: PASSWORD });
    await accounts.create({ name: 'bot' });
    for (const name of ['ada', 'bot', 'nobody', 'no/name', '']) {
      const refusal = accounts.signIn({ name, password: 'wrong password', source });
      await expect(refusal).rejects.toMatchObject({
        code: 'InvalidCredentials',
        message: 'Wrong user name or password.',
      });
    }
  });

  it('change the password with the current one, and end every other session', async () => {
    const user = await accounts.create({ name: 'ada', password: PASSWORD });
    const sessions = createSessions({ db, clock, log: silentLog });
    const here = await sessions.start(user.id, 'here');
    const there = await sessions.start(user.id, 'there');
    const change = { user, next: 'another fine morning', source, keepSession: here.sessionId };
    await expect(accounts.changePassword({ ...change, current: 'wrong password' })).rejects.toThrow(
      errorWith('InvalidCredentials'),
    );
    await accounts.changePassword({ ...change, current: PASSWORD });
    expect(await sessions.find(here.sessionId)).toBeDefined();
    expect(await sessions.find(there.sessionId)).toBeUndefined();
    await expect(accounts.signIn({ name: 'ada', password: PASSWORD, source })).rejects.toThrow();
    expect(await accounts.signIn({ name: 'ada', password: change.next, source })).toMatchObject({
      name: 'ada',
    });
  });

  it('change full name and e-mail address', async () => {
    const user = await accounts.create({ name: 'ada', email: 'ada@example.org' });
    const changed = await accounts.updateProfile(user.id, { fullName: ' Ada L. ', email: undefined });
    expect(changed).toMatchObject({ fullName: 'Ada L.', email: undefined });
    expect(await accounts.get('ada')).toEqual(changed);
  });
});

describe('the limits of sign-in', () => {
  const fail = (
    limits: ReturnType<typeof createSignInLimits>,
    account: string,
    address: string,
    times: number,
  ) => {
    for (let count = 0; count < times; count += 1) limits.begin(account, address).done();
  };

  it('let 10 wrong passwords through in 5 minutes, then say how long to wait', () => {
    const limits = createSignInLimits(clock);
    fail(limits, 'ada', source, 10);
    clock.advance(60_000);
    expect(() => limits.begin('ADA', source)).toThrow(
      expect.objectContaining({
        code: 'TooManyRequests',
        details: { retryAfterSeconds: 240, limit: 'login', quota: 10, windowSeconds: 300 },
      }) as HubError,
    );
    clock.advance(240_000);
    fail(limits, 'ada', source, 10);
  });

  it('do not prolong the wait of those who try on', () => {
    const limits = createSignInLimits(clock);
    fail(limits, 'ada', source, 10);
    for (let count = 0; count < 30; count += 1) {
      expect(() => limits.begin('ada', source)).toThrow(errorWith('TooManyRequests'));
      clock.advance(9_900);
    }
    clock.advance(3_000);
    fail(limits, 'ada', source, 1);
  });

  it('let 30 attempts through from one source, whatever names it tries', () => {
    const limits = createSignInLimits(clock);
    for (let index = 0; index < 30; index += 1) fail(limits, `user${index}`, '2001:db8::1', 1);
    expect(() => limits.begin('other', '2001:db8:0:0:ffff::9')).toThrow(errorWith('TooManyRequests'));
    fail(limits, 'other', '2001:db8:0:1::1', 1);
  });

  const succeed = (limits: ReturnType<typeof createSignInLimits>, account: string, address: string) => {
    const attempt = limits.begin(account, address);
    attempt.succeeded();
    attempt.done();
  };

  it('do not let strangers keep the owner out, wherever the owner is', () => {
    const limits = createSignInLimits(clock);
    succeed(limits, 'ada', '10.0.0.1');
    for (let host = 1; host <= 200; host += 1) fail(limits, 'ada', `192.168.0.${host}`, host <= 10 ? 10 : 3);
    // From a place that is known she has all her attempts, from a new one some: enough for the right password.
    fail(limits, 'ada', '10.0.0.1', 9);
    succeed(limits, 'ada', '10.0.0.1');
    fail(limits, 'ada', '10.0.0.2', 2);
    succeed(limits, 'ada', '10.0.0.2');
    // Whoever guesses gets no more of them.
    fail(limits, 'ada', '192.168.1.1', 3);
    expect(() => limits.begin('ada', '192.168.1.1')).toThrow(errorWith('TooManyRequests'));
  });

  it('do not let guesses at others from the same address keep somebody out who signed in there before', () => {
    const limits = createSignInLimits(clock);
    succeed(limits, 'ada', source);
    for (let index = 0; index < 30; index += 1) fail(limits, `user${index}`, source, 1);
    expect(() => limits.begin('new', source)).toThrow(errorWith('TooManyRequests'));
    succeed(limits, 'ada', source);
  });

  it('leave places to others while one source has many passwords hashed', () => {
    const limits = createSignInLimits(clock);
    const running = Array.from({ length: 6 }, (_, index) => limits.begin(`user${index}`, source));
    expect(() => limits.begin('other', source)).toThrow(errorWith('TooManyRequests'));
    limits.begin('other', '192.0.2.77');
    running[0]?.done();
    limits.begin('other', source);
  });

  it('do not count what succeeds', () => {
    const limits = createSignInLimits(clock);
    for (let count = 0; count < 200; count += 1) succeed(limits, 'ada', source);
  });

  it('hold before the password is looked at', async () => {
    await accounts.create({ name: 'ada', password: PASSWORD });
    for (let count = 0; count < 10; count += 1) {
      await expect(accounts.signIn({ name: 'ada', password: 'x', source })).rejects.toThrow();
    }
    await expect(accounts.signIn({ name: 'ada', password: PASSWORD, source })).rejects.toThrow(
      errorWith('TooManyRequests'),
    );
  });
});

describe('the setup of an empty hub', () => {
  const owner = { name: 'ada', password: PASSWORD };

  it('makes the first user an administrator, once and only once', async () => {
    const setup = createSetup({ db, clock, passwords });
    expect(await setup.isRequired()).toBe(true);
    const secret = (await setup.secret()) ?? '';
    expect(secret).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(await setup.secret()).toBe(secret);
    expect(await setup.complete(secret, owner, '127.0.0.1')).toMatchObject({ name: 'ada', isAdmin: true });
    expect(await setup.isRequired()).toBe(false);
    expect(await setup.secret()).toBeUndefined();
    await expect(setup.complete(secret, { ...owner, name: 'eve' }, '127.0.0.1')).rejects.toThrow(
      errorWith('Conflict'),
    );
  });

  it('refuses a wrong secret, and every secret before one was made', async () => {
    const setup = createSetup({ db, clock, passwords });
    await expect(setup.complete('', owner, '127.0.0.1')).rejects.toThrow(errorWith('Forbidden'));
    await setup.secret();
    await expect(setup.complete('guessed', owner, '127.0.0.1')).rejects.toThrow(errorWith('Forbidden'));
    expect(await setup.isRequired()).toBe(true);
  });

  it('stops guesses after ten, and never the right secret', async () => {
    const setup = createSetup({ db, clock, passwords });
    const secret = (await setup.secret()) ?? '';
    const codes = [];
    for (let guess = 0; guess < 12; guess += 1) {
      codes.push(
        await setup
          .complete(`guess ${guess}`, owner, '192.0.2.1')
          .catch((error: { code: string }) => error.code),
      );
    }
    expect(codes).toEqual([...Array<string>(10).fill('Forbidden'), 'TooManyRequests', 'TooManyRequests']);
    await expect(setup.complete('x', owner, '192.0.2.2')).rejects.toThrow(errorWith('Forbidden'));
    expect(await setup.complete(secret, owner, '192.0.2.1')).toMatchObject({ isAdmin: true });
  });

  it('gives one of two at the same time the hub, and the other a Conflict', async () => {
    const setup = createSetup({ db, clock, passwords });
    const secret = (await setup.secret()) ?? '';
    const answers = await Promise.allSettled(
      ['ada', 'eve'].map((name) => setup.complete(secret, { ...owner, name }, '127.0.0.1')),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(await accounts.list()).toHaveLength(1);
  });

  it('is over when an account was made in another way, also for a link printed before', async () => {
    const setup = createSetup({ db, clock, passwords });
    const secret = (await setup.secret()) ?? '';
    const made: User = await accounts.create({ name: 'ada', isAdmin: true });
    await expect(setup.complete(secret, { ...owner, name: 'eve' }, '127.0.0.1')).rejects.toThrow(
      errorWith('Conflict'),
    );
    expect(await accounts.list()).toEqual([made]);
  });
});
