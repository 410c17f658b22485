import { splitArguments } from '../config/arguments.ts';
import type { FlagShape } from '../config/arguments.ts';
import { CONFIG_FLAGS } from '../config/load.ts';
import { didYouMean } from '../config/nearest.ts';
import type { Command, Given } from './command.ts';
import { COMMANDS } from './commands.ts';

/** What a command line asks for. */
export type Parsed =
  | { readonly kind: 'start'; readonly argv: readonly string[] }
  | { readonly kind: 'version'; readonly json: boolean }
  | { readonly kind: 'help'; readonly command: Command | undefined }
  | {
      readonly kind: 'command';
      readonly command: Command;
      readonly given: Given;
      readonly json: boolean;
      /** Flags of settings, for the configuration. */
      readonly configFlags: ReadonlyMap<string, readonly string[]>;
    }
  | { readonly kind: 'wrong'; readonly problems: readonly string[]; readonly json: boolean };

const COMMON_FLAGS: ReadonlyMap<string, FlagShape> = new Map([
  ['json', { form: 'switch' }],
  ['help', { form: 'switch' }],
  ['version', { form: 'switch' }],
]);

const ALL_FLAGS: ReadonlyMap<string, FlagShape> = new Map([
  ...CONFIG_FLAGS,
  ...COMMANDS.flatMap(({ flags }) => Object.entries(flags)),
  ...COMMON_FLAGS,
]);

const WORDS = ['start', 'version', 'help', ...COMMANDS.map(({ name }) => name)];

/** Understand a command line, or say everything that is wrong with it. */
export function parseCommandLine(argv: readonly string[]): Parsed {
  const plain = argv.map((argument) => (argument === '-h' ? '--help' : argument));
  const { flags, positionals } = splitArguments(plain, ALL_FLAGS);
  const json = isOn(flags.get('json'));
  const [first] = positionals;
  if (isOn(flags.get('help')) || first === 'help' || (first === undefined && !flags.has('version'))) {
    return { kind: 'help', command: findCommand(first === 'help' ? positionals.slice(1) : positionals) };
  }
  if (first === 'version' || first === undefined) return { kind: 'version', json };
  if (first === 'start') return { kind: 'start', argv: plain.toSpliced(plain.indexOf('start'), 1) };
  const command = findCommand(positionals);
  return command
    ? parseCommand(command, plain, json)
    : { kind: 'wrong', json, problems: [unknownCommand(positionals)] };
}

const isOn = (values: readonly string[] | undefined): boolean =>
  values !== undefined && values[0] !== 'false';

const wordCount = (command: Command): number => command.name.split(' ').length;

const findCommand = (positionals: readonly string[]): Command | undefined =>
  COMMANDS.find((command) => positionals.slice(0, wordCount(command)).join(' ') === command.name);

function unknownCommand(positionals: readonly string[]): string {
  const group = COMMANDS.map(({ name }) => name).filter((name) =>
    name.startsWith(`${positionals[0] ?? ''} `),
  );
  if (group.length > 0)
    return `There is no command "${positionals.slice(0, 2).join(' ')}"; there is ${group.map((name) => `"${name}"`).join(', ')}.`;
  const words = positionals.slice(0, 2).join(' ');
  return `There is no command "${words}".${didYouMean(words, WORDS)} "atoll help" lists them all.`;
}

function parseCommand(command: Command, argv: readonly string[], json: boolean): Parsed {
  const own = new Map<string, FlagShape>([...COMMON_FLAGS, ...Object.entries(command.flags)]);
  // A command's own flag hides the setting of the same name, which then has its variable and the file.
  const settings = [...CONFIG_FLAGS].filter(([name]) => !own.has(name));
  const split = splitArguments(argv, new Map([...settings, ...own]));
  const positionals = split.positionals.slice(wordCount(command));
  const problems = [...split.problems];
  const missing = command.positionals.slice(positionals.length);
  const surplus = positionals.slice(command.positionals.length);
  if (missing.length > 0) problems.push(`"atoll ${command.name}" needs ${missing.join(' and ')}.`);
  if (surplus.length > 0)
    problems.push(`"atoll ${command.name}" takes no ${surplus.map((word) => `"${word}"`).join(', ')}.`);
  if (problems.length > 0) return { kind: 'wrong', problems, json };
  return {
    kind: 'command',
    command,
    json,
    given: {
      positionals,
      flag: (name) => (own.has(name) ? split.flags.get(name)?.[0] : undefined),
      has: (name) => own.has(name) && isOn(split.flags.get(name)),
    },
    configFlags: new Map([...split.flags].filter(([name]) => !own.has(name))),
  };
}
