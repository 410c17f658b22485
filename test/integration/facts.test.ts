import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Answer, TestHub } from '../support/hub.ts';
import {
  buildXetUpload,
  createRepo,
  fileLine,
  lfsLine,
  startPeopledHub,
  tokenOf,
  type CommitLine,
  type Person,
  type RepoClient,
} from '../support/scenario.ts';
import { ggufFile, safetensorsFile, safetensorsHeader } from '../support/tensor-files.ts';

/* What info and lists say of repositories by the files that were committed to them. */

let hub: TestHub;
beforeAll(async () => {
  hub = await startPeopledHub();
});
afterAll(() => hub[Symbol.asyncDispose]());

type Json = Record<string, unknown>;

const get = (target: string, person: Person = 'owner'): Promise<Answer> =>
  hub.send('GET', target, { token: tokenOf(person) });
const info = async (id: string, query = '', person: Person = 'owner'): Promise<Json> =>
  (await get(`/api/${id}${query}`, person)).json();
const list = (target: string, person: Person = 'owner'): Promise<Answer> => get(`/api/${target}`, person);
const ids = (answer: Answer): readonly string[] => {
  expect(answer.status, answer.text).toBe(200);
  return answer.json<{ id: string }[]>().map(({ id }) => id);
};
const codeOf = ({ status, headers }: Answer): string => `${status} ${String(headers['x-error-code'])}`;
const card = (...lines: string[]): CommitLine =>
  fileLine('README.md', `---\n${lines.join('\n')}\n---\n# Card\n`);

async function create(kind: 'dataset' | 'space', name: string, lines: readonly CommitLine[]): Promise<void> {
  const [organization, short] = name.split('/');
  const token = tokenOf('owner');
  await hub.send('POST', '/api/repos/create', { token, body: { name: short, organization, type: kind } });
  const body = Buffer.from(
    [['header', { summary: 'card' }], ...lines]
      .map(([key, value]) => JSON.stringify({ key, value }))
      .join('\n'),
  );
  const headers = { 'content-type': 'application/x-ndjson' };
  const answer = await hub.send('POST', `/api/${kind}s/${name}/commit/main`, { token, body, headers });
  expect(answer.status, answer.text).toBe(200);
}

