import { VERSION } from '../platform/version.ts';
import { protocolError } from './pkt-line.ts';

/** How this server names itself to clients. */
export const AGENT = `agent=atoll/${VERSION}`;

/** All that is stored here is named by SHA-1. */
export const OBJECT_FORMAT = 'object-format=sha1';

/** Capabilities that a client sent, by name; those without a value have an empty one. */
export type WireCapabilities = ReadonlyMap<string, string>;

/**
 * Read a list of capabilities, separated by spaces. What is unknown is of no consequence, but for objects of another
 * format (git, Documentation/gitprotocol-capabilities). Throws InvalidRequest.
 */
export function parseCapabilities(text: string): WireCapabilities {
  const capabilities = new Map<string, string>();
  for (const word of text.split(' ')) {
    if (word === '') continue;
    const equals = word.indexOf('=');
    if (equals < 0) capabilities.set(word, '');
    else capabilities.set(word.slice(0, equals), word.slice(equals + 1));
  }
  requireObjectFormat(capabilities.get('object-format'));
  return capabilities;
}

/** Throws InvalidRequest for objects that are not named by SHA-1. */
export function requireObjectFormat(format: string | undefined): void {
  if (format !== undefined && format !== 'sha1')
    throw protocolError('This repository has objects of the format sha1, and no other is served.');
}
