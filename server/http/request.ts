import type { IncomingMessage } from 'node:http';
import { HubError } from '../domain/errors.ts';
import type { ByteSource } from '../objects/object-store.ts';

/** One request as the routes see it: the target split on its raw, undecoded text. */
export interface HubRequest {
  readonly message: IncomingMessage;
  readonly id: string;
  readonly method: string;
  /** Raw path, without the query. */
  readonly path: string;
  /** Raw parts of the path; `/a//b` has an empty one. */
  readonly parts: readonly string[];
  readonly query: ReadonlyMap<string, string[]>;
  /** Names that came with brackets: those of lists as `name[]` or `name[0]`, those of objects as `name[key]`. */
  readonly nested: ReadonlyMap<string, 'list' | 'object'>;
  /** Scheme, host and port under which the client reached us, e.g. `http://127.0.0.1:8790`. */
  readonly origin: string;
  /** Of the caller; of a proxy that is not trusted where one is in between. */
  readonly remoteAddress: string;
}

/** One header as a single text; undefined when absent. */
export function header(request: HubRequest, name: string): string | undefined {
  const value = request.message.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

/** How long a body may keep us waiting in all before the bytes that came are looked at. */
const STREAM_PATIENCE_SECONDS = 120;
const LEAST_BYTES_PER_SECOND = 1024;
const SECOND_MS = 1000;

/**
 * The bytes of the body. Whoever stops reading early leaves the connection whole, so that the refusal can still be
 * sent on it. Throws RequestTimeout for one that trickles: what counts is the time that was spent waiting for it.
 */
export const bodyOf = ({ message }: HubRequest, patienceSeconds = STREAM_PATIENCE_SECONDS): ByteSource => ({
  [Symbol.asyncIterator]: () =>
    paced(message.iterator({ destroyOnReturn: false }) as AsyncIterator<Uint8Array>, patienceSeconds),
});

async function* paced(
  chunks: AsyncIterator<Uint8Array>,
  patienceSeconds: number,
): AsyncGenerator<Uint8Array> {
  let received = 0;
  let waitedSeconds = 0;
  let giveUp: ((reason: HubError) => void) | undefined;
  const timer = setInterval(() => {
    if (!giveUp) return;
    waitedSeconds += 1;
    if (waitedSeconds > patienceSeconds && received < waitedSeconds * LEAST_BYTES_PER_SECOND) {
      giveUp(new HubError('RequestTimeout', 'The body comes too slowly.'));
    }
  }, SECOND_MS).unref();
  try {
    for (;;) {
      const next = await new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
        giveUp = reject;
        chunks.next().then(resolve, reject);
      });
      giveUp = undefined;
      if (next.done) return;
      received += next.value.byteLength;
      yield next.value;
    }
  } finally {
    clearInterval(timer);
    // One that keeps us waiting ends with its connection.
    if (giveUp === undefined) await chunks.return?.();
  }
}

/** Decode one part of a path, once. Throws InvalidPath for what is not UTF-8 or has a NUL. */
export function decodePart(part: string): string {
  if (!part.includes('%')) return part;
  try {
    const text = decodeURIComponent(part);
    if (text.includes('\0')) throw new HubError('InvalidPath', 'The path has a NUL character.');
    return text;
  } catch (error) {
    if (error instanceof HubError) throw error;
    throw new HubError('InvalidPath', 'The path is not valid percent-encoded UTF-8.', { cause: error });
  }
}

const MAX_QUERY_VALUES = 2000;

/** Split a target in origin form. Throws InvalidRequest for any other form (design, section 4). */
export function parseTarget(target: string): Pick<HubRequest, 'path' | 'parts' | 'query' | 'nested'> {
  if (!target.startsWith('/')) throw new HubError('InvalidRequest', 'The request target must be a path.');
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  return {
    path,
    parts: path.slice(1).split('/'),
    ...(mark < 0 ? NO_QUERY : parseQuery(target.slice(mark + 1))),
  };
}

type Query = Pick<HubRequest, 'query' | 'nested'>;

const NO_QUERY: Query = { query: new Map(), nested: new Map() };

function parseQuery(text: string): Query {
  const query = new Map<string, string[]>();
  const nested = new Map<string, 'list' | 'object'>();
  let count = 0;
  for (const [name, value] of new URLSearchParams(text)) {
    if (++count > MAX_QUERY_VALUES)
      throw new HubError('InvalidParameter', 'The query has too many parameters.');
    const [, plain = name, key] = /^([^[\]]+)\[([^[\]]*)\]$/.exec(name) ?? [];
    if (key !== undefined) nested.set(plain, /^[0-9]*$/.test(key) ? 'list' : 'object');
    const values = query.get(plain);
    if (values) values.push(value);
    else query.set(plain, [value]);
  }
  return { query, nested };
}
