import { execFileSync } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { FAIL_POINTS, type FailPoint } from '../../server/platform/fail-points.ts';
import {
  createHubClient,
  Refused,
  type FileForm,
  type FileToSend,
  type HubClient,
} from '../support/hub-client.ts';
import { createJournal, type JournalEntry } from '../support/journal.ts';
import { useKilledHub } from '../support/killed-hub.ts';
import type { RunningProgram } from '../support/program.ts';
import { describeWithTools } from '../support/require.ts';

/*
 * The program is killed a hundred times over one data folder: at every fail point, in the middle of bodies, and at
 * any moment of mixed work. After each kill doctor is content; after the next start the hub agrees with the journal of
 * its clients, and what was not answered is asked for again.
 */

type Phase = 'staging' | 'object put' | 'transaction' | 'roll-up' | 'Xet ingest' | 'any moment';

interface Kill {
  readonly phase: Phase;
  /** What is planted, as ATOLL_FAIL; without it the process is killed from outside once `work` is over. */
  readonly plan?: string;
  work(client: HubClient): Promise<void>;
}

const KILLS = 100;
const LEAST_PER_PHASE = 10;
const PACK_BYTES = 1_100_000;
const PART_BYTES = 5 * 1024 * 1024;
/** With this many files a repository's rows are due to become a pack. */
const FILL = { commits: 3, files: 720 };

const { scratch, start, ask, createUser, problems } = useKilledHub('kills', ['--limits-part-size', '5MiB']);

const journal = createJournal();
const deaths = new Map<Phase, number>();
let token = '';
let hub: RunningProgram | undefined;

/* What clients do. */

type Kind = FileForm | 'pack';

let lastTitle = 0;

function filesFor(kind: Kind, title: string): readonly FileToSend[] {
  const folder = `files/${title}`;
  if (kind === 'pack') return [{ path: `${folder}.txt`, bytes: randomBytes(PACK_BYTES), form: 'inline' }];
  if (kind === 'inline') {
    return ['a.txt', 'b/c.txt'].map((name) => ({
      ...{ path: `${folder}/${name}`, form: 'inline' as const },
      bytes: randomBytes(randomInt(10, 2000)),
    }));
  }
  const size = kind === 'parts' ? PART_BYTES + 100_000 : 150_000;
  return [{ path: `${folder}.bin`, bytes: randomBytes(size), form: kind }];
}

async function finish(client: HubClient, entry: JournalEntry): Promise<void> {
  const { repo, commit } = entry;
  for (const file of commit.files) {
    await client.upload(repo, file, (stored) => journal.acknowledgeObject(repo, stored));
  }
  journal.acknowledge(entry, await client.commit(repo, commit));
}

async function createRepo(client: HubClient, repo: string): Promise<void> {
  journal.planRepo(repo);
  await client.createRepo(repo);
  journal.acknowledgeRepo(repo);
}

/** Every other commit names its parent: such a request, sent again, has to be known by its own words alone. */
async function commit(client: HubClient, repo: string, files: readonly FileToSend[], title: string) {
  const parent = lastTitle % 2 === 0 ? (await client.history(repo))[0]?.id : undefined;
  await finish(client, journal.plan(repo, { title, parent, files }));
}

async function work(client: HubClient, repo: string, kinds: readonly Kind[]): Promise<void> {
  for (const kind of kinds) {
    const title = `${kind}-${++lastTitle}`;
    await commit(client, repo, filesFor(kind, title), title);
  }
}

const WRITERS = ['writer-0', 'writer-1', 'writer-2'] as const;
const ROLLED = 'rolled';

async function fill(client: HubClient): Promise<void> {
  for (let round = 0; round < FILL.commits; round++) {
    const title = `fill-${++lastTitle}`;
    const files = Array.from({ length: FILL.files }, (_, index): FileToSend => {
      const bytes = Buffer.from(`${title} ${index}\n`);
      return { path: `${title}/${index % 7}/${index}.txt`, bytes, form: 'inline' };
    });
    await commit(client, ROLLED, files, title);
  }
  // The job that looks after the rows begins when the commit is over.
  await delay(10_000);
}

/* How they are interrupted. */

interface Place {
  readonly phase: Phase;
  readonly kinds: readonly Kind[] | 'creation' | 'roll-up';
  /** One kill each: at the how-manieth time that the point is reached. */
  readonly times: readonly number[];
}

/** Killed in the tests of their own, such as `lifecycle-kills.test.ts` and `push-kills.test.ts`. */
const isElsewhere = (point: FailPoint): point is ElsewherePoint =>
  /^(?:repository-(?:mov|duplicat)|conversion-|bucket-|push-)/.test(point);
type ElsewherePoint = Extract<
  FailPoint,
  `${'repository-mov' | 'repository-duplicat' | 'conversion-' | 'bucket-' | 'push-'}${string}`