describe('the headers of large files', () => {
  const tensors = safetensorsFile({
    a: { dtype: 'F32', shape: [10, 10] },
    b: { dtype: 'BF16', shape: [3] },
  });
  const expected = { parameters: { F32: 100, BF16: 3 }, total: 103 };

  const upload = {
    inline: async (_: RepoClient, bytes: Buffer) => Promise.resolve(fileLine('model.safetensors', bytes)),
    lfs: async (repo: RepoClient, bytes: Buffer) => {
      await repo.uploadLfs(bytes);
      return lfsLine('model.safetensors', bytes);
    },
    xet: async (repo: RepoClient, bytes: Buffer) => {
      await repo.uploadXet(await buildXetUpload(bytes));
      return lfsLine('model.safetensors', bytes);
    },
  };

  test.each(['lfs', 'xet'] as const)('are read at once of a file that came by %s', async (form) => {
    const repo = await createRepo(hub, `owner/tensors-${form}`);
    await repo.commit([await upload[form](repo, tensors)]);
    const body = await info(`models/owner/tensors-${form}`);
    expect(body['safetensors']).toEqual(expected);
    expect(body['tags']).toEqual(['safetensors', 'region:us']);
    const only = await info(`models/owner/tensors-${form}`, '?expand=safetensors');
    expect(only).toEqual({ _id: body['_id'], id: body['id'], safetensors: expected });
  });

  test('are read of a small file that is kept in git', async () => {
    const repo = await createRepo(hub, 'owner/tensors-inline');
    await repo.commit([fileLine('.gitattributes', '* text\n')]);
    await repo.commit([await upload.inline(repo, tensors)]);
    expect((await info('models/owner/tensors-inline'))['safetensors']).toEqual(expected);
  });

  test('are added over the files of an index, and answered as they stand', async () => {
    const repo = await createRepo(hub, 'owner/sharded');
    const shards = [1, 2].map((part) => safetensorsFile({ [`t${part}`]: { dtype: 'I8', shape: [part, 7] } }));
    const names = [1, 2].map((part) => `model-0000${part}-of-00002.safetensors`);
    const lines: CommitLine[] = [];
    for (const [index, bytes] of shards.entries()) {
      await repo.uploadLfs(bytes);
      const [key, value] = lfsLine(names[index] ?? '', bytes);
      lines.push([key, value]);
    }
    const weightMap = { t1: names[0], t2: names[1] };
    const index = JSON.stringify({ metadata: { total_size: 21 }, weight_map: weightMap });
    await repo.commit([...lines, fileLine('model.safetensors.index.json', index)]);
    expect((await info('models/owner/sharded'))['safetensors']).toEqual({
      parameters: { I8: 21 },
      total: 21,
    });

    const answer = await repo.api('GET', 'safetensors-metadata/model.safetensors.index.json');
    expect(answer.json()).toEqual({
      index: { metadata: { total_size: 21 } },
      headers: {
        [names[0] ?? '']: { t1: { dtype: 'I8', shape: [1, 7], data_offsets: [0, 7] } },
        [names[1] ?? '']: { t2: { dtype: 'I8', shape: [2, 7], data_offsets: [0, 14] } },
      },
    });
    const one = await repo.api('GET', `safetensors-metadata/${names[0] ?? ''}`);
    expect(Object.keys(one.json<{ headers: Json }>().headers)).toEqual([names[0]]);
    for (const path of ['absent.json', 'README.md', '.gitattributes', 'folder/x.safetensors']) {
      const refused = await repo.api('GET', `safetensors-metadata/${path}`);
      expect([path, codeOf(refused)]).toEqual([path, '404 EntryNotFound']);
    }

    // A file that the index names is gone: nothing is said rather than something wrong.
    await repo.commit([['deletedFile', { path: names[1] }]]);
    expect((await info('models/owner/sharded'))['safetensors']).toBeUndefined();
    const missing = await repo.api('GET', 'safetensors-metadata/model.safetensors.index.json');
    expect(codeOf(missing)).toBe('404 EntryNotFound');
  });

  test('of GGUF say what the model is', async () => {
    const repo = await createRepo(hub, 'owner/quants');
    const pairs = {
      'general.architecture': 'llama',
      'llama.context_length': 4096,
      'tokenizer.chat_template': '{{ x }}',
      'tokenizer.ggml.tokens': Array.from({ length: 5_000 }, (_, index) => `t${index}`),
    };
    const file = ggufFile(pairs, { weight: [100, 100] });
    const projector = ggufFile({ 'general.architecture': 'clip' }, { weight: [5] });
    await repo.uploadLfs(file);
    await repo.uploadLfs(projector);
    await repo.commit([
      ['lfsFile', { ...(lfsLine('x', file)[1] as object), path: 'quants-Q4.gguf' }],
      ['lfsFile', { ...(lfsLine('x', projector)[1] as object), path: 'mmproj-F16.gguf' }],
      card('base_model: meta/llama'),
    ]);
    const body = await info('models/owner/quants');
    expect(body['gguf']).toEqual({
      total: 10_000,
      architecture: 'llama',
      context_length: 4096,
      chat_template: '{{ x }}',
    });
    expect(body).toMatchObject({ library_name: 'gguf' });
    expect(body['tags']).toContain('base_model:quantized:meta/llama');
    expect(ids(await list('models?apps=ollama,absent'))).toContain('owner/quants');
    expect(ids(await list('models?apps=vllm&apps=sglang'))).not.toContain('owner/quants');
  });

  test.each([
    ['a header longer than the file', safetensorsHeader('{}', 5_000)],
    ['a header of petabytes', safetensorsHeader('{}', 2 ** 52)],
    ['no JSON', safetensorsHeader('{"a":', undefined)],
    [
      'sizes that overflow',
      safetensorsHeader('{"a":{"dtype":"F32","shape":[9e15,9e15],"data_offsets":[0,1]}}'),
    ],
    ['nothing at all', Buffer.alloc(9)],
  ])('with %s fail no commit and no answer', async (_, bytes) => {
    const repo = await createRepo(hub, `owner/hostile-${bytes.length}-${bytes[0] ?? 0}`);
    await repo.uploadLfs(bytes);
    await repo.uploadLfs(Buffer.concat([Buffer.from('GGUF'), bytes]));
    await repo.commit([
      lfsLine('model.safetensors', bytes),
      lfsLine('x.gguf', Buffer.concat([Buffer.from('GGUF'), bytes])),
      fileLine('config.json', '{"model_type": ['),
      fileLine('model.safetensors.index.json', '[]'),
      card('license: mit'),
    ]);
    const body = await info(`models/${repo.name}`);
    expect(body).toMatchObject({ cardData: { license: 'mit' } });
    expect(body['safetensors']).toBeUndefined();
    expect(body['gguf']).toBeUndefined();
  });

  test('of many megabytes cost little time', { timeout: 60_000 }, async () => {
    const repo = await createRepo(hub, 'owner/wide');
    const wide = safetensorsFile(
      Object.fromEntries(
        Array.from({ length: 40_000 }, (_, i) => [`layer.${i}`, { dtype: 'I8', shape: [1] }]),
      ),
    );
    await repo.uploadLfs(wide);
    await repo.commit([lfsLine('model.safetensors', wide)]);
    expect((await info('models/owner/wide'))['safetensors']).toEqual({
      parameters: { I8: 40_000 },
      total: 40_000,
    });
  });
});

