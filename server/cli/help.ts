import type { Command } from './command.ts';
import { COMMANDS } from './commands.ts';

const SETTINGS_NOTE = `Every setting is a flag too, such as --data-dir FOLDER and --config FILE (docs/configuration.md).
--json answers in JSON. The exit code is 0 when all went well, 1 when not, 2 when the command line is wrong.
`;

const OTHERS: readonly (readonly [string, string])[] = [
  ['start', 'Run the hub until it is stopped.'],
  ['version', 'Print the version.'],
  ['help [COMMAND]', 'Print this, or how to use a command.'],
];

const usage = ({ name, positionals }: Command): string => [name, ...positionals].join(' ');

function aligned(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}\n`).join('');
}

export function writeHelp(): string {
  const [start, ...rest] = OTHERS;
  const rows = [
    ...(start ? [start] : []),
    ...COMMANDS.map((command): [string, string] => [usage(command), command.summary]),
    ...rest,
  ];
  return `Usage: atoll COMMAND [ARGUMENTS] [FLAGS]

${aligned(rows)}
The commands work on a hub that runs and on one that is stopped.
${SETTINGS_NOTE}`;
}

export function writeCommandHelp(command: Command): string {
  const flags = Object.entries(command.flags).map(([name, { doc, value }]): [string, string] => [
    `--${name}${value === undefined ? '' : ` ${value}`}`,
    doc,
  ]);
  return `Usage: atoll ${usage(command)} [FLAGS]

${command.summary}

${aligned([...flags, ['--json', 'Answer in JSON.']])}
${SETTINGS_NOTE}`;
}
