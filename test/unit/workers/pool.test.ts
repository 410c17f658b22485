import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { HubError } from '../../../server/domain/errors.ts';
import { createWorkerPool } from '../../../server/workers/pool.ts';
import type { WorkerPool, WorkerPoolOptions } from '../../../server/workers/pool.ts';
import { buildXorb, sample } from '../xet/builders.ts';

const pools: WorkerPool[] = [];
const open = (options: Partial<WorkerPoolOptions> = {}): WorkerPool => {
  const pool = createWorkerPool({ size: 2, ...options });
  pools.push(pool);
  return pool;
};
/** A pool whose threads run this code, which stands for a worker that misbehaves. */
const openWith = (code: string, options: Partial<WorkerPoolOptions> = {}): WorkerPool => {
  const source = `import { parentPort } from 'node:worker_threads'; ${code}`;
  return open({ ...options, entry: new URL(`data:text/javascript,${encodeURIComponent(source)}`) });
};
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});

const xorb = await buildXorb([1, 2, 3].map((seed) => ({ raw: sample(seed, 9000), scheme: 1 })));
const records = (): Uint8Array<ArrayBuffer> => new Uint8Array(xorb.bytes);
const inflate = (pool: WorkerPool, rawBytes = xorb.raw.length): Promise<Uint8Array> => {
  const bytes = records();
  return pool.run('inflateBlock', { records: bytes, rawBytes }, [bytes.buffer]);
};

describe('calls', () => {
  it('starts no thread before there is work', () => {
    expect(open().counts()).toEqual({ workers: 0, waiting: 0 });
  });

  it('answers what the task answers, and takes the buffers that are handed over', async () => {
    const bytes = records();
    const raw = await open().run('inflateBlock', { records: bytes, rawBytes: xorb.raw.length }, [
      bytes.buffer,
    ]);
    expect(Buffer.compare(raw, xorb.raw)).toBe(0);
    expect(bytes.byteLength).toBe(0);
  });

  it('gives an uploaded xorb back without its footer, with its chunk index', async () => {
    const bytes = new Uint8Array(Buffer.concat([xorb.bytes, Buffer.from('XETBLOB and more', 'latin1')]));
    const proved = await open().run('verifyXorb', { bytes, expected: xorb.hash }, [bytes.buffer]);
    expect(Buffer.compare(proved.content, xorb.bytes)).toBe(0);
    expect(proved).toMatchObject({ chunkCount: 3, rawBytes: 27_000 });
    expect(proved.chunkIndex.byteLength).toBe(12 + 3 * 40);
  });

  it('rejects with the HubError of the task, code and sentence and all', async () => {
    const bytes = records();
    const failure: unknown = await open()
      .run('verifyXorb', { bytes, expected: '0'.repeat(64) as typeof xorb.hash })
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(HubError);
    expect(failure).toMatchObject({
      code: 'InvalidObject',
      message: expect.stringContaining(xorb.hash) as string,
    });
  });

  it('runs many with few threads, each in its turn', async () => {
    const pool = open({ size: 2 });
    const all = Promise.all(Array.from({ length: 50 }, () => inflate(pool)));
    expect(pool.counts()).toEqual({ workers: 2, waiting: 48 });
    for (const raw of await all) expect(raw.length).toBe(xorb.raw.length);
    expect(pool.counts()).toEqual({ workers: 2, waiting: 0 });
  });

  it('goes on after a task that failed', async () => {
    const pool = open({ size: 1 });
    await expect(inflate(pool, 5)).rejects.toMatchObject({ code: 'InvalidObject' });
    expect((await inflate(pool)).length).toBe(xorb.raw.length);
    expect(pool.counts().workers).toBe(1);
  });

  it('rejects input that cannot be sent, and keeps the thread', async () => {
    const pool = open({ size: 1 });
    const input = { records: records(), rawBytes: (() => 1) as unknown as number };
    await expect(pool.run('inflateBlock', input)).rejects.toThrow(/clone/);
    expect((await inflate(pool)).length).toBe(xorb.raw.length);
  });
});

