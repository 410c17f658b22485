import { isUtf8 } from 'node:buffer';
import { HubError } from '../domain/errors.ts';
import { isOid, type Oid } from '../domain/ids.ts';
import { shown } from '../domain/names.ts';
import { protocolError, type Packet, type PacketReader } from './pkt-line.ts';
import { AGENT, OBJECT_FORMAT, parseCapabilities, type WireCapabilities } from './wire-capabilities.ts';

/** One ref that a push wants to move. */
export interface PushCommand {
  readonly name: string;
  /** What the client believes it is; undefined for a ref that it believes is not there. */
  readonly expected: Oid | undefined;
  /** What it shall be; undefined to delete it. */
  readonly next: Oid | undefined;
}

/** What a push says before its pack (git, Documentation/gitprotocol-pack, "Pushing Data To a Server"). */
export interface PushRequest {
  readonly commands: readonly PushCommand[];
  /** How the client wants to be told what became of it. */
  readonly report: 'none' | 'v1' | 'v2';
  readonly hasSideBand: boolean;
  readonly isQuiet: boolean;
  /** All refs move, or none. */
  readonly isAtomic: boolean;
  /** The client's own history is cut off somewhere. */
  readonly isShallow: boolean;
}

const MAX_COMMANDS = 100_000;
const MAX_CAPABILITIES_BYTES = 8 * 1024;
const MAX_CAPABILITY_BYTES = 1024;
const MAX_OPTIONS = 1000;
const MAX_OPTION_BYTES = 4096;
const ZERO = '0'.repeat(40);
const COMMAND = /^([0-9a-f]{40}) ([0-9a-f]{40}) ([^]+)$/;

/** What can be done for a push, as it is advertised (git, Documentation/gitprotocol-capabilities). */
export const PUSH_CAPABILITIES = [
  ...['report-status', 'report-status-v2', 'delete-refs', 'side-band-64k', 'quiet', 'atomic', 'ofs-delta'],
  ...['push-options', OBJECT_FORMAT, AGENT],
];

const tooMany = (message: string): HubError => new HubError('TooManyItems', message);

/**
 * Read commands and push options; the pack follows. Undefined when there is nothing at all: with an empty request
 * clients find out whether they are let in before they send a long one. Throws InvalidRequest and TooManyItems.
 */
export async function readPushRequest(reader: PacketReader): Promise<PushRequest | undefined> {
  const commands: PushCommand[] = [];
  let capabilities: WireCapabilities | undefined;
  let isShallow = false;
  for (;;) {
    const packet = await reader.next();
    if (packet === undefined) {
      if (commands.length > 0 || isShallow) throw protocolError('The request ends inside its commands.');
      return undefined;
    }
    if (packet.kind === 'flush') break;
    const text = textOf(packet);
    if (text.startsWith('push-cert')) throw protocolError('Signed pushes are not taken here.');
    if (text.startsWith('shallow ')) {
      if (!isOid(text.slice('shallow '.length))) throw protocolError('A shallow line names no commit.');
      isShallow = true;
      continue;
    }
    const nul = text.indexOf('\0');
    if (capabilities === undefined) {
      if (nul < 0) throw protocolError('The first command of a push lists capabilities.');
      capabilities = parsePushCapabilities(text.slice(nul + 1));
    }
    if (commands.length === MAX_COMMANDS) throw tooMany(`A push may move ${MAX_COMMANDS} refs.`);
    commands.push(parseCommand(nul < 0 ? text : text.slice(0, nul)));
  }
  if (capabilities === undefined) return undefined;
  if (capabilities.has('push-options')) await readOptions(reader);
  return {
    commands,
    report: capabilities.has('report-status-v2') ? 'v2' : capabilities.has('report-status') ? 'v1' : 'none',
    hasSideBand: capabilities.has('side-band-64k'),
    isQuiet: capabilities.has('quiet'),
    isAtomic: capabilities.has('atomic'),
    isShallow,
  };
}

function textOf(packet: Packet): string {
  if (packet.kind !== 'data') throw protocolError('A push has nothing but commands before its pack.');
  const { bytes } = packet;
  if (!isUtf8(bytes)) throw protocolError('A ref name is not UTF-8.');
  return bytes.toString('utf8', 0, bytes.at(-1) === 0x0a ? bytes.length - 1 : bytes.length);
}

/** Those of a push: nobody has as much to say as would fit into a packet. */
function parsePushCapabilities(text: string): WireCapabilities {
  const capabilities = parseCapabilities(text);
  const isTooLong = (word: string): boolean => word.length > MAX_CAPABILITY_BYTES;
  if (text.length > MAX_CAPABILITIES_BYTES || text.split(' ').some(isTooLong)) {
    throw protocolError('The capabilities of the push are too long.');
  }
  return capabilities;
}

function parseCommand(text: string): PushCommand {
  const [, old, next, name] = COMMAND.exec(text) ?? [];
  if (old === undefined || next === undefined || name === undefined) {
    throw protocolError(`"${shown(text)}" is no command of a push.`);
  }
  const oidOf = (hex: string): Oid | undefined => (hex === ZERO ? undefined : (hex as Oid));
  return { name, expected: oidOf(old), next: oidOf(next) };
}

/** Options mean nothing here yet; a client that is told they are taken sends them all the same. */
async function readOptions(reader: PacketReader): Promise<void> {
  for (let count = 0; ; count += 1) {
    const packet = await reader.next();
    if (packet?.kind === 'flush') return;
    if (packet?.kind !== 'data') throw protocolError('The request ends inside its push options.');
    const text = textOf(packet);
    if (/[\n\0]/.test(text)) throw protocolError('A push option has a line feed or a NUL character.');
    if (packet.bytes.length > MAX_OPTION_BYTES)
      throw tooMany(`A push option may have ${MAX_OPTION_BYTES} bytes.`);
    if (count === MAX_OPTIONS) throw tooMany(`A push may have ${MAX_OPTIONS} options.`);
  }
}
