import { setImmediate as nextTurn } from 'node:timers/promises';

const TURN_BUDGET_MS = 5;

/**
 * SQLite answers synchronously and promises that are already settled never let the event loop turn, so a long
 * transaction would hold up everything else in the process. This says when a query has to wait for the next turn.
 */
export interface TurnBudget {
  /** Undefined when the query may run at once, else what to await before it. */
  spend(): Promise<void> | undefined;
}

export function createTurnBudget(): TurnBudget {
  let turnStart: number | undefined;
  return {
    spend: () => {
      const now = performance.now();
      if (turnStart === undefined) {
        turnStart = now;
        setImmediate(() => (turnStart = undefined));
        return undefined;
      }
      return now - turnStart > TURN_BUDGET_MS ? nextTurn() : undefined;
    },
  };
}
