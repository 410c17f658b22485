import type { Log } from './log.ts';

/** The part of `process` that stopping needs. */
export interface StoppableProcess {
  readonly connected?: boolean | undefined;
  on(event: 'SIGINT' | 'SIGTERM' | 'disconnect', listener: () => void): unknown;
  exit(code: number): void;
}

export interface StopOptions {
  readonly process: StoppableProcess;
  readonly log: Log;
  /** How long `stop` may take to finish what is under way. */
  readonly drainMs: number;
  /** How long it may then take to cut what is left. */
  readonly cutMs?: number;
  /** Signals this soon after the first are the same wish: terminals and npm both pass Ctrl-C on. */
  readonly echoMs?: number;
  /**
   * Take nothing new, finish what is under way, close everything. The signal aborts when the time is up: what is
   * still open then is to be cut. Called once.
   */
  readonly stop: (timeIsUp: AbortSignal) => Promise<void>;
}

export interface Stopping {
  /** Ask for the stop, as a signal would: the first call starts it, a later one exits at once. */
  request(reason: string): void;
}

/**
 * Stop the process on SIGINT, SIGTERM, the loss of the process that started it over IPC, or a call of
 * `request`. Exits with 0 when `stop` is done, with 1 when it fails or a second request comes.
 */
export function stopOnRequest(options: StopOptions): Stopping {
  const { process, log, drainMs, cutMs = 5_000, echoMs = 500, stop } = options;
  let state: 'running' | 'starting-to-stop' | 'stopping' = 'running';

  async function drain(): Promise<void> {
    const timeIsUp = new AbortController();
    const timers = [
      setTimeout(() => {
        log.warn('Stopping took too long; cutting what is left.', { drainMs });
        timeIsUp.abort();
      }, drainMs),
      setTimeout(() => process.exit(0), drainMs + cutMs),
      setTimeout(() => (state = 'stopping'), echoMs),
    ];
    try {
      await stop(timeIsUp.signal);
      log.info('Stopped.');
      process.exit(0);
    } catch (error) {
      log.error('Stopping failed.', { err: error });
      process.exit(1);
    } finally {
      for (const timer of timers) clearTimeout(timer);
    }
  }

  function request(reason: string): void {
    if (state === 'stopping') {
      log.warn('Stopping at once.', { reason });
      process.exit(1);
    } else if (state === 'running') {
      state = 'starting-to-stop';
      log.info('Stopping.', { reason });
      void drain();
    }
  }

  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => request(signal));
  if (process.connected) process.on('disconnect', () => request('the parent process is gone'));
  return { request };
}
