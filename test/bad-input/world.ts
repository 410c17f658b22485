import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import BetterSqlite3 from 'better-sqlite3';
import { askRunningHub } from '../../server/platform/control-socket.ts';
import { createCapabilities, type Capabilities } from '../../server/services/capabilities.ts';
import { openDoor, type HubDoor } from '../support/hub.ts';
import { startProgram, type RunningProgram } from '../support/program.ts';
import { createRepo, DESCRIPTION, fileLine, lfsLine, type RepoClient } from '../support/scenario.ts';
import { residentBytesOf } from './memory.ts';
import type { Measured } from './probe.ts';
import { createStateReader, type State } from './state.ts';

export const PASSWORD = 'correct horse battery';
export const EXPIRED_TOKEN = `hf_${'expired'.padEnd(30, '0')}`;
/** Most bytes of one large file on this hub, and of one part of it. */
export const MOST_BYTES = 40 * 2 ** 20;
export const PART_BYTES = 5 * 2 ** 20;

/** A large file that `owner/m1` holds, and one that only the private `stranger/secret` holds. */
export const HELD = Buffer.alloc(20_000, 'held');
export const FOREIGN = Buffer.alloc(20_000, 'foreign');

/** The real program with people and repositories in it, which the rows are sent to. */
export interface World extends AsyncDisposable {
  readonly hub: HubDoor;
  /** `owner/m1`: public, with files, a folder, a large file, the branch `dev`, the branch `a/b` and the tag `v1`. */
  readonly repo: RepoClient;
  /** `stranger/secret`: private, of somebody else. */
  readonly secret: RepoClient;
  readonly secretHead: string;
  /** Makes a repository that is this row's alone. */
  fresh(): Promise<RepoClient>;
  /** A cookie of the user `clerk`, who has the password. */
  readonly cookie: string;
  /** Signs links as the hub does, at this distance from now. */
  capabilities(offsetMs: number): Capabilities;
  /** Run a command of the command line. */
  command(name: string, input: unknown): Promise<unknown>;
  state(): Promise<State>;
  /** Lines that the hub logged as errors so far. */
  loggedErrors(): readonly string[];
  /** Memory of the hub's process; undefined where the system does not tell. */
  residentBytes(): number | undefined;
  /** Memory of the hub's main thread that something holds, garbage collected; undefined where it cannot be asked. */
  heldBytes(): Promise<number | undefined>;
  /** End the measuring that began with the start. */
  measured(): Promise<Measured>;
}

export async function startWorld(): Promise<World> {
  await using cleanup = new AsyncDisposableStack();
  const scratch = await mkdtemp(join(tmpdir(), 'atoll-bad-input-'));
  cleanup.defer(() => rm(scratch, { recursive: true, force: true }));
  const dataDir = join(scratch, 'data');
  const limits = ['--limits-part-size', `${PART_BYTES / 2 ** 20}MiB`, '--limits-large-file-size', '40MiB'];
  // It would store large files anew at a time of its own.
  const noConversion = ['--no-uploads-convert-to-xet'];
  const program = await startProgram(['--port', '0', '--data-dir', dataDir, ...limits, ...noConversion], {
    env: {
      ATOLL_TEST_STRICT: '1',
      NODE_OPTIONS: `--import=${new URL('./held-memory.ts', import.meta.url).href}`,
    },
  });
  cleanup.defer(async () => void (await program.end('SIGTERM')));
  const hub = openDoor(program.url);
  const command = async (name: string, input: unknown): Promise<unknown> => {
    const answer = await askRunningHub(dataDir, name, input);
    if (!answer) throw new Error('The hub does not listen for commands.');
    return answer.result;
  };
  await command('apply', { text: JSON.stringify(withClerk()) });
  expire(dataDir);

  const repo = await createRepo(hub, 'owner/m1');
  await repo.uploadLfs(HELD);
  await repo.commit([
    fileLine('README.md', '# m1\n'),
    fileLine('empty', ''),
    fileLine('plain.txt', '0123456789'),
    fileLine('folder/x', '1'),
    lfsLine('held.bin', HELD),
  ]);
  for (const branch of ['dev', 'a/b', 'caf\u00e9']) {
    await repo.api('POST', `branch/${encodeURIComponent(branch)}`, { body: {} });
  }
  await repo.api('POST', 'tag/main', { body: { tag: 'v1' } });
  const secret = await createRepo(hub, 'stranger/secret', { person: 'stranger', isPrivate: true });
  await secret.uploadLfs(FOREIGN);
  await secret.commit([lfsLine('foreign.bin', FOREIGN)]);
  const session = await hub.send('POST', '/api/session', { body: { name: 'clerk', password: PASSWORD } });
  const states = createStateReader(dataDir);
  cleanup.defer(() => states.close());
  const key = readFileSync(join(dataDir, 'secret.key'));
  const probe = new Worker(new URL('./probe.ts', import.meta.url), {
    workerData: { url: program.url, pid: program.pid },
  });
  const measured = new Promise<Measured>((done, failed) => {
    probe.once('message', done);
    probe.once('error', failed);
  });
  measured.catch(() => undefined);
  cleanup.defer(async () => void (await probe.terminate()));
  let count = 0;
  const secretHead = await secret.head();

  const owned = cleanup.move();
  return {
    hub,
    repo,
    secret,
    secretHead,
    fresh: () => createRepo(hub, `owner/fresh-${(count += 1)}`),
    cookie: String(session.headers['set-cookie']?.[0]).split(';', 1)[0] ?? '',
    capabilities: (offsetMs) =>
      createCapabilities({
        key,
        clock: { now: () => Date.now() + offsetMs, monotonic: () => 0, sleep: () => Promise.resolve() },
      }),
    command,
    state: () => states.read(),
    loggedErrors: () => program.output.stderr.split('\n').filter((line) => /^\{"level":[56]0/.test(line)),
    residentBytes: () => residentBytesOf(program.pid),
    heldBytes: () => askHeldBytes(program),
    measured() {
      probe.postMessage('over');
      return measured;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Ask what `held-memory.ts` tells. */
async function askHeldBytes({ pid, output }: RunningProgram): Promise<number | undefined> {
  if (process.platform === 'win32') return undefined;
  const answers = (): readonly number[] =>
    [...output.stderr.matchAll(/^\{"heldBytes":([0-9]+)\}$/gm)].map(([, bytes]) => Number(bytes));
  const before = answers().length;
  process.kill(pid, 'SIGUSR2');
  while (answers().length === before) await delay(20);
  return answers().at(-1);
}

/** The usual people, one who has a password, and a token whose time is over. */
const withClerk = () => ({
  ...DESCRIPTION,
  users: [
    ...DESCRIPTION.users,
    { name: 'clerk', password: PASSWORD, tokens: [{ name: 'old', role: 'write', value: EXPIRED_TOKEN }] },
  ],
});

/** Nobody can make a token that is over, so one is let run out before it is first used. */
function expire(dataDir: string): void {
  const tables = new BetterSqlite3(join(dataDir, 'hub.db'));
  tables.prepare("update access_tokens set expires_at = created_at + 1 where name = 'old'").run();
  tables.close();
}
