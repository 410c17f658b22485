import type { BaseRelation, FactDetails, FactSummary, Label } from './repo-facts.ts';
import { LINKED } from './repo-facts.ts';
import { datasetFacets } from './dataset-facets.ts';
import { appsOf } from './local-apps.ts';
import { resultsOf } from './evaluation.ts';
import { hintsOfFiles, isLibrary, libraryOfFiles, libraryOfTags } from './model-files.ts';
import { headOf, pipelineGroup, pipelineOfDiffusers, pipelineOfPeftTask } from './pipelines.ts';
import { isRecord, textOf, textsOf } from './plain-json.ts';
import type { RepoKind } from './repo.ts';

type Json = Readonly<Record<string, unknown>>;

/** What was read of a repository's files, each absent where there is no such file or it cannot be read. */
export interface FilesRead {
  readonly card: Json;
  /** The whole card file as text. */
  readonly cardText: string;
  /** Paths of the files that were looked at: all of a repository of usual size. */
  readonly paths: readonly string[];
  /** `config.json`, `tokenizer_config.json` and so on, by name. */
  readonly configs: ReadonlyMap<string, Json>;
}

/** Everything that follows from the files, but for what the headers of large ones say. */
export interface CardFacts {
  readonly summary: FactSummary;
  readonly details: Omit<FactDetails, 'safetensors' | 'gguf'>;
  readonly labels: readonly Label[];
}

const MAX_TAGS = 200;
const MAX_TAG_LENGTH = 128;
const MAX_LINKS = 200;
const MAX_PAPERS = 50;

export function factsOfFiles(kind: RepoKind, files: FilesRead): CardFacts {
  if (kind === 'dataset') return datasetFacts(files);
  return kind === 'space' ? spaceFacts(files) : modelFacts(files);
}

/** Tags in order, each once, within bounds. */
const tagList = (tags: readonly (string | undefined)[]): readonly string[] =>
  [...new Set(tags.flatMap((tag) => (tag === undefined ? [] : tag.trim())))]
    .filter((tag) => tag !== '' && tag.length <= MAX_TAG_LENGTH)
    .slice(0, MAX_TAGS);

const labelsOf = (role: Label['role'], values: readonly (string | undefined)[]): readonly Label[] =>
  tagList(values).map((label) => ({ role, label }));

const REGION = 'region:us';

/** Papers that a card links, as `arxiv:1706.03762`. */
function papersIn(text: string): readonly string[] {
  const papers = new Set<string>();
  for (const [, id] of text.matchAll(/arxiv(?:\.org\/(?:abs|pdf|html)\/|:\s?)(\d{4}\.\d{4,5})/gi)) {
    papers.add(`arxiv:${id ?? ''}`);
    if (papers.size === MAX_PAPERS) break;
  }
  return [...papers];
}

const prefixed = (prefix: string, value: unknown): readonly string[] =>
  textsOf(value).map((text) => `${prefix}:${text}`);

const licenseTags = (card: Json): readonly string[] =>
  textsOf(card['license']).map((license) => `license:${license.toLowerCase()}`);

const present = <Value>(name: string, value: Value | undefined): Record<string, Value> =>
  value === undefined ? {} : { [name]: value };

// Models and kernels

const RELATIONS: readonly string[] = ['finetune', 'quantized', 'adapter', 'merge'];

