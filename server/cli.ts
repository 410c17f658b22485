import { execute } from './cli/execute.ts';
import { writeCommandHelp, writeHelp } from './cli/help.ts';
import { parseCommandLine } from './cli/parse.ts';
import type { Parsed } from './cli/parse.ts';
import type { OpenHub } from './cli/services.ts';
import { openTerminal } from './cli/terminal.ts';
import type { Terminal } from './cli/terminal.ts';
import { writeProblems } from './config/load.ts';
import { readConfig } from './config/read.ts';
import { isHubError } from './domain/errors.ts';
import { systemClock } from './platform/clock.ts';
import { VERSION } from './platform/version.ts';

const OK = 0;
const FAILED = 1;
const WRONG_USAGE = 2;

export interface CommandLineHooks {
  /** What a checkout has to do before the hub can start. */
  readonly beforeStart?: () => Promise<void>;
}

/**
 * Answer one command line, without the program's own name; gives the exit code. Answers go to the standard
 * output, everything else to the standard error. `start` runs until the hub is stopped, and then exits.
 */
export async function runCommandLine(argv: readonly string[], hooks: CommandLineHooks = {}): Promise<number> {
  const terminal = openTerminal(process);
  const parsed = parseCommandLine(argv);
  try {
    return await answer(parsed, terminal, hooks);
  } catch (error) {
    return fail(error, 'json' in parsed && parsed.json, terminal);
  }
}

async function answer(parsed: Parsed, terminal: Terminal, hooks: CommandLineHooks): Promise<number> {
  switch (parsed.kind) {
    case 'help':
      terminal.write(parsed.command ? writeCommandHelp(parsed.command) : writeHelp());
      return OK;
    case 'version':
      terminal.write(
        parsed.json
          ? json({ version: VERSION, node: process.versions.node, platform: process.platform })
          : `${VERSION}\n`,
      );
      return OK;
    case 'wrong':
      complain(parsed.problems, parsed.json, terminal);
      return WRONG_USAGE;
    case 'start':
      await hooks.beforeStart?.();
      return start(parsed.argv);
    case 'command':
      return runCommand(parsed, terminal);
  }
}

async function runCommand(parsed: Extract<Parsed, { kind: 'command' }>, terminal: Terminal): Promise<number> {
  const { command, given, configFlags } = parsed;
  const loaded = readConfig({ flags: configFlags, env: process.env });
  for (const warning of loaded.warnings) terminal.writeError(`${warning}\n`);
  if (!loaded.ok) {
    complain([`The configuration is not right:\n${writeProblems(loaded.problems)}`], parsed.json, terminal);
    return WRONG_USAGE;
  }
  const input = await command.prepare(given, terminal);
  const result = await execute(loaded.config, command, input, { openHub, clock: systemClock });
  terminal.write(parsed.json ? json(result) : command.print(result));
  return command.exitCode?.(result) ?? OK;
}

/** The stores, and all that stands on them, are imported when a command needs them. */
const openHub: OpenHub = async (config) => (await import('./app.ts')).openHub(config);

/** The program of `npm start` reads its arguments from the process, as it does when the desktop forks it. */
async function start(argv: readonly string[]): Promise<number> {
  process.argv.splice(2, process.argv.length, ...argv);
  await import('./main.ts');
  return new Promise(() => undefined);
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

function complain(problems: readonly string[], asJson: boolean, terminal: Terminal): void {
  const text = problems.join('\n');
  terminal.writeError(asJson ? json({ error: text, code: 'InvalidRequest' }) : `${text}\n`);
}

function fail(error: unknown, asJson: boolean, terminal: Terminal): number {
  const known = isHubError(error);
  const message = known
    ? error.message
    : `This should not have happened: ${String((error as Error).stack ?? error)}`;
  const report = {
    error: message,
    code: known ? error.code : 'Internal',
    details: known ? error.details : {},
  };
  terminal.writeError(asJson ? json(report) : `${message}\n`);
  return FAILED;
}
