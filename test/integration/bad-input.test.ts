import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NOT_OFFERED_YET } from '../../server/contract/hub.ts';
import type { Answer } from '../support/hub.ts';
import type { Case, Row } from '../bad-input/cases.ts';
import { COMMITS } from '../bad-input/commits.ts';
import { CREDENTIALS } from '../bad-input/credentials.ts';
import { beginTrickle, FRAMING } from '../bad-input/framing.ts';
import { gitOutcome, gitText } from '../bad-input/git-requests.ts';
import { GIT_WIRE } from '../bad-input/git-wire.ts';
import { LFS_ROWS } from '../bad-input/lfs.ts';
import { LISTS } from '../bad-input/lists.ts';
import { MULTIPART } from '../bad-input/multipart.ts';
import { NAMES } from '../bad-input/names.ts';
import { GIT_PACKS } from '../bad-input/packs.ts';
import { PATHS } from '../bad-input/paths.ts';
import { RANGES } from '../bad-input/ranges.ts';
import { REVISIONS } from '../bad-input/revisions.ts';
import { TREE_ENTRIES } from '../bad-input/tree-entries.ts';
import { startWorld, type World } from '../bad-input/world.ts';
import { expectProperRefusal } from '../bad-input/refusal.ts';
import type { State } from '../bad-input/state.ts';

/*
 * Bad input, row by row, against the real program: each gets its status, its code and a sentence; nothing is kept of
 * it; nothing breaks, hangs or grows. The rows are those of the reliability reference, sections 3.2 to 3.12, 3.14
 * and 3.15; those that look odd and must be accepted are among them.
 */

const SECTIONS: Readonly<Record<string, readonly Row[]>> = {
  'framing and headers': FRAMING,
  names: NAMES,
  revisions: REVISIONS,
  paths: PATHS,
  commits: COMMITS,
  'large files': LFS_ROWS,
  'uploads in parts': MULTIPART,
  ranges: RANGES,
  'git requests': GIT_WIRE,
  'packs and objects': GIT_PACKS,
  'entries of trees': TREE_ENTRIES,
  credentials: CREDENTIALS,
  'JSON, lists and pages': LISTS,
};
const ROWS = Object.values(SECTIONS).flat();

const span = (first: number, last: number): readonly string[] =>
  Array.from({ length: last - first + 1 }, (_, index) => `B-${String(first + index).padStart(3, '0')}`);
const EVERY_ID = [...span(1, 231), ...span(246, 273)];

/** How long a broken connection or a job may take to leave things as they were. */
const SETTLE_MS = 2_000;
const OUTCOME = /^(none|[1-5][0-9]{2}( [A-Z][A-Za-z]+)?|git (ok|ng|error|pack|refs|nothing))$/;
const MIB = 2 ** 20;
/** Memory comes and goes with garbage and threads, but each of these rounds takes more than all before it if it leaks. */
const MOST_ROUNDS = 8;
/** A few kilobytes for each request of a round. */
const GROWTH_BYTES = 4 * MIB;
/** Takes half a minute, once. */
const TRICKLE = 'B-040';

let world: World;
let state: State;
beforeAll(async () => {
  world = await startWorld();
  beginTrickle(world);
  state = await world.state();
});
afterAll(() => world[Symbol.asyncDispose]());

/** Whether the last round took more memory than every one before it. One alone tells nothing yet. */
const grows = (sizes: readonly number[]): boolean =>
  (sizes.at(-1) ?? 0) > Math.max(0, ...sizes.slice(0, -1)) + GROWTH_BYTES || sizes.length < 2;

/** An error of the git protocol is said inside the answer, or by the status where nothing was answered yet. */
function gitOutcomeOf(answer: Answer): string {
  const outcome = gitOutcome(answer);
  if (outcome !== undefined) return `git ${outcome}`;
  return answer.status === 400 || answer.status === 413 ? 'git error' : outcomeOf(answer);
}

