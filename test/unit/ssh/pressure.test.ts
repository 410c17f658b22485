import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import type ssh2 from 'ssh2';
import { describe, expect, test } from 'vitest';
import { createPressure, holdToPacketSize, writeNotice } from '../../../server/ssh/pressure.ts';

const MIB = 1024 * 1024;

class FakeSocket extends EventEmitter {
  writableLength = 0;
  bytesWritten = 0;
  isDestroyed = false;
  isPaused = false;
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
  }
  receive(bytes: number): void {
    this.emit('data', Buffer.alloc(bytes));
  }
  destroy(): void {
    this.isDestroyed = true;
  }
}

/** A channel that hands its bytes to the socket, as ssh2 does, or keeps them while keys are exchanged. */
class FakeChannel extends EventEmitter {
  readonly outgoing = { window: 2 * MIB, packetSize: 32_768 };
  readonly written: number[] = [];
  readonly notices: string[] = [];
  readonly stderr = { write: (bytes: Buffer) => void this.notices.push(bytes.toString()) };
  readableLength = 0;
  isKept = false;
  readonly #socket: FakeSocket;
  constructor(socket: FakeSocket) {
    super();
    this.#socket = socket;
  }
  write(piece: Uint8Array, done: () => void): void {
    this.written.push(piece.byteLength);
    if (!this.isKept) this.#socket.bytesWritten += piece.byteLength + 40;
    done();
  }
}

function openFake(untakenMs?: number) {
  const [socket, connection] = [new FakeSocket(), new EventEmitter()];
  const channel = new FakeChannel(socket);
  const pressure = createPressure(
    socket as unknown as Socket,
    connection as unknown as ssh2.Connection,
    untakenMs,
  );
  const asChannel = channel as unknown as ssh2.ServerChannel;
  const gone = new AbortController();
  const write = (bytes: number): Promise<void> => pressure.write(asChannel, Buffer.alloc(bytes), gone.signal);
  return { socket, connection, channel, asChannel, pressure, gone, write };
}

describe('writing', () => {
  test('goes on in pieces while the socket has room, and waits while it has none', async () => {
    const { socket, channel, write } = openFake();
    await write(300_000);
    expect(channel.written).toEqual([131_072, 131_072, 37_856]);
    socket.writableLength = 2 * MIB;
    let isWritten = false;
    const waiting = write(10).then(() => (isWritten = true));
    await turn();
    socket.emit('drain');
    await turn();
    // Drained a little is not enough.
    expect(isWritten).toBe(false);
    socket.writableLength = 0;
    socket.emit('drain');
    await waiting;
    expect(channel.written.at(-1)).toBe(10);
  });

  test('waits for the end of an exchange of keys, for what is written meanwhile is kept in memory', async () => {
    const { connection, channel, write } = openFake();
    await write(1000);
    channel.isKept = true;
    await write(1000);
    let isWritten = false;
    const waiting = write(1000).then(() => (isWritten = true));
    await turn();
    expect([isWritten, channel.written.length]).toEqual([false, 2]);
    channel.isKept = false;
    connection.emit('rekey');
    await waiting;
    expect(channel.written).toHaveLength(3);
  });

  test('ends when the client goes, whatever it waits for', async () => {
    const { socket, gone, write } = openFake();
    socket.writableLength = 2 * MIB;
    const waiting = write(10);
    gone.abort(new Error('gone'));
    await expect(waiting).rejects.toThrow('gone');
    await expect(write(10)).rejects.toThrow('gone');
    expect(socket.listenerCount('drain')).toBe(0);
  });
});

describe('others have their turns', () => {
  test('while a peer takes all that is written at once', async () => {
    const { channel, write } = openFake();
    let most = 0;
    let isOver = false;
    const watching = (async () => {
      while (!isOver) {
        const before = channel.written.length;
        await turn();
        const ofTurn = channel.written.slice(before).reduce((sum, bytes) => sum + bytes, 0);
        most = Math.max(most, ofTurn);
      }
    })();
    await write(2 * MIB);
    for (let count = 0; count < 32; count++) await write(65_515);
    isOver = true;
    await watching;
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThan(300_000);
  });

  test('while a peer sends as fast as it is read', async () => {
    const { socket } = openFake();
    let sent = 0;
    while (!socket.isPaused && sent < 2 * MIB) {
      socket.receive(65_536);
      sent += 65_536;
    }
    expect(sent).toBe(262_144);
    await turn();
    expect(socket.isPaused).toBe(false);
    // What comes in turns of its own waits for nothing.
    for (let count = 0; count < 10; count++) {
      socket.receive(65_536);
      expect(socket.isPaused).toBe(false);
      await turn();
    }
  });
});

describe('a connection ends', () => {
  test('when nothing of an answer is taken for long, and not while some of it is', async () => {
    const { socket, gone, write } = openFake(300);
    socket.writableLength = 2 * MIB;
    for (let round = 0; round < 4; round++) {
      const waiting = write(10);
      await delay(100);
      expect(socket.isDestroyed).toBe(false);
      socket.writableLength = 0;
      socket.emit('drain');
      await waiting;
      socket.writableLength = 2 * MIB;
    }
    const stuck = write(10);
    await delay(500);
    expect(socket.isDestroyed).toBe(true);
    gone.abort(new Error('gone'));
    await expect(stuck).rejects.toThrow('gone');
  });

  test('when answers pile up that nobody reads', () => {
    const { socket } = openFake();
    socket.writableLength = 3 * MIB;
    socket.receive(1);
    expect(socket.isDestroyed).toBe(false);
    socket.writableLength = 5 * MIB;
    socket.receive(1);
    expect(socket.isDestroyed).toBe(true);
  });

  test('when a channel gets more than its window', () => {
    const { socket, channel, asChannel, pressure } = openFake();
    pressure.watch(asChannel);
    channel.readableLength = 2 * MIB;
    socket.receive(1);
    expect(socket.isDestroyed).toBe(false);
    channel.readableLength = 5 * MIB;
    channel.emit('close');
    socket.receive(1);
    expect(socket.isDestroyed).toBe(false);
    pressure.watch(asChannel);
    socket.receive(1);
    expect(socket.isDestroyed).toBe(true);
  });
});

test.each([
  [0, false, 0],
  [1, false, 1],
  [256, true, 256],
  [32_768, true, 32_768],
  [2 ** 32 - 1, true, 32_768],
])('of packets of %i bytes we say %s, and send %i', (packetSize, isUsable, used) => {
  const { channel, asChannel } = openFake();
  channel.outgoing.packetSize = packetSize;
  expect(holdToPacketSize(asChannel)).toBe(isUsable);
  expect(channel.outgoing.packetSize).toBe(used);
});

test('a notice that does not fit into the window is dropped', () => {
  const { channel, asChannel } = openFake();
  writeNotice(asChannel, 'one\n');
  channel.outgoing.window = 3;
  writeNotice(asChannel, 'two\n');
  expect(channel.notices).toEqual(['one\n']);
});
