import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Answer, TestHub } from '../support/hub.ts';
import { createRepo, startPeopledHub, tokenOf } from '../support/scenario.ts';

/* The hub behind a reverse proxy of this machine, which tells by headers who calls, and how. */

const QUOTA = 5;
const LIMITED = ['--limits-api-requests', String(QUOTA), '--public-urls', 'https://hub.example'];
const codeOf = ({ status, headers }: Answer): string => `${status} ${String(headers['x-error-code'] ?? '')}`;

let trusting: TestHub;
let wary: TestHub;
beforeAll(async () => {
  trusting = await startPeopledHub([
    ...LIMITED,
    '--allowed-hosts',
    'lab.example',
    '--trusted-proxies',
    '127.0.0.0/8',
  ]);
  wary = await startPeopledHub(LIMITED);
  for (const hub of [trusting, wary]) {
    for (const name of ['one', 'two']) await createRepo(hub, `owner/${name}`);
  }
});
afterAll(async () => {
  await trusting?.[Symbol.asyncDispose]();
  await wary?.[Symbol.asyncDispose]();
});

const ask = (hub: TestHub, headers: Readonly<Record<string, string>>): Promise<Answer> =>
  hub.send('GET', '/api/models?limit=1', { headers });

/** How many requests of a caller are answered before one is refused, of one more than the quota. */
async function answered(hub: TestHub, headers: (index: number) => Readonly<Record<string, string>>) {
  let count = 0;
  for (let index = 0; index <= QUOTA; index++) if ((await ask(hub, headers(index))).status === 200) count++;
  return count;
}

describe('limits', () => {
  test('count each caller behind a trusted proxy by itself', async () => {
    for (const hops of ['203.0.113.1', '203.0.113.2:4000', '2001:db8:1::5']) {
      expect(await answered(trusting, () => ({ 'x-forwarded-for': hops }))).toBe(QUOTA);
    }
  });

  test('count a caller who makes up other addresses, this computer too, as the one that the proxy saw', async () => {
    const spoofed = (index: number) => ({
      'x-forwarded-for': `127.0.0.${index}, 198.51.100.${index}, 203.0.113.3`,
    });
    expect(await answered(trusting, spoofed)).toBe(QUOTA);
  });

  test('count a network of IPv6 as one caller, however its addresses are written', async () => {
    const written = ['2001:db8:2::1', '[2001:db8:2:0:ffff::2]:80', '2001:DB8:2:0::3%eth1'];
    const headers = (index: number) => ({ 'x-forwarded-for': written[index % written.length] ?? '' });
    expect(await answered(trusting, headers)).toBe(QUOTA);
  });

  test('take nobody for somebody else where no proxy is trusted', async () => {
    expect(await answered(wary, () => ({ 'x-forwarded-for': '203.0.113.1' }))).toBe(QUOTA + 1);
  });
});

describe('the URL that was asked for', () => {
  const caller = { 'x-forwarded-for': '203.0.113.77' };
  const nextOf = (answer: Answer): string =>
    /<([^>]+)>; rel="next"/.exec(String(answer.headers.link))?.[1] ?? '';
  const token = tokenOf('owner') ?? '';
  const authorization = `Bearer ${token}`;

  test('is what a trusted proxy says, and what the settings say before that', async () => {
    const asked = async (headers: Readonly<Record<string, string>>): Promise<string> =>
      new URL(nextOf(await ask(trusting, { ...caller, authorization, ...headers }))).origin;
    expect(await asked({ 'x-forwarded-proto': 'https', 'x-forwarded-host': 'lab.example:8443' })).toBe(
      'https://lab.example:8443',
    );
    expect(await asked({ 'x-forwarded-host': 'lab.example' })).toBe('http://lab.example');
    expect(await asked({ 'x-forwarded-proto': 'http', 'x-forwarded-host': 'hub.example' })).toBe(
      'https://hub.example',
    );
    expect(await asked({ 'x-forwarded-proto': 'gopher' })).toBe(trusting.url);
  });

  test('is a host of ours, also where the proxy or a page of a foreign name says one', async () => {
    const trial = (headers: Readonly<Record<string, string>>) => ask(trusting, { authorization, ...headers });
    expect(codeOf(await trial({ 'x-forwarded-host': 'evil.example' }))).toBe('403 HostNotAllowed');
    expect(codeOf(await trial({ 'x-forwarded-host': 'lab.example/@evil.example' }))).toBe(
      '400 InvalidRequest',
    );
    expect(codeOf(await trial({ 'x-forwarded-host': 'lab.example:99999' }))).toBe('400 InvalidRequest');
    expect(codeOf(await trial({ host: 'evil.example', 'x-forwarded-host': 'lab.example' }))).toBe(
      '403 HostNotAllowed',
    );
  });

  test('is not what anybody else says', async () => {
    const headers = { authorization, 'x-forwarded-proto': 'https', 'x-forwarded-host': 'evil.example' };
    expect(new URL(nextOf(await ask(wary, headers))).origin).toBe(wary.url);
  });

  test('decides whether a session is kept from plain HTTP', async () => {
    const signIn = (scheme: string) =>
      trusting.send('POST', '/api/session', {
        body: { name: 'owner', password: 'wrong' },
        headers: {
          ...caller,
          'x-forwarded-proto': scheme,
          'x-forwarded-host': 'lab.example',
          origin: 'https://lab.example',
        },
      });
    expect((await signIn('https')).status).toBe(401);
    expect(codeOf(await signIn('http'))).toBe('403 CrossOriginDenied');
  });
});
