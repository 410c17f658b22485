/** Long work that answers in steps, each when it is asked for; between two it waits. */
export interface Conversation<Told, Report> {
  /** Tell it something, and wait for its next report. Rejects with what the work throws, which ends it. */
  next(told: Told): Promise<Report>;
  /** Give up: the work finds its next wait rejected, and cleans up. */
  abort(): void;
}

/**
 * Run `work` as one side of a conversation: it gets what it is told first, and calls `turn` with a report whenever it
 * lets others have the thread or needs something. What it returns is its last report.
 */
export function createConversation<Told, Report>(
  work: (first: Told, turn: (report: Report) => Promise<Told>) => Promise<Report>,
): Conversation<Told, Report> {
  let isStarted = false;
  let isAborted = false;
  /** Whoever waits for a report. */
  let asked: { resolve: (report: Report) => void; reject: (error: unknown) => void } | undefined;
  /** The work, while it waits to be told something. */
  let waiting: { resolve: (told: Told) => void; reject: (error: unknown) => void } | undefined;
  const givenUp = (): Error => new Error('the work was given up');

  const turn = (report: Report): Promise<Told> => {
    if (isAborted) return Promise.reject(givenUp());
    return new Promise((resolve, reject) => {
      waiting = { resolve, reject };
      const { resolve: answer } = asked ?? {};
      asked = undefined;
      answer?.(report);
    });
  };

  return {
    next(told) {
      return new Promise((resolve, reject) => {
        if (isAborted) {
          reject(givenUp());
          return;
        }
        asked = { resolve, reject };
        if (!isStarted) {
          isStarted = true;
          work(told, turn).then(
            (report) => asked?.resolve(report),
            (error: unknown) => asked?.reject(error),
          );
          return;
        }
        const current = waiting;
        waiting = undefined;
        if (current) current.resolve(told);
        else reject(new Error('the work is over'));
      });
    },
    abort() {
      isAborted = true;
      const current = waiting;
      waiting = undefined;
      asked = undefined;
      current?.reject(givenUp());
    },
  };
}