>;

const PLACES: Readonly<Record<Exclude<FailPoint, ElsewherePoint>, Place>> = {
  'commit-received': { phase: 'staging', kinds: ['inline', 'lfs', 'pack'], times: [1, 2, 3, 1] },
  'pack-stored': { phase: 'object put', kinds: ['pack', 'pack'], times: [1, 2, 1] },
  'pack-indexed': { phase: 'object put', kinds: ['pack', 'pack'], times: [1, 2] },
  'object-written': {
    ...{ phase: 'object put', kinds: ['pack', 'lfs', 'parts', 'xet'] },
    times: [1, 2, 3, 4, 5, 6, 7, 8],
  },
  'object-placed': { phase: 'object put', kinds: ['xet', 'parts', 'lfs', 'pack'], times: [1, 3, 5, 7] },
  'refs-moving': { phase: 'transaction', kinds: ['inline', 'lfs', 'pack', 'xet'], times: [1, 2, 3, 4, 1, 2] },
  'refs-moved': { phase: 'transaction', kinds: ['inline', 'xet', 'pack', 'lfs'], times: [1, 2, 3, 4, 1] },
  'repository-created': { phase: 'transaction', kinds: 'creation', times: [1, 1] },
  'large-object-stored': { phase: 'object put', kinds: ['lfs', 'parts'], times: [1, 2] },
  'large-object-keeping': { phase: 'transaction', kinds: ['lfs', 'parts'], times: [1, 2, 1] },
  'large-object-kept': { phase: 'transaction', kinds: ['lfs', 'parts'], times: [1, 2, 1] },
  'part-stored': { phase: 'object put', kinds: ['parts'], times: [1, 2] },
  'part-kept': { phase: 'transaction', kinds: ['parts'], times: [1] },
  'xorb-stored': { phase: 'Xet ingest', kinds: ['xet', 'xet'], times: [1, 2, 1] },
  'xorb-indexed': { phase: 'Xet ingest', kinds: ['xet', 'xet'], times: [1, 2] },
  'xorb-kept': { phase: 'Xet ingest', kinds: ['xet', 'xet'], times: [1, 2] },
  'shard-proved': { phase: 'Xet ingest', kinds: ['xet', 'xet'], times: [1, 2, 1] },
  'shard-keeping': { phase: 'Xet ingest', kinds: ['xet', 'xet'], times: [1, 2] },
  'shard-kept': { phase: 'Xet ingest', kinds: ['xet', 'xet'], times: [1, 2] },
  'roll-up-packed': { phase: 'roll-up', kinds: 'roll-up', times: [1, 1, 1] },
  'roll-up-stored': { phase: 'roll-up', kinds: 'roll-up', times: [1, 1, 1, 1] },
  'roll-up-switching': { phase: 'roll-up', kinds: 'roll-up', times: [1, 1, 1, 1] },
  'roll-up-done': { phase: 'roll-up', kinds: 'roll-up', times: [1, 1] },
};

const STALLED: readonly FileForm[] = ['lfs', 'inline', 'parts', 'xet'];
const STALLS_EACH = 3;

let lastRepo = 0;

function plannedKills(): readonly Kill[] {
  const points = FAIL_POINTS.filter((point) => !isElsewhere(point));
  const planned = points.flatMap((point) =>
    PLACES[point].times.map((time): Kill => {
      const { phase, kinds } = PLACES[point];
      return {
        ...{ phase, plan: `${point}:${time}:crash` },
        async work(client) {
          if (kinds === 'roll-up') await fill(client);
          else if (kinds === 'creation') await createRepo(client, `created-${++lastRepo}`);
          else await work(client, WRITERS[0], kinds);
        },
      };
    }),
  );
  const stalled = STALLED.flatMap((form) =>
    Array.from({ length: STALLS_EACH }, (): Kill => ({
      phase: 'staging',
      async work(client) {
        const [file] = filesFor(form, `stalled-${++lastTitle}`);
        if (file) await client.stall(WRITERS[1], file, 'stalled');
      },
    })),
  );
  const atAnyMoment = Array.from({ length: KILLS - planned.length - stalled.length }, (_, index): Kill => {
    const kinds: readonly Kind[] = ['inline', 'xet', 'pack', 'inline', 'lfs', 'inline'];
    return {
      phase: 'any moment',
      // With a delay inside the transaction more of these kills hit an open one.
      plan: `refs-moving:${1 + (index % 4)}:delay`,
      async work(client) {
        const all = WRITERS.map((repo) => work(client, repo, kinds));
        // What they are told when the hub goes away is seen by the next start.
        const ended = Promise.all(all).catch((error: unknown) => rethrowUnlessLost(error));
        await Promise.race([ended, delay(randomInt(10, 400))]);
        await hub?.end('SIGKILL');
        await Promise.allSettled(all);
        await ended;
      },
    };
  });
  // Roll-ups stay together: what one kill leaves undone is where the next one strikes.
  const isRollUp = ({ phase }: Kill): boolean => phase === 'roll-up';
  const others = shuffled([...planned.filter((kill) => !isRollUp(kill)), ...stalled, ...atAnyMoment]);
  return [...others.slice(0, 20), ...planned.filter(isRollUp), ...others.slice(20)];
}

