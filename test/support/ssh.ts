import { spawn } from 'node:child_process';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';

/** A key pair that `ssh-keygen` made. */
export interface SshKeyPair {
  /** Path of the private key. */
  readonly file: string;
  /** The line of the `.pub` file. */
  readonly publicLine: string;
}

export function makeSshKey(
  folder: string,
  name: string,
  options: readonly string[] = ['-t', 'ed25519'],
): SshKeyPair {
  const file = join(folder, name);
  execFileSync('ssh-keygen', ['-q', ...options, '-N', '', '-C', `${name}@tests`, '-f', file]);
  return { file, publicLine: readFileSync(`${file}.pub`, 'utf8').trim() };
}

export interface CommandEnd {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Run a program to its end, without standing in the way of a hub in this process. */
export function runCommand(
  command: string,
  args: readonly string[],
  options: {
    readonly cwd?: string;
    readonly env?: Readonly<Record<string, string>>;
    readonly input?: string;
    readonly timeoutMs?: number;
  } = {},
): Promise<CommandEnd> {
  const { PATH = '' } = process.env;
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { PATH, HOME: '/nonexistent', ...options.env },
    timeout: options.timeoutMs ?? 120_000,
    stdio: 'pipe',
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  // A program that ends early does not read all.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, ...output }));
  });
}

/** Options with which the OpenSSH client takes this key alone, and any host. */
export const sshOptions = (port: number, { file }: Pick<SshKeyPair, 'file'>): readonly string[] => [
  ...['-F', '/dev/null', '-i', file, '-p', String(port)],
  ...[
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'IdentitiesOnly=yes',
    'BatchMode=yes',
  ].flatMap((option) => ['-o', option]),
  ...['-o', 'LogLevel=ERROR'],
];

/** `GIT_SSH_COMMAND` for this key. */
export const gitSshCommand = (port: number, key: Pick<SshKeyPair, 'file'>): string =>
  ['ssh', ...sshOptions(port, key)].map((word) => `'${word}'`).join(' ');

/** A port on which nobody listens at the moment. */
export function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
