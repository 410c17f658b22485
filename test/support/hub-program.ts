import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { askRunningHub } from '../../server/platform/control-socket.ts';
import { runAtoll, startProgram } from './program.ts';

/** People as `atoll apply` takes them. */
const PEOPLE = {
  users: [
    {
      name: 'ada',
      fullname: 'Ada of the Tides',
      tokens: [
        { name: 'write', role: 'write' },
        { name: 'read', role: 'read' },
      ],
    },
    ...['mia', 'vic', 'bo'].map((name) => ({ name, tokens: [{ name: 'write', role: 'write' }] })),
  ],
  organizations: [
    {
      name: 'lab',
      members: [
        { user: 'ada', role: 'super-admin' },
        { user: 'mia', role: 'member' },
        { user: 'vic', role: 'visitor' },
      ],
    },
  ],
};

/** Tokens of the people above: `ada-read` may only read, `bo` is a stranger to all, `wrong` is nobody's. */
export type Person = 'ada' | 'ada-read' | 'mia' | 'vic' | 'bo' | 'wrong';

export interface HubProgram extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  readonly tokens: Readonly<Record<Person, string>>;
  /** A folder for whatever a test writes; it goes away with the hub. */
  readonly scratch: string;
  /** Run a command against this hub with --json and give its answer. Throws when its exit code is not 0. */
  ask(...command: readonly string[]): Promise<unknown>;
  /** The same for commands by the hundred: by the line that the command line uses, without a process for each. */
  command(name: string, input: unknown): Promise<unknown>;
  /** Messages that the hub logged as errors so far. */
  loggedErrors(): readonly string[];
  /** Routes that were answered without an error so far, as `GET /api/:kind`, each with those who asked. */
  answeredRoutes(): ReadonlyMap<string, ReadonlySet<string>>;
}

interface Applied {
  readonly secrets: readonly { readonly user: string; readonly name: string; readonly secret: string }[];
}

/** Start the hub as a user would, on a free port and an empty folder, with people made by `atoll apply`. */
export async function startHubProgram(flags: readonly string[] = []): Promise<HubProgram> {
  await using cleanup = new AsyncDisposableStack();
  const scratch = await mkdtemp(join(tmpdir(), 'atoll-clients-'));
  cleanup.defer(() => rm(scratch, { recursive: true, force: true }));
  const dataDir = join(scratch, 'data');
  const args = ['--port', '0', '--data-dir', dataDir, '--log-level', 'debug', ...flags];
  const program = await startProgram(args, { env: { ATOLL_TEST_STRICT: '1' } });
  cleanup.defer(async () => {
    await program.end('SIGTERM');
  });

  async function run(command: readonly string[], input?: string): Promise<unknown> {
    const args = [...command, '--json', '--data-dir', dataDir];
    const { code, stdout, stderr } = await runAtoll(args, input === undefined ? {} : { input });
    if (code !== 0) throw new Error(`${command.join(' ')} ended with ${String(code)}: ${stdout}${stderr}`);
    return JSON.parse(stdout) as unknown;
  }

  const { secrets } = (await run(['apply', '-'], JSON.stringify(PEOPLE))) as Applied;
  const tokenOf = (user: string, name: string): string => {
    const found = secrets.find((token) => token.user === user && token.name === name);
    if (!found) throw new Error(`No token ${user}/${name} was made.`);
    return found.secret;
  };
  const owned = cleanup.move();
  return {
    url: program.url,
    pid: program.pid,
    tokens: {
      ada: tokenOf('ada', 'write'),
      'ada-read': tokenOf('ada', 'read'),
      mia: tokenOf('mia', 'write'),
      vic: tokenOf('vic', 'write'),
      bo: tokenOf('bo', 'write'),
      wrong: `hf_${'x'.repeat(34)}`,
    },
    scratch,
    ask: (...command) => run(command),
    async command(name, input) {
      const answer = await askRunningHub(dataDir, name, input);
      if (!answer) throw new Error('The hub does not listen for commands.');
      return answer.result;
    },
    loggedErrors: () =>
      program.output.stderr
        .split('\n')
        .filter((line) => line.startsWith('{"level":50') || line.startsWith('{"level":60')),
    answeredRoutes: () => readAnswers(program.output.stderr),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

interface LoggedAnswer {
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly agent: string;
}

function readAnswers(log: string): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  for (const line of log.split('\n')) {
    if (!line.includes('"A request was answered."')) continue;
    const { method, route, status, agent } = JSON.parse(line) as LoggedAnswer;
    if (status >= 400) continue;
    const name = `${method} ${route}`;
    found.set(name, (found.get(name) ?? new Set()).add(agent));
  }
  return found;
}
