import { createHash, createPublicKey, randomBytes, verify, type JsonWebKey } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addPeople, signIn, type BrowserSession } from '../support/browser-session.ts';
import { startHub, type Answer, type TestHub } from '../support/hub.ts';

const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';
/** The client id that is fixed in `hf`. */
const HF = '26be6b09-91c5-47da-9861-d2d2bb7a7e36';
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

let hub: TestHub;
let ada: BrowserSession;
let bob: BrowserSession;
beforeAll(async () => {
  hub = await startHub();
  await addPeople(hub, ['ada', 'bob']);
  ada = await signIn(hub, 'ada');
  bob = await signIn(hub, 'bob');
});
afterAll(() => hub[Symbol.asyncDispose]());

const post = (path: string, fields: Readonly<Record<string, string>>, headers = {}): Promise<Answer> =>
  hub.send('POST', path, {
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: Buffer.from(new URLSearchParams(fields).toString()),
  });

interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly expires_in: number;
  readonly scope: string;
  readonly id_token: string;
}
const oauthError = (answer: Answer) => [answer.status, answer.json()['error']];
const whoami = (token: string) => hub.send('GET', '/api/whoami-v2', { token });

async function begin(fields: Readonly<Record<string, string>> = { client_id: HF }) {
  const answer = await post('/oauth/device', fields);
  expect(answer.status, answer.text).toBe(200);
  return answer.json<{ device_code: string; user_code: string; verification_uri_complete: string }>();
}
const poll = (deviceCode: string, clientId = HF) =>
  post('/oauth/token', { grant_type: DEVICE_CODE, device_code: deviceCode, client_id: clientId });
const decide = (who: BrowserSession, userCode: string, approve: boolean) =>
  who.send('POST', '/api/oauth/device', { body: { userCode, approve } });

async function login(fields?: Readonly<Record<string, string>>): Promise<Tokens> {
  const begun = await begin(fields);
  expect((await decide(ada, begun.user_code, true)).status).toBe(204);
  const answer = await poll(begun.device_code, fields?.['client_id']);
  expect(answer.status, answer.text).toBe(200);
  return answer.json<Tokens>();
}
const refresh = (token: string, more: Readonly<Record<string, string>> = {}) =>
  post('/oauth/token', { grant_type: 'refresh_token', refresh_token: token, client_id: HF, ...more });

