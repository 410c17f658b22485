import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addPeople, PASSWORD, signIn, type BrowserSession } from '../support/browser-session.ts';
import { startHub, type TestHub } from '../support/hub.ts';

const DAY = 86_400_000;

let hub: TestHub;
let ada: BrowserSession;
beforeAll(async () => {
  hub = await startHub();
  const members = [{ user: 'ada', role: 'super-admin' }];
  await addPeople(hub, ['ada', 'bob'], [{ name: 'lab', members }]);
  ada = await signIn(hub, 'ada');
  for (const [name, organization] of [
    ['one', 'ada'],
    ['two', 'ada'],
    ['shared', 'lab'],
  ]) {
    for (const isPrivate of [true, false]) {
      const body = { name: isPrivate ? name : `open-${name ?? ''}`, organization, private: isPrivate };
      expect((await ada.send('POST', '/api/repos/create', { body })).status).toBe(200);
    }
  }
});
afterAll(() => hub[Symbol.asyncDispose]());

interface Made {
  readonly token: { readonly id: string; readonly access: unknown };
  readonly secret: string;
}
let made = 0;
const create = (body: object) =>
  ada.send('POST', '/api/settings/tokens', { body: { name: `token ${(made += 1)}`, ...body } });
async function fineGrained(...access: readonly (readonly [string, string, string])[]): Promise<Made> {
  const answer = await create({
    role: 'fineGrained',
    access: access.map(([type, name, permission]) => ({ type, name, permission })),
  });
  expect(answer.status, answer.text).toBe(201);
  return answer.json<Made>();
}
const see = async (token: string, repo: string) => {
  const { status, headers } = await hub.send('GET', `/api/models/${repo}`, { token });
  return status === 200 ? 'seen' : `${status} ${String(headers['x-error-code'])}`;
};
const write = async (token: string, repo: string) => {
  const { status, headers } = await hub.send('POST', `/api/models/${repo}/tag/main`, {
    token,
    body: { tag: `t${(made += 1)}` },
  });
  return status === 200 ? 'done' : `${status} ${String(headers['x-error-code'])}`;
};

describe('a fine-grained token', () => {
  test('sees and changes what it was made for, and what lies outside looks absent', async () => {
    const { secret, token } = await fineGrained(['model', 'ADA/one', 'read'], ['org', 'lab', 'write']);
    expect(token.access).toEqual([
      { type: 'org', name: 'lab', permission: 'write' },
      { type: 'model', name: 'ada/one', permission: 'read' },
    ]);
    expect(await see(secret, 'ada/one')).toBe('seen');
    expect(await write(secret, 'ada/one')).toBe('403 Forbidden');
    expect(await see(secret, 'ada/two')).toBe('404 RepoNotFound');
    expect(await write(secret, 'ada/two')).toBe('404 RepoNotFound');
    expect(await see(secret, 'lab/shared')).toBe('seen');
    expect(await write(secret, 'lab/shared')).toBe('done');
    expect(await see(secret, 'ada/open-two')).toBe('seen');
    expect(await write(secret, 'ada/open-two')).toBe('404 RepoNotFound');
    const listed = (await hub.send('GET', '/api/models?limit=100', { token: secret })).json<
      { id: string }[]
    >();
    expect(listed.map(({ id }) => id).sort()).toEqual([
      ...['ada/one', 'ada/open-one', 'ada/open-two', 'lab/open-shared', 'lab/shared'],
    ]);
  });

  test('creates and deletes repositories where it may write, and nowhere else', async () => {
    const { secret } = await fineGrained(['org', 'lab', 'write']);
    const repo = (organization: string) => ({ token: secret, body: { name: 'made', organization } });
    expect((await hub.send('POST', '/api/repos/create', repo('lab'))).status).toBe(200);
    expect((await hub.send('POST', '/api/repos/create', repo('ada'))).status).toBe(403);
    expect((await hub.send('DELETE', '/api/repos/delete', repo('lab'))).status).toBe(200);
    const other = { token: secret, body: { name: 'two', organization: 'ada' } };
    expect((await hub.send('DELETE', '/api/repos/delete', other)).status).toBe(404);
  });

  test('is no key to the account, and tells clients what it reaches', async () => {
    const { secret } = await fineGrained(['model', 'ada/one', 'write']);
    for (const path of ['tokens', 'sessions', 'applications']) {
      expect((await hub.send('GET', `/api/settings/${path}`, { token: secret })).status).toBe(403);
    }
    const body = { fullName: 'x', email: null };
    expect((await hub.send('PUT', '/api/settings/profile', { token: secret, body })).status).toBe(403);
    const { auth } = (await hub.send('GET', '/api/whoami-v2', { token: secret })).json<{ auth: object }>();
    expect(auth).toMatchObject({
      accessToken: {
        role: 'fineGrained',
        fineGrained: {
          scoped: [
            { entity: { type: 'model', name: 'ada/one' }, permissions: ['repo.content.read', 'repo.write'] },
          ],
        },
      },
    });
  });

  test('is not made for what its user cannot reach, or for nothing', async () => {
    const bob = await signIn(hub, 'bob');
    const refused = async (access: readonly object[], role = 'fineGrained') => {
      const answer = await bob.send('POST', '/api/settings/tokens', { body: { name: 'x', role, access } });
      return [answer.status, answer.headers['x-error-code']];
    };
    expect(await refused([{ type: 'model', name: 'ada/one', permission: 'read' }])).toEqual([
      404,
      'RepoNotFound',
    ]);
    expect(await refused([{ type: 'model', name: 'x', permission: 'read' }])).toEqual([404, 'RepoNotFound']);
    for (const name of ['lab', 'ada', 'nobody']) {
      expect(await refused([{ type: 'org', name, permission: 'read' }])).toEqual([400, 'InvalidBody']);
    }
    expect(await refused([])).toEqual([400, 'InvalidBody']);
    expect(await refused([{ type: 'user', name: 'bob', permission: 'admin' }])).toEqual([400, 'InvalidBody']);
    expect(await refused([{ type: 'user', name: 'bob', permission: 'read' }], 'read')).toEqual([
      400,
      'InvalidBody',
    ]);
    expect((await bob.send('GET', '/api/settings/tokens')).json()).toEqual({ tokens: [] });
  });

  test('loses what its user loses', async () => {
    await addPeople(hub, ['bob'], [{ name: 'lab', members: [{ user: 'bob', role: 'member' }] }]);
    const bob = await signIn(hub, 'bob');
    const body = {
      name: 'lab',
      role: 'fineGrained',
      access: [{ type: 'model', name: 'lab/shared', permission: 'write' }],
    };
    const { secret } = (await bob.send('POST', '/api/settings/tokens', { body })).json<Made>();
    expect(await see(secret, 'lab/shared')).toBe('seen');
    await ada.send('DELETE', '/api/repos/delete', { body: { name: 'shared', organization: 'lab' } });
    const again = { name: 'shared', organization: 'lab', private: true };
    expect((await ada.send('POST', '/api/repos/create', { body: again })).status).toBe(200);
    // A new repository of the same name is another one.
    expect(await see(secret, 'lab/shared')).toBe('404 RepoNotFound');
  });
});

