import { createServer } from 'node:net';

const tries = 20;

async function isFreeOn(host: string, port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    // An address this machine does not have (no IPv6) is in nobody's way; the hub decides what to make of it.
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EADDRNOTAVAIL'));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** Whether nothing listens on `port` at any of the addresses. Another program may still take it next. */
export async function isPortFree(port: number, hosts: readonly string[]): Promise<boolean> {
  for (const host of hosts) if (!(await isFreeOn(host, port))) return false;
  return true;
}

/** The first free port after `taken`, near it so that people recognize it. */
export async function findFreePort(taken: number, hosts: readonly string[]): Promise<number> {
  for (let port = taken + 1; port <= Math.min(taken + tries, 65_535); port += 1) {
    if (await isPortFree(port, hosts)) return port;
  }
  throw new Error(`No port between ${taken + 1} and ${taken + tries} is free.`);
}
