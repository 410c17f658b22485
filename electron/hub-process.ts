import {
  hubMessage,
  type HubFailureCode,
  type HubFailureDetails,
  type ShellMessage,
} from '../server/contract/desktop.ts';

/** The part of Electron's UtilityProcess that is used; `kill` must end the process without asking it. */
export interface HubChild {
  postMessage(message: ShellMessage): void;
  onMessage(listener: (message: unknown) => void): void;
  onOutput(listener: (text: string) => void): void;
  onExit(listener: (exitCode: number) => void): void;
  kill(): void;
}

export interface HubFailure {
  /** `Timeout` and `Crashed` are the shell's own findings, the others are said by the hub. */
  readonly code: HubFailureCode | 'Timeout' | 'Crashed';
  readonly message: string;
  readonly details: HubFailureDetails;
  /** What the hub printed last. */
  readonly output: readonly string[];
}

export type HubState =
  | { readonly phase: 'starting' }
  | { readonly phase: 'running'; readonly url: string; readonly setupUrl: string | undefined }
  | { readonly phase: 'restarting'; readonly attempt: number }
  | { readonly phase: 'failed'; readonly failure: HubFailure }
  | { readonly phase: 'stopping' }
  | { readonly phase: 'stopped' };

export interface HubProcess {
  start(): void;
  /** Stops what runs (draining it) and starts anew. */
  restart(): Promise<void>;
  /** Final: resolves when no hub process is left, and none is started after it. May be called again. */
  stop(): Promise<void>;
  state(): HubState;
}

/** All in milliseconds. */
export const hubDeadlines = {
  /** A start that takes longer is reported, not ended: a migration of a large database may need it. */
  start: 30_000,
  /** What a running hub gets to finish uploads and jobs. */
  drain: 20_000,
  /** What a hub gets to exit when there is nothing to drain: before it was ready, or after its last word. */
  exit: 5_000,
  /** First wait before a crashed hub is started again; doubles per crash in a row. */
  backOff: 500,
  /** A hub that ran this long has recovered: the next crash counts as the first. */
  recovered: 60_000,
} as const;

const restartsInARow = 5;
const linesKept = 40;

/**
 * Owns the hub: one child at a time, started with a deadline, started again with back-off when it ends by
 * itself after it had been ready, drained on stop. A hub that never became ready is not started again: what
 * stopped it is still there.
 */
export function createHubProcess({
  fork,
  onState,
  warn,
}: {
  readonly fork: () => HubChild;
  readonly onState: (state: HubState) => void;
  readonly warn: (sentence: string) => void;
}): HubProcess {
  let state: HubState = { phase: 'stopped' };
  let child: HubChild | undefined;
  let exited = Promise.resolve();
  let crashes = 0;
  let everReady = false;
  let isClosed = false;
  let timer: NodeJS.Timeout | undefined;

  const enter = (next: HubState): void => {
    state = next;
    onState(next);
  };
  /** There is one thing to wait for at a time: the start, the recovery, the next try, or the end. */
  const after = (milliseconds: number, then: () => void): void => {
    clearTimeout(timer);
    timer = setTimeout(then, milliseconds);
  };

  const spawn = (): void => {
    const output: string[] = [];
    const current = fork();
    child = current;
    const fail = (failure: Omit<HubFailure, 'output'>): void =>
      enter({ phase: 'failed', failure: { ...failure, output: [...output] } });

    after(hubDeadlines.start, () =>
      fail({
        code: 'Timeout',
        message: `The hub has not answered for ${hubDeadlines.start / 1000} seconds.`,
        details: {},
      }),
    );

    current.onOutput((text) => {
      output.push(...text.split('\n').filter((line) => line.trim() !== ''));
      output.splice(0, output.length - linesKept);
    });

    current.onMessage((raw) => {
      const parsed = hubMessage.safeParse(raw);
      if (!parsed.success) {
        warn(`The hub sent a message that is not in the contract: ${parsed.error.issues[0]?.message}`);
        return;
      }
      const message = parsed.data;
      if (message.type === 'stopped') {
        after(hubDeadlines.exit, () => current.kill());
      } else if (state.phase === 'stopping') {
        return;
      } else if (message.type === 'ready') {
        everReady = true;
        enter({ phase: 'running', url: new URL(message.url).origin, setupUrl: message.setupUrl });
        after(hubDeadlines.recovered, () => {
          crashes = 0;
        });
      } else {
        fail({ code: message.code, message: message.message, details: message.details });
        after(hubDeadlines.exit, () => current.kill());
      }
    });

    exited = new Promise((resolve) => {
      current.onExit((exitCode) => {
        clearTimeout(timer);
        child = undefined;
        if (state.phase === 'stopping') {
          enter({ phase: 'stopped' });
        } else if (state.phase !== 'failed' || state.failure.code === 'Timeout') {
          crashes += 1;
          if (everReady && crashes <= restartsInARow) {
            enter({ phase: 'restarting', attempt: crashes });
            after(hubDeadlines.backOff * 2 ** (crashes - 1), spawn);
          } else {
            fail({
              code: 'Crashed',
              message: `The hub ended by itself (exit code ${exitCode}).`,
              details: {},
            });
          }
        }
        resolve();
      });
    });
  };

  const start = (): void => {
    if (child || isClosed) return;
    crashes = 0;
    everReady = false;
    enter({ phase: 'starting' });
    spawn();
  };

  const drain = async (): Promise<void> => {
    const current = child;
    if (!current) {
      clearTimeout(timer);
      if (state.phase !== 'stopped') enter({ phase: 'stopped' });
      return;
    }
    if (state.phase === 'failed' && state.failure.code !== 'Timeout') {
      // It has said its last word; a utility process without anything to do may still stay.
      current.kill();
    } else if (state.phase !== 'stopping') {
      const grace = state.phase === 'running' ? hubDeadlines.drain : hubDeadlines.exit;
      enter({ phase: 'stopping' });
      after(grace, () => current.kill());
      current.postMessage({ type: 'stop' });
    }
    await exited;
  };

  return {
    start,
    async restart() {
      await drain();
      start();
    },
    async stop() {
      isClosed = true;
      await drain();
    },
    state: () => state,
  };
}
