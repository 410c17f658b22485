import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { allowedHosts, checkHost, cookieCounts } from '../../../server/http/guards.ts';
import { decodePart, parseTarget, type HubRequest } from '../../../server/http/request.ts';
import { refusalOf } from '../domain/expect-refusal.ts';

describe('the Host header', () => {
  const allowed = allowedHosts(['192.168.1.5', 'fd00::5'], ['hub.example', 'Lab.Example']);
  const check = (...hosts: readonly string[]) =>
    checkHost(['Accept', '*/*', ...hosts.flatMap((host) => ['hOst', host])], 'GET', allowed);

  test.each([
    'localhost',
    'LOCALHOST:8790',
    '127.0.0.1:1',
    '[::1]:8790',
    '[::1]',
    '192.168.1.5:8790',
    '[fd00::5]:80',
    'hub.example',
    'lab.example:443',
  ])('%s is one of ours', (host) => {
    expect(check(host)).toBe(host);
  });

  test.each([
    'evil.example',
    '127.0.0.1.nip.io:8790',
    '0.0.0.0:8790',
    '2130706433',
    '0x7f.1',
    '127.1',
    'localhost.',
    'localhost.evil.example',
    'xhub.example',
    '[::2]',
    '[::ffff:127.0.0.1]',
  ])('%s is none of ours', (host) => {
    expect(refusalOf(() => check(host))).toBe('HostNotAllowed');
  });

  test.each([
    '',
    'localhost:99999',
    'localhost:abc',
    'localhost:',
    'user@localhost',
    '[::1%25eth0]',
    'a b',
    'a/b',
    '::1',
    '[::1',
  ])('%j is no host', (host) => {
    expect(refusalOf(() => check(host))).toBe('InvalidRequest');
  });

  test('must be there, once', () => {
    expect(refusalOf(() => check())).toBe('InvalidRequest');
    expect(refusalOf(() => check('localhost', 'localhost'))).toBe('InvalidRequest');
    expect(refusalOf(() => check('localhost', 'evil.example'))).toBe('InvalidRequest');
  });

  test('of the datasets server beside us has a quick answer', () => {
    expect(refusalOf(() => check('datasets-server.localhost:8790'))).toBe('NotFound');
    expect(refusalOf(() => check('datasets-server.evil.example'))).toBe('HostNotAllowed');
  });
});

describe('the session cookie', () => {
  const request = (method: string, headers: Readonly<Record<string, string>>) =>
    ({
      method,
      origin: 'http://localhost:8790',
      message: { headers } as unknown as IncomingMessage,
    }) as HubRequest;
  const counts = (method: string, headers: Readonly<Record<string, string>>) =>
    cookieCounts(request(method, headers));

  test.each([
    ['GET', {}],
    ['POST', {}],
    ['POST', { 'sec-fetch-site': 'same-origin' }],
    ['POST', { 'sec-fetch-site': 'same-origin', origin: 'http://localhost:8790' }],
    ['POST', { origin: 'http://localhost:8790' }],
    ['GET', { 'sec-fetch-site': 'none' }],
  ])('counts: %s %j', (method, headers) => {
    expect(counts(method, headers)).toBe(true);
  });

  test.each([
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'null' },
    { origin: 'http://evil.example' },
    { origin: 'https://localhost:8790' },
    { origin: 'http://localhost:8791' },
    { 'sec-fetch-site': 'cross-site', origin: 'http://localhost:8790' },
    { 'sec-fetch-site': 'nonsense' },
  ])('from elsewhere does not count, and changes are refused: %j', (headers) => {
    expect(counts('GET', headers)).toBe(false);
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      expect(refusalOf(() => counts(method, headers))).toBe('CrossOriginDenied');
    }
  });

  test('of an address that was typed opens pages and changes nothing', () => {
    expect(refusalOf(() => counts('POST', { 'sec-fetch-site': 'none' }))).toBe('CrossOriginDenied');
  });
});

describe('the target', () => {
  test('is split as it is written', () => {
    const { path, parts, query } = parseTarget('/a%2Fb//c/?x=1&x=2&y[]=a%20b&z&__proto__=1');
    expect(path).toBe('/a%2Fb//c/');
    expect(parts).toEqual(['a%2Fb', '', 'c', '']);
    expect([...query]).toEqual([
      ['x', ['1', '2']],
      ['y', ['a b']],
      ['z', ['']],
      ['__proto__', ['1']],
    ]);
  });

  test('is a path and nothing else', () => {
    for (const target of ['http://evil.example/api', '*', 'localhost:80', '']) {
      expect(refusalOf(() => parseTarget(target))).toBe('InvalidRequest');
    }
    expect(refusalOf(() => parseTarget(`/?${'a&'.repeat(2001)}`))).toBe('InvalidParameter');
  });

  test('is decoded once, and only when it can be', () => {
    expect(decodePart('a%2Fb%20%C3%A9')).toBe('a/b é');
    expect(decodePart('%252e')).toBe('%2e');
    for (const part of ['%zz', '%', '%ff', '%c0%af', '%00', 'a%00b', '%ED%A0%80']) {
      expect(
        refusalOf(() => decodePart(part)),
        part,
      ).toBe('InvalidPath');
    }
  });
});
