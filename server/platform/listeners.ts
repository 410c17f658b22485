import type { AddressInfo, Server as NetServer } from 'node:net';
import { HubError } from '../domain/errors.ts';
import { describeTakenPort, findPortHolder } from './port-holder.ts';

/** A server whose connections can be told apart: those on which something is under way, and the others. */
export interface Server extends NetServer {
  closeIdleConnections(): void;
  closeAllConnections(): void;
}

export interface WantedPort {
  /** 0 takes a free one. */
  readonly port: number;
  /** Name of the setting, under which an error tells the port. */
  readonly setting: 'port' | 'sshPort';
  /** How to choose another, as the end of a sentence. */
  readonly remedy: string;
}

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
 * Listen on every address, with the same port on all. Throws Conflict naming who has the port,
 * InvalidRequest when no address can be listened on.
 */
export async function listenOn(
  addresses: readonly string[],
  wanted: WantedPort,
  newServer: () => Server,
): Promise<Listeners> {
  const open: { readonly server: Server; readonly address: string }[] = [];
  let { port } = wanted;
  try {
    for (const address of addresses) {
      const server = newServer();
      const bound = await listen(server, address, { ...wanted, port });
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

function listen(server: Server, address: string, wanted: WantedPort): Promise<number | undefined> {
  const { port, setting } = wanted;
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (isAbsentAddress(error)) resolve(undefined);
      else if (error.code === 'EADDRINUSE') {
        takenPort(wanted, error).then(reject, reject);
      } else {
        const message = `Cannot listen on port ${port} of ${address} (${error.code ?? 'unknown error'}).`;
        reject(new HubError('Forbidden', message, { details: { [setting]: port }, cause: error }));
      }
    });
    server.listen({ host: address, port, ipv6Only: true }, () =>
      resolve((server.address() as AddressInfo).port),
    );
  });
}

async function takenPort({ port, setting, remedy }: WantedPort, cause: unknown): Promise<HubError> {
  const found = await findPortHolder(port);
  const holder = found && { program: found.command, pid: found.pid };
  const details = { [setting]: port, ...(holder ? { holder } : {}) };
  return new HubError('Conflict', describeTakenPort(port, found, remedy), { details, cause });
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