describe('info', () => {
  beforeAll(async () => {
    const base = await createRepo(hub, 'owner/base');
    await base.commit([
      card('license: mit', 'pipeline_tag: fill-mask', 'widget: [{text: hi}]', 'model-index: []'),
    ]);
    const child = await createRepo(hub, 'owner/child');
    await child.commit([card('base_model: owner/base')]);
    const hidden = await createRepo(hub, 'owner/hidden-child', { isPrivate: true });
    await hidden.commit([card('base_model: [owner/base, elsewhere/model]')]);
    await create('space', 'owner/demo', [
      card('sdk: gradio', 'models: [owner/base]', 'datasets: [owner/corpus]'),
      fileLine('app.py', 'print()'),
    ]);
    await create('dataset', 'owner/corpus', [
      card('language: en', 'task_categories: [translation]', 'paperswithcode_id: corpus'),
      fileLine('data.csv', 'a,b\n1,2\n'),
    ]);
  });

  test('has what the card and the files say', async () => {
    expect(await info('models/owner/base')).toMatchObject({
      cardData: { license: 'mit' },
      widgetData: [{ text: 'hi' }],
      'model-index': [],
      spaces: ['owner/demo'],
      downloads: 0,
      likes: 0,
      trendingScore: 0,
    });
    const dataset = await info('datasets/owner/corpus');
    expect(dataset).toMatchObject({ paperswithcode_id: 'corpus' });
    expect(dataset['tags']).toEqual(
      expect.arrayContaining(['language:en', 'task_categories:translation', 'format:csv', 'library:pandas']),
    );
    expect((await info('datasets/owner/corpus', '?expand=mainSize'))['mainSize']).toBeGreaterThan(8);
    const space = await info('spaces/owner/demo');
    expect(space).toMatchObject({
      sdk: 'gradio',
      models: ['owner/base'],
      datasets: ['owner/corpus'],
      subdomain: 'owner-demo',
      runtime: { stage: 'PAUSED', hardware: { current: null, requested: null } },
    });
  });

  test('follows every commit at once, and an older revision says what it said', async () => {
    const repo = await createRepo(hub, 'owner/changing');
    const first = await repo.commit([card('license: mit', 'tags: [one]')]);
    expect((await info('models/owner/changing'))['tags']).toEqual(['one', 'license:mit', 'region:us']);
    await repo.commit([card('license: apache-2.0')]);
    expect((await info('models/owner/changing'))['tags']).toEqual(['license:apache-2.0', 'region:us']);
    expect((await info(`models/owner/changing/revision/${first}`))['tags']).toContain('one');
    expect(ids(await list('models?filter=one'))).toEqual([]);
    expect(ids(await list('models?filter=license:apache-2.0'))).toEqual(['owner/changing']);
    await repo.commit([['deletedFile', { path: 'README.md' }]]);
    expect(await info('models/owner/changing')).not.toHaveProperty('cardData');
    expect(ids(await list('models?filter=license:apache-2.0'))).toEqual([]);
  });

  test('is of another branch once that is the default', async () => {
    const repo = await createRepo(hub, 'owner/branched');
    await repo.commit([card('tags: [on-main]')]);
    await repo.api('POST', 'branch/next', { body: {} });
    await repo.commit([card('tags: [on-next]')], undefined, 'next');
    expect((await info('models/owner/branched'))['tags']).toContain('on-main');
    const changed = await repo.api('PUT', 'settings', { body: { defaultBranch: 'next' } });
    expect(changed.status, changed.text).toBe(200);
    expect((await info('models/owner/branched'))['tags']).toContain('on-next');
    expect(ids(await list('models?filter=on-next'))).toEqual(['owner/branched']);
    expect(ids(await list('models?filter=on-main'))).toEqual([]);
  });

  test('answers every field there is', async () => {
    for (const [id, kind] of [
      ['models/owner/base', 'model'],
      ['datasets/owner/corpus', 'dataset'],
      ['spaces/owner/demo', 'space'],
    ] as const) {
      const refused = await get(`/api/${id}?expand=nonsense`);
      const known = /\[(.*)\]/.exec(refused.json<{ error: string }>().error)?.[1]?.split(', ') ?? [];
      expect([kind, known.length > 15]).toEqual([kind, true]);
      const query = known.map((field) => `expand=${field}`).join('&');
      const answer = await get(`/api/${id}?${query}`);
      expect(answer.status, answer.text).toBe(200);
      for (const field of Object.keys(answer.json())) expect(['_id', 'id', ...known]).toContain(field);
      for (const field of known) expect((await get(`/api/${id}?expand[]=${field}`)).status).toBe(200);
    }
  });

  test('counts and names only what the caller may see', async () => {
    const query = '?expand=childrenModelCount&expand=baseModels';
    expect((await info('models/owner/base', query, 'anonymous'))['childrenModelCount']).toBe(1);
    expect((await info('models/owner/base', query, 'owner'))['childrenModelCount']).toBe(2);
    const { baseModels } = (await info('models/owner/hidden-child', query)) as {
      baseModels: { relation: string; models: readonly Json[] };
    };
    expect(baseModels.relation).toBe('merge');
    expect(baseModels.models.map(({ id, _id }) => [id, typeof _id])).toEqual([
      ['owner/base', 'string'],
      ['elsewhere/model', 'undefined'],
    ]);
  });

  test('says that nothing was scanned, when asked', async () => {
    expect((await info('models/owner/base', '?securityStatus=true'))['securityRepoStatus']).toEqual({
      scansDone: false,
      filesWithIssues: [],
    });
    expect(await info('models/owner/base')).not.toHaveProperty('securityRepoStatus');
  });
});

