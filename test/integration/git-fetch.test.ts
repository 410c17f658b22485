import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { contentOf, openFetchScene, type FetchScene } from '../support/fetch-scene.ts';
import { git, tryGit } from '../support/git-client.ts';
import { createRepo, fileLine } from '../support/scenario.ts';

/* What native git gets from the hub is what it gets from native git's own server. */

let scene: FetchScene;
beforeAll(async () => {
  scene = await openFetchScene();
});
afterAll(() => scene[Symbol.asyncDispose]());

describe.each([0, 1, 2])('by protocol %i', (version) => {
  const flags = ['-c', `protocol.version=${version}`];

  /** Clone from the hub and from native git with the same arguments, into folders beside each other. */
  async function cloneBoth(name: string, args: readonly string[] = []): Promise<readonly [string, string]> {
    const [ours, theirs] = [`${name}-${version}-hub`, `${name}-${version}-native`];
    await git(scene.folder, [...flags, 'clone', '--quiet', ...args, scene.url, ours]);
    await git(scene.folder, [...flags, 'clone', '--quiet', ...args, scene.nativeUrl, theirs]);
    return [join(scene.folder, ours), join(scene.folder, theirs)];
  }

  async function expectSame([ours, theirs]: readonly [string, string]): Promise<void> {
    expect(await contentOf(ours)).toEqual(await contentOf(theirs));
    await git(ours, ['fsck', '--strict', '--connectivity-only']);
  }

  /** Run the same fetch in both, and compare. */
  async function fetchBoth(clones: readonly [string, string], args: readonly string[]): Promise<void> {
    for (const clone of clones) await git(clone, [...flags, 'fetch', '--quiet', ...args]);
    await expectSame(clones);
  }

  test('a clone has every id that the API names', async () => {
    const clones = await cloneBoth('whole');
    await expectSame(clones);
    expect(await git(clones[0], ['rev-parse', 'HEAD'])).toBe(await scene.repo.head());
    expect(await git(clones[0], ['rev-list', '--first-parent', '--reverse', 'main', '--'])).toContain(
      scene.commits.join('\n'),
    );
    const tree = (await scene.repo.api('GET', 'tree/main?recursive=true')).json<
      { oid: string; path: string }[]
    >();
    const listed = (await git(clones[0], ['ls-tree', '-r', '-t', 'HEAD'])).split('\n');
    expect(listed.map((line) => line.split(/[ \t]/).slice(2, 4).join(' ')).sort()).toEqual(
      tree.map(({ oid, path }) => `${oid} ${path}`).sort(),
    );
  });

  test.each([
    ['a mirror', ['--mirror']],
    ['one branch', ['--single-branch', '--branch', 'side']],
    ['a tag', ['--branch', 'v1']],
    ['one branch without tags', ['--single-branch', '--no-tags', '--branch', 'main']],
    ['the last commit', ['--depth', '1']],
    ['the last two commits', ['--depth', '2']],
    ['the last commits of all branches', ['--depth', '3', '--no-single-branch']],
    ['all, by a depth', ['--depth', '1000']],
    ['a bare one', ['--bare', '--depth', '4']],
  ])('%s is the same as from native git', async (what, args) => {
    await expectSame(await cloneBoth(what.replaceAll(/[ ,]/g, '-'), args));
  });

  test('a shallow clone is deepened, cut again, and made whole', async () => {
    const clones = await cloneBoth('depths', ['--depth', '1']);
    await fetchBoth(clones, ['--deepen', '1']);
    await fetchBoth(clones, ['--deepen', '2']);
    await fetchBoth(clones, ['--depth', '2']);
    await fetchBoth(clones, ['--depth', '5']);
    await fetchBoth(clones, ['--unshallow']);
    expect(await git(clones[0], ['rev-list', '--count', 'HEAD'])).toBe(
      await git(clones[1], ['rev-list', '--count', 'HEAD']),
    );
    await git(clones[0], ['fsck', '--strict']);
  });

  test('deepening goes on behind every place where history ends, not in the midst of it', async () => {
    const name = `forked-${version}`;
    const repo = await createRepo(scene.hub, `owner/${name}`);
    for (const file of ['one', 'two', 'three']) await repo.commit([fileLine(file, file)]);
    await repo.api('POST', 'branch/side', { body: { startingPoint: 'main' } });
    for (const file of ['four', 'five']) await repo.commit([fileLine(file, file)], { summary: file }, 'side');
    await repo.commit([fileLine('six', 'six')]);
    expect((await repo.api('POST', 'merge/side/into/main', { body: {} })).status).toBe(200);
    const clone = join(scene.folder, name);
    await git(scene.folder, [
      ...flags,
      'clone',
      '--quiet',
      '--depth=4',
      `${scene.hub.url}/${repo.name}`,
      clone,
    ]);
    for (const depth of [4, 5, 6]) {
      const reached = new Set((await git(clone, ['rev-list', 'HEAD'])).split('\n'));
      const ends = (await readFile(join(clone, '.git/shallow'), 'utf8')).trim().split('\n');
      expect(
        ends.filter((oid) => !reached.has(oid)),
        `depth ${depth}`,
      ).toEqual([]);
      if (depth === 6) break;
      await git(clone, [...flags, 'fetch', '--quiet', '--deepen=1']);
    }
    await git(clone, ['fsck', '--strict']);
    await git(clone, [...flags, 'fetch', '--quiet', '--unshallow']);
    expect(await git(clone, ['rev-list', '--count', 'HEAD'])).toBe('8');
  });

  test('history ends at a date', async () => {
    const when = await git(join(scene.folder, 'native.git'), [
      'log',
      '-1',
      '--format=%ct',
      scene.commits[5] ?? '',
    ]);
    const clones = await cloneBoth('since', [`--shallow-since=${when}`]);
    await expectSame(clones);
    const earlier = await git(join(scene.folder, 'native.git'), [
      'log',
      '-1',
      '--format=%ct',
      scene.commits[2] ?? '',
    ]);
    await fetchBoth(clones, [`--shallow-since=${earlier}`]);
    const late = await tryGit(scene.folder, [
      ...flags,
      'clone',
      '--shallow-since=4000000000',
      scene.url,
      `late-${version}`,
    ]);
    expect(late.code).not.toBe(0);
    expect(late.stderr).toContain('no commits selected for shallow requests');
  });

  test('history ends at a ref', async () => {
    for (const name of ['v1', 'side', 'refs/tags/light']) {
      await expectSame(
        await cloneBoth(`exclude-${name.replaceAll('/', '-')}`, [`--shallow-exclude=${name}`]),
      );
    }
    const none = await tryGit(scene.folder, [
      ...flags,
      'clone',
      '--shallow-exclude=nothing',
      scene.url,
      `none-${version}`,
    ]);
    expect(none.code).not.toBe(0);
    expect(none.stderr).toContain('deepen-not is not a ref: nothing');
  });

  test.each([
    ...['blob:none', 'blob:limit=1k', 'blob:limit=0', 'tree:0', 'tree:1', 'tree:2'],
    'combine:blob:none+tree:2',
  ])(
    'a partial clone by %s has the same objects, and fetches what it lacks when it needs it',
    async (filter) => {
      const name = `partial-${filter.replaceAll(/[:=+]/g, '-')}`;
      const clones = await cloneBoth(name, [`--filter=${filter}`, '--no-checkout']);
      await expectSame(clones);
      for (const clone of clones) await git(clone, [...flags, 'checkout', '--quiet', 'main']);
      await git(clones[0], ['fsck', '--connectivity-only']);
      expect(await readFile(join(clones[0], 'README.md'), 'utf8')).toBe('# The scene, main, 8\n');
      const show = ['log', '--stat', '--format=%H', '-p', '--all'];
      expect(await git(clones[0], [...flags, ...show])).toBe(await git(clones[1], [...flags, ...show]));
    },
  );

  test('filters that are not served are refused with a sentence', async () => {
    for (const filter of [
      'tree:99999',
      'object:type=blob',
      'sparse:oid=main',
      'combine:tree:3+sparse:oid=main',
    ]) {
      const run = await tryGit(scene.folder, [
        ...flags,
        'clone',
        `--filter=${filter}`,
        scene.url,
        `refused-${version}`,
      ]);
      expect(run.code, filter).not.toBe(0);
      expect(run.stderr, filter).toContain('is not served here');
    }
  });

  test('a commit, a folder and a file are fetched by their ids', async () => {
    const target = join(scene.folder, `by-id-${version}`);
    await git(scene.folder, ['init', '--quiet', target]);
    const old = scene.commits[3] ?? '';
    await git(target, [...flags, 'fetch', '--quiet', '--depth', '1', scene.url, old]);
    expect(await git(target, ['rev-parse', 'FETCH_HEAD'])).toBe(old);
    await git(target, ['checkout', '--quiet', 'FETCH_HEAD']);
    expect(await readdir(target)).toContain('README.md');
    expect(await git(target, ['rev-list', '--count', 'HEAD'])).toBe('1');
    const other = join(scene.folder, `by-id-tree-${version}`);
    await git(scene.folder, ['init', '--quiet', other]);
    const native = join(scene.folder, 'native.git');
    for (const path of ['deep', 'README.md']) {
      const id = await git(native, ['rev-parse', `${old}:${path}`]);
      await git(other, [...flags, 'fetch', '--quiet', scene.url, id]);
      expect(await git(other, ['cat-file', '-t', id])).toBe(path === 'deep' ? 'tree' : 'blob');
    }
    const nobodys = 'f'.repeat(40);
    const run = await tryGit(other, [...flags, 'fetch', scene.url, nobodys]);
    expect(run.code).not.toBe(0);
    expect(run.stderr).toContain(`not our ref ${nobodys}`);
  });

  test('ls-remote shows refs by pattern, peeled tags and what HEAD stands for', async () => {
    for (const args of [
      [],
      ['--symref'],
      ['--heads'],
      ['--tags'],
      ['--refs'],
      ['--symref', 'HEAD'],
      ['ma*'],
      ['refs/heads/side', 'v1'],
    ]) {
      const [options, patterns] = [
        args.filter((arg) => arg.startsWith('-')),
        args.filter((arg) => !arg.startsWith('-')),
      ];
      const ask = (url: string) => git(scene.folder, [...flags, 'ls-remote', ...options, url, ...patterns]);
      expect(await ask(scene.url), args.join(' ')).toBe(await ask(scene.nativeUrl));
    }
  });

  test('a pull brings only what is new, with its tags, whatever else the client has', async () => {
    const repo = await createRepo(scene.hub, `owner/pulled-${version}`);
    for (let n = 0; n < 5; n++)
      await repo.commit([fileLine(`f${n}.txt`, `${n}\n`)], { summary: `commit ${n}` });
    const clone = join(scene.folder, `pulled-${version}`);
    await git(scene.folder, [...flags, 'clone', '--quiet', `${scene.hub.url}/${repo.name}`, clone]);
    // Commits that the hub has not seen, on top of one it has.
    await git(clone, ['checkout', '--quiet', '-b', 'local', 'HEAD~3']);
    for (let n = 0; n < 40; n++) await git(clone, ['commit', '--quiet', '--allow-empty', '-m', `local ${n}`]);
    await git(clone, ['checkout', '--quiet', 'main']);
    const fresh = await repo.commit([fileLine('fresh.txt', `fresh ${version}\n`)], { summary: 'fresh' });
    expect((await repo.api('POST', 'tag/main', { body: { tag: 'new', message: 'Tagged' } })).status).toBe(
      200,
    );
    const before = (await contentOf(clone)).objects.length;
    const pulled = await tryGit(clone, [...flags, 'pull', '--progress']);
    expect(pulled.code, pulled.stderr).toBe(0);
    expect(pulled.stderr).toContain('[new tag]');
    expect(await git(clone, ['rev-parse', 'HEAD'])).toBe(fresh);
    // A commit, its root tree, its file and the tag.
    expect((await contentOf(clone)).objects.length - before).toBe(4);
    expect((await tryGit(clone, [...flags, 'pull'])).stdout).toContain('Already up to date.');
    await git(clone, ['fsck', '--strict']);
  });
});
