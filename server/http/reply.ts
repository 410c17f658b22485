import type { ServerResponse } from 'node:http';
import { corruptObject } from '../domain/errors.ts';
import type { ByteSource } from '../objects/object-store.ts';
import { endOfTurn } from './end-of-turn.ts';

/** What a handler answers. `json` and `text` are sent whole; `bytes` streams. */
export interface Reply<Answer = unknown> {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?:
    | { readonly kind: 'json'; readonly value: Answer }
    | { readonly kind: 'text'; readonly text: string; readonly mediaType: string }
    /** Without a size the length is not known before the end. */
    | { readonly kind: 'bytes'; readonly bytes: ByteSource | Uint8Array; readonly sizeBytes?: number }
    /** Headers of a body that is not sent: the answer to HEAD, or 304. */
    | { readonly kind: 'omitted'; readonly sizeBytes?: number };
}

export const json = <Answer>(
  value: Answer,
  status = 200,
  headers?: Readonly<Record<string, string>>,
): Reply<Answer> => ({
  status,
  body: { kind: 'json', value },
  ...(headers ? { headers } : {}),
});

export const empty = (status = 204): Reply<never> => ({ status });

const MEDIA_TYPE = 'content-type';

/**
 * Send a reply. `isHead` leaves the body out but keeps its headers. What `beforeEnd` waits for comes between the last
 * byte and the end, at which a connection may be closed.
 */
export async function send(
  response: ServerResponse,
  reply: Reply,
  isHead: boolean,
  beforeEnd?: Promise<void>,
): Promise<void> {
  response.statusCode = reply.status;
  for (const [name, value] of Object.entries(reply.headers ?? {})) response.setHeader(name, value);
  const body = reply.body;
  if (body === undefined) {
    if (reply.status !== 204 && reply.status !== 304) response.setHeader('content-length', 0);
    await end(response);
  } else if (body.kind === 'omitted') {
    if (body.sizeBytes !== undefined) response.setHeader('content-length', body.sizeBytes);
    await end(response);
  } else if (body.kind === 'bytes') {
    if (body.sizeBytes !== undefined) response.setHeader('content-length', body.sizeBytes);
    if (body.bytes instanceof Uint8Array) await end(response, isHead ? undefined : body.bytes);
    else if (isHead) {
      // Opened for nothing: what it holds is given back.
      await body.bytes[Symbol.asyncIterator]().return?.();
      await end(response);
    } else await stream(response, body.bytes, body.sizeBytes);
  } else {
    const text = body.kind === 'json' ? JSON.stringify(body.value) : body.text;
    // There is no text behind a HEAD, and clients parse what a failure calls JSON (`createApiError` of `@huggingface/hub`).
    const isBareFailure = isHead && response.statusCode >= 400;
    if (isBareFailure) response.removeHeader(MEDIA_TYPE);
    else if (!response.hasHeader(MEDIA_TYPE)) {
      response.setHeader(
        MEDIA_TYPE,
        body.kind === 'json' ? 'application/json; charset=utf-8' : body.mediaType,
      );
    }
    const bytes = Buffer.from(text);
    response.setHeader('content-length', bytes.byteLength);
    const sent = isHead ? undefined : bytes;
    if (beforeEnd === undefined) await end(response, sent);
    else {
      if (sent) response.write(sent);
      await beforeEnd;
      response.end();
    }
  }
}

async function end(response: ServerResponse, bytes?: Uint8Array): Promise<void> {
  await endOfTurn();
  response.end(bytes);
}

/**
 * Write one chunk while the next is being read. The write of a chunk is over before the chunk after the next is
 * asked for, so a source may recycle two buffers. A source of another length than was announced breaks the connection:
 * the client would take what is missing for more to come, and what is too much for the next answer.
 */
async function stream(
  response: ServerResponse,
  bytes: ByteSource,
  sizeBytes: number | undefined,
): Promise<void> {
  let previous = turnOf(response);
  try {
    let sent = 0;
    for await (const chunk of bytes) {
      await previous;
      sent += chunk.byteLength;
      if (sizeBytes !== undefined && sent > sizeBytes)
        throw corruptObject('a body with more bytes than it has');
      previous = write(response, chunk);
      // The rejection is awaited one round later; until then it must not count as unhandled.
      previous.catch(() => undefined);
    }
    await previous;
    if (sizeBytes !== undefined && sent < sizeBytes)
      throw corruptObject('a body with fewer bytes than it has');
    response.end();
  } catch (error) {
    const isClientGone = response.destroyed || response.writableEnded || response.req.socket.destroyed;
    // Once the status line is gone, a broken connection is the only honest way to say that the bytes are not whole.
    if (isClientGone || response.headersSent) response.destroy();
    if (!isClientGone) throw error;
  }
}

const clientGone = (): Error => new Error('The client closed the connection.');

/**
 * A pipelined request is answered when those before it are. Until then its response hears nothing of its connection,
 * and what is written to it would never be reported as sent or lost.
 */
function turnOf(response: ServerResponse): Promise<void> {
  const connection = response.req.socket;
  if (response.socket !== null || connection.destroyed) return Promise.resolve();
  const turn = new Promise<void>((resolve, reject) => {
    const leave = (): void => reject(clientGone());
    connection.once('close', leave);
    response.once('socket', () => {
      connection.off('close', leave);
      resolve();
    });
  });
  // It is awaited once the first bytes are there; until then it must not count as unhandled.
  turn.catch(() => undefined);
  return turn;
}

function write(response: ServerResponse, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    if (response.destroyed || response.req.socket.destroyed) {
      reject(clientGone());
      return;
    }
    response.write(chunk, (error) => (error ? reject(error) : resolve()));
  });
}
