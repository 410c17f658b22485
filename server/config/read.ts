import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { splitArguments } from './arguments.ts';
import type { Environment, Place } from './data-folder.ts';
import { CONFIG_FLAGS, findConfigFile, loadConfig } from './load.ts';
import type { ConfigProblem, ConfigResult } from './load.ts';

export interface ConfigInput {
  /** Flags of the command line, as `splitArguments` gives them. */
  readonly flags: ReadonlyMap<string, readonly string[]>;
  readonly env: Environment;
}

/** Read the configuration of this process: the file, if there is one, the environment and the flags. */
export function readConfig({ flags, env }: ConfigInput): ConfigResult {
  const place: Place = { platform: process.platform, homeDir: homedir(), workDir: process.cwd() };
  const { path, isRequired } = findConfigFile({ flags, env, place });
  let text: string | undefined;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    if (isRequired || (code !== 'ENOENT' && code !== 'ENOTDIR')) {
      const problem: ConfigProblem = { key: 'the file', source: path, message: `cannot be read (${code})` };
      return { ok: false, problems: [problem], warnings: [] };
    }
  }
  return loadConfig({ flags, env, place, file: text === undefined ? undefined : { path, text } });
}

/** The configuration from a command line that has nothing but settings, as `npm start -- --port 0`. */
export function readConfigOfCommandLine(argv: readonly string[], env: Environment): ConfigResult {
  const { flags, positionals, problems } = splitArguments(argv, CONFIG_FLAGS);
  const wrong = [
    ...problems,
    ...positionals.map((positional) => `"${positional}" is neither a flag nor the value of one.`),
  ].map((message): ConfigProblem => ({ key: 'arguments', source: 'command line', message }));
  const result = readConfig({ flags, env });
  if (wrong.length === 0) return result;
  const others = result.ok ? [] : result.problems;
  return { ok: false, problems: [...wrong, ...others], warnings: result.warnings };
}
