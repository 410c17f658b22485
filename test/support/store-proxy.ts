import { once } from 'node:events';
import { Agent, createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** What is wrong with an object store. */
export type StoreTrouble =
  /** Every answer takes so long. */
  | { readonly kind: 'slow'; readonly ms: number }
  /** Every request fails within the store. */
  | { readonly kind: 'refuses' }
  /** Every connection breaks when it is used. */
  | { readonly kind: 'hangs up' }
  /** The announced length is right, and only the first half comes. */
  | { readonly kind: 'breaks off' }
  /** Objects seem to have so many bytes more, or fewer where it is negative. */
  | { readonly kind: 'lies'; readonly bytes: number };

/** Stands between the hub and its S3 server. */
export interface StoreProxy extends AsyncDisposable {
  readonly endpoint: string;
  /** From now on; undefined for none. Answers how many requests the former trouble met. */
  trouble(next: StoreTrouble | undefined): number;
}

const FAILURE = '<?xml version="1.0"?><Error><Code>InternalError</Code><Message>planted</Message></Error>';

/** A proxy of an S3 server on a free loopback port. Requests pass unchanged, so that their signatures hold. */
export async function startStoreProxy(endpoint: string): Promise<StoreProxy> {
  const { hostname, port } = new URL(endpoint);
  const agent = new Agent({ keepAlive: true });
  let current: StoreTrouble | undefined;
  let met = 0;

  async function ask(asked: IncomingMessage): Promise<IncomingMessage> {
    const { method, url, headers } = asked;
    const sent = request({ hostname, port, method, path: url, headers, agent });
    asked.pipe(sent);
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    return answer;
  }

  async function answerWrongly(
    trouble: StoreTrouble,
    method: string,
    found: IncomingMessage,
    to: ServerResponse,
  ) {
    const length = Number(found.headers['content-length'] ?? 0);
    const pieces: Buffer[] = [];
    for await (const piece of found) pieces.push(piece as Buffer);
    const body = Buffer.concat(pieces);
    if (trouble.kind === 'lies') {
      const claimed = Math.max(1, length + trouble.bytes);
      to.writeHead(found.statusCode ?? 500, { ...found.headers, 'content-length': claimed });
      if (method === 'HEAD') to.end();
      else to.end(Buffer.concat([body.subarray(0, claimed), Buffer.alloc(Math.max(0, claimed - length))]));
      return;
    }
    to.writeHead(found.statusCode ?? 500, found.headers);
    to.write(body.subarray(0, Math.floor(length / 2)), () => to.destroy());
  }

  async function pass(asked: IncomingMessage, to: ServerResponse): Promise<void> {
    const trouble = current;
    const method = asked.method ?? '';
    if (trouble?.kind === 'slow') await delay(trouble.ms);
    if (trouble) met += 1;
    if (trouble?.kind === 'hangs up') return void asked.destroy();
    if (trouble?.kind === 'refuses') {
      for await (const _ of asked);
      to.writeHead(500, { 'content-type': 'application/xml', 'content-length': FAILURE.length });
      return void to.end(method === 'HEAD' ? undefined : FAILURE);
    }
    const found = await ask(asked);
    const isObject =
      (found.statusCode === 200 || found.statusCode === 206) && !asked.url?.includes('?list-type');
    const isWrong =
      (trouble?.kind === 'lies' && (method === 'GET' || method === 'HEAD')) ||
      (trouble?.kind === 'breaks off' && method === 'GET');
    if (trouble && isWrong && isObject) return answerWrongly(trouble, method, found, to);
    to.writeHead(found.statusCode ?? 500, found.headers);
    found.pipe(to);
  }

  const server = createServer((asked, to) => {
    pass(asked, to).catch(() => to.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    trouble(next) {
      const count = met;
      [current, met] = [next, 0];
      return count;
    },
    async [Symbol.asyncDispose]() {
      agent.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
