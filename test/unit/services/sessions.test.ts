import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { User } from '../../../server/domain/account.ts';
import { silentLog } from '../../../server/platform/log.ts';
import { createSessions } from '../../../server/services/sessions.ts';
import type { Sessions } from '../../../server/services/sessions.ts';
import { createFakeClock, openTemporaryDatabase } from '../../support/people.ts';
import type { FakeClock, TemporaryDatabase } from '../../support/people.ts';

const DAY_MS = 86_400_000;

let temporary: TemporaryDatabase;
let clock: FakeClock;
let sessions: Sessions;
let ada: User;

beforeEach(async () => {
  temporary = await openTemporaryDatabase();
  clock = createFakeClock();
  sessions = createSessions({ db: temporary.db, clock, log: silentLog });
  ada = await temporary.db.write(({ accounts }) =>
    accounts.createUser({
      name: 'ada',
      fullName: 'Ada',
      email: undefined,
      passwordHash: undefined,
      isAdmin: false,
      now: clock.now(),
    }),
  );
});
afterEach(() => temporary.dispose());

describe('sessions', () => {
  it('lead to their user until they are ended', async () => {
    const { sessionId } = await sessions.start(ada.id, 'Firefox');
    expect(sessionId).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(await sessions.find(sessionId)).toMatchObject({ name: 'ada' });
    await sessions.end(sessionId);
    expect(await sessions.find(sessionId)).toBeUndefined();
  });

  it('end after 7 days without use, and go on when used', async () => {
    const { sessionId } = await sessions.start(ada.id, 'Firefox');
    clock.advance(6 * DAY_MS);
    expect(await sessions.find(sessionId)).toBeDefined();
    await sessions.close();
    clock.advance(6 * DAY_MS);
    expect(await sessions.find(sessionId)).toBeDefined();
    await sessions.close();
    clock.advance(7 * DAY_MS + 1);
    expect(await sessions.find(sessionId)).toBeUndefined();
  });

  it('end after 30 days however often they are used', async () => {
    const { sessionId, expiresAt } = await sessions.start(ada.id, 'Firefox');
    expect(expiresAt).toBe(clock.now() + 30 * DAY_MS);
    for (let day = 0; day < 29; day += 1) {
      clock.advance(DAY_MS);
      expect(await sessions.find(sessionId)).toBeDefined();
      await sessions.close();
    }
    clock.advance(DAY_MS);
    expect(await sessions.find(sessionId)).toBeUndefined();
    expect(await sessions.sweep()).toBe(1);
  });

  it('get a new id at each sign-in, and the one presented before is worth nothing', async () => {
    const planted = await sessions.start(ada.id, 'Firefox');
    const fresh = await sessions.start(ada.id, 'Firefox', planted.sessionId);
    expect(fresh.sessionId).not.toBe(planted.sessionId);
    expect(await sessions.find(planted.sessionId)).toBeUndefined();
    expect(await sessions.find(fresh.sessionId)).toBeDefined();
  });

  it.each(['', 'x', 'x'.repeat(10_240), `${'x'.repeat(42)}\n`])('are not found by %j', async (text) => {
    expect(await sessions.find(text)).toBeUndefined();
    await sessions.end(text);
  });
});
