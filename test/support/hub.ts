import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { request, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import BetterSqlite3 from 'better-sqlite3';
import { expect } from 'vitest';
import { readConfigOfCommandLine } from '../../server/config/read.ts';
import { startHub as startListening } from '../../server/hub.ts';
import { systemClock, type Clock } from '../../server/platform/clock.ts';
import { askRunningHub } from '../../server/platform/control-socket.ts';
import { createLog } from '../../server/platform/log.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
  /** The body as JSON. Throws when it is none. */
  json<Shape = Record<string, unknown>>(): Shape;
}

export interface RequestOptions {
  /** Sent as a bearer token. */
  readonly token?: string | undefined;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Bytes as they are; anything else as JSON, with its media type. */
  readonly body?: unknown;
}

/** What a hub holds: rows of each table that is not derived, and the size of each stored object and staged file. */
export interface Snapshot {
  readonly rows: Readonly<Record<string, number>>;
  readonly files: Readonly<Record<string, number>>;
}

/** The address of a running hub, and the two ways of talking to it. */
export interface HubDoor {
  /** Such as `http://127.0.0.1:40000`. */
  readonly url: string;
  /** `127.0.0.1:40000`. */
  readonly host: string;
  /** Send one request; the target is not normalised. */
  send(method: string, target: string, options?: RequestOptions): Promise<Answer>;
  /** Write bytes to a connection, and answer all that comes back until it ends. */
  raw(bytes: string | Buffer): Promise<string>;
}

/** The real hub in this process, on a folder of its own and a free port. */
export interface TestHub extends HubDoor, AsyncDisposable {
  readonly dataDir: string;
  /** Port of its SSH server, where a flag switched that on. */
  readonly sshPort: number | undefined;
  /** Secret of the setup link, while there is no account. */
  readonly setupSecret: string | undefined;
  /** Run a command of the command line. */
  command(name: string, input: unknown): Promise<unknown>;
  /** Turn the hub's clock on. */
  advance(ms: number): void;
  snapshot(): Promise<Snapshot>;
  /** All lines that were logged so far. */
  logged(): readonly string[];
  /** Lines that were logged as errors so far. */
  loggedErrors(): readonly string[];
  /** Drain and close as a signal would; `timeIsUp` cuts what is still under way. */
  stop(timeIsUp?: AbortSignal): Promise<void>;
}

export function openDoor(url: string): HubDoor {
  const { host, port } = new URL(url);
  return {
    url,
    host,
    send: (method, target, options = {}) => send(Number(port), method, target, options),
    raw: (bytes) => exchange(Number(port), bytes),
  };
}

const INDEX_HTML = '<!doctype html><title>Atoll</title><style nonce="__ATOLL_NONCE__"></style>';

