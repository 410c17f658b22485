import type { HubEvent } from '../db/questions/events.ts';
import type { Database, Stores } from '../db/stores.ts';
import type { RepositoryId } from '../domain/ids.ts';
import type { Repo } from '../domain/repo.ts';
import type { Findings } from './doctor-findings.ts';

const EVENTS_AT_ONCE = 500;
const REPOS_AT_ONCE = 50;

/** What the log of events says besides moves. */
export interface MovesSeen {
  /**
   * Public ids of the repositories that were deleted at or after the moment asked for, and of those under which packs
   * of theirs are stored.
   */
  readonly deletedRepositories: ReadonlySet<string>;
}

interface Move {
  readonly name: string;
  readonly from?: string;
  readonly to?: string;
}

/**
 * I-09: the log of ref moves, replayed, gives the refs there are: no acknowledged commit was lost, and each move
 * started where the one before had ended.
 */
export function createMoveChecks(parts: { readonly db: Database; readonly deletedSince: number }): {
  run(findings: Findings): Promise<MovesSeen>;
} {
  const { db, deletedSince } = parts;
  return {
    async run(findings) {
      const expected = new Map<RepositoryId, Map<string, string>>();
      const deleted = new Set<string>();
      let lastEvent = 0;

      async function replay(stores: Stores, event: HubEvent): Promise<void> {
        lastEvent = event.id;
        if (event.kind === 'repo-deleted' && event.at >= deletedSince) {
          for (const id of idsOfDeleted(event)) deleted.add(id);
        }
        if (event.kind !== 'refs-updated' || event.repositoryId === undefined) return;
        const repo = await stores.repos.findById(event.repositoryId);
        if (!repo) return;
        findings.count('ref moves');
        const moves = movesOf(event);
        if (!moves) {
          findings.report('I-09', `event ${event.id} cannot be read.`, repo);
          return;
        }
        const refs = expected.get(repo.id) ?? new Map<string, string>();
        expected.set(repo.id, refs);
        for (const { name, from, to } of moves) {
          const before = refs.get(name);
          if (before !== from) {
            const what = `${name} was moved from ${from ?? 'nothing'}, but it was at ${before ?? 'nothing'}.`;
            findings.report('I-09', `event ${event.id}: ${what}`, repo);
          }
          if (to === undefined) refs.delete(name);
          else refs.set(name, to);
        }
      }

      async function compare(stores: Stores, repo: Repo): Promise<void> {
        const refs = expected.get(repo.id) ?? new Map<string, string>();
        const actual = new Map<string, string>(
          (await stores.refs.list(repo.id, 'refs/')).map((ref) => [ref.name, ref.target]),
        );
        for (const name of new Set([...refs.keys(), ...actual.keys()])) {
          const [is, was] = [actual.get(name), refs.get(name)];
          if (is === was) continue;
          findings.report('I-09', `${name} is ${is ?? 'absent'}, last moved to ${was ?? 'nothing'}.`, repo);
        }
      }

      const replayPage = (): Promise<number> =>
        db.read(async (stores) => {
          const page = await stores.events.list(lastEvent, EVENTS_AT_ONCE);
          for (const event of page) await replay(stores, event);
          return page.length;
        });

      /** Refs and the newest events must be of one moment, or a commit in between would look like damage. */
      const comparePage = (after: RepositoryId | undefined): Promise<RepositoryId | undefined> =>
        db.read(async (stores) => {
          for (const event of await stores.events.list(lastEvent, Number.MAX_SAFE_INTEGER)) {
            await replay(stores, event);
          }
          const page = await stores.repos.listAll(after, REPOS_AT_ONCE);
          for (const repo of page) await compare(stores, repo);
          return page.at(-1)?.id;
        });

      while ((await replayPage()) > 0);
      for (let last = await comparePage(undefined); last !== undefined;) last = await comparePage(last);
      return { deletedRepositories: deleted };
    },
  };
}

/** The payload of an event; undefined when it is not what was written. */
function movesOf(event: HubEvent): readonly Move[] | undefined {
  const moves = payloadOf(event)?.['moves'];
  if (!Array.isArray(moves)) return undefined;
  return moves.every(isMove) ? moves : undefined;
}

const isMove = (value: unknown): value is Move => {
  const { name, from, to } = (value ?? {}) as Readonly<Record<string, unknown>>;
  const isEnd = (end: unknown): boolean => end === undefined || typeof end === 'string';
  return typeof name === 'string' && isEnd(from) && isEnd(to);
};

function idsOfDeleted(event: HubEvent): readonly string[] {
  const payload = payloadOf(event) ?? {};
  const homes = Array.isArray(payload['packHomes']) ? (payload['packHomes'] as unknown[]) : [];
  return [payload['id'], ...homes].map(String);
}

function payloadOf(event: HubEvent): Readonly<Record<string, unknown>> | undefined {
  try {
    const payload: unknown = JSON.parse(event.payload);
    return typeof payload === 'object' && payload !== null ? { ...payload } : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
