import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, readdir, readlink, rm, writeFile } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { openLocalStore } from '../../server/objects/local.ts';
import { objectStoreSuite } from './object-store.suite.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'atoll-objects-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const guard = { insideTransaction: () => false };
const newFolder = (): Promise<string> => mkdtemp(join(root, 'store-'));

objectStoreSuite('local', async (options) => {
  const folder = await newFolder();
  return {
    store: await openLocalStore({ folder, ...options }),
    async leftovers() {
      const files = await readdir(folder, { recursive: true });
      const expected = ['objects', 'staging'];
      return [...files.filter((name) => !expected.includes(name)), ...(await handlesUnder(folder))];
    },
  };
});

describe('object store: local, beyond the port', () => {
  afterEach(() => vi.restoreAllMocks());

  test('a full disk has its own error and leaves nothing', async () => {
    const folder = await newFolder();
    const store = await openLocalStore({ folder, ...guard });
    await failNext('writev', 'ENOSPC', 'write');
    const full = { code: 'InsufficientStorage', cause: { code: 'ENOSPC' } };
    await expect(store.put('a', Buffer.from('x'))).rejects.toMatchObject(full);
    await failNext('sync', 'ENOSPC', 'fsync');
    await expect(store.put('a', Buffer.from('x'))).rejects.toMatchObject(full);
    expect(await readdir(join(folder, 'staging'))).toEqual([]);
    await store.put('a', Buffer.from('there is room again'));
    await store.close();
  });

  test('nothing is acknowledged any more after the disk failed to sync', async () => {
    const folder = await newFolder();
    const store = await openLocalStore({ folder, ...guard });
    await store.put('before', Buffer.from('x'));
    await failNext('sync', 'EIO', 'fsync');
    const failed = { code: 'Unavailable', cause: { code: 'EIO' } };
    await expect(store.put('a', Buffer.from('x'))).rejects.toMatchObject(failed);
    await expect(store.put('a', Buffer.from('x'))).rejects.toMatchObject(failed);
    expect((await store.read('before', { start: 0, end: 1 })).toString()).toBe('x');
    expect(await readdir(join(folder, 'staging'))).toEqual([]);
    await store.close();
  });

  test('a large file is synced while it is written, and a sync that fails then fails the put and all after it', async () => {
    const folder = await newFolder();
    const store = await openLocalStore({ folder, ...guard });
    const part = Buffer.alloc(1024 * 1024, 'x');
    async function* parts(count: number): AsyncGenerator<Uint8Array> {
      for (let n = 0; n < count; n++) yield part;
    }
    const syncs = await spyOn('datasync');
    await store.put('small', parts(31));
    expect(syncs).not.toHaveBeenCalled();
    await store.put('large', parts(40));
    expect(syncs).toHaveBeenCalled();
    await failNext('datasync', 'EIO', 'fdatasync');
    const failed = { code: 'Unavailable', cause: { code: 'EIO' } };
    await expect(store.put('a', parts(40))).rejects.toMatchObject(failed);
    await expect(store.put('b', Buffer.from('x'))).rejects.toMatchObject(failed);
    expect(await store.head('a')).toBeUndefined();
    expect((await store.head('large'))?.sizeBytes).toBe(40 * part.length);
    expect(await readdir(join(folder, 'staging'))).toEqual([]);
    await store.close();
  });

  test('a put that was killed leaves nothing, and the next start removes its temporary file', async () => {
    const folder = await newFolder();
    const program = `
      import { openLocalStore } from ${JSON.stringify(import.meta.resolve('../../server/objects/local.ts'))};
      const store = await openLocalStore({ folder: ${JSON.stringify(folder)}, insideTransaction: () => false });
      await store.put('whole', Buffer.from('acknowledged'));
      async function* source() {
        for (let n = 0; ; n++) {
          yield Buffer.alloc(1024 * 1024);
          if (n === 5) console.log('under way');
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      }
      await store.put('half', source());
    `;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await readdir(join(folder, 'staging'))).toHaveLength(1);

    const store = await openLocalStore({ folder, ...guard });
    expect(await readdir(join(folder, 'staging'))).toEqual([]);
    expect(await store.head('half')).toBeUndefined();
    expect((await store.read('whole', { start: 0, end: 12 })).toString()).toBe('acknowledged');
    await store.close();
  });

  test('opening leaves the temporary files of living processes alone, but not those of an earlier life', async () => {
    const folder = await newFolder();
    await (await openLocalStore({ folder, ...guard })).close();
    const ofParent = `${process.ppid}.someone-else.1`;
    const ofEarlierLife = `${process.pid}.someone-else.1`;
    for (const name of [ofParent, ofEarlierLife, 'garbage'])
      await writeFile(join(folder, 'staging', name), 'x');
    await (await openLocalStore({ folder, ...guard })).close();
    expect(await readdir(join(folder, 'staging'))).toEqual([ofParent]);
  });

  test('only a bounded number of files and folders stays open', async () => {
    const folder = await newFolder();
    const store = await openLocalStore({ folder, ...guard });
    const keyOf = (n: number): string => `packs/${n}/pack`;
    const most = { files: 256, folders: 512 };
    for (let n = 0; n < 600; n++) {
      await store.put(keyOf(n), Buffer.from(String(n)));
      expect((await store.read(keyOf(n), { start: 0, end: 1 })).toString()).toBe(String(n)[0]);
    }
    const openNow = async () => {
      const paths = await handlesUnder(folder);
      const files = paths.filter((path) => path.endsWith('/pack')).length;
      return { files, folders: paths.length - files };
    };
    const afterPuts = await openNow();
    expect(afterPuts.files).toBeLessThanOrEqual(most.files);
    expect(afterPuts.folders).toBeLessThanOrEqual(most.folders);
    const numbers = Array.from({ length: 600 }, (_, n) => n);
    await Promise.all(numbers.map((n) => store.read(keyOf(n), { start: 0, end: 1 })));
    await Promise.all(numbers.map((n) => store.put(keyOf(n), Buffer.from(String(n)))));
    expect((await openNow()).files).toBeLessThanOrEqual(most.files);
    expect((await openNow()).folders).toBeLessThanOrEqual(most.folders);
    for (const n of numbers) await store.delete(keyOf(n));
    expect(await openNow()).toEqual({ files: 0, folders: 0 });
    await store.close();
    expect(await handlesUnder(folder)).toEqual([]);
  });

  test('a folder that cannot be written is a failure of the store that keeps its cause', async () => {
    const folder = await newFolder();
    const store = await openLocalStore({ folder, ...guard });
    await rm(join(folder, 'staging'), { recursive: true });
    await expect(store.put('a', Buffer.from('x'))).rejects.toMatchObject({
      name: 'HubError',
      code: 'Unavailable',
      cause: { code: 'ENOENT' },
    });
    await store.close();
  });
});

/** Let the next such call on any file handle of this process fail as the system would. */
async function failNext(method: WatchedCall, code: string, syscall: string): Promise<void> {
  const error = Object.assign(new Error(`${code}: planted, ${syscall}`), { code, syscall });
  (await spyOn(method)).mockRejectedValueOnce(error);
}

type WatchedCall = 'sync' | 'datasync' | 'writev';

/** Watch a call on all file handles. */
async function spyOn(method: WatchedCall) {
  const handle = await open(tmpdir(), 'r');
  const handles = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  return vi.spyOn(handles, method);
}

/** Paths under `folder` that this process has open; empty where the system does not tell (no /proc). */
async function handlesUnder(folder: string): Promise<string[]> {
  if (process.platform !== 'linux') return [];
  const open: string[] = [];
  for (const descriptor of await readdir('/proc/self/fd')) {
    // The handle of this very listing is closed by now.
    const path = await readlink(join('/proc/self/fd', descriptor)).catch(() => '');
    if (path.startsWith(folder)) open.push(path);
  }
  return open;
}
