import { didYouMean } from './nearest.ts';

export interface FlagShape {
  /** `switch` stands alone (`--json`, `--no-json`, `--json=false`); `value` needs one; `list` may be repeated. */
  readonly form: 'switch' | 'value' | 'list';
}

/** Arguments of a command line, taken apart but not yet understood. */
export interface SplitArguments {
  /** By flag name without dashes; several values only for lists. */
  readonly flags: ReadonlyMap<string, readonly string[]>;
  readonly positionals: readonly string[];
  /** Sentences, one for each thing that is wrong. */
  readonly problems: readonly string[];
}

/**
 * Take a command line apart: `--name value`, `--name=value`, `--switch`, `--no-switch`, and `--` before
 * arguments that start with a dash. Knows only the flags it is given.
 */
export function splitArguments(
  argv: readonly string[],
  shapes: ReadonlyMap<string, FlagShape>,
): SplitArguments {
  const flags = new Map<string, string[]>();
  const positionals: string[] = [];
  const problems: string[] = [];
  const rest = [...argv];

  const add = (name: string, value: string, shape: FlagShape): void => {
    const earlier = flags.get(name);
    if (earlier && shape.form !== 'list') problems.push(`The flag --${name} is given twice.`);
    else flags.set(name, [...(earlier ?? []), value]);
  };

  for (let argument = rest.shift(); argument !== undefined; argument = rest.shift()) {
    if (argument === '--') {
      positionals.push(...rest);
      break;
    }
    if (!argument.startsWith('-') || argument === '-') {
      positionals.push(argument);
      continue;
    }
    const [written = '', ...values] = argument.split('=');
    const given = values.length > 0 ? values.join('=') : undefined;
    const name = written.replace(/^--?/, '');
    const shape = written.startsWith('--') ? shapes.get(name) : undefined;
    const negated = name.startsWith('no-') ? name.slice(3) : undefined;
    if (!shape && negated !== undefined && given === undefined && shapes.get(negated)?.form === 'switch') {
      add(negated, 'false', { form: 'switch' });
    } else if (!shape) {
      problems.push(
        `There is no flag ${written}.${didYouMean(
          written,
          [...shapes.keys()].map((key) => `--${key}`),
        )}`,
      );
    } else if (shape.form === 'switch') {
      add(name, given ?? 'true', shape);
    } else if (given !== undefined) {
      add(name, given, shape);
    } else if (rest[0] !== undefined && !rest[0].startsWith('--')) {
      add(name, rest.shift() ?? '', shape);
    } else {
      problems.push(`The flag ${written} needs a value.`);
    }
  }
  return { flags, positionals, problems };
}