/** Neighbors differ from run to run of the list, and are the same in every run of the test. */
function shuffled<Item>(items: readonly Item[]): readonly Item[] {
  const all = [...items];
  let state = 20_260;
  for (let index = all.length - 1; index > 0; index--) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    const other = Math.floor((state / 2 ** 32) * (index + 1));
    [all[index], all[other]] = [all[other] as Item, all[index] as Item];
  }
  return all;
}

function rethrowUnlessLost(error: unknown, log = ''): void {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (['ECONNRESET', 'ECONNREFUSED', 'EPIPE'].includes(code)) return;
  if (error instanceof Refused) throw new Error(`${error.message}\n${log}`, { cause: error });
  throw error;
}

/** Agree with the hub on what there is, and ask again for what was not answered. */
async function catchUp(client: HubClient, repos: readonly string[]): Promise<void> {
  await journal.check(client, { repos });
  for (const repo of journal.unansweredRepos()) await createRepo(client, repo);
  for (const entry of journal.unanswered()) await finish(client, entry);
}

async function killOnce(kill: Kill, repos: readonly string[]): Promise<void> {
  // A roll-up that the last kill interrupted is taken up at once, so the hub may be gone before it says hello.
  hub = await start(kill.plan).catch((error: unknown) => {
    if (kill.phase === 'roll-up' && String(error).includes('ended with null')) return undefined;
    throw error;
  });
  if (!hub) return;
  const client = createHubClient({ url: hub.url, token });
  try {
    const all = catchUp(client, repos).then(() => kill.work(client));
    await Promise.race([all, kill.plan?.endsWith('crash') ? hub.ended : all]);
    if (kill.plan?.endsWith('crash')) await Promise.race([hub.ended, delay(5_000)]);
    else await hub.end('SIGKILL');
    all.catch((error: unknown) => rethrowUnlessLost(error));
  } catch (error) {
    rethrowUnlessLost(error, hub.output.stderr);
  } finally {
    client.close();
  }
  const { code } = await Promise.race([hub.ended, delay(5_000, { code: 'still running' })]);
  expect(code, `the end at ${kill.plan ?? kill.phase}`).toBeNull();
}

async function killAll(): Promise<void> {
  for (const [index, kill] of plannedKills().entries()) {
    const repos = kill.phase === 'roll-up' ? [ROLLED] : WRITERS;
    await killOnce(kill, repos);
    deaths.set(kill.phase, (deaths.get(kill.phase) ?? 0) + 1);
    expect(await problems(), `after kill ${index + 1} at ${kill.plan ?? kill.phase}`).toEqual([]);
  }
}

beforeAll(async () => {
  token = await createUser('ada');
  hub = await start();
  const client = createHubClient({ url: hub.url, token });
  for (const repo of [...WRITERS, ROLLED]) await createRepo(client, repo);
  client.close();
  await hub.end('SIGKILL');
});

describeWithTools('a hub that is killed a hundred times', ['git'], ({ git }) => {
  test(
    'loses nothing that it acknowledged, and does nothing by halves or twice',
    { timeout: 600_000 },
    async () => {
      const startedAt = performance.now();
      await killAll();
      for (const phase of ['staging', 'object put', 'transaction', 'roll-up', 'Xet ingest'] as const) {
        expect(deaths.get(phase), phase).toBeGreaterThanOrEqual(LEAST_PER_PHASE);
      }
      hub = await start();
      const client = createHubClient({ url: hub.url, token });
      const repos = [...WRITERS, ROLLED];
      await catchUp(client, repos);
      await journal.check(client);
      await journal.check(client, { repos: WRITERS, withBytes: true });
      expect(journal.unanswered()).toEqual([]);
      client.close();
      expect((await hub.end('SIGTERM')).code).toBe(0);
      expect(await problems()).toEqual([]);
      for (const repo of repos) {
        const folder = join(scratch, `${repo}.git`);
        await ask(['repo', 'export', `ada/${repo}`, folder]);
        execFileSync(git, ['-C', folder, 'fsck', '--strict', '--full'], { stdio: 'pipe' });
      }
      const seconds = Math.round((performance.now() - startedAt) / 1000);
      process.stdout.write(
        `${[...deaths].map(([phase, count]) => `${phase} ${count}`).join(', ')}; ` +
          `${journal.acknowledged} commits acknowledged; ${seconds} s\n`,
      );
    },
  );
});
