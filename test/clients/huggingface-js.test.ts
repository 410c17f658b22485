import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as client from '@huggingface/hub';
import type { RepoId } from '@huggingface/hub';
import { beforeAll, describe, expect, test } from 'vitest';
import { expectProvedRoutes } from '../support/proved-routes.ts';
import { startHubProgram } from '../support/hub-program.ts';
import type { HubProgram, Person } from '../support/hub-program.ts';
import { expectSoundHub } from '../support/sound-hub.ts';

const MIB = 1024 * 1024;

let hub: HubProgram;
beforeAll(async () => {
  hub = await startHubProgram(['--limits-part-size', '5 MiB', '--no-uploads-convert-to-xet']);
  return () => hub[Symbol.asyncDispose]();
});

const as = (person: Person) => ({ hubUrl: hub.url, accessToken: hub.tokens[person] });
const nobody = () => ({ hubUrl: hub.url });

async function newRepo(
  name: string,
  type: RepoId['type'] = 'model',
): Promise<{ name: string; type: RepoId['type'] }> {
  const repo = { name: `ada/${name}`, type };
  await client.createRepo({ ...as('ada'), repo, ...(type === 'space' ? { sdk: 'static' } : {}) });
  return repo;
}

const bytesOf = async (blob: Blob | null): Promise<Buffer> => {
  if (!blob) throw new Error('The file does not exist.');
  return Buffer.from(await blob.arrayBuffer());
};

async function listed<Item>(items: AsyncIterable<Item>): Promise<readonly Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

const paths = async (repo: RepoId, revision = 'main'): Promise<readonly string[]> =>
  (await listed(client.listFiles({ ...as('ada'), repo, recursive: true, revision })))
    .filter(({ type }) => type === 'file')
    .map(({ path }) => path)
    .sort();

const sha256 = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex');
const gitBlobId = (content: Uint8Array): string =>
  createHash('sha1').update(`blob ${content.byteLength}\0`).update(content).digest('hex');

describe('lists by what files say', () => {
  test('find models by task, tags and apps, with the fields asked for', async () => {
    const repo = await newRepo('described');
    const card =
      '---\nlicense: mit\npipeline_tag: text-generation\nlibrary_name: transformers\ntags: [js-mark]\n---\n';
    await client.uploadFile({
      ...as('ada'),
      repo,
      file: { path: 'README.md', content: new Blob([card]) },
    });
    const search = {
      tags: ['js-mark', 'license:mit'],
      task: 'text-generation',
      apps: ['vllm', 'ollama'],
    } as const;
    const [found, ...others] = await listed(
      client.listModels({
        ...nobody(),
        search: { ...search, tags: [...search.tags], apps: [...search.apps], query: 'DESCRIBED' },
        additionalFields: ['tags', 'library_name', 'filePaths', 'cardData'],
        sort: 'trendingScore',
      }),
    );
    expect(others).toEqual([]);
    expect(found).toMatchObject({
      name: repo.name,
      task: 'text-generation',
      gated: false,
      likes: 0,
      library_name: 'transformers',
      cardData: { license: 'mit' },
      filePaths: ['.gitattributes', 'README.md'],
    });
    expect(found?.tags).toContain('js-mark');
    expect(await listed(client.listModels({ ...nobody(), search: { tags: ['js-mark', 'absent'] } }))).toEqual(
      [],
    );
    const served = { tags: ['js-mark'], inferenceProviders: ['together', 'nebius'] };
    expect(await listed(client.listModels({ ...nobody(), search: served }))).toEqual([]);
  });
});

