import type { Terminal } from '../../server/cli/terminal.ts';
import { HubError } from '../../server/domain/errors.ts';

export interface FakeTerminal extends Terminal {
  readonly written: string[];
}

/** A terminal that answers questions in order, and keeps what is written. */
export function createFakeTerminal({
  answers,
  input = '',
  files = {},
}: {
  /** What a person types; undefined when there is no person. */
  readonly answers?: readonly string[];
  readonly input?: string;
  readonly files?: Readonly<Record<string, string>>;
} = {}): FakeTerminal {
  const left = [...(answers ?? [])];
  const written: string[] = [];
  return {
    written,
    isInteractive: answers !== undefined,
    write: (text) => void written.push(text),
    writeError: (text) => void written.push(text),
    askSecret: () => Promise.resolve(left.shift() ?? ''),
    readInput: () => Promise.resolve(input),
    readFile(path) {
      const text = files[path];
      if (text === undefined)
        throw new HubError('InvalidRequest', `The file ${path} cannot be read (ENOENT).`);
      return text;
    },
  };
}
