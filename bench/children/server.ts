import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';

/**
 * Yardsticks that answer over HTTP: `express` gives the same headers and bytes for every request, `idle` answers
 * pings and does nothing else. Prints its port.
 */
interface Served {
  readonly kind: 'express' | 'idle';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const { kind, headers, body } = JSON.parse(process.argv[2] ?? '') as Served;
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

const server = createServer(kind === 'express' ? expressApp() : (_request, response) => response.end('ok'));
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
