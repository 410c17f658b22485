import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHubApi, type HubApi } from '../test/support/hub-api.ts';
import { runAtoll, startProgram } from '../test/support/program.ts';
import { freePort } from '../test/support/ssh.ts';

/** The real program on a folder of its own, with one user. */
export interface BenchHub extends AsyncDisposable {
  readonly api: HubApi;
  readonly url: string;
  readonly port: number;
  readonly sshPort: number;
  readonly token: string;
  readonly pid: number;
  /** A folder for whatever a case writes; it goes away with the hub. */
  readonly scratch: string;
}

export async function startBenchHub(): Promise<BenchHub> {
  await using cleanup = new AsyncDisposableStack();
  const scratch = await mkdtemp(join(tmpdir(), 'atoll-bench-'));
  cleanup.defer(() => rm(scratch, { recursive: true, force: true }));
  const dataDir = join(scratch, 'data');
  const people = JSON.stringify({ users: [{ name: 'ada', tokens: [{ name: 'bench', role: 'write' }] }] });
  const applied = await runAtoll(['apply', '-', '--json', '--data-dir', dataDir], { input: people });
  const { secrets } = JSON.parse(applied.stdout) as {
    readonly secrets: readonly { readonly secret: string }[];
  };
  const token = secrets[0]?.secret ?? '';
  const sshPort = await freePort();
  const flags = ['--port', '0', '--ssh-port', String(sshPort), '--data-dir', dataDir, '--log-level', 'warn'];
  const program = await startProgram(flags, { env: profilerEnvironment() });
  cleanup.defer(async () => {
    const { stderr } = await program.end('SIGTERM');
    process.stderr.write(stderr);
  });
  const owned = cleanup.move();
  return {
    api: createHubApi({ url: program.url, token }),
    url: program.url,
    port: Number(new URL(program.url).port),
    sshPort,
    token,
    pid: program.pid,
    scratch,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** `ATOLL_BENCH_NODE_OPTIONS="--cpu-prof --cpu-prof-dir=..."` shows where the hub spends its time. */
function profilerEnvironment(): Readonly<Record<string, string>> {
  const options = process.env['ATOLL_BENCH_NODE_OPTIONS'];
  return options === undefined ? {} : { NODE_OPTIONS: options };
}
