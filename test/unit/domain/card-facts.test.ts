import { describe, expect, test } from 'vitest';
import { factsOfFiles, type FilesRead } from '../../../server/domain/card-facts.ts';
import type { RepoKind } from '../../../server/domain/repo.ts';
import { cardJson } from '../../../server/services/cards.ts';

interface Sample {
  readonly card?: string;
  readonly paths?: readonly string[];
  readonly configs?: Readonly<Record<string, object>>;
}

function facts(kind: RepoKind, { card = '', paths = [], configs = {} }: Sample) {
  const files: FilesRead = {
    card: JSON.parse(cardJson(card)) as Record<string, unknown>,
    cardText: card,
    paths: [...paths, ...Object.keys(configs)],
    configs: new Map(Object.entries(configs)) as FilesRead['configs'],
  };
  return factsOfFiles(kind, files);
}
const yaml = (...lines: string[]): string => `---\n${lines.join('\n')}\n---\n`;
const tagsOf = (kind: RepoKind, sample: Sample) => facts(kind, sample).summary.tags;

describe('a model', () => {
  test('has the tags of its card and its files, as the Hub writes them', () => {
    const tags = tagsOf('model', {
      card: `${yaml(
        'license: apache-2.0',
        'language: [en, no]',
        'tags: [chat, en]',
        'datasets: [squad, a/b]',
        'base_model: Qwen/Qwen3-8B',
      )}See [the paper](https://arxiv.org/abs/2106.09685v2) and arXiv:1706.03762.`,
      paths: ['model.safetensors', 'onnx/model.onnx'],
      configs: {
        'config.json': { model_type: 'qwen3', architectures: ['Qwen3ForCausalLM'] },
        'tokenizer_config.json': { chat_template: '{{ x }}', eos_token: { content: '</s>' } },
      },
    });
    expect(tags).toEqual([
      'transformers',
      'safetensors',
      'onnx',
      'qwen3',
      'text-generation',
      'chat',
      'en',
      'conversational',
      'no',
      'dataset:squad',
      'dataset:a/b',
      'arxiv:2106.09685',
      'arxiv:1706.03762',
      'base_model:Qwen/Qwen3-8B',
      'base_model:finetune:Qwen/Qwen3-8B',
      'license:apache-2.0',
      'region:us',
    ]);
  });

  test('says how it came from its base', () => {
    const relation = (sample: Sample) => facts('model', sample).details.base?.relation;
    const card = yaml('base_model: a/b');
    expect(relation({ card })).toBe('finetune');
    expect(relation({ card, paths: ['x.Q4_K_M.gguf'] })).toBe('quantized');
    expect(relation({ card, configs: { 'config.json': { quantization_config: { bits: 4 } } } })).toBe(
      'quantized',
    );
    expect(relation({ card, configs: { 'adapter_config.json': {} } })).toBe('adapter');
    expect(relation({ card: yaml('base_model: [a/b, c/d]') })).toBe('merge');
    expect(relation({ card: yaml('base_model: a/b', 'base_model_relation: merge') })).toBe('merge');
    expect(relation({ card: yaml('base_model: a/b', 'base_model_relation: nonsense') })).toBe('finetune');
    expect(relation({ configs: { 'adapter_config.json': { base_model_name_or_path: 'a/b' } } })).toBe(
      'adapter',
    );
    expect(
      relation({ configs: { 'adapter_config.json': { base_model_name_or_path: '/home/me/x' } } }),
    ).toBeUndefined();
  });

  test.each<[string, string | undefined, Sample]>([
    [
      'transformers',
      'fill-mask',
      { configs: { 'config.json': { model_type: 'bert', architectures: ['BertForMaskedLM'] } } },
    ],
    [
      'transformers',
      'automatic-speech-recognition',
      {
        configs: {
          'config.json': { model_type: 'whisper', architectures: ['WhisperForConditionalGeneration'] },
        },
      },
    ],
    [
      'transformers',
      'image-text-to-text',
      {
        configs: { 'config.json': { model_type: 'llava', architectures: ['LlavaForConditionalGeneration'] } },
      },
    ],
    [
      'transformers',
      undefined,
      { configs: { 'config.json': { model_type: 'bert', architectures: ['BertModel'] } } },
    ],
    [
      'diffusers',
      'text-to-image',
      { configs: { 'model_index.json': { _class_name: 'StableDiffusionPipeline' } } },
    ],
    ['peft', 'text-generation', { configs: { 'adapter_config.json': { task_type: 'CAUSAL_LM' } } }],
    ['sentence-transformers', 'sentence-similarity', { paths: ['modules.json', 'config.json'] }],
    [
      'timm',
      'image-classification',
      {
        card: yaml('pipeline_tag: image-classification'),
        configs: { 'config.json': { architecture: 'vit', pretrained_cfg: {} } },
      },
    ],
    ['gguf', undefined, { paths: ['a.gguf'] }],
    ['keras', undefined, { card: yaml('tags: [keras]') }],
    ['my-library', 'translation', { card: yaml('library_name: my-library', 'tags: [translation]') }],
  ])('of %s for %s is known by its files', (library, pipeline, sample) => {
    const { summary, labels } = facts('model', sample);
    expect([summary.libraryName, summary.pipelineTag]).toEqual([library, pipeline]);
    expect(labels).toContainEqual({ role: 'library', label: library });
    if (pipeline !== undefined) expect(labels).toContainEqual({ role: 'pipeline', label: pipeline });
  });

  test('tells what transformers needs, and the token that is masked', () => {
    const { details } = facts('model', {
      paths: ['tokenizer.json'],
      configs: {
        'config.json': {
          model_type: 'bert',
          architectures: ['BertForMaskedLM'],
          auto_map: { AutoModelForMaskedLM: 'modeling.Mine' },
          hidden_size: 768,
        },
        'tokenizer_config.json': {
          mask_token: { content: '[MASK]', lstrip: true },
          added_tokens_decoder: {},
        },
      },
    });
    expect(details).toEqual({
      config: {
        architectures: ['BertForMaskedLM'],
        model_type: 'bert',
        auto_map: { AutoModelForMaskedLM: 'modeling.Mine' },
        tokenizer_config: { mask_token: '[MASK]' },
      },
      transformersInfo: {
        auto_model: 'AutoModelForMaskedLM',
        custom_class: 'modeling.Mine',
        pipeline_tag: 'fill-mask',
        processor: 'AutoTokenizer',
      },
      maskToken: '[MASK]',
    });
  });

  test('runs in the programs that load its form', () => {
    const apps = (sample: Sample) =>
      facts('model', sample).labels.flatMap(({ role, label }) => (role === 'app' ? label : []));
    expect(apps({ paths: ['a.gguf'] })).toEqual(expect.arrayContaining(['ollama', 'llama.cpp', 'lmstudio']));
    const causal = { 'config.json': { model_type: 'x', architectures: ['XForCausalLM'] } };
    expect(apps({ configs: causal })).toEqual(expect.arrayContaining(['vllm', 'sglang']));
    expect(apps({ paths: ['model.safetensors'] })).toEqual([]);
  });
});

