import { isRecord, plainJson } from '../domain/plain-json.ts';
import { parseCardYaml } from './card-yaml.ts';

/** What the metadata block of a card says, and what is wrong with it. */
export interface CardCheck {
  readonly data: Readonly<Record<string, unknown>>;
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

const MAX_METADATA_BYTES = 1024 * 1024;

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

const METADATA = /^\ufeff?\s*---[ \t]*\r?\n([\s\S]*?)(?:^|\n)---[ \t]*(?:\r?\n|$)/;

function metadataBlock(text: string): string | undefined {
  const block = METADATA.exec(text)?.[1];
  return block === undefined || block.trim() === '' ? undefined : block;
}

function parseYaml(block: string): Readonly<Record<string, unknown>> | string {
  try {
    const value = parseCardYaml(block);
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

/** What is kept of the metadata of one card. */
const JSON_BOUNDS = { maxDepth: 32, maxCharacters: 256 * 1024 };
/** What can be very long, and is left out first. */
const LONG_FIELDS = ['dataset_info', 'configs', 'model-index', 'widget'];

/** Metadata of fewer characters than this is read in a millisecond or two. */
const QUICK_LENGTH = 2 * 1024;

/**
 * True when a card has so little metadata that it can be read at once, rather than in a thread. Looks only at the
 * start of the text: to search megabytes for an end of the metadata that is not there takes long, too.
 */
export function isQuickCard(text: string): boolean {
  if (text.length <= QUICK_LENGTH) return true;
  const start = text.slice(0, QUICK_LENGTH);
  const match = METADATA.exec(start);
  // What ends where the start was cut may go on after it.
  if (match) return match[0].length < start.length;
  const firstWord = start.replace(/^\ufeff/, '').trimStart();
  return firstWord.length >= 3 && !firstWord.startsWith('---');
}

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