function modelFacts(files: FilesRead): CardFacts {
  const { card, configs, paths, cardText } = files;
  const config = configs.get('config.json') ?? {};
  const cardTags = textsOf(card['tags']);
  const hints = hintsOfFiles(paths);
  const modelType = textOf(config['model_type']);
  const libraryName = libraryOf(files, hints);
  const inferred = inferTask(files, modelType);
  const pipelineTag =
    textOf(card['pipeline_tag']) ??
    inferred.pipeline ??
    cardTags.find((tag) => pipelineGroup(tag) !== undefined) ??
    (libraryName === 'sentence-transformers' ? 'sentence-similarity' : undefined);
  const languages = textsOf(card['language']);
  const base = baseOf(files, hints);
  const diffusersClass = textOf(configs.get('model_index.json')?.['_class_name']);
  const tags = tagList([
    libraryName,
    ...hints,
    diffusersClass && `diffusers:${diffusersClass}`,
    modelType,
    pipelineTag,
    ...cardTags,
    hasChatTemplate(configs, paths) ? 'conversational' : undefined,
    isRecord(config['auto_map']) ? 'custom_code' : undefined,
    ...languages,
    ...prefixed('dataset', card['datasets']),
    ...papersIn(cardText),
    ...(base ? base.models.map((name) => `base_model:${name}`) : []),
    ...(base ? base.models.map((name) => `base_model:${base.relation}:${name}`) : []),
    ...licenseTags(card),
    REGION,
  ]);
  return {
    summary: {
      tags,
      ...present('pipelineTag', pipelineTag),
      ...present('libraryName', libraryName),
      models: [],
      datasets: [],
    },
    details: {
      ...present('config', configSubset(configs)),
      ...present('transformersInfo', transformersInfo(files, inferred.auto)),
      ...present('maskToken', pipelineTag === 'fill-mask' ? maskToken(configs) : undefined),
      ...present('base', base),
    },
    labels: [
      ...labelsOf('tag', tags),
      ...labelsOf('pipeline', [pipelineTag]),
      ...labelsOf('library', [libraryName, ...hints, ...cardTags.filter(isLibrary)]),
      ...labelsOf('language', languages),
      ...labelsOf('app', appsOf({ tags, pipelineTag, libraryName })),
      ...labelsOf(
        'evaluated',
        resultsOf(card).map(({ dataset }) => dataset),
      ),
    ],
  };
}

function libraryOf({ card, configs, paths }: FilesRead, hints: readonly string[]): string | undefined {
  const stated = textOf(card['library_name']) ?? libraryOfTags(textsOf(card['tags']));
  if (stated !== undefined) return stated;
  const known = libraryOfFiles(paths);
  if (known !== undefined) return known;
  const config = configs.get('config.json');
  if (config && isRecord(config['pretrained_cfg']) && typeof config['architecture'] === 'string')
    return 'timm';
  if (config && (typeof config['model_type'] === 'string' || Array.isArray(config['architectures']))) {
    return 'transformers';
  }
  return hints.includes('gguf') ? 'gguf' : undefined;
}

/** What the configuration says that a model does, and the class that loads it. */
function inferTask(
  { configs }: FilesRead,
  modelType: string | undefined,
): { readonly pipeline?: string; readonly auto?: string } {
  const diffusersClass = textOf(configs.get('model_index.json')?.['_class_name']);
  if (diffusersClass !== undefined) return present('pipeline', pipelineOfDiffusers(diffusersClass));
  const peftTask = textOf(configs.get('adapter_config.json')?.['task_type']);
  if (peftTask !== undefined) return present('pipeline', pipelineOfPeftTask(peftTask));
  const [architecture] = textsOf(configs.get('config.json')?.['architectures']);
  if (architecture === undefined) return {};
  const head = headOf(architecture, modelType ?? '');
  return head ?? { auto: 'AutoModel' };
}

function transformersInfo(
  { configs, paths }: FilesRead,
  auto: string | undefined,
): Readonly<Record<string, string>> | undefined {
  const config = configs.get('config.json');
  const [architecture] = textsOf(config?.['architectures']);
  if (!config || architecture === undefined || auto === undefined) return undefined;
  const modelType = textOf(config['model_type']);
  const has = (name: string): boolean => paths.includes(name);
  const isTokenized = ['tokenizer_config.json', 'tokenizer.json', 'vocab.txt', 'spiece.model'].some(has);
  const isPrepared = has('preprocessor_config.json') || has('processor_config.json');
  const processor = isPrepared
    ? isTokenized
      ? 'AutoProcessor'
      : 'AutoImageProcessor'
    : isTokenized
      ? 'AutoTokenizer'
      : undefined;
  const autoMap = config['auto_map'];
  return {
    auto_model: auto,
    ...present('custom_class', isRecord(autoMap) ? textOf(autoMap[auto]) : undefined),
    ...present('pipeline_tag', headOf(architecture, modelType ?? '')?.pipeline),
    ...present('processor', processor),
  };
}

/** Texts of a configuration longer than this are left out, but for a chat template. */
const MAX_CONFIG_TEXT = 1_024;
const MAX_TEMPLATE = 128 * 1024;

const shortText = (value: unknown, most = MAX_CONFIG_TEXT): string | undefined => {
  const text = textOf(value);
  return text !== undefined && text.length <= most ? text : undefined;
};

/** A special token is written as its text, or as an object that holds it. */
const tokenOf = (value: unknown): string | undefined => shortText(isRecord(value) ? value['content'] : value);

const SPECIAL_TOKENS = 'bos_token eos_token pad_token unk_token cls_token sep_token mask_token'.split(' ');

