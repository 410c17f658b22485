import type { z } from 'zod';
import type { FlagShape } from '../config/arguments.ts';
import { HubError } from '../domain/errors.ts';
import type { CommandServices } from './services.ts';
import type { Terminal } from './terminal.ts';

export interface CommandFlag extends FlagShape {
  readonly doc: string;
  /** Stands for the value in the help: `FILE`. */
  readonly value?: string;
}

/** A command line, understood as far as its form goes. */
export interface Given {
  /** The positional arguments, as many as the command has, in order. */
  readonly positionals: readonly string[];
  /** Value of a flag; undefined when it is not given. */
  flag(name: string): string | undefined;
  has(name: string): boolean;
}

/**
 * A command that asks something of the hub. `prepare` and `print` run where it was typed, `run` where the hub is:
 * in the same process when the hub is stopped, in the hub's when it runs. Input and result are plain JSON.
 */
export interface CommandDefinition<Input, Result> {
  /** `user create` */
  readonly name: string;
  readonly summary: string;
  /** Names of the positional arguments, as the help shows them. All are needed. */
  readonly positionals: readonly string[];
  readonly flags: Readonly<Record<string, CommandFlag>>;
  readonly input: z.ZodType<Input>;
  prepare(given: Given, terminal: Terminal): Promise<Input> | Input;
  run(services: CommandServices, input: Input): Promise<Result>;
  /** The result for people. */
  print(result: Result): string;
  /** 1 when the result is bad news; 0 if left out. */
  exitCode?(result: Result): number;
}

/** A command with its types closed over, as tables and sockets hold it. */
export interface Command extends Omit<CommandDefinition<unknown, unknown>, 'input'> {
  /** Throws InvalidRequest when the input is not of this command, as from another version of the program. */
  run(services: CommandServices, input: unknown): Promise<unknown>;
}

export function defineCommand<Input, Result>(definition: CommandDefinition<Input, Result>): Command {
  const { input: schema, prepare, run, print, exitCode, ...facts } = definition;
  return {
    ...facts,
    prepare,
    async run(services, input) {
      const parsed = schema.safeParse(input);
      if (parsed.success) return run(services, parsed.data);
      throw new HubError(
        'InvalidRequest',
        `The hub does not understand this "${definition.name}". Is it another version?`,
      );
    },
    print: (result) => print(result as Result),
    ...(exitCode && { exitCode: (result: unknown) => exitCode(result as Result) }),
  };
}

/** A table with aligned columns; empty cells stay empty. */
export function writeTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [head, ...rows].map((cells) => `${line(cells)}\n`).join('');
}

export const isoTime = (time: number): string => new Date(time).toISOString();
