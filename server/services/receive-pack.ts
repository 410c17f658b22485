import type { Ref } from '../db/questions/refs.ts';
import type { Database } from '../db/stores.ts';
import { isHubError, type ErrorCode } from '../domain/errors.ts';
import type { Oid } from '../domain/ids.ts';
import type { Repo } from '../domain/repo.ts';
import { branchOfRef, isServedRef } from '../domain/revision.ts';
import { createPacketReader } from '../git/pkt-line.ts';
import { writeReport, type RefReport } from '../git/push-report.ts';
import { PUSH_CAPABILITIES, readPushRequest, type PushRequest } from '../git/push-request.ts';
import { advertiseRefs, type AdvertisedRef } from '../git/ref-advertisement.ts';
import { createProgress, sideBanded, type Progress } from '../git/side-band.ts';
import { failPoint } from '../platform/fail-points.ts';
import type { KeyedQueue } from '../platform/keyed-queue.ts';
import type { RightOfWay } from '../platform/right-of-way.ts';
import { createTimeSlice } from '../platform/time-slice.ts';
import { partyOf, type Granted } from './authorize.ts';
import { queueKeyOf } from './branch-moves.ts';
import { isFastForward } from './fast-forward.ts';
import type { ReceivePack } from './git-exchange.ts';
import type { StagedObjects } from './object-staging.ts';
import type { CheckedPack, PackIntake, ReadPack } from './pack-intake.ts';
import type { PushChecks, PushLinks } from './push-checks.ts';
import { ATOMIC_REFUSAL, checkTips, MOVED_REFUSAL, planCommands, type PlannedCommand } from './push-refs.ts';
import { createRefClashes, refuseClashes } from './ref-clashes.ts';
import type { RefMove, RefUpdates } from './ref-updates.ts';
import type { RepoObjects } from './repo-objects.ts';

/** A push of more branches does not wait for its turn on each; the compare-and-set decides anyway. */
const MAX_TURNS = 1000;

/** What the transaction of a push inserts besides its moves. */
interface Brought extends StagedObjects, PushLinks {
  /** From what the push wants its refs to be. */
  readonly isAllReachable: boolean;
}

/** As a push is told of them: what tags lead to does not matter to it. */
function* readableOf(refs: readonly Ref[]): Generator<AdvertisedRef> {
  for (const { name, target } of refs) if (isServedRef(name)) yield { name, target };
}

const NOTHING: Brought = { hotObjects: [], packs: [], links: [], linkPaths: new Map(), isAllReachable: true };

/** Failures that are the hub's own: they are logged, and told as they are told everywhere. */
const OWN_FAILURES: ReadonlySet<ErrorCode> = new Set(['Internal', 'CorruptObject', 'Unavailable']);

/** A sentence for whoever pushed; undefined for what is not their doing. */
const sentenceOf = (error: unknown): string | undefined =>
  isHubError(error) && !OWN_FAILURES.has(error.code) ? error.message : undefined;

/** Why objects are missing that a client does not have itself. */
const SHALLOW_HINT = 'The history it comes from is cut off: run "git fetch --unshallow" first.';

/** What became of a push so far. */
interface Outcome {
  readonly planned: readonly PlannedCommand[];
  /** Why the objects were not taken. */
  unpackFailure?: string;
}

/**
 * Takes pushes. The objects lie apart until all that is to be checked was checked; then every ref that may move moves in
 * one transaction, in turn with API commits to the same branches.
 */
