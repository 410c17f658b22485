import { setTimeout as sleep } from 'node:timers/promises';
import { HubError } from '../domain/errors.ts';

/** Every place where a test can make the hub fail: the boundaries between the steps of a change (design 2.4). */
export const FAIL_POINTS = [
  'commit-received',
  'pack-stored',
  'pack-indexed',
  'push-read',
  'push-indexed',
  'push-checked',
  'object-written',
  'object-placed',
  'refs-moving',
  'refs-moved',
  'repository-created',
  'repository-moving',
  'repository-moved',
  'repository-duplicating',
  'repository-duplicated',
  'large-object-stored',
  'large-object-keeping',
  'large-object-kept',
  'part-stored',
  'part-kept',
  'xorb-stored',
  'xorb-indexed',
  'xorb-kept',
  'shard-proved',
  'shard-keeping',
  'shard-kept',
  'conversion-planned',
  'conversion-stored',
  'conversion-keeping',
  'conversion-kept',
  'roll-up-packed',
  'roll-up-stored',
  'roll-up-switching',
  'roll-up-done',
  'bucket-changing',
  'bucket-changed',
] as const;

export type FailPoint = (typeof FAIL_POINTS)[number];

const DELAY_MS = 500;

const EFFECTS = {
  /** Ends the process as `kill -9` does: nothing is flushed and nobody is told. */
  crash: async () => {
    process.kill(process.pid, 'SIGKILL');
    await sleep(DELAY_MS);
  },
  error: () => Promise.reject(new HubError('Internal', 'A planted failure.')),
  delay: () => sleep(DELAY_MS),
} as const;

interface Plan {
  /** How many more times the point is passed before the effect. */
  passes: number;
  readonly effect: () => Promise<unknown>;
}

let plans: ReadonlyMap<FailPoint, Plan> | undefined;

/**
 * Plant failures: `name:n:effect`, several with commas. The effect (`crash`, `error` or `delay`) comes the n-th time
 * the point is reached, counting from 1. Undefined removes all. Throws InvalidParameter. Only the program's start and
 * tests call this; a packaged hub is built without it.
 */
export function armFailPoints(text: string | undefined): void {
  plans = text === undefined ? undefined : new Map(text.split(',').map(parsePlan));
}

function parsePlan(text: string): readonly [FailPoint, Plan] {
  const [name, time, effect, ...rest] = text.split(':');
  const point = FAIL_POINTS.find((known) => known === name);
  const times = Number(time);
  const isPlan = Number.isSafeInteger(times) && times >= 1 && rest.length === 0;
  if (!point || !isPlan || (effect !== 'crash' && effect !== 'error' && effect !== 'delay')) {
    throw new HubError('InvalidParameter', `ATOLL_FAIL: "${text}" is not "name:n:crash|error|delay".`);
  }
  return [point, { passes: times - 1, effect: EFFECTS[effect] }];
}

/** Fail here if a test asked for it; nothing at all otherwise. Await it where the step ends. */
export function failPoint(name: FailPoint): Promise<unknown> | undefined {
  const plan = plans?.get(name);
  if (!plan) return undefined;
  plan.passes--;
  return plan.passes === -1 ? plan.effect() : undefined;
}
