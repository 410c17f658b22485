import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NOT_OFFERED_YET } from '../../server/contract/hub.ts';
import { expectNothingStored, type TestHub } from '../support/hub.ts';
import {
  createRepo,
  fileLine,
  ndjson,
  startPeopledHub,
  tokenOf,
  type RepoClient,
} from '../support/scenario.ts';

/* How requests are framed, where they may come from, and what becomes of those that nothing answers. */

let hub: TestHub;
let repo: RepoClient;
beforeAll(async () => {
  hub = await startPeopledHub();
  repo = await createRepo(hub, 'owner/m1');
});
afterAll(() => hub[Symbol.asyncDispose]());

const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0);
const lines = (...text: readonly string[]): string => `${text.join('\r\n')}\r\n\r\n`;

describe('framing', () => {
  const get = 'GET /api/hub HTTP/1.1';
  const host = (): string => `Host: ${hub.host}`;
  const CLOSE = 'Connection: close';

  test.each([
    ['no Host', () => lines(get, CLOSE), 400],
    ['an empty Host', () => lines(get, 'Host:', CLOSE), 400],
    ['two Hosts', () => lines(get, host(), host(), CLOSE), 400],
    ['another Host first', () => lines(get, 'Host: evil.example', host(), CLOSE), 400],
    ['a foreign Host', () => lines(get, 'Host: evil.example', CLOSE), 403],
    ['HTTP/1.0 without Host', () => lines('GET /api/hub HTTP/1.0'), 400],
    ['an absolute target', () => lines('GET http://evil.example/api/hub HTTP/1.1', host(), CLOSE), 400],
    [
      'an absolute target that is ours',
      () => lines(`GET http://${hub.host}/api/hub HTTP/1.1`, host(), CLOSE),
      400,
    ],
    ['TRACE', () => lines('TRACE / HTTP/1.1', host(), CLOSE), 405],
    ['an unknown method', () => lines('FOO / HTTP/1.1', host(), CLOSE), 400],
    ['a method in small letters', () => lines('get / HTTP/1.1', host(), CLOSE), 400],
    [
      'two lengths',
      () => lines('POST /api/session HTTP/1.1', host(), 'Content-Length: 1', 'Content-Length: 2'),
      400,
    ],
    [
      'length and chunks',
      () => lines('POST /api/session HTTP/1.1', host(), 'Content-Length: 1', 'Transfer-Encoding: chunked'),
      400,
    ],
    ['a negative length', () => lines('POST /api/session HTTP/1.1', host(), 'Content-Length: -3'), 400],
    ['a length in hex', () => lines('POST /api/session HTTP/1.1', host(), 'Content-Length: 0x10'), 400],
    ['a blank before the colon', () => lines(get, host(), 'Accept : x'), 400],
    ['a folded header', () => lines(get, host(), 'Accept: x', ' y'), 400],
    ['a NUL in the target', () => lines('GET /\0 HTTP/1.1', host()), 400],
    ['a header of 20 KB', () => lines(get, host(), `X-Long: ${'x'.repeat(20_000)}`), 431],
    ['a target of 64 KB', () => lines(`GET /${'x'.repeat(65_536)} HTTP/1.1`, host()), 431],
    ['an unknown expectation', () => lines(get, host(), 'Expect: 200-ok', CLOSE), 417],
    [
      'two credentials',
      () => lines(get, host(), 'Authorization: Bearer hf_a', 'Authorization: Bearer hf_b', CLOSE),
      400,
    ],
  ])('with %s', async (_, request, status) => {
    expect(statusOf(await hub.raw(request()))).toBe(status);
  });

  test('an offer of HTTP/2 is passed over', async () => {
    const headers = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABk' };
    expect((await hub.send('GET', '/api/hub', { headers })).status).toBe(200);
  });

  test('CONNECT opens no tunnel', async () => {
    const answer = await hub.raw(
      lines('CONNECT example.org:80 HTTP/1.1', `Host: ${hub.host}`, 'Connection: close'),
    );
    expect(answer === '' || statusOf(answer) >= 400).toBe(true);
  });

  test.each(['/%zz', '/%', '/%ff', '/%c0%af', '/%00', '/a%00b'])('%s is no part of a path', async (part) => {
    const { status, headers } = await repo.resolve('main', `x${part}`);
    expect([status, headers['x-error-code']]).toEqual([400, 'InvalidPath']);
    expect((await repo.api('GET', `tree${part}/x`)).status).toBe(400);
  });

  test.each([
    '//api//hub',
    '/api/./hub',
    '/api/../api/hub',
    '/API/hub',
    '/api/hub/',
    '/%61pi/hub',
    '/api%2Fhub',
  ])('%s is not made into another address', async (target) => {
    expect((await hub.send('GET', target)).status).toBe(404);
  });

  test('a method named in a header is not heeded', async () => {
    const { status } = await hub.send('GET', '/api/models/owner/m1', {
      headers: { 'x-http-method-override': 'DELETE', 'x-http-method': 'DELETE' },
    });
    expect(status).toBe(200);
  });

  test('links are made of the checked host alone', async () => {
    await createRepo(hub, 'owner/m2');
    const { headers } = await hub.send('GET', '/api/models?limit=1', {
      headers: { 'x-forwarded-host': 'evil.example', forwarded: 'host=evil.example' },
    });
    expect(headers['link']).toMatch(
      new RegExp(`^<${hub.url}/api/models\\?limit=1&cursor=[\\w.-]+>; rel="next"$`),
    );
  });

  test('every answer has an id, the caller’s own where it is plain', async () => {
    const given = await hub.send('GET', '/healthz', { headers: { 'x-request-id': 'my-request-1' } });
    expect(given.headers['x-request-id']).toBe('my-request-1');
    const traced = await hub.send('GET', '/nowhere', {
      headers: { 'x-amzn-trace-id': 'Root=1-67891233-abcdef' },
    });
    expect(traced.headers['x-request-id']).toBe('Root=1-67891233-abcdef');
    expect(traced.json()['requestId']).toBe('Root=1-67891233-abcdef');
    const hostile = await hub.send('GET', '/healthz', { headers: { 'x-request-id': '<script>' } });
    expect(hostile.headers['x-request-id']).toMatch(/^[0-9a-f]{24}$/);
  });
});