describe('lists', () => {
  const NAMES = ['alpha', 'beta', 'gamma', 'delta'] as const;
  beforeAll(async () => {
    for (const [index, name] of NAMES.entries()) {
      const repo = await createRepo(hub, `lab/${name}`, { person: 'lab-admin', isPrivate: name === 'delta' });
      const bytes = safetensorsFile({ a: { dtype: 'F32', shape: [1_000_000, index + 1] } }).subarray(
        0,
        100_000,
      );
      // The header alone counts, and the file must be as long as it says.
      const whole = Buffer.concat([bytes, Buffer.alloc(4_000_000 * (index + 1) + 60 - bytes.length)]);
      await repo.uploadLfs(whole);
      await repo.commit([
        lfsLine('model.safetensors', whole),
        card(
          `license: ${index % 2 === 0 ? 'mit' : 'apache-2.0'}`,
          `language: [${['en', 'de', 'en', 'fr'][index] ?? ''}]`,
          `pipeline_tag: ${index < 2 ? 'text-generation' : 'fill-mask'}`,
          `library_name: ${name === 'gamma' ? 'keras' : 'transformers'}`,
          `datasets: [squad, "owner/d${index}"]`,
          'tags: [lab-test, "100%_real"]',
        ),
      ]);
    }
  });

  test.each<[query: string, expected: readonly string[]]>([
    ['filter=lab-test', ['gamma', 'beta', 'alpha']],
    ['filter=lab-test&filter=license:mit', ['gamma', 'alpha']],
    ['filter=lab-test,license:mit', ['gamma', 'alpha']],
    ['filter[]=lab-test&filter[]=license:mit', ['gamma', 'alpha']],
    ['filter=lab-tes', []],
    ['filter=LAB-TEST', []],
    ['filter=100%25_real', ['gamma', 'beta', 'alpha']],
    ['filter=%25', []],
    ['filter=lab-test&pipeline_tag=text-generation', ['beta', 'alpha']],
    ['filter=lab-test&pipeline_tag=lab-test', []],
    ['filter=lab-test&library=keras', ['gamma']],
    ['filter=lab-test&library=safetensors', ['gamma', 'beta', 'alpha']],
    ['filter=lab-test&language=en', ['gamma', 'alpha']],
    ['filter=lab-test&license=apache-2.0', ['beta']],
    ['filter=lab-test&license=license:apache-2.0', ['beta']],
    ['filter=lab-test&dataset=squad&trained_dataset=owner/d1', ['beta']],
    ['filter=dataset:owner/d0', ['alpha']],
    ['filter=lab-test&search=ALPH', ['alpha']],
    ['filter=lab-test&search=lab/&search=bet', ['beta']],
    ['filter=lab-test&author=lab', ['gamma', 'beta', 'alpha']],
    ['filter=lab-test&author=owner', []],
    ['filter=lab-test&num_parameters=min:2M', ['gamma', 'beta']],
    ['filter=lab-test&num_parameters=min:0.5M,max:2M', ['beta', 'alpha']],
    ['filter=lab-test&num_parameters=max:1B', ['gamma', 'beta', 'alpha']],
    ['filter=lab-test&sort=num_parameters&direction=-1', ['gamma', 'beta', 'alpha']],
    ['filter=lab-test&sort=num_parameters&direction=1', ['alpha', 'beta', 'gamma']],
    ['filter=lab-test&gated=false', ['gamma', 'beta', 'alpha']],
    ['filter=lab-test&gated=true', []],
    ['filter=lab-test&inference=warm', []],
    ['filter=lab-test&inference_provider=all', []],
    ['filter=lab-test&apps=vllm', ['beta', 'alpha']],
    ['filter=', 'any' as unknown as readonly string[]],
  ])('are narrowed by %s', async (query, expected) => {
    const found = ids(await list(`models?${query}`, 'stranger'));
    if (query === 'filter=') expect(found.length).toBeGreaterThan(3);
    else expect(found).toEqual(expected.map((name) => `lab/${name}`));
  });

  test('have the private repositories of whoever may see them', async () => {
    expect(ids(await list('models?filter=lab-test', 'member'))).toContain('lab/delta');
    expect(ids(await list('models?filter=lab-test', 'anonymous'))).not.toContain('lab/delta');
  });

  test.each([
    'sort=trendingScore',
    'sort=trending_score',
    'sort=createdAt',
    'sort=created_at',
    'sort=lastModified',
    'sort=last_modified',
    'sort=likes',
    'sort=likes30d',
    'sort=downloads',
    'sort=num_parameters',
    '',
  ])('come in complete pages by %s', async (sort) => {
    for (const direction of ['-1', '1']) {
      const query = `filter=lab-test&${sort}&direction=${direction}&expand[]=likes`;
      const whole = ids(await list(`models?${query}`, 'member'));
      expect(whole).toHaveLength(4);
      const seen: string[] = [];
      let target: string | undefined = `/api/models?${query}&limit=1`;
      while (target !== undefined) {
        const page: Answer = await get(target, 'member');
        seen.push(...ids(page));
        target = /^<(.+)>; rel="next"$/.exec(String(page.headers['link'] ?? ''))?.[1]?.replace(hub.url, '');
        if (target !== undefined) expect(target).toContain('filter=lab-test');
      }
      expect(seen).toEqual(whole);
    }
  });

  test('refuse a cursor that is altered, or of another list', async () => {
    const page = await list('models?filter=lab-test&limit=1', 'member');
    const cursor = /cursor=([^&>]+)/.exec(String(page.headers['link']))?.[1] ?? '';
    expect((await list(`models?filter=lab-test&limit=2&cursor=${cursor}`, 'member')).status).toBe(200);
    const [place = '', mark = ''] = cursor.split('.');
    const moved = Buffer.from(Buffer.from(place, 'base64url').toString().replace(/\d$/, '0')).toString(
      'base64url',
    );
    for (const target of [
      `models?filter=lab-test&limit=1&cursor=${cursor}x`,
      `models?filter=lab-test&limit=1&cursor=${cursor.slice(0, -1)}`,
      `models?filter=lab-test&limit=1&cursor=${moved}0.${mark}`,
      `models?filter=lab-test&limit=1&cursor=${place}`,
      `models?filter=lab-test&limit=1&cursor=.${mark}`,
      `models?limit=1&cursor=${cursor}`,
      `models?filter=lab-test&sort=likes&limit=1&cursor=${cursor}`,
      `datasets?filter=lab-test&limit=1&cursor=${cursor}`,
      `models?filter=lab-test&limit=1&cursor=`,
      `models?filter=lab-test&limit=1&cursor=%00`,
    ]) {
      expect([target, codeOf(await list(target, 'member'))]).toEqual([target, '400 InvalidCursor']);
    }
    const others = await list(`models?filter=lab-test&limit=1&cursor=${cursor}`, 'stranger');
    expect(codeOf(others)).toBe('400 InvalidCursor');
  });

  test.each([
    'num_parameters=6B',
    'num_parameters=min:x',
    'num_parameters=min:1,min:2',
    'num_parameters=',
    'gated=maybe',
    'linked=2',
    'inference=hot',
    `filter=${'x'.repeat(300)}`,
    'sort=id',
    'limit=0',
    'config=maybe',
    'pipeline_tag=' + 'a&pipeline_tag='.repeat(80),
  ])('refuse %s', async (query) => {
    expect((await list(`models?${query}`)).status).toBe(400);
  });

  test('show what is asked for on top', async () => {
    const item = async (query: string) =>
      (await list(`models?author=lab&search=alpha&${query}`)).json<Json[]>()[0] ?? {};
    const usual = await item('');
    expect(usual).toMatchObject({
      id: 'lab/alpha',
      modelId: 'lab/alpha',
      pipeline_tag: 'text-generation',
      trendingScore: 0,
    });
    for (const field of ['cardData', 'siblings', 'config']) expect(usual).not.toHaveProperty(field);
    expect(await item('cardData=true')).toMatchObject({ cardData: { license: 'mit' } });
    expect(await item('full=true')).toMatchObject({
      siblings: expect.arrayContaining([{ rfilename: 'README.md' }]) as unknown,
    });
    expect(Object.keys(await item('expand=safetensors&expand=tags')).sort()).toEqual([
      '_id',
      'id',
      'safetensors',
      'tags',
    ]);
  });

  test('of spaces know what spaces use', async () => {
    for (const query of [
      'models=owner/base',
      'datasets=owner/corpus',
      'linked=true',
      'models=owner/base&linked=true',
    ]) {
      expect(ids(await list(`spaces?${query}`))).toEqual(['owner/demo']);
    }
    expect(ids(await list('spaces?models=owner/absent'))).toEqual([]);
  });

  test('of datasets are narrowed by their facets', async () => {
    for (const query of [
      'task_categories=translation',
      'task_categories=task_categories:translation',
      'filter=task_categories:translation',
      'filter=language:en',
      'language=en',
      'library=pandas',
      'format=csv',
    ]) {
      expect([query, ids(await list(`datasets?${query}`))]).toEqual([query, ['owner/corpus']]);
    }
  });

  test('forget a repository that is deleted', async () => {
    const repo = await createRepo(hub, 'owner/short-lived');
    await repo.commit([card('tags: [short-lived]')]);
    expect(ids(await list('models?filter=short-lived'))).toEqual(['owner/short-lived']);
    const body = { name: 'short-lived', organization: 'owner' };
    await hub.send('DELETE', '/api/repos/delete', { token: tokenOf('owner'), body });
    expect(ids(await list('models?filter=short-lived'))).toEqual([]);
  });
});

