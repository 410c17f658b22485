import { urlPrefixOf } from '../contract/shapes.ts';
import { HubError } from '../domain/errors.ts';
import { repoFullName } from '../domain/repo.ts';
import type { ByteSource } from '../objects/object-store.ts';
import type { Authorize, Granted } from '../services/authorize.ts';
import type { GitExchange, GitProtocol, ReceivePack, UploadPack } from '../services/git-exchange.ts';
import type { LfsAccess } from '../services/lfs-access.ts';
import type { KnownSshKey } from '../services/ssh-keys.ts';
import { parseCommand, type SshCommand } from './command.ts';

/** What the commands of git are answered by. */
export interface ExecServices {
  readonly authorize: Authorize;
  readonly uploadPack: UploadPack;
  readonly receivePack: ReceivePack;
  readonly lfsAccess: LfsAccess;
}

/** A command with its streams, as a program would have them. */
export interface Exec {
  readonly text: string;
  readonly caller: KnownSshKey;
  /** Throws Forbidden when the caller's key was deleted since the command began. */
  confirmCaller(): Promise<unknown>;
  readonly protocol: GitProtocol;
  /** Where the caller reaches the hub by HTTP. */
  readonly httpOrigin: string;
  readonly input: ByteSource;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
  write(bytes: Uint8Array): Promise<void>;
  /** Say a sentence to the person. */
  tell(sentence: string): void;
}

/** The exit status of a shell that does not find a command: git-lfs takes another way then, and only then. */
const NOT_FOUND = 127;

/** Serve one command, and answer its exit status. Throws HubError for what is refused. */
export async function runExec(services: ExecServices, exec: Exec): Promise<number> {
  const command = parseCommand(exec.text);
  switch (command.kind) {
    case 'refused':
      exec.tell(command.sentence);
      return 1;
    case 'unknown':
      exec.tell(`${command.name}: command not found`);
      return NOT_FOUND;
    case 'lfs-authenticate':
      await authenticateLfs(services, exec, command);
      return 0;
    case 'upload-pack':
    case 'receive-pack':
      await exchangePacks(services, exec, command);
      return 0;
  }
}

async function exchangePacks(
  { authorize, uploadPack, receivePack }: ExecServices,
  exec: Exec,
  { kind, repo }: Extract<SshCommand, { kind: 'upload-pack' | 'receive-pack' }>,
): Promise<void> {
  const { protocol, signal } = exec;
  const input = confirmedInput(exec);
  // Everybody here has shown a key.
  const exchange: GitExchange = { protocol, isStateless: false, input, from: '', signal };
  const { actor } = exec.caller;
  if (kind === 'upload-pack') {
    const found = await authorize.repo(actor, repo, 'read');
    tellOfMove(exec, found);
    await exec.write(await uploadPack.advertise(found.granted, protocol));
    await writeAll(exec, uploadPack.serve(found.granted, exchange));
  } else {
    const found = await authorize.repo(actor, repo, 'write');
    tellOfMove(exec, found);
    await exec.write(await receivePack.advertise(found.granted));
    await writeAll(exec, receivePack.serve(found.granted, exchange));
  }
}

/** Who was told of the refs may take hours to say what they want: by then their key must still be there. */
async function* confirmedInput({ input, confirmCaller }: Exec): AsyncGenerator<Uint8Array> {
  let isConfirmed = false;
  for await (const piece of input) {
    if (!isConfirmed) await confirmCaller();
    isConfirmed = true;
    yield piece;
  }
}

async function writeAll({ write }: Exec, bytes: ByteSource): Promise<void> {
  for await (const piece of bytes) await write(piece);
}

/** Over HTTP there are redirects; here the former name just goes on working. */
function tellOfMove(
  exec: Exec,
  { granted: { repo }, isRedirect }: { readonly granted: Granted<'read'>; readonly isRedirect: boolean },
): void {
  if (!isRedirect) return;
  exec.tell(
    `This repository is now ${urlPrefixOf(repo.kind)}${repoFullName(repo)}. Please use its new name.`,
  );
}

/** What git-lfs asks for before it talks to the hub by HTTP (git-lfs, docs/api/server-discovery.md). */
async function authenticateLfs(
  { authorize, lfsAccess }: ExecServices,
  exec: Exec,
  { repo, operation }: Extract<SshCommand, { kind: 'lfs-authenticate' }>,
): Promise<void> {
  const level = operation === 'upload' ? 'write' : 'read';
  const { granted } = await authorize.repo(exec.caller.actor, repo, level);
  const { credential, expiresInSeconds } = lfsAccess.issue(granted, exec.caller.key, level);
  const path = `${urlPrefixOf(granted.repo.kind)}${repoFullName(granted.repo)}.git/info/lfs`;
  const answer = {
    href: `${exec.httpOrigin}/${path}`,
    header: { Authorization: `Bearer ${credential}` },
    expires_in: expiresInSeconds,
  };
  await exec.write(Buffer.from(`${JSON.stringify(answer)}\n`));
}

/** What a person is told when a command fails. */
export function sentenceOf(error: unknown): string {
  if (!(error instanceof HubError)) return 'The hub failed to do this.';
  if (error.code === 'RepoNotFound') return 'Repository not found, or you may not see it.';
  return error.message;
}
