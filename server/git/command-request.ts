import { shown } from '../domain/names.ts';
import { lineOf, protocolError, type PacketReader } from './pkt-line.ts';
import { requireObjectFormat } from './wire-capabilities.ts';

/** What a client of protocol 2 may ask for. */
export const COMMANDS = ['ls-refs', 'fetch', 'object-info'] as const;
export type Command = (typeof COMMANDS)[number];

const isCommand = (text: string): text is Command => (COMMANDS as readonly string[]).includes(text);

/** Sent along with a command; nothing here depends on them. */
const TAKEN_CAPABILITIES = new Set(['agent', 'server-option', 'session-id']);

/** The head of one request of protocol 2 (git, Documentation/gitprotocol-v2, "Command Request"). */
export interface CommandHead {
  readonly command: Command;
  /** Whether arguments follow. */
  readonly hasArguments: boolean;
}

/**
 * Read the head of the next request; undefined when the client asks for nothing more. Throws InvalidRequest for what is
 * not offered: a client that asks for it would not understand the answer.
 */
export async function readCommandHead(reader: PacketReader): Promise<CommandHead | undefined> {
  let command: Command | undefined;
  let isEmpty = true;
  for (;;) {
    const packet = await reader.next();
    if (packet === undefined && isEmpty) return undefined;
    if (packet === undefined) throw protocolError('The request ends before its flush.');
    if (packet.kind === 'flush' && isEmpty) return undefined;
    if (packet.kind === 'response-end') throw protocolError('A client cannot end a response.');
    if (packet.kind !== 'data') {
      if (command === undefined) throw protocolError('no command requested');
      return { command, hasArguments: packet.kind === 'delimiter' };
    }
    isEmpty = false;
    const line = lineOf(packet);
    const equals = line.indexOf('=');
    const name = equals < 0 ? line : line.slice(0, equals);
    const value = line.slice(name.length + 1);
    if (name === 'command') {
      if (!isCommand(value)) throw protocolError(`invalid command '${shown(value)}'`);
      if (command !== undefined) throw protocolError('only one command can be requested at a time');
      command = value;
    } else if (name === 'object-format') requireObjectFormat(value);
    else if (!TAKEN_CAPABILITIES.has(name)) throw protocolError(`unknown capability '${shown(line)}'`);
  }
}

/** Hand each argument of a request to `take`, up to the flush that ends it. Throws InvalidRequest where none does. */
export async function readArguments(
  reader: PacketReader,
  { command, hasArguments }: CommandHead,
  take: (line: string) => void,
): Promise<void> {
  if (!hasArguments) return;
  for (;;) {
    const packet = await reader.next();
    if (packet?.kind === 'flush') return;
    if (packet?.kind !== 'data') throw protocolError(`${command}: expected flush after arguments`);
    take(lineOf(packet));
  }
}