describe('sessions', () => {
  it('keep their state over many messages', async () => {
    const session = await open().open('sha256');
    for (const text of ['a', 'b', 'c']) await session.push(Buffer.from(text));
    expect(await session.close()).toEqual({
      sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
      sizeBytes: 3,
    });
  });

  it('take pushes in order although nobody waits for them', async () => {
    const session = await open().open('sha256');
    const pushed = Promise.all(['a', 'b', 'c'].map((text) => session.push(Buffer.from(text))));
    const { sha256 } = await session.close();
    await pushed;
    expect(sha256).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });

  it('do not stand in the way of each other or of calls, even with one thread', async () => {
    const pool = open({ size: 1 });
    const sessions = await Promise.all(Array.from({ length: 20 }, () => pool.open('sha256')));
    for (const session of sessions) await session.push(Buffer.from('abc'));
    expect((await inflate(pool)).length).toBe(xorb.raw.length);
    const digests = await Promise.all(sessions.map((session) => session.close()));
    expect(new Set(digests.map((digest) => digest.sha256)).size).toBe(1);
    expect(pool.counts().workers).toBe(1);
  });

  it('end with abort, at any time and more than once', async () => {
    const session = await open().open('sha256');
    session.abort();
    session.abort();
    await expect(session.push(Buffer.from('x'))).rejects.toThrow('not open');
  });

  it('end with the first failure, and say so to whoever goes on', async () => {
    const session = await open().open('sha256');
    await expect(session.push(7 as unknown as Uint8Array)).rejects.toThrow();
    await expect(session.push(Buffer.from('x'))).rejects.toThrow('not open');
    await expect(session.close()).rejects.toThrow('not open');
  });
});

describe('threads that die', () => {
  const dying = `parentPort.on('message', () => process.exit(3));`;

  it('reject what they were at with a clear error, and are replaced', async () => {
    const pool = openWith(
      `let count = 0;
       parentPort.on('message', ({ id, input }) => {
         if (input.rawBytes === 0) throw new Error('boom');
         parentPort.postMessage({ id, ok: true, output: input.rawBytes });
       });`,
      { size: 1 },
    );
    const failing = inflate(pool, 0);
    const next = inflate(pool, 11);
    await expect(failing).rejects.toMatchObject({
      code: 'Internal',
      message: 'A worker thread stopped unexpectedly.',
    });
    expect(await next).toBe(11);
    expect(pool.counts()).toEqual({ workers: 1, waiting: 0 });
  });

  it('reject every call when they all die, and never hang', async () => {
    const pool = openWith(dying);
    const outcomes = await Promise.allSettled(Array.from({ length: 6 }, () => inflate(pool)));
    expect(outcomes.every((outcome) => outcome.status === 'rejected')).toBe(true);
    expect(pool.counts()).toEqual({ workers: 0, waiting: 0 });
  });

  it('reject when their code does not load at all', async () => {
    await expect(inflate(openWith('syntax error here'))).rejects.toMatchObject({ code: 'Internal' });
  });

  it('take their sessions with them', async () => {
    const pool = openWith(`parentPort.on('message', ({ id, kind }) => {
      if (kind === 'push') process.exit(1);
      parentPort.postMessage({ id, ok: true });
    });`);
    const session = await pool.open('sha256');
    await expect(session.push(Buffer.from('x'))).rejects.toMatchObject({ code: 'Internal' });
    await expect(session.close()).rejects.toMatchObject({ code: 'Internal' });
    session.abort();
  });
});

describe('threads without work', () => {
  it('stop after a while, and start again when there is work', async () => {
    const pool = open({ idleMs: 40 });
    await inflate(pool);
    expect(pool.counts().workers).toBe(1);
    await sleep(200);
    expect(pool.counts().workers).toBe(0);
    expect((await inflate(pool)).length).toBe(xorb.raw.length);
  });

  it('stop at once when a task left them full, and stay when it did not', async () => {
    const leaving = (bytes: number): WorkerPool =>
      openWith(`let left; parentPort.on('message', ({ id }) => {
        left = new Uint8Array(${bytes}).fill(1);
        parentPort.postMessage({ id, ok: true, output: left.length });
      });`);
    const [full, light] = [leaving(80 * 1024 * 1024), leaving(1024)];
    await Promise.all([inflate(full), inflate(light)]);
    await expect.poll(() => full.counts().workers).toBe(0);
    expect(light.counts().workers).toBe(1);
    expect(await inflate(full)).toBe(80 * 1024 * 1024);
  });

  it('stay while a session is open', async () => {
    const pool = open({ idleMs: 20 });
    const session = await pool.open('sha256');
    await sleep(120);
    expect(pool.counts().workers).toBe(1);
    await session.push(Buffer.from('abc'));
    expect((await session.close()).sizeBytes).toBe(3);
    await sleep(200);
    expect(pool.counts().workers).toBe(0);
  });
});

describe('close', () => {
  it('rejects what is under way and what waits, and takes nothing new', async () => {
    const pool = openWith(`parentPort.on('message', () => undefined);`, { size: 1 });
    const calls = [inflate(pool), inflate(pool)];
    const outcomes = Promise.allSettled(calls);
    await pool.close();
    for (const outcome of await outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'Unavailable' } });
    }
    await expect(inflate(pool)).rejects.toMatchObject({ code: 'Unavailable' });
    await expect(pool.open('sha256')).rejects.toMatchObject({ code: 'Unavailable' });
    expect(pool.counts()).toEqual({ workers: 0, waiting: 0 });
  });
});
