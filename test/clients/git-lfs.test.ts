import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { git } from '../support/git-client.ts';
import { createGitUser, type GitUser } from '../support/git-user.ts';
import { createHubApi, type HubApi, type RepoPath } from '../support/hub-api.ts';
import { startHubProgram } from '../support/hub-program.ts';
import type { HubProgram } from '../support/hub-program.ts';
import { expectProvedRoutes } from '../support/proved-routes.ts';
import { describeWithTools } from '../support/require.ts';
import { expectSoundHub } from '../support/sound-hub.ts';
import { freePort, gitSshCommand, makeSshKey } from '../support/ssh.ts';

/* Real git and git-lfs, as the people who use them: over HTTP, with stored credentials. */

const SCRIPT = fileURLToPath(new URL('python/git_lfs.py', import.meta.url));
const MEGABYTE = 2 ** 20;

let hub: HubProgram;
let api: HubApi;
let ada: GitUser;
let sshPort: number;
beforeAll(async () => {
  sshPort = await freePort();
  hub = await startHubProgram(['--limits-part-size', '5MiB', '--ssh-port', String(sshPort)]);
  api = createHubApi({ url: hub.url, token: hub.tokens.ada });
  ada = await createGitUser(hub, 'ada');
  return () => hub[Symbol.asyncDispose]();
});

const addressOf = (repo: RepoPath): string => `${hub.url}/${repo.replace(/^models\//, '')}`;
const sha256Of = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const objectPath = (folder: string, oid: string, gitFolder = '.git'): string =>
  join(folder, gitFolder, 'lfs/objects', oid.slice(0, 2), oid.slice(2, 4), oid);
const heldObjects = async (folder: string): Promise<number> => {
  const names = await readdir(join(folder, '.git/lfs/objects'), { recursive: true }).catch(() => []);
  return names.filter((name) => /[0-9a-f]{64}$/.test(name)).length;
};

async function write(folder: string, files: Readonly<Record<string, Buffer>>): Promise<void> {
  for (const [path, bytes] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), bytes);
  }
}

async function commitAll(user: GitUser, folder: string, message = 'a change'): Promise<void> {
  await user.git(folder, 'add', '--all');
  await user.git(folder, 'commit', '--quiet', '--message', message);
}

async function expectFiles(folder: string, files: Readonly<Record<string, Buffer>>): Promise<void> {
  for (const [path, bytes] of Object.entries(files))
    expect((await readFile(join(folder, path))).equals(bytes), path).toBe(true);
}

/** A new repository of Ada's, cloned, with `*.bin` and these files committed and pushed. */
async function pushed(
  repo: RepoPath,
  files: Readonly<Record<string, Buffer>>,
): Promise<{ readonly folder: string; readonly address: string }> {
  await api.createRepo(repo);
  const address = addressOf(repo);
  const folder = await ada.clone(address);
  await ada.git(folder, 'lfs', 'track', '*.bin');
  await write(folder, files);
  await commitAll(ada, folder);
  await ada.git(folder, 'push', '--quiet', 'origin', 'main');
  return { folder, address };
}