describe('bodies', () => {
  const post = (body: Buffer, headers: Readonly<Record<string, string>>) =>
    hub.send('POST', '/api/repos/create', { token: tokenOf('owner'), body, headers });
  const good = Buffer.from('{"name":"never"}');

  test.each([
    ['text/plain', { 'content-type': 'text/plain' }, 415],
    ['no media type', {}, 415],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
    ['several parts', { 'content-type': 'multipart/form-data; boundary=x' }, 415],
    ['UTF-16', { 'content-type': 'application/json; charset=utf-16' }, 415],
    ['a content encoding', { 'content-type': 'application/json', 'content-encoding': 'gzip' }, 415],
  ])('as %s', async (_, headers, status) => {
    await expectNothingStored(hub, async () => {
      expect((await post(good, headers)).status).toBe(status);
    });
  });

  test.each([
    ['bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['a byte order mark', Buffer.concat([Buffer.from('\ufeff'), good])],
    ['two documents', Buffer.concat([good, good])],
    ['nothing', Buffer.alloc(0)],
    ['an array', Buffer.from('[]')],
    ['a name twice', Buffer.from('{"name":"a","name":"never"}')],
    ['a hostile member', Buffer.from('{"name":"never","__proto__":{"isAdmin":true}}')],
    ['deep nesting', Buffer.from('['.repeat(100_000))],
  ])('of %s', async (_, body) => {
    await expectNothingStored(hub, async () => {
      const answer = await post(body, { 'content-type': 'application/json' });
      expect([answer.status, answer.headers['x-error-code']]).toEqual([400, 'InvalidBody']);
    });
  });

  test('beyond the limit are refused before they are read', async () => {
    const answer = await post(Buffer.alloc(20_000_000, ' '), { 'content-type': 'application/json' });
    expect(answer.status).toBe(413);
  });

  test.each([false, true])(
    'that are refused midway are answered even to a client that reads last (chunked: %s)',
    async (isChunked) => {
      const body = Buffer.concat([ndjson([['nonsense', {}]]), Buffer.alloc(20_000_000, ' ')]);
      await expectNothingStored(hub, async () => {
        expect(statusOf(await sendAllThenRead(body, isChunked))).toBe(400);
      });
    },
  );

  /** Write the whole body, and only then look at what came back, as most client libraries do. */
  function sendAllThenRead(body: Buffer, isChunked: boolean): Promise<string> {
    const head = lines(
      'POST /api/models/owner/m1/commit/main HTTP/1.1',
      `Host: ${hub.host}`,
      `Authorization: Bearer ${tokenOf('owner') ?? ''}`,
      'Content-Type: application/x-ndjson',
      'Connection: close',
      isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`,
    );
    const PIECE = 64 * 1024;
    const frame = (piece: Buffer): Buffer =>
      isChunked
        ? Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')])
        : piece;
    return new Promise((done, failed) => {
      const received: Buffer[] = [];
      const socket = connect(Number(hub.host.split(':')[1]), '127.0.0.1', () => {
        socket.pause();
        socket.write(head);
        sendFrom(0);
      });
      const sendFrom = (at: number): void => {
        if (at < body.length) {
          socket.write(frame(body.subarray(at, at + PIECE)), (error) =>
            error ? failed(error) : sendFrom(at + PIECE),
          );
          return;
        }
        if (isChunked) socket.write('0\r\n\r\n');
        socket.resume();
      };
      socket.on('data', (piece) => received.push(piece));
      socket.on('error', failed);
      socket.on('close', () => done(Buffer.concat(received).toString('latin1')));
    });
  }

  test('that break off leave nothing behind', async () => {
    const body = ndjson([fileLine('a.bin', Buffer.alloc(3_000_000))]);
    await expectNothingStored(hub, async () => {
      await new Promise<void>((done) => {
        const socket = connect(Number(hub.host.split(':')[1]), '127.0.0.1', () => {
          const head = lines(
            'POST /api/models/owner/m1/commit/main HTTP/1.1',
            `Host: ${hub.host}`,
            `Authorization: Bearer ${tokenOf('owner') ?? ''}`,
            'Content-Type: application/x-ndjson',
            `Content-Length: ${body.length}`,
          );
          socket.write(head);
          socket.write(body.subarray(0, body.length - 10), () => socket.destroy());
        });
        socket.on('close', () => done());
      });
    });
    expect(hub.loggedErrors()).toEqual([]);
  });
});

describe('pages of other origins', () => {
  const signIn = async (): Promise<string> => {
    const { headers } = await hub.send('POST', '/api/session', {
      body: { name: 'lab-admin', password: 'correct horse battery' },
    });
    return String(headers['set-cookie']?.[0]).split(';', 1)[0] ?? '';
  };
  const withCookie = async (
    method: string,
    target: string,
    headers: Readonly<Record<string, string>>,
    body?: object,
  ) =>
    hub.send(method, target, { headers: { cookie: await signIn(), ...headers }, ...(body ? { body } : {}) });

  beforeAll(async () => {
    const users = [{ name: 'lab-admin', password: 'correct horse battery' }];
    await hub.command('apply', { text: JSON.stringify({ users }) });
  });

  test.each([
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'null' },
    { origin: 'http://evil.example' },
  ])('change nothing by somebody’s session: %j', async (headers) => {
    const answer = await withCookie('POST', '/api/repos/create', headers, { name: 'never' });
    expect([answer.status, answer.headers['x-error-code']]).toEqual([403, 'CrossOriginDenied']);
    expect(
      (await hub.send('POST', '/api/session', { headers, body: { name: 'a', password: 'b' } })).status,
    ).toBe(403);
  });

  test('do not see what the session may see', async () => {
    const own = await withCookie('GET', '/api/session', {});
    expect(own.json<{ user: { name: string } }>().user.name).toBe('lab-admin');
    for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { origin: 'http://evil.example' }]) {
      expect((await withCookie('GET', '/api/session', headers)).json()).toEqual({ user: null });
      expect((await withCookie('GET', '/api/whoami-v2', headers)).status).toBe(401);
    }
  });

  test('on this computer may use the hub with a token, and no other may read its answers', async () => {
    const ask = (origin: string, method = 'GET') =>
      hub.send(method, '/api/models/owner/m1', { headers: { origin } });
    for (const origin of ['http://localhost:3000', 'https://127.0.0.1', 'http://[::1]:5173']) {
      const { headers } = await ask(origin);
      expect(headers['access-control-allow-origin']).toBe(origin);
      expect(headers['access-control-allow-credentials']).toBeUndefined();
      for (const name of [
        'X-Repo-Commit',
        'X-Linked-Size',
        'X-Xet-Hash',
        'ETag',
        'Link',
        'X-Total-Count',
        'X-Error-Code',
      ]) {
        expect(headers['access-control-expose-headers']).toContain(name);
      }
      const preflight = await ask(origin, 'OPTIONS');
      expect(preflight.status).toBe(204);
      expect(preflight.headers['access-control-allow-headers']).toContain('authorization');
    }
    const foreign = [
      'https://evil.example',
      'http://localhost.evil.example',
      'https://xlocalhost',
      'null',
      'http://127.0.0.1.nip.io',
    ];
    for (const origin of foreign) {
      for (const method of ['GET', 'OPTIONS']) {
        const { status, headers } = await ask(origin, method);
        expect(status).toBe(method === 'GET' ? 200 : 204);
        expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
      }
    }
  });

  test('a bad token counts more than a good session', async () => {
    const answer = await withCookie('GET', '/api/whoami-v2', {
      authorization: 'Bearer hf_nobodysTokenAtAll',
    });
    expect(answer.status).toBe(401);
  });
});

describe('credentials', () => {
  const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

  test.each([
    'Bearer',
    'Bearer ',
    'Bearer  ',
    'Bearer a b',
    'Token x',
    'hf_x',
    `Bearer ${'x'.repeat(10_000)}`,
    'Bearer h\u00e9',
    'Basic',
    'Basic !!!',
    'Basic Y29sb25sZXNz',
    'Digest x="y"',
  ])('%s are none', async (authorization) => {
    const { status, headers } = await hub.send('GET', '/api/models', { headers: { authorization } });
    expect([status, headers['x-error-code']]).toEqual([401, 'InvalidCredentials']);
    expect(headers['x-error-message']).toBe('Invalid credentials in Authorization header');
  });

  test('git sends a token as a password, with any user name but an empty one or that of somebody else', async () => {
    const token = tokenOf('owner') ?? '';
    for (const user of ['owner', 'OWNER', 'hf_user', 'x@y', '', 'member', 'lab']) {
      const { status } = await hub.send('GET', '/api/whoami-v2', {
        headers: { authorization: basic(`${user}:${token}`) },
      });
      expect([user, status]).toEqual([user, ['', 'member', 'lab'].includes(user) ? 401 : 200]);
    }
    expect(
      (await hub.send('GET', '/api/whoami-v2', { headers: { authorization: `bearer ${token}` } })).status,
    ).toBe(200);
    expect(
      (await hub.send('GET', '/api/whoami-v2', { headers: { authorization: basic(`${token}:`) } })).status,
    ).toBe(401);
  });

  test('in the address are not looked at', async () => {
    const token = tokenOf('owner') ?? '';
    expect((await hub.send('GET', `/api/whoami-v2?token=${token}&access_token=${token}`)).status).toBe(401);
  });
});

describe('addresses that nothing answers', () => {
  test('are 404, whatever the method', async () => {
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND']) {
      for (const target of [
        '/nowhere',
        '/api/nowhere',
        '/api/nowhere/x',
        '/api/models/a/b/nowhere/c',
        '/a/b/c/d',
        '/api/jobs/x',
        '/uploads',
      ]) {
        const { status } = await hub.send(method, target);
        expect([method, target, status]).toEqual([method, target, 404]);
      }
    }
  });

  test('with another method than the path takes are 405 and say which', async () => {
    const answer = await hub.send('POST', '/api/whoami-v2', { body: {} });
    expect([answer.status, answer.headers['allow']]).toEqual([405, 'GET']);
    const branch = await hub.send('PUT', '/api/models/owner/m1/branch/x', { body: {} });
    expect([branch.status, branch.headers['allow']]).toEqual([405, 'POST, DELETE']);
  });

  test('are the page for a browser, and for nobody else', async () => {
    const accept = 'text/html,application/xhtml+xml';
    for (const target of [
      '/',
      '/models',
      '/owner/m1',
      '/owner/m1/tree/main/x',
      '/settings/tokens',
      '/%zz',
      '/owner/m1/discussions/1',
    ]) {
      const page = await hub.send('GET', target, { headers: { accept } });
      expect([target, page.status, page.headers['content-type']]).toEqual([
        target,
        200,
        'text/html; charset=utf-8',
      ]);
      expect(page.headers['content-security-policy']).toContain("default-src 'none'");
      expect((await hub.send('GET', target, { headers: { accept: 'application/json' } })).status).toBe(404);
      expect((await hub.send('POST', target, { headers: { accept }, body: {} })).status).toBe(404);
    }
    for (const target of [
      '/api/nowhere',
      '/xet/x/v1/nowhere',
      '/assets/nowhere.js',
      '/assets/%zz',
      '/assets/../x',
      '/assets/%2e%2e/x',
    ]) {
      const { status, headers } = await hub.send('GET', target, { headers: { accept } });
      expect([target, status]).toEqual([target, 404]);
      expect(headers['content-type']).toBe('application/json; charset=utf-8');
    }
  });

  test('hashed assets are kept for good, and every page has a nonce of its own', async () => {
    const asset = await hub.send('GET', '/assets/page-1234.js');
    expect(asset.status).toBe(200);
    expect(asset.headers['cache-control']).toContain('immutable');
    const nonces = new Set<string>();
    for (let round = 0; round < 3; round++) {
      const { text, headers } = await hub.send('GET', '/', { headers: { accept: 'text/html' } });
      const [, nonce = ''] = /nonce="([^"]+)"/.exec(text) ?? [];
      expect(headers['content-security-policy']).toContain(`'nonce-${nonce}'`);
      nonces.add(nonce);
    }
    expect(nonces.size).toBe(3);
  });

  test.each(NOT_OFFERED_YET)('%s of the Hub API is not offered yet, and says so', async (path) => {
    const target = path
      .replace('/:prefix?', '')
      .replace(':kind', 'models')
      .replace(':namespace', 'owner')
      .replace(':name', 'm1')
      .replace(/\*+$/, 'x')
      .replace(/:[a-z]+/g, 'x');
    for (const method of ['GET', 'POST', 'DELETE', 'PUT', 'PATCH']) {
      const { status, headers, text } = await hub.send(method, target, method === 'GET' ? {} : { body: {} });
      expect([method, target, status, headers['x-error-code']]).toEqual([
        method,
        target,
        501,
        'NotSupported',
      ]);
      expect(JSON.parse(text)).toMatchObject({ error: expect.stringMatching(/\.$/) as string });
    }
  });
});

describe('below the CAS URL', () => {
  const HASH = 'a'.repeat(64);
  const unknown = [
    `v1/xorb-grants/default/${HASH}`,
    `v1/xorb-commits/default/${HASH}/grant/x`,
    'v2/shards',
    `v2/file-chunk-hashes/${HASH}`,
    'v1/reconstructions',
    'v1/telemetry',
    'v3/shards',
    '',
    'v1',
    'nowhere',
    `v1/xorbs/default/${HASH}/more`,
    'info/lfs/objects/batch',
    'x/info/refs',
    'resolve/main/x',
  ];
  const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND'];

  test('what is not offered is 404 to every method, with any credentials or none', async () => {
    const { cas, token } = await repo.xetToken();
    for (const path of unknown) {
      for (const method of METHODS) {
        for (const credentials of [undefined, token, tokenOf('owner'), 'nonsense']) {
          const body = method === 'GET' || method === 'HEAD' ? {} : { body: {} };
          const { status } = await hub.send(method, `${cas}/${path}`, { token: credentials, ...body });
          expect([method, path, credentials, status]).toEqual([method, path, credentials, 404]);
        }
      }
    }
  });

  test('what is offered is 404 to every other method', async () => {
    const { cas, token } = await repo.xetToken();
    const offered: Readonly<Record<string, readonly string[]>> = {
      [`v1/xorbs/default/${HASH}`]: ['POST'],
      'v1/shards': ['POST'],
      [`v1/reconstructions/${HASH}`]: ['GET', 'HEAD'],
      [`v2/reconstructions/${HASH}`]: ['GET', 'HEAD'],
      [`v1/files/${HASH}`]: ['GET', 'HEAD'],
      [`xorbs/${HASH}`]: ['GET', 'HEAD'],
    };
    for (const [path, taken] of Object.entries(offered)) {
      for (const method of METHODS.filter((one) => !taken.includes(one))) {
        const { status } = await hub.send(method, `${cas}/${path}`, { token });
        expect([method, path, status]).toEqual([method, path, 404]);
      }
    }
  });

  test('another store is not here', async () => {
    const { cas, token } = await repo.xetToken();
    const other = cas.replace(/[0-9a-f]{24}$/, '0'.repeat(24));
    expect(other).not.toBe(cas);
    for (const path of [`v1/xorbs/default/${HASH}`, 'v1/shards']) {
      expect((await hub.send('POST', `${other}/${path}`, { token, body: Buffer.from('x') })).status).toBe(
        404,
      );
    }
    expect((await hub.send('GET', `${other}/v2/reconstructions/${HASH}`, { token })).status).toBe(404);
  });

  test('a route that is offered is 401 with a bad token', async () => {
    const { cas, token } = await repo.xetToken();
    for (const bad of [undefined, tokenOf('owner'), `${token}x`, 'xet_x.y']) {
      const xorb = await hub.send('POST', `${cas}/v1/xorbs/default/${HASH}`, {
        token: bad,
        body: Buffer.from('x'),
      });
      const file = await hub.send('GET', `${cas}/v2/reconstructions/${HASH}`, { token: bad });
      expect([xorb.status, file.status]).toEqual([401, 401]);
    }
  });

  test('telemetry goes to the root of the origin, with a Xet token, and is dropped', async () => {
    const { token } = await repo.xetToken();
    for (const credentials of [token, undefined, 'nonsense']) {
      const { status } = await hub.send('POST', '/v1/telemetry', {
        token: credentials,
        body: { event: 'x' },
      });
      expect(status).toBe(204);
    }
  });
});

test('a hub of other names answers to them and links by their scheme', async () => {
  await using other = await startPeopledHub([
    '--allowed-hosts',
    'lab.internal',
    '--public-urls',
    'https://hub.example',
  ]);
  const ask = (host: string) => other.send('GET', '/api/hub', { headers: { host } });
  expect((await ask('lab.internal:8790')).json()['endpoint']).toBe('http://lab.internal:8790');
  expect((await ask('hub.example')).json()['endpoint']).toBe('https://hub.example');
  expect((await ask('evil.example')).status).toBe(403);
});
