import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createProgress, errorPacket, onBand, sideBanded } from '../../../server/git/side-band.ts';

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of source) parts.push(part);
  return Buffer.concat(parts);
}

/** Packets as band and data; a flush is band 0. */
function parse(bytes: Buffer): { readonly band: number; readonly data: Buffer }[] {
  const packets = [];
  for (let at = 0; at < bytes.length;) {
    const length = Number.parseInt(bytes.toString('latin1', at, at + 4), 16);
    if (length === 0) packets.push({ band: 0, data: Buffer.alloc(0) });
    else packets.push({ band: bytes[at + 4] ?? 0, data: bytes.subarray(at + 5, at + length) });
    at += Math.max(4, length);
  }
  return packets;
}

describe('bytes on a band', () => {
  it.each([
    ['large', 65_515],
    ['small', 995],
  ] as const)('fill %s packets of %i bytes', (size, most) => {
    for (const length of [0, 1, most - 1, most, most + 1, 3 * most]) {
      const data = Buffer.from(Array.from({ length }, (_, n) => n % 251));
      const packets = parse(onBand(1, data, size));
      expect(packets).toHaveLength(Math.max(1, Math.ceil(length / most)));
      expect(packets.every(({ band }) => band === 1)).toBe(true);
      expect(Buffer.concat(packets.map((packet) => packet.data)).equals(data)).toBe(true);
    }
  });

  it('leave room for an error of any length', () => {
    expect(errorPacket('no').toString()).toBe('000aERR no');
    expect(errorPacket('x'.repeat(100_000)).length).toBe(65_520);
  });
});

describe('an answer by bands', () => {
  it('carries data, what is said beside it, and a flush at the end', async () => {
    const progress = createProgress();
    const source = async function* (): AsyncGenerator<Uint8Array> {
      progress.say('counting\n');
      yield Buffer.from('one');
      progress.say('a');
      progress.say('b\n');
      await delay(1);
      yield Buffer.from('two');
      yield Buffer.alloc(0);
    };
    const packets = parse(await collect(sideBanded(source(), 'large', progress)));
    const text = packets.map(({ band, data }) => `${band}:${data.toString()}`);
    expect(text).toEqual(['2:counting\n', '1:one', '2:ab\n', '1:two', '0:']);
  });

  it('says that it is alive while nothing comes', async () => {
    const source = async function* (): AsyncGenerator<Uint8Array> {
      await delay(70);
      yield Buffer.from('late');
    };
    const packets = parse(await collect(sideBanded(source(), 'large', createProgress(), 20)));
    const empty = packets.filter(({ band, data }) => band === 2 && data.length === 0);
    expect(empty.length).toBeGreaterThanOrEqual(2);
    expect(empty.length).toBeLessThanOrEqual(4);
    expect(packets.slice(-2).map(({ band }) => band)).toEqual([1, 0]);
  });

  it('fails with its source, after what came before', async () => {
    const source = async function* (): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(Buffer.from('half'));
      throw new Error('broken');
    };
    const got: Uint8Array[] = [];
    const drain = async (): Promise<void> => {
      for await (const bytes of sideBanded(source(), 'large', createProgress())) got.push(bytes);
    };
    await expect(drain()).rejects.toThrow('broken');
    expect(Buffer.concat(got).toString('latin1')).toBe('0009\u0001half');
  });

  it('asks for no more than is taken, and lets its source go', async () => {
    let asked = 0;
    let isClosed = false;
    const source = async function* (): AsyncGenerator<Uint8Array> {
      try {
        for (;;) {
          asked += 1;
          yield await Promise.resolve(Buffer.from('x'));
        }
      } finally {
        isClosed = true;
      }
    };
    const answer = sideBanded(source(), 'large', createProgress());
    await answer.next();
    await delay(5);
    expect(asked).toBe(1);
    await answer.return();
    expect(isClosed).toBe(true);
  });

  it('ends at once when nobody wants it, though its source still works', async () => {
    const source = async function* (): AsyncGenerator<Uint8Array> {
      await new Promise(() => undefined);
      yield Buffer.from('never');
    };
    const answer = sideBanded(source(), 'large', createProgress(), 5);
    await answer.next();
    await answer.return();
    expect((await answer.next()).done).toBe(true);
  });
});
