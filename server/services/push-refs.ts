import type { Ref } from '../db/questions/refs.ts';
import type { Database } from '../db/stores.ts';
import { isHubError } from '../domain/errors.ts';
import type { Oid } from '../domain/ids.ts';
import { shown } from '../domain/names.ts';
import type { Repo } from '../domain/repo.ts';
import {
  branchOfRef,
  branchRef,
  parseNewBranch,
  parseNewGitRef,
  parseNewRefName,
} from '../domain/revision.ts';
import type { ObjectDb } from '../git/object-db.ts';
import { MAX_TAG_DEPTH, peelTag } from '../git/peel-tag.ts';
import type { PushCommand } from '../git/push-request.ts';
import { createTimeSlice } from '../platform/time-slice.ts';
import { cannotStandBeside, createRefClashes } from './ref-clashes.ts';

/** A command of a push, and what is to become of it. */
export interface PlannedCommand {
  readonly command: PushCommand;
  /** Why it cannot be done: a sentence. */
  refusal: string | undefined;
  /** For an annotated tag, what it leads to. */
  peeled?: Oid;
  /** A branch that keeps all it had. */
  isFastForward?: boolean;
}

export const ATOMIC_REFUSAL = 'Nothing was changed, since another ref of this atomic push was refused.';
/** In git's own words: clients print them, and people know what to do. */
export const MOVED_REFUSAL = 'fetch first';

const TAGS = 'refs/tags/';

/** Refuse what must not be asked for, whatever the pack holds. */
export async function planCommands(
  db: Database,
  repo: Repo,
  commands: readonly PushCommand[],
): Promise<readonly PlannedCommand[]> {
  const refs = await db.read((stores) => stores.refs.list(repo.id, 'refs/'));
  const slice = createTimeSlice();
  const isTwice = new Set(commands.map(({ name }) => name)).size < commands.length;
  const deleted = new Set(commands.flatMap(({ name, next }) => (next ? [] : [name])));
  const current = new Map<string, Ref>();
  const clashes = createRefClashes();
  for (const ref of refs) {
    current.set(ref.name, ref);
    if (!deleted.has(ref.name)) clashes.add(ref.name);
    if (slice.isOver()) await slice.next();
  }
  const planned: PlannedCommand[] = [];
  for (const command of commands) {
    let refusal = isTwice
      ? 'The push names a ref twice.'
      : refusalOf(repo, command, current.get(command.name));
    if (refusal === undefined && command.next && !current.has(command.name)) {
      const other = clashes.find(command.name);
      if (other === undefined) clashes.add(command.name);
      else refusal = cannotStandBeside(command.name, other).message;
    }
    planned.push({ command, refusal });
    if (slice.isOver()) await slice.next();
  }
  return planned;
}

function refusalOf(
  repo: Repo,
  { name, expected, next }: PushCommand,
  ref: Ref | undefined,
): string | undefined {
  if (name.startsWith('refs/pr/')) return `${shown(name)} belongs to a pull request and cannot be pushed to.`;
  if (!ref) {
    if (next === undefined) return `There is no ${shown(name)}.`;
    const refusal = newNameRefusal(name);
    if (refusal !== undefined) return refusal;
  }
  if (next === undefined && name === branchRef(repo.defaultBranch)) {
    return `Cannot delete ${shown(name)}: it is the default branch.`;
  }
  return ref?.target === expected ? undefined : MOVED_REFUSAL;
}

function newNameRefusal(name: string): string | undefined {
  const branch = branchOfRef(name);
  try {
    if (branch !== undefined) parseNewBranch(branch);
    else if (name.startsWith(TAGS)) parseNewRefName(name.slice(TAGS.length));
    else parseNewGitRef(name);
    return undefined;
  } catch (error) {
    if (isHubError(error)) return error.message;
    throw error;
  }
}

/** Look at what refs shall be, now that all objects are there: branches are commits, other refs may be anything. */
export async function checkTips(objects: ObjectDb, planned: readonly PlannedCommand[]): Promise<void> {
  const open = planned.filter(({ refusal, command }) => refusal === undefined && command.next);
  const types = await objects.infoMany(open.flatMap(({ command }) => command.next ?? []));
  for (const plan of open) {
    const { name, next } = plan.command;
    if (next === undefined) continue;
    const type = types.get(next)?.type;
    if (type === undefined) plan.refusal = `The object ${next} is neither in the push nor in the repository.`;
    else if (branchOfRef(name) === undefined) {
      const led = await peelTag(objects, { oid: next, type });
      if (!led) plan.refusal = `The tag leads to a tag of a tag, more than ${MAX_TAG_DEPTH} deep.`;
      else if (led.oid !== next) plan.peeled = led.oid;
    } else if (type !== 'commit') plan.refusal = `A branch leads to a commit, and ${next} is a ${type}.`;
  }
}
