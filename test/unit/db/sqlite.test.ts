import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openDatabase } from '../../../server/db/database.ts';
import { openSqliteFile, openSqliteRole, settingProblems } from '../../../server/db/sqlite.ts';
import type { TransactionReport } from '../../../server/db/watchdog.ts';
import { HubError } from '../../../server/domain/errors.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'atoll-db-'));
  file = join(folder, 'hub.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function overwriteAllButFirstPage(path: string): void {
  const pageBytes = 4096;
  const rest = statSync(path).size - pageBytes;
  const handle = openSync(path, 'r+');
  writeSync(handle, Buffer.alloc(rest, 0x5a), 0, rest, pageBytes);
  closeSync(handle);
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('durability', () => {
  test('every connection syncs fully, also after the file was closed and opened again', () => {
    for (const visit of ['new', 'again']) {
      for (const role of ['write', 'read'] as const) {
        const connection = openSqliteRole({ file }, role);
        const setting = (name: string) => connection.pragma(name, { simple: true });
        expect([
          visit,
          role,
          setting('synchronous'),
          setting('journal_mode'),
          setting('foreign_keys'),
        ]).toEqual([visit, role, 2, 'wal', 1]);
        connection.close();
      }
    }
  });

  test('a connection with the library’s own defaults is named as a problem', () => {
    openSqliteRole({ file }, 'write').close();
    const connection = openSqliteFile({ file });
    connection.pragma('foreign_keys = OFF');
    expect(settingProblems(connection)).toEqual([
      'SQLite: synchronous is 1, not 2',
      'SQLite: foreign_keys is 0, not 1',
    ]);
    connection.close();
  });

  test('what was written is there after closing and opening, and no log stays behind', async () => {
    const first = await openDatabase({ kind: 'sqlite', file });
    await first.write((stores) => stores.settings.set('color', 'blue'));
    await first.close();
    expect(readdirSync(folder)).toEqual(['hub.db']);
    const second = await openDatabase({ kind: 'sqlite', file });
    expect(await second.read((stores) => stores.settings.get('color'))).toBe('blue');
    await second.close();
  });

  test.skipIf(process.platform === 'win32')('nobody else on the machine may read the file', async () => {
    const db = await openDatabase({ kind: 'sqlite', file });
    await db.write((stores) => stores.settings.set('color', 'blue'));
    for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o077).toBe(0);
    await db.close();
  });

  test('the log does not grow with the number of writes', async () => {
    const db = await openDatabase({ kind: 'sqlite', file });
    const value = 'x'.repeat(100_000);
    for (let index = 0; index < 300; index++) {
      await db.write((stores) => stores.settings.set('value', `${value}${index}`));
    }
    expect(statSync(`${file}-wal`).size).toBeLessThan(10 * 1024 * 1024);
    await db.close();
  });
});

describe('failures', () => {
  test('a file that is no database is refused', async () => {
    writeFileSync(file, 'this is not a database, it is a text file of more than a hundred bytes'.repeat(20));
    await expect(openDatabase({ kind: 'sqlite', file })).rejects.toMatchObject({ code: 'Unavailable' });
  });

  test('a folder that does not exist is refused', async () => {
    const missing = openDatabase({ kind: 'sqlite', file: join(folder, 'none', 'hub.db') });
    await expect(missing).rejects.toMatchObject({ code: 'Unavailable' });
  });

  test('after damage nothing is written any more, and the reason is kept', async () => {
    const db = await openDatabase({ kind: 'sqlite', file });
    await db.write((stores) => stores.settings.set('color', 'blue'));
    await db.close();
    const damaged = await openDatabase({ kind: 'sqlite', file });
    overwriteAllButFirstPage(file);

    const write = () => damaged.write((stores) => stores.settings.set('color', 'red'));
    await expect(write()).rejects.toMatchObject({ code: 'Unavailable' });
    await expect(write()).rejects.toMatchObject({ code: 'Unavailable', message: /takes no changes/ });
    expect(await damaged.check()).not.toEqual([]);
    await damaged.close();
  });

  test('a closed database says so', async () => {
    const db = await openDatabase({ kind: 'sqlite', file });
    await db.close();
    for (const mode of ['read', 'write'] as const) {
      await expect(db[mode]((stores) => stores.settings.get('x'))).rejects.toMatchObject({
        code: 'Unavailable',
        message: 'The database is closed.',
      });
    }
  });

  test('closing waits for what is under way', async () => {
    const db = await openDatabase({ kind: 'sqlite', file });
    const written = db.write(async (stores) => {
      await turn();
      await stores.settings.set('color', 'blue');
    });
    const waiting = db.write((stores) => stores.settings.set('shape', 'round'));
    await db.close();
    await expect(Promise.all([written, waiting])).resolves.toBeDefined();
    const again = await openDatabase({ kind: 'sqlite', file });
    expect(await again.read((stores) => stores.settings.get('shape'))).toBe('round');
    await again.close();
  });

  test('rows that name what does not exist are reported', async () => {
    const db = await openDatabase({ kind: 'sqlite', file });
    const other = openSqliteFile({ file });
    other.pragma('foreign_keys = OFF');
    other.exec('insert into users (id, is_admin) values (77, 0)');
    other.close();
    expect(await db.check()).toEqual([
      'SQLite: row 77 of users names a row of namespaces that does not exist',
    ]);
    await db.close();
  });
});