const resolved = async (repo: RepoPath, path: string): Promise<Buffer> => {
  const name = repo.replace(/^models\//, '');
  return Buffer.from(await (await api.call(`/${name}/resolve/main/${path}`)).arrayBuffer());
};

describeWithTools('git-lfs', ['git', 'git-lfs'], (tools) => {
  test.each<{ repo: RepoPath; ending: string }>([
    { repo: 'models/ada/plain', ending: '' },
    { repo: 'datasets/ada/plain', ending: '.git' },
    { repo: 'spaces/ada/plain', ending: '' },
  ])('large files go to $repo and come back', async ({ repo, ending }) => {
    await api.createRepo(repo);
    const address = addressOf(repo) + ending;
    const folder = await ada.clone(address);
    await ada.git(folder, 'lfs', 'track', '*.bin');
    const files = {
      'a.bin': randomBytes(300_000),
      'folder with space/größe.bin': randomBytes(11 * MEGABYTE),
      'empty.bin': Buffer.alloc(0),
      'notes.txt': Buffer.from('no large file\n'),
    };
    await write(folder, files);
    await commitAll(ada, folder);
    await ada.git(folder, 'push', '--quiet', 'origin', 'main');
    const head = await ada.git(folder, 'rev-parse', 'HEAD');
    const info = (await (await api.call(`/api/${repo}/revision/main`)).json()) as { sha: string };
    expect(info.sha).toBe(head);
    const other = await ada.clone(address);
    await expectFiles(other, files);
    expect(await ada.git(other, 'status', '--porcelain')).toBe('');
    expect(await ada.git(other, 'lfs', 'fsck')).toContain('OK');

    const changed = { 'a.bin': randomBytes(200_000), 'new.bin': randomBytes(1_000) };
    await write(other, changed);
    await commitAll(ada, other);
    await ada.git(other, 'push', '--quiet');
    await ada.git(folder, 'pull', '--quiet');
    await expectFiles(folder, { ...files, ...changed });
    await git(other, ['fsck', '--strict']);
  });

  test('a hundred and fifty objects go up at once, and come down again', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 150 }, (_, at) => [`f${at % 7}/${at}.bin`, randomBytes(2_000 + at)]),
    );
    const { address } = await pushed('models/ada/many', files);
    const other = await ada.clone(address);
    await expectFiles(other, files);
    expect(await heldObjects(other)).toBe(150);
  });

  test('a clone without large files fetches them when they are asked for', async () => {
    const files = { 'a.bin': randomBytes(100_000), 'b.bin': randomBytes(100_000) };
    const { folder, address } = await pushed('models/ada/lazy', files);
    const skip = { GIT_LFS_SKIP_SMUDGE: '1' };
    const lazy = join(ada.home, 'lazy');
    expect((await ada.try(ada.home, ['clone', '--quiet', address, lazy], { env: skip })).code).toBe(0);
    expect(await heldObjects(lazy)).toBe(0);
    const pointer = await readFile(join(lazy, 'a.bin'), 'utf8');
    expect(pointer).toBe(
      `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256Of(files['a.bin'])}\nsize 100000\n`,
    );
    await ada.git(lazy, 'lfs', 'pull', '--include', 'a.bin');
    await expectFiles(lazy, { 'a.bin': files['a.bin'] });
    expect(await heldObjects(lazy)).toBe(1);
    await ada.git(lazy, 'cat-file', '-e', 'HEAD:b.bin');
    const smudged = await ada.try(lazy, ['lfs', 'smudge'], {
      input: await readFile(join(lazy, 'b.bin'), 'utf8'),
    });
    expect([smudged.code, smudged.stdout.length > 0]).toEqual([0, true]);
    expect(await heldObjects(lazy)).toBe(2);

    const next = { 'a.bin': randomBytes(100_000) };
    await write(folder, next);
    await commitAll(ada, folder);
    await ada.git(folder, 'push', '--quiet');
    await ada.git(lazy, 'fetch', '--quiet');
    await ada.git(lazy, 'lfs', 'fetch', '--recent');
    expect(existsSync(objectPath(lazy, sha256Of(next['a.bin'])))).toBe(true);
    await ada.git(folder, 'lfs', 'prune', '--verify-remote', '--recent', '--force');
    expect(existsSync(objectPath(folder, sha256Of(files['a.bin'])))).toBe(false);
    await ada.git(folder, 'checkout', '--quiet', 'HEAD~1');
    await expectFiles(folder, files);
  });

  test('a history that was migrated is pushed whole', async () => {
    const repo: RepoPath = 'models/ada/migrated';
    await api.createRepo(repo);
    const folder = await ada.init(addressOf(repo));
    const versions = Array.from({ length: 5 }, () => randomBytes(50_000));
    for (const bytes of versions) {
      await write(folder, { 'model.bin': bytes, 'log.txt': randomBytes(10) });
      await commitAll(ada, folder);
    }
    await ada.git(folder, 'tag', '--annotate', '--message', 'first', 'v1', 'HEAD~4');
    await ada.git(folder, 'lfs', 'migrate', 'import', '--everything', '--include', '*.bin');
    await ada.git(folder, 'push', '--quiet', '--force', 'origin', 'main', 'v1');
    const other = await ada.clone(addressOf(repo));
    for (const [back, bytes] of versions.toReversed().entries()) {
      await ada.git(other, 'checkout', '--quiet', `origin/main~${back}`);
      await expectFiles(other, { 'model.bin': bytes });
    }
    await ada.git(other, 'checkout', '--quiet', 'v1');
    await expectFiles(other, { 'model.bin': versions[0] ?? Buffer.alloc(0) });
    await git(other, ['fsck', '--strict']);
  });

  test('a file is locked for others, who are told when they push', async () => {
    await api.createRepo('models/lab/locked');
    const address = addressOf('models/lab/locked');
    const mia = await createGitUser(hub, 'mia');
    const hers = await ada.clone(address);
    await ada.git(hers, 'lfs', 'track', '--lockable', '*.bin');
    await write(hers, { 'a.bin': randomBytes(1_000), 'b.bin': randomBytes(1_000) });
    await commitAll(ada, hers);
    await ada.git(hers, 'push', '--quiet', 'origin', 'main');
    const theirs = await mia.clone(address);

    expect(await mia.git(theirs, 'lfs', 'lock', 'a.bin')).toContain('Locked a.bin');
    const [lock] = JSON.parse(await ada.git(hers, 'lfs', 'locks', '--json')) as {
      readonly id: string;
      readonly path: string;
      readonly owner: { readonly name: string };
    }[];
    expect(lock).toMatchObject({ path: 'a.bin', owner: { name: 'mia' } });
    const again = await ada.try(hers, ['lfs', 'lock', 'a.bin']);
    expect([again.code, again.stderr]).toMatchObject([
      2,
      expect.stringContaining('locked already, by mia') as string,
    ]);
    await ada.git(hers, 'lfs', 'lock', 'b.bin');
    expect(await ada.git(hers, 'lfs', 'locks', '--verify')).toMatch(/^ {2}a\.bin\tmia.*\nO b\.bin\tada/);

    await ada.git(hers, 'config', `lfs.${address}.git/info/lfs.locksverify`, 'true');
    await rm(join(hers, 'a.bin'));
    await write(hers, { 'a.bin': randomBytes(1_000) });
    await commitAll(ada, hers);
    const push = await ada.try(hers, ['push', 'origin', 'main']);
    expect([push.code, push.stdout]).toMatchObject([1, expect.stringContaining('a.bin - mia') as string]);
    await mia.git(theirs, 'lfs', 'unlock', 'a.bin');
    await ada.git(hers, 'push', '--quiet', 'origin', 'main');

    const notHers = await mia.try(theirs, ['lfs', 'unlock', 'b.bin']);
    expect([notHers.code, notHers.stderr]).toMatchObject([2, expect.stringContaining('is of ada') as string]);
    const forced = await mia.try(theirs, ['lfs', 'unlock', '--force', 'b.bin']);
    expect([forced.code, forced.stderr]).toMatchObject([
      2,
      expect.stringContaining('right to administer') as string,
    ]);
    await mia.git(theirs, 'lfs', 'lock', 'a.bin');
    await ada.git(hers, 'lfs', 'unlock', '--force', 'a.bin');
    await ada.git(hers, 'lfs', 'unlock', 'b.bin');
    expect(JSON.parse(await ada.git(hers, 'lfs', 'locks', '--json'))).toEqual([]);
  });

  test('those who may only read fetch, and are told why they cannot push', async () => {
    const files = { 'a.bin': randomBytes(1_000) };
    const { address } = await pushed('models/lab/read', files);
    for (const person of ['vic', 'ada-read'] as const) {
      const reader = await createGitUser(hub, person);
      const folder = await reader.clone(address);
      await expectFiles(folder, files);
      await write(folder, { 'a.bin': randomBytes(1_000) });
      await commitAll(reader, folder);
      const push = await reader.try(folder, ['push', 'origin', 'main']);
      expect(push.code).not.toBe(0);
      expect(push.stderr).toMatch(/403|right to write|can only read/);
      const upload = await reader.try(folder, ['lfs', 'push', 'origin', 'main']);
      expect(upload.code).not.toBe(0);
    }
  });

  test('a token that is none, and nobody at all, get nothing that is private', async () => {
    await api.call('/api/repos/create', { json: { name: 'secret', type: 'model', private: true } });
    const address = `${hub.url}/ada/secret`;
    const bytes = randomBytes(1_000);
    const folder = await ada.clone(address);
    await ada.git(folder, 'lfs', 'track', '*.bin');
    await write(folder, { 'a.bin': bytes });
    await commitAll(ada, folder);
    await ada.git(folder, 'push', '--quiet', 'origin', 'main');
    const copy = `${folder}-copy`;
    for (const person of ['wrong', 'nobody', 'bo'] as const) {
      const stranger = await createGitUser(hub, person);
      const clone = await stranger.try(stranger.home, ['clone', address]);
      expect(clone.code).not.toBe(0);
      // What is known of the history does not give its large files away.
      await rm(copy, { recursive: true, force: true });
      await ada.git(ada.home, 'clone', '--quiet', '--bare', folder, copy);
      await stranger.git(copy, 'config', 'lfs.url', `${address}.git/info/lfs`);
      const fetched = await stranger.try(copy, ['lfs', 'fetch', address, 'main']);
      expect(fetched.code).not.toBe(0);
      expect(existsSync(objectPath(copy, sha256Of(bytes), ''))).toBe(false);
    }
  });

  describe('a download that was cut off', () => {
    test('goes on where it was', async () => {
      const bytes = randomBytes(9 * MEGABYTE);
      const { folder } = await pushed('models/ada/resumed', { 'a.bin': bytes });
      const oid = sha256Of(bytes);
      await rm(objectPath(folder, oid));
      // As a killed git-lfs leaves it.
      await mkdir(join(folder, '.git/lfs/incomplete'), { recursive: true });
      await writeFile(join(folder, `.git/lfs/incomplete/${oid}.part`), bytes.subarray(0, 4 * MEGABYTE));
      const { code, stderr } = await ada.try(folder, ['lfs', 'fetch'], { env: { GIT_TRACE: '1' } });
      expect([code, stderr]).toMatchObject([
        0,
        expect.stringContaining(
          `server accepted resume download request: "${oid}" from byte 4194304`,
        ) as string,
      ]);
      expect((await readFile(objectPath(folder, oid))).equals(bytes)).toBe(true);
    });

    test('ends well after git-lfs was killed', async () => {
      const files = Object.fromEntries(
        Array.from({ length: 6 }, (_, at) => [`${at}.bin`, randomBytes(20 * MEGABYTE)]),
      );
      const { folder } = await pushed('models/ada/killed', files);
      await rm(join(folder, '.git/lfs/objects'), { recursive: true });
      const child = spawn(tools['git-lfs'], ['fetch'], { cwd: folder, env: ada.env, stdio: 'ignore' });
      const gone = new Promise((done) => child.on('close', done));
      const incomplete = join(folder, '.git/lfs/incomplete');
      while (child.exitCode === null && (await readdir(incomplete).catch(() => [])).length === 0)
        await delay(2);
      child.kill('SIGKILL');
      await gone;
      await ada.git(folder, 'lfs', 'fetch');
      expect(await ada.git(folder, 'lfs', 'fsck')).toContain('OK');
      expect(await heldObjects(folder)).toBe(6);
    });
  });

  test('a repository that was renamed is found under its former name', async () => {
    const files = { 'a.bin': randomBytes(1_000) };
    const { folder, address } = await pushed('models/ada/former', files);
    await api.call('/api/repos/move', {
      json: { fromRepo: 'ada/former', toRepo: 'ada/renamed', type: 'model' },
    });
    const other = await ada.clone(address);
    await expectFiles(other, files);
    await write(folder, { 'b.bin': randomBytes(1_000) });
    await commitAll(ada, folder);
    await ada.git(folder, 'push', '--quiet', 'origin', 'main');
  });

  test('every route that git and git-lfs are said to prove was theirs', async () => {
    expectProvedRoutes(hub, ['git', 'git-lfs']);
    await expectSoundHub(hub);
  });
});

