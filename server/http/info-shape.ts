import { infoFieldsOf, type RepoReply } from '../contract/repos.ts';
import { timestamp } from '../contract/shapes.ts';
import { HubError } from '../domain/errors.ts';
import { textOf } from '../domain/plain-json.ts';
import { repoFullName, type Repo, type RepoKind } from '../domain/repo.ts';
import type { FileEntry } from '../services/contents.ts';
import type { InfoSubject, RepoInfo } from '../services/repo-info.ts';

/** What an answer is made for. */
export interface InfoRequest {
  /** Fields asked for by `expand`; undefined for the usual answer. */
  readonly expand: ReadonlySet<string> | undefined;
  /** Fields of the usual answer. */
  readonly usual: ReadonlySet<string>;
  readonly withBlobs: boolean;
}

/** Throws InvalidParameter naming the fields there are, as the Hub does (contract 4.1). */
export function checkExpand(kind: RepoKind, expand: readonly string[]): void {
  const known = infoFieldsOf(kind);
  if (expand.every((field) => known.includes(field))) return;
  throw new HubError('InvalidParameter', `"expand" must be one of [${known.join(', ')}]`);
}

const words = (text: string): readonly string[] => text.split(/\s+/);

const LIST_FIELDS = words(
  'author sha createdAt lastModified private archived disabled gated downloads likes trendingScore tags',
);
const LIST_FIELDS_OF: Readonly<Record<RepoKind, readonly string[]>> = {
  model: [...LIST_FIELDS, 'pipeline_tag', 'library_name'],
  dataset: LIST_FIELDS,
  space: [...LIST_FIELDS, 'sdk', 'models', 'datasets'],
  kernel: LIST_FIELDS,
};

const MODEL_FIELDS = words(
  `config gguf mask_token model-index safetensors spaces transformersInfo widgetData`,
);
const INFO_FIELDS_OF: Readonly<Record<RepoKind, readonly string[]>> = {
  model: MODEL_FIELDS,
  dataset: words('citation description paperswithcode_id'),
  space: words('region runtime subdomain'),
  kernel: MODEL_FIELDS,
};

/** What the usual answer about one repository has. */
export const usualInfoFields = (kind: RepoKind): ReadonlySet<string> =>
  new Set([...LIST_FIELDS_OF[kind], ...INFO_FIELDS_OF[kind], 'cardData', 'siblings', 'usedStorage']);

/** What items of a list have, with what is asked for on top. */
export function usualListFields(
  kind: RepoKind,
  query: {
    readonly full?: boolean | undefined;
    readonly cardData?: boolean | undefined;
    readonly config?: boolean | undefined;
    readonly fetch_config?: boolean | undefined;
  },
): ReadonlySet<string> {
  const fields = new Set(LIST_FIELDS_OF[kind]);
  if (query.full === true) fields.add('siblings').add('cardData');
  if (query.full === true && kind === 'dataset')
    for (const field of INFO_FIELDS_OF.dataset) fields.add(field);
  if (query.cardData === true) fields.add('cardData');
  if ((query.config === true || query.fetch_config === true) && infoFieldsOf(kind).includes('config')) {
    fields.add('config');
  }
  return fields;
}

/** Fields that are read from the row, the counters or the summary; every other one needs the facts of the files. */
const SUMMARY_FIELDS = new Set(
  words(`author sha createdAt lastModified private archived disabled gated downloads downloadsAllTime likes trendingScore
    xetEnabled gitalyUid usedStorage siblings tags pipeline_tag library_name sdk models datasets region subdomain
    spaces childrenModelCount mainSize inference inferenceProviderMapping evalResults resourceGroup`),
);

export const needsFacts = (fields: ReadonlySet<string>): boolean =>
  [...fields].some((field) => !SUMMARY_FIELDS.has(field));

/** One repository in the form of contract 4.1. Only what is asked for is looked up. */
export async function infoShape(
  info: RepoInfo,
  subject: InfoSubject,
  request: InfoRequest,
): Promise<RepoReply> {
  const { repo } = subject.granted;
  const id = repoFullName(repo);
  const shape: Record<string, unknown> = { _id: repo.publicId, id };
  if (!request.expand && repo.kind === 'model') shape['modelId'] = id;
  for (const field of request.expand ?? request.usual) {
    const valueOf = Object.hasOwn(FIELDS, field) ? FIELDS[field] : undefined;
    const value = await valueOf?.({ info, subject, repo, withBlobs: request.withBlobs });
    if (value !== undefined) shape[field] = value;
  }
  return shape as unknown as RepoReply;
}