describe('signing in a program on another device', () => {
  test('begins with a client id alone, and ends with a token of the person who let it in', async () => {
    const begun = await post('/oauth/device', { client_id: HF });
    expect(begun.json()).toEqual({
      device_code: expect.stringMatching(/^[\w-]{43}$/) as string,
      user_code: expect.stringMatching(/^[B-Z]{4}-[B-Z]{4}$/) as string,
      verification_uri: `${hub.url}/oauth/device`,
      verification_uri_complete: `${hub.url}/oauth/device?user_code=${String(begun.json()['user_code'])}`,
      expires_in: 900,
      interval: 5,
    });
    expect(begun.headers['cache-control']).toBe('no-store');
    const { user_code: userCode, device_code: deviceCode } = begun.json() as Record<string, string>;
    expect(oauthError(await poll(deviceCode ?? ''))).toEqual([400, 'authorization_pending']);
    expect(oauthError(await poll(deviceCode ?? ''))).toEqual([400, 'slow_down']);
    hub.advance(5_000);
    expect(oauthError(await poll(deviceCode ?? ''))).toEqual([400, 'authorization_pending']);

    const typed = (userCode ?? '').replace('-', ' ').toLowerCase();
    const asked = await ada.send('GET', `/api/oauth/device?user_code=${encodeURIComponent(typed)}`);
    expect(asked.json()).toMatchObject({
      ...{ userCode, name: 'Hugging Face command line', role: 'write', source: '127.0.0.1' },
    });
    expect((await decide(ada, typed, true)).status).toBe(204);
    const answer = await poll(deviceCode ?? '');
    const tokens = answer.json<Tokens>();
    expect(tokens).toMatchObject({ token_type: 'bearer', expires_in: 30 * 24 * 3600 });
    expect(tokens.access_token).toMatch(/^hf_[0-9A-Za-z]{46}$/);
    expect((await whoami(tokens.access_token)).json()).toMatchObject({
      name: 'ada',
      auth: { type: 'access_token', accessToken: { role: 'write', displayName: 'oauth-ada' } },
    });
    expect(oauthError(await poll(deviceCode ?? ''))).toEqual([400, 'invalid_grant']);
  });

  test('gives one of two that ask at the same time the token', async () => {
    const begun = await begin();
    await decide(ada, begun.user_code, true);
    const answers = await Promise.all([1, 2, 3, 4].map(() => poll(begun.device_code)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400, 400, 400]);
  });

  test('takes one decision, and it counts', async () => {
    const begun = await begin();
    const answers = await Promise.all(
      [true, false, true, false].map((yes) => decide(ada, begun.user_code, yes)),
    );
    const [first] = answers.flatMap(({ status }, index) => (status === 204 ? [index % 2 === 0] : []));
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 410, 410, 410]);
    expect(oauthError(await poll(begun.device_code))[0]).toBe(first === true ? 200 : 400);
    expect((await decide(bob, begun.user_code, true)).status).toBe(first === true ? 404 : 403);
  });

  test('is denied, and says so as often as the program asks', async () => {
    const begun = await begin();
    await decide(ada, begun.user_code, false);
    for (let time = 0; time < 2; time += 1) {
      expect(oauthError(await poll(begun.device_code))).toEqual([400, 'access_denied']);
    }
    expect((await decide(ada, begun.user_code, true)).status).toBe(410);
    expect((await decide(bob, begun.user_code, true)).status).toBe(403);
  });

  test('expires after 15 minutes, for the program and the person', async () => {
    const begun = await begin();
    hub.advance(15 * MINUTE);
    expect(oauthError(await poll(begun.device_code))).toEqual([400, 'expired_token']);
    expect((await decide(ada, begun.user_code, true)).status).toBe(404);
  });

  test('is nothing to another client, or for a code that nobody gave out', async () => {
    const begun = await begin();
    await decide(ada, begun.user_code, true);
    expect(oauthError(await poll(begun.device_code, 'other'))).toEqual([400, 'invalid_grant']);
    expect(oauthError(await poll('x'))).toEqual([400, 'invalid_grant']);
    expect(oauthError(await poll(randomBytes(32).toString('base64url')))).toEqual([400, 'invalid_grant']);
    expect(oauthError(await post('/oauth/token', { grant_type: DEVICE_CODE, client_id: HF }))).toEqual([
      400,
      'invalid_request',
    ]);
    expect((await poll(begun.device_code)).status).toBe(200);
  });

  test('is decided by a person at the page alone', async () => {
    const tokens = await login();
    const made = await ada.send('POST', '/api/settings/tokens', { body: { name: 'own', role: 'write' } });
    const { secret } = made.json<{ secret: string }>();
    const begun = await begin();
    const body = { userCode: begun.user_code, approve: true };
    for (const token of [secret, tokens.access_token]) {
      expect((await hub.send('POST', '/api/oauth/device', { token, body })).status).toBe(403);
    }
    expect((await hub.send('POST', '/api/oauth/device', { body })).status).toBe(401);
    const foreign = { 'sec-fetch-site': 'cross-site' };
    expect((await ada.send('POST', '/api/oauth/device', { headers: foreign, body })).status).toBe(403);
    expect(oauthError(await poll(begun.device_code))).toEqual([400, 'authorization_pending']);
  });

  test('stops those who guess codes, and nobody else', async () => {
    const begun = await begin();
    const carl = await (async () => {
      await addPeople(hub, ['carl']);
      return signIn(hub, 'carl');
    })();
    const guesses = ['BBBB-BBBB', 'nonsense', '', 'AAAA-AAAA'];
    const statuses: number[] = [];
    for (let guess = 0; guess < 12; guess += 1) {
      const code = encodeURIComponent(guesses[guess % guesses.length] ?? '');
      statuses.push((await carl.send('GET', `/api/oauth/device?user_code=${code}`)).status);
    }
    expect(statuses).toEqual([...Array<number>(10).fill(404), 429, 429]);
    const refused = await carl.send('GET', `/api/oauth/device?user_code=${begun.user_code}`);
    expect(refused.status).toBe(429);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(refused.headers['ratelimit']).toMatch(/^"device";r=0;t=\d+$/);
    expect(refused.headers['ratelimit-policy']).toBe('"fixed window";"device";q=10;w=300');
    expect((await decide(ada, begun.user_code, true)).status).toBe(204);
  });

  test.each([
    ['no client id', {}, 'invalid_request'],
    ['an empty client id', { client_id: '' }, 'invalid_request'],
    ['a client id of 10 KB', { client_id: 'x'.repeat(10_000) }, 'invalid_request'],
    ['only scopes that do not exist', { client_id: 'x', scope: 'root admin' }, 'invalid_scope'],
  ])('does not begin with %s', async (_, fields, error) => {
    const before = await hub.snapshot();
    const answer = await post('/oauth/device', fields);
    expect(oauthError(answer)).toEqual([400, error]);
    expect(answer.json()['error_description']).toMatch(/\w+/);
    expect(await hub.snapshot()).toEqual(before);
  });

  test('gives a program the role of the scope that it asked for, and no rights over the account', async () => {
    const roles: Record<string, unknown> = {};
    for (const scope of ['openid profile', 'openid read-repos', 'openid write-repos unknown']) {
      const tokens = await login({ client_id: 'my-tool', scope });
      const { auth } = (await whoami(tokens.access_token)).json<{
        auth: { accessToken: { role: string } };
      }>();
      roles[scope] = auth.accessToken.role;
      expect(tokens.scope).toBe(scope.replace(' unknown', ''));
      expect(tokens.refresh_token).toBeUndefined();
      for (const path of ['/api/settings/tokens', '/api/settings/sessions', '/api/settings/applications']) {
        expect((await hub.send('GET', path, { token: tokens.access_token })).status).toBe(403);
      }
    }
    expect(roles).toEqual({
      'openid profile': 'fineGrained',
      'openid read-repos': 'read',
      'openid write-repos unknown': 'write',
    });
  });
});