/* Nobody who comes by SSH has a password: git-lfs is told by `git-lfs-authenticate` where to go, and with what. */
describeWithTools('git-lfs over SSH', ['git', 'git-lfs', 'ssh'], () => {
  /** Somebody without stored credentials, whose key the hub knows. */
  async function keyHolder(repo: RepoPath, deployTo?: RepoPath): Promise<{ user: GitUser; address: string }> {
    const user = await createGitUser(hub, 'nobody');
    const key = makeSshKey(user.home, 'key');
    const body = { title: 'key', key: key.publicLine, read_only: true };
    await api.call(deployTo === undefined ? '/api/user/keys' : `/api/${deployTo}/keys`, { json: body });
    await user.git(user.home, 'config', '--global', 'core.sshCommand', gitSshCommand(sshPort, key));
    const name = repo.replace(/^models\//, '');
    return { user, address: `ssh://git@127.0.0.1:${sshPort}/${name}.git` };
  }

  test('large files go up and down, and are locked', async () => {
    const repo: RepoPath = 'datasets/ada/by-ssh';
    await api.createRepo(repo);
    const { user, address } = await keyHolder(repo);
    const folder = await user.clone(address);
    await user.git(folder, 'lfs', 'track', '*.bin');
    const files = { 'a.bin': randomBytes(11 * MEGABYTE), 'b.bin': randomBytes(1_000) };
    await write(folder, files);
    await commitAll(user, folder);
    await user.git(folder, 'push', '--quiet', 'origin', 'main');
    await expectFiles(await user.clone(address), files);
    await expectFiles(await ada.clone(addressOf(repo)), files);
    await user.git(folder, 'lfs', 'lock', 'a.bin');
    expect(await user.git(folder, 'lfs', 'locks', '--verify')).toMatch(/^O a\.bin\tada/);
    await user.git(folder, 'lfs', 'unlock', 'a.bin');
  });

  test('a deploy key that only reads fetches, and pushes nothing', async () => {
    const repo: RepoPath = 'models/ada/deployed';
    const files = { 'a.bin': randomBytes(100_000) };
    await pushed(repo, files);
    const { user, address } = await keyHolder(repo, repo);
    const folder = await user.clone(address);
    await expectFiles(folder, files);
    await write(folder, { 'a.bin': randomBytes(1_000) });
    await commitAll(user, folder);
    expect((await user.try(folder, ['push', 'origin', 'main'])).code).not.toBe(0);
    expect((await user.try(folder, ['lfs', 'push', 'origin', 'main'])).code).not.toBe(0);
  });
});

const LANES = ['hub-2.4.0', 'hub-0.36.2', 'hub-1.19.0-plain'] as const;

describeWithTools(
  'git-lfs beside huggingface_hub',
  ['git', 'git-lfs', ...LANES.map((lane) => `py/${lane}` as const)],
  (tools) => {
    async function python(lane: (typeof LANES)[number], facts: object): Promise<void> {
      const child = spawn(tools[`py/${lane}`], [SCRIPT], {
        env: { PATH: process.env['PATH'] ?? '', LANG: 'C.UTF-8', HF_HUB_DISABLE_PROGRESS_BARS: '1' },
        stdio: ['pipe', 'ignore', 'pipe'],
      });
      let problems = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => (problems += text));
      const home = join(hub.scratch, `python-${lane}-${randomBytes(4).toString('hex')}`);
      await mkdir(home);
      child.stdin.end(JSON.stringify({ endpoint: hub.url, token: hub.tokens.ada, home, ...facts }));
      expect(await new Promise((done) => child.on('close', done)), problems).toBe(0);
    }

    test.each(LANES)('%s sends what git-lfs fetches, and fetches what it pushes', async (lane) => {
      const name = lane.replaceAll('.', '-');
      const mine = { 'git.bin': randomBytes(12 * MEGABYTE) };
      const { folder } = await pushed(`models/ada/${name}`, mine);
      const theirs = { 'python.bin': randomBytes(7 * MEGABYTE), 'small.bin': randomBytes(3_000) };
      const scratch = join(hub.scratch, name);
      await write(scratch, { ...mine, ...theirs });
      await python(lane, {
        repo: `ada/${name}`,
        uploads: { 'python.bin': join(scratch, 'python.bin'), 'small.bin': join(scratch, 'small.bin') },
        downloads: { 'git.bin': join(scratch, 'git.bin'), 'python.bin': join(scratch, 'python.bin') },
      });
      await ada.git(folder, 'pull', '--quiet');
      await expectFiles(folder, { ...mine, ...theirs });
      expect(await ada.git(folder, 'lfs', 'fsck')).toContain('OK');
      expect((await resolved(`models/ada/${name}`, 'git.bin')).equals(mine['git.bin'])).toBe(true);
      await write(folder, { 'python.bin': mine['git.bin'] });
      await commitAll(ada, folder);
      await ada.git(folder, 'push', '--quiet');
      await python(lane, {
        repo: `ada/${name}`,
        downloads: { 'python.bin': join(scratch, 'git.bin') },
      });
    });

    test.each(['hub-2.4.0', 'hub-0.36.2'] as const)(
      'the agent that %s ships sends large files in parts',
      async (lane) => {
        const user = await createGitUser(hub, 'ada', { path: [dirname(tools[`py/${lane}`])] });
        const repo: RepoPath = `models/ada/parts-${lane.replaceAll('.', '-')}`;
        await api.createRepo(repo);
        const folder = await user.clone(addressOf(repo));
        await user.git(folder, 'lfs', 'track', '*.bin');
        const program = lane === 'hub-2.4.0' ? 'hf' : 'huggingface-cli';
        const setUp = spawn(program, ['lfs-enable-largefiles', folder], {
          env: { ...user.env, HF_HUB_OFFLINE: '1' },
          stdio: 'ignore',
        });
        expect(await new Promise((done) => setUp.on('close', done))).toBe(0);
        const files = { 'large.bin': randomBytes(12 * MEGABYTE + 7), 'small.bin': randomBytes(1_000) };
        await write(folder, files);
        await commitAll(user, folder);
        await user.git(folder, 'push', 'origin', 'main');
        for (const [path, bytes] of Object.entries(files))
          expect((await resolved(repo, path)).equals(bytes), path).toBe(true);
        await expectFiles(await ada.clone(addressOf(repo)), files);
        const parts = hub.answeredRoutes().get('PUT /api/lfs/parts/:capability/:part') ?? new Set();
        expect([...parts].some((agent) => /python|hf_hub|httpx|requests/.test(agent))).toBe(true);
      },
    );

    test('and everything is as it was told', async () => {
      await expectSoundHub(hub);
    });
  },
);
