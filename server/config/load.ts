import { posix, win32 } from 'node:path';
import type { FlagShape } from './arguments.ts';
import { absolutePath, defaultDataFolder } from './data-folder.ts';
import type { Environment, Place } from './data-folder.ts';
import { didYouMean } from './nearest.ts';
import { completeStorage, configSchema } from './schema.ts';
import type { Config } from './schema.ts';
import { SETTING_GROUPS, SETTINGS } from './settings.ts';
import type { Setting } from './settings.ts';

export const CONFIG_FILE_NAME = 'atoll.config.json';

/** One thing that is wrong with the configuration. */
export interface ConfigProblem {
  /** Key of the setting, or what was written instead of one. */
  readonly key: string;
  /** Where it was written: the file, `ATOLL_PORT`, `--port`. */
  readonly source: string;
  /** What is wrong and what would be right. */
  readonly message: string;
}

export interface ConfigTexts {
  /** Flags of the command line, as `splitArguments` gives them. */
  readonly flags: ReadonlyMap<string, readonly string[]>;
  readonly env: Environment;
  readonly file: { readonly path: string; readonly text: string } | undefined;
  readonly place: Place;
}

export type ConfigResult =
  | { readonly ok: true; readonly config: Config; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[]; readonly warnings: readonly string[] };

/** The flags of the settings, for `splitArguments`. */
export const CONFIG_FLAGS: ReadonlyMap<string, FlagShape> = new Map<string, FlagShape>([
  ['config', { form: 'value' }],
  ...SETTINGS.flatMap((setting): [string, FlagShape][] => {
    if (setting.flag === undefined) return [];
    const form = setting.form === 'switch' || setting.form === 'list' ? setting.form : 'value';
    return [[setting.flag, { form }]];
  }),
]);

const BY_VARIABLE = new Map(SETTINGS.map((setting) => [setting.variable, setting]));
const BY_KEY = new Map(SETTINGS.map((setting) => [setting.key, setting]));
const VARIABLES = [...BY_VARIABLE.keys(), 'ATOLL_CONFIG'];
const NOT_CONFIGURATION = /^ATOLL_(TEST_|BENCH_|FAIL$)/;

/** A value with the place where it was written. */
interface Layered {
  readonly value: unknown;
  readonly source: string;
}

/**
 * Where the configuration file is: what `--config` or `ATOLL_CONFIG` says (then it has to exist), else
 * `atoll.config.json` in the data folder.
 */
export function findConfigFile(texts: Omit<ConfigTexts, 'file'>): {
  readonly path: string;
  readonly isRequired: boolean;
} {
  const { flags, env, place } = texts;
  const chosen = flags.get('config')?.[0] ?? (env['ATOLL_CONFIG'] || undefined);
  if (chosen !== undefined)
    return { path: absolutePath(chosen, place.workDir, place.platform), isRequired: true };
  const dataDir = flags.get('data-dir')?.[0] ?? (env['ATOLL_DATA_DIR'] || undefined);
  const folder =
    dataDir === undefined
      ? defaultDataFolder(env, place)
      : absolutePath(dataDir, place.workDir, place.platform);
  return { path: absolutePath(CONFIG_FILE_NAME, folder, place.platform), isRequired: false };
}

/**
 * Put the configuration together: defaults < file < environment < flags. A pure function of texts that reports
 * everything that is wrong at once. Unknown variables are only warned of, since other programs set them too.
 */
export function loadConfig(texts: ConfigTexts): ConfigResult {
  const problems: ConfigProblem[] = [];
  const layered = new Map<string, Layered>();
  if (texts.file) readFileLayer(texts.file, layered, problems);
  const warnings = readEnvironmentLayer(texts.env, layered);
  readFlagLayer(texts.flags, layered);

  const { place } = texts;
  const dataDir = layered.get('dataDir');
  const fileFolder = texts.file && (place.platform === 'win32' ? win32 : posix).dirname(texts.file.path);
  const start = texts.file && fileFolder && dataDir?.source === texts.file.path ? fileFolder : place.workDir;

  const parsed = configSchema.safeParse(assemble(layered));
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      const setting = settingAt(issue.path);
      problems.push(problemOf(setting, layered.get(setting.key), issue.message));
    }
    return { ok: false, problems, warnings };
  }
  const storage = completeStorage(parsed.data.storage);
  if ('missing' in storage) {
    for (const key of storage.missing) {
      const source = `${BY_KEY.get(key)?.variable ?? ''} or the file`;
      problems.push({ key, source, message: 'is needed when storage.kind is "s3"' });
    }
    return { ok: false, problems, warnings };
  }
  if (problems.length > 0) return { ok: false, problems, warnings };
  const folder =
    parsed.data.dataDir === undefined
      ? defaultDataFolder(texts.env, place)
      : absolutePath(parsed.data.dataDir, start, place.platform);
  return { ok: true, config: { ...parsed.data, dataDir: folder, storage }, warnings };
}