describe('an access token', () => {
  test('is renamed, but not to a name that is taken, and by its own user alone', async () => {
    const first = (await create({ role: 'read' })).json<Made>();
    const second = (await create({ role: 'read' })).json<Made & { token: { name: string } }>();
    const rename = (who: BrowserSession, name: unknown) =>
      who.send('PATCH', `/api/settings/tokens/${first.token.id}`, { body: { name } });
    expect((await rename(ada, '<script>alert(1)</script>')).status).toBe(204);
    expect((await hub.send('GET', '/api/whoami-v2', { token: first.secret })).json()).toMatchObject({
      auth: { accessToken: { displayName: '<script>alert(1)</script>' } },
    });
    expect((await rename(ada, second.token.name)).status).toBe(409);
    for (const name of ['', 'x'.repeat(10_000), 7, null]) expect((await rename(ada, name)).status).toBe(400);
    expect((await rename(await signIn(hub, 'bob'), 'mine')).status).toBe(404);
  });

  test('that leaked is ended by whoever has it, and nothing is said about any', async () => {
    const { secret } = (await create({ role: 'write' })).json<Made>();
    const revoke = (credentials: unknown) =>
      hub.send('POST', '/api/credentials/revoke', { body: { credentials } });
    const wrong = await revoke(['hf_x', 'x'.repeat(500), '']);
    const right = await revoke([secret]);
    expect([wrong.status, right.status, (await revoke([secret])).status]).toEqual([202, 202, 202]);
    expect(right.text).toBe(wrong.text);
    expect((await hub.send('GET', '/api/whoami-v2', { token: secret })).status).toBe(401);
    for (const bad of [undefined, 'x', [1], Array<string>(1001).fill('x')]) {
      expect((await revoke(bad)).status).toBe(400);
    }
  });

  test('ends on its day', async () => {
    const { secret } = (await create({ role: 'read', expiresInDays: 1 })).json<Made>();
    expect((await hub.send('GET', '/api/whoami-v2', { token: secret })).status).toBe(200);
    hub.advance(DAY);
    expect((await hub.send('GET', '/api/whoami-v2', { token: secret })).status).toBe(401);
  });

  test('is one of at most a thousand', async () => {
    await addPeople(hub, ['hoarder']);
    const tokens = Array.from({ length: 1000 }, (_, index) => ({ name: `t${index}`, role: 'read' }));
    await hub.command('apply', { text: JSON.stringify({ users: [{ name: 'hoarder', tokens }] }) });
    const hoarder = await signIn(hub, 'hoarder');
    const answer = await hoarder.send('POST', '/api/settings/tokens', {
      body: { name: 'one more', role: 'read' },
    });
    expect([answer.status, answer.headers['x-error-code']]).toEqual([400, 'TooManyItems']);
  });
});

