import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { forge, forgeCommit, packOf, treeLine, ZERO_OID } from '../support/forged-packs.ts';
import { git } from '../support/git-client.ts';
import { remoteOf } from '../support/git-remote.ts';
import type { TestHub } from '../support/hub.ts';
import { createRepo, startPeopledHub, tokenOf, type RepoClient } from '../support/scenario.ts';
import { packets } from '../support/wire.ts';

/* Clients that stop in the middle of a pack are cut, and leave nothing behind that others would wait for. */

/** Longer than the pauses between the packets that keep a waiting clone awake. Twice as long where bytes wait unsent. */
const IDLE_MS = 8000;
/** As many packs as one person is sent at a time. */
const MOST_OF_A_USER = 8;
/** More than lies in the buffers of a connection by far. */
const [FILES, FILE_BYTES] = [5, 8 * 1024 * 1024];

let hub: TestHub;
let repo: RepoClient;
let folder: string;
let tip: string;
const token = tokenOf('owner') ?? '';

const pushOf = (next: string, ref: string, pack: Buffer): Buffer =>
  Buffer.concat([packets([`${ZERO_OID} ${next} ${ref}\0 report-status\n`, 'flush']), pack]);

/** Files of random bytes and a commit of them. */
function makeHistory() {
  const blobs = Array.from({ length: FILES }, () => forge('blob', randomBytes(FILE_BYTES)));
  const tree = forge('tree', Buffer.concat(blobs.map(({ oid }, i) => treeLine('100644', `f${i}`, oid))));
  const commit = forgeCommit(tree.oid);
  return { commit, pack: packOf([...blobs, tree, commit]) };
}

beforeAll(async () => {
  hub = await startPeopledHub([], {}, { idleMs: IDLE_MS });
  repo = await createRepo(hub, 'owner/standstill', { isPrivate: true });
  folder = await mkdtemp(join(tmpdir(), 'atoll-standstill-'));
  const { commit, pack } = makeHistory();
  tip = commit.oid;
  const answer = await hub.send('POST', `/${repo.name}.git/git-receive-pack`, {
    token,
    headers: { 'content-type': 'application/x-git-receive-pack-request' },
    body: pushOf(tip, 'refs/heads/big', pack),
  });
  expect(answer.text).toContain('ok refs/heads/big');
});

afterAll(async () => {
  expect(hub.loggedErrors()).toEqual([]);
  await hub[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** Send a request on a connection of its own, whose answer is not read. */
async function begin(service: string, body: Buffer, sizeBytes = body.length): Promise<Socket> {
  const socket = connect(Number(new URL(hub.url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.pause();
  const head = [
    `POST /${repo.name}.git/${service} HTTP/1.1`,
    `Host: ${hub.host}`,
    `Authorization: Bearer ${token}`,
    'Git-Protocol: version=2',
    `Content-Type: application/x-${service}-request`,
    `Content-Length: ${sizeBytes}`,
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  socket.write(body);
  return socket;
}

/** Read what is left of an answer to the end of the connection. Answers how many bytes that was. */
async function drain(socket: Socket): Promise<number> {
  let bytes = 0;
  if (socket.closed) return bytes;
  socket.on('data', (chunk: Buffer) => (bytes += chunk.length));
  const closed = once(socket, 'close');
  socket.resume();
  await closed;
  return bytes;
}

test('who stops reading in the middle of a pack is cut, and keeps nobody from theirs', async () => {
  const body = packets(['command=fetch\n', 'delim', 'no-progress\n', `want ${tip}\n`, 'done\n', 'flush']);
  const sockets = await Promise.all(
    Array.from({ length: MOST_OF_A_USER }, () => begin('git-upload-pack', body)),
  );
  // All turns of this person are taken, by packs that nobody takes: a real clone of theirs waits, and then comes whole.
  const clone = join(folder, 'clone.git');
  await delay(1000);
  const started = performance.now();
  await git(folder, ['clone', '--quiet', '--bare', remoteOf(hub, token, repo.name), clone]);
  expect(performance.now() - started).toBeGreaterThan(IDLE_MS - 1000);
  expect(await git(clone, ['rev-parse', 'refs/heads/big'])).toBe(tip);
  await git(clone, ['fsck', '--strict']);
  for (const bytes of await Promise.all(sockets.map(drain))) expect(bytes).toBeLessThan(FILES * FILE_BYTES);
}, 120_000);

test('who stops sending in the middle of a pack is cut, and nothing of it stays', async () => {
  const { commit, pack } = makeHistory();
  const body = pushOf(commit.oid, 'refs/heads/half', pack);
  const before = await hub.snapshot();
  const socket = await begin('git-receive-pack', body.subarray(0, FILE_BYTES * 2), body.length);
  await drain(socket);
  // The hub hears of it at about the same time.
  await expect.poll(() => hub.snapshot()).toEqual(before);

  const again = await hub.send('POST', `/${repo.name}.git/git-receive-pack`, {
    token,
    headers: { 'content-type': 'application/x-git-receive-pack-request' },
    body,
  });
  expect(again.text).toContain('ok refs/heads/half');
  expect(await hub.command('doctor', { full: true })).toMatchObject({ problems: [] });
}, 120_000);