describe('a dataset', () => {
  test('has the facets of its card and its files', () => {
    const card = `${yaml(
      'language: en',
      'license: [mit]',
      'task_categories: [text-classification]',
      'task_ids: sentiment',
      'size_categories: 1K<n<10K',
      'tags: [mine]',
      'dataset_info: {features: [{name: t, dtype: string}, {name: n, dtype: int64}, {name: i, dtype: image}]}',
    )}# Title\n\nFirst words\nof it.\n\n## More\n\n\`\`\`bibtex\n@article{a,\n title={b}}\n\`\`\`\n`;
    const { summary, details, labels } = facts('dataset', {
      card,
      paths: ['README.md', 'data/train.parquet'],
    });
    expect(summary.tags).toEqual([
      'task_categories:text-classification',
      'task_ids:sentiment',
      'language:en',
      'license:mit',
      'size_categories:1K<n<10K',
      'format:parquet',
      'modality:image',
      'modality:tabular',
      'modality:text',
      'library:datasets',
      'library:pandas',
      'library:polars',
      'library:mlcroissant',
      'region:us',
      'mine',
    ]);
    expect(details.description).toMatch(/^First words\nof it\.$/);
    expect(details.citation).toBe('@article{a,\n title={b}}');
    expect(labels).toContainEqual({ role: 'language', label: 'en' });
    expect(labels).toContainEqual({ role: 'library', label: 'pandas' });
  });
});