/** @param env Variables of its settings: secrets have no flag. */
export async function startHub(
  flags: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
  options: { readonly idleMs?: number } = {},
): Promise<TestHub> {
  await using cleanup = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'atoll-hub-'));
  cleanup.defer(() => rm(folder, { recursive: true, force: true }));
  const dataDir = join(folder, 'data');
  const assetsFolder = join(folder, 'assets');
  await mkdir(assetsFolder);
  await writeFile(join(assetsFolder, 'page-1234.js'), 'export {};\n');
  const read = readConfigOfCommandLine(
    ['--host', '127.0.0.1', '--port', '0', '--data-dir', dataDir, ...flags],
    // Few tests ask by SSH, and those name a port.
    { ATOLL_SSH_PORT: '0', ...env },
  );
  if (!read.ok) throw new Error(JSON.stringify(read.problems));

  const lines: string[] = [];
  const log = createLog({ level: 'info', format: 'json', write: (line) => void lines.push(line) });
  const { clock, advance } = createShiftedClock();
  const page = { indexHtml: INDEX_HTML, assetsFolder };
  const hub = await startListening({ config: read.config, log, clock, page, strict: true, ...options });
  let stopping: Promise<void> | undefined;
  const stop = (timeIsUp = new AbortController().signal): Promise<void> => (stopping ??= hub.stop(timeIsUp));
  cleanup.defer(() => stop(AbortSignal.abort()));
  const tables = new BetterSqlite3(join(dataDir, 'hub.db'), { readonly: true });
  cleanup.defer(() => void tables.close());

  const owned = cleanup.move();
  return {
    ...openDoor(hub.localUrl),
    dataDir,
    sshPort: hub.sshPort,
    setupSecret: hub.setupPath?.split('=')[1],
    async command(name, input) {
      const answer = await askRunningHub(dataDir, name, input);
      if (!answer) throw new Error('The hub does not listen for commands.');
      return answer.result;
    },
    advance,
    async snapshot() {
      return { rows: countRows(tables), files: await listFiles(dataDir, ['storage', 'staging']) };
    },
    logged: () => lines,
    loggedErrors: () => lines.filter((line) => /^\{"level":[56]0/.test(line)),
    stop,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** The system's clock, some time ahead. */
function createShiftedClock(): { readonly clock: Clock; advance(ms: number): void } {
  let ahead = 0;
  const clock: Clock = {
    now: () => systemClock.now() + ahead,
    monotonic: () => systemClock.monotonic() + ahead,
    sleep: systemClock.sleep,
  };
  return { clock, advance: (ms) => void (ahead += ms) };
}

function send(port: number, method: string, target: string, options: RequestOptions): Promise<Answer> {
  const { token, headers = {}, body } = options;
  const isJson = body !== undefined && !(body instanceof Uint8Array);
  const bytes = isJson ? Buffer.from(JSON.stringify(body)) : body;
  return new Promise((done, failed) => {
    const sent = request({
      host: '127.0.0.1',
      port,
      method,
      path: target,
      agent: false,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(isJson ? { 'content-type': 'application/json' } : {}),
        ...(bytes === undefined ? {} : { 'content-length': (bytes as Uint8Array).byteLength }),
        ...headers,
      } as Record<string, string | string[]>,
    });
    sent.on('error', failed);
    sent.on('response', (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('error', failed);
      response.on('end', () => {
        const whole = Buffer.concat(pieces);
        done({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: whole,
          text: whole.toString('utf8'),
          json: <Shape>() => JSON.parse(whole.toString('utf8')) as Shape,
        });
      });
    });
    sent.end(bytes);
  });
}

function exchange(port: number, bytes: string | Buffer): Promise<string> {
  return new Promise((done, failed) => {
    const pieces: Buffer[] = [];
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.on('data', (piece) => pieces.push(piece));
    socket.on('error', failed);
    socket.on('close', () => done(Buffer.concat(pieces).toString('latin1')));
  });
}

/** Tables that jobs fill on their own, at any time, from what the others say. */
const DERIVED = [
  'jobs',
  'object_samples',
  // Written some seconds after what it counts.
  'download_days',
  'history_chains',
  'history_commits',
  'path_changes',
  'repository_facts',
  'repository_labels',
  'stale_facts',
];

function countRows(tables: BetterSqlite3.Database): Readonly<Record<string, number>> {
  const names = tables
    .prepare("select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'")
    .pluck()
    .all() as string[];
  return Object.fromEntries(
    names
      .filter((name) => !DERIVED.includes(name))
      .map((name) => [name, tables.prepare(`select count(*) from "${name}"`).pluck().get() as number]),
  );
}

/** Folders come and go while they are listed; then the list is made anew. */
async function listFiles(
  root: string,
  folders: readonly string[],
): Promise<Readonly<Record<string, number>>> {
  for (let tries = 1; ; tries++) {
    try {
      return await listFilesOnce(root, folders);
    } catch (error) {
      if (tries === 20 || (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      await delay(20);
    }
  }
}

async function listFilesOnce(
  root: string,
  folders: readonly string[],
): Promise<Readonly<Record<string, number>>> {
  const sizes: Record<string, number> = {};
  for (const folder of folders) {
    for (const entry of await readdir(join(root, folder), { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      if (entry.isFile()) sizes[relative(root, path)] = (await stat(path)).size;
    }
  }
  return sizes;
}

/** Expect that a refused request left nothing behind. */
export async function expectNothingStored(hub: TestHub, work: () => Promise<unknown>): Promise<void> {
  const before = await hub.snapshot();
  await work();
  // A broken connection is noticed a moment after it broke, on a busy machine a long one.
  await delay(30);
  await expect.poll(() => hub.snapshot()).toEqual(before);
}
