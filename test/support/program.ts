import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const bin = (file: string): string => fileURLToPath(new URL(`../../bin/${file}`, import.meta.url));

export interface Ended {
  /** Exit code; null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Variables beside PATH and HOME; nothing else of the tests' own environment is passed on. */
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

/** How long a start may take, a first build of the page included. */
const START_MS = 120_000;

interface Spawned {
  readonly child: ChildProcess;
  readonly output: { stdout: string; stderr: string };
  readonly ended: Promise<Ended>;
}

function spawnProgram(file: string, args: readonly string[], { env = {}, input }: RunOptions): Spawned {
  const { PATH = '', HOME = '/nonexistent' } = process.env;
  // Several run at once, and few are asked by SSH.
  const variables = { PATH, HOME, ATOLL_SSH_PORT: '0', ...env };
  const child = spawn(process.execPath, [bin(file), ...args], { env: variables, stdio: 'pipe' });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  child.stdin.end(input);
  const ended = new Promise<Ended>((done) => child.on('close', (code) => done({ code, ...output })));
  return { child, output, ended };
}

/** Run `atoll` to its end. */
export const runAtoll = (args: readonly string[], options: RunOptions = {}): Promise<Ended> =>
  spawnProgram('atoll.js', args, options).ended;

/** Run `npm start` to its end, which comes only when it cannot start. */
export const runStart = (args: readonly string[], options: RunOptions = {}): Promise<Ended> =>
  spawnProgram('start.js', args, options).ended;

export interface RunningProgram {
  readonly url: string;
  readonly pid: number;
  /** All that it has printed so far. */
  readonly output: { readonly stdout: string; readonly stderr: string };
  readonly ended: Promise<Ended>;
  /** Send a signal and wait for the end. */
  end(signal: NodeJS.Signals): Promise<Ended>;
}

/** Start the hub as `npm start` does, and wait until it says where it is. */
export const startProgram = (args: readonly string[], options: RunOptions = {}): Promise<RunningProgram> =>
  untilReady(spawnProgram('start.js', args, options));

/** Start the hub as `atoll start` does, and wait until it says where it is. */
export const startAtoll = (args: readonly string[], options: RunOptions = {}): Promise<RunningProgram> =>
  untilReady(spawnProgram('atoll.js', ['start', ...args], options));

async function untilReady({ child, output, ended }: Spawned): Promise<RunningProgram> {
  const url = await new Promise<string>((done, failed) => {
    const deadline = setTimeout(() => {
      child.kill('SIGKILL');
      failed(new Error(`The hub did not say where it is: ${output.stdout}${output.stderr}`));
    }, START_MS);
    const settle = (): void => clearTimeout(deadline);
    child.stdout?.on('data', () => {
      const [, found] = /export HF_ENDPOINT=(\S+)\n/.exec(output.stdout) ?? [];
      if (found === undefined) return;
      settle();
      done(found);
    });
    void ended.then(({ code, stderr }) => {
      settle();
      failed(new Error(`The hub ended with ${String(code)}: ${stderr}`));
    });
  });
  return {
    url,
    pid: child.pid ?? 0,
    output,
    ended,
    end(signal) {
      child.kill(signal);
      return ended;
    },
  };
}
