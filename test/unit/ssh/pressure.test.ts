import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import type ssh2 from 'ssh2';
import { describe, expect, test } from 'vitest';
import { createPressure, holdToPacketSize, writeNotice } from '../../../server/ssh/pressure.ts';

const MIB = 1024 * 1024;

class FakeSocket extends EventEmitter {
  writableLength = 0;
  bytesWritten = 0;
  isDestroyed = false;
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

function openFake() {
  const [socket, connection] = [new FakeSocket(), new EventEmitter()];
  const channel = new FakeChannel(socket);
  const pressure = createPressure(socket as unknown as Socket, connection as unknown as ssh2.Connection);
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

describe('a connection ends', () => {
  test('when answers pile up that nobody reads', () => {
    const { socket } = openFake();
    socket.writableLength = 3 * MIB;
    socket.emit('data');
    expect(socket.isDestroyed).toBe(false);
    socket.writableLength = 5 * MIB;
    socket.emit('data');
    expect(socket.isDestroyed).toBe(true);
  });

  test('when a channel gets more than its window', () => {
    const { socket, channel, asChannel, pressure } = openFake();
    pressure.watch(asChannel);
    channel.readableLength = 2 * MIB;
    socket.emit('data');
    expect(socket.isDestroyed).toBe(false);
    channel.readableLength = 5 * MIB;
    channel.emit('close');
    socket.emit('data');
    expect(socket.isDestroyed).toBe(false);
    pressure.watch(asChannel);
    socket.emit('data');
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