describe('a space', () => {
  test('names what it uses', () => {
    const { summary, labels, details } = facts('space', {
      card: yaml('sdk: gradio', 'models: [a/b]', 'datasets: c/d', 'tags: [demo]'),
      paths: ['app.py'],
    });
    expect(summary).toEqual({
      tags: ['gradio', 'demo', 'region:us'],
      sdk: 'gradio',
      models: ['a/b'],
      datasets: ['c/d'],
    });
    expect(details).toEqual({ hasApp: true });
    expect(labels).toEqual(
      expect.arrayContaining([
        { role: 'model', label: 'a/b' },
        { role: 'dataset', label: 'c/d' },
        { role: 'linked', label: 'yes' },
      ]),
    );
  });
});

describe('a hostile card', () => {
  test.each([
    [
      'a bomb of aliases',
      `${yaml('a: &a [x,x,x,x,x,x,x,x,x]', ...'bcdefghi'.split('').map((name, index) => `${name}: &${name} [${Array.from({ length: 9 }, () => `*${'abcdefgh'[index] ?? ''}`).join(',')}]`))}`,
    ],
    ['lists without end', yaml(`a: ${'['.repeat(5_000)}`)],
    ['deep lists', yaml(`a: ${'['.repeat(500)}${']'.repeat(500)}`)],
    ['a list', yaml('- a', '- b')],
    ['no YAML', yaml('a: [b', 'c: d')],
    ['an end that never comes', '---\nlicense: mit\n'],
    ['two of one key', yaml('license: mit', 'license: gpl')],
  ])('with %s says nothing', (_, card) => {
    expect(tagsOf('model', { card })).toEqual(['region:us']);
  });

  test('of fields of wrong types says what the others say', () => {
    const card = yaml(
      'license: 5',
      'tags: {a: b}',
      'language: [1, {x: y}, en]',
      'pipeline_tag: [a]',
      'base_model: {a: b}',
      'datasets: null',
      'library_name: 7',
      '__proto__: {polluted: true}',
      'constructor: x',
    );
    expect(tagsOf('model', { card })).toEqual(['en', 'region:us']);
    expect(tagsOf('dataset', { card })).toEqual(['language:en', 'region:us']);
    expect(tagsOf('space', { card: yaml('sdk: {}', 'models: 5', 'app_file: []') })).toEqual(['region:us']);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  test('has tags within bounds', () => {
    const many = Array.from({ length: 5_000 }, (_, index) => `t${index}`);
    const { summary, labels } = facts('model', {
      card: yaml(`tags: [${many.join(', ')}, ${'x'.repeat(10_000)}]`, `pipeline_tag: ${'y'.repeat(5_000)}`),
    });
    expect(summary.tags).toHaveLength(200);
    expect(labels.length).toBeLessThan(500);
    expect(JSON.stringify(summary).length).toBeLessThan(20_000);
  });

  test('shares one long text many times, and is cut', () => {
    const card = yaml(
      'license: mit',
      `a: &a "${'x'.repeat(50_000)}"`,
      `widget: [${Array.from({ length: 90 }, () => '*a').join(',')}]`,
    );
    const json = cardJson(card);
    expect(json.length).toBeLessThan(300_000);
    expect(JSON.parse(json)).toMatchObject({ license: 'mit' });
  });
});
