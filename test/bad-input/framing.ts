import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { expect } from 'vitest';
import { fileLine, ndjson, tokenOf } from '../support/scenario.ts';
import { ask, asNobody, bytes, each, head, one, readAnswer, row, type Row, type Send } from './cases.ts';
import type { World } from './world.ts';

const GET = 'GET /api/hub HTTP/1.1';
const HOST = 'Host: HOST';
const CLOSE = 'Connection: close';
const LENGTH = 'Content-Length: 1';
const POST = 'POST /api/session HTTP/1.1';

const withHost = (value: string): Send => bytes(head(GET, `Host: ${value}`, CLOSE));
const withLength = (value: string): Send => bytes(head(POST, HOST, `Content-Length: ${value}`));
const path = (target: string): Send => ask('GET', target);
const resolve = (rest: string): Send => path(`/owner/m1/resolve/main/${rest}`);
const CREATE = '/api/repos/create';
const create = (
  headers: Readonly<Record<string, string>>,
  body: string | Buffer = '{"name":"never"}',
): Send => ask('POST', CREATE, { headers, body: Buffer.from(body) });
const asPage =
  (headers: Readonly<Record<string, string>>): Send =>
  ({ hub, cookie }) =>
    hub.send('POST', CREATE, { headers: { cookie, ...headers }, body: { name: 'never' } });
const preflight = (origin: string): Send =>
  asNobody('OPTIONS', '/api/models/owner/m1', {
    headers: { origin, 'access-control-request-method': 'DELETE' },
  });

/** Send a head that announces more than comes, and break off. */
const breakOff: Send = async ({ hub }) => {
  const body = ndjson([fileLine('never', 'x'.repeat(10_000))]);
  await new Promise<void>((done) => {
    const socket = connect(Number(new URL(hub.url).port), '127.0.0.1', () => {
      socket.write(commitHead(hub.host, body.length + 100));
      socket.write(body, () => socket.destroy());
    });
    socket.on('close', () => done());
  });
  return readAnswer('');
};

const commitHead = (host: string, length: number): string =>
  head(
    'POST /api/models/owner/m1/commit/main HTTP/1.1',
    `Host: ${host}`,
    `Authorization: Bearer ${tokenOf('owner') ?? ''}`,
    'Content-Type: application/x-ndjson',
    `Content-Length: ${length}`,
  );

/** One byte each second, for as long as the hub listens. */
const trickle: Send = ({ hub }) =>
  new Promise((done, failed) => {
    const received: Buffer[] = [];
    const socket = connect(Number(new URL(hub.url).port), '127.0.0.1', () =>
      socket.write(head(POST, `Host: ${hub.host}`, 'Content-Type: application/json', 'Content-Length: 1000')),
    );
    const timer = setInterval(() => socket.write(' '), 1000);
    socket.on('data', (piece) => {
      received.push(piece);
      clearInterval(timer);
      socket.end();
    });
    socket.on('error', failed);
    socket.on('close', () => {
      clearInterval(timer);
      done(readAnswer(Buffer.concat(received).toString('latin1')));
    });
  });

const trickled = new WeakMap<World, ReturnType<Send>>();

/** Begin what takes half a minute, so that the other rows can go on meanwhile. */
export const beginTrickle = (world: World): void => {
  const answer = trickle(world);
  answer.catch(() => undefined);
  trickled.set(world, answer);
};

const noCors = {
  check: ({ headers }: { headers: object }) =>
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]),
};

const TRAVERSALS = ['..%2f..%2fsecret', '%2e%2e/%2e%2e/secret', '%2e%2e%2fsecret', '../secret', 'x/..%2Fy'];

