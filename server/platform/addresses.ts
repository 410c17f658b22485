import { hostname, networkInterfaces } from 'node:os';
import { isIP } from 'node:net';

const ANY_ADDRESS = new Set(['0.0.0.0', '::']);

/** Every address that a bound one stands for: those of all interfaces for "any", else itself. */
export function reachableAddresses(bound: readonly string[]): readonly string[] {
  if (!bound.some((address) => ANY_ADDRESS.has(address))) return bound;
  const own = Object.values(networkInterfaces()).flatMap((facts) => facts ?? []);
  return [...own.map((fact) => fact.address.replace(/%.*$/, '')), hostname()];
}

/** An address by which a program on this machine reaches a server bound to these. */
export const localAddress = ([first = '127.0.0.1']: readonly string[]): string =>
  first === '0.0.0.0' ? '127.0.0.1' : first === '::' ? '::1' : first;

/** `host:port` of a URL, with brackets around IPv6. */
export const authority = (address: string, port: number): string =>
  `${isIP(address) === 6 ? `[${address}]` : address}:${port}`;