describe('tags by type', () => {
  test('are those of what the caller may see', async () => {
    const tags = (await get('/api/models-tags-by-type', 'anonymous')).json<Record<string, Json[]>>();
    expect(tags['license']).toContainEqual({ id: 'license:mit', label: 'mit', type: 'license' });
    expect(tags['pipeline_tag']).toContainEqual({
      id: 'text-generation',
      label: 'Text Generation',
      type: 'pipeline_tag',
      subType: 'nlp',
    });
    expect(tags['library']).toContainEqual({ id: 'safetensors', label: 'safetensors', type: 'library' });
    expect(tags['language']).toContainEqual({ id: 'de', label: 'German', type: 'language' });
    expect(tags['dataset']).toContainEqual({ id: 'dataset:squad', label: 'squad', type: 'dataset' });
    expect(tags['other']).toContainEqual({ id: 'lab-test', label: 'lab-test', type: 'other' });
    expect(JSON.stringify(tags)).not.toContain('"fr"');
    const members = (await get('/api/models-tags-by-type', 'member')).json<Record<string, Json[]>>();
    expect(members['language']).toContainEqual({ id: 'fr', label: 'French', type: 'language' });
    const datasets = (await get('/api/datasets-tags-by-type')).json<Record<string, Json[]>>();
    expect(datasets['language']).toContainEqual({ id: 'language:en', label: 'English', type: 'language' });
    expect(datasets['task_categories']).toHaveLength(1);
  });
});

test('nothing of this was an error of the hub', () => {
  expect(hub.loggedErrors()).toEqual([]);
});
