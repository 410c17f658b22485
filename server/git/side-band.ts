import { freeBehind } from '../platform/free-bytes.ts';
import { FLUSH, MAX_PACKET_DATA_BYTES, packet } from './pkt-line.ts';

/**
 * Channels inside an answer (git, Documentation/gitprotocol-pack, "Packfile Data"): data, text for the person, and the
 * sentence with which it breaks off.
 */
export const BAND = { data: 1, progress: 2, failure: 3 } as const;

/** Which packets a client takes: `side-band` (small ones) or `side-band-64k`. */
export type SideBandSize = 'small' | 'large';

/** Data of one packet, its band included. */
const MOST_BYTES: Readonly<Record<SideBandSize, number>> = {
  small: 996,
  large: MAX_PACKET_DATA_BYTES,
};

const PACKET_HEAD_BYTES = 5;

/** Bytes on one band, in as many packets as they take, joined. */
export function onBand(
  band: (typeof BAND)[keyof typeof BAND],
  data: Uint8Array,
  size: SideBandSize = 'large',
): Buffer {
  const most = MOST_BYTES[size] - 1;
  const count = Math.max(1, Math.ceil(data.byteLength / most));
  const whole = Buffer.allocUnsafe(data.byteLength + count * PACKET_HEAD_BYTES);
  let at = 0;
  for (let from = 0, left = count; left > 0; left -= 1, from += most) {
    const piece = data.subarray(from, from + most);
    const length = piece.byteLength + PACKET_HEAD_BYTES;
    whole.write(length.toString(16).padStart(4, '0'), at, 'latin1');
    whole[at + 4] = band;
    whole.set(piece, at + PACKET_HEAD_BYTES);
    at += length;
  }
  return whole;
}

/** What a person sees instead of an answer, as long as no band is open. */
export const errorPacket = (sentence: string): Buffer =>
  packet(Buffer.from(`ERR ${sentence}`).subarray(0, MAX_PACKET_DATA_BYTES));

/** Texts that come while bytes are awaited; newer ones join those that were not sent yet. */
export interface Progress {
  say(text: string): void;
  /** What was said since the last call; undefined when nothing was. */
  take(): string | undefined;
  /** Ends when something was said, or nothing for so long. Also by `wake`. */
  pause(ms: number): Promise<void>;
  wake(): void;
}

const MOST_WAITING_TEXT = 64 * 1024;

export function createProgress(): Progress {
  let text = '';
  let waker: (() => void) | undefined;
  const wake = (): void => waker?.();
  return {
    say(more) {
      if (text.length < MOST_WAITING_TEXT) text += more;
      wake();
    },
    take() {
      const taken = text;
      text = '';
      return taken === '' ? undefined : taken;
    },
    pause: (ms) =>
      text === ''
        ? new Promise((resolve) => {
            const timer = setTimeout(() => waker?.(), ms);
            waker = () => {
              clearTimeout(timer);
              waker = undefined;
              resolve();
            };
          })
        : Promise.resolve(),
    wake,
  };
}

/** An answer that takes long keeps its connection awake: proxies and clients cut silent ones (reference 1.5). */
const KEEP_ALIVE_MS = 5000;

/**
 * `source` on the data band, what is said to `progress` beside it, and an empty packet where nothing came for five
 * seconds; ends with a flush. The source is only asked for more once what it gave was taken. Each array is of use until
 * the one after the next is asked for.
 */
export const sideBanded = (
  source: AsyncIterable<Uint8Array>,
  size: SideBandSize,
  progress: Progress,
  keepAliveMs = KEEP_ALIVE_MS,
): AsyncGenerator<Uint8Array, void, undefined> => freeBehind(onBands(source, size, progress, keepAliveMs));

async function* onBands(
  source: AsyncIterable<Uint8Array>,
  size: SideBandSize,
  progress: Progress,
  keepAliveMs: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const pieces = source[Symbol.asyncIterator]();
  let isOver = false;
  let isThere = true;
  try {
    while (!isOver) {
      let piece: Uint8Array | undefined;
      isThere = false;
      const coming = pieces.next().then(
        (next) => {
          isThere = true;
          isOver = next.done === true;
          if (!next.done) piece = next.value;
        },
        (error: unknown) => {
          isThere = true;
          isOver = true;
          throw error;
        },
      );
      const noticed = coming.finally(progress.wake);
      // It is awaited below, once what is said before it was sent.
      noticed.catch(() => undefined);
      while (!isThere) {
        await progress.pause(keepAliveMs);
        const text = progress.take();
        if (text !== undefined) yield onBand(BAND.progress, Buffer.from(text), size);
        else if (!isThere) yield onBand(BAND.progress, Buffer.alloc(0), size);
      }
      await coming;
      const text = progress.take();
      if (text !== undefined) yield onBand(BAND.progress, Buffer.from(text), size);
      if (piece !== undefined && piece.byteLength > 0) yield onBand(BAND.data, piece, size);
    }
    yield FLUSH;
  } finally {
    const closing = isOver ? undefined : pieces.return?.();
    // Who does not want the rest does not wait for the piece that was asked for last.
    if (isThere) await closing;
    else closing?.catch(() => undefined);
  }
}
