import { sql, type Selectable } from 'kysely';
import { conflict } from '../../domain/errors.ts';
import type { NamespaceId, RepositoryId } from '../../domain/ids.ts';
import { foldName, normalName } from '../../domain/names.ts';
import { repoNameTaken } from '../../domain/repo-name-taken.ts';
import { REPO_KINDS, type HeldKind, type RepoKind } from '../../domain/repo.ts';
import { branchRef } from '../../domain/revision.ts';
import { newPublicId } from '../../platform/random.ts';
import { toOid } from '../bytes.ts';
import { createQuestion } from '../question.ts';
import type { RepoStore } from '../questions/repos.ts';
import type { StoreContext } from '../store-context.ts';
import type { RepositoryNameTable } from '../tables.ts';
import { createRepoLists } from './repo-lists.ts';
import {
  COUNTER_COLUMNS,
  isVisible,
  selectRepos,
  toCounters,
  toRepo,
  type CounterRow,
  type RepoRow,
} from './repo-rows.ts';
import { deleteRepositoryRows } from './repository-rows.ts';

const NO_COUNTERS: CounterRow = { likes: 0, downloads: 0, downloads_all_time: 0, trending: 0 };

type NamedRepoRow = RepoRow & Pick<Selectable<RepositoryNameTable>, 'is_redirect'>;

