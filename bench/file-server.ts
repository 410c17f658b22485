import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { endChild } from './child-process.ts';

const run = promisify(execFile);

export interface FileServer {
  readonly name: string;
  readonly port: number;
  end(): Promise<void>;
}

/** nginx with sendfile where it is installed (or named by ATOLL_BENCH_NGINX), else a bare file server of Node. */
export async function startFileServer(folder: string): Promise<FileServer> {
  const nginx = process.env['ATOLL_BENCH_NGINX'] ?? 'nginx';
  const hasNginx = await run(nginx, ['-v']).then(
    () => true,
    () => false,
  );
  return hasNginx ? startNginx(nginx, folder) : startNodeFileServer(folder);
}

export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

async function startNginx(nginx: string, folder: string): Promise<FileServer> {
  // Several cases of one run have a server each.
  const home = await mkdtemp(join(folder, '..', 'nginx-'));
  const port = await freePort();
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${home};`,
  );
  await writeFile(
    join(home, 'nginx.conf'),
    `${process.getuid?.() === 0 ? 'user root;' : ''} daemon off; worker_processes 1; pid ${home}/pid; error_log ${home}/error.log;
     events { worker_connections 256; }
     http { access_log off; sendfile on; tcp_nopush on; ${temporary.join(' ')}
       server { listen 127.0.0.1:${port}; root ${folder}; } }`,
  );
  const child = spawn(nginx, ['-p', home, '-c', join(home, 'nginx.conf')], { stdio: 'ignore' });
  await waitFor(port);
  return { name: 'nginx with sendfile', port, end: () => endChild(child) };
}

export async function waitFor(port: number): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await fetch(`http://127.0.0.1:${port}/`);
      return;
    } catch (error) {
      if (tries === 100) throw error;
      await new Promise((done) => setTimeout(done, 50));
    }
  }
}

async function startNodeFileServer(folder: string): Promise<FileServer> {
  const script = `
    const { createServer } = require('node:http'); const { createReadStream, statSync } = require('node:fs');
    const server = createServer((request, response) => {
      const path = ${JSON.stringify(folder)} + request.url;
      response.writeHead(200, { 'content-length': statSync(path).size });
      createReadStream(path, { highWaterMark: 1048576 }).pipe(response);
    }).listen(0, '127.0.0.1', () => console.log(server.address().port));`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  return { name: 'bare Node file server', port: Number(line), end: () => endChild(child) };
}
