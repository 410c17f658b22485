import { parseDocument } from 'yaml';
import { HubError } from '../domain/errors.ts';
import { isRecord, plainJson } from '../domain/plain-json.ts';

/** What the metadata block of a card says, and what is wrong with it. */
export interface CardCheck {
  readonly data: Readonly<Record<string, unknown>>;
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

const MAX_METADATA_BYTES = 1024 * 1024;
const MAX_ALIASES = 100;

/** Read the YAML between the two `---` lines that a card starts with. Never throws: what is wrong is in `errors`. */
export function readCard(text: string): CardCheck {
  const block = metadataBlock(text);
  if (block === undefined)
    return { data: {}, errors: [], warnings: ['empty or missing yaml metadata in repo card'] };
  if (block.length > MAX_METADATA_BYTES)
    return { data: {}, errors: ['The metadata is too long.'], warnings: [] };
  const parsed = parseYaml(block);
  if (typeof parsed === 'string') return { data: {}, errors: [parsed], warnings: [] };
  return { data: parsed, errors: problemsOf(parsed), warnings: [] };
}

function metadataBlock(text: string): string | undefined {
  const match = /^\ufeff?\s*---[ \t]*\r?\n([\s\S]*?)(?:^|\n)---[ \t]*(?:\r?\n|$)/.exec(text);
  const block = match?.[1];
  return block === undefined || block.trim() === '' ? undefined : block;
}

function parseYaml(block: string): Readonly<Record<string, unknown>> | string {
  try {
    const document = parseDocument(block, { uniqueKeys: true, schema: 'core', prettyErrors: true });
    const [error] = document.errors;
    if (error) return `bad YAML: ${error.message.split('\n', 1)[0] ?? ''}`;
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
    if (value === null) return {};
    if (typeof value !== 'object' || Array.isArray(value)) return 'The metadata must be a mapping.';
    return value as Record<string, unknown>;
  } catch (error) {
    return `bad YAML: ${error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : 'not readable'}`;
  }
}

const isText = (value: unknown): boolean => typeof value === 'string';
const isTextOrTexts = (value: unknown): boolean =>
  isText(value) || (Array.isArray(value) && value.every(isText));

/** Types that the Hub insists on, since everything that reads a card relies on them. */
const FIELD_TYPES: Readonly<Record<string, readonly [(value: unknown) => boolean, string]>> = {
  license: [isTextOrTexts, 'a string or an array of strings'],
  tags: [isTextOrTexts, 'an array of strings'],
  datasets: [isTextOrTexts, 'an array of strings'],
  base_model: [isTextOrTexts, 'a string or an array of strings'],
  library_name: [isText, 'a string'],
  pipeline_tag: [isText, 'a string'],
  language: [isTextOrTexts, 'a string or an array of strings'],
  task_categories: [isTextOrTexts, 'an array of strings'],
  'model-index': [Array.isArray, 'an array'],
};

function problemsOf(data: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.entries(FIELD_TYPES).flatMap(([field, [isRight, wanted]]) => {
    const value = data[field];
    return value === undefined || value === null || isRight(value) ? [] : [`"${field}" must be ${wanted}`];
  });
}

/** Refuse a card whose metadata cannot be read. Throws InvalidMetadata with all problems in `errors`. */
export function requireReadableCard(content: Buffer): void {
  const { errors } = readCard(content.toString('utf8'));
  if (errors.length === 0) return;
  throw new HubError('InvalidMetadata', `Invalid metadata in README.md: ${errors.join('; ')}`, {
    details: { errors: errors.map((message) => ({ message })) },
  });
}

/** What is kept of the metadata of one card. */
const JSON_BOUNDS = { maxDepth: 32, maxCharacters: 256 * 1024 };
/** What can be very long, and is left out first. */
const LONG_FIELDS = ['dataset_info', 'configs', 'model-index', 'widget'];

/** Cards with less text than this are read in a millisecond or two. */
const QUICK_LENGTH = 2 * 1024;

/** True when the metadata of a card is so short that it can be read at once, rather than in a thread. */
export const isQuickCard = (text: string): boolean => (metadataBlock(text)?.length ?? 0) <= QUICK_LENGTH;

/**
 * Metadata of a card as JSON text of bounded size: `{}` for a card that has none or whose YAML cannot be read. Fields of
 * an unexpected type are kept, for whoever reads a field looks at its type.
 */
export function cardJson(text: string): string {
  const block = metadataBlock(text);
  if (block === undefined || block.length > MAX_METADATA_BYTES) return '{}';
  const parsed = parseYaml(block);
  if (typeof parsed === 'string') return '{}';
  const short = Object.fromEntries(Object.entries(parsed).filter(([name]) => !LONG_FIELDS.includes(name)));
  const card = plainJson(parsed, JSON_BOUNDS) ?? plainJson(short, JSON_BOUNDS);
  return JSON.stringify(isRecord(card) ? card : {});
}