/** Section 3.2. Git routes (B-033) are not offered yet. */
export const FRAMING: readonly Row[] = [
  row('B-001', 'HTTP/1.1 without Host', [one('400', 'no Host', bytes(head(GET, CLOSE)))]),
  row('B-002', 'two Host headers', [
    one('400 InvalidRequest', 'ours twice', bytes(head(GET, HOST, HOST, CLOSE))),
    one('400 InvalidRequest', 'another first', bytes(head(GET, 'Host: evil.example', HOST, CLOSE))),
    one('400 InvalidRequest', 'another last', bytes(head(GET, HOST, 'hOsT: evil.example', CLOSE))),
  ]),
  row('B-003', 'a foreign Host', each('403 HostNotAllowed', ['evil.example'], withHost)),
  row('B-004', 'a name that leads here', each('403 HostNotAllowed', ['127.0.0.1.nip.io:8790'], withHost)),
  row('B-005', 'the address of all', each('403 HostNotAllowed', ['0.0.0.0:8790'], withHost)),
  row(
    'B-006',
    'other spellings of 127.0.0.1',
    each('403 HostNotAllowed', ['2130706433', '0x7f.1', '127.1'], withHost),
  ),
  row('B-007', 'a trailing dot', each('403 HostNotAllowed', ['localhost.'], withHost)),
  row(
    'B-008',
    'no host and port',
    each(
      '400 InvalidRequest',
      ['localhost:99999', 'localhost:abc', 'user@localhost', '[::1%25eth0]', 'localhost:'],
      withHost,
    ),
  ),
  row('B-009', 'an empty Host', each('400 InvalidRequest', ['', ' '], withHost)),
  row('B-010', 'HTTP/1.0 without Host', [
    one('400 InvalidRequest', 'no Host', bytes(head('GET /api/hub HTTP/1.0'))),
  ]),
  row('B-011', 'an absolute target', [
    one(
      '400 InvalidRequest',
      'foreign',
      bytes(head('GET http://evil.example/api/models HTTP/1.1', HOST, CLOSE)),
    ),
    one('400 InvalidRequest', 'ours', bytes(head('GET http://HOST/api/models HTTP/1.1', HOST, CLOSE))),
    one('400 InvalidRequest', 'a star', bytes(head('OPTIONS * HTTP/1.1', HOST, CLOSE))),
  ]),
  row('B-012', 'TRACE', [
    one('405 MethodNotAllowed', 'TRACE /', bytes(head('TRACE / HTTP/1.1', HOST, CLOSE))),
  ]),
  row('B-013', 'CONNECT', [one('none', 'a tunnel', bytes(head('CONNECT x:1 HTTP/1.1', HOST, CLOSE)))]),
  row(
    'B-014',
    'unknown methods',
    each('400', ['FOO', 'get', 'GE T', ''], (method) =>
      bytes(head(`${method} /api/hub HTTP/1.1`, HOST, CLOSE)),
    ),
  ),
  row('B-015', 'Content-Length and Transfer-Encoding', [
    one('400', 'length first', bytes(head(POST, HOST, LENGTH, 'Transfer-Encoding: chunked'))),
    one('400', 'chunked first', bytes(head(POST, HOST, 'Transfer-Encoding: chunked', LENGTH))),
    one('400', 'an encoding that is not chunked', bytes(head(POST, HOST, 'Transfer-Encoding: gzip'))),
  ]),
  row('B-016', 'two lengths', [
    one('400', 'that differ', bytes(head(POST, HOST, LENGTH, 'Content-Length: 2'))),
    one('400', 'that agree', bytes(head(POST, HOST, LENGTH, LENGTH))),
  ]),
  row(
    'B-017',
    'lengths that are none',
    each('400', ['-3', '+3', '3 3', '0x10', '1e3', '99999999999999999999'], withLength),
  ),
  row('B-018', 'header lines of another form', [
    one('400', 'a space before the colon', bytes(`${GET}\r\nHost : HOST\r\n\r\n`)),
    one('400', 'a folded header', bytes(head(GET, HOST, 'Accept: x', ' y'))),
    one('400', 'bare line feeds', bytes(`${GET}\nHost: HOST\n\n`)),
    one('400', 'a bare carriage return', bytes(head(GET, HOST, 'Accept: x\ry: z'))),
  ]),
  row('B-019', 'too many header bytes', [
    one('431', 'a value of 20 KB', bytes(head(GET, HOST, `X-Long: ${'x'.repeat(20_000)}`))),
    one('431', '2,500 headers', bytes(head(GET, HOST, ...Array.from({ length: 2_500 }, () => 'a:b'), CLOSE))),
    one(
      '431',
      '2,500 headers before the Host',
      bytes(head(GET, ...Array.from({ length: 2_500 }, () => 'a:b'), HOST, CLOSE)),
    ),
  ]),
  row(
    'B-020',
    'raw bytes in the target',
    each('400', ['\0', '\x7f', '\xe9', '\t'], (byte) =>
      bytes(({ hub }) => Buffer.from(head(`GET /${byte} HTTP/1.1`, `Host: ${hub.host}`, CLOSE), 'latin1')),
    ),
  ),
  row('B-021', 'a target of 64 KB', [
    one('431', '64 KB', bytes(head(`GET /${'x'.repeat(65_536)} HTTP/1.1`, HOST))),
  ]),
  row(
    'B-022',
    'percent signs without UTF-8 behind them',
    each('400 InvalidPath', ['%zz', '%', '%ff', '%c0%af', '%ed%a0%80'], resolve),
  ),
  row('B-023', '%00 in a path', [
    ...each('400 InvalidPath', ['%00', 'a%00b', 'folder%2f%00'], resolve),
    ...each(
      '400 InvalidPath',
      [
        '/api/models/own%00er/m1',
        '/owner/m%001/resolve/main/x',
        '/api/models/owner/m1/tree/%00',
        '/api/models/owner/m1/commits/%00',
      ],
      path,
    ),
  ]),
  row('B-024', 'ways out of a folder', [
    ...each('400 InvalidPath', TRAVERSALS, resolve),
    // Decoded once, it is the name of a file that is not there.
    ...each('404 EntryNotFound', ['%252e%252e/secret', '..%252fsecret'], resolve),
  ]),
  row(
    'B-025',
    'paths that would be another when tidied up',
    each(
      '404',
      [
        '//api//models',
        '/api/./models',
        '/api/../admin',
        '/api/models/../hub',
        '/API/models',
        '/%61pi/models',
      ],
      path,
    ),
  ),
  row(
    'B-026',
    'a query key twice',
    each('400 InvalidParameter', ['limit=1&limit=2', 'limit[]=1', 'limit[a]=1', 'limit%5B0%5D=1'], (query) =>
      path(`/api/models?${query}`),
    ),
  ),
  row('B-027', 'a method in a header', [
    one(
      '200',
      'DELETE',
      ask('GET', '/api/models/owner/m1', { headers: { 'x-http-method-override': 'DELETE' } }),
    ),
  ]),
  row('B-028', 'X-Forwarded-Host', [
    one(
      '200',
      'on a list with pages',
      async (world) =>
        world.hub.send('GET', '/api/models/owner/m1/commits/main?limit=1', {
          headers: {
            'x-forwarded-host': 'evil.example',
            'x-forwarded-proto': 'https',
            forwarded: 'host=evil.example',
          },
        }),
      {
        check: ({ headers }, { hub }) => expect(headers['link']).toMatch(new RegExp(`^<${hub.url}/`)),
      },
    ),
  ]),
  row('B-029', 'JSON as text/plain with a cookie', [
    one('415 UnsupportedMediaType', 'a page’s form', ({ hub, cookie }) =>
      hub.send('POST', CREATE, {
        headers: { cookie, 'content-type': 'text/plain' },
        body: Buffer.from('{"name":"never"}'),
      }),
    ),
  ]),
  row(
    'B-030',
    'JSON as a form',
    each(
      '415 UnsupportedMediaType',
      ['multipart/form-data; boundary=x', 'application/x-www-form-urlencoded', 'application/jsonp', ''],
      (type) => create({ 'content-type': type }),
    ),
  ),
  row(
    'B-031',
    'JSON in another character set',
    each('415 UnsupportedMediaType', ['utf-16', 'latin1', '"utf-16"'], (charset) =>
      create({ 'content-type': `application/json; charset=${charset}` }),
    ),
  ),
  row('B-032', 'a compressed body', [
    one(
      '415 UnsupportedEncoding',
      'a bomb for JSON',
      create(
        { 'content-type': 'application/json', 'content-encoding': 'gzip' },
        gzipSync(Buffer.alloc(10_000_000, ' ')),
      ),
    ),
    ...each('415 UnsupportedEncoding', ['deflate', 'br', 'zstd', 'gzip, identity'], (encoding) =>
      create({ 'content-type': 'application/json', 'content-encoding': encoding }),
    ),
    one(
      '415 UnsupportedEncoding',
      'a commit',
      ask('POST', '/api/models/owner/m1/commit/main', {
        headers: { 'content-type': 'application/x-ndjson', 'content-encoding': 'gzip' },
        body: gzipSync(ndjson([])),
      }),
    ),
  ]),
  row(
    'B-033',
    'encodings of git routes',
    each(
      '415 UnsupportedEncoding',
      ['br', 'gzip, gzip'],
      (encoding) =>
        ask('POST', '/owner/m1.git/git-upload-pack', {
          headers: { 'content-type': 'application/x-git-upload-pack-request', 'content-encoding': encoding },
          body: Buffer.from('0000'),
        }),
      { needs: '/:prefix?/:namespace/:name/git-upload-pack' },
    ),
  ),
  row(
    'B-034',
    'an unknown expectation',
    each('417 ExpectationFailed', ['200-ok', '100-continue, x'], (expectation) =>
      bytes(head(GET, HOST, `Expect: ${expectation}`, CLOSE)),
    ),
  ),
  row(
    'B-035',
    'WebSockets of another origin',
    each('403 CrossOriginDenied', ['http://evil.example', 'null'], (origin) =>
      asNobody('GET', '/api/hub', {
        headers: {
          connection: 'Upgrade',
          upgrade: 'websocket',
          origin,
          'sec-websocket-version': '13',
          'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
        },
      }),
    ),
  ),
  row(
    'B-036',
    'a change from another site',
    each('403 CrossOriginDenied', ['cross-site', 'same-site', 'none', 'nonsense'], (site) =>
      asPage({ 'sec-fetch-site': site }),
    ),
  ),
  row(
    'B-037',
    'a change from an origin that is not ours',
    each('403 CrossOriginDenied', ['null', 'http://evil.example', 'http://127.0.0.1:1'], (origin) =>
      asPage({ origin }),
    ),
  ),
  row(
    'B-038',
    'preflights of foreign origins',
    each(
      '204',
      [
        'https://trusted.example.evil.example',
        'http://localhost.evil.example',
        'null',
        'http://localhost:3000.evil.example',
      ],
      preflight,
      noCors,
    ),
  ),
  row('B-039', 'a body that breaks off', [
    one('none', 'before its announced length', breakOff),
    one(
      '400',
      'chunks that are none',
      bytes(
        head(
          'POST /api/session HTTP/1.1',
          HOST,
          'Content-Type: application/json',
          'Transfer-Encoding: chunked',
          CLOSE,
        ) + 'zz\r\n',
      ),
    ),
  ]),
  row('B-040', 'a byte a second', [
    one('408 RequestTimeout', 'of a JSON body', (world) => trickled.get(world) ?? trickle(world)),
  ]),
];
