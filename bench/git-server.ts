import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { endChild } from './child-process.ts';
import { freePort, waitFor } from './file-server.ts';

const run = promisify(execFile);

/** Git's own server for the bare repositories of a folder. */
export interface GitServer {
  readonly name: string;
  readonly url: string;
  end(): Promise<void>;
}

const isThere = (program: string): Promise<boolean> =>
  run('which', [program]).then(
    () => true,
    () => false,
  );

/** `git http-backend` behind nginx where the machine has both nginx and fcgiwrap, else behind Node. */
export async function startGitServer(root: string): Promise<GitServer> {
  const { stdout } = await run('git', ['--exec-path']);
  const backend = join(stdout.trim(), 'git-http-backend');
  const hasBoth = (await isThere('nginx')) && (await isThere('fcgiwrap'));
  return hasBoth ? startNginx(root, backend) : startNode(root, backend);
}

async function startNginx(root: string, backend: string): Promise<GitServer> {
  const home = await mkdtemp(join(root, '..', 'git-nginx-'));
  const socket = join(home, 'fcgi');
  // In a group of its own: it does not take its children along when it ends.
  const wrap = spawn('fcgiwrap', ['-c', '4', '-s', `unix:${socket}`], { stdio: 'ignore', detached: true });
  const port = await freePort();
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${home};`,
  );
  await writeFile(
    join(home, 'nginx.conf'),
    `${process.getuid?.() === 0 ? 'user root;' : ''} daemon off; worker_processes 1; pid ${home}/pid; error_log ${home}/error.log;
     events { worker_connections 256; }
     http { access_log off; client_max_body_size 0; ${temporary.join(' ')}
       server { listen 127.0.0.1:${port};
         location / {
           fastcgi_param SCRIPT_FILENAME ${backend}; fastcgi_param PATH_INFO $uri;
           fastcgi_param GIT_PROJECT_ROOT ${root}; fastcgi_param GIT_HTTP_EXPORT_ALL 1;
           fastcgi_param GIT_PROTOCOL $http_git_protocol; fastcgi_param HTTP_CONTENT_ENCODING $http_content_encoding;
           fastcgi_param QUERY_STRING $query_string; fastcgi_param REQUEST_METHOD $request_method;
           fastcgi_param CONTENT_TYPE $content_type; fastcgi_param CONTENT_LENGTH $content_length;
           fastcgi_param REMOTE_USER bench; fastcgi_buffering off; fastcgi_request_buffering off; fastcgi_read_timeout 600;
           fastcgi_pass unix:${socket}; } } }`,
  );
  const nginx = spawn('nginx', ['-p', home, '-c', join(home, 'nginx.conf')], { stdio: 'ignore' });
  await waitFor(port);
  return {
    name: 'git http-backend behind nginx',
    url: `http://127.0.0.1:${port}`,
    async end() {
      await endChild(nginx);
      if (wrap.pid !== undefined) process.kill(-wrap.pid);
    },
  };
}

/** A program that answers by the rules of CGI (RFC 3875): its head, and then the body. */
async function startNode(root: string, backend: string): Promise<GitServer> {
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const child = spawn(backend, {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: {
        GIT_PROJECT_ROOT: root,
        GIT_HTTP_EXPORT_ALL: '1',
        GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
        HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
        PATH_INFO: url.pathname,
        QUERY_STRING: url.search.slice(1),
        REQUEST_METHOD: request.method ?? 'GET',
        CONTENT_TYPE: request.headers['content-type'] ?? '',
        CONTENT_LENGTH: request.headers['content-length'] ?? '',
        REMOTE_USER: 'bench',
      },
    });
    request.pipe(child.stdin);
    let head = Buffer.alloc(0);
    const readHead = (bytes: Buffer): void => {
      head = Buffer.concat([head, bytes]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      child.stdout.off('data', readHead);
      for (const line of head.toString('latin1', 0, end).split('\r\n')) {
        const colon = line.indexOf(': ');
        if (line.startsWith('Status: ')) response.statusCode = Number(line.slice(8, 11));
        else response.setHeader(line.slice(0, colon), line.slice(colon + 2));
      }
      response.write(head.subarray(end + 4));
      child.stdout.pipe(response);
    };
    child.stdout.on('data', readHead);
  };
  const server = createServer({ requestTimeout: 0 }, answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    name: 'git http-backend behind Node',
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    end: async () => void (await new Promise((done) => server.close(done))),
  };
}