describe('@huggingface/hub', () => {
  test('says who a token belongs to, and refuses a bad one', async () => {
    expect(await client.whoAmI(as('ada'))).toMatchObject({
      type: 'user',
      name: 'ada',
      fullname: 'Ada of the Tides',
      orgs: [{ name: 'lab', roleInOrg: 'admin' }],
      auth: { type: 'access_token', accessToken: { displayName: 'write', role: 'write' } },
    });
    await expect(client.whoAmI(as('wrong'))).rejects.toMatchObject({ statusCode: 401 });
  });

  test.each(['model', 'dataset', 'space'] as const)(
    'creates a %s with a license, and deletes it',
    async (type) => {
      const repo = { name: `ada/js-new-${type}`, type };
      const made = await client.createRepo({
        ...as('ada'),
        repo,
        license: 'mit',
        private: true,
        ...(type === 'space' ? { sdk: 'static' as const } : {}),
      });
      expect(made.repoUrl).toBe(`${hub.url}/${type === 'model' ? '' : `${type}s/`}${repo.name}`);
      expect(made.id).toMatch(/^[0-9a-f]{24}$/);
      expect(await paths(repo)).toEqual(['.gitattributes', 'README.md']);
      const card = await client.downloadFile({ ...as('ada'), repo, path: 'README.md' });
      expect(String(await bytesOf(card))).toContain('license: mit');
      await expect(client.createRepo({ ...as('ada'), repo })).rejects.toMatchObject({ statusCode: 409 });
      expect(await client.repoExists({ ...as('ada'), repo })).toBe(true);
      expect(await client.repoExists({ ...as('bo'), repo })).toBe(false);
      expect(await client.repoExists({ ...nobody(), repo })).toBe(false);
      await client.deleteRepo({ ...as('ada'), repo });
      expect(await client.repoExists({ ...as('ada'), repo })).toBe(false);
    },
  );

  test('makes a repository with the files that it is given', async () => {
    const repo = 'ada/js-with-files';
    const content = new TextEncoder().encode('given\n').buffer;
    const files = [{ path: 'deep/given.txt', content }];
    await client.createRepo({ ...as('ada'), repo, files });
    const file = await client.downloadFile({ ...as('ada'), repo, path: 'deep/given.txt' });
    expect(String(await bytesOf(file))).toBe('given\n');
  });

  test('checks access: absent or hidden is 401 to nobody and 404 to a stranger', async () => {
    const repo = 'ada/js-hidden';
    await client.createRepo({ ...as('ada'), repo, private: true });
    await client.checkRepoAccess({ ...as('ada'), repo });
    for (const name of [repo, 'ada/js-absent']) {
      await expect(client.checkRepoAccess({ ...as('bo'), repo: name })).rejects.toMatchObject({
        statusCode: 404,
      });
      await expect(client.checkRepoAccess({ ...nobody(), repo: name })).rejects.toMatchObject({
        statusCode: 401,
      });
    }
    await expect(
      client.uploadFile({ ...as('ada-read'), repo, file: { path: 'a.txt', content: new Blob(['a']) } }),
    ).rejects.toMatchObject({ statusCode: 403 });
    await expect(client.listFiles({ ...as('bo'), repo }).next()).rejects.toMatchObject({ statusCode: 404 });
  });

  describe.each([
    ['Xet', true],
    ['LFS', false],
  ] as const)('with large files by %s', (way, useXet) => {
    const repo = { name: `ada/js-files-${way.toLowerCase()}`, type: 'dataset' as const };
    const files: Record<string, Buffer> = {
      'plain.txt': Buffer.from('plain\n'),
      empty: Buffer.alloc(0),
      'nested/größe & co + more.txt': Buffer.from('awkward\n'),
      'small.bin': randomBytes(5_000),
      'nested/parts.safetensors': randomBytes(17 * MIB + 3),
      'same again.bin': Buffer.alloc(6 * MIB, `${way}, again and again. `),
    };
    const isLarge = (path: string): boolean => /\.(bin|safetensors)$/.test(path);

    beforeAll(async () => {
      await newRepo(`js-files-${way.toLowerCase()}`, 'dataset');
    });

    test('uploads regular and large files in one commit', async () => {
      const done = await client.uploadFiles({
        ...as('ada'),
        repo,
        useXet,
        commitTitle: 'Add files',
        commitDescription: 'All of them.',
        files: Object.entries(files).map(([path, content]) => ({
          path,
          content: new Blob([content as Uint8Array<ArrayBuffer>]),
        })),
      });
      const { sha } = await client.datasetInfo({ ...as('ada'), name: repo.name, additionalFields: ['sha'] });
      expect(done?.commit).toEqual({ oid: sha, url: `${hub.url}/datasets/${repo.name}/commit/${sha}` });
      expect(await paths(repo)).toEqual(['.gitattributes', ...Object.keys(files)].sort());
    });

    test('lists files with the ids of git and of LFS, and their last commits', async () => {
      const entries = await listed(client.listFiles({ ...as('ada'), repo, recursive: true, expand: true }));
      for (const [path, content] of Object.entries(files)) {
        const entry = entries.find((one) => one.path === path);
        expect(entry, path).toMatchObject({
          type: 'file',
          size: content.byteLength,
          lastCommit: { title: 'Add files' },
        });
        if (isLarge(path))
          expect(entry?.lfs).toMatchObject({ oid: sha256(content), size: content.byteLength });
        else expect(entry?.oid).toBe(gitBlobId(content));
        expect(entry?.xetHash !== undefined, path).toBe(isLarge(path) && useXet);
      }
      const [one] = await client.pathsInfo({
        ...as('ada'),
        repo,
        paths: ['small.bin', 'absent'],
        expand: true,
      });
      expect(one).toMatchObject({ path: 'small.bin', lastCommit: { title: 'Add files' } });
    });

    test('downloads files whole, in ranges and raw', async () => {
      for (const [path, content] of Object.entries(files)) {
        const info = await client.fileDownloadInfo({ ...as('ada'), repo, path });
        expect(info, path).toMatchObject({
          size: content.byteLength,
          etag: `"${isLarge(path) ? sha256(content) : gitBlobId(content)}"`,
        });
        expect(info?.xet !== undefined, path).toBe(isLarge(path) && useXet);
        const whole = await client.downloadFile({ ...as('ada'), repo, path });
        expect((await bytesOf(whole)).equals(content), path).toBe(true);
        const [start, end] = [Math.floor(content.byteLength / 3), Math.floor(content.byteLength / 2)];
        const range = whole?.slice(start, end) ?? null;
        expect((await bytesOf(range)).equals(content.subarray(start, end)), path).toBe(true);
        const plainHttp = await client.downloadFile({ ...as('ada'), repo, path, xet: false });
        expect((await bytesOf(plainHttp)).equals(content), path).toBe(true);
        const raw = await bytesOf(await client.downloadFile({ ...as('ada'), repo, path, raw: true }));
        if (isLarge(path))
          expect(String(raw)).toContain(`oid sha256:${sha256(content)}\nsize ${content.byteLength}\n`);
        else expect(raw.equals(content), path).toBe(true);
      }
      expect(await client.downloadFile({ ...as('ada'), repo, path: 'absent.txt' })).toBeNull();
      expect(await client.fileExists({ ...as('ada'), repo, path: 'plain.txt' })).toBe(true);
      expect(await client.fileExists({ ...as('ada'), repo, path: 'absent.txt' })).toBe(false);
      // The library makes its error of what a failure sends: here of a HEAD, which sends nothing.
      const hidden = client.fileExists({ ...nobody(), repo: { ...repo, name: 'ada/hidden' }, path: 'x' });
      await expect(hidden).rejects.toBeInstanceOf(client.HubApiError);
    });

    // Without Xet this client announces another number of bytes than it sends.
    const edits = useXet ? test : undefined;
    edits?.('edits a part of a large file', async () => {
      const content = files['nested/parts.safetensors'] ?? Buffer.alloc(0);
      const path = 'nested/parts.safetensors';
      const originalContent = await client.downloadFile({ ...as('ada'), repo, path });
      if (!originalContent) throw new Error('The file does not exist.');
      const start = 9 * MIB;
      await client.commit({
        ...as('ada'),
        repo,
        useXet,
        title: 'Edit a part',
        operations: [
          {
            operation: 'edit',
            path,
            originalContent,
            edits: [{ start, end: start + 10, content: new Blob(['changed']) }],
          },
        ],
      });
      const expected = Buffer.concat([
        content.subarray(0, start),
        Buffer.from('changed'),
        content.subarray(start + 10),
      ]);
      const edited = await bytesOf(await client.downloadFile({ ...as('ada'), repo, path }));
      expect(sha256(edited)).toBe(sha256(expected));
    });

    test('takes a snapshot into the cache of the user', async () => {
      const cacheDir = join(hub.scratch, `js-cache-${way}`);
      const folder = await client.snapshotDownload({ ...as('ada'), repo, cacheDir });
      for (const path of ['plain.txt', 'empty', 'small.bin', 'same again.bin']) {
        expect((await readFile(join(folder, path))).equals(files[path] ?? Buffer.alloc(1)), path).toBe(true);
      }
    });
  });

  test('commits to branches, refuses another parent than the head, and deletes files', async () => {
    const repo = await newRepo('js-branches');
    const file = (path: string, text: string) => ({ path, content: new Blob([text]) });
    const first = await client.uploadFile({ ...as('ada'), repo, file: file('a.txt', '1') });
    await client.createBranch({ ...as('ada'), repo, branch: 'dev/side' });
    await expect(client.createBranch({ ...as('ada'), repo, branch: 'dev/side' })).rejects.toMatchObject({
      statusCode: 409,
    });
    await client.uploadFiles({ ...as('ada'), repo, branch: 'dev/side', files: [file('b.txt', '2')] });
    expect(await paths(repo, 'dev/side')).toEqual(['.gitattributes', 'a.txt', 'b.txt']);
    expect(await paths(repo)).toEqual(['.gitattributes', 'a.txt']);
    const parentCommit = first?.commit.oid ?? '';
    await client.uploadFile({ ...as('ada'), repo, parentCommit, file: file('c.txt', '3') });
    await expect(
      client.uploadFile({ ...as('ada'), repo, parentCommit, file: file('d.txt', '4') }),
    ).rejects.toMatchObject({ statusCode: 412 });
    await client.deleteFiles({ ...as('ada'), repo, paths: ['a.txt', 'c.txt'], commitTitle: 'Clear' });
    expect(await paths(repo)).toEqual(['.gitattributes']);
    const old = await client.downloadFile({ ...as('ada'), repo, path: 'a.txt', revision: parentCommit });
    expect(String(await bytesOf(old))).toBe('1');

    expect(await client.countCommits({ ...as('ada'), repo })).toBe(4);
    const commits = await listed(client.listCommits({ ...as('ada'), repo, batchSize: 3 }));
    expect(commits.map(({ title }) => title)).toEqual(['Clear', 'Add c.txt', 'Add a.txt', 'initial commit']);
    expect(commits.every(({ authors }) => authors[0]?.username === 'ada')).toBe(true);
    await client.deleteBranch({ ...as('ada'), repo, branch: 'dev/side' });
    await expect(client.listFiles({ ...as('ada'), repo, revision: 'dev/side' }).next()).rejects.toMatchObject(
      {
        statusCode: 404,
      },
    );
  });

  test('writes a converted ref and reads it by its name', async () => {
    const repo = await newRepo('js-converted', 'dataset');
    const branch = 'refs/convert/parquet';
    await client.createBranch({ ...as('ada'), repo, branch });
    const file = { path: 'default/train/0000.parquet', content: new Blob(['PAR1 rows PAR1']) };
    const made = await client.uploadFile({ ...as('ada'), repo, branch, file });
    expect(await paths(repo, branch)).toEqual(['.gitattributes', file.path]);
    expect(await paths(repo)).toEqual(['.gitattributes']);
    expect(await client.countCommits({ ...as('ada'), repo, revision: branch })).toBe(2);
    const [commit] = await listed(client.listCommits({ ...as('ada'), repo, revision: branch }));
    expect(commit?.oid).toBe(made?.commit.oid);
    const [told] = await client.pathsInfo({ ...as('ada'), repo, revision: branch, paths: [file.path] });
    expect(told).toMatchObject({ type: 'file', size: 14 });
    const info = await client.fileDownloadInfo({ ...as('ada'), repo, revision: branch, path: file.path });
    expect(info?.size).toBe(14);
    const bytes = await client.downloadFile({ ...as('ada'), repo, revision: branch, path: file.path });
    expect(String(await bytesOf(bytes))).toBe('PAR1 rows PAR1');
    await client.deleteBranch({ ...as('ada'), repo, branch });
    await expect(client.listFiles({ ...as('ada'), repo, revision: branch }).next()).rejects.toMatchObject({
      statusCode: 404,
    });
  });

  test('begins branches empty or at a commit, and moves them only when told where to', async () => {
    const repo = await newRepo('js-branch-starts');
    const upload = (name: string, branch: string) =>
      client.uploadFile({
        ...as('ada'),
        ...{ repo, branch, commitTitle: name, file: { path: name, content: new Blob([name]) } },
      });
    await upload('a.txt', 'main');
    await client.createBranch({ ...as('ada'), repo, branch: 'bare', empty: true });
    expect(await paths(repo, 'bare')).toEqual([]);
    await upload('only.txt', 'bare');
    expect(await paths(repo, 'bare')).toEqual(['only.txt']);
    // Told to overwrite but not with what, the client expects nothing to happen.
    await client.createBranch({ ...as('ada'), repo, branch: 'bare', overwrite: true });
    expect(await paths(repo, 'bare')).toEqual(['only.txt']);
    await client.createBranch({ ...as('ada'), repo, branch: 'bare', revision: 'main', overwrite: true });
    expect(await paths(repo, 'bare')).toEqual(['.gitattributes', 'a.txt']);
    await client.createBranch({ ...as('ada'), repo, branch: 'bare', empty: true, overwrite: true });
    expect(await paths(repo, 'bare')).toEqual([]);
    await client.deleteBranch({ ...as('ada'), repo, branch: 'bare' });
    await expect(client.deleteBranch({ ...as('ada'), repo, branch: 'main' })).rejects.toMatchObject({
      statusCode: 403,
    });
  });

  test('describes and lists models, datasets and spaces', async () => {
    await newRepo('js-listed-model');
    await newRepo('js-listed-dataset', 'dataset');
    await newRepo('js-listed-space', 'space');
    const info = await client.modelInfo({
      ...as('ada'),
      name: 'ada/js-listed-model',
      additionalFields: ['author', 'sha'],
    });
    expect(info).toMatchObject({
      name: 'ada/js-listed-model',
      author: 'ada',
      private: false,
      gated: false,
      likes: 0,
    });
    expect((await client.spaceInfo({ ...as('ada'), name: 'ada/js-listed-space' })).sdk).toBe('static');
    const search = { owner: 'ada', query: 'js-listed' };
    const models = await listed(client.listModels({ ...as('ada'), search, limit: 1 }));
    expect(models.map(({ name }) => name)).toEqual(['ada/js-listed-model']);
    expect(await listed(client.listDatasets({ ...as('ada'), search }))).toHaveLength(1);
    expect(await listed(client.listSpaces({ ...as('ada'), search }))).toHaveLength(1);
    expect(await listed(client.listModels({ ...nobody(), search: { owner: 'ada' } }))).not.toContainEqual(
      expect.objectContaining({ private: true }),
    );
  });

  test('finds models and data sets by tags, and expands what it is asked to', async () => {
    const repo = await newRepo('js-described');
    const card = '---\nlicense: mit\npipeline_tag: fill-mask\ntags: [js-tides]\n---\n';
    await client.uploadFile({ ...as('ada'), repo, file: { path: 'README.md', content: new Blob([card]) } });
    const found = async (search: {
      readonly owner?: string;
      readonly task?: 'fill-mask';
      readonly tags?: string[];
    }): Promise<readonly string[]> =>
      (await listed(client.listModels({ ...as('ada'), search }))).map(({ name }) => name);
    expect(await found({ tags: ['js-tides', 'license:mit'] })).toEqual([repo.name]);
    expect(await found({ tags: ['js-tides', 'license:apache-2.0'] })).toEqual([]);
    expect(await found({ owner: 'ada', task: 'fill-mask' })).toEqual([repo.name]);
    const [info] = await listed(
      client.listModels({
        ...as('ada'),
        search: { query: 'js-described' },
        sort: 'likes',
        additionalFields: ['author', 'cardData', 'downloadsAllTime', 'tags', 'sha', 'createdAt'],
      }),
    );
    expect(info).toMatchObject({ author: 'ada', downloadsAllTime: 0, cardData: { license: 'mit' } });
    expect(info?.tags).toContain('js-tides');
    const described = await client.modelInfo({
      ...as('ada'),
      name: repo.name,
      additionalFields: ['cardData', 'library_name', 'tags', 'safetensors', 'spaces', 'config'],
    });
    expect(described).toMatchObject({ task: 'fill-mask', cardData: { license: 'mit' } });
  });

  test('reads what tensors there are without their bytes', async () => {
    const repo = await newRepo('js-tensors');
    const header = Buffer.from(JSON.stringify({ a: { dtype: 'F32', shape: [3], data_offsets: [0, 12] } }));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    const content = new Blob([Buffer.concat([length, header, Buffer.alloc(12)])]);
    await client.uploadFile({ ...as('ada'), repo, file: { path: 'model.safetensors', content } });
    const parsed = await client.parseSafetensorsMetadata({
      ...as('ada'),
      repo,
      computeParametersCount: true,
    });
    expect(parsed).toMatchObject({ sharded: false, parameterCount: { F32: 3 } });
  });

  test('makes empty branches, and others in the place of those that are there', async () => {
    const repo = await newRepo('js-more-branches');
    await client.uploadFile({ ...as('ada'), repo, file: { path: 'a.txt', content: new Blob(['1']) } });
    await client.createBranch({ ...as('ada'), repo, branch: 'blank', empty: true });
    expect(await paths(repo, 'blank')).not.toContain('a.txt');
    await client.createBranch({ ...as('ada'), repo, branch: 'blank', revision: 'main', overwrite: true });
    expect(await paths(repo, 'blank')).toContain('a.txt');
  });

  test('takes one file into the cache of the user, and deletes it on the hub', async () => {
    const repo = await newRepo('js-cached');
    await client.uploadFile({ ...as('ada'), repo, file: { path: 'a.txt', content: new Blob(['held']) } });
    const cacheDir = join(hub.scratch, 'js-one-file');
    const path = await client.downloadFileToCacheDir({ ...as('ada'), repo, path: 'a.txt', cacheDir });
    expect(await readFile(path, 'utf8')).toBe('held');
    await client.deleteFile({ ...as('ada'), repo, path: 'a.txt' });
    expect(await paths(repo)).toEqual(['.gitattributes']);
  });

  test('follows a repository to its new name', async () => {
    const repo = await newRepo('js-moves');
    await client.uploadFile({ ...as('ada'), repo, file: { path: 'a.txt', content: new Blob(['kept']) } });
    const moved = await fetch(`${hub.url}/api/repos/move`, {
      method: 'POST',
      headers: { authorization: `Bearer ${hub.tokens.ada}`, 'content-type': 'application/json' },
      body: JSON.stringify({ fromRepo: repo.name, toRepo: 'ada/js-moved', type: 'model' }),
    });
    expect(moved.status).toBe(200);
    const file = await client.downloadFile({ ...as('ada'), repo, path: 'a.txt' });
    expect(String(await bytesOf(file))).toBe('kept');
    expect((await client.modelInfo({ ...as('ada'), name: repo.name })).name).toBe('ada/js-moved');
    await client.uploadFile({ ...as('ada'), repo, file: { path: 'b.txt', content: new Blob(['new']) } });
    expect(await paths({ name: 'ada/js-moved', type: 'model' })).toContain('b.txt');
  });

  test('reached every route that it is said to prove', () => {
    expectProvedRoutes(hub, ['@huggingface/hub']);
  });

  test('leaves a sound hub', async () => {
    expect(await expectSoundHub(hub)).toBeGreaterThan(5);
  });
});
