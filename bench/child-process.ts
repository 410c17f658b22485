import { execFile, fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const fileOf = (name: string): string => fileURLToPath(new URL(`children/${name}.ts`, import.meta.url));

/** Run a child to its end and parse what it printed. */
export async function askChild<Answer>(name: 'load' | 'download', input: unknown): Promise<Answer> {
  const child = spawn(process.execPath, [fileOf(name), JSON.stringify(input)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`bench/children/${name}.ts ended with ${String(code)}.`);
  return JSON.parse(printed) as Answer;
}

/** Let a Python client do something, and answer how many seconds it took. */
export async function askClient(python: string, job: Readonly<Record<string, unknown>>): Promise<number> {
  const script = fileURLToPath(new URL('children/clients.py', import.meta.url));
  const { PATH = '' } = process.env;
  const { stdout } = await promisify(execFile)(python, [script, JSON.stringify(job)], { env: { PATH } });
  return Number(stdout);
}

export interface ServerChild {
  readonly port: number;
  readonly pid: number;
  end(): Promise<void>;
}

/** Start a server and wait for the port it prints. */
export async function startServerChild(input: unknown): Promise<ServerChild> {
  const child = spawn(process.execPath, [fileOf('server'), JSON.stringify(input)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  return { port: Number(line), pid: child.pid ?? 0, end: () => endChild(child) };
}

export function forkChild(name: 'ping', input: unknown): ChildProcess {
  return fork(fileOf(name), [JSON.stringify(input)]);
}

export async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}