/** The problems as lines for a person. */
export const writeProblems = (problems: readonly ConfigProblem[]): string =>
  problems.map(({ key, source, message }) => `  ${key} (${source}) ${message}`).join('\n');

function settingAt(path: readonly PropertyKey[]): Setting {
  for (let length = path.length; length > 0; length -= 1) {
    const setting = BY_KEY.get(path.slice(0, length).join('.'));
    if (setting) return setting;
  }
  throw new TypeError(`No setting at ${path.join('.')}.`);
}

function problemOf(setting: Setting, layer: Layered | undefined, message: string): ConfigProblem {
  const source = layer?.source ?? 'default';
  if (setting.form === 'secret' || layer === undefined) return { key: setting.key, source, message };
  const shown = JSON.stringify(layer.value) ?? 'nothing';
  return {
    key: setting.key,
    source,
    message: `${message}; it is ${shown.length > 80 ? `${shown.slice(0, 77)}...` : shown}`,
  };
}

function readFileLayer(
  file: { readonly path: string; readonly text: string },
  layered: Map<string, Layered>,
  problems: ConfigProblem[],
): void {
  let content: unknown;
  try {
    content = JSON.parse(file.text.replace(/^\uFEFF/, ''));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    problems.push({ key: 'the file', source: file.path, message: `is not valid JSON: ${reason}` });
    return;
  }
  readGroup(content, '');

  function readGroup(group: unknown, above: string): void {
    if (typeof group !== 'object' || group === null || Array.isArray(group)) {
      const key = above === '' ? 'the file' : above;
      problems.push({ key, source: file.path, message: 'must be an object of settings' });
      return;
    }
    for (const [name, value] of Object.entries(group)) {
      const key = above === '' ? name : `${above}.${name}`;
      if (key === '$schema') continue;
      if (SETTING_GROUPS.has(key)) readGroup(value, key);
      else if (BY_KEY.has(key)) layered.set(key, { value, source: file.path });
      else {
        const message = `is not a setting.${didYouMean(key, BY_KEY.keys())}`;
        problems.push({ key, source: file.path, message });
      }
    }
  }
}

function readEnvironmentLayer(env: Environment, layered: Map<string, Layered>): string[] {
  const warnings: string[] = [];
  for (const [variable, value] of Object.entries(env)) {
    if (!variable.startsWith('ATOLL_') || NOT_CONFIGURATION.test(variable) || variable === 'ATOLL_CONFIG')
      continue;
    const setting = BY_VARIABLE.get(variable);
    if (!setting) {
      warnings.push(`The variable ${variable} is not a setting of Atoll.${didYouMean(variable, VARIABLES)}`);
    } else if (value !== undefined && value !== '') {
      layered.set(setting.key, { value: valueOfText(setting, value), source: variable });
    }
  }
  return warnings;
}

function readFlagLayer(flags: ReadonlyMap<string, readonly string[]>, layered: Map<string, Layered>): void {
  for (const setting of SETTINGS) {
    const values = setting.flag === undefined ? undefined : flags.get(setting.flag);
    if (!values) continue;
    const source = `--${setting.flag ?? ''}`;
    layered.set(setting.key, { value: valueOfText(setting, values.join(',')), source });
  }
}

/** Text to value where that can be done; other text is left as it is, for the schema to refuse. */
function valueOfText(setting: Setting, text: string): unknown {
  switch (setting.form) {
    case 'number':
      return /^-?\d{1,15}$/.test(text) ? Number(text) : text;
    case 'switch':
      if (/^(true|1|yes|on)$/i.test(text)) return true;
      return /^(false|0|no|off)$/i.test(text) ? false : text;
    case 'list':
      return text
        .split(',')
        .map((entry) => entry.trim())
        .filter((entry) => entry !== '');
    case 'text':
    case 'size':
    case 'secret':
      return text;
  }
}

function assemble(layered: ReadonlyMap<string, Layered>): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const setting of SETTINGS) {
    let group = root;
    for (const name of setting.path.slice(0, -1)) group = (group[name] ??= {}) as Record<string, unknown>;
    const layer = layered.get(setting.key);
    if (layer) group[setting.path.at(-1) ?? ''] = layer.value;
  }
  return root;
}
