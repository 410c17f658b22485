import { parentPort } from 'node:worker_threads';
import { packFailure } from './messages.ts';
import type { Request, Response } from './messages.ts';
import { calls, sessions } from './tasks.ts';
import type { Reply, SessionHandler } from './tasks.ts';

/** Entry of a worker thread: runs what `tasks.ts` lists, for the pool that started it. */

type AnyCall = (input: unknown) => Promise<Reply<unknown>>;
type AnyHandler = SessionHandler<unknown, unknown, unknown>;
type AnySession = (input: unknown) => Promise<AnyHandler>;

if (!parentPort) throw new Error('workers/worker.ts runs in a worker thread only');
const port = parentPort;

interface OpenSession {
  readonly handler: AnyHandler;
  /** Settles when the last step asked for is done: steps run one after the other, though some of them wait. */
  turn: Promise<void>;
}

const open = new Map<number, OpenSession>();

const taskOf = <Task>(table: Readonly<Record<string, unknown>>, name: string): Task => {
  if (!Object.hasOwn(table, name)) throw new Error(`no such worker task: ${name}`);
  return table[name] as Task;
};

const endSession = (session: number): void => {
  const ended = open.get(session);
  open.delete(session);
  ended?.handler.abort?.();
};

/** Run a step when all steps before it are done. A step that fails ends its session. */
const inTurn = async (
  session: number,
  step: (handler: AnyHandler) => Reply<unknown> | Promise<Reply<unknown>>,
): Promise<Reply<unknown>> => {
  const current = open.get(session);
  if (!current) throw new Error('the session is not open');
  const done = current.turn.then(async () => {
    if (open.get(session) !== current) throw new Error('the session ended before this step');
    try {
      return await step(current.handler);
    } catch (error) {
      endSession(session);
      throw error;
    }
  });
  // Whoever asked for the step is told of its failure; the next step only needs to know that it is over.
  current.turn = done.then(
    () => undefined,
    () => undefined,
  );
  return done;
};

const handle = async (request: Request): Promise<Reply<unknown>> => {
  switch (request.kind) {
    case 'call':
      return taskOf<AnyCall>(calls, request.task)(request.input);
    case 'open': {
      const handler = await taskOf<AnySession>(sessions, request.task)(request.input);
      open.set(request.session, { handler, turn: Promise.resolve() });
      return { output: undefined };
    }
    case 'push':
      return inTurn(request.session, (handler) => handler.push(request.item));
    case 'close':
      return inTurn(request.session, async (handler) => {
        const reply = await handler.close();
        open.delete(request.session);
        return reply;
      });
    case 'abort':
      endSession(request.session);
      return { output: undefined };
  }
};

port.on('message', (request: Request) => {
  handle(request).then(
    ({ output, transfer }) => {
      const response: Response = { id: request.id, ok: true, output };
      port.postMessage(response, transfer ?? []);
    },
    (error: unknown) => {
      const response: Response = { id: request.id, ok: false, failure: packFailure(error) };
      port.postMessage(response);
    },
  );
});