function configSubset(configs: ReadonlyMap<string, Json>): Json | undefined {
  const config = configs.get('config.json');
  const tokenizer = tokenizerSubset(configs.get('tokenizer_config.json'));
  const modelIndex = configs.get('model_index.json');
  const adapter = configs.get('adapter_config.json');
  const architectures = textsOf(config?.['architectures']).filter((text) => text.length <= MAX_CONFIG_TEXT);
  const quantization = config?.['quantization_config'];
  const autoMap = config?.['auto_map'];
  const subset: Json = {
    ...present('architectures', architectures.length > 0 ? architectures.slice(0, 16) : undefined),
    ...present('model_type', shortText(config?.['model_type'])),
    ...present('auto_map', isRecord(autoMap) ? shortTexts(autoMap) : undefined),
    ...present('quantization_config', isRecord(quantization) ? quantizationSubset(quantization) : undefined),
    ...present('tokenizer_config', tokenizer),
    ...present('diffusers', modelIndex && present('_class_name', shortText(modelIndex['_class_name']))),
    ...present(
      'peft',
      adapter && {
        ...present('base_model_name_or_path', shortText(adapter['base_model_name_or_path'])),
        ...present('task_type', shortText(adapter['task_type'])),
      },
    ),
  };
  return Object.keys(subset).length > 0 ? subset : undefined;
}

function tokenizerSubset(tokenizer: Json | undefined): Json | undefined {
  if (!tokenizer) return undefined;
  const subset: Record<string, unknown> = {};
  for (const name of SPECIAL_TOKENS) Object.assign(subset, present(name, tokenOf(tokenizer[name])));
  Object.assign(subset, present('chat_template', shortText(tokenizer['chat_template'], MAX_TEMPLATE)));
  return Object.keys(subset).length > 0 ? subset : undefined;
}

const shortTexts = (record: Json): Json =>
  Object.fromEntries(
    Object.entries(record)
      .filter(([name, value]) => name.length <= 128 && shortText(value) !== undefined)
      .slice(0, 32),
  );

/** The few values that say how a model is quantized; the rest can be long. */
const quantizationSubset = (quantization: Json): Json =>
  Object.fromEntries(
    ['quant_method', 'bits', 'load_in_4bit', 'load_in_8bit', 'bnb_4bit_quant_type', 'fmt'].flatMap((name) => {
      const value = quantization[name];
      const isPlain =
        typeof value === 'number' || typeof value === 'boolean' || shortText(value) !== undefined;
      return isPlain ? [[name, value]] : [];
    }),
  );

const hasChatTemplate = (configs: ReadonlyMap<string, Json>, paths: readonly string[]): boolean =>
  configs.get('tokenizer_config.json')?.['chat_template'] !== undefined ||
  paths.includes('chat_template.jinja') ||
  paths.includes('chat_template.json');

function maskToken(configs: ReadonlyMap<string, Json>): string | undefined {
  return (
    tokenOf(configs.get('tokenizer_config.json')?.['mask_token']) ??
    tokenOf(configs.get('special_tokens_map.json')?.['mask_token'])
  );
}

/** The models that this one came from, and how: as the card says, else by what its files show. */
function baseOf(
  { card, configs }: FilesRead,
  hints: readonly string[],
): { readonly relation: BaseRelation; readonly models: readonly string[] } | undefined {
  const adapter = configs.get('adapter_config.json');
  const named = textsOf(card['base_model']);
  const ofAdapter = textsOf(adapter?.['base_model_name_or_path']).filter(couldBeFullName);
  const models = (named.length > 0 ? named : ofAdapter).filter((name) => name.length <= MAX_TAG_LENGTH);
  if (models.length === 0) return undefined;
  const stated = textOf(card['base_model_relation']);
  const tags = textsOf(card['tags']);
  const isQuantized =
    hints.includes('gguf') ||
    isRecord(configs.get('config.json')?.['quantization_config']) ||
    tags.some((tag) => /^(?:gptq|awq|exl2|bnb|quantized|gguf)$/i.test(tag));
  const isAdapter = adapter !== undefined || textOf(card['library_name']) === 'peft' || tags.includes('lora');
  const shown: BaseRelation = isAdapter
    ? 'adapter'
    : models.length > 1 || tags.includes('merge')
      ? 'merge'
      : isQuantized
        ? 'quantized'
        : 'finetune';
  const relation = RELATIONS.includes(stated ?? '') ? (stated as BaseRelation) : shown;
  return { relation, models: [...new Set(models)].slice(0, MAX_LINKS) };
}

