import { HubError } from '../domain/errors.ts';

/** Longest data of one packet: 65,520 bytes less the four of its length (git, Documentation/gitprotocol-common). */
export const MAX_PACKET_DATA_BYTES = 65_516;

const LENGTH_BYTES = 4;
const LF = 0x0a;

export const FLUSH = Buffer.from('0000');
export const DELIMITER = Buffer.from('0001');

/** One pkt-line as it came. */
export type Packet =
  | { readonly kind: 'data'; readonly bytes: Buffer }
  | { readonly kind: 'flush' }
  | { readonly kind: 'delimiter' }
  | { readonly kind: 'response-end' };

/** What a client sends that is not the git protocol; both wires say so in their own way. */
export const protocolError = (problem: string): HubError => new HubError('InvalidRequest', problem);

/** One packet around a text or bytes. Lines of text end in a line feed where git writes one; say so in the text. */
export function packet(data: string | Uint8Array): Buffer {
  const bytes = typeof data === 'string' ? Buffer.from(data, 'utf8') : data;
  if (bytes.length > MAX_PACKET_DATA_BYTES)
    throw new RangeError(`a packet cannot hold ${bytes.length} bytes`);
  const whole = Buffer.allocUnsafe(LENGTH_BYTES + bytes.length);
  whole.write((LENGTH_BYTES + bytes.length).toString(16).padStart(LENGTH_BYTES, '0'), 'latin1');
  whole.set(bytes, LENGTH_BYTES);
  return whole;
}

/** The text of a data packet, less the line feed at its end that clients may leave out. */
export function lineOf({ bytes }: Extract<Packet, { kind: 'data' }>): string {
  const end = bytes.at(-1) === LF ? bytes.length - 1 : bytes.length;
  return bytes.toString('utf8', 0, end);
}

/** Packets of a stream, one after the other; what follows them can be taken as it is. */
export interface PacketReader {
  /** The next packet; undefined where the stream ends between two. Throws InvalidRequest for what is none. */
  next(): Promise<Packet | undefined>;
  /** All bytes after the packets read so far. Nothing may be read by `next` afterwards. */
  rest(): AsyncGenerator<Uint8Array, void, undefined>;
}

export function createPacketReader(source: AsyncIterable<Uint8Array>): PacketReader {
  const pieces = source[Symbol.asyncIterator]();
  let held: Buffer = Buffer.alloc(0);

  const more = async (): Promise<boolean> => {
    const next = await pieces.next();
    if (next.done) return false;
    const { buffer, byteOffset, byteLength } = next.value;
    const piece = Buffer.from(buffer, byteOffset, byteLength);
    held = held.length === 0 ? piece : Buffer.concat([held, piece]);
    return true;
  };

  /** At most a packet is ever joined, so the copies above stay small. */
  const take = async (length: number): Promise<Buffer | undefined> => {
    while (held.length < length) if (!(await more())) return undefined;
    const taken = held.subarray(0, length);
    held = held.subarray(length);
    return taken;
  };

  return {
    async next() {
      const head = await take(LENGTH_BYTES);
      if (head === undefined) {
        if (held.length > 0) throw protocolError('The request ends inside a packet length.');
        return undefined;
      }
      const digits = head.toString('latin1');
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw protocolError('A packet has a length that is no number.');
      const length = Number.parseInt(digits, 16);
      if (length === 0) return { kind: 'flush' };
      if (length === 1) return { kind: 'delimiter' };
      if (length === 2) return { kind: 'response-end' };
      if (length < LENGTH_BYTES || length > MAX_PACKET_DATA_BYTES + LENGTH_BYTES)
        throw protocolError('A packet has an impossible length.');
      const bytes = await take(length - LENGTH_BYTES);
      if (bytes === undefined) throw protocolError('The request ends inside a packet.');
      return { kind: 'data', bytes };
    },

    async *rest() {
      try {
        if (held.length > 0) yield held;
        held = Buffer.alloc(0);
        for (;;) {
          const next = await pieces.next();
          if (next.done) return;
          yield next.value;
        }
      } finally {
        await pieces.return?.();
      }
    },
  };
}
