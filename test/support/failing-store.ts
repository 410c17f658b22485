import { setTimeout as delay } from 'node:timers/promises';
import { HubError } from '../../server/domain/errors.ts';
import type { ObjectStore } from '../../server/objects/object-store.ts';

export type StoreOperation = 'put' | 'get' | 'read' | 'head' | 'delete' | 'abort' | 'list';

export interface Fault {
  /** Every operation is counted when absent. */
  readonly operation?: StoreOperation;
  /** The how-manieth call of the operation from now on, counting from 1; every call when absent. */
  readonly call?: number;
  /** Only calls whose key or prefix starts with this are counted. */
  readonly keyPrefix?: string;
  /** `before`: nothing happens. `after`: it has its effect, and the caller hears of a failure all the same. */
  readonly when: 'before' | 'after';
  /** What is thrown: a failure of the store when absent, nothing at all when `null` (a mere delay). */
  readonly error?: Error | null;
  /** Wait so many milliseconds at that point. */
  readonly delayMs?: number;
}

/** An object store that fails where a test tells it to. */
export interface FailingStore extends ObjectStore {
  /** Add a fault; it stays until `heal`. */
  fail(fault: Fault): void;
  /** Forget all faults. Answers the calls that were hit, as `put packs/...`. */
  heal(): readonly string[];
}

/** @param onDone Told of every call that had its effect, as `put packs/...`. */
export function createFailingStore(
  store: ObjectStore,
  onDone: (call: string) => void = () => undefined,
): FailingStore {
  let faults: { readonly fault: Fault; seen: number }[] = [];
  let hitCalls: string[] = [];

  /** The faults that hit this call, each counted once. */
  function arm(operation: StoreOperation, key: string): (when: Fault['when']) => Promise<void> {
    const hits: Fault[] = [];
    for (const entry of faults) {
      const { fault } = entry;
      if (fault.operation !== undefined && fault.operation !== operation) continue;
      if (!key.startsWith(fault.keyPrefix ?? '')) continue;
      entry.seen++;
      if (fault.call === undefined || fault.call === entry.seen) hits.push(fault);
    }
    return async (when) => {
      if (when === 'after') onDone(`${operation} ${key}`);
      for (const fault of hits) {
        if (fault.when !== when) continue;
        hitCalls.push(`${operation} ${key}`);
        if (fault.delayMs !== undefined) await delay(fault.delayMs);
        if (fault.error === null) continue;
        throw fault.error ?? new HubError('Unavailable', `Planted fault ${when} ${operation} of ${key}.`);
      }
    };
  }

  async function run<T>(operation: StoreOperation, key: string, work: () => Promise<T>): Promise<T> {
    const reach = arm(operation, key);
    await reach('before');
    const result = await work();
    await reach('after');
    return result;
  }

  return {
    name: store.name,
    put: (key, source, options) => run('put', key, () => store.put(key, source, options)),
    get: (key, range) => run('get', key, () => store.get(key, range)),
    read: (key, range) => run('read', key, () => store.read(key, range)),
    head: (key) => run('head', key, () => store.head(key)),
    delete: (key) => run('delete', key, () => store.delete(key)),
    deleteOlder: (key, moment) => run('delete', key, () => store.deleteOlder(key, moment)),
    abortOlder: (moment) => run('abort', '', () => store.abortOlder(moment)),
    async *list(prefix) {
      const reach = arm('list', prefix);
      await reach('before');
      yield* store.list(prefix);
      await reach('after');
    },
    close: () => store.close(),
    fail: (fault) => void faults.push({ fault, seen: 0 }),
    heal() {
      const calls = hitCalls;
      faults = [];
      hitCalls = [];
      return calls;
    },
  };
}