describe('a refresh token', () => {
  test('works for months, and through answers that were lost', async () => {
    let { refresh_token: token } = await login();
    for (let month = 0; month < 8; month += 1) {
      hub.advance(29 * DAY);
      const lost = await refresh(token);
      const again = await refresh(token);
      expect([lost.status, again.status]).toEqual([200, 200]);
      const tokens = again.json<Tokens>();
      expect(tokens.refresh_token).toBe(lost.json<Tokens>().refresh_token);
      expect((await whoami(tokens.access_token)).status).toBe(200);
      token = tokens.refresh_token;
    }
    hub.advance(181 * DAY);
    expect(oauthError(await refresh(token))).toEqual([400, 'invalid_grant']);
    ada = await signIn(hub, 'ada');
    bob = await signIn(hub, 'bob');
  });

  test('is renewed once by many at the same time', async () => {
    const { refresh_token: token } = await login();
    const answers = await Promise.all(Array.from({ length: 8 }, () => refresh(token)));
    const next = new Set(answers.map((answer) => answer.json<Tokens>().refresh_token));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(next.size).toBe(1);
  });

  test('that was used and renewed since ends the grant with all its tokens', async () => {
    const first = await login();
    const second = (await refresh(first.refresh_token)).json<Tokens>();
    const third = (await refresh(second.refresh_token)).json<Tokens>();
    expect((await whoami(third.access_token)).status).toBe(200);
    expect(oauthError(await refresh(first.refresh_token))).toEqual([400, 'invalid_grant']);
    for (const { access_token: token } of [first, second, third])
      expect((await whoami(token)).status).toBe(401);
    expect(oauthError(await refresh(third.refresh_token))).toEqual([400, 'invalid_grant']);
  });

  test('is good for its client alone, and not when it was altered', async () => {
    const { refresh_token: token } = await login();
    const [start = '', grant = '', , mac = ''] = token.split(
      /_(?=[0-9a-f]{24}_)|(?<=[0-9a-f]{24})_|_(?=[\w-]{43}$)/,
    );
    for (const other of [`${start}_${grant}_1_${mac}`, token.slice(0, -1), `${token}x`, '', 'hfr_x']) {
      expect(oauthError(await refresh(other))).toEqual([400, 'invalid_grant']);
    }
    expect(oauthError(await refresh(token, { client_id: 'other' }))).toEqual([400, 'invalid_grant']);
    expect((await refresh(token)).status).toBe(200);
  });

  test('is one entry of the list of tokens, and ends with it', async () => {
    const tokens = await login();
    const listed = await ada.send('GET', '/api/settings/tokens');
    const entries = listed.json<{ tokens: { id: string; kind: string; name: string; prefix: string }[] }>()
      .tokens;
    const entry = entries.findLast(({ kind }) => kind === 'application');
    expect(entry).toMatchObject({
      name: 'Hugging Face command line (127.0.0.1)',
      prefix: tokens.access_token.slice(0, 7),
    });
    expect((await bob.send('DELETE', `/api/settings/tokens/${entry?.id}`)).status).toBe(404);
    expect((await ada.send('DELETE', `/api/settings/tokens/${entry?.id}`)).status).toBe(204);
    expect((await whoami(tokens.access_token)).status).toBe(401);
    expect(oauthError(await refresh(tokens.refresh_token))).toEqual([400, 'invalid_grant']);
  });

  test.each(['access_token', 'refresh_token'] as const)(
    'ends by its program, which gives back its %s',
    async (kind) => {
      const tokens = await login();
      expect((await post('/oauth/revoke', { token: tokens[kind] })).status).toBe(200);
      expect((await post('/oauth/revoke', { token: tokens[kind] })).status).toBe(200);
      expect((await whoami(tokens.access_token)).status).toBe(401);
      expect((await refresh(tokens.refresh_token)).status).toBe(400);
    },
  );
});

