import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { git } from '../support/git-client.ts';
import { remoteOf } from '../support/git-remote.ts';
import { expectNothingStored, type TestHub } from '../support/hub.ts';
import { startNativeServer } from '../support/native-server.ts';
import { createRepo, fileLine, lfsLine, sha256Of, startPeopledHub, tokenOf } from '../support/scenario.ts';

/* `atoll repo import`: from another hub and from git's own server. */

let hub: TestHub;
let other: TestHub;
let folder: string;
beforeAll(async () => {
  [hub, other] = await Promise.all([startPeopledHub(), startPeopledHub()]);
  folder = mkdtempSync(join(tmpdir(), 'atoll-import-'));
});
afterEach(async () => {
  expect(await readdir(join(hub.dataDir, 'staging'))).toEqual([]);
});
afterAll(async () => {
  for (const each of [hub, other]) {
    expect(await each.command('doctor', { full: true })).toMatchObject({ problems: [] });
    expect(each.loggedErrors()).toEqual([]);
    await each[Symbol.asyncDispose]();
  }
  rmSync(folder, { recursive: true, force: true });
});

const wish = (url: string, name: string, more: object = {}) => ({
  ...{ url, kind: 'model', name, isPrivate: false, user: 'git' },
  ...more,
});
const importInto = (url: string, name: string, more?: object): Promise<unknown> =>
  hub.command('repo import', wish(url, name, more));

/** Hidden ones among them. */
const repoNames = async (): Promise<readonly string[]> =>
  ((await hub.command('repo list', {})) as readonly { readonly name: string }[]).map(({ name }) => name);

let count = 0;
/** Refs of a fresh, sound mirror; HEAD among them. */
async function mirrored(url: string): Promise<string> {
  const target = join(folder, `mirror-${(count += 1)}`);
  await git(folder, ['clone', '--quiet', '--mirror', url, target]);
  expect(await git(target, ['fsck', '--strict', '--full'])).toBe('');
  const head = await git(target, ['symbolic-ref', 'HEAD']);
  return `${head}\n${await git(target, ['for-each-ref', '--format=%(refname) %(objectname)'])}`;
}

const addressOf = (at: TestHub, name: string): string => remoteOf(at, tokenOf('site-admin') ?? '', name);

/** A repository of native git with merges, branches and tags, whose default branch is not `main`. */
async function makeHistory(name: string): Promise<string> {
  const at = join(folder, `${name}.git`);
  const work = join(folder, `${name}-work`);
  await git(folder, ['init', '--quiet', '--initial-branch=trunk', work]);
  const commit = async (path: string, content: string): Promise<void> => {
    mkdirSync(dirname(join(work, path)), { recursive: true });
    writeFileSync(join(work, path), content);
    await git(work, ['add', '--all']);
    await git(work, ['commit', '--quiet', '--message', path]);
  };
  await commit('README.md', '# Trunk\n');
  await git(work, ['switch', '--quiet', '--create', 'main/side']);
  await commit('side/a.txt', 'a\n');
  await git(work, ['switch', '--quiet', 'trunk']);
  await commit('b.txt', 'b\n'.repeat(5000));
  await git(work, ['merge', '--quiet', '--no-ff', '--message', 'merged', 'main/side']);
  await git(work, ['tag', 'light']);
  await git(work, ['tag', '--annotate', '--message', 'One', 'v1', 'HEAD~1']);
  await commit('b.txt', `${'b\n'.repeat(5000)}c\n`);
  await git(folder, ['clone', '--quiet', '--mirror', work, at]);
  return at;
}

