import type { Oid, RepositoryId } from '../../domain/ids.ts';
import { oidBytes, toOid } from '../bytes.ts';
import { createQuestion } from '../question.ts';
import type { Ref, RefStore } from '../questions/refs.ts';
import type { StoreContext } from '../store-context.ts';
import { afterPrefix } from '../../domain/text-range.ts';

/** Rows of one statement: more would hold the event loop. */
const PAGE = 1000;

interface RefRow {
  readonly name: string;
  readonly target: Uint8Array;
  readonly peeled: Uint8Array | null;
}

const toRef = (row: RefRow): Ref => ({
  name: row.name,
  target: toOid(row.target),
  peeled: row.peeled ? toOid(row.peeled) : undefined,
});

export function createRefStore({ db, dialect }: StoreContext): RefStore {
  const selectRefs = (repositoryId: RepositoryId) =>
    db.selectFrom('refs').select(['name', 'target', 'peeled']).where('repository_id', '=', repositoryId);

  const findByName = createQuestion<{ repositoryId: RepositoryId; name: string }, RefRow>(db, (value) =>
    selectRefs(value('repositoryId')).where('name', '=', value('name')),
  );

  const isAbsent = async (repositoryId: RepositoryId, name: string): Promise<boolean> =>
    (await findByName({ repositoryId, name })).length === 0;

  const move = createQuestion<
    {
      repositoryId: RepositoryId;
      name: string;
      expected: Buffer;
      target: Buffer;
      peeled: Buffer | null;
      now: number;
    },
    { id: number }
  >(db, (value) =>
    db
      .updateTable('refs')
      .set({ target: value('target'), peeled: value('peeled'), updated_at: value('now') })
      .where('repository_id', '=', value('repositoryId'))
      .where('name', '=', value('name'))
      .where('target', '=', value('expected'))
      .returning('id'),
  );

  const create = async (
    repositoryId: RepositoryId,
    name: string,
    next: { target: Oid; peeled?: Oid },
    now: number,
  ): Promise<boolean> => {
    const row = await db
      .insertInto('refs')
      .values({
        repository_id: repositoryId,
        name,
        target: oidBytes(next.target),
        peeled: next.peeled ? oidBytes(next.peeled) : null,
        updated_at: now,
      })
      .onConflict((on) => on.columns(['repository_id', 'name']).doNothing())
      .returning('id')
      .executeTakeFirst();
    return row !== undefined;
  };

  async function* pages(repositoryId: RepositoryId, prefix: string): AsyncGenerator<readonly Ref[]> {
    const end = afterPrefix(prefix);
    for (let last: string | undefined; ;) {
      let refs = selectRefs(repositoryId)
        .where('name', last === undefined ? '>=' : '>', last ?? prefix)
        .orderBy('name')
        .limit(PAGE);
      if (end !== undefined) refs = refs.where('name', '<', end);
      const page = (await refs.execute()).map(toRef);
      if (page.length > 0) yield page;
      if (page.length < PAGE) return;
      last = page.at(-1)?.name;
    }
  }

  return {
    find: async (repositoryId, name) => {
      const [row] = await findByName({ repositoryId, name });
      return row && toRef(row);
    },

    findMany: async (repositoryId, names) => {
      const rows = await selectRefs(repositoryId)
        .where('name', 'in', dialect.textRows(names))
        .orderBy('name')
        .execute();
      return rows.map(toRef);
    },

    list: async (repositoryId, prefix) => {
      const refs: Ref[] = [];
      for await (const page of pages(repositoryId, prefix)) for (const ref of page) refs.push(ref);
      return refs;
    },

    pages,

    compareAndSet: async (repositoryId, name, expected, next, now) => {
      if (expected === undefined) {
        return next ? create(repositoryId, name, next, now) : isAbsent(repositoryId, name);
      }
      if (next === undefined) {
        const { numDeletedRows } = await db
          .deleteFrom('refs')
          .where('repository_id', '=', repositoryId)
          .where('name', '=', name)
          .where('target', '=', oidBytes(expected))
          .executeTakeFirst();
        return numDeletedRows > 0n;
      }
      const moved = await move({
        repositoryId,
        name,
        expected: oidBytes(expected),
        target: oidBytes(next.target),
        peeled: next.peeled ? oidBytes(next.peeled) : null,
        now,
      });
      return moved.length > 0;
    },
  };
}
