import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Answer, TestHub } from '../support/hub.ts';
import {
  createRepo,
  fileLine,
  lfsLine,
  repoClient,
  startPeopledHub,
  type RepoClient,
} from '../support/scenario.ts';

/* Archives over HTTP. What is in them is compared with git's in test/unit/services/archives.test.ts. */

let hub: TestHub;
let repo: RepoClient;
let head: string;
const large = Buffer.alloc(20 * 1024 * 1024, 'large');
beforeAll(async () => {
  hub = await startPeopledHub();
  repo = await createRepo(hub, 'owner/packed');
  await repo.uploadLfs(large);
  head = await repo.commit([fileLine('words/é.txt', 'words'), lfsLine('model.bin', large)]);
  await repo.api('POST', 'branch/feature%2Fx', { body: { startingPoint: head } });
});
afterAll(() => hub[Symbol.asyncDispose]());

const codeOf = ({ status, headers }: Answer): string => `${status} ${String(headers['x-error-code'])}`;

test.each(['zip', 'tar'])('a %s has large files in full, and its length beforehand', async (form) => {
  const answer = await repo.api('GET', `archive/main.${form}`);
  expect(answer.status).toBe(200);
  expect(answer.headers).toMatchObject({
    'content-length': String(answer.body.byteLength),
    'x-repo-commit': head,
    etag: `"${head}.${form}"`,
    'content-disposition': `attachment; filename*=UTF-8''packed-${head.slice(0, 7)}.${form}; filename="packed-${head.slice(0, 7)}.${form}"`,
    'x-content-type-options': 'nosniff',
  });
  const listed = spawnSync(
    'python3',
    [
      '-c',
      form === 'zip'
        ? 'import sys,io,zipfile; z=zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read())); [print(i.filename, i.file_size, z.read(i)[:5].decode()) for i in z.infolist()]'
        : 'import sys,io,tarfile; t=tarfile.open(fileobj=io.BytesIO(sys.stdin.buffer.read())); [print(m.name, m.size, t.extractfile(m).read()[:5].decode() if m.isreg() else "") for m in t]',
    ],
    { input: answer.body, env: { ...process.env, PYTHONIOENCODING: 'utf-8' } },
  );
  expect(listed.stdout.toString(), listed.stderr.toString()).toContain(
    `packed-${head.slice(0, 7)}/model.bin ${large.byteLength} large\n`,
  );
  expect(listed.stdout.toString()).toContain(`packed-${head.slice(0, 7)}/words/é.txt 5 words\n`);
});

test('revisions of every kind give the same archive', async () => {
  const whole = (await repo.api('GET', `archive/${head}.tar`)).body;
  for (const name of ['main', 'feature/x', 'feature%2Fx', 'refs%2Fheads%2Fmain', head.slice(0, 8)]) {
    expect((await repo.api('GET', `archive/${name}.tar`)).body.equals(whole)).toBe(true);
  }
});

test('what the client has already is not sent again', async () => {
  const headers = { 'if-none-match': `"${head}.zip"` };
  const answer = await repo.api('GET', 'archive/main.zip', { headers });
  expect([answer.status, answer.body.byteLength]).toEqual([304, 0]);
});

test.each([
  ['archive/main', '400 InvalidParameter'],
  ['archive/main.rar', '400 InvalidParameter'],
  ['archive/.zip', '400 InvalidParameter'],
  ['archive/absent.zip', '404 RevisionNotFound'],
])('%s is refused', async (target, expected) => {
  expect(codeOf(await repo.api('GET', target))).toBe(expected);
});

test('a private one is for its readers, and not for caches', async () => {
  const hidden = await createRepo(hub, 'owner/hidden-packed', { isPrivate: true });
  expect((await hidden.api('GET', 'archive/main.zip')).headers['cache-control']).toBe('private, no-store');
  const stranger = repoClient(hub, hidden.name, 'stranger');
  expect(codeOf(await stranger.api('GET', 'archive/main.zip'))).toBe('404 RepoNotFound');
});

test('a client that hangs up in the middle is let go', async () => {
  const [host = '', port = ''] = hub.host.split(':');
  for (let n = 0; n < 20; n++) {
    const socket = connect(Number(port), host);
    socket.write(`GET /api/models/owner/packed/archive/main.zip HTTP/1.1\r\nHost: ${hub.host}\r\n\r\n`);
    await once(socket, 'data');
    socket.destroy();
  }
  expect((await repo.api('GET', 'archive/main.tar')).status).toBe(200);
  expect(hub.loggedErrors()).toEqual([]);
});
