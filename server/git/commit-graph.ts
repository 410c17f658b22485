import { corruptObject } from '../domain/errors.ts';
import type { Oid } from '../domain/ids.ts';
import { createTimeSlice } from '../platform/time-slice.ts';
import type { CommitNode, CommitTable } from './commit-table.ts';
import type { ObjectDb } from './object-db.ts';
import { createPriorityQueue } from './priority-queue.ts';

/** Commits read together. */
const READ_BATCH = 512;

/** Commits that a shallow fetch keeps, and which of them have parents that are not kept. */
export interface ShallowHistory {
  readonly kept: readonly Oid[];
  readonly edge: readonly Oid[];
}

/** Which commits a fetch sends. All are positions in the table. */
export interface CommitSelection {
  /** What is sent, newest first. */
  readonly sent: readonly number[];
  /** Parents of what is sent that the client has. */
  readonly boundary: readonly number[];
}

/**
 * Questions about the commits of one repository. Commits are read from storage when a question first comes to them,
 * and known from then on. Throws `CorruptObject` where a commit that a walk needs is missing.
 */
export interface CommitGraph {
  readonly table: CommitTable;
  /** A commit; `undefined` when the repository has none by that id. Tags are not peeled. */
  find(oid: Oid): Promise<CommitNode | undefined>;
  /** Many at once; those that are no commits of the repository are absent. */
  findMany(oids: readonly Oid[]): Promise<ReadonlyMap<Oid, CommitNode>>;
  /**
   * True when every one of `wants` is among `common` or reaches one of them: git's `ok_to_give_up`. As there, paths
   * are followed only as far back as the oldest of `common`, so with wrong clocks a "no" may be wrong.
   */
  allReach(wants: readonly Oid[], common: readonly Oid[]): Promise<boolean>;
  /** Those of `targets` that are among `tips` or reachable from them. A "no" takes the whole history. */
  reachable(targets: readonly Oid[], tips: readonly Oid[]): Promise<ReadonlySet<Oid>>;
  /** Commits at most `depth` away, where `tips` are at 1; on the edge are those at `depth`, roots included. */
  within(tips: readonly Oid[], depth: number): Promise<ShallowHistory>;
  /**
   * What lies at most `depth` steps behind those of `ends` that `tips` reach, the ends at 0. What tips reach without
   * passing an end is not counted, whichever way else leads to it. On the edge are those at `depth`, roots included.
   */
  behind(tips: readonly Oid[], ends: readonly Oid[], depth: number): Promise<ShallowHistory>;
  /** What `tips` lead to through commits made at or after `since` (seconds), and not reachable from `not`. */
  newer(
    tips: readonly Oid[],
    limits: { readonly since?: number | undefined; readonly not: readonly Oid[] },
  ): Promise<ShallowHistory>;
  /**
   * What `wants` lead to, stopping behind `ends`, and `haves`, stopping behind `haveEnds`, do not lead to. History of
   * haves that is missing is passed over.
   */
  select(question: {
    readonly wants: readonly Oid[];
    readonly haves: readonly Oid[];
    readonly ends: readonly Oid[];
    readonly haveEnds: readonly Oid[];
    readonly signal?: AbortSignal | undefined;
  }): Promise<CommitSelection>;
}

const WANTED = 1;
const HELD = 2;
const QUEUED = 4;

/**
 * How many commits older than all that is still wanted are looked at, in case a clock was wrong and history of the
 * client goes on behind them (git, `revision.c`, SLOP).
 */
const SLOP = 5;

