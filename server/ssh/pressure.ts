import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type ssh2 from 'ssh2';

/*
 * ssh2 hands what is written to the socket, or to a queue while keys are exchanged anew, and reports it as written:
 * nobody waits for the peer. Nor does it hold the peer to the window it was given, and it encrypts and decrypts in the
 * turn of the event loop in which bytes come. All three are held in bounds here.
 */

/** What may lie in the socket before writers wait. */
const ROOM_BYTES = 1024 * 1024;
/**
 * What is encrypted before others have their turn, a millisecond's work. A socket whose peer reads as fast never is full,
 * so that waiting for it would not let anybody through.
 */
const PIECE_BYTES = 128 * 1024;
/** The same for what is decrypted: one turn of the event loop would read up to 2 MiB of a socket. */
const TURN_BYTES = 256 * 1024;
/** Only answers to a flood of requests, which are written without waiting, come this far. */
const UNREAD_BYTES = 4 * 1024 * 1024;
/** Who takes nothing of an answer for so long does not want it; until then it keeps others of theirs waiting. */
const UNTAKEN_MS = 10 * 60_000;
/** The window that ssh2 gives is 2 MiB; who sends more than that, unread, does not keep to it. */
const UNCONSUMED_BYTES = 4 * 1024 * 1024;

/** What of the other side's limits ssh2 takes as they come (RFC 4254, 5.1). */
interface Outgoing {
  readonly window: number;
  packetSize: number;
}
const outgoingOf = (channel: ssh2.ServerChannel): Outgoing =>
  (channel as unknown as { readonly outgoing: Outgoing }).outgoing;

const LEAST_PACKET_BYTES = 256;
const MOST_PACKET_BYTES = 32 * 1024;

/** Take on a channel's packets of any size but absurd ones: of size 0 no number of them would do. */
export function holdToPacketSize(channel: ssh2.ServerChannel): boolean {
  const outgoing = outgoingOf(channel);
  if (outgoing.packetSize < LEAST_PACKET_BYTES) return false;
  outgoing.packetSize = Math.min(outgoing.packetSize, MOST_PACKET_BYTES);
  return true;
}

/**
 * Write a line beside the output. What does not fit is dropped: once both streams of a channel wait for its window, ssh2
 * sends what waited on the one again on the other.
 */
export function writeNotice(channel: ssh2.ServerChannel, line: string): void {
  const bytes = Buffer.from(line);
  if (outgoingOf(channel).window > bytes.byteLength) channel.stderr.write(bytes);
}

export interface Pressure {
  /** Write bytes, and wait until the peer takes them. Throws the signal's reason. */
  write(channel: ssh2.ServerChannel, bytes: Uint8Array, signal: AbortSignal): Promise<void>;
  /** To be told of each channel that is read from. */
  watch(channel: ssh2.ServerChannel): void;
}

/** Flow control of one connection; ends it when the peer keeps to none, or takes nothing any more. */
export function createPressure(
  socket: Socket,
  connection: ssh2.Connection,
  untakenMs = UNTAKEN_MS,
): Pressure {
  const channels = new Set<ssh2.ServerChannel>();
  let isExchangingKeys = false;
  let [written, read] = [0, 0];
  connection.on('rekey', () => (isExchangingKeys = false));
  socket.on('data', (bytes: Uint8Array) => {
    if (read === 0) setImmediate(startTurn);
    read += bytes.byteLength;
    if (read >= TURN_BYTES) socket.pause();
    const isFlood = [...channels].some(({ readableLength }) => readableLength > UNCONSUMED_BYTES);
    if (isFlood || socket.writableLength > UNREAD_BYTES) socket.destroy();
  });

  function startTurn(): void {
    if (read >= TURN_BYTES) socket.resume();
    read = 0;
  }

  async function writePiece(
    channel: ssh2.ServerChannel,
    piece: Uint8Array,
    signal: AbortSignal,
  ): Promise<void> {
    while (isExchangingKeys) await happens(connection, 'rekey', signal);
    while (socket.writableLength > ROOM_BYTES) await happens(socket, 'drain', signal);
    const before = socket.bytesWritten;
    await new Promise<void>((resolve, reject) => {
      const leave = (): void => reject(signal.reason as Error);
      signal.throwIfAborted();
      signal.addEventListener('abort', leave, { once: true });
      channel.write(piece, () => {
        signal.removeEventListener('abort', leave);
        resolve();
      });
    });
    // Also counts what the socket has not sent yet, so what is missing there was kept back.
    if (socket.bytesWritten - before < piece.byteLength) isExchangingKeys = true;
    written += piece.byteLength;
    if (written < PIECE_BYTES) return;
    written = 0;
    await nextTurn();
  }

  return {
    async write(channel, bytes, signal) {
      const untaken = setTimeout(() => socket.destroy(), untakenMs);
      try {
        for (let at = 0; at < bytes.byteLength; at += PIECE_BYTES) {
          await writePiece(channel, bytes.subarray(at, at + PIECE_BYTES), signal);
          untaken.refresh();
        }
      } finally {
        clearTimeout(untaken);
      }
    },
    watch(channel) {
      channels.add(channel);
      channel.once('close', () => channels.delete(channel));
    },
  };
}

function happens(
  on: { once(name: string, listener: () => void): unknown; off(name: string, listener: () => void): unknown },
  name: string,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const settle = (): void => {
      on.off(name, settle);
      signal.removeEventListener('abort', settle);
      if (signal.aborted) reject(signal.reason as Error);
      else resolve();
    };
    on.once(name, settle);
    signal.addEventListener('abort', settle, { once: true });
  });
}