export function createReceivePack(parts: {
  readonly db: Database;
  readonly repoObjects: RepoObjects;
  readonly intake: PackIntake;
  readonly checks: PushChecks;
  readonly refUpdates: RefUpdates;
  readonly queue: KeyedQueue;
  readonly rightOfWay: Pick<RightOfWay, 'hold'>;
}): ReceivePack {
  const { db, repoObjects, intake, checks, refUpdates, queue, rightOfWay } = parts;

  /** Refuse every command that needs the objects. */
  const refuseObjects = (request: PushRequest, outcome: Outcome, reason: string): void => {
    const sentence = request.isShallow && /is incomplete/.test(reason) ? `${reason} ${SHALLOW_HINT}` : reason;
    outcome.unpackFailure = sentence;
    for (const plan of outcome.planned) plan.refusal ??= sentence;
  };

  const settleAtomic = ({ isAtomic }: PushRequest, planned: readonly PlannedCommand[]): void => {
    if (!isAtomic || planned.every(({ refusal }) => refusal === undefined)) return;
    for (const plan of planned) plan.refusal ??= ATOMIC_REFUSAL;
  };

  /** The rules for files, once objects and refs are in order. */
  async function checkFiles(
    granted: Granted<'write'>,
    planned: readonly PlannedCommand[],
    checked: CheckedPack | undefined,
  ): Promise<PushLinks> {
    const { repo } = granted;
    const objects = checked?.objects ?? repoObjects.open(repo);
    await checkTips(objects, planned);
    for (const plan of planned) {
      const { name, expected, next } = plan.command;
      if (plan.refusal !== undefined || next === undefined || branchOfRef(name) === undefined) continue;
      try {
        if (expected !== undefined) plan.isFastForward = await isFastForward(objects, expected, next);
        await checks.requireReadableCard(objects, expected, next);
      } catch (error) {
        plan.refusal = sentenceOf(error);
        if (plan.refusal === undefined) throw error;
      }
    }
    if (!checked) return NOTHING;
    try {
      return await checks.requireLargeFiles(repo, checked);
    } catch (error) {
      const sentence = sentenceOf(error);
      if (sentence === undefined) throw error;
      // The objects of a push come together, so which of several refs brings the file is not looked for.
      for (const plan of planned) if (plan.command.next) plan.refusal ??= sentence;
      return NOTHING;
    }
  }

  /** Hold the turns of all branches that move, in one order, so that two pushes never wait for each other. */
  function inTurn<Result>(keys: readonly string[], work: () => Promise<Result>): Promise<Result> {
    const [key, ...others] = keys;
    return key === undefined ? work() : queue.run(key, () => inTurn(others, work));
  }

  /** One ref was found to have moved. Others will have done so with it: all are looked at, not one for each attempt. */
  async function refuseMoved(repo: Repo, open: readonly PlannedCommand[], moved: string): Promise<void> {
    const refs = await db.read((stores) => stores.refs.list(repo.id, 'refs/'));
    const current = new Map(refs.map(({ name, target }) => [name, target]));
    for (const plan of open) {
      const { name, expected } = plan.command;
      if (name === moved || current.get(name) !== expected) plan.refusal = MOVED_REFUSAL;
    }
  }

  /** Move what may move; a ref that others moved meanwhile is refused, and the rest tried again. */
  async function moveRefs(
    granted: Granted<'write'>,
    request: PushRequest,
    planned: readonly PlannedCommand[],
    brought: Brought,
  ): Promise<void> {
    const { repo } = granted;
    const slice = createTimeSlice();
    for (;;) {
      settleAtomic(request, planned);
      const open = planned.filter(({ refusal }) => refusal === undefined);
      const moves = open.flatMap(({ command, peeled, isFastForward: isKept = false }): RefMove[] => {
        const { name, expected, next } = command;
        if (next !== undefined && next === expected) return [];
        const target = next === undefined ? undefined : { target: next, ...(peeled ? { peeled } : {}) };
        return [{ name, expected, next: target, isFastForward: isKept }];
      });
      if (moves.length === 0) return;
      const created = createRefClashes();
      for (const { name, expected } of moves) {
        if (expected === undefined) created.add(name);
        if (slice.isOver()) await slice.next();
      }
      try {
        const outcome = await refUpdates.apply({
          ...{ granted, moves, ...brought },
          // Objects of the refs that were refused came all the same.
          mayHoldUnreachable:
            brought !== NOTHING &&
            (!brought.isAllReachable || planned.some(({ command, refusal }) => command.next && refusal)),
          also: (stores) => refuseClashes(stores, repo.id, created),
        });
        if (outcome.kind === 'done') return;
        await refuseMoved(repo, open, outcome.name);
      } catch (error) {
        const sentence = sentenceOf(error);
        if (sentence === undefined) throw error;
        for (const plan of open) plan.refusal = sentence;
      }
    }
  }

  async function finish(
    granted: Granted<'write'>,
    request: PushRequest,
    outcome: Outcome,
    read: ReadPack | undefined,
    progress: Progress,
  ): Promise<void> {
    const { planned } = outcome;
    let checked: CheckedPack | undefined;
    try {
      checked = await read?.check((text) => {
        if (!request.isQuiet) progress.say(text);
      });
    } catch (error) {
      const sentence = sentenceOf(error);
      if (sentence === undefined) throw error;
      refuseObjects(request, outcome, sentence);
      return;
    }
    const linked = await checkFiles(granted, planned, checked);
    settleAtomic(request, planned);
    const isMoving = planned.filter(({ refusal }) => refusal === undefined);
    if (isMoving.length === 0) return;
    const needsObjects = isMoving.some(({ command }) => command.next);
    const staged = needsObjects ? await checked?.store() : undefined;
    await failPoint('push-checked');
    const isAllReachable = checked?.pack.isAllReachable ?? true;
    const brought = needsObjects ? { ...NOTHING, ...linked, ...staged, isAllReachable } : NOTHING;
    const branches = isMoving.filter(({ command }) => branchOfRef(command.name) !== undefined);
    const keys = branches.map(({ command }) => queueKeyOf(granted.repo, command.name)).sort();
    await inTurn(keys.length > MAX_TURNS ? [] : keys, () => moveRefs(granted, request, planned, brought));
  }

  const reportsOf = ({ planned }: Outcome): readonly RefReport[] =>
    planned.map(({ command: { name }, refusal }) => ({ name, refusal }));

  /** What is wrong, once each, where the person sees it before the list of refs. */
  function sayRefusals({ planned }: Outcome, progress: Progress): void {
    const sentences = new Set(planned.flatMap(({ refusal }) => refusal ?? []));
    sentences.delete(MOVED_REFUSAL);
    sentences.delete(ATOMIC_REFUSAL);
    for (const sentence of sentences) progress.say(`error: ${sentence}\n`);
  }

  return {
    async advertise({ repo }) {
      intake.prepare();
      const refs = await db.read((stores) => stores.refs.list(repo.id, 'refs/'));
      return advertiseRefs(readableOf(refs), PUSH_CAPABILITIES, 0);
    },

    async *serve(granted, { input, isStateless, signal }) {
      const reader = createPacketReader(input);
      const request = await readPushRequest(reader);
      if (!request) return;
      const { repo } = granted;
      const outcome: Outcome = { planned: await planCommands(db, repo, request.commands) };
      const tips = request.commands.flatMap(({ next }) => next ?? ([] as readonly Oid[]));
      await using cleanup = new AsyncDisposableStack();
      let read: ReadPack | undefined;
      try {
        if (tips.length > 0) {
          read = await intake.read({
            ...{ repo, tips, signal },
            bytes: reader.rest(),
            party: partyOf(granted.actor),
            isBody: isStateless,
          });
          cleanup.use(read);
        }
      } catch (error) {
        const sentence = sentenceOf(error);
        if (sentence === undefined) throw error;
        refuseObjects(request, outcome, sentence);
      }

      const progress = createProgress();
      const pack = read;
      async function* answer(): AsyncGenerator<Uint8Array> {
        if (outcome.unpackFailure === undefined) {
          await rightOfWay.hold(() => finish(granted, request!, outcome, pack, progress));
        }
        if (request!.report === 'none') return;
        sayRefusals(outcome, progress);
        yield* writeReport(outcome.unpackFailure, reportsOf(outcome));
      }
      if (request.hasSideBand) yield* sideBanded(answer(), 'large', progress);
      else yield* answer();
    },
  };
}
