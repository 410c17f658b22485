import type { Database } from '../../server/db/stores.ts';
import { HubError } from '../../server/domain/errors.ts';

export interface DatabaseFault {
  readonly mode: 'read' | 'write';
  /** The how-manieth transaction of its mode from now on, counting from 1. */
  readonly call: number;
  /**
   * `before`: it does not begin. `inside`: everything is asked, then it is undone. `after`: it is committed, and the
   * caller hears of a failure all the same.
   */
  readonly when: 'before' | 'inside' | 'after';
}

/** A database whose transactions fail where a test tells them to. */
export interface FailingDatabase extends Database {
  /** Plant one fault, in place of any other. */
  fail(fault: DatabaseFault): void;
  /** Forget the fault. Answers whether it was hit. */
  heal(): boolean;
}

/** @param onWritten Told of every write transaction that was committed. */
export function createFailingDatabase(
  db: Database,
  onWritten: () => void = () => undefined,
): FailingDatabase {
  let fault: DatabaseFault | undefined;
  let seen = 0;
  let isHit = false;

  const run =
    (mode: DatabaseFault['mode']): Database['write'] =>
    async (work) => {
      const isNow = fault?.mode === mode && ++seen === fault.call;
      const reach = (when: DatabaseFault['when']): void => {
        if (!isNow || fault?.when !== when) return;
        isHit = true;
        throw new HubError('Unavailable', `Planted fault ${when} a ${mode} transaction.`);
      };
      reach('before');
      const result = await db[mode](async (stores) => {
        const answer = await work(stores);
        reach('inside');
        return answer;
      });
      if (mode === 'write') onWritten();
      reach('after');
      return result;
    };

  return {
    dialect: db.dialect,
    read: run('read'),
    write: run('write'),
    version: () => db.version(),
    check: () => db.check(),
    close: () => db.close(),
    fail(planted) {
      fault = planted;
      seen = 0;
      isHit = false;
    },
    heal() {
      const wasHit = isHit;
      fault = undefined;
      isHit = false;
      return wasHit;
    },
  };
}
