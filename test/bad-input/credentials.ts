import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import type { Answer } from '../support/hub.ts';
import { fileLine, ndjson, tokenOf } from '../support/scenario.ts';
import { ask, asNobody, bytes, each, head, one, row, type Row, type Send } from './cases.ts';
import { EXPIRED_TOKEN, PASSWORD, type World } from './world.ts';

const WHO = '/api/whoami-v2';
const token = tokenOf('owner') ?? '';
const withAuthorization = (authorization: string, target = '/api/models'): Send =>
  asNobody('GET', target, { headers: { authorization } });
const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;
const withCookie =
  (headers: Readonly<Record<string, string>>, target = WHO): Send =>
  ({ hub, cookie }) =>
    hub.send('GET', target, { headers: { cookie, ...headers } });
const withSession = (session: string): Send =>
  asNobody('GET', '/api/session', { headers: { cookie: `atoll_session=${session}` } });
const signIn = (body: object): Send => asNobody('POST', '/api/session', { body });
const changeTo =
  (next: unknown): Send =>
  ({ hub, cookie }) =>
    hub.send('PUT', '/api/settings/password', { headers: { cookie }, body: { current: PASSWORD, next } });
const newToken = (body: object): Send => ask('POST', '/api/settings/tokens', { body });
const nobody = { check: (answer: Answer) => expect(answer.json()).toEqual({ user: null }) };
/** The very sentence by which clients know that it is the token and not the repository (contract 0.1). */
const badToken = {
  check: ({ headers }: Answer) =>
    expect(headers['x-error-message']).toBe('Invalid credentials in Authorization header'),
};

/** Our own form of token, with one check character changed. */
const mistyped = (secret: string): string => secret.slice(0, -1) + (secret.endsWith('0') ? '1' : '0');

const made = async (world: World, name: string): Promise<{ secret: string; id: string }> => {
  const answer = await world.hub.send('POST', '/api/settings/tokens', {
    token,
    body: { name, role: 'write' },
  });
  const { secret, token: entry } = answer.json<{ secret: string; token: { id: string } }>();
  return { secret, id: entry.id };
};

const revoked: Send = async (world) => {
  const { secret, id } = await made(world, 'to be revoked');
  expect((await world.hub.send('GET', WHO, { token: secret })).status).toBe(200);
  expect((await world.hub.send('DELETE', `/api/settings/tokens/${id}`, { token })).status).toBe(204);
  return world.hub.send('GET', WHO, { token: secret });
};

const mistypedToken: Send = async (world) => {
  const { secret, id } = await made(world, 'mistyped');
  await world.hub.send('DELETE', `/api/settings/tokens/${id}`, { token });
  return world.hub.send('GET', WHO, { token: mistyped(secret) });
};

const tooMany: Send = async (world) => {
  const tokens = Array.from({ length: 1_000 }, (_, index) => ({
    name: `t${index}`,
    role: 'read',
    value: `hf_many${String(index).padStart(26, '0')}`,
  }));
  await world.command('apply', {
    text: JSON.stringify({
      users: [
        {
          name: 'collector',
          tokens: [
            ...tokens.slice(1),
            { name: 'w', role: 'write', value: `hf_${'collector'.padEnd(30, '0')}` },
          ],
        },
      ],
    }),
  });
  return world.hub.send('POST', '/api/settings/tokens', {
    token: `hf_${'collector'.padEnd(30, '0')}`,
    body: { name: 'one more', role: 'read' },
  });
};

/** Two passwords that agree in their first 72 bytes, where some hashes stop to look. */
const longPasswords: Send = async (world) => {
  const start = 'p'.repeat(72);
  await world.command('apply', {
    text: JSON.stringify({ users: [{ name: 'long', password: `${start}-one` }] }),
  });
  expect((await signIn({ name: 'long', password: `${start}-one` })(world)).status).toBe(200);
  return signIn({ name: 'long', password: `${start}-two` })(world);
};

const normalForms: Send = async (world) => {
  await world.command('apply', {
    text: JSON.stringify({ users: [{ name: 'accent', password: 'caf\u00e9 caf\u00e9' }] }),
  });
  return signIn({ name: 'accent', password: 'cafe\u0301 cafe\u0301' })(world);
};

const API = '/api/models/owner/m1';
const SECRET = '/api/models/owner/outside';
const kept = { isKept: true };