interface FieldContext {
  readonly info: RepoInfo;
  readonly subject: InfoSubject;
  readonly repo: Repo;
  readonly withBlobs: boolean;
}

type Field = (context: FieldContext) => unknown;

const cardField =
  (name: string): Field =>
  async ({ subject }) =>
    (await subject.facts()).card[name];

/** Each field of contract 4.1; what is not offered here, such as inference providers, is answered as having none. */
const FIELDS: Readonly<Record<string, Field>> = {
  author: ({ repo }) => repo.owner.name,
  sha: ({ subject }) => subject.commit,
  createdAt: ({ repo }) => timestamp(repo.createdAt),
  lastModified: ({ repo }) => timestamp(repo.updatedAt),
  private: ({ repo }) => repo.visibility === 'private',
  archived: ({ repo }) => (repo.archivedAt === undefined ? undefined : true),
  disabled: () => false,
  gated: () => false,
  downloads: async ({ subject }) => (await subject.counters()).downloads,
  downloadsAllTime: async ({ subject }) => (await subject.counters()).downloadsAllTime,
  likes: async ({ subject }) => (await subject.counters()).likes,
  trendingScore: async ({ subject }) => (await subject.counters()).trending,
  xetEnabled: () => true,
  gitalyUid: ({ repo }) => repo.publicId,
  region: () => 'us',
  inference: () => null,
  inferenceProviderMapping: () => [],
  evalResults: () => [],
  resourceGroup: () => null,
  usedStorage: ({ info, repo }) => info.usedStorage(repo),
  siblings: async ({ info, subject: { granted, commit }, withBlobs }) =>
    withBlobs
      ? (await info.files(granted, commit)).map(siblingShape)
      : (await info.paths(granted, commit)).map((rfilename) => ({ rfilename })),
  mainSize: ({ info, subject }) => info.contentBytes(subject.granted, subject.commit),

  tags: async ({ subject }) => (await subject.summary()).tags,
  pipeline_tag: async ({ subject }) => (await subject.summary()).pipelineTag,
  library_name: async ({ subject }) => (await subject.summary()).libraryName,
  sdk: async ({ subject }) => (await subject.summary()).sdk,
  models: async ({ subject }) => (await subject.summary()).models,
  datasets: async ({ subject }) => (await subject.summary()).datasets,

  cardData: async ({ subject }) => {
    const { card } = await subject.facts();
    return Object.keys(card).length > 0 ? card : undefined;
  },
  'model-index': cardField('model-index'),
  widgetData: cardField('widget'),
  paperswithcode_id: async ({ subject }) => textOf((await subject.facts()).card['paperswithcode_id']),
  config: async ({ subject }) => (await subject.facts()).details.config,
  transformersInfo: async ({ subject }) => (await subject.facts()).details.transformersInfo,
  mask_token: async ({ subject }) => (await subject.facts()).details.maskToken,
  safetensors: async ({ subject }) => (await subject.facts()).details.safetensors,
  gguf: async ({ subject }) => (await subject.facts()).details.gguf,
  description: async ({ subject }) => (await subject.facts()).details.description,
  citation: async ({ subject }) => (await subject.facts()).details.citation,

  baseModels: async ({ info, subject }) => {
    const { base } = (await subject.facts()).details;
    if (!base) return null;
    const ids = await info.idsOfModels(subject.granted, base.models);
    const models = base.models.map((id) => ({ ...(ids.has(id) ? { _id: ids.get(id) } : {}), id }));
    return { relation: base.relation, models };
  },
  childrenModelCount: ({ info, subject }) => info.countChildren(subject.granted),
  spaces: ({ info, subject }) => info.spacesUsing(subject.granted),

  /** Spaces are held here, and run nowhere. */
  runtime: async ({ subject }) => ({
    stage: (await subject.facts()).details.hasApp === true ? 'PAUSED' : 'NO_APP_FILE',
    hardware: { current: null, requested: null },
    storage: null,
    gcTimeout: null,
    replicas: { current: 0, requested: 0 },
  }),
  subdomain: ({ repo }) => `${repo.owner.name}-${repo.name}`.toLowerCase().replace(/[^a-z0-9]+/g, '-'),
};

function siblingShape(file: FileEntry): Record<string, unknown> {
  const { large } = file;
  return {
    rfilename: file.path,
    size: file.sizeBytes,
    blobId: file.oid,
    ...(large
      ? { lfs: { sha256: large.sha256, size: file.sizeBytes, pointerSize: large.pointerBytes } }
      : {}),
  };
}

/** Nothing here is scanned, and nobody is told that it was. */
export const NOT_SCANNED = { scansDone: false, filesWithIssues: [] } as const;
