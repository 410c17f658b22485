import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { createProxyTrust } from '../../../server/http/proxies.ts';

/** What a request from an address with these headers is taken for. */
function callerOf(networks: readonly string[], from: string | undefined, headers: IncomingHttpHeaders = {}) {
  const message = { socket: { remoteAddress: from }, headers } as unknown as IncomingMessage;
  return createProxyTrust(networks)(message);
}
const forwarded = (hops: string): IncomingHttpHeaders => ({ 'x-forwarded-for': hops });
const NETWORKS = ['10.0.0.0/8', '127.0.0.1', 'fd00::/8', '2001:db8::7'];
const ALL: IncomingHttpHeaders = {
  'x-forwarded-for': '203.0.113.5',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'hub.example',
};

describe('headers of proxies', () => {
  test.each<readonly [networks: readonly string[], from: string | undefined]>([
    [[], '127.0.0.1'],
    [[], '10.0.0.1'],
    [NETWORKS, '203.0.113.9'],
    [NETWORKS, '11.0.0.1'],
    [NETWORKS, '127.0.0.2'],
    [NETWORKS, '2001:db8::8'],
    [NETWORKS, '::ffff:203.0.113.9'],
    [NETWORKS, undefined],
    [NETWORKS, 'no address'],
  ])('with %j trusted are not believed from %s', (networks, from) => {
    expect(callerOf(networks, from, ALL)).toEqual({
      address: from ?? '',
      scheme: undefined,
      host: undefined,
    });
  });

  test.each(['10.0.0.1', '10.255.255.255', '127.0.0.1', '::ffff:10.0.0.1', 'fd00::5', '2001:db8::7'])(
    'are believed from %s',
    (from) => {
      expect(callerOf(NETWORKS, from, ALL)).toEqual({
        address: '203.0.113.5',
        scheme: 'https',
        host: 'hub.example',
      });
    },
  );

  test('without them a trusted proxy speaks for itself', () => {
    expect(callerOf(NETWORKS, '::ffff:10.0.0.1')).toEqual({
      address: '10.0.0.1',
      scheme: undefined,
      host: undefined,
    });
  });
});

describe('who called', () => {
  test.each<readonly [hops: string, address: string]>([
    ['203.0.113.5', '203.0.113.5'],
    ['203.0.113.5:4711', '203.0.113.5'],
    ['2001:db8::99', '2001:db8::99'],
    ['2001:DB8:0:0:0:0:0:99', '2001:db8::99'],
    ['[2001:db8::99]', '2001:db8::99'],
    ['[2001:db8::99]:443', '2001:db8::99'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::ffff:203.0.113.5', '203.0.113.5'],
    ['::ffff:cb00:7105', '203.0.113.5'],
    ['0:0:0:0:0:0:0:1', '::1'],
    // Trusted proxies one after the other.
    ['203.0.113.5, 10.0.0.9, fd00::3', '203.0.113.5'],
    ['203.0.113.5,10.0.0.9 ,, 10.0.0.8', '203.0.113.5'],
    ['10.0.0.7, 10.0.0.9', '10.0.0.7'],
    // What the caller made up stands before the address that the proxy saw.
    ['127.0.0.1, 203.0.113.5', '203.0.113.5'],
    ['10.0.0.1, 10.0.0.2, 203.0.113.5', '203.0.113.5'],
    ['198.51.100.1, 203.0.113.5, 10.0.0.9', '203.0.113.5'],
    ['<script>, 203.0.113.5', '203.0.113.5'],
    // Whatever names nobody ends the chain at the proxy that wrote it.
    ['', '10.0.0.1'],
    [' , ,', '10.0.0.1'],
    ['unknown', '10.0.0.1'],
    ['203.0.113.5, unknown', '10.0.0.1'],
    ['203.0.113.5, unknown, 10.0.0.9', '10.0.0.9'],
    ['999.0.113.5', '10.0.0.1'],
    ['203.0.113.05', '10.0.0.1'],
    ['203.0.113', '10.0.0.1'],
    ['3405803781', '10.0.0.1'],
    ['[203.0.113.5]', '10.0.0.1'],
    ['[2001:db8::99', '10.0.0.1'],
    ['[2001:db8::99]:', '10.0.0.1'],
    ['203.0.113.5:port', '10.0.0.1'],
    ['hub.example', '10.0.0.1'],
    ['203.0.113.5 10.0.0.9', '10.0.0.1'],
  ])('%j is %s', (hops, address) => {
    expect(callerOf(NETWORKS, '10.0.0.1', forwarded(hops)).address).toBe(address);
  });

  test('is looked for behind 32 proxies at most', () => {
    const chain = (length: number): string =>
      ['203.0.113.5', ...Array<string>(length).fill('10.0.0.2')].join(',');
    expect(callerOf(NETWORKS, '10.0.0.1', forwarded(chain(30))).address).toBe('203.0.113.5');
    expect(callerOf(NETWORKS, '10.0.0.1', forwarded(chain(5000))).address).toBe('10.0.0.2');
  });
});

describe('of what several proxies wrote about the URL', () => {
  test.each<readonly [hops: string, values: string, host: string | undefined]>([
    // One proxy: the last entry is its own.
    ['203.0.113.5', 'hub.example', 'hub.example'],
    ['203.0.113.5', 'evil.example, hub.example', 'hub.example'],
    // Two of them, each adding its own, and one that passes on what it was told.
    ['203.0.113.5, 10.0.0.9', 'hub.example, inner.example', 'hub.example'],
    ['203.0.113.5, 10.0.0.9', 'evil.example, hub.example, inner.example', 'hub.example'],
    ['203.0.113.5, 10.0.0.9', 'hub.example', 'hub.example'],
    ['203.0.113.5', '', undefined],
  ])('by %j and %j it is %s', (hops, values, host) => {
    const headers = { ...forwarded(hops), 'x-forwarded-host': values };
    expect(callerOf(NETWORKS, '10.0.0.1', headers).host).toBe(host);
  });

  test.each<readonly [value: string, scheme: string | undefined]>([
    ['https', 'https'],
    ['HTTP', 'http'],
    ['http, https', 'https'],
    ['javascript', undefined],
    ['https://hub.example', undefined],
    ['', undefined],
  ])('%j is the scheme %s', (value, scheme) => {
    const headers = { ...forwarded('203.0.113.5'), 'x-forwarded-proto': value };
    expect(callerOf(NETWORKS, '10.0.0.1', headers).scheme).toBe(scheme);
  });
});
