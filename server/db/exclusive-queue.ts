/** Runs one piece of work at a time, in the order asked for. */
export interface ExclusiveQueue {
  run<Result>(work: () => Promise<Result>): Promise<Result>;
}

export function createExclusiveQueue(): ExclusiveQueue {
  let last: Promise<unknown> = Promise.resolve();
  return {
    run: (work) => {
      const result = last.then(work);
      // The queue goes on after a failure; the failure itself belongs to whoever asked for the work.
      last = result.catch(() => undefined);
      return result;
    },
  };
}