/** A token of the owner that reaches `owner/inside` alone; `owner/outside` is private. */
const fineGrained =
  (method: string, target: string, body?: object): Send =>
  async ({ hub }) => {
    for (const [name, isPrivate] of [
      ['inside', false],
      ['outside', true],
    ] as const)
      await hub.send('POST', '/api/repos/create', { token, body: { name, private: isPrivate } });
    const access = [{ type: 'model', name: 'owner/inside', permission: 'write' }];
    const answer = await hub.send('POST', '/api/settings/tokens', {
      token,
      body: { name: `fine ${target} ${method}`, role: 'fineGrained', access },
    });
    expect(answer.status, answer.text).toBe(201);
    const { secret } = answer.json<{ secret: string }>();
    expect((await hub.send('GET', '/api/models/owner/inside', { token: secret })).status).toBe(200);
    return hub.send(method, target, { token: secret, ...(body ? { body } : {}) });
  };

const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
/** The client id that is fixed in `hf`. */
const HF = '26be6b09-91c5-47da-9861-d2d2bb7a7e36';
const BACK = 'https://charts.example.org/back';
const VERIFIER = 'v'.repeat(43);

const form = ({ hub }: World, path: string, fields: Readonly<Record<string, string>>): Promise<Answer> =>
  hub.send('POST', path, {
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: Buffer.from(new URLSearchParams(fields).toString()),
  });
const atThePage = ({ hub, cookie }: World, target: string, body: object): Promise<Answer> =>
  hub.send('POST', target, { headers: { cookie, 'sec-fetch-site': 'same-origin' }, body });
const isInvalidGrant = {
  isKept: true,
  check: (answer: Answer) => expect(answer.json()).toMatchObject({ error: 'invalid_grant' }),
};

async function registered(world: World): Promise<string> {
  const answer = await atThePage(world, '/api/settings/applications', {
    ...{ name: 'Charts', redirectUris: [BACK], isConfidential: false },
  });
  expect(answer.status, answer.text).toBe(201);
  return answer.json<{ application: { clientId: string } }>().application.clientId;
}

/** The code with which an application that the clerk let in comes back. */
async function codeFor(world: World, clientId: string): Promise<string> {
  const answer = await atThePage(world, '/api/oauth/authorize', {
    ...{
      client_id: clientId,
      redirect_uri: BACK,
      response_type: 'code',
      scope: 'openid profile',
      state: 's',
    },
    ...{ code_challenge: createHash('sha256').update(VERIFIER).digest('base64url') },
    ...{ code_challenge_method: 'S256', approve: true },
  });
  expect(answer.status, answer.text).toBe(200);
  return new URL(answer.json<{ redirect: string }>().redirect).searchParams.get('code') ?? '';
}

const redeem = (world: World, code: string, clientId: string): Promise<Answer> =>
  form(world, '/oauth/token', {
    ...{ grant_type: 'authorization_code', code, redirect_uri: BACK },
    ...{ code_verifier: VERIFIER, client_id: clientId },
  });

/** A code that is used twice also ends what the first use gave (RFC 6749, section 4.1.2). */
const replayed: Send = async (world) => {
  const clientId = await registered(world);
  const code = await codeFor(world, clientId);
  const first = await redeem(world, code, clientId);
  expect(first.status, first.text).toBe(200);
  const given = first.json<{ access_token: string }>().access_token;
  const again = await redeem(world, code, clientId);
  expect((await world.hub.send('GET', WHO, { token: given })).status).toBe(401);
  return again;
};

const stolen: Send = async (world) => {
  const code = await codeFor(world, await registered(world));
  return redeem(world, code, await registered(world));
};

const waitingDevice = async (world: World) =>
  (await form(world, '/oauth/device', { client_id: HF })).json<{ device_code: string; user_code: string }>();

const replayedDevice: Send = async (world) => {
  const { device_code, user_code } = await waitingDevice(world);
  const decision = await atThePage(world, '/api/oauth/device', { userCode: user_code, approve: true });
  expect(decision.status, decision.text).toBe(204);
  const fields = { grant_type: DEVICE_GRANT, device_code, client_id: HF };
  expect((await form(world, '/oauth/token', fields)).status).toBe(200);
  return form(world, '/oauth/token', fields);
};

