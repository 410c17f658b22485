import { createServer, type Socket } from 'node:net';
import ssh2 from 'ssh2';
import { authority } from '../platform/addresses.ts';
import type { Clock } from '../platform/clock.ts';
import type { Server } from '../platform/listeners.ts';
import type { Log } from '../platform/log.ts';
import { createRateWindow, sourceOf } from '../services/rate-window.ts';
import type { SshKeys } from '../services/ssh-keys.ts';
import { ALGORITHMS } from './algorithms.ts';
import { openConnection, type SshConnection } from './connection.ts';
import type { ExecServices } from './exec.ts';
import type { HostKey } from './host-keys.ts';

/** Connections of one source at the same time, and those among them of which nobody knows yet whose they are. */
const MOST_OF_SOURCE = 128;
const MOST_STRANGERS_OF_SOURCE = 16;
/** Over all sources: then the one that has had the longest time to say who it is has to go, never a newcomer. */
const MOST_STRANGERS = 256;
/** Failed tries of a source in the window before the next ones are slowed down. */
const FAILURES = 60;
const FAILURES_MS = 5 * 60_000;
const KEEP_ALIVE_MS = 30_000;
/** Keep-alives that may stay unanswered. */
const KEEP_ALIVES = 6;

export interface SshServerParts {
  readonly services: ExecServices & { readonly sshKeys: SshKeys };
  readonly hostKeys: readonly HostKey[];
  readonly clock: Clock;
  readonly log: Log;
  /** Port of the HTTP server. */
  readonly httpPort: () => number;
  /** The URL that people use, where one is set. */
  readonly publicUrl: string | undefined;
}

/** Makes servers, one for each address, that count their connections together. */
export function createSshServers(parts: SshServerParts): () => Server {
  const { services, clock, log } = parts;
  const failures = createRateWindow({ clock, most: FAILURES, windowMs: FAILURES_MS });
  const bySource = new Map<string, number>();
  /** In the order in which they came. */
  const strangers = new Map<SshConnection, string>();

  /** ssh2 has a server to itself for each socket, so that the two are known to belong together. */
  function greet(socket: Socket, begin: (connection: ssh2.Connection) => void): void {
    const server = new ssh2.Server({
      hostKeys: parts.hostKeys.map(({ key }) => ({ key })),
      algorithms: ALGORITHMS as unknown as ssh2.Algorithms,
      ident: 'Atoll',
      keepaliveInterval: KEEP_ALIVE_MS,
      keepaliveCountMax: KEEP_ALIVES,
    });
    server.on('connection', begin);
    server.injectSocket(socket);
  }

  function admit(socket: Socket, open: Set<SshConnection>): void {
    socket.on('error', () => undefined);
    const source = sourceOf(socket.remoteAddress ?? '');
    const count = bySource.get(source) ?? 0;
    const strange = [...strangers.values()].filter((other) => other === source).length;
    if (count >= MOST_OF_SOURCE || strange >= MOST_STRANGERS_OF_SOURCE) {
      socket.destroy();
      return;
    }
    if (strangers.size >= MOST_STRANGERS) strangers.keys().next().value?.destroy();
    bySource.set(source, count + 1);
    const connection = openConnection({
      ...{ socket, source, failures, services, log },
      httpOrigin: parts.publicUrl ?? originOf(socket, parts.httpPort()),
      onKnown: () => strangers.delete(connection),
    });
    open.add(connection);
    strangers.set(connection, source);
    socket.once('close', () => {
      open.delete(connection);
      strangers.delete(connection);
      const left = (bySource.get(source) ?? 1) - 1;
      if (left > 0) bySource.set(source, left);
      else bySource.delete(source);
    });
    greet(socket, connection.begin);
  }

  return () => {
    const open = new Set<SshConnection>();
    const server = createServer({ noDelay: true }, (socket) => admit(socket, open));
    return Object.assign(server, {
      closeIdleConnections: () => open.forEach((connection) => connection.endIfIdle()),
      closeAllConnections: () => open.forEach((connection) => connection.destroy()),
    });
  };
}

/** Who came to this address by SSH comes there by HTTP as well: the hub listens on the same ones. */
const originOf = (socket: Socket, port: number): string =>
  `http://${authority((socket.localAddress ?? '127.0.0.1').replace(/^::ffff:/i, ''), port)}`;