describe('roles', () => {
  test('a read does not wait for an open write, and sees the state before it', async () => {
    const db = await openDatabase({ kind: 'sqlite', file });
    await db.write((stores) => stores.settings.set('color', 'blue'));
    const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>();
    const { promise: hasSet, resolve: set } = Promise.withResolvers<void>();
    const written = db.write(async (stores) => {
      await stores.settings.set('color', 'red');
      set();
      await mayEnd;
    });
    await hasSet;
    expect(await db.read((stores) => stores.settings.get('color'))).toBe('blue');
    end();
    await written;
    expect(await db.read((stores) => stores.settings.get('color'))).toBe('red');
    await db.close();
  });

  test('a read keeps its state while others write', async () => {
    const db = await openDatabase({ kind: 'sqlite', file });
    await db.write((stores) => stores.settings.set('color', 'blue'));
    const { promise: hasAsked, resolve: asked } = Promise.withResolvers<void>();
    const { promise: mayGoOn, resolve: goOn } = Promise.withResolvers<void>();
    const seen = db.read(async (stores) => {
      const before = await stores.settings.get('color');
      asked();
      await mayGoOn;
      return [before, await stores.settings.get('color')];
    });
    await hasAsked;
    await db.write((stores) => stores.settings.set('color', 'red'));
    goOn();
    expect(await seen).toEqual(['blue', 'blue']);
    await db.close();
  });

  test('a question left behind by its transaction never runs inside the next one', async () => {
    const db = await openDatabase({ kind: 'sqlite', file });
    const { promise: mayAsk, resolve: ask } = Promise.withResolvers<void>();
    let strayed: Promise<void> | undefined;
    await db.write((stores) => {
      strayed = mayAsk.then(() => stores.settings.set('color', 'stray'));
      return Promise.resolve();
    });
    const next = db.write(async (stores) => {
      ask();
      await turn();
      return stores.settings.get('color');
    });
    await expect(strayed).rejects.toBeInstanceOf(HubError);
    expect(await next).toBeUndefined();
    await db.close();
  });

  test('a long write lets the event loop turn', async () => {
    const db = await openDatabase({ kind: 'sqlite', file });
    let turns = 0;
    const ticking = setInterval(() => turns++, 1);
    await db.write(async (stores) => {
      for (let index = 0; turns < 5 && index < 50_000; index++) {
        await stores.settings.set(`key ${index % 100}`, String(index));
      }
    });
    clearInterval(ticking);
    expect(turns).toBe(5);
    await db.close();
  });

  test('a transaction that stays open is reported while it is and when it ends', async () => {
    const reports: TransactionReport[] = [];
    const db = await openDatabase(
      { kind: 'sqlite', file },
      { onLongTransaction: (report) => reports.push(report) },
    );
    await db.write(() => Promise.resolve());
    await db.read(() => new Promise((resolve) => setTimeout(resolve, 120)));
    expect(reports.map(({ mode, isOpen }) => ({ mode, isOpen }))).toEqual([
      { mode: 'read', isOpen: true },
      { mode: 'read', isOpen: false },
    ]);
    expect(reports[1]?.elapsedMs).toBeGreaterThan(100);
    await db.close();
  });
});

describe('redirects', () => {
  async function movedRepo() {
    const db = await openDatabase({ kind: 'sqlite', file });
    const owner = await db.write((stores) =>
      stores.accounts.createUser({
        name: 'ann',
        fullName: '',
        email: undefined,
        passwordHash: undefined,
        isAdmin: false,
        now: 1,
      }),
    );
    const create = (name: string) =>
      db.write((stores) =>
        stores.repos.create({
          kind: 'model',
          owner,
          name,
          visibility: 'public',
          defaultBranch: 'main',
          createdBy: owner.id,
          now: 1,
        }),
      );
    const repo = await create('new-name');
    const other = openSqliteFile({ file });
    other
      .prepare(
        "insert into repository_names (repository_id, owner_id, kind, folded, is_redirect) values (?, ?, 'model', 'old-name', 1)",
      )
      .run(repo.id, owner.id);
    other.close();
    const find = (name: string) => db.read((stores) => stores.repos.find('model', 'ann', name));
    return { db, repo, create, find };
  }

  test('a former name leads to the repository', async () => {
    const { db, repo, find } = await movedRepo();
    expect(await find('Old-Name')).toEqual({ repo, isRedirect: true });
    expect(await find('new-name')).toEqual({ repo, isRedirect: false });
    await db.close();
  });

  test('a new repository takes over a former name', async () => {
    const { db, repo, create, find } = await movedRepo();
    const taker = await create('OLD-name');
    expect(await find('old-name')).toEqual({ repo: taker, isRedirect: false });
    expect(await find('new-name')).toEqual({ repo, isRedirect: false });
    await db.close();
  });
});
