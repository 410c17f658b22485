import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SshKeyReply } from '../../server/contract/ssh-keys.ts';
import type { TestHub } from '../support/hub.ts';
import { describeWithTools } from '../support/require.ts';
import {
  createRepo,
  fileLine,
  lfsLine,
  repoClient,
  startPeopledHub,
  tokenOf,
  type Person,
} from '../support/scenario.ts';
import {
  freePort,
  gitSshCommand,
  makeSshKey,
  runCommand,
  sshOptions,
  type CommandEnd,
  type SshKeyPair,
} from '../support/ssh.ts';

let hub: TestHub;
let port = 0;
let folder = '';
let count = 0;
const keys = new Map<string, SshKeyPair>();

const PERSONS = ['owner', 'member', 'visitor', 'stranger', 'site-admin'] as const;

async function addKey(
  person: Person,
  name: string,
  options?: readonly string[],
  path = '/api/user/keys',
  more: object = {},
): Promise<{ readonly id: string; readonly pair: SshKeyPair }> {
  const pair = makeSshKey(folder, name, options);
  keys.set(name, pair);
  const body = { key: pair.publicLine, ...more };
  const answer = await hub.send('POST', path, { token: tokenOf(person), body });
  expect(answer.status, answer.text).toBe(201);
  return { id: answer.json<SshKeyReply>().id, pair };
}

const keyOf = (name: string): SshKeyPair => {
  const pair = keys.get(name);
  if (!pair) throw new Error(`Nobody made the key ${name}.`);
  return pair;
};
const ssh = (who: string, command: string | undefined, more: readonly string[] = []): Promise<CommandEnd> =>
  runCommand('ssh', [
    // Of an option that is given twice the first counts.
    ...more,
    ...sshOptions(port, keyOf(who)),
    '-T',
    'git@127.0.0.1',
    ...(command === undefined ? [] : [command]),
  ]);
const newFolder = (): string => join(folder, `clone${++count}`);
const git = (who: string, args: readonly string[], cwd = folder): Promise<CommandEnd> =>
  runCommand('git', args, {
    cwd,
    env: {
      HOME: folder,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_TERMINAL_PROMPT: '0',
      GIT_SSH_COMMAND: gitSshCommand(port, keyOf(who)),
    },
  });
const urlOf = (path: string): string => `ssh://git@127.0.0.1:${port}/${path}`;

