import type { Clock } from '../platform/clock.ts';

/** Longer than this, a transaction makes other people wait noticeably. */
const LIMIT_MS = 50;

export interface TransactionReport {
  readonly mode: 'read' | 'write';
  readonly elapsedMs: number;
  /** True while it is still open; a second report follows when it ends. */
  readonly isOpen: boolean;
}

/** Wraps the inside of a transaction and reports the ones that stay open too long. */
export type Watchdog = <Result>(mode: 'read' | 'write', work: () => Promise<Result>) => Promise<Result>;

export function createWatchdog(
  clock: Clock,
  report: ((report: TransactionReport) => void) | undefined,
): Watchdog {
  if (!report) return (_mode, work) => work();
  return async (mode, work) => {
    const start = clock.monotonic();
    const elapsedMs = (): number => clock.monotonic() - start;
    const alarm = setTimeout(() => report({ mode, elapsedMs: elapsedMs(), isOpen: true }), LIMIT_MS);
    try {
      return await work();
    } finally {
      clearTimeout(alarm);
      if (elapsedMs() > LIMIT_MS) report({ mode, elapsedMs: elapsedMs(), isOpen: false });
    }
  };
}