describe('importing from a hub', () => {
  const large = [randomBytes(300_000), randomBytes(70_000), randomBytes(70_001)] as const;

  test('brings branches, tags and large files, in the same commits', async () => {
    const repo = await createRepo(other, 'owner/source');
    for (const bytes of large) await repo.uploadLfs(bytes);
    await repo.commit([fileLine('README.md', '# Source\n'), lfsLine('a.bin', large[0])]);
    await repo.commit([lfsLine('b.bin', large[1])]);
    expect((await repo.api('POST', 'tag/main', { body: { tag: 'v1', message: 'One' } })).status).toBe(200);
    expect((await repo.api('POST', 'branch/dev', { body: {} })).status).toBe(200);
    await repo.commit([lfsLine('b.bin', large[2])], { summary: 'other' }, 'dev');
    expect(await importInto(`${other.url}/owner/source`, 'owner/imported')).toEqual({
      ...{ kind: 'model', name: 'owner/imported', private: false, defaultBranch: 'main' },
      ...{ branches: 2, tags: 1, largeFiles: 3, largeBytes: 440_001 },
    });
    expect(await mirrored(`${hub.url}/owner/imported`)).toBe(await mirrored(`${other.url}/owner/source`));
    const body = (await hub.send('GET', '/owner/imported/resolve/dev/b.bin')).body;
    expect(sha256Of(body)).toBe(sha256Of(large[2]));
    const head = await hub.send('HEAD', '/owner/imported/resolve/v1/a.bin');
    expect(head.headers['x-linked-etag']).toBe(`"${sha256Of(large[0])}"`);
  });

  test('needs the right credentials for a private one, keeps them out of the log, and sends them no further', async () => {
    const repo = await createRepo(other, 'lab/secret', { person: 'lab-admin', isPrivate: true });
    await repo.uploadLfs(large[1]);
    await repo.commit([lfsLine('secret.bin', large[1])]);
    const url = `${other.url}/lab/secret`;
    await expectNothingStored(hub, async () => {
      for (const token of [undefined, 'hf_wrong', tokenOf('stranger')]) {
        await expect(importInto(url, 'lab/secret', { token })).rejects.toMatchObject({
          code: token === tokenOf('stranger') ? 'NotFound' : 'InvalidCredentials',
        });
      }
    });
    const token = tokenOf('visitor') ?? '';
    expect(await importInto(url, 'lab/secret', { token, isPrivate: true })).toMatchObject({ private: true });
    expect((await hub.send('GET', '/api/models/lab/secret')).status).toBe(401);
    expect(await mirrored(addressOf(hub, 'lab/secret'))).toBe(await mirrored(addressOf(other, 'lab/secret')));
    expect(hub.logged().join('\n')).not.toContain(token);
  });
});