/** `table` may be kept and shared by graphs of one repository; `db` is of one request. */
export function createCommitGraph(table: CommitTable, db: Pick<ObjectDb, 'findMany'>): CommitGraph {
  /** Read commits that were not read yet. Those that are missing stay unread. */
  async function read(positions: readonly number[]): Promise<void> {
    const missing = positions.filter((at) => !table.isRead(at));
    for (let start = 0; start < missing.length; start += READ_BATCH) {
      const batch = missing.slice(start, start + READ_BATCH);
      const found = await db.findMany(batch.map((at) => table.oidAt(at)));
      for (const at of batch) {
        const object = found.get(table.oidAt(at));
        if (object?.type === 'commit') table.read(at, object.content);
      }
    }
  }

  async function require(positions: readonly number[]): Promise<void> {
    await read(positions);
    for (const at of positions) {
      if (!table.isRead(at)) throw corruptObject(`commit ${table.oidAt(at)} is missing`);
    }
  }

  const parentsOf = (at: number): number[] =>
    Array.from({ length: table.parentCount(at) }, (_, which) => table.parentAt(at, which));

  /** Positions of those ids that are commits here; ids that are not never get a position. */
  async function positionsOf(oids: readonly Oid[]): Promise<number[]> {
    const unknown = [...new Set(oids)].filter((oid) => {
      const at = table.find(oid);
      return at < 0 || !table.isRead(at);
    });
    for (let start = 0; start < unknown.length; start += READ_BATCH) {
      const found = await db.findMany(unknown.slice(start, start + READ_BATCH));
      for (const [oid, { type, content }] of found) {
        if (type === 'commit') table.read(table.place(oid), content);
      }
    }
    const positions: number[] = [];
    for (const oid of oids) {
      const at = table.find(oid);
      if (at >= 0 && table.isRead(at)) positions.push(at);
    }
    return positions;
  }

  async function requireAll(oids: readonly Oid[]): Promise<number[]> {
    const positions = await positionsOf(oids);
    if (positions.length !== oids.length) {
      const lost = oids.find((oid) => table.find(oid) < 0 || !table.isRead(table.find(oid)));
      throw corruptObject(`commit ${lost ?? ''} is missing`);
    }
    return positions;
  }

  /**
   * Visit commits step by step from `starts`, each once; `visit` says which parents to go on with, or `undefined` to
   * end the walk. Those of one step are read together.
   */
  async function spread(
    starts: readonly number[],
    visit: (at: number) => readonly number[] | undefined,
  ): Promise<void> {
    const slice = createTimeSlice();
    const seen = new Set<number>(starts);
    let step = [...seen];
    while (step.length > 0) {
      await require(step);
      const next: number[] = [];
      for (const at of step) {
        const parents = visit(at);
        if (parents === undefined) return;
        for (const parent of parents) {
          if (seen.has(parent)) continue;
          seen.add(parent);
          next.push(parent);
        }
        if (slice.isOver()) await slice.next();
      }
      step = next;
    }
  }

  const oidsOf = (positions: Iterable<number>): Oid[] => [...positions].map((at) => table.oidAt(at));

  /** Commits at most `depth` away, where `starts` are at 1, without those of `passed`. */
  async function withinSteps(
    starts: readonly number[],
    depth: number,
    passed: ReadonlySet<number> = new Set(),
  ): Promise<ShallowHistory> {
    const kept: number[] = [];
    const seen = new Set<number>(starts);
    let step = [...seen];
    const slice = createTimeSlice();
    for (let at = 1; step.length > 0; at += 1) {
      await require(step);
      for (const commit of step) kept.push(commit);
      if (at >= depth) return { kept: oidsOf(kept), edge: oidsOf(step) };
      const next: number[] = [];
      for (const commit of step) {
        for (const parent of parentsOf(commit)) {
          if (seen.has(parent) || passed.has(parent)) continue;
          seen.add(parent);
          next.push(parent);
        }
        if (slice.isOver()) await slice.next();
      }
      step = next;
    }
    return { kept: oidsOf(kept), edge: [] };
  }

  return {
    table,

    async find(oid) {
      const [at] = await positionsOf([oid]);
      return at === undefined ? undefined : table.node(at);
    },

    async findMany(oids) {
      return new Map((await positionsOf(oids)).map((at) => [table.oidAt(at), table.node(at)]));
    },

    async allReach(wants, common) {
      const targets = new Set(await positionsOf(common));
      if (targets.size === 0) return wants.length === 0;
      let oldest = Infinity;
      for (const at of targets) oldest = Math.min(oldest, table.timeAt(at));
      for (const want of await positionsOf(wants)) {
        let isReached = false;
        await spread([want], (at) => {
          isReached = targets.has(at);
          if (isReached) return undefined;
          return table.timeAt(at) >= oldest ? parentsOf(at) : [];
        });
        if (!isReached) return false;
      }
      return true;
    },

    async reachable(targets, tips) {
      const wanted = new Set(await positionsOf(targets));
      const found = new Set<number>();
      if (wanted.size > 0) {
        await spread(await positionsOf(tips), (at) => {
          if (wanted.has(at)) found.add(at);
          return found.size < wanted.size ? parentsOf(at) : undefined;
        });
      }
      return new Set(oidsOf(found));
    },

    async within(tips, depth) {
      return withinSteps(await requireAll(tips), depth);
    },

    async behind(tips, ends, depth) {
      const isEnd = new Set(await positionsOf(ends));
      const passed = new Set<number>();
      await spread(await requireAll(tips), (at) => {
        passed.add(at);
        return isEnd.has(at) ? [] : parentsOf(at);
      });
      return withinSteps(
        [...isEnd].filter((at) => passed.has(at)),
        depth + 1,
        passed,
      );
    },

    async newer(tips, { since = -Infinity, not }) {
      const excluded = new Set<number>();
      await spread(await requireAll(not), (at) => {
        excluded.add(at);
        return parentsOf(at);
      });
      const kept = new Set<number>();
      await spread(await requireAll(tips), (at) => {
        if (excluded.has(at) || table.timeAt(at) < since) return [];
        kept.add(at);
        return parentsOf(at);
      });
      const edge = [...kept].filter((at) => parentsOf(at).some((parent) => !kept.has(parent)));
      return { kept: oidsOf(kept), edge: oidsOf(edge) };
    },

    async select({ wants, haves, ends, haveEnds, signal }) {
      const slice = createTimeSlice();
      const wantStarts = await requireAll(wants);
      const haveStarts = await positionsOf(haves);
      const wantEnds = new Set(await positionsOf(ends));
      const heldEnds = new Set(await positionsOf(haveEnds));
      const flags = new Map<number, number>();
      // Of commits with one time, children are met first and come first.
      let met = 0;
      const sequence = new Map<number, number>();
      const queue = createPriorityQueue<number>((a, b) => {
        const difference = table.timeAt(a) - table.timeAt(b);
        return difference !== 0 ? difference > 0 : (sequence.get(a) as number) < (sequence.get(b) as number);
      });
      /** Waiting commits that are wanted and not held. */
      let open = 0;
      const isOpen = (flag: number): boolean => (flag & (WANTED | HELD | QUEUED)) === (WANTED | QUEUED);

      const mark = (at: number, flag: number): void => {
        const before = flags.get(at) ?? 0;
        if ((before & flag) === flag) return;
        const after = before | flag | QUEUED;
        flags.set(at, after);
        if (isOpen(before)) open -= 1;
        if (isOpen(after)) open += 1;
        if ((before & QUEUED) === 0) {
          if (!sequence.has(at)) sequence.set(at, (met += 1));
          queue.push(at);
        }
      };

      for (const at of haveStarts) mark(at, HELD);
      for (const at of wantStarts) mark(at, WANTED);
      const sent = new Set<number>();
      let oldestSent = Infinity;
      for (let slop = SLOP; slop > 0;) {
        const at = queue.pop();
        if (at === undefined) break;
        slop = open > 0 || table.timeAt(at) >= oldestSent ? SLOP : slop - 1;
        const flag = (flags.get(at) as number) & ~QUEUED;
        if (isOpen(flag | QUEUED)) open -= 1;
        flags.set(at, flag);
        if ((flag & HELD) === 0) {
          sent.add(at);
          oldestSent = Math.min(oldestSent, table.timeAt(at));
        } else sent.delete(at);
        const goesOn = (flag & HELD) !== 0 ? !heldEnds.has(at) : !wantEnds.has(at);
        if (goesOn) {
          const parents = parentsOf(at);
          await ((flag & HELD) !== 0 ? read(parents) : require(parents));
          for (const parent of parents) {
            if (table.isRead(parent)) mark(parent, (flag & HELD) !== 0 ? HELD : WANTED);
          }
        }
        if (slice.isOver()) {
          signal?.throwIfAborted();
          await slice.next();
        }
      }

      const boundary = new Set<number>();
      for (const at of sent) {
        for (const parent of parentsOf(at)) if (((flags.get(parent) ?? 0) & HELD) !== 0) boundary.add(parent);
      }
      return { sent: [...sent], boundary: [...boundary] };
    },
  };
}
