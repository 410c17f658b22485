import { fdatasyncSync, openSync, writeSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';

/**
 * Yardsticks that answer over HTTP: `express` gives the same headers and bytes for every request, `idle` answers
 * pings and syncs a few bytes on the disk now and then, as whoever keeps a database has to. Prints its port.
 */
interface Served {
  readonly kind: 'express' | 'idle';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Where `idle` writes. */
  readonly file?: string;
}

const { kind, headers, body, file } = JSON.parse(process.argv[2] ?? '') as Served;
const content = Buffer.from(body, 'base64');

function expressApp(): RequestListener {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.get('/:owner/:name/resolve/:revision/:path', (_request, response) => {
    response.set(headers).send(content);
  });
  return app;
}

const SYNC_EVERY_MS = 100;
if (file !== undefined) {
  const descriptor = openSync(file, 'w');
  const page = Buffer.alloc(4096, 1);
  setInterval(() => {
    writeSync(descriptor, page, 0, page.length, 0);
    fdatasyncSync(descriptor);
  }, SYNC_EVERY_MS);
}

const server = createServer(kind === 'express' ? expressApp() : (_request, response) => response.end('ok'));
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
