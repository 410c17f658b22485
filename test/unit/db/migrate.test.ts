import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openDatabase } from '../../../server/db/database.ts';
import { migrate, MIGRATIONS } from '../../../server/db/migrate.ts';
import type { Migration } from '../../../server/db/migrations/migration.ts';
import { openSqliteEngine } from '../../../server/db/sqlite-engine.ts';
import { openSqliteFile } from '../../../server/db/sqlite.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'atoll-db-'));
  file = join(folder, 'hub.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const addColor: Migration = {
  name: '9999-color',
  up: async (db, { text }) => {
    await db.schema.alterTable('settings').addColumn('color', text).execute();
  },
};

const query = (database: string, text: string): unknown[] => {
  const connection = openSqliteFile({ file: database });
  const rows = connection.prepare(text).raw().all();
  connection.close();
  return rows;
};

test('a new database gets every step, recorded, and no backup', async () => {
  const engine = openSqliteEngine({ file });
  expect(await migrate(engine, 5)).toBe(MIGRATIONS.length);
  await engine.close();
  const steps = MIGRATIONS.map(({ name }, index) => [index + 1, name, 5]);
  expect(query(file, 'select version, name, applied_at from schema_versions')).toEqual(steps);
  expect(readdirSync(folder)).toEqual(['hub.db']);
});

test('a database with data is copied before its schema changes, and only new steps run', async () => {
  const db = await openDatabase({ kind: 'sqlite', file });
  await db.write((stores) => stores.settings.set('key', 'value'));
  await db.close();

  const engine = openSqliteEngine({ file });
  const steps = [...MIGRATIONS, addColor];
  expect(await migrate(engine, 6, steps)).toBe(steps.length);
  expect(await migrate(engine, 7, steps)).toBe(steps.length);
  await engine.close();

  expect(query(file, 'select key, value, color from settings')).toEqual([['key', 'value', null]]);
  const backup = `${file}.schema-${MIGRATIONS.length}.backup`;
  expect(query(backup, 'select key, value from settings')).toEqual([['key', 'value']]);
  expect(query(backup, 'select max(version) from schema_versions')).toEqual([[MIGRATIONS.length]]);
  expect(existsSync(`${backup}.tmp`)).toBe(false);
  if (process.platform !== 'win32') expect(statSync(backup).mode & 0o077).toBe(0);
});

test('a step that fails leaves the schema as it was', async () => {
  await (await openDatabase({ kind: 'sqlite', file })).close();
  const engine = openSqliteEngine({ file });
  const broken: Migration = {
    name: 'broken',
    up: async (db, dialect) => {
      await addColor.up(db, dialect);
      throw new Error('no');
    },
  };
  await expect(migrate(engine, 1, [...MIGRATIONS, broken])).rejects.toThrow('no');
  await engine.close();
  expect(query(file, "select name from pragma_table_info('settings')")).toEqual([['key'], ['value']]);
  const db = await openDatabase({ kind: 'sqlite', file });
  expect(await db.check()).toEqual([]);
  await db.close();
});

test('a database of a newer version is refused and left alone', async () => {
  await (await openDatabase({ kind: 'sqlite', file })).close();
  const connection = openSqliteFile({ file });
  connection.exec("insert into schema_versions values (99, 'future', 1)");
  connection.close();
  await expect(openDatabase({ kind: 'sqlite', file })).rejects.toMatchObject({
    code: 'NotSupported',
    message: /newer version/,
    details: { schemaVersion: 99 },
  });
  expect(readdirSync(folder)).toEqual(['hub.db']);
});