const PICTURE = Buffer.alloc(300_000, 'atoll');

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'atoll-ssh-'));
  port = await freePort();
  hub = await startPeopledHub(['--ssh-port', String(port)]);
  for (const [name, person, isPrivate] of [
    ['owner/public', 'owner', false],
    ['owner/private', 'owner', true],
    ['lab/public', 'lab-admin', false],
    ['lab/private', 'lab-admin', true],
  ] as const) {
    const repo = await createRepo(hub, name, { person, isPrivate });
    await repo.commit([fileLine('config.json', '{}'), fileLine('deep/er/text.txt', 'text\n')]);
  }
  for (const person of PERSONS) await addKey(person, person);
  for (const level of ['read', 'write']) {
    const more = { title: `CI ${level}`, read_only: level === 'read' };
    await addKey('lab-admin', `deploy-${level}`, undefined, '/api/models/lab/private/keys', more);
  }
  keys.set('nobody', makeSshKey(folder, 'nobody'));
}, 120_000);
afterAll(async () => {
  await hub[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

describeWithTools('the door', ['ssh'], () => {
  test.each([
    ['owner', /^Hi owner! /],
    ['deploy-read', /^Hi deploy key "CI read"! /],
  ])('greets %s by name and ends with 1', async (who, greeting) => {
    const end = await ssh(who, undefined);
    expect(end).toMatchObject({ code: 1, stdout: '' });
    expect(end.stderr).toMatch(greeting);
  });

  test.each([
    ['ed25519', ['-t', 'ed25519']],
    ['ecdsa-256', ['-t', 'ecdsa', '-b', '256']],
    ['ecdsa-384', ['-t', 'ecdsa', '-b', '384']],
    ['ecdsa-521', ['-t', 'ecdsa', '-b', '521']],
    ['rsa-2048', ['-t', 'rsa', '-b', '2048']],
    ['rsa-4096', ['-t', 'rsa', '-b', '4096']],
  ])('lets in a key of type %s', async (name, options) => {
    await addKey('stranger', name, options);
    expect((await ssh(name, undefined)).stderr).toMatch(/^Hi stranger!/);
  });

  test.each(['curve25519-sha256', 'ecdh-sha2-nistp256', 'ecdh-sha2-nistp384', 'ecdh-sha2-nistp521'])(
    'exchanges keys by %s',
    async (kex) => {
      expect((await ssh('owner', undefined, ['-o', `KexAlgorithms=${kex}`])).stderr).toMatch(/^Hi owner!/);
    },
  );

  test.each(['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'aes128-ctr', 'aes192-ctr', 'aes256-ctr'])(
    'speaks %s',
    async (cipher) => {
      expect((await ssh('owner', undefined, ['-c', cipher])).stderr).toMatch(/^Hi owner!/);
    },
  );

  test.each(['ssh-ed25519', 'ecdsa-sha2-nistp256'])('has a host key of type %s', async (type) => {
    const options = ['-o', `HostKeyAlgorithms=${type}`];
    expect((await ssh('owner', undefined, options)).stderr).toMatch(/^Hi owner!/);
  });

  test.each([
    ['-c', 'chacha20-poly1305@openssh.com'],
    ['-c', 'aes128-cbc'],
    ['-o', 'KexAlgorithms=diffie-hellman-group14-sha1'],
    ['-o', 'KexAlgorithms=diffie-hellman-group14-sha256'],
    ['-o', 'HostKeyAlgorithms=ssh-rsa'],
  ])('offers nothing for %s %s', async (...options) => {
    const end = await ssh('owner', undefined, ['-o', 'LogLevel=INFO', ...options]);
    expect(end.code).toBe(255);
    expect(end.stderr).toMatch(/no matching/);
  });

  test('takes no MAC with SHA-1', async () => {
    const end = await ssh('owner', undefined, ['-o', 'LogLevel=INFO', '-c', 'aes128-ctr', '-m', 'hmac-sha1']);
    expect(end.stderr).toMatch(/no matching MAC/);
  });

  test('takes no signature with SHA-1', async () => {
    await addKey('stranger', 'rsa-old', ['-t', 'rsa', '-b', '2048']);
    const end = await ssh('rsa-old', undefined, ['-o', 'PubkeyAcceptedAlgorithms=ssh-rsa']);
    expect(end.code).toBe(255);
    expect(end.stderr).toMatch(/Permission denied|no mutual signature/);
  });

  test('keeps its host keys, readable for its owner alone, over a restart', async () => {
    const facts = (await hub.send('GET', '/api/hub')).json<{
      ssh: { port: number; hostKeys: { type: string; fingerprint: string }[] };
    }>();
    expect(facts.ssh.port).toBe(port);
    const own = await runCommand('ssh-keygen', ['-lf', join(hub.dataDir, 'ssh-host-ed25519.key')]);
    expect(own.stdout.split(' ')[1]).toBe(facts.ssh.hostKeys[0]?.fingerprint);
    for (const file of ['ssh-host-ed25519.key', 'ssh-host-ecdsa.key'])
      expect(statSync(join(hub.dataDir, file)).mode & 0o777).toBe(0o600);
    const before = readFileSync(join(hub.dataDir, 'ssh-host-ecdsa.key'), 'utf8');
    const { readHostKeys } = await import('../../server/ssh/host-keys.ts');
    const again = await readHostKeys(hub.dataDir);
    expect(again.map(({ type, fingerprint }) => ({ type, fingerprint }))).toEqual(facts.ssh.hostKeys);
    expect(readFileSync(join(hub.dataDir, 'ssh-host-ecdsa.key'), 'utf8')).toBe(before);
  });

  test('turns away who has no key here, or another user name', async () => {
    const stranger = await ssh('nobody', undefined);
    expect([stranger.code, stranger.stderr]).toEqual([
      255,
      'git@127.0.0.1: Permission denied (publickey).\r\n',
    ]);
    for (const name of ['root', 'owner', 'a'.repeat(10_000)]) {
      const end = await runCommand('ssh', [
        ...sshOptions(port, keyOf('owner')),
        '-T',
        '-l',
        name,
        '127.0.0.1',
      ]);
      expect(end.code).toBe(255);
      if (name.length < 100) expect(end.stderr).toBe(`${name}@127.0.0.1: Permission denied (publickey).\r\n`);
    }
  });

  test('notes when a key was used', async () => {
    const { id } = await addKey('visitor', 'used');
    const read = async (): Promise<string | null> =>
      (await hub.send('GET', `/api/user/keys/${id}`, { token: tokenOf('visitor') })).json<SshKeyReply>()
        .last_used;
    expect(await read()).toBeNull();
    await ssh('used', undefined);
    for (let tries = 0; (await read()) === null && tries < 100; tries++) await delay(100);
    expect(await read()).toMatch(/Z$/);
  });

  test('lets a deleted key do nothing more, not even on a connection that it has already', async () => {
    const { id } = await addKey('owner', 'short');
    const control = join(folder, 'control');
    const shared = ['-o', `ControlPath=${control}`];
    const first = await runCommand('ssh', [
      ...sshOptions(port, keyOf('short')),
      ...[...shared, '-o', 'ControlMaster=yes', '-f', '-N', 'git@127.0.0.1'],
    ]);
    expect(first.code).toBe(0);
    const listRefs = "git-upload-pack 'owner/private'";
    expect((await ssh('short', listRefs, shared)).stdout).toContain('refs/heads/main');
    await hub.send('DELETE', `/api/user/keys/${id}`, { token: tokenOf('owner') });
    const end = await ssh('short', listRefs, shared);
    expect(end).toMatchObject({ code: 1, stdout: '', stderr: 'This key was deleted.\n' });
    await runCommand('ssh', [...sshOptions(port, keyOf('short')), ...shared, '-O', 'exit', 'git@127.0.0.1']);
    expect((await ssh('short', undefined)).stderr).toContain('Permission denied');
  });

  test.each(['a person', 'a repository'])(
    'takes no push by a key of %s that is deleted once refs were told',
    async (owner) => {
      const path = owner === 'a person' ? '/api/user/keys' : '/api/models/owner/private/keys';
      const more = owner === 'a person' ? {} : { title: 'CI', read_only: false };
      const { id } = await addKey('owner', `late-${++count}`, undefined, path, more);
      const who = `late-${count}`;
      const at = newFolder();
      expect(await git(who, ['clone', '-q', urlOf('owner/private'), at])).toMatchObject({ code: 0 });
      // git runs this hook between what it is told and what it says.
      const request = `fetch('${hub.url}${path}/${id}', { method: 'DELETE', headers: { authorization: 'Bearer ${tokenOf('owner') ?? ''}' } })`;
      writeFileSync(
        join(at, '.git/hooks/pre-push'),
        `#!/bin/sh\nexec '${process.execPath}' -e "${request}.then(({ ok }) => process.exit(ok ? 0 : 7))"\n`,
        { mode: 0o755 },
      );
      const push = await git(who, ['push', 'origin', 'main:refs/heads/late'], at);
      expect(push.stderr).toContain('This key was deleted.');
      expect(push.code).not.toBe(0);
      const refs = await repoClient(hub, 'owner/private').api('GET', 'refs');
      expect(refs.text).not.toContain('late');
    },
  );

  test.each([
    ['bash', 1, /There is no shell here/],
    ['scp -t /tmp', 1, /There is no shell here/],
    ['id', 1, /There is no shell here/],
    ["git-upload-pack 'owner/public'; id", 1, /There is no shell here/],
    ["git-upload-pack '../../x'", 1, /no path of a repository/],
    ['git-upload-pack owner/public x', 1, /no path of a repository/],
    ["git-upload-pack 'owner/public", 1, /There is no shell here/],
    ["git-upload-archive 'owner/public'", 1, /Archives are not made by SSH/],
    ["git-upload-pack 'owner/absent'", 1, /Repository not found/],
    ['git-lfs-transfer owner/public download', 127, /command not found/],
  ])('answers %s with %i', async (command, code, sentence) => {
    const end = await ssh('owner', command);
    expect([end.code, end.stdout]).toEqual([code, '']);
    expect(end.stderr).toMatch(sentence);
    expect(end.stderr.trim().split('\n')).toHaveLength(1);
  });

  test('says who has its port when that is taken', async () => {
    const other = startPeopledHub(['--ssh-port', String(port)]);
    await expect(other).rejects.toMatchObject({ code: 'Conflict', details: { sshPort: port } });
    await expect(other).rejects.toThrow(/choose another port for SSH with --ssh-port or ATOLL_SSH_PORT/);
  });
});

/** Who reads what, and who writes. */
const READERS: Readonly<Record<string, readonly string[]>> = {
  'owner/public': [...PERSONS],
  'owner/private': ['owner', 'site-admin'],
  'lab/public': [...PERSONS],
  'lab/private': ['member', 'visitor', 'site-admin', 'deploy-read', 'deploy-write'],
};
const WRITERS: Readonly<Record<string, readonly string[]>> = {
  'owner/public': ['owner'],
  'owner/private': ['owner'],
  'lab/public': ['member'],
  'lab/private': ['member', 'deploy-write'],
};

describeWithTools('git', ['git', 'ssh'], () => {
  describe.each(Object.keys(READERS))('with %s', (repo) => {
    test.each([...PERSONS, 'deploy-read', 'deploy-write'])('as %s', async (who) => {
      const mayRead = READERS[repo]?.includes(who) ?? false;
      const mayWrite = WRITERS[repo]?.includes(who) ?? false;
      const read = await git(who, ['ls-remote', urlOf(repo)]);
      expect([read.code === 0, read.stdout.includes('refs/heads/main')]).toEqual([mayRead, mayRead]);
      if (!mayRead) expect(read.stderr).toContain('Repository not found, or you may not see it.');
      for (const [operation, isAllowed] of [
        ['download', mayRead],
        ['upload', mayWrite],
      ] as const) {
        const end = await ssh(who, `git-lfs-authenticate ${repo} ${operation}`);
        expect([operation, end.code]).toEqual([operation, isAllowed ? 0 : 1]);
        if (!isAllowed) expect(end.stderr).not.toBe('');
      }
    });
  });

  test.each(['/owner/private', '/owner/private.git', '/models/owner/private', '/~/owner/private.git'])(
    'finds the repository under %s',
    async (path) => {
      const end = await git('owner', ['ls-remote', `ssh://git@127.0.0.1:${port}${path}`]);
      expect(end).toMatchObject({ code: 0 });
    },
  );

  test('finds datasets and spaces', async () => {
    for (const type of ['dataset', 'space'] as const) {
      const body = { name: 'both', type, ...(type === 'space' ? { sdk: 'static' } : {}) };
      const made = await hub.send('POST', '/api/repos/create', { token: tokenOf('owner'), body });
      expect(made.status, made.text).toBe(200);
      expect(await git('owner', ['ls-remote', urlOf(`${type}s/owner/both.git`)])).toMatchObject({ code: 0 });
    }
    expect((await git('owner', ['ls-remote', urlOf('owner/both')])).code).not.toBe(0);
  });

  test.each(['0', '1', '2'])('clones what the API has, in protocol %s', async (protocol) => {
    const clone = newFolder();
    const args = ['-c', `protocol.version=${protocol}`, 'clone', '--quiet', urlOf('owner/private'), clone];
    const end = await git('owner', args);
    expect(end, end.stderr).toMatchObject({ code: 0, stderr: '' });
    const head = await git('owner', ['rev-parse', 'HEAD'], clone);
    expect(head.stdout.trim()).toBe(await repoClient(hub, 'owner/private').head());
    expect(await git('owner', ['fsck', '--strict'], clone)).toMatchObject({ code: 0 });
    expect(readFileSync(join(clone, 'deep/er/text.txt'), 'utf8')).toBe('text\n');
  });

  test('fetches what came since, shallow clones deepen, and partial ones get the rest', async () => {
    const repo = await createRepo(hub, 'owner/grows');
    for (const text of ['one', 'two']) await repo.commit([fileLine('file.txt', text)]);
    const [whole, shallow, partial] = [newFolder(), newFolder(), newFolder()];
    const url = urlOf('owner/grows');
    expect((await git('owner', ['clone', '-q', url, whole])).code).toBe(0);
    expect((await git('owner', ['clone', '-q', '--depth=1', url, shallow])).code).toBe(0);
    expect(
      (await git('owner', ['clone', '-q', '--filter=blob:none', '--no-checkout', url, partial])).code,
    ).toBe(0);
    await repo.commit([fileLine('file.txt', 'three')]);
    expect((await git('owner', ['pull', '-q', '--ff-only'], whole)).code).toBe(0);
    expect(readFileSync(join(whole, 'file.txt'), 'utf8')).toBe('three');
    expect((await git('owner', ['rev-list', '--count', 'HEAD'], shallow)).stdout.trim()).toBe('1');
    expect((await git('owner', ['fetch', '-q', '--unshallow'], shallow)).code).toBe(0);
    const commits = await git('owner', ['rev-list', '--count', 'origin/main'], shallow);
    expect(Number(commits.stdout)).toBeGreaterThan(3);
    expect((await git('owner', ['show', 'HEAD:file.txt'], partial)).stdout).toBe('two');
    for (const clone of [whole, shallow])
      expect(await git('owner', ['fsck', '--strict'], clone)).toMatchObject({ code: 0 });
  });

  test('serves a renamed repository under its former name, and says the new one', async () => {
    await createRepo(hub, 'owner/before');
    const body = { fromRepo: 'owner/before', toRepo: 'owner/after', type: 'model' };
    const moved = await hub.send('POST', '/api/repos/move', { token: tokenOf('owner'), body });
    expect(moved.status, moved.text).toBe(200);
    const end = await git('owner', ['ls-remote', urlOf('owner/before')]);
    expect(end.code).toBe(0);
    expect(end.stderr).toContain('This repository is now owner/after. Please use its new name.');
  });

  test.each([
    ['owner', 'owner/pushed'],
    ['member', 'lab/pushed'],
    ['deploy-write', 'lab/private'],
  ])('takes what %s pushes to %s', async (who, name) => {
    const person = name.startsWith('lab/') ? 'lab-admin' : 'owner';
    const repo =
      name === 'lab/private' ? repoClient(hub, name, person) : await createRepo(hub, name, { person });
    const clone = newFolder();
    expect((await git(who, ['clone', '-q', urlOf(name), clone])).code).toBe(0);
    writeFileSync(join(clone, 'pushed.txt'), `by ${who}\n`);
    const by = ['-c', 'user.name=Pat', '-c', 'user.email=pat@example.org'];
    expect((await git(who, ['add', '.'], clone)).code).toBe(0);
    expect((await git(who, [...by, 'commit', '-q', '-m', 'Push by SSH'], clone)).code).toBe(0);
    const pushed = await git(who, ['push', '-q', 'origin', 'HEAD:main', 'HEAD:refs/heads/side'], clone);
    expect(pushed, pushed.stderr).toMatchObject({ code: 0 });
    const head = (await git(who, ['rev-parse', 'HEAD'], clone)).stdout.trim();
    expect([await repo.head(), await repo.head('side')]).toEqual([head, head]);
    const again = newFolder();
    expect((await git(who, ['clone', '-q', urlOf(name), again])).code).toBe(0);
    expect(await git(who, ['fsck', '--strict'], again)).toMatchObject({ code: 0 });
    expect((await git(who, ['push', '-q', 'origin', ':refs/heads/side'], clone)).code).toBe(0);
    expect((await repo.api('GET', 'revision/side')).status).toBe(404);
  });

  test.each([
    ['visitor', 'You do not have the right to write to this repository.'],
    ['site-admin', 'You do not have the right to write to this repository.'],
    ['deploy-read', 'This deploy key can only read.'],
    ['owner', 'Repository not found, or you may not see it.'],
  ])('takes nothing that %s pushes to lab/private, and says why', async (who, sentence) => {
    const clone = newFolder();
    expect((await git('member', ['clone', '-q', urlOf('lab/private'), clone])).code).toBe(0);
    const before = await repoClient(hub, 'lab/private', 'lab-admin').head();
    const pushed = await git(who, ['push', 'origin', 'HEAD:refs/heads/mine'], clone);
    expect(pushed.code).not.toBe(0);
    expect(pushed.stderr).toContain(sentence);
    expect(await repoClient(hub, 'lab/private', 'lab-admin').head()).toBe(before);
  });

  test('many at once are each served', async () => {
    const ends = await Promise.all(
      Array.from({ length: 12 }, () => git('owner', ['clone', '-q', urlOf('owner/private'), newFolder()])),
    );
    expect(ends.map(({ code }) => code)).toEqual(ends.map(() => 0));
  });
});

interface LfsAuthentication {
  readonly href: string;
  readonly header: { readonly Authorization: string };
  readonly expires_in: number;
}

describe('the credential for large files', () => {
  const authenticate = async (who: string, operation: string, repo = 'lab/private') => {
    const end = await ssh(who, `git-lfs-authenticate ${repo} ${operation}`);
    expect(end.code, end.stderr).toBe(0);
    return JSON.parse(end.stdout) as LfsAuthentication;
  };
  const batch = (credential: string, operation: string, repo = 'lab/private') =>
    hub.send('POST', `/${repo}.git/info/lfs/objects/batch`, {
      headers: { authorization: credential, 'content-type': 'application/vnd.git-lfs+json' },
      body: Buffer.from(
        JSON.stringify({ operation, transfers: ['basic'], objects: [{ oid: 'a'.repeat(64), size: 4 }] }),
      ),
    });

  test('is bound to the repository and the operation', async () => {
    const { href, header, expires_in } = await authenticate('member', 'download');
    expect([href, expires_in]).toEqual([`${hub.url}/lab/private.git/info/lfs`, 1800]);
    expect((await batch(header.Authorization, 'download')).status).toBe(200);
    expect((await batch(header.Authorization, 'upload')).status).toBe(403);
    const upload = (await authenticate('member', 'upload')).header.Authorization;
    expect((await batch(upload, 'upload')).status).toBe(200);
    expect((await batch(upload, 'download')).status).toBe(200);
    expect((await batch(upload, 'upload', 'lab/public')).status).toBe(404);
    expect((await batch(upload, 'download', 'owner/private')).status).toBe(404);
    expect((await batch(`${upload}x`, 'upload')).status).toBe(401);
  });

  test('of a deploy key opens its repository as far as the key does', async () => {
    const read = (await authenticate('deploy-read', 'download')).header.Authorization;
    expect((await batch(read, 'download')).status).toBe(200);
    expect((await batch(read, 'upload')).status).toBe(403);
    expect((await batch(read, 'download', 'lab/public')).status).toBe(404);
    const write = (await authenticate('deploy-write', 'upload')).header.Authorization;
    expect((await batch(write, 'upload')).status).toBe(200);
    const locks = await hub.send('POST', '/lab/private.git/info/lfs/locks/verify', {
      headers: { authorization: write },
      body: {},
    });
    expect([locks.status, locks.json()]).toMatchObject([200, { ours: [], theirs: [] }]);
    const lock = await hub.send('POST', '/lab/private.git/info/lfs/locks', {
      headers: { authorization: write },
      body: { path: 'a.bin' },
    });
    expect(lock.status).toBe(403);
  });

  test('is nothing anywhere else', async () => {
    const { Authorization: authorization } = (await authenticate('member', 'upload')).header;
    for (const path of ['/api/whoami-v2', '/api/models/lab/private', '/lab/private/resolve/main/config.json'])
      expect((await hub.send('GET', path, { headers: { authorization } })).status).toBe(401);
  });

  test('ends with its time, with its key, and with the role of its user', async () => {
    const { id } = await addKey('member', 'passing');
    const { Authorization: credential } = (await authenticate('passing', 'upload')).header;
    expect((await batch(credential, 'upload')).status).toBe(200);
    await hub.send('DELETE', `/api/user/keys/${id}`, { token: tokenOf('member') });
    expect((await batch(credential, 'upload')).status).toBe(403);
    const { Authorization: other } = (await authenticate('member', 'download')).header;
    hub.advance(1801_000);
    expect((await batch(other, 'download')).status).toBe(403);
  });
});

describeWithTools('git-lfs', ['git', 'git-lfs', 'ssh'], () => {
  test('fetches large files by way of the key', async () => {
    const repo = repoClient(hub, 'owner/private');
    await repo.uploadLfs(PICTURE);
    await repo.commit([lfsLine('picture.bin', PICTURE)]);
    const clone = newFolder();
    const end = await git('owner', [
      ...['-c', 'filter.lfs.smudge=git-lfs smudge -- %f', '-c', 'filter.lfs.required=true'],
      ...['-c', 'filter.lfs.process=git-lfs filter-process', '-c', 'filter.lfs.clean=git-lfs clean -- %f'],
      ...['clone', '-q', urlOf('owner/private'), clone],
    ]);
    expect(end, end.stderr).toMatchObject({ code: 0 });
    expect(readFileSync(join(clone, 'picture.bin')).equals(PICTURE)).toBe(true);
  });

  test.each([
    ['owner', 'owner/public'],
    ['deploy-write', 'lab/private'],
  ])('pushes large files as %s by way of the key', async (who, name) => {
    const clone = newFolder();
    const bytes = Buffer.alloc(200_000, `${who} `);
    expect((await git(who, ['clone', '-q', urlOf(name), clone])).code).toBe(0);
    for (const args of [
      ['lfs', 'install', '--local'],
      ['lfs', 'track', '*.large'],
    ])
      expect(await git(who, args, clone)).toMatchObject({ code: 0 });
    writeFileSync(join(clone, 'some.large'), bytes);
    expect((await git(who, ['add', '.'], clone)).code).toBe(0);
    const by = ['-c', 'user.name=Pat', '-c', 'user.email=pat@example.org'];
    expect((await git(who, [...by, 'commit', '-q', '-m', 'Push by SSH'], clone)).code).toBe(0);
    const pushed = await git(who, ['push', 'origin', 'HEAD:main'], clone);
    expect(pushed, pushed.stderr).toMatchObject({ code: 0 });
    const person = name.startsWith('lab/') ? 'lab-admin' : 'owner';
    const answer = await repoClient(hub, name, person).resolve('main', 'some.large');
    expect(answer.body.equals(bytes)).toBe(true);
  });

  test('locks, lists and unlocks by way of the key', async () => {
    const clone = newFolder();
    const skip = ['-c', 'filter.lfs.smudge=', '-c', 'filter.lfs.required=false', '-c', 'filter.lfs.process='];
    expect((await git('owner', [...skip, 'clone', '-q', urlOf('owner/public'), clone])).code).toBe(0);
    const locked = await git('owner', ['lfs', 'lock', 'config.json'], clone);
    expect(locked, locked.stderr).toMatchObject({ code: 0 });
    expect((await git('owner', ['lfs', 'locks'], clone)).stdout).toMatch(/config\.json\s+owner/);
    expect(await git('owner', ['lfs', 'unlock', 'config.json'], clone)).toMatchObject({ code: 0 });
  });
});

test('nothing of all this was a failure of the hub', () => {
  expect(hub.loggedErrors()).toEqual([]);
});
