import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import { HubError } from '../domain/errors.ts';
import { describeTakenPort, findPortHolder } from './port-holder.ts';

/** Servers that listen on one port of several addresses. */
export interface Listeners {
  readonly port: number;
  /** Addresses that are really listened on. */
  readonly addresses: readonly string[];
  /** Take no new connection, wait for the requests under way, and cut what is left when the signal aborts. */
  close(timeIsUp: AbortSignal): Promise<void>;
}

/** A machine without IPv6 cannot listen on `::1`; that is no reason not to start. */
const isAbsentAddress = (error: NodeJS.ErrnoException): boolean =>
  error.code === 'EADDRNOTAVAIL' || error.code === 'EAFNOSUPPORT';

const CLOSE_IDLE_EVERY_MS = 100;

/**
 * Listen on every address. Port 0 takes a free one and the same for all. Throws Conflict naming who has the port,
 * InvalidRequest when no address can be listened on.
 */
export async function listenOn(
  addresses: readonly string[],
  wantedPort: number,
  newServer: () => Server,
): Promise<Listeners> {
  const open: { readonly server: Server; readonly address: string }[] = [];
  let port = wantedPort;
  try {
    for (const address of addresses) {
      const server = newServer();
      const bound = await listen(server, address, port);
      if (bound === undefined) continue;
      port = bound;
      open.push({ server, address });
    }
    if (open.length === 0) {
      throw new HubError('InvalidRequest', `This machine has none of the addresses ${addresses.join(', ')}.`);
    }
  } catch (error) {
    for (const { server } of open) server.close();
    throw error;
  }
  return {
    port,
    addresses: open.map(({ address }) => address),
    async close(timeIsUp) {
      await Promise.all(open.map(({ server }) => closeServer(server, timeIsUp)));
    },
  };
}

function listen(server: Server, address: string, port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (isAbsentAddress(error)) resolve(undefined);
      else if (error.code === 'EADDRINUSE') {
        takenPort(port, error).then(reject, reject);
      } else {
        const message = `Cannot listen on port ${port} of ${address} (${error.code ?? 'unknown error'}).`;
        reject(new HubError('Forbidden', message, { details: { port }, cause: error }));
      }
    });
    server.listen({ host: address, port, ipv6Only: true }, () =>
      resolve((server.address() as AddressInfo).port),
    );
  });
}

async function takenPort(port: number, cause: unknown): Promise<HubError> {
  const found = await findPortHolder(port);
  const holder = found && { program: found.command, pid: found.pid };
  const details = { port, ...(holder ? { holder } : {}) };
  return new HubError('Conflict', describeTakenPort(port, found), { details, cause });
}

function closeServer(server: Server, timeIsUp: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const idle = setInterval(() => server.closeIdleConnections(), CLOSE_IDLE_EVERY_MS);
    const cut = (): void => server.closeAllConnections();
    server.close(() => {
      clearInterval(idle);
      timeIsUp.removeEventListener('abort', cut);
      resolve();
    });
    server.closeIdleConnections();
    if (timeIsUp.aborted) cut();
    else timeIsUp.addEventListener('abort', cut, { once: true });
  });
}
