import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gitSshCommand, makeSshKey } from '../../test/support/ssh.ts';
import type { BenchCase, BenchContext } from '../bench-case.ts';
import { startGitServer } from '../git-server.ts';
import { inParallel, median, memoryOf, peakDuring, secondsOf } from '../measure.ts';
import { ratioRow, type Row } from '../row.ts';

const run = promisify(execFile);
const MIB = 1024 * 1024;
const FOLDERS = 200;
const CHANGED = 5;
const ROUNDS = 5;
/** Of what takes longer. */
const FEW_ROUNDS = 3;

/** Git as nobody in particular: no settings of this machine, and no question to a person. */
const git = async (cwd: string, ...args: readonly string[]): Promise<string> =>
  (
    await run('git', args, {
      cwd,
      maxBuffer: 64 * MIB,
      env: { ...process.env, HOME: cwd, GIT_CONFIG_NOSYSTEM: '1', GIT_TERMINAL_PROMPT: '0' },
    })
  ).stdout.trim();

/** Address of a repository by SSH, and the setting with which git comes in there, by a key made for it. */
async function openSsh({ api, sshPort }: BenchContext['hub'], folder: string, name: string) {
  const key = makeSshKey(folder, 'bench');
  await api.call('/api/user/keys', { json: { title: 'bench', key: key.publicLine } });
  const setting = ['-c', `core.sshCommand=${gitSshCommand(sshPort, key)}`] as const;
  return { url: `ssh://git@127.0.0.1:${sshPort}/ada/${name}`, setting };
}

const WHO = 'A U Thor <author@example.com>';

