import { AsyncLocalStorage } from 'node:async_hooks';

/** One open transaction, as the code running inside it knows it. */
export interface TransactionScope {
  readonly mode: 'read' | 'write';
  /** False once the transaction has ended; work that outlives it must not count as inside. */
  open: boolean;
}

const scopes = new AsyncLocalStorage<TransactionScope>();

/** The transaction that the calling code runs in, if one is open. */
export function currentTransaction(): TransactionScope | undefined {
  const scope = scopes.getStore();
  return scope?.open ? scope : undefined;
}

/**
 * True inside a database transaction. Whatever waits for anything but the database asks this first and refuses:
 * a transaction that waits makes every other one wait.
 */
export const insideTransaction = (): boolean => currentTransaction() !== undefined;

/** Run `work` as the inside of a transaction. Only the database calls this. */
export async function runInTransactionScope<Result>(
  mode: TransactionScope['mode'],
  work: (scope: TransactionScope) => Promise<Result>,
): Promise<Result> {
  const scope: TransactionScope = { mode, open: true };
  try {
    return await scopes.run(scope, work, scope);
  } finally {
    scope.open = false;
  }
}