describe("importing from git's own server", () => {
  test('takes the default branch from HEAD, whatever its name', async () => {
    await makeHistory('history');
    await using server = await startNativeServer(folder);
    const url = `${server.url}/history.git`;
    expect(await importInto(url, 'owner/history', { kind: 'dataset' })).toMatchObject({
      ...{ kind: 'dataset', name: 'owner/history', defaultBranch: 'trunk', branches: 2, tags: 2 },
    });
    const here = await mirrored(`${hub.url}/datasets/owner/history`);
    expect(here).toBe(await mirrored(url));
    expect(here).toContain('refs/heads/main/side');
  });

  test('leaves nothing of what is refused', async () => {
    const at = await makeHistory('refused');
    await git(folder, ['init', '--quiet', '--bare', join(folder, 'empty.git')]);
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'ab'.repeat(32)}\nsize 5\n`;
    const work = join(folder, 'refused-work');
    await git(work, ['switch', '--quiet', '--create', 'pointing']);
    writeFileSync(join(work, 'x.bin'), pointer);
    await git(work, ['add', '--all']);
    await git(work, ['commit', '--quiet', '--message', 'x']);
    await git(work, ['push', '--quiet', at, 'pointing']);
    const headless = await makeHistory('headless');
    await git(headless, ['symbolic-ref', 'HEAD', 'refs/heads/absent']);
    await using server = await startNativeServer(folder);
    const refusals = [
      [`${server.url}/empty.git`, 'InvalidRequest', /has no branch/],
      [`${server.url}/nowhere.git`, 'NotFound', /no git repository/],
      [`${server.url}/headless.git`, 'InvalidRequest', /HEAD .* is no branch.*"git clone --mirror"/],
      ['http://127.0.0.1:1/x', 'Unavailable', /cannot be reached/],
      // Git's own server has no large files.
      [`${server.url}/refused.git`, 'Unavailable', /answers with status \d+ for large files/],
    ] as const;
    const before = await repoNames();
    for (const [url, code, message] of refusals) {
      await expect(importInto(url, 'owner/refused'), url).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message) as string,
      });
    }
    await git(at, ['update-ref', '-d', 'refs/heads/pointing']);
    await git(at, ['update-ref', `refs/heads/${'a'.repeat(40)}`, 'refs/heads/trunk']);
    await expect(importInto(`${server.url}/refused.git`, 'owner/refused')).rejects.toMatchObject({
      code: 'InvalidContent',
      message: expect.stringContaining('could be read as a commit id') as string,
    });
    expect(await repoNames()).toEqual(before);
    await git(at, ['update-ref', '-d', `refs/heads/${'a'.repeat(40)}`]);
    expect(await importInto(`${server.url}/refused.git`, 'owner/refused')).toMatchObject({ branches: 2 });
    await expect(importInto(`${server.url}/refused.git`, 'owner/refused')).rejects.toMatchObject({
      code: 'Conflict',
    });
    await expect(importInto(`${server.url}/refused.git`, 'nobody/refused')).rejects.toMatchObject({
      code: 'Forbidden',
    });
  });
});

/** A server that answers the first question as git does for one branch, and the others as it is told. */
async function startCrooked(
  answer: (path: string) => { readonly type: string; readonly pieces: Iterable<Uint8Array | string> },
): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((request, response) => {
    request.resume();
    const { type, pieces } = answer(request.url ?? '');
    response.writeHead(200, { 'content-type': type });
    const each = pieces[Symbol.iterator]();
    const write = (): void => {
      for (let next = each.next(); !next.done; next = each.next()) {
        if (!response.write(next.value)) {
          response.once('drain', write);
          return;
        }
      }
      response.end();
    };
    write();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

const line = (text: string): string => (text.length + 4).toString(16).padStart(4, '0') + text;
const REFS = [
  ...[line('# service=git-upload-pack\n'), '0000'],
  ...[line(`${'1'.repeat(40)} HEAD\0side-band-64k ofs-delta symref=HEAD:refs/heads/main\n`)],
  ...[line(`${'1'.repeat(40)} refs/heads/main\n`), '0000'],
];
const RESULT = 'application/x-git-upload-pack-result';

describe('importing from what is no good server', () => {
  function* endless(): Generator<Uint8Array | string> {
    yield line('NAK\n');
    const piece = Buffer.concat([Buffer.from(`${(65_005).toString(16)}\u0001`), Buffer.alloc(65_000)]);
    // More than is ever taken.
    for (let sent = 0; sent < 400 * 1024 * 1024; sent += piece.length) yield piece;
  }

  test.each([
    ['a page', 'text/html', ['<!doctype html>'], 'NotFound', /no git repository/],
    ['no pack', RESULT, [line('NAK\n'), line('\u0001PACK?'), '0000'], 'InvalidContent', /pack/],
    ['nothing', RESULT, [], 'InvalidContent', /./],
    ['an error', RESULT, [line('NAK\n'), line('\u0003no'), '0000'], 'InvalidContent', /./],
    ['too much', RESULT, endless(), 'BodyTooLarge', /"git clone --mirror".*"git push --mirror"/],
  ] as const)('ends in a sentence: %s', async (_name, type, pieces, code, message) => {
    const before = await repoNames();
    await using server = await startCrooked((path) =>
      path.includes('/info/refs')
        ? { type: 'application/x-git-upload-pack-advertisement', pieces: REFS }
        : { type, pieces },
    );
    await expect(importInto(`${server.url}/x`, 'owner/crooked')).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    });
    expect(await repoNames()).toEqual(before);
  });

  test('is given up when the hub stops', async () => {
    await using stopping = await startPeopledHub();
    let asked: () => void = () => undefined;
    const isAsked = new Promise<void>((done) => (asked = done));
    const server = createServer(() => asked());
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/x`;
    const importing = expect(stopping.command('repo import', wish(url, 'owner/x'))).rejects.toMatchObject({
      code: 'Unavailable',
    });
    await isAsked;
    await stopping.stop();
    await importing;
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });

  test('asks all where the first question was sent, and shows credentials to nobody else', async () => {
    await makeHistory('moved');
    await using native = await startNativeServer(folder);
    const seen: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      seen.push(request.headers.authorization);
      response
        .writeHead(301, { location: `${native.url}/moved.git/info/refs?service=git-upload-pack` })
        .end();
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/old`;
    try {
      expect(await importInto(url, 'owner/moved', { token: 'x' })).toMatchObject({ branches: 2, tags: 2 });
    } finally {
      await new Promise((done) => server.close(done));
    }
    expect(new Set(seen)).toEqual(new Set([`Basic ${Buffer.from('git:x').toString('base64')}`]));
  });
});
