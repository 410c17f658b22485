import { spawn, type ChildProcess } from 'node:child_process';
import { globSync, readFileSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium, type Browser, type Page } from 'playwright-core';
import { findTool } from '../tools.ts';

/** What `control.js` reports of the app. */
export interface ShellFacts {
  readonly clipboard: string;
  readonly opened: readonly string[];
  readonly notifications: readonly { readonly title: string; readonly body: string }[];
  readonly dialogs: readonly { readonly message: string; readonly detail: string }[];
  readonly tray: {
    readonly tip: string;
    readonly menu: readonly { readonly label?: string; readonly enabled: boolean }[];
  };
  readonly windows: readonly {
    readonly isShown: boolean;
    readonly url: string;
    readonly webPreferences: Readonly<Record<string, unknown>>;
  }[];
}

/** An app under test, as a person has it: its window, its tray, its process. */
export interface RunningApp {
  readonly pid: number;
  /** The page in its window. */
  readonly page: Page;
  /** Everything it printed so far. */
  readonly output: () => string;
  readonly exited: Promise<number | null>;
  readonly facts: () => Promise<ShellFacts>;
  readonly clickTray: (label: string) => Promise<void>;
  readonly closeWindow: () => Promise<void>;
  /** What the person answers in the next dialogs: the index of the button. */
  readonly answerDialogs: (answer: number) => Promise<void>;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
}

/** Waits until `question` answers something else than undefined or false, at most `seconds`. */
export async function until<Answer>(
  question: () => Answer | Promise<Answer>,
  what: string,
  seconds = 20,
): Promise<NonNullable<Answer>> {
  for (let tries = 0; tries < seconds * 20; tries += 1) {
    const answer = await question();
    if (answer) return answer;
    await sleep(50);
  }
  throw new Error(`Waited ${seconds} s for ${what}.`);
}

/** Starts an app without waiting for its window: for starts that are to end by themselves. */
export function spawnApp(command: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  const [executable = '', ...args] = command;
  return spawn(executable, args, {
    env: { ...process.env, CHROMIUM_PATH: findTool('chromium'), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** The whole output and exit code of a start that ends by itself. */
export async function runApp(
  command: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawnApp(command, env);
  const output = collect(child);
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, output: output() };
}

function collect(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
  }
  return () => text;
}

/**
 * Starts the app on `dataDir` and waits for its window. `command` is the executable and its arguments. Works
 * with the stand-in and with real Electron, except for what needs the control socket: tray, dialogs, clipboard.
 */
export async function startApp({
  command,
  dataDir,
  scratch = dirname(dataDir),
  env = {},
}: {
  readonly command: readonly string[];
  readonly dataDir: string;
  /** The app's folder for temporary files. An app that is killed leaves some; here they go with the test's. */
  readonly scratch?: string;
  readonly env?: NodeJS.ProcessEnv;
}): Promise<RunningApp> {
  // Chromium writes its debugging port into the profile, which is not in the data folder when that is closed.
  const portFiles = (): string[] =>
    globSync([
      join(dataDir, 'desktop/{chromium/,}DevToolsActivePort'),
      join(scratch, 'atoll-desktop-*/{chromium/,}DevToolsActivePort'),
    ]);
  for (const file of portFiles()) rmSync(file);
  const socket = join(scratch, `control-${process.pid}-${Math.random().toString(36).slice(2, 8)}`);
  const child = spawnApp([...command, '--data-dir', dataDir, '--remote-debugging-port=0'], {
    TMPDIR: scratch,
    // Several run at once.
    ATOLL_SSH_PORT: '0',
    ...env,
    ELECTRON_STAND_IN_CONTROL: socket,
  });
  const output = collect(child);
  const exited = new Promise<number | null>((resolve) => child.on('close', resolve));
  let browser: Browser | undefined;

  const ask = (request: object): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const connection = createConnection(socket, () => connection.write(`${JSON.stringify(request)}\n`));
      connection.on('error', reject);
      createInterface({ input: connection }).on('line', (line) => {
        connection.end();
        const { result, error } = JSON.parse(line) as { result: unknown; error?: string };
        if (error === undefined) resolve(result);
        else reject(new Error(error));
      });
    });
  const check = (): void => {
    if (child.exitCode !== null) throw new Error(`The app ended: ${output()}`);
  };
  const end = async (): Promise<void> => {
    await browser?.close();
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    await exited;
  };

  try {
    const port = await until(() => {
      check();
      const [file] = portFiles();
      return file && readFileSync(file, 'utf8').split('\n')[0];
    }, 'the debugging port of the app');
    browser = await chromium.connectOverCDP(`http://127.0.0.1:${port}`);
    const [context] = browser.contexts();
    const page = await until(() => {
      check();
      return context?.pages().find((candidate) => candidate.url() !== 'about:blank');
    }, 'the window');
    return {
      pid: child.pid ?? 0,
      page,
      output,
      exited,
      facts: async () => (await ask({ do: 'state' })) as ShellFacts,
      clickTray: async (label) => void (await ask({ do: 'click', label })),
      closeWindow: async () => void (await ask({ do: 'closeWindow' })),
      answerDialogs: async (answer) => void (await ask({ do: 'answerDialogs', answer })),
      [Symbol.asyncDispose]: end,
    };
  } catch (error) {
    await end();
    throw error;
  }
}
