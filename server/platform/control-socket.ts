import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { chmodSync } from 'node:fs';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { HubError, isHubError } from '../domain/errors.ts';
import type { ErrorCode, ErrorDetails } from '../domain/errors.ts';
import type { Log } from './log.ts';

/*
 * The line between the command line and the running hub: a socket in the data folder (a named pipe on Windows).
 * One connection carries one request and one answer, each a line of JSON. `control.json` in the data folder says
 * where the socket is and holds a key, so that only those who can read the data folder can ask.
 */

const ADDRESS_FILE = 'control.json';
const SOCKET_FILE = 'atoll.sock';
/** `sun_path` has 108 bytes on Linux and 104 on macOS, with the closing zero. */
const LONGEST_SOCKET_PATH = 103;
const LONGEST_REQUEST_CHARS = 32 * 2 ** 20;

interface Address {
  readonly address: string;
  readonly key: string;
}

interface Request {
  readonly key: string;
  readonly command: string;
  readonly input: unknown;
}

type Reply =
  | { readonly ok: true; readonly result: unknown }
  | {
      readonly ok: false;
      readonly code: ErrorCode;
      readonly message: string;
      readonly details: ErrorDetails;
    };

export interface ControlSocketOptions {
  readonly dataDir: string;
  readonly log: Log;
  /** Answer one command. What it gives must be JSON; HubErrors reach the caller, others only as "Internal". */
  readonly handle: (command: string, input: unknown) => Promise<unknown>;
}

export interface ControlSocket {
  /** Take no more requests, wait for those under way, remove the socket. */
  close(): Promise<void>;
}