/** Everything that changes something, as a token that may only read. */
const WRITES: readonly (readonly [method: string, target: string, body?: unknown])[] = [
  ['POST', '/api/repos/create', { name: 'never' }],
  ['DELETE', '/api/repos/delete', { name: 'm1' }],
  ['PUT', `${API}/settings`, { private: true }],
  ['POST', `${API}/commit/main`, ndjson([fileLine('never', '1')])],
  ['POST', `${API}/preupload/main`, { files: [] }],
  ['POST', `${API}/branch/never`, {}],
  ['DELETE', `${API}/branch/dev`],
  ['POST', `${API}/tag/main`, { tag: 'never' }],
  ['DELETE', `${API}/tag/v1`],
  ['GET', `${API}/xet-write-token/main`],
  ['GET', `${API}/auth-check/write`],
  ['POST', '/owner/m1.git/info/lfs/objects/batch', { operation: 'upload', objects: [] }],
  ['POST', '/owner/m1.git/info/lfs/verify', { oid: 'a'.repeat(64), size: 1 }],
  ['POST', '/api/settings/tokens', { name: 'never', role: 'write' }],
  ['GET', '/api/settings/tokens'],
  ['PUT', '/api/settings/profile', { fullName: 'x', email: null }],
  ['PUT', '/api/settings/password', { current: 'x', next: 'y' }],
];