const outcomeOf = ({ status, headers }: Answer): string =>
  status === 0 ? 'none' : [status, headers['x-error-code']].filter((part) => part !== undefined).join(' ');

function expectedOf({ expected, needs }: Case): string {
  return needs !== undefined && NOT_OFFERED_YET.includes(needs) ? '501 NotSupported' : expected;
}

/** Compare with what there was before. What a broken connection left is gone a moment later. */
async function expectUnchanged(): Promise<void> {
  const until = performance.now() + SETTLE_MS;
  let now = await world.state();
  while (JSON.stringify(now) !== JSON.stringify(state) && performance.now() < until) {
    await delay(20);
    now = await world.state();
  }
  const before = state;
  state = now;
  expect(now).toEqual(before);
}

describe.each(Object.entries(SECTIONS))('%s', (_, rows) => {
  describe.each(rows.map((row) => ({ ...row })))('$id $input', ({ cases }) => {
    test.each(cases.map((entry) => ({ ...entry })))('$name', async (entry) => {
      const answer = await entry.send(world);
      const expected = expectedOf(entry);
      const isGit = expected.startsWith('git ');
      const whole = isGit ? gitOutcomeOf(answer) : outcomeOf(answer);
      const outcome = expected.includes(' ') ? whole : (whole.split(' ', 1)[0] ?? '');
      expect(outcome, (isGit ? gitText(answer) : answer.text).slice(0, 500)).toBe(expected);
      if (answer.status >= 400) expectProperRefusal(answer);
      if (expected === entry.expected) await entry.check?.(answer, world);
      if (entry.isKept) state = await world.state();
      else await expectUnchanged();
    });
  });
});

describe('the rows', () => {
  test('are all there, once each, in order', () => {
    expect(ROWS.map(({ id }) => id)).toEqual(EVERY_ID);
  });

  test('each have cases, and each case says what must come of it', () => {
    const faulty = ROWS.filter(
      ({ cases }) => cases.length === 0 || cases.some(({ expected }) => !OUTCOME.test(expected)),
    );
    expect(faulty.map(({ id }) => id)).toEqual([]);
  });
});

describe('all of them together', () => {
  test('sent again and again, take no more memory and change nothing', { timeout: 600_000 }, async () => {
    const again = ROWS.filter(({ id }) => id !== TRICKLE)
      .flatMap(({ cases }) => cases)
      .filter(({ isKept }) => !isKept);
    const [held, resident]: [number[], number[]] = [[], []];
    for (let round = 0; round < MOST_ROUNDS && (grows(held) || grows(resident)); round++) {
      for (const entry of again) await entry.send(world);
      held.push((await world.heldBytes()) ?? 0);
      resident.push(world.residentBytes() ?? 0);
    }
    await expectUnchanged();
    expect(grows(held), `held after each round: ${held.join(', ')}`).toBe(false);
    expect(grows(resident), `resident after each round: ${resident.join(', ')}`).toBe(false);
  });

  test('broke nothing', () => {
    expect(world.loggedErrors()).toEqual([]);
  });

  test('left a hub that is sound', async () => {
    const found = (await world.command('doctor', { full: true })) as {
      readonly problems: readonly unknown[];
    };
    expect(found.problems).toEqual([]);
  });

  test('neither filled the memory nor held up others', async () => {
    const { latencies, residentBytes } = await world.measured();
    const sorted = [...latencies].sort((a, b) => a - b);
    const typical = sorted[Math.floor(sorted.length * 0.99)] ?? 0;
    expect(latencies.length).toBeGreaterThan(100);
    // Others work on this machine too, so one answer in a hundred may wait for a processor.
    expect(typical).toBeLessThan(200);
    expect(sorted.at(-1)).toBeLessThan(2_000);
    if (residentBytes.length === 0) return;
    const atStart = Math.max(...residentBytes.slice(0, 5));
    // Bodies of up to 100 MB were among them, and packs that a thread of its own takes apart.
    expect(Math.max(...residentBytes) - atStart).toBeLessThan(640 * MIB);
  });
});