/** Listen for commands. Only for the process that holds the lock of the data folder. */
export async function openControlSocket({
  dataDir,
  log,
  handle,
}: ControlSocketOptions): Promise<ControlSocket> {
  const key = randomBytes(32).toString('hex');
  const { address, folder } = await chooseAddress(dataDir);
  const waiting = new Set<Socket>();
  const busy = new Set<Promise<void>>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    waiting.add(socket);
    socket.on('error', (error) => log.debug('A command left early.', { err: error }));
    socket.on('close', () => waiting.delete(socket));
    const work = answer(socket).finally(() => busy.delete(work));
    busy.add(work);
  });

  async function answer(socket: Socket): Promise<void> {
    const line = await readLine(socket, LONGEST_REQUEST_CHARS);
    if (line === undefined) {
      socket.destroy();
      return;
    }
    waiting.delete(socket);
    socket.end(`${JSON.stringify(await replyTo(line))}\n`);
  }

  async function replyTo(line: string): Promise<Reply> {
    try {
      const { command, input } = readRequest(line, key);
      return { ok: true, result: (await handle(command, input)) ?? null };
    } catch (error) {
      if (isHubError(error))
        return { ok: false, code: error.code, message: error.message, details: error.details };
      log.error('A command failed.', { err: error });
      return { ok: false, code: 'Internal', message: 'The hub failed; its log says why.', details: {} };
    }
  }

  await new Promise<void>((done, failed) => {
    server.once('error', failed);
    server.listen(address, () => {
      server.off('error', failed);
      done();
    });
    // The socket exists as soon as listen() returns; nobody but the owner may open it.
    if (process.platform !== 'win32' && server.listening) chmodSync(address, 0o600);
  });
  server.on('error', (error) => log.error('The control socket failed.', { err: error }));
  await writeAddress(dataDir, { address, key });

  return {
    async close() {
      await rm(join(dataDir, ADDRESS_FILE), { force: true });
      const closed = new Promise<void>((done) => server.close(() => done()));
      for (const socket of waiting) socket.destroy();
      await Promise.all(busy);
      await closed;
      if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}

/**
 * Send a command to the hub that runs on this data folder. Answers `undefined` when none listens. Throws the
 * HubError that the command ended with, or `Unavailable` when the hub went away before it answered.
 */
export async function askRunningHub(
  dataDir: string,
  command: string,
  input: unknown,
): Promise<{ readonly result: unknown } | undefined> {
  const found = await readAddress(dataDir);
  const socket = found && (await dial(found.address));
  if (!found || !socket) return undefined;
  try {
    const request: Request = { key: found.key, command, input };
    socket.end(`${JSON.stringify(request)}\n`);
    const line = await readLine(socket, Number.POSITIVE_INFINITY);
    if (line === undefined) throw new HubError('Unavailable', 'The hub stopped before it answered.');
    const reply = JSON.parse(line) as Reply;
    if (!reply.ok) throw new HubError(reply.code, reply.message, { details: reply.details });
    return { result: reply.result };
  } finally {
    socket.destroy();
  }
}

function readRequest(line: string, key: string): Request {
  const invalid = (): HubError => new HubError('InvalidRequest', 'This is not a command.');
  let request: Partial<Record<keyof Request, unknown>>;
  try {
    request = Object(JSON.parse(line)) as typeof request;
  } catch {
    throw invalid();
  }
  const { command, input } = request;
  if (typeof command !== 'string' || typeof request.key !== 'string') throw invalid();
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  if (!timingSafeEqual(digest(request.key), digest(key)))
    throw new HubError('Forbidden', 'The key is wrong.');
  return { key, command, input };
}

/** The first line that comes; undefined when the other side ends before it, or sends too much. */
function readLine(socket: Socket, longest: number): Promise<string | undefined> {
  return new Promise((done) => {
    const pieces: string[] = [];
    let length = 0;
    socket.setEncoding('utf8');
    socket.on('data', (piece: string) => {
      const end = piece.indexOf('\n');
      pieces.push(end < 0 ? piece : piece.slice(0, end));
      length += piece.length;
      if (end >= 0) done(pieces.join(''));
      else if (length > longest) done(undefined);
    });
    for (const event of ['end', 'close', 'error']) socket.on(event, () => done(undefined));
  });
}

/** An address to listen on, free of leftovers, and the folder that was made for it, if one was. */
async function chooseAddress(
  dataDir: string,
): Promise<{ readonly address: string; readonly folder?: string }> {
  if (process.platform === 'win32') {
    const name = createHash('sha256').update(resolve(dataDir)).digest('hex').slice(0, 32);
    return { address: `\\\\.\\pipe\\atoll-${name}` };
  }
  const address = resolve(dataDir, SOCKET_FILE);
  if (Buffer.byteLength(address) <= LONGEST_SOCKET_PATH) {
    await rm(address, { force: true });
    return { address };
  }
  const folder = await mkdtemp(join(tmpdir(), 'atoll-'));
  return { address: join(folder, 's'), folder };
}

async function writeAddress(dataDir: string, address: Address): Promise<void> {
  const path = join(dataDir, ADDRESS_FILE);
  const fresh = `${path}.new`;
  await rm(fresh, { force: true });
  await writeFile(fresh, JSON.stringify(address), { mode: 0o600, flag: 'wx' });
  await rename(fresh, path);
}

async function readAddress(dataDir: string): Promise<Address | undefined> {
  let text: string;
  try {
    text = await readFile(join(dataDir, ADDRESS_FILE), 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new HubError(
      'Forbidden',
      `The data folder ${dataDir} cannot be read (${code ?? 'unknown error'}).`,
      {
        cause: error,
      },
    );
  }
  try {
    const { address, key } = JSON.parse(text) as Address;
    return typeof address === 'string' && typeof key === 'string' ? { address, key } : undefined;
  } catch {
    // Left behind half-written by a crash: nobody listens.
    return undefined;
  }
}

/** A connection; undefined when nobody listens there any more. */
function dial(address: string): Promise<Socket | undefined> {
  return new Promise((done, failed) => {
    const socket = connect({ path: address, allowHalfOpen: true });
    socket.once('connect', () => done(socket));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') done(undefined);
      else
        failed(
          new HubError(
            'Unavailable',
            `The running hub cannot be reached (${error.code ?? 'unknown error'}).`,
          ),
        );
    });
  });
}