export function createRepoStore(context: StoreContext): RepoStore {
  const { db } = context;

  const lists = createRepoLists(context);

  const findByName = createQuestion<{ kind: HeldKind; owner: string; name: string }, NamedRepoRow>(
    db,
    (value) =>
      selectRepos(context)
        .innerJoin('repository_names', 'repository_names.repository_id', 'repositories.id')
        .innerJoin('namespaces as asked_owner', 'asked_owner.id', 'repository_names.owner_id')
        .select('repository_names.is_redirect')
        .where('asked_owner.folded', '=', value('owner'))
        .where('repository_names.kind', '=', value('kind'))
        .where('repository_names.folded', '=', value('name')),
  );

  const findByKey = createQuestion<{ id: RepositoryId }, RepoRow>(db, (value) =>
    selectRepos(context).where('repositories.id', '=', value('id')),
  );

  const countersByKey = createQuestion<{ id: RepositoryId }, CounterRow>(db, (value) =>
    db.selectFrom('repositories').select(COUNTER_COLUMNS).where('repositories.id', '=', value('id')),
  );

  const touchByKey = createQuestion<{ id: RepositoryId; now: number }, never>(db, (value) =>
    db
      .updateTable('repositories')
      .set({ updated_at: value('now') })
      .where('id', '=', value('id')),
  );

  /** The live name of an owner and a kind that excludes this one: the same, or else one too much like it. */
  const findRival = async (ownerId: NamespaceId, kind: HeldKind, name: string, except?: RepositoryId) => {
    const [folded, normal] = [foldName(name), normalName(name)];
    let rivals = db
      .selectFrom('repository_names')
      .innerJoin('repositories', 'repositories.id', 'repository_names.repository_id')
      .select(['repository_names.repository_id', 'repository_names.folded', 'repositories.name'])
      .where('repository_names.owner_id', '=', ownerId)
      .where('repository_names.kind', '=', kind)
      .where('repository_names.is_redirect', '=', sql.lit(0))
      .where((eb) =>
        eb.or([eb('repository_names.folded', '=', folded), eb('repository_names.normal', '=', normal)]),
      );
    if (except !== undefined) rivals = rivals.where('repository_names.repository_id', '<>', except);
    const rows = await rivals.execute();
    return rows.find((row) => row.folded === folded) ?? rows[0];
  };

  /** Whether a name leads to a repository, other than this one, that went to another owner. */
  const leadsElsewhere = async (
    ownerId: NamespaceId,
    kind: HeldKind,
    folded: string,
    except: RepositoryId,
  ): Promise<boolean> => {
    const row = await db
      .selectFrom('repository_names')
      .innerJoin('repositories', 'repositories.id', 'repository_names.repository_id')
      .select('repositories.id')
      .where('repository_names.owner_id', '=', ownerId)
      .where('repository_names.kind', '=', kind)
      .where('repository_names.folded', '=', folded)
      .where('repositories.id', '<>', except)
      .where('repositories.owner_id', '<>', ownerId)
      .executeTakeFirst();
    return row !== undefined;
  };

  /** Make a name lead to a repository as its own. A redirect of that name ends. */
  const takeName = async (
    id: RepositoryId,
    ownerId: NamespaceId,
    kind: HeldKind,
    names: { readonly folded: string; readonly normal: string },
  ): Promise<void> => {
    await db
      .insertInto('repository_names')
      .values({ repository_id: id, owner_id: ownerId, kind, ...names, is_redirect: 0 })
      .onConflict((on) =>
        on
          .columns(['owner_id', 'kind', 'folded'])
          .doUpdateSet({ repository_id: id, ...names, is_redirect: 0 }),
      )
      .execute();
  };

  return {
    create: async ({ kind, owner, name, visibility, defaultBranch, createdBy, now, ...given }) => {
      const rival = await findRival(owner.id, kind, name);
      if (rival) throw repoNameTaken(kind, name, { owner, name: rival.name });
      const names = { folded: foldName(name), normal: normalName(name) };
      const publicId = given.publicId ?? newPublicId();
      const { id } = await db
        .insertInto('repositories')
        .values({
          public_id: publicId,
          kind,
          owner_id: owner.id,
          name,
          folded: names.folded,
          visibility,
          default_branch: defaultBranch,
          created_by: createdBy ?? null,
          created_at: now,
          updated_at: now,
          may_hold_unreachable: 0,
        })
        .returning('id')
        .executeTakeFirstOrThrow();
      await takeName(id, owner.id, kind, names);
      return {
        id,
        publicId,
        kind,
        owner: { id: owner.id, name: owner.name, kind: owner.kind },
        name,
        visibility,
        defaultBranch,
        createdBy,
        createdAt: now,
        updatedAt: now,
        archivedAt: undefined,
      };
    },

    find: async (kind, owner, name) => {
      const [row] = await findByName({ kind, owner: foldName(owner), name: foldName(name) });
      return row && { repo: toRepo(row), isRedirect: row.is_redirect === 1 };
    },

    findById: async (id) => {
      const [row] = await findByKey({ id });
      return row && toRepo(row);
    },

    findByPublicId: async (id) => {
      const row = await selectRepos(context).where('repositories.public_id', '=', id).executeTakeFirst();
      return row && toRepo(row);
    },

    listVisible: async (scope, query) => {
      const order = query.direction === 'ascending' ? 'asc' : 'desc';
      const picked = await lists.pick(scope, query);
      const rows = await selectRepos(context)
        .innerJoin(picked.as('picked'), 'picked.id', 'repositories.id')
        .leftJoin('refs', (join) =>
          join
            .onRef('refs.repository_id', '=', 'repositories.id')
            .on('refs.name', '=', sql<string>`${branchRef('')} || ${sql.ref('repositories.default_branch')}`),
        )
        .leftJoin('repository_facts', 'repository_facts.repository_id', 'repositories.id')
        .select(COUNTER_COLUMNS)
        .select(['picked.sort_value', 'refs.target as head', 'repository_facts.summary'])
        .orderBy('picked.sort_value', order)
        .orderBy('picked.id', order)
        .execute();
      return rows.map((row) => ({
        repo: toRepo(row),
        head: row.head ? toOid(row.head) : undefined,
        counters: toCounters(row),
        sortValue: Number(row.sort_value),
        summary: row.summary ?? undefined,
      }));
    },

    counters: async (id) => {
      const [row] = await countersByKey({ id });
      return toCounters(row ?? NO_COUNTERS);
    },

    countVisible: async (scope, owner) => {
      let repos = db
        .selectFrom('repositories')
        .select(({ fn }) => ['repositories.kind', fn.countAll<number>().as('count')])
        .where(isVisible(context, scope))
        .groupBy('repositories.kind');
      if (owner !== undefined) repos = repos.where('repositories.owner_id', '=', owner);
      const rows = await repos.execute();
      const counts = Object.fromEntries(REPO_KINDS.map((kind) => [kind, 0])) as Record<RepoKind, number>;
      for (const { kind, count } of rows) if (kind !== 'bucket') counts[kind] = Number(count);
      return counts;
    },

    listOwned: async (owner, before, limit) => {
      let repos = selectRepos(context)
        .select((eb) =>
          eb
            .selectFrom('repository_objects')
            .innerJoin('large_objects', 'large_objects.id', 'repository_objects.object_id')
            .select(sql<number>`cast(coalesce(sum(large_objects.size_bytes), 0) as bigint)`.as('total'))
            .whereRef('repository_objects.repository_id', '=', 'repositories.id')
            .as('stored_bytes'),
        )
        .where('repositories.owner_id', '=', owner)
        .orderBy('repositories.id', 'desc')
        .limit(limit);
      if (before !== undefined) repos = repos.where('repositories.id', '<', before as RepositoryId);
      const rows = await repos.execute();
      return rows.map((row) => ({ repo: toRepo(row), storedBytes: row.stored_bytes ?? 0 }));
    },

    ownedBytes: async (owner) => {
      const { total } = await db
        .selectFrom('repositories')
        .innerJoin('repository_objects', 'repository_objects.repository_id', 'repositories.id')
        .innerJoin('large_objects', 'large_objects.id', 'repository_objects.object_id')
        .select(sql<number>`cast(coalesce(sum(large_objects.size_bytes), 0) as bigint)`.as('total'))
        .where('repositories.owner_id', '=', owner)
        .executeTakeFirstOrThrow();
      return total;
    },

    listAll: async (after, limit) => {
      const rows = await selectRepos(context)
        .where('repositories.id', '>', after ?? (0 as RepositoryId))
        .orderBy('repositories.id')
        .limit(limit)
        .execute();
      return rows.map(toRepo);
    },

    findAlike: async (ownerId, kind, name) => {
      const rival = await findRival(ownerId, kind, name);
      const [row] = rival ? await findByKey({ id: rival.repository_id }) : [];
      return row && toRepo(row);
    },

    move: async (repo, { owner, name }, now) => {
      const { id, kind } = repo;
      const taken = (other: string) =>
        conflict(`A ${kind} repository called \`${owner.name}/${other}\` already exists`, {
          name: `${owner.name}/${other}`,
        });
      const rival = await findRival(owner.id, kind, name, id);
      if (rival) throw taken(rival.name);
      const names = { folded: foldName(name), normal: normalName(name) };
      if (await leadsElsewhere(owner.id, kind, names.folded, id)) throw taken(name);
      await db
        .updateTable('repository_names')
        .set({ is_redirect: 1 })
        .where('repository_id', '=', id)
        .where('is_redirect', '=', 0)
        .execute();
      await takeName(id, owner.id, kind, names);
      await db
        .updateTable('repositories')
        .set({ owner_id: owner.id, name, folded: names.folded, updated_at: now })
        .where('id', '=', id)
        .execute();
      return {
        ...repo,
        owner: { id: owner.id, name: owner.name, kind: owner.kind },
        name,
        updatedAt: now,
      };
    },

    update: async (id, change, now) => {
      const { visibility, defaultBranch } = change;
      await db
        .updateTable('repositories')
        .set({
          updated_at: now,
          ...(visibility === undefined ? {} : { visibility }),
          ...(defaultBranch === undefined ? {} : { default_branch: defaultBranch }),
          ...('archivedAt' in change ? { archived_at: change.archivedAt ?? null } : {}),
        })
        .where('id', '=', id)
        .execute();
    },

    touch: async (id, now) => {
      await touchByKey({ id, now });
    },

    delete: (id) => deleteRepositoryRows(context, id),
  };
}