describe('sessions', () => {
  interface Listed {
    readonly sessions: readonly { id: string; client: string; place: string; isCurrent: boolean }[];
  }
  const list = async (who: BrowserSession) =>
    (await who.send('GET', '/api/settings/sessions')).json<Listed>().sessions;
  const isIn = async (who: BrowserSession) =>
    (await who.send('GET', '/api/session')).json<{ user: object | null }>().user !== null;

  test('are listed with browser and place, and end one by one or all but one', async () => {
    await addPeople(hub, ['eve']);
    const [here, phone, other] = [
      await signIn(hub, 'eve'),
      await signIn(hub, 'eve'),
      await signIn(hub, 'eve'),
    ];
    const before = await list(here);
    expect(before).toHaveLength(3);
    expect(before.map(({ isCurrent, place }) => [isCurrent, place])).toEqual([
      [false, '127.0.0.1'],
      [false, '127.0.0.1'],
      [true, '127.0.0.1'],
    ]);
    const ofPhone = (await list(phone)).find(({ isCurrent }) => isCurrent)?.id ?? '';
    expect((await ada.send('DELETE', `/api/settings/sessions/${ofPhone}`)).status).toBe(404);
    expect((await here.send('DELETE', `/api/settings/sessions/${ofPhone}`)).status).toBe(204);
    expect((await here.send('DELETE', `/api/settings/sessions/${ofPhone}`)).status).toBe(404);
    expect((await here.send('DELETE', '/api/settings/sessions/x')).status).toBe(404);
    expect([await isIn(here), await isIn(phone), await isIn(other)]).toEqual([true, false, true]);
    const foreign = { 'sec-fetch-site': 'cross-site' };
    expect((await here.send('DELETE', '/api/settings/sessions', { headers: foreign })).status).toBe(403);
    expect((await here.send('DELETE', '/api/settings/sessions')).status).toBe(204);
    expect([await isIn(here), await isIn(other)]).toEqual([true, false]);
    expect(await list(here)).toHaveLength(1);
  });

  test('have a cookie of this instance over http, and one that is bound to the host over https', async () => {
    const body = { name: 'ada', password: PASSWORD };
    const plain = await hub.send('POST', '/api/session', { body });
    expect(plain.headers['set-cookie']?.[0]).toMatch(
      /^atoll_session_[0-9a-f]{8}=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+$/,
    );
    await using behindProxy = await startHub(['--public-urls', 'https://hub.example.org']);
    await addPeople(behindProxy, ['ada']);
    const secure = await behindProxy.send('POST', '/api/session', {
      body,
      headers: { host: 'hub.example.org' },
    });
    expect(secure.headers['set-cookie']?.[0]).toMatch(
      /^__Host-atoll=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax; Max-Age=\d+$/,
    );
    const other = await behindProxy.send('POST', '/api/session', { body });
    expect(other.headers['set-cookie']?.[0]?.split('=')[0]).not.toBe(
      plain.headers['set-cookie']?.[0]?.split('=')[0],
    );
  });
});

test('a password of a megabyte, or with a zero character, is refused before it is looked at', async () => {
  for (const password of ['x'.repeat(2 ** 20), 'a\0bcdefgh']) {
    const before = performance.now();
    const answer = await hub.send('POST', '/api/session', { body: { name: 'ada', password } });
    expect([answer.status, answer.headers['x-error-code']]).toEqual([400, 'InvalidBody']);
    expect(performance.now() - before).toBeLessThan(2_000);
  }
});

test('requests of this computer are not limited, whatever is set', async () => {
  await using limited = await startHub(['--limits-api-requests', '2']);
  for (let count = 0; count < 5; count += 1) {
    const { status, headers } = await limited.send('GET', '/api/models');
    expect([status, headers['ratelimit']]).toEqual([200, undefined]);
  }
});

test('a connection that only guesses tokens leaves the hub to others', async () => {
  const socket = connect(Number(new URL(hub.url).port), '127.0.0.1');
  const requests = Array.from(
    { length: 300 },
    (_, index) =>
      `GET /api/whoami-v2 HTTP/1.1\r\nHost: ${hub.host}\r\nAuthorization: Bearer hf_guess${index}00000\r\n\r\n`,
  );
  socket.write(requests.join(''));
  const { secret } = (await create({ role: 'read' })).json<Made>();
  expect((await hub.send('GET', '/api/whoami-v2', { token: secret })).status).toBe(200);
  socket.destroy();
});

test('nothing was logged as an error', () => {
  expect(hub.loggedErrors()).toEqual([]);
});
