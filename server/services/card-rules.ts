import { LICENSES, SPACE_COLORS, SPACE_SDKS, TASKS } from '../domain/card-words.ts';
import { shown } from '../domain/names.ts';
import { readCard, type CardCheck } from './cards.ts';

/** Most errors and most warnings that are named: a list of a megabyte has room for 500,000 of them. */
const MAX_PROBLEMS = 100;

type Data = Readonly<Record<string, unknown>>;

const isRecord = (value: unknown): value is Data =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const listOf = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? value : value === undefined || value === null ? [] : [value];

/** The first problems of a kind; those after them are not even looked for. */
function firstOf(problems: Iterable<string>): readonly string[] {
  const found: string[] = [];
  for (const problem of problems) {
    if (found.length === MAX_PROBLEMS) break;
    found.push(problem);
  }
  return found;
}

/**
 * All that `validate-yaml` says of a card: what commits are refused for (`readCard`), and beyond that the words that
 * the Hub knows. Errors and warnings are worded as clients and their tests read them.
 */
export function validateCard(text: string, repoType: string | undefined): CardCheck {
  const check = readCard(text);
  if (check.errors.length > 0) return check;
  const { data } = check;
  const errors = firstOf(errorsOf(data, repoType));
  const warnings = [...check.warnings, ...firstOf(taskWarnings(data))];
  return { data, errors, warnings };
}

function* errorsOf(data: Data, repoType: string | undefined): Generator<string, undefined> {
  yield* licenseErrors(data);
  yield* languageErrors(data);
  yield* idErrors(data, 'base_model');
  yield* idErrors(data, 'datasets');
  yield* modelIndexErrors(data['model-index']);
  if (repoType === 'space') yield* spaceErrors(data);
}

function licenseErrors(data: Data): readonly string[] {
  const isKnown = listOf(data['license']).every((name) => LICENSES.has(String(name)));
  return isKnown ? [] : [`"license" must be one of [${[...LICENSES].join(', ')}]`];
}

/** Letters of a code as ISO 639 has them, and the words that stand for what no code names. */
const LANGUAGE = /^([a-z]{2,3}|code|multilingual|other)$/;

function* languageErrors(data: Data): Generator<string, undefined> {
  const given = data['language'];
  for (const [index, value] of listOf(given).entries()) {
    const field = Array.isArray(given) ? `"language[${index}]"` : '"language"';
    if (typeof value !== 'string') yield `${field} must be a string`;
    else if (/[A-Z]/.test(value)) yield `${field} must only contain lowercase characters`;
    else if (!LANGUAGE.test(value))
      yield (
        `${field} with value "${shown(value)}" is not valid. It must be an ISO 639-1, 639-2 or 639-3 code ` +
        '(two/three letters), or a special value like "code", "multilingual". If you want to use BCP-47 ' +
        'identifiers, you can specify them in language_bcp47.'
      );
  }
}

/** Names of repositories, with or without an owner. */
const REPO_ID = /^[\w.-]+(\/[\w.-]+)?$/;

function* idErrors(data: Data, field: 'base_model' | 'datasets'): Generator<string, undefined> {
  const given = data[field];
  for (const [index, value] of listOf(given).entries()) {
    if (REPO_ID.test(String(value))) continue;
    const place = Array.isArray(given) ? `"${field}[${index}]"` : `"${field}"`;
    yield `${place} with value "${shown(String(value))}" is not valid. Use the id of a repository.`;
  }
}

/** The form of evaluation results: models with results of a task, a dataset and metrics. */
function* modelIndexErrors(index: unknown): Generator<string, undefined> {
  for (const [at, model] of listOf(index).entries()) {
    const place = `"model-index[${at}]`;
    if (!isRecord(model)) {
      yield `${place}" must be an object`;
      continue;
    }
    const { name, results } = model;
    if (name !== undefined && typeof name !== 'string') yield `${place}.name" must be a string`;
    if (!Array.isArray(results)) yield `${place}.results" must be an array`;
    for (const [number, result] of (Array.isArray(results) ? results : []).entries())
      yield* resultErrors(result, `${place}.results[${number}]`);
  }
}

function* resultErrors(result: unknown, place: string): Generator<string, undefined> {
  if (!isRecord(result)) {
    yield `${place}" must be an object`;
    return;
  }
  const { task, dataset, metrics } = result;
  if (!isRecord(task) || typeof task['type'] !== 'string') yield `${place}.task.type" is required`;
  if (dataset !== undefined) {
    for (const field of ['type', 'name']) {
      if (!isRecord(dataset) || typeof dataset[field] !== 'string')
        yield `${place}.dataset.${field}" is required`;
    }
  }
  if (metrics !== undefined && !Array.isArray(metrics)) yield `${place}.metrics" must be an array`;
  for (const [number, metric] of (Array.isArray(metrics) ? metrics : []).entries()) {
    const at = `${place}.metrics[${number}]`;
    if (!isRecord(metric) || typeof metric['type'] !== 'string') yield `${at}.type" is required`;
    else if (metric['value'] === undefined) yield `${at}.value" is required`;
  }
}

function oneOf(data: Data, field: string, known: ReadonlySet<string>): readonly string[] {
  const value = data[field];
  // Only texts are compared: an object of the card's own making may not even have a text form.
  if (value === undefined || (typeof value === 'string' && known.has(value))) return [];
  return [`"${field}" must be one of [${[...known].join(', ')}]`];
}

const spaceErrors = (data: Data): readonly string[] => [
  ...oneOf(data, 'sdk', SPACE_SDKS),
  ...oneOf(data, 'colorFrom', SPACE_COLORS),
  ...oneOf(data, 'colorTo', SPACE_COLORS),
];

function* taskWarnings(data: Data): Generator<string, undefined> {
  for (const field of ['pipeline_tag', 'task_categories']) {
    for (const task of listOf(data[field]).map(String)) {
      if (TASKS.has(task)) continue;
      yield `The ${field} "${shown(task)}" is not in the official list: ${[...TASKS].join(', ')}`;
    }
  }
}

/** A check as plain text, the way clients print it. */
export const cardCheckText = ({ errors, warnings }: Pick<CardCheck, 'errors' | 'warnings'>): string =>
  [...errors.map((text) => `- Error: ${text}`), ...warnings.map((text) => `- Warning: ${text}`)].join('\n');
