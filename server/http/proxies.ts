import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';

/** Who sent a request, and under which name, as far as proxies that are trusted say so. */
export interface Caller {
  /** Address of the caller, or of the first proxy before us that is not trusted; empty for a local socket. */
  readonly address: string;
  /** What the caller spoke with the outermost trusted proxy; undefined where none says. */
  readonly scheme: 'http' | 'https' | undefined;
  /** The host that the caller asked for, as it came: it is still to be checked. */
  readonly host: string | undefined;
}

/** More proxies than these are never asked one after the other; what stands before them is not read. */
const MAX_PROXIES = 32;

/**
 * Decides whose `X-Forwarded-For`, `-Proto` and `-Host` are believed: those of proxies whose addresses lie in these
 * networks (an address, or one with the length of its prefix). Anybody can send such headers, and a proxy adds to what
 * it was sent, so they are read from their end, for as long as the one who wrote is trusted.
 */
export function createProxyTrust(networks: readonly string[]): (message: IncomingMessage) => Caller {
  const trusted = new BlockList();
  for (const network of networks) {
    const [address = '', prefix] = network.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (prefix === undefined) trusted.addAddress(address, family);
    else trusted.addSubnet(address, Number(prefix), family);
  }
  const isTrusted = (address: string): boolean =>
    isIP(address) !== 0 && trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');

  return (message) => {
    const own = message.socket.remoteAddress ?? '';
    const direct: Caller = { address: own, scheme: undefined, host: undefined };
    if (networks.length === 0) return direct;
    let address = plainAddress(own) ?? own;
    if (!isTrusted(address)) return direct;
    let proxies = 1;
    const hops = entriesOf(message, 'x-forwarded-for');
    for (let hop = hops.pop(); hop !== undefined && proxies < MAX_PROXIES; hop = hops.pop()) {
      const before = plainAddress(hop);
      // A proxy that hides or does not know who called it is the last one that can be named.
      if (before === undefined) break;
      address = before;
      if (!isTrusted(before)) break;
      proxies++;
    }
    const scheme = writtenBy(proxies, entriesOf(message, 'x-forwarded-proto'))?.toLowerCase();
    return {
      address,
      scheme: scheme === 'http' || scheme === 'https' ? scheme : undefined,
      host: writtenBy(proxies, entriesOf(message, 'x-forwarded-host')),
    };
  };
}

function entriesOf(message: IncomingMessage, name: string): string[] {
  const value = message.headers[name];
  return (Array.isArray(value) ? value.join(',') : (value ?? ''))
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

/**
 * Of the entries that so many trusted proxies left, that of the outermost. Where each adds its own it is as far from
 * the end; where they pass it on, or replace it, there are fewer, and the first is theirs.
 */
const writtenBy = (proxies: number, entries: readonly string[]): string | undefined =>
  entries[Math.max(0, entries.length - proxies)];

/** An address without port, brackets and zone; IPv4 in its own form, IPv6 in the shortest. Undefined for no address. */
function plainAddress(entry: string): string | undefined {
  const [, bracketed, dotted, bare] =
    /^(?:\[([^\]]*)\](?::\d{1,5})?|([\d.]+)(?::\d{1,5})?|([^[\]]+))$/.exec(entry) ?? [];
  const address = (bracketed ?? dotted ?? bare ?? '').replace(/%.*$/, '');
  if (isIP(address) === 4) return bracketed === undefined ? address : undefined;
  if (isIP(address) !== 6) return undefined;
  const shortest = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(shortest) ?? [];
  if (high === undefined || low === undefined) return shortest;
  const [upper, lower] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return [upper >> 8, upper & 0xff, lower >> 8, lower & 0xff].join('.');
}
