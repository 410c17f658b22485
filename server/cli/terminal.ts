import { readFileSync } from 'node:fs';
import type { ReadStream } from 'node:tty';
import { HubError } from '../domain/errors.ts';

/** Where a command reads and writes. */
export interface Terminal {
  /** Whether a person can be asked. */
  readonly isInteractive: boolean;
  /** For answers. */
  write(text: string): void;
  /** For everything else. */
  writeError(text: string): void;
  /** Ask for a secret; it is not shown while it is typed. Only when interactive. */
  askSecret(question: string): Promise<string>;
  readInput(): Promise<string>;
  /** Throws InvalidRequest with a sentence that says why. */
  readFile(path: string): string;
}

/** The terminal of this process. */
export function openTerminal({
  stdin,
  stdout,
  stderr,
}: Pick<NodeJS.Process, 'stdin' | 'stdout' | 'stderr'>): Terminal {
  // Whoever reads the answer may stop before its end, as `head` does.
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  return {
    isInteractive: Boolean(stdin.isTTY && stderr.isTTY),
    write: (text) => void stdout.write(text),
    writeError: (text) => void stderr.write(text),
    askSecret: (question) => askHidden(question, stdin, (text) => void stderr.write(text)),
    async readInput() {
      const pieces: Buffer[] = [];
      for await (const piece of stdin) pieces.push(Buffer.from(piece as Uint8Array | string));
      return Buffer.concat(pieces).toString('utf8');
    },
    readFile(path) {
      try {
        return readFileSync(path, 'utf8');
      } catch (cause) {
        const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
        throw new HubError('InvalidRequest', `The file ${path} cannot be read (${code}).`, { cause });
      }
    },
  };
}

const ENTER = new Set(['\r', '\n', '\u0004']);
const ERASE = new Set(['\b', '\u007f']);
const INTERRUPT = '\u0003';

function askHidden(question: string, stdin: ReadStream, show: (text: string) => void): Promise<string> {
  show(question);
  stdin.setRawMode(true);
  stdin.setEncoding('utf8');
  stdin.resume();
  const typed: string[] = [];
  return new Promise((done, failed) => {
    const end = (): void => {
      stdin.off('data', take);
      stdin.setRawMode(false);
      stdin.pause();
      show('\n');
    };
    const take = (keys: string | Buffer): void => {
      for (const key of String(keys)) {
        if (key === INTERRUPT) {
          end();
          failed(new HubError('InvalidRequest', 'Interrupted.'));
          return;
        }
        if (ENTER.has(key)) {
          end();
          done(typed.join(''));
          return;
        }
        if (ERASE.has(key)) typed.pop();
        else typed.push(key);
      }
    };
    stdin.on('data', take);
  });
}
