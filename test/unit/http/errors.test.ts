import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { HubError, repoNotFound, type ErrorCode } from '../../../server/domain/errors.ts';
import { asHubError, errorReply, isOurFault } from '../../../server/http/errors.ts';

/** Every code of the union, read from where it is written. */
const source = readFileSync(new URL('../../../server/domain/errors.ts', import.meta.url), 'utf8');
const union = /export type ErrorCode =([^;]*);/.exec(source)?.[1] ?? '';
const CODES = [...union.matchAll(/'(\w+)'/g)].map((match) => match[1] as ErrorCode);

const reply = (error: HubError, options: { isAnonymous?: boolean; form?: 'hub' | 'lfs' } = {}) =>
  errorReply(error, { requestId: 'r1', isAnonymous: false, form: 'hub', ...options });

test('every code has a status of a failure', () => {
  expect(CODES.length).toBeGreaterThan(40);
  for (const code of CODES) {
    const { status, headers } = reply(new HubError(code, 'A sentence.'));
    expect(status, code).toBeGreaterThanOrEqual(400);
    expect(status, code).toBeLessThan(600);
    expect(headers?.['x-error-code']).toBe(code);
  }
});

test('only what clients shall try again has a status that makes them wait', () => {
  const waited = CODES.filter((code) =>
    [408, 429, 500, 502, 503, 504].includes(reply(new HubError(code, 'x')).status),
  );
  expect(new Set(waited)).toEqual(
    new Set(['TooManyRequests', 'RequestTimeout', 'Unavailable', 'CorruptObject', 'Internal']),
  );
});

test('what is not offered is no failure of ours, what breaks is', () => {
  expect(CODES.filter(isOurFault)).toEqual([
    'InsufficientStorage',
    'Unavailable',
    'CorruptObject',
    'Internal',
  ]);
});

describe('an answer', () => {
  test('has the sentence in body and header, the facts, and the id of the request', () => {
    const error = new HubError('InvalidBody', 'Line 7: "x" is bad.', { details: { line: 7 } });
    const { status, headers, body } = reply(error);
    expect(status).toBe(400);
    expect(headers).toMatchObject({ 'x-error-message': 'Line 7: "x" is bad.', 'cache-control': 'no-store' });
    expect(body).toEqual({
      kind: 'json',
      value: { error: 'Line 7: "x" is bad.', line: 7, code: 'InvalidBody', requestId: 'r1' },
    });
  });

  test('never has what must stay private', () => {
    const broken = asHubError(new Error('secret path /home/x'));
    expect(broken.code).toBe('Internal');
    expect(JSON.stringify(reply(broken))).not.toContain('secret');
    expect(
      JSON.stringify(reply(new HubError('Forbidden', 'No.', { cause: new Error('secret') }))),
    ).not.toContain('secret');
  });

  test('has a header that nothing can break out of', () => {
    const { headers } = reply(new HubError('EntryNotFound', 'a\r\nset-cookie: x=1\u202e"é'));
    expect(headers?.['x-error-message']).toBe('a??set-cookie: x=1?"?');
  });

  test('about a path that is announced is another than about one that is written or asked for', () => {
    const wrong = (details: object) => reply(new HubError('InvalidPath', 'x', { details: { ...details } }));
    expect([wrong({}).status, wrong({ line: 2 }).status, wrong({ file: 0 }).status]).toEqual([400, 400, 422]);
  });

  test('about an absent repository says what clients say already', () => {
    const { headers } = reply(repoNotFound(), { isAnonymous: true });
    expect(`Repository Not Found for url: http://hub/api/models/a/b.`.toLowerCase()).toContain(
      headers?.['x-error-message']?.toLowerCase(),
    );
  });

  test('about an absent repository asks the anonymous to sign in', () => {
    const absent = new HubError('RepoNotFound', 'Repository not found');
    expect(reply(absent, { isAnonymous: true }).status).toBe(401);
    expect(reply(absent).status).toBe(404);
  });

  test('about a range tells the size', () => {
    const { headers } = reply(new HubError('BadRange', 'x', { details: { sizeBytes: 12 } }));
    expect(headers?.['content-range']).toBe('bytes */12');
  });

  test('tells how long to wait, in whole seconds', () => {
    const { headers } = reply(new HubError('TooManyRequests', 'x', { details: { retryAfterSeconds: 1.2 } }));
    expect(headers?.['retry-after']).toBe('2');
  });

  test('about a method tells those there are', () => {
    const { headers } = reply(
      new HubError('MethodNotAllowed', 'x', { details: { methods: ['GET', 'PUT'] } }),
    );
    expect(headers?.['allow']).toBe('GET, PUT');
  });

  test('to git-lfs has its form, its media type and its request for credentials', () => {
    const { headers, body } = reply(new HubError('SignInRequired', 'Sign in.'), {
      form: 'lfs',
      isAnonymous: true,
    });
    expect(headers).toMatchObject({
      'content-type': 'application/vnd.git-lfs+json',
      'lfs-authenticate': 'Basic realm="Atoll"',
    });
    expect(body).toEqual({
      kind: 'json',
      value: { message: 'Sign in.', error: 'Sign in.', request_id: 'r1' },
    });
    expect(reply(new HubError('InvalidBody', 'x'), { form: 'lfs' }).status).toBe(422);
  });
});
