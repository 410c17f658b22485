import { AsyncLocalStorage } from 'node:async_hooks';

/** What belongs to one request, job or command, and follows it through every await. */
export interface Context {
  readonly requestId: string;
}

const storage = new AsyncLocalStorage<Context>();

/** Run work, and all that it awaits or starts, in a context. */
export const runInContext = <Result>(context: Context, work: () => Result): Result =>
  storage.run(context, work);

/** The context of the running code; undefined outside of requests, jobs and commands. */
export const currentContext = (): Context | undefined => storage.getStore();
