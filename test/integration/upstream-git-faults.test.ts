import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { residentBytesOf } from '../bad-input/memory.ts';
import { git, tryGit } from '../support/git-client.ts';
import { remoteOf } from '../support/git-remote.ts';
import { startHubProgram, type HubProgram } from '../support/hub-program.ts';
import { createHubApi, file, type HubApi } from '../support/hub-api.ts';
import { describeWithTools } from '../support/require.ts';

/*
 * What a comparable hub got wrong about git, by the numbers of its study (8.1 and 8.3) and of its measurement (section
 * 4): each is right here, seen by real git.
 */

let hub: HubProgram;
let api: HubApi;
beforeAll(async () => {
  hub = await startHubProgram();
  api = createHubApi({ url: hub.url, token: hub.tokens.ada });
});
afterAll(() => hub[Symbol.asyncDispose]());

describeWithTools('git', ['git'], () => {
  const scratch = mkdtempSync(join(tmpdir(), 'atoll-git-faults-'));
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));
  let count = 0;

  async function newRepo(paths: readonly string[]): Promise<{ name: `ada/${string}`; remote: string }> {
    const name = `ada/faults-${(count += 1)}` as const;
    await api.createRepo(`models/${name}`);
    if (paths.length > 0)
      await api.commit(
        `models/${name}`,
        paths.map((path) => file(path, `content of ${path}\n`)),
      );
    return { name, remote: remoteOf(hub, hub.tokens.ada, name) };
  }
  async function clone(remote: string, ...options: readonly string[]): Promise<string> {
    const folder = join(scratch, `clone-${(count += 1)}`);
    await git(scratch, ['clone', '--quiet', ...options, remote, folder]);
    return folder;
  }
  const headOf = async (name: string, revision = 'main'): Promise<string> => {
    const answer = await api.call(`/api/models/${name}/revision/${revision}`);
    return ((await answer.json()) as { readonly sha: string }).sha;
  };

  test('C9: a push that git calls done is what everybody sees, and one that is not stored fails', async () => {
    const { name, remote } = await newRepo([]);
    const folder = await clone(remote);
    writeFileSync(join(folder, 'pushed.txt'), 'pushed\n');
    await git(folder, ['add', '.']);
    await git(folder, ['commit', '--quiet', '-m', 'pushed']);
    await git(folder, ['push', '--quiet']);
    expect(await headOf(name)).toBe(await git(folder, ['rev-parse', 'HEAD']));
    const answer = await api.call(`/${name}/resolve/main/pushed.txt`);
    expect(await answer.text()).toBe('pushed\n');
    const refused = await tryGit(folder, [
      'push',
      remoteOf(hub, hub.tokens['ada-read'], name),
      'HEAD:refused',
    ]);
    expect(refused.code).not.toBe(0);
  });

  test(
    'C9: a push with its credentials in a header neither hangs nor is lost',
    { timeout: 20_000 },
    async () => {
      const { name } = await newRepo([]);
      const basic = Buffer.from(`ada:${hub.tokens.ada}`).toString('base64');
      const folder = await clone(`${hub.url}/${name}`);
      writeFileSync(join(folder, 'pushed.txt'), 'pushed\n');
      await git(folder, ['add', '.']);
      await git(folder, ['commit', '--quiet', '-m', 'pushed']);
      const header = `http.extraHeader=Authorization: Basic ${basic}`;
      await git(folder, ['-c', header, 'push', '--quiet']);
      expect(await headOf(name)).toBe(await git(folder, ['rev-parse', 'HEAD']));
    },
  );

  test('C10: history is one, by whatever way it is looked at', async () => {
    const { name, remote } = await newRepo(['a.txt']);
    const folder = await clone(remote);
    const first = await git(folder, ['rev-parse', 'HEAD']);
    expect(first).toBe(await headOf(name));
    await api.commit(`models/${name}`, [file('b.txt', 'b\n')]);
    await git(folder, ['pull', '--quiet', '--ff-only']);
    expect(await git(folder, ['rev-parse', 'HEAD'])).toBe(await headOf(name));
    expect(await git(folder, ['rev-parse', 'HEAD~1'])).toBe(first);
    for (const [kind, body] of [
      ['tag/main', { tag: 'v1' }],
      ['branch/dev', {}],
    ] as const) {
      await api.call(`/api/models/${name}/${kind}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${hub.tokens.ada}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    }
    const shallow = await clone(remote, '--depth=1');
    expect(await git(shallow, ['rev-list', '--count', 'HEAD'])).toBe('1');
    for (const revision of ['v1', 'dev']) {
      const copy = await clone(remote, '--branch', revision);
      expect(await git(copy, ['rev-parse', 'HEAD'])).toBe(await headOf(name, revision));
    }
    expect(await git(folder, ['ls-files'])).not.toContain('.lfsconfig');
  });

  test('C10: kinds do not shadow each other, and .git may be left out', async () => {
    const { name } = await newRepo(['model.txt']);
    await api.createRepo(`datasets/${name}`);
    await api.commit(`datasets/${name}`, [file('dataset.txt', 'd\n')]);
    for (const end of ['', '.git']) {
      const model = await clone(remoteOf(hub, hub.tokens.ada, `${name}${end}`));
      expect(await git(model, ['ls-files'])).toContain('model.txt');
      const dataset = await clone(remoteOf(hub, hub.tokens.ada, `datasets/${name}${end}`));
      expect(await git(dataset, ['ls-files'])).toContain('dataset.txt');
    }
  });

  test.each([
    ['nothing but folders at its root', ['a/1.txt', 'b/2.txt']],
    ['one file', ['only.txt']],
    ['folders in folders alone', ['a/b/c/d/e.txt', 'a/b/x/y.txt']],
  ])('defect 1: a clone of a repository with %s has every file', async (_, paths) => {
    const { name, remote } = await newRepo(paths);
    // What creating a repository puts there stands at the root.
    await api.commit(`models/${name}`, [{ key: 'deletedFile', value: { path: '.gitattributes' } }]);
    const folder = await clone(remote);
    expect((await git(folder, ['ls-files'])).split('\n').sort()).toEqual([...paths].sort());
    for (const path of paths) expect(readFileSync(join(folder, path), 'utf8')).toBe(`content of ${path}\n`);
    await git(folder, ['fsck', '--strict', '--full']);
  });

  test('P3: a clone of much takes little memory', { timeout: 120_000 }, async () => {
    const { name, remote } = await newRepo([]);
    const folder = await clone(remote);
    for (let index = 0; index < 40; index++) {
      writeFileSync(join(folder, `${index}.txt`), Buffer.alloc(5_000_000, `${index} is a line of text\n`));
    }
    // What is measured is the hub, not git's search for deltas.
    await git(folder, ['config', 'core.compression', '0']);
    await git(folder, ['config', 'pack.window', '0']);
    await git(folder, ['add', '.']);
    await git(folder, ['commit', '--quiet', '-m', 'much']);
    const before = residentBytesOf(hub.pid);
    await git(folder, ['push', '--quiet']);
    await Promise.all([clone(remote, '--bare'), clone(remote, '--bare')]);
    const after = residentBytesOf(hub.pid);
    expect(await headOf(name)).toBe(await git(folder, ['rev-parse', 'HEAD']));
    if (before !== undefined && after !== undefined) expect(after - before).toBeLessThan(300 * 2 ** 20);
  });
});
