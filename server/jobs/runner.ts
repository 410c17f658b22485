import type { Job } from '../db/questions/jobs.ts';
import type { Database } from '../db/stores.ts';
import type { Clock } from '../platform/clock.ts';
import { runInContext } from '../platform/context.ts';
import type { Log } from '../platform/log.ts';
import type { RightOfWay } from '../platform/right-of-way.ts';

export type JobHandler = (job: Job) => Promise<void>;

/** Works off the jobs of the database, one at a time, from its start to its stop. */
export interface JobRunner {
  start(): void;
  /** There may be something new to do. */
  wake(): void;
  /** Take no new job, and wait for the one under way. */
  stop(): Promise<void>;
}

const LEASE_MS = 10 * 60_000;
/** How often the table is looked at without being told to: leases of a dead process run out, and times come. */
const LOOK_EVERY_MS = 5_000;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 60 * 60_000;

export function createJobRunner(parts: {
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Log;
  readonly handlers: Readonly<Record<string, JobHandler>>;
  readonly rightOfWay: Pick<RightOfWay, 'giveWay'>;
}): JobRunner {
  const { db, clock, log, handlers, rightOfWay } = parts;
  let timer: NodeJS.Timeout | undefined;
  let working: Promise<void> | undefined;
  let isAgain = false;
  let isRunning = false;

  async function runOne(job: Job): Promise<void> {
    try {
      const handler = handlers[job.kind];
      if (!handler) throw new Error(`no handler for jobs of the kind ${job.kind}`);
      await handler(job);
      await db.write((stores) => stores.jobs.finish(job.id));
    } catch (error) {
      const waitMs = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(job.attempts, 20));
      log.error('A job failed and will be tried again.', {
        err: error,
        kind: job.kind,
        key: job.key,
        waitMs,
      });
      await db.write((stores) => stores.jobs.retry(job.id, clock.now() + waitMs, String(error)));
    }
  }

  async function work(): Promise<void> {
    do {
      isAgain = false;
      for (;;) {
        await rightOfWay.giveWay(() => !isRunning);
        if (!isRunning) break;
        const job = await db.write((stores) => stores.jobs.claim(clock.now(), LEASE_MS));
        if (!job) break;
        await runInContext({ requestId: `job-${job.id}` }, () => runOne(job));
      }
    } while (isAgain && isRunning);
  }

  function wake(): void {
    if (!isRunning) return;
    isAgain = true;
    working ??= work()
      .catch((error: unknown) => log.error('The jobs could not be worked off.', { err: error }))
      .finally(() => (working = undefined));
  }

  return {
    start() {
      isRunning = true;
      timer = setInterval(wake, LOOK_EVERY_MS);
      timer.unref();
      wake();
    },
    wake,
    async stop() {
      isRunning = false;
      clearInterval(timer);
      await working;
    },
  };
}
