import { LICENSES, SPACE_COLORS, SPACE_SDKS, TASKS } from '../domain/card-words.ts';
import { shown } from '../domain/names.ts';
import { readCard, type CardCheck } from './cards.ts';

type Data = Readonly<Record<string, unknown>>;

const isRecord = (value: unknown): value is Data =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const listOf = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? value : value === undefined || value === null ? [] : [value];

/**
 * All that `validate-yaml` says of a card: what commits are refused for (`readCard`), and beyond that the words that
 * the Hub knows. Errors and warnings are worded as clients and their tests read them.
 */
export function validateCard(text: string, repoType: string | undefined): CardCheck {
  const check = readCard(text);
  if (check.errors.length > 0) return check;
  const { data } = check;
  const errors = [
    ...licenseErrors(data),
    ...languageErrors(data),
    ...idErrors(data, 'base_model'),
    ...idErrors(data, 'datasets'),
    ...modelIndexErrors(data['model-index']),
    ...(repoType === 'space' ? spaceErrors(data) : []),
  ];
  const warnings = [...check.warnings, ...taskWarnings(data)];
  return { data, errors, warnings };
}

function licenseErrors(data: Data): readonly string[] {
  const isKnown = listOf(data['license']).every((name) => LICENSES.has(String(name)));
  return isKnown ? [] : [`"license" must be one of [${[...LICENSES].join(', ')}]`];
}

/** Letters of a code as ISO 639 has them, and the words that stand for what no code names. */
const LANGUAGE = /^([a-z]{2,3}|code|multilingual|other)$/;

function languageErrors(data: Data): readonly string[] {
  const given = data['language'];
  return listOf(given).flatMap((value, index) => {
    const field = Array.isArray(given) ? `"language[${index}]"` : '"language"';
    if (typeof value !== 'string') return [`${field} must be a string`];
    if (/[A-Z]/.test(value)) return [`${field} must only contain lowercase characters`];
    if (LANGUAGE.test(value)) return [];
    return [
      `${field} with value "${shown(value)}" is not valid. It must be an ISO 639-1, 639-2 or 639-3 code ` +
        '(two/three letters), or a special value like "code", "multilingual". If you want to use BCP-47 ' +
        'identifiers, you can specify them in language_bcp47.',
    ];
  });
}

/** Names of repositories, with or without an owner. */
const REPO_ID = /^[\w.-]+(\/[\w.-]+)?$/;

function idErrors(data: Data, field: 'base_model' | 'datasets'): readonly string[] {
  const given = data[field];
  return listOf(given).flatMap((value, index) => {
    if (REPO_ID.test(String(value))) return [];
    const place = Array.isArray(given) ? `"${field}[${index}]"` : `"${field}"`;
    return [`${place} with value "${shown(String(value))}" is not valid. Use the id of a repository.`];
  });
}

/** The form of evaluation results: models with results of a task, a dataset and metrics. */
function modelIndexErrors(index: unknown): readonly string[] {
  return listOf(index).flatMap((model, at) => {
    const place = `"model-index[${at}]`;
    if (!isRecord(model)) return [`${place}" must be an object`];
    const { name, results } = model;
    const problems =
      name === undefined || typeof name === 'string' ? [] : [`${place}.name" must be a string`];
    if (!Array.isArray(results)) return [...problems, `${place}.results" must be an array`];
    return [
      ...problems,
      ...results.flatMap((result, number) => resultErrors(result, `${place}.results[${number}]`)),
    ];
  });
}

function resultErrors(result: unknown, place: string): readonly string[] {
  if (!isRecord(result)) return [`${place}" must be an object`];
  const { task, dataset, metrics } = result;
  const problems: string[] = [];
  if (!isRecord(task) || typeof task['type'] !== 'string') problems.push(`${place}.task.type" is required`);
  if (dataset !== undefined) {
    for (const field of ['type', 'name']) {
      if (!isRecord(dataset) || typeof dataset[field] !== 'string')
        problems.push(`${place}.dataset.${field}" is required`);
    }
  }
  if (metrics !== undefined && !Array.isArray(metrics)) problems.push(`${place}.metrics" must be an array`);
  for (const [number, metric] of (Array.isArray(metrics) ? metrics : []).entries()) {
    const at = `${place}.metrics[${number}]`;
    if (!isRecord(metric) || typeof metric['type'] !== 'string') problems.push(`${at}.type" is required`);
    else if (metric['value'] === undefined) problems.push(`${at}.value" is required`);
  }
  return problems;
}

const oneOf = (data: Data, field: string, known: ReadonlySet<string>): readonly string[] =>
  data[field] === undefined || known.has(String(data[field]))
    ? []
    : [`"${field}" must be one of [${[...known].join(', ')}]`];

const spaceErrors = (data: Data): readonly string[] => [
  ...oneOf(data, 'sdk', SPACE_SDKS),
  ...oneOf(data, 'colorFrom', SPACE_COLORS),
  ...oneOf(data, 'colorTo', SPACE_COLORS),
];

function taskWarnings(data: Data): readonly string[] {
  return ['pipeline_tag', 'task_categories'].flatMap((field) =>
    listOf(data[field])
      .map(String)
      .filter((task) => !TASKS.has(task))
      .map((task) => `The ${field} "${shown(task)}" is not in the official list: ${[...TASKS].join(', ')}`),
  );
}

/** A check as plain text, the way clients print it. */
export const cardCheckText = ({ errors, warnings }: Pick<CardCheck, 'errors' | 'warnings'>): string =>
  [...errors.map((text) => `- Error: ${text}`), ...warnings.map((text) => `- Warning: ${text}`)].join('\n');