const couldBeFullName = (text: string): boolean => /^[\w.-]+\/[\w.-]+$/.test(text);

// Datasets

/** Fields of a dataset's card whose values are tags, each behind the name of its field. */
const DATASET_FIELDS =
  `task_categories task_ids annotations_creators language_creators multilinguality source_datasets
   language`.split(/\s+/);

function datasetFacts(files: FilesRead): CardFacts {
  const { card, cardText } = files;
  const languages = textsOf(card['language']);
  const facets = datasetFacets(files);
  const tags = tagList([
    ...DATASET_FIELDS.flatMap((field) => prefixed(field, card[field])),
    ...licenseTags(card),
    ...prefixed('size_categories', card['size_categories']),
    ...facets,
    ...papersIn(cardText),
    ...prefixed('benchmark', card['benchmark']),
    REGION,
    ...textsOf(card['tags']),
  ]);
  return {
    summary: { tags, models: [], datasets: [] },
    details: {
      ...present('description', textOf(card['description']) ?? descriptionIn(cardText)),
      ...present('citation', textOf(card['citation']) ?? citationIn(cardText)),
    },
    labels: [
      ...labelsOf('tag', tags),
      ...labelsOf('language', languages),
      ...labelsOf(
        'library',
        facets.flatMap((facet) => facet.split('library:')[1] ?? []),
      ),
    ],
  };
}

const MAX_DESCRIPTION = 1_000;
const MAX_CITATION = 8_000;

/** What stands behind the metadata. */
const proseOf = (cardText: string): string =>
  cardText.replace(/^\ufeff?\s*---[ \t]*\r?\n[\s\S]*?\n---[ \t]*(?:\r?\n|$)/, '');

/** The first text of a card, without headings, tables, images, code and HTML. */
function descriptionIn(cardText: string): string | undefined {
  const lines: string[] = [];
  let length = 0;
  let isCode = false;
  for (const line of proseOf(cardText.slice(0, 256 * 1024)).split(/\r?\n/)) {
    if (/^\s*(?:```|~~~)/.test(line)) {
      isCode = !isCode;
      continue;
    }
    if (isCode || /^\s*(?:#|\||<|!\[|---|===)/.test(line)) continue;
    lines.push(line.trim());
    length += line.length;
    if (length > MAX_DESCRIPTION) break;
  }
  const text = lines
    .join('\n')
    .replace(/\n{2,}/g, '\n\n')
    .trim();
  if (text === '') return undefined;
  return text.length <= MAX_DESCRIPTION ? text : `${text.slice(0, MAX_DESCRIPTION).trimEnd()}…`;
}

/** The first BibTeX entry in a block of code. */
function citationIn(cardText: string): string | undefined {
  const entry = /\n[ \t]*```[^\n]*\n\s*(@[a-z]+\s*\{)/i.exec(cardText);
  if (!entry) return undefined;
  const start = entry.index + entry[0].length - (entry[1]?.length ?? 0);
  const end = cardText.indexOf('```', start);
  const text = cardText.slice(start, end < 0 ? undefined : end).trim();
  return text.length <= MAX_CITATION ? text : undefined;
}

// Spaces

/** The file that a space of each kind is started from. */
const APP_FILES: Readonly<Record<string, string>> = {
  gradio: 'app.py',
  streamlit: 'app.py',
  docker: 'Dockerfile',
  static: 'index.html',
};

function spaceFacts({ card, paths }: FilesRead): CardFacts {
  const sdk = textOf(card['sdk']);
  const names = (field: string): readonly string[] =>
    [...new Set(textsOf(card[field]))].filter((name) => name.length <= MAX_TAG_LENGTH).slice(0, MAX_LINKS);
  const models = names('models');
  const datasets = names('datasets');
  const tags = tagList([sdk, ...textsOf(card['tags']), ...licenseTags(card), REGION]);
  const appFile =
    textOf(card['app_file']) ?? (Object.hasOwn(APP_FILES, sdk ?? '') ? APP_FILES[sdk ?? ''] : undefined);
  return {
    summary: { tags, ...present('sdk', sdk), models, datasets },
    details: { hasApp: appFile !== undefined && paths.includes(appFile) },
    labels: [
      ...labelsOf('tag', tags),
      ...labelsOf('model', models),
      ...labelsOf('dataset', datasets),
      ...(models.length + datasets.length > 0 ? [LINKED] : []),
    ],
  };
}
