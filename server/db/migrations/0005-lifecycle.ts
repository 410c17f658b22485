import { sql, type Kysely } from 'kysely';
import type { Migration } from './migration.ts';

/** ASCII lower case without `-` and `_`, as `normalName` makes it, out of a folded name. */
const NORMAL = sql`replace(replace(folded, '-', ''), '_', '')`;
/** What no name has: put before names that were too much alike before this was forbidden. */
const APART = '=';

/**
 * Names that are too much alike exclude each other, and a pack may be listed by another repository than the one it
 * is stored under. Of names that are alike already, the first one has its form, and the others go on as they are.
 */
export const lifecycle: Migration = {
  name: '0005-lifecycle',
  up: async (db, { text }) => {
    for (const table of ['namespaces', 'repository_names'] as const) {
      await db.schema
        .alterTable(table)
        .addColumn('normal', text, (column) => column.notNull().defaultTo(''))
        .execute();
      await sql`update ${sql.table(table)} set normal = ${NORMAL}`.execute(db);
    }
    await setApart(db, 'namespaces', sql`1 = 1`);
    await db.schema.createIndex('namespaces_unlike').unique().on('namespaces').column('normal').execute();
    await setApart(
      db,
      'repository_names',
      sql`earlier.owner_id = repository_names.owner_id and earlier.kind = repository_names.kind
        and earlier.is_redirect = 0 and repository_names.is_redirect = 0`,
    );
    await db.schema
      .createIndex('repository_names_unlike')
      .unique()
      .on('repository_names')
      .columns(['owner_id', 'kind', 'normal'])
      .where(sql.ref('is_redirect'), '=', sql.lit(0))
      .execute();

    await db.schema
      .alterTable('packs')
      .addColumn('home', text, (column) => column.notNull().defaultTo(''))
      .execute();
    await sql`update packs set home = (
      select public_id from repositories where repositories.id = packs.repository_id
    )`.execute(db);
    await db.schema.createIndex('packs_by_home').on('packs').columns(['home', 'pack_id']).execute();
  },
};

async function setApart(
  db: Kysely<unknown>,
  table: 'namespaces' | 'repository_names',
  isRival: ReturnType<typeof sql>,
): Promise<void> {
  await sql`update ${sql.table(table)} set normal = ${sql.lit(APART)} || folded where exists (
    select 1 from ${sql.table(table)} as earlier
    where earlier.id < ${sql.table(table)}.id and replace(replace(earlier.folded, '-', ''), '_', '') = ${sql.table(table)}.normal
      and ${isRival}
  )`.execute(db);
}
