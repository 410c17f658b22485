import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { runAtoll, runStart, startProgram, type Ended, type RunningProgram } from './program.ts';

/** The program over one data folder, to be started, killed, and looked at again. */
export interface KilledHub {
  /** A folder for whatever a test writes; it goes away with the data. */
  readonly scratch: string;
  readonly dataDir: string;
  /** Start the program, with what is to fail (`ATOLL_FAIL`), if anything is. */
  start(plan?: string, flags?: readonly string[]): Promise<RunningProgram>;
  /** Start it with a plan by which it does not even say where it is, and answer how it ended. */
  startInVain(plan: string): Promise<Ended>;
  /** When the one that was started last has ended, by itself or not. */
  ended(): Promise<Ended>;
  /** End the one that was started last. */
  end(signal: NodeJS.Signals): Promise<Ended>;
  /** Run a command on the data folder with --json and give its answer. Throws when its exit code is not 0. */
  ask(command: readonly string[], input?: string): Promise<unknown>;
  /** What `doctor` finds, which looks at everything, while the program runs or not. */
  problems(): Promise<readonly unknown[]>;
  /** Make a user who has one token, and answer that. */
  createUser(name: string): Promise<string>;
}

/** Called by a test file once, before its tests; program and folder go away after them. */
export function useKilledHub(name: string, ownFlags: readonly string[] = []): KilledHub {
  const scratch = mkdtempSync(join(tmpdir(), `atoll-${name}-`));
  const dataDir = join(scratch, 'data');
  const args = ['--port', '0', '--host', '127.0.0.1', '--data-dir', dataDir, ...ownFlags];
  const environment = (plan?: string) => ({
    env: { ATOLL_TEST_STRICT: '1', ...(plan === undefined ? {} : { ATOLL_FAIL: plan }) },
  });
  let running: RunningProgram | undefined;
  const last = (): RunningProgram => {
    if (!running) throw new Error('Nothing was started.');
    return running;
  };
  afterAll(async () => {
    await running?.end('SIGKILL');
    rmSync(scratch, { recursive: true, force: true });
  });

  const ask: KilledHub['ask'] = async (command, input) => {
    const given = [...command, '--json', '--data-dir', dataDir];
    const { code, stdout, stderr } = await runAtoll(given, input === undefined ? {} : { input });
    if (code !== 0) throw new Error(`${command.join(' ')} ended with ${String(code)}: ${stdout}${stderr}`);
    return JSON.parse(stdout) as unknown;
  };

  return {
    scratch,
    dataDir,
    async start(plan, flags = []) {
      running = await startProgram([...args, ...flags], environment(plan));
      return running;
    },
    startInVain: (plan) => runStart(args, environment(plan)),
    ended: () => last().ended,
    end: (signal) => last().end(signal),
    ask,
    async problems() {
      return ((await ask(['doctor', '--full'])) as { readonly problems: readonly unknown[] }).problems;
    },
    async createUser(user) {
      await ask(['user', 'create', user, '--without-password']);
      return ((await ask(['token', 'create', user, '--name', 'ci'])) as { readonly secret: string }).secret;
    },
  };
}
