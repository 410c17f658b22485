import { expect, test } from 'vitest';
import { ANONYMOUS } from '../../../server/domain/access.ts';
import { createRequestLimits } from '../../../server/services/request-limits.ts';
import { createFakeClock } from '../../support/people.ts';

const refusal = expect.objectContaining({ code: 'TooManyRequests' }) as Error;

test('API requests are counted for each source, with what is left', () => {
  const clock = createFakeClock();
  const limits = createRequestLimits({ clock, apiRequests: 2 });
  expect(limits.admit(ANONYMOUS, '192.0.2.1')).toMatchObject({ remaining: 1, resetSeconds: 300 });
  clock.advance(10_000);
  expect(limits.admit(ANONYMOUS, '::ffff:192.0.2.1')).toMatchObject({ remaining: 0, resetSeconds: 290 });
  expect(() => limits.admit(ANONYMOUS, '192.0.2.1')).toThrow(refusal);
  expect(limits.admit(ANONYMOUS, '192.0.2.2')).toMatchObject({ remaining: 1 });
  for (const address of ['127.0.0.1', '::1', '::ffff:127.0.0.1', '127.8.9.1']) {
    expect(limits.admit(ANONYMOUS, address)).toBeUndefined();
  }
  clock.advance(290_000);
  expect(limits.admit(ANONYMOUS, '192.0.2.1')).toMatchObject({ remaining: 1 });
});

test('no limit is the rule', () => {
  const limits = createRequestLimits({ clock: createFakeClock(), apiRequests: 0 });
  for (let count = 0; count < 10_000; count += 1)
    expect(limits.admit(ANONYMOUS, '192.0.2.1')).toBeUndefined();
});

test('wrong tokens are counted for each source, but not those of this computer', () => {
  const limits = createRequestLimits({ clock: createFakeClock(), apiRequests: 0 });
  for (let count = 0; count < 1000; count += 1) limits.wrongToken('192.0.2.1');
  expect(() => limits.wrongToken('192.0.2.1')).toThrow(refusal);
  limits.wrongToken('192.0.2.2');
  for (let count = 0; count < 2000; count += 1) limits.wrongToken('127.0.0.1');
});