/** Section 3.14. */
export const CREDENTIALS: readonly Row[] = [
  row(
    'B-246',
    'credentials that are none',
    each(
      '401 InvalidCredentials',
      [
        'Bearer',
        'Bearer  ',
        'Bearer a b',
        'Token x',
        token,
        `Bearer ${'x'.repeat(10_000)}`,
        'Bearer h\u00e9',
        'Bearer hf_',
        'Digest x="y"',
        ' ',
        '"',
      ],
      (text) => withAuthorization(text),
      badToken,
    ),
  ),
  row('B-247', 'two Authorization headers', [
    one(
      '400 InvalidRequest',
      'that differ',
      bytes(
        head(
          'GET /api/models HTTP/1.1',
          'Host: HOST',
          'Authorization: Bearer hf_a',
          'authorization: Bearer hf_b',
          'Connection: close',
        ),
      ),
    ),
    one(
      '400 InvalidRequest',
      'that agree',
      bytes(
        head(
          'GET /api/models HTTP/1.1',
          'Host: HOST',
          `Authorization: Bearer ${token}`,
          `Authorization: Bearer ${token}`,
          'Connection: close',
        ),
      ),
    ),
  ]),
  row('B-248', 'Basic', [
    ...each(
      '401 InvalidCredentials',
      [
        'Basic',
        'Basic !!!',
        'Basic Y29sb25sZXNz',
        'Basic =',
        basic(':'),
        basic(`:${token}`),
        basic(`${token}:`),
        basic('owner:wrong'),
        basic(`owner:${token}x`),
      ],
      (text) => withAuthorization(text),
      badToken,
    ),
    // git sends any user name with a token (contract 0.1).
    ...each('200', ['owner', 'somebody-else', 'x@y', 'hf_user'], (user) =>
      withAuthorization(basic(`${user}:${token}`), WHO),
    ),
  ]),
  row('B-249', 'a token in the address', [
    ...each('401 SignInRequired', ['token', 'access_token', 'api_key'], (name) =>
      asNobody('GET', `${WHO}?${name}=${token}`),
    ),
    one(
      '401 RepoNotFound',
      'does not show what is hidden',
      asNobody('GET', `/api/models/stranger/secret?token=${tokenOf('stranger') ?? ''}`),
    ),
  ]),
  row('B-250', 'check characters', [
    one('401 InvalidCredentials', 'one is wrong', mistypedToken, { isKept: true }),
  ]),
  row('B-251', 'tokens whose time is over', [
    one('401 InvalidCredentials', 'run out', asNobody('GET', WHO, { token: EXPIRED_TOKEN })),
    one('401 InvalidCredentials', 'revoked', revoked, { isKept: true }),
    one('401 InvalidCredentials', 'nobody’s', asNobody('GET', WHO, { token: tokenOf('wrong') })),
  ]),
  row('B-252', 'a bad token with a good cookie', [
    one('200', 'the cookie is good', withCookie({})),
    one(
      '401 InvalidCredentials',
      'the token counts',
      withCookie({ authorization: 'Bearer hf_nobodysTokenAtAll' }),
      badToken,
    ),
    one(
      '401 InvalidCredentials',
      'so does a scheme that is none',
      withCookie({ authorization: 'Cookie x' }),
      badToken,
    ),
  ]),
  row('B-253', 'a good cookie from another origin', [
    ...each('401 SignInRequired', ['cross-site', 'same-site'], (site) =>
      withCookie({ 'sec-fetch-site': site }),
    ),
    ...each('401 SignInRequired', ['http://evil.example', 'null'], (origin) => withCookie({ origin })),
    one('200', 'is nobody', withCookie({ 'sec-fetch-site': 'cross-site' }, '/api/session'), nobody),
  ]),
  row('B-254', 'fine-grained tokens', [
    one('404 RepoNotFound', 'reading a private repository outside its own', fineGrained('GET', SECRET), kept),
    one(
      '404 RepoNotFound',
      'writing to a public one',
      fineGrained('POST', `${API}/tag/main`, { tag: 'x' }),
      kept,
    ),
    ...each(
      '403 Forbidden',
      ['/api/settings/tokens', '/api/settings/sessions'],
      (target) => fineGrained('GET', target),
      kept,
    ),
    one(
      '403 Forbidden',
      'making a token that may more',
      fineGrained('POST', '/api/settings/tokens', { name: 'never', role: 'write' }),
      kept,
    ),
    // One without a reach, and roles that are none.
    ...each('400 InvalidBody', ['fineGrained', 'admin', '', 'WRITE', null], (role) =>
      newToken({ name: 'never', role }),
    ),
  ]),
  row(
    'B-255',
    'a read token on everything that writes',
    WRITES.map(([method, target, body]) =>
      one(
        '403 Forbidden',
        `${method} ${target}`,
        ask(method, target, {
          token: tokenOf('owner-read'),
          ...(body === undefined ? {} : { body }),
          ...(body instanceof Uint8Array ? { headers: { 'content-type': 'application/x-ndjson' } } : {}),
        }),
      ),
    ),
  ),
  row('B-256', 'passwords', [
    ...each(
      '400 InvalidBody',
      ['p'.repeat(1_000_000), 'with\0in it', 'short', '', 1, null, ['a'], 'p\ud800aaaaaaaaa', 'password123'],
      changeTo,
    ),
    one('401 InvalidCredentials', 'that differ after 72 bytes', longPasswords, { isKept: true }),
    // NFKC makes one of both, so that every keyboard can type it.
    one('200', 'in another normal form', normalForms, { isKept: true }),
  ]),
  row(
    'B-257',
    'names and passwords of another type',
    each(
      '400 InvalidBody',
      [
        { name: ['clerk'], password: PASSWORD },
        { name: 'clerk', password: [PASSWORD] },
        { name: { $ne: '' }, password: { $ne: '' } },
        { name: 'clerk', password: null },
        { name: 'clerk' },
        { name: 'n'.repeat(10_000), password: 'x' },
        [],
      ],
      signIn,
    ),
  ),
  row('B-258', 'sessions that are none', [
    ...each(
      '200',
      ['x'.repeat(10_000), 'A'.repeat(43), '1', '__proto__', '../x', '"', '%00'],
      withSession,
      nobody,
    ),
    one(
      '200',
      'what the database has of one',
      (world: World) => withSession(Buffer.from(world.cookie).toString('hex'))(world),
      nobody,
    ),
    one(
      '200',
      'another cookie',
      asNobody('GET', '/api/session', { headers: { cookie: 'atoll_session; x=; =y;;' } }),
      nobody,
    ),
  ]),
  row('B-259', 'a thousand tokens', [one('400 TooManyItems', 'and one more', tooMany, { isKept: true })]),
  row('B-260', 'names of tokens', [
    one('201', 'with a script in it', newToken({ name: '<script>alert(1)</script>', role: 'read' }), {
      isKept: true,
      check: (answer) => {
        expect(answer.json()).toMatchObject({ token: { name: '<script>alert(1)</script>' } });
        expect(answer.headers['content-type']).toMatch(/^application\/json/);
      },
    }),
    ...each('400 InvalidBody', ['x'.repeat(10_000), '', ' ', 1, null, 'a\nb', 'a\0b', ['a']], (name) =>
      newToken({ name, role: 'read' }),
    ),
  ]),
  row('B-261', 'an invitation or a callback again', [
    // There are no invitations yet.
    one('400', 'the code of an application, by itself again', replayed, isInvalidGrant),
    one('400', 'by another application', stolen, isInvalidGrant),
    one('400', 'a device code again', replayedDevice, isInvalidGrant),
    one(
      '400',
      'a code that nobody has',
      asNobody('POST', '/oauth/token', {
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: Buffer.from('grant_type=authorization_code&code=nobodys'),
      }),
      { needs: '/oauth/token' },
    ),
    one(
      '400',
      'a device code that nobody has',
      asNobody('POST', '/oauth/token', {
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: Buffer.from(
          'grant_type=urn:ietf:params:oauth:grant-type:device_code&device_code=nobodys&client_id=x',
        ),
      }),
      { needs: '/oauth/token' },
    ),
    one(
      '409 Conflict',
      'the setup link',
      asNobody('POST', '/api/setup', { body: { secret: 'x', name: 'eve', password: PASSWORD } }),
    ),
  ]),
];
