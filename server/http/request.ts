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
  /** Scheme, host and port under which the client reached us, e.g. `http://127.0.0.1:8790`. */
  readonly origin: string;
  readonly remoteAddress: string;
}

/** One header as a single text; undefined when absent. */
export function header(request: HubRequest, name: string): string | undefined {
  const value = request.message.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

/**
 * The bytes of the body. Whoever stops reading early leaves the connection whole, so that the refusal can still be
 * sent on it.
 */
export const bodyOf = (request: HubRequest): ByteSource => ({
  [Symbol.asyncIterator]: () =>
    request.message.iterator({ destroyOnReturn: false }) as AsyncIterator<Uint8Array>,
});

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
export function parseTarget(target: string): Pick<HubRequest, 'path' | 'parts' | 'query'> {
  if (!target.startsWith('/')) throw new HubError('InvalidRequest', 'The request target must be a path.');
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  return {
    path,
    parts: path.slice(1).split('/'),
    query: mark < 0 ? NO_QUERY : parseQuery(target.slice(mark + 1)),
  };
}

const NO_QUERY: ReadonlyMap<string, string[]> = new Map();

function parseQuery(text: string): ReadonlyMap<string, string[]> {
  const query = new Map<string, string[]>();
  let count = 0;
  for (const [name, value] of new URLSearchParams(text)) {
    if (++count > MAX_QUERY_VALUES)
      throw new HubError('InvalidParameter', 'The query has too many parameters.');
    const plain = name.endsWith('[]') ? name.slice(0, -2) : name;
    const values = query.get(plain);
    if (values) values.push(value);
    else query.set(plain, [value]);
  }
  return query;
}