/** Write a history into a new repository: many files at first, then commits that each change a few. */
async function writeHistory(folder: string, files: number, commits: number): Promise<void> {
  await git(join(folder, '..'), 'init', '--quiet', '--initial-branch=main', folder);
  await git(folder, 'config', 'user.name', 'A U Thor');
  await git(folder, 'config', 'user.email', 'author@example.com');
  // A commit of many files would begin to pack them in the background, and whoever is pushed to first would wait for it.
  await git(folder, 'config', 'gc.auto', '0');
  const child = spawn('git', ['fast-import', '--quiet'], {
    cwd: folder,
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const write = async (text: string): Promise<void> => {
    if (!child.stdin.write(text)) await once(child.stdin, 'drain');
  };
  const fileLines = (index: number, version: number): string => {
    const content = `{"id": ${index}, "version": ${version}, "text": "${'lorem ipsum '.repeat(index % 40)}"}\n`;
    return `M 100644 inline d${index % FOLDERS}/f${index}.json\ndata ${content.length}\n${content}\n`;
  };
  for (let commit = 0; commit < commits; commit++) {
    await write(`commit refs/heads/main\ncommitter ${WHO} ${1_700_000_000 + commit} +0000\ndata 1\nx\n`);
    const changed =
      commit === 0
        ? Array.from({ length: files }, (_, index) => index)
        : Array.from({ length: CHANGED }, (_, at) => (commit * 7919 + at * 104_729) % files);
    for (const index of changed) await write(fileLines(index, commit));
  }
  child.stdin.end();
  await once(child, 'close');
  await git(folder, 'reset', '--quiet', '--hard', 'main');
}

type Place = 'ours' | 'theirs';

/** The same repository at the hub and at git's own server. */
interface Places {
  readonly name: string;
  readonly ours: string;
  readonly theirs: string;
}

async function openPlaces(
  { hub }: BenchContext,
  name: string,
  root: string,
  serverUrl: string,
): Promise<Places> {
  await hub.api.createRepo(`models/ada/${name}`);
  await git(root, 'init', '--quiet', '--bare', '--initial-branch=main', `${name}.git`);
  return {
    name,
    ours: `http://ada:${hub.token}@127.0.0.1:${hub.port}/ada/${name}`,
    theirs: `${serverUrl}/${name}.git`,
  };
}

/** One after the other, each first in turn, so that both meet the same machine. Answers both medians. */
async function bothSeconds(
  rounds: number,
  work: (place: Place, round: number) => Promise<unknown>,
  prepare?: (round: number) => Promise<unknown>,
): Promise<{ readonly ours: number; readonly theirs: number }> {
  const seconds: Record<Place, number[]> = { ours: [], theirs: [] };
  for (let round = 0; round < rounds; round++) {
    await prepare?.(round);
    for (const place of round % 2 === 0 ? (['ours', 'theirs'] as const) : (['theirs', 'ours'] as const)) {
      seconds[place].push(await secondsOf(() => work(place, round)));
    }
  }
  return { ours: median(seconds.ours), theirs: median(seconds.theirs) };
}

/** Clone, fetch and push of a large history, by real git, beside git's own server. */
export const gitTransfers: BenchCase = {
  name: 'git',
  isOnFreshHub: true,
  async run(context) {
    const { hub, isQuick } = context;
    const [files, commits] = isQuick ? [2000, 200] : [20_000, 2000];
    const folder = join(hub.scratch, 'git');
    const root = join(folder, 'served');
    await mkdir(root, { recursive: true });
    const server = await startGitServer(root);
    const least = 1 / 1.3;
    const rows: Row[] = [];
    const add = (
      name: string,
      seconds: { ours: number; theirs: number },
      aim: number,
      note?: string,
    ): void => {
      rows.push(ratioRow(name, seconds.ours, aim, { name: server.name, seconds: seconds.theirs }, note));
    };
    try {
      const source = join(folder, 'source');
      await writeHistory(source, files, commits);
      let places: Places = { name: '', ours: '', theirs: '' };
      const pushAll = (place: Place): Promise<unknown> =>
        git(source, 'push', '--quiet', '--force', places[place], 'main');
      const first = await bothSeconds(FEW_ROUNDS, pushAll, async (round) => {
        places = await openPlaces(context, `history-${round}`, root, server.url);
      });
      add(`push of ${commits} commits, ${files} files`, first, least);

      let copies = 0;
      const clone = async (place: Place, ...options: readonly string[]): Promise<string> => {
        const copy = join(folder, `copy-${(copies += 1)}`);
        await git(folder, 'clone', '--quiet', '--bare', ...options, places[place], copy);
        return copy;
      };
      const size = `clone of ${files} files and ${commits} commits`;
      add(`${size}, cold`, await bothSeconds(1, (place) => clone(place)), 1);
      add(`${size}, cached`, await bothSeconds(ROUNDS, (place) => clone(place)), 1);
      add('the same, depth 1', await bothSeconds(ROUNDS, (place) => clone(place, '--depth=1')), 1);

      const ssh = await openSsh(hub, folder, places.name);
      const byBoth = await bothSeconds(ROUNDS, async (place) => {
        if (place === 'theirs') await clone('ours');
        else {
          const copy = join(folder, `copy-${(copies += 1)}`);
          await git(folder, ...ssh.setting, 'clone', '--quiet', '--bare', ssh.url, copy);
        }
      });
      const byHttp = { name: 'the same by HTTP', seconds: byBoth.theirs };
      rows.push(ratioRow(`${size} by SSH, cached`, byBoth.ours, 0.5, byHttp));

      const kept = { ours: await clone('ours'), theirs: await clone('theirs') };
      const fetch = (place: Place): Promise<unknown> =>
        git(kept[place], 'fetch', '--quiet', places[place], 'main:main');
      add('fetch of nothing new', await bothSeconds(ROUNDS, fetch), 1);

      const [pushes, fetches]: { ours: number; theirs: number }[][] = [[], []];
      for (let round = 0; round < ROUNDS; round++) {
        await writeFile(join(source, 'd1', 'f1.json'), `round ${round}\n`);
        await git(source, 'commit', '--quiet', '-am', `round ${round}`);
        pushes?.push(await bothSeconds(1, pushAll));
        fetches?.push(await bothSeconds(1, fetch));
      }
      const medians = (list: readonly { ours: number; theirs: number }[] = []) => ({
        ours: median(list.map(({ ours }) => ours)),
        theirs: median(list.map(({ theirs }) => theirs)),
      });
      add('push of one commit', medians(pushes), least);
      add('fetch of one new commit', medians(fetches), least);

      const objects = isQuick ? 1000 : 10_000;
      const addObjects = async (round: number): Promise<void> => {
        const added = join(source, `new-${round}`);
        await mkdir(added);
        for (let index = 0; index < objects; index++) {
          const text = `new ${index} ${randomBytes(64).toString('hex')}\n`;
          await writeFile(join(added, `${index}.txt`), text);
        }
        await git(source, 'add', '.');
        await git(source, 'commit', '--quiet', '-m', 'new');
      };
      add(`push of ${objects} objects`, await bothSeconds(FEW_ROUNDS, pushAll, addObjects), least);

      let peak = 0;
      const crowd = await bothSeconds(1, async (place) => {
        const ten = (): Promise<void> => inParallel(10, 10, () => clone(place));
        if (place === 'theirs') await ten();
        else peak = await peakDuring(hub.pid, ten);
      });
      add('ten clones at once', crowd, 1 / 1.2);
      rows.push({
        name: 'memory of the hub, ten clones at once',
        aim: '400 MB',
        value: peak,
        unit: 'MB',
        isMet: peak <= 400,
      });
    } finally {
      await server.end();
      await rm(folder, { recursive: true, force: true });
    }
    return rows;
  },
};

/** A push whose pack is much larger than the memory it may take. */
export const largePush: BenchCase = {
  name: 'large-push',
  async run(context) {
    const { hub, isQuick } = context;
    const files = isQuick ? 25 : 256;
    const folder = join(hub.scratch, 'large-push');
    await mkdir(folder);
    try {
      await hub.api.createRepo('models/ada/large-push');
      const source = join(folder, 'source');
      await writeHistory(source, 1, 1);
      for (const [key, value] of [
        ['core.compression', '0'],
        ['pack.window', '0'],
      ] as const)
        await git(source, 'config', key, value);
      for (let index = 0; index < files; index++) {
        await writeFile(join(source, `${index}.dat`), randomBytes(8 * MIB));
      }
      await git(source, 'add', '.');
      await git(source, 'commit', '--quiet', '-m', 'large');
      const before = memoryOf(hub.pid).now;
      let seconds = NaN;
      const peak = await peakDuring(hub.pid, async () => {
        const target = `http://ada:${hub.token}@127.0.0.1:${hub.port}/ada/large-push`;
        seconds = await secondsOf(() => git(source, 'push', '--quiet', '--force', target, 'main'));
      });
      return [
        {
          name: `memory growth, push of a pack of ${files * 8} MB`,
          aim: '300 MB',
          value: peak - before,
          unit: 'MB',
          isMet: peak - before <= 300,
          note: `took ${seconds.toFixed(1)} s`,
        },
      ];
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};