interface App {
  readonly clientId: string;
  readonly secret: string | null;
}
async function register(redirectUris: readonly string[], isConfidential = false): Promise<App> {
  const answer = await bob.send('POST', '/api/settings/applications', {
    body: { name: 'Charts', redirectUris, isConfidential },
  });
  expect(answer.status, answer.text).toBe(201);
  const { application, secret } = answer.json<{ application: { clientId: string }; secret: string | null }>();
  return { clientId: application.clientId, secret };
}

const VERIFIER = 'v'.repeat(43);
const CHALLENGE = createHash('sha256').update(VERIFIER).digest('base64url');
const URI = 'https://charts.example.org/back?x=1';

const requestOf = (app: App, more: Readonly<Record<string, string | undefined>> = {}) =>
  Object.fromEntries(
    Object.entries({
      ...{ client_id: app.clientId, redirect_uri: URI, response_type: 'code', scope: 'openid profile email' },
      ...{ state: 's&1', nonce: 'n1', code_challenge: CHALLENGE, code_challenge_method: 'S256', ...more },
    }).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
const consent = (who: BrowserSession, request: object, approve = true) =>
  who.send('POST', '/api/oauth/authorize', { body: { ...request, approve } });
async function codeFor(request: object): Promise<string> {
  const answer = await consent(ada, request);
  expect(answer.status, answer.text).toBe(200);
  return new URL(answer.json<{ redirect: string }>().redirect).searchParams.get('code') ?? '';
}
const redeem = (code: string, more: Readonly<Record<string, string>> = {}, headers = {}) =>
  post(
    '/oauth/token',
    { grant_type: 'authorization_code', code, redirect_uri: URI, code_verifier: VERIFIER, ...more },
    headers,
  );

describe('signing in to an application', () => {
  test('is described for clients, at the address that they use', async () => {
    const answer = await hub.send('GET', '/.well-known/openid-configuration');
    expect(answer.json()).toMatchObject({
      issuer: hub.url,
      authorization_endpoint: `${hub.url}/oauth/authorize`,
      token_endpoint: `${hub.url}/oauth/token`,
      userinfo_endpoint: `${hub.url}/oauth/userinfo`,
      jwks_uri: `${hub.url}/oauth/jwks`,
      code_challenge_methods_supported: ['S256'],
    });
  });

  test('gives tokens and a signed statement about the person', async () => {
    const app = await register([URI]);
    const request = requestOf(app);
    const asked = await ada.send('GET', `/api/oauth/authorize?${new URLSearchParams(request).toString()}`);
    expect(asked.json()).toEqual({
      ...{ name: 'Charts', clientId: app.clientId, role: 'none', seesEmail: true, owner: 'bob' },
      returnsTo: 'https://charts.example.org',
    });
    const { redirect } = (await consent(ada, request)).json<{ redirect: string }>();
    const back = new URL(redirect);
    expect(`${back.origin}${back.pathname}`).toBe('https://charts.example.org/back');
    expect([...back.searchParams.keys()]).toEqual(['x', 'code', 'state', 'iss']);
    expect(back.searchParams.get('state')).toBe('s&1');
    expect(back.searchParams.get('iss')).toBe(hub.url);

    const answer = await redeem(back.searchParams.get('code') ?? '');
    const tokens = answer.json<Tokens>();
    expect(tokens).toMatchObject({
      expires_in: 8 * 3600,
      scope: 'openid profile email',
      token_type: 'bearer',
    });
    const claims = await provedClaims(tokens.id_token);
    expect(claims).toMatchObject({
      ...{
        iss: hub.url,
        aud: app.clientId,
        nonce: 'n1',
        preferred_username: 'ada',
        email: 'ada@example.org',
      },
    });
    const info = await hub.send('GET', '/oauth/userinfo', { token: tokens.access_token });
    expect(info.json()).toMatchObject({ sub: claims['sub'], name: 'Full ada', preferred_username: 'ada' });
    expect((await whoami(tokens.access_token)).json()).toMatchObject({
      name: 'ada',
      auth: { accessToken: { role: 'fineGrained' } },
    });
  });

  async function provedClaims(token: string): Promise<Record<string, unknown>> {
    const [head = '', payload = '', signature = ''] = token.split('.');
    const header = JSON.parse(Buffer.from(head, 'base64url').toString()) as { kid: string; alg: string };
    expect(header.alg).toBe('RS256');
    const { keys } = (await hub.send('GET', '/oauth/jwks')).json<{
      keys: (JsonWebKey & { kid: string })[];
    }>();
    const key = keys.find(({ kid }) => kid === header.kid);
    expect(key).not.toHaveProperty('d');
    const isGenuine = verify(
      'sha256',
      Buffer.from(`${head}.${payload}`),
      createPublicKey({ key: key as JsonWebKey, format: 'jwk' }),
      Buffer.from(signature, 'base64url'),
    );
    expect(isGenuine).toBe(true);
    return JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
  }

  test('works with a secret, in the body or as Basic credentials, and not without it', async () => {
    const app = await register([URI], true);
    const request = requestOf(app, { code_challenge: undefined, code_challenge_method: undefined });
    const exchange = (code: string, more: Record<string, string>, headers = {}) =>
      post('/oauth/token', { grant_type: 'authorization_code', code, redirect_uri: URI, ...more }, headers);
    const basic = (secret: string) => ({
      authorization: `Basic ${Buffer.from(`${app.clientId}:${secret}`).toString('base64')}`,
    });
    const code = await codeFor(request);
    expect(oauthError(await exchange(code, { client_id: app.clientId }))).toEqual([401, 'invalid_client']);
    expect(oauthError(await exchange(code, {}, basic('hfs_wrong')))).toEqual([401, 'invalid_client']);
    expect(oauthError(await exchange(code, { client_id: 'x' }, basic(app.secret ?? '')))).toEqual([
      401,
      'invalid_client',
    ]);
    expect((await exchange(code, {}, basic(app.secret ?? ''))).status).toBe(200);
    const inBody = { client_id: app.clientId, client_secret: app.secret ?? '' };
    const lasting = { ...request, scope: 'openid offline_access read-repos' };
    const tokens = (await exchange(await codeFor(lasting), inBody)).json<Tokens>();
    const renew = (more: Record<string, string>) =>
      post('/oauth/token', { grant_type: 'refresh_token', refresh_token: tokens.refresh_token, ...more });
    expect(oauthError(await renew({ client_id: app.clientId }))).toEqual([401, 'invalid_client']);
    expect((await renew(inBody)).status).toBe(200);
  });

  test('a code is good once: a copy that comes second ends what the first received', async () => {
    const code = await codeFor(requestOf(await register([URI])));
    const tokens = (await redeem(code)).json<Tokens>();
    expect((await whoami(tokens.access_token)).status).toBe(200);
    expect(oauthError(await redeem(code))).toEqual([400, 'invalid_grant']);
    expect((await whoami(tokens.access_token)).status).toBe(401);
  });

  test('a code is given to one of many at the same time at most', async () => {
    const code = await codeFor(requestOf(await register([URI])));
    const answers = await Promise.all([1, 2, 3, 4].map(() => redeem(code)));
    expect(answers.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1);
  });

  test('a code is nothing to others: wrong verifier, address, client, or too late', async () => {
    const app = await register([URI]);
    const other = await register([URI]);
    const code = await codeFor(requestOf(app));
    for (const more of [
      { code_verifier: 'w'.repeat(43) },
      { code_verifier: CHALLENGE },
      { code_verifier: 'short' },
      { redirect_uri: 'https://charts.example.org/back' },
      { client_id: other.clientId },
      { code: 'x' },
    ] as Record<string, string>[]) {
      expect(oauthError(await redeem(code, more))).toEqual([400, 'invalid_grant']);
    }
    const bare = { grant_type: 'authorization_code', code };
    expect(oauthError(await post('/oauth/token', bare))).toEqual([400, 'invalid_grant']);
    hub.advance(5 * MINUTE);
    expect(oauthError(await redeem(code))).toEqual([400, 'invalid_grant']);
  });

  test('a verifier for a code that had no challenge is refused', async () => {
    const app = await register([URI], true);
    const code = await codeFor(
      requestOf(app, { code_challenge: undefined, code_challenge_method: undefined }),
    );
    const client = { client_id: app.clientId, client_secret: app.secret ?? '' };
    expect(oauthError(await redeem(code, client))).toEqual([400, 'invalid_grant']);
  });

  test('what is wrong with application or address is told to the person, all else to the application', async () => {
    const app = await register([URI, 'http://127.0.0.1/cb']);
    const ask = (request: Record<string, string>, accept = 'text/html') =>
      hub.send('GET', `/oauth/authorize?${new URLSearchParams(request).toString()}`, { headers: { accept } });
    expect((await ask(requestOf(app))).status).toBe(200);
    expect((await ask(requestOf(app))).headers['content-security-policy']).toContain(
      "frame-ancestors 'none'",
    );
    for (const uri of [
      'https://charts.example.org/back',
      'https://charts.example.org/back?x=1&y=2',
      'https://charts.example.org.evil.example/back?x=1',
      'https://charts.example.org@evil.example/back?x=1',
      'http://charts.example.org/back?x=1',
      'http://127.0.0.1@evil.example/cb',
      'http://127.0.0.1:80@evil.example/cb',
      'http://127.0.0.1:1234/other',
      'https://127.0.0.1/cb',
      'javascript:alert(1)',
      '',
    ]) {
      const request = requestOf(app, { redirect_uri: uri });
      const answer = await ask(request);
      expect([uri, answer.status, answer.headers['location']]).toEqual([uri, 400, undefined]);
      expect(oauthError(await ask(request, '*/*'))).toEqual([400, 'invalid_request']);
      expect((await consent(ada, request)).status).toBe(400);
      expect((await consent(ada, request, false)).status).toBe(400);
    }
    expect((await ask(requestOf(app, { redirect_uri: 'http://127.0.0.1:49152/cb' }))).status).toBe(200);
    expect((await ask(requestOf({ clientId: 'nobody', secret: null }))).status).toBe(400);

    const told = async (more: Record<string, string | undefined>) => {
      const answer = await ask(requestOf(app, more));
      expect(answer.status).toBe(302);
      const back = new URL(answer.headers['location'] ?? '');
      expect(back.origin).toBe('https://charts.example.org');
      expect(back.searchParams.get('state')).toBe('s&1');
      return back.searchParams.get('error');
    };
    expect(await told({ response_type: 'token' })).toBe('unsupported_response_type');
    expect(await told({ code_challenge: undefined })).toBe('invalid_request');
    expect(await told({ code_challenge_method: 'plain' })).toBe('invalid_request');
    expect(await told({ code_challenge_method: undefined })).toBe('invalid_request');
    expect(await told({ scope: 'root' })).toBe('invalid_scope');
    expect(await told({ prompt: 'none' })).toBe('interaction_required');

    const denied = (await consent(ada, requestOf(app), false)).json<{ redirect: string }>().redirect;
    expect(new URL(denied).searchParams.get('error')).toBe('access_denied');
  });

  test('is decided by a person at the page alone', async () => {
    const request = requestOf(await register([URI]));
    const made = await ada.send('POST', '/api/settings/tokens', { body: { name: 'decides', role: 'write' } });
    const { secret } = made.json<{ secret: string }>();
    const body = { ...request, approve: true };
    expect((await hub.send('POST', '/api/oauth/authorize', { token: secret, body })).status).toBe(403);
    expect((await hub.send('POST', '/api/oauth/authorize', { body })).status).toBe(401);
  });

  test('an application is registered with whole addresses, and goes with all it was granted', async () => {
    for (const uri of [
      '/back',
      'ftp://x/',
      'javascript:1',
      'https://a@b/',
      'https://x/#f',
      'https://x /',
      'x'.repeat(3000),
    ]) {
      const body = { name: 'x', redirectUris: [uri], isConfidential: false };
      const answer = await bob.send('POST', '/api/settings/applications', { body });
      expect([uri, answer.status]).toEqual([uri, 400]);
    }
    const app = await register([URI]);
    const tokens = (await redeem(await codeFor(requestOf(app)))).json<Tokens>();
    expect((await ada.send('DELETE', `/api/settings/applications/${app.clientId}`)).status).toBe(404);
    expect((await bob.send('DELETE', `/api/settings/applications/${app.clientId}`)).status).toBe(204);
    expect((await whoami(tokens.access_token)).status).toBe(401);
  });

  test('its own pages may ask, without cookies', async () => {
    const app = await register(['https://pages.example.org/in']);
    const preflight = (origin: string) =>
      hub.send('OPTIONS', '/oauth/token', { headers: { origin, 'access-control-request-method': 'POST' } });
    const allowed = async (origin: string) =>
      (await preflight(origin)).headers['access-control-allow-origin'];
    expect(await allowed('https://pages.example.org')).toBe('https://pages.example.org');
    expect((await preflight('https://pages.example.org')).headers).not.toHaveProperty(
      'access-control-allow-credentials',
    );
    expect(await allowed('https://pages.example.org.evil.example')).toBeUndefined();
    await bob.send('DELETE', `/api/settings/applications/${app.clientId}`);
    expect(await allowed('https://pages.example.org')).toBeUndefined();
  });
});

test('the token exchange of CI systems is not offered, and says so in a form that the client reads', async () => {
  const body = {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    ...{
      subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
      subject_token: 'x.y.z',
      resource: 'ada/x',
    },
  };
  expect(oauthError(await hub.send('POST', '/oauth/token', { body }))).toEqual([
    400,
    'unsupported_grant_type',
  ]);
  expect(oauthError(await hub.send('POST', '/oauth/token', { body: Buffer.from('{') }))).toEqual([
    400,
    'invalid_request',
  ]);
});

test('nothing was logged as an error', () => {
  expect(hub.loggedErrors()).toEqual([]);
});
