import { infoFieldsOf, type RepoReply } from '../contract/repos.ts';
import { timestamp } from '../contract/shapes.ts';
import { HubError } from '../domain/errors.ts';
import type { Oid } from '../domain/ids.ts';
import { repoFullName, type Repo, type RepoKind } from '../domain/repo.ts';
import type { Granted } from '../services/authorize.ts';
import type { FileEntry } from '../services/contents.ts';
import type { CardData, RepoInfo } from '../services/repo-info.ts';

/** What an info answer is made for. */
export interface InfoRequest {
  readonly kind: RepoKind;
  /** Fields asked for by `expand`; empty for the usual answer. */
  readonly expand: readonly string[];
  readonly withBlobs: boolean;
  /** The usual answer of one repository has its files; that of a list only with `full`. */
  readonly withSiblings: boolean;
  /** Lists leave out by default what is looked up for each repository. */
  readonly isListed: boolean;
}

/** Throws InvalidParameter naming the fields there are, as the Hub does (contract 4.1). */
export function checkExpand(kind: RepoKind, expand: readonly string[]): void {
  const known = infoFieldsOf(kind);
  if (expand.every((field) => known.includes(field))) return;
  throw new HubError('InvalidParameter', `"expand" must be one of [${known.join(', ')}]`);
}

const USUAL_FIELDS = `author sha createdAt lastModified private disabled gated downloads likes tags
  cardData`.split(/\s+/);
const USUAL_FIELDS_OF: Readonly<Record<RepoKind, readonly string[]>> = {
  model: [...USUAL_FIELDS, 'pipeline_tag', 'library_name'],
  dataset: USUAL_FIELDS,
  space: [...USUAL_FIELDS, 'sdk', 'models', 'datasets'],
  kernel: USUAL_FIELDS,
};

/** One repository in the form of contract 4.1. Only what is asked for is looked up. */
export async function infoShape(
  info: RepoInfo,
  subject: { readonly repo: Repo; readonly head: Oid; readonly granted: Granted<'read'> },
  request: InfoRequest,
): Promise<RepoReply> {
  const { repo, head, granted } = subject;
  const usual = USUAL_FIELDS_OF[repo.kind];
  const wanted = new Set(request.expand.length > 0 ? request.expand : usual);
  if (request.expand.length === 0 && !request.isListed) wanted.add('usedStorage');
  if (request.expand.length === 0 && request.withSiblings) wanted.add('siblings');
  const id = repoFullName(repo);
  const shape: Record<string, unknown> = { _id: repo.publicId, id };
  if (request.expand.length === 0 && repo.kind === 'model') shape['modelId'] = id;
  const needsCard = CARD_FIELDS.some((field) => wanted.has(field));
  const card = needsCard ? await info.card(repo, head) : {};
  for (const field of wanted) {
    const value = await fieldOf(field, { info, repo, head, granted, card, withBlobs: request.withBlobs });
    if (value !== undefined) shape[field] = value;
  }
  return shape as unknown as RepoReply;
}

const CARD_FIELDS = [
  'cardData',
  'tags',
  'pipeline_tag',
  'library_name',
  'model-index',
  'models',
  'datasets',
  'sdk',
];

interface FieldContext {
  readonly info: RepoInfo;
  readonly repo: Repo;
  readonly head: Oid;
  readonly granted: Granted<'read'>;
  readonly card: CardData;
  readonly withBlobs: boolean;
}

async function fieldOf(field: string, context: FieldContext): Promise<unknown> {
  const { repo, card, info } = context;
  switch (field) {
    case 'author':
      return repo.owner.name;
    case 'sha':
      return context.head;
    case 'createdAt':
      return timestamp(repo.createdAt);
    case 'lastModified':
      return timestamp(repo.updatedAt);
    case 'private':
      return repo.visibility === 'private';
    case 'disabled':
    case 'gated':
      return false;
    case 'downloads':
    case 'downloadsAllTime':
    case 'likes':
    case 'trendingScore':
      return 0;
    case 'xetEnabled':
      return true;
    case 'usedStorage':
      return info.usedStorage(repo);
    case 'siblings':
      return context.withBlobs
        ? (await info.files(context.granted, context.head)).map(siblingShape)
        : (await info.paths(context.granted, context.head)).map((rfilename) => ({ rfilename }));
    case 'cardData':
      return Object.keys(card).length > 0 ? card : undefined;
    case 'tags':
      return tagsOf(card);
    case 'pipeline_tag':
    case 'library_name':
    case 'sdk':
    case 'model-index':
    case 'models':
    case 'datasets':
      return card[field];
    default:
      return undefined;
  }
}

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

const textsOf = (value: unknown): readonly string[] =>
  (Array.isArray(value) ? value : [value]).filter((item): item is string => typeof item === 'string');

/** Tags that a card states, prefixed as the Hub prefixes them. */
function tagsOf(card: CardData): readonly string[] {
  return [
    ...new Set([
      ...textsOf(card['library_name']),
      ...textsOf(card['pipeline_tag']),
      ...textsOf(card['tags']),
      ...textsOf(card['language']),
      ...textsOf(card['datasets']).map((name) => `dataset:${name}`),
      ...textsOf(card['base_model']).map((name) => `base_model:${name}`),
      ...textsOf(card['license']).map((name) => `license:${name}`),
    ]),
  ];
}
