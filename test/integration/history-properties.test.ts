import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Answer, TestHub } from '../support/hub.ts';
import {
  createRepo,
  lfsLine,
  ndjson,
  sha256Of,
  startPeopledHub,
  type CommitLine,
  type RepoClient,
} from '../support/scenario.ts';
import { hasNativeGit } from '../unit/git/native-git.ts';

/*
 * Random histories, made twice: by the hub's API and by native git beside it. After every step both hold the same files,
 * and where git meets a conflict the hub refuses. At the end native git accepts the hub's export, finds the same trees
 * and histories of the same shape in it, and doctor is content.
 */

const SEED = Number(process.env['ATOLL_TEST_SEED'] ?? 20_261_127);
const HISTORIES = Number(process.env['ATOLL_TEST_HISTORIES'] ?? 3);
const STEPS = 40;

/** Where git objects to what the hub takes: a file was added to a folder that the other side moved. */
const HUB_TAKES = /CONFLICT \((?:file location|directory rename split|implicit dir rename)\)/;
const HUB_REFUSES = /CONFLICT \((?!file location|directory rename|implicit dir)/;

const TEXTS = ['a.txt', 'dir/b.txt', 'dir/deep/c.txt', 'é ü.txt', 'crlf.txt', 'dir', 'z/dir'];
const BINARIES = ['bytes.dat', 'dir/more.dat'];
const LARGE = ['w.bin', 'dir/w.bin'];

const aStep = fc.record({
  kind: fc.constantFrom(
    ...(['edit', 'edit', 'edit', 'write', 'write', 'delete', 'rename', 'folder', 'binary', 'large'] as const),
    ...([
      'branch',
      'merge',
      'merge',
      'merge',
      'squash',
      'favor',
      'revert',
      'revert',
      'reset',
      'super-squash',
    ] as const),
  ),
  one: fc.nat(1000),
  two: fc.nat(1000),
  three: fc.nat(1000),
});
type Step = typeof aStep extends fc.Arbitrary<infer Value> ? Value : never;

type Files = Map<string, Buffer>;

let hub: TestHub;
const pick = <Item>(items: readonly Item[], at: number): Item => items[at % items.length] as Item;

/** Native git in a folder of its own, with the same files on its branches. */
function createTwin() {
  const folder = mkdtempSync(join(tmpdir(), 'atoll-twin-'));
  let time = 1_700_000_000;
  function attempt(...args: readonly string[]): { readonly ok: boolean; readonly output: string } {
    time += 1;
    const { status, stdout, stderr } = spawnSync('git', ['-c', 'core.quotePath=false', ...args], {
      cwd: folder,
      maxBuffer: 64 * 1024 * 1024,
      env: {
        PATH: process.env['PATH'],
        HOME: folder,
        LC_ALL: 'C',
        GIT_CONFIG_NOSYSTEM: '1',
        GIT_AUTHOR_NAME: 'Ada',
        GIT_AUTHOR_EMAIL: 'ada@example.org',
        GIT_COMMITTER_NAME: 'Ada',
        GIT_COMMITTER_EMAIL: 'ada@example.org',
        GIT_AUTHOR_DATE: `${time} +0000`,
        GIT_COMMITTER_DATE: `${time} +0000`,
      },
    });
    return { ok: status === 0, output: `${stdout.toString()}${stderr.toString()}`.trim() };
  }
  function run(...args: readonly string[]): string {
    const { ok, output } = attempt(...args);
    if (!ok) throw new Error(`git ${args.join(' ')}: ${output}`);
    return output;
  }
  function checkout(branch: string): void {
    run('reset', '--quiet', '--hard');
    run('checkout', '--quiet', '--force', branch);
  }
  run('init', '--quiet', '--initial-branch=main', '.');
  return {
    folder,
    attempt,
    run,
    checkout,
    head: (revision = 'HEAD') => run('rev-parse', '--verify', `${revision}^{commit}`),
    /** Blob ids by path. */
    listing: (revision: string): Readonly<Record<string, string>> =>
      Object.fromEntries(
        run('ls-tree', '-r', '-z', revision)
          .split('\0')
          .filter((line) => line !== '')
          .map((line) => {
            const [facts = '', path = ''] = line.split('\t');
            return [path, facts.split(' ')[2] ?? ''];
          }),
      ),
    /** Make the branch hold exactly these files, in one commit. */
    commit(files: Files, message: string): string {
      run('rm', '-r', '-q', '-f', '--ignore-unmatch', '.');
      for (const [path, content] of files) {
        mkdirSync(dirname(join(folder, path)), { recursive: true });
        writeFileSync(join(folder, path), content);
      }
      run('add', '--all', '--force', '.');
      run('commit', '--quiet', '--allow-empty', '-m', message);
      return run('rev-parse', 'HEAD');
    },
    dispose: () => rmSync(folder, { recursive: true, force: true }),
  };
}
type Twin = ReturnType<typeof createTwin>;

const pointerOf = (bytes: Buffer): Buffer =>
  Buffer.from(
    `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256Of(bytes)}\nsize ${bytes.length}\n`,
  );

const LARGE_FILES = Array.from({ length: 5 }, (_, index) => Buffer.alloc(3000 + index, `large ${index}`));

/** A text of its path's own lines, some of them changed. */
function textOf(path: string, step: Step): Buffer {
  const end = path === 'crlf.txt' ? '\r\n' : '\n';
  const lines = Array.from({ length: 16 }, (_, line) => `${path} ${line}`);
  lines[step.two % 16] = `written ${step.three}`;
  return Buffer.from(lines.join(end) + (step.three % 5 === 0 ? '' : end));
}

function edited(content: Buffer, { two, three }: Step): Buffer {
  const lines = content.toString('latin1').split('\n');
  const at = two % lines.length;
  if (three % 4 === 0) lines.splice(at, 1);
  else if (three % 4 === 1) lines.splice(at, 0, `added ${three}`, '');
  else lines[at] = `changed ${three}${lines[at]?.endsWith('\r') ? '\r' : ''}`;
  return Buffer.from(lines.join('\n'), 'latin1');
}

/** One history in the making: what both sides did so far. */
class History {
  readonly repo: RepoClient;
  readonly twin: Twin;
  readonly files = new Map<string, Files>();
  /** Commits by their ids on the hub and in native git. */
  readonly commits: { readonly hub: string; readonly git: string }[] = [];
  readonly outcomes: Record<string, number> = {};
  made = 0;

  constructor(repo: RepoClient, twin: Twin) {
    this.repo = repo;
    this.twin = twin;
  }

  get branches(): readonly string[] {
    return [...this.files.keys()];
  }

  note(outcome: string): void {
    this.outcomes[outcome] = (this.outcomes[outcome] ?? 0) + 1;
  }

  /** Both sides hold the same files on the branch; remember its head. */
  async compare(branch: string, what: string): Promise<void> {
    const answer = await this.repo.api(
      'GET',
      `tree/${encodeURIComponent(branch)}?recursive=true&limit=10000`,
    );
    const listed = answer
      .json<{ type: string; path: string; oid: string }[]>()
      .filter(({ type }) => type === 'file')
      .map(({ path, oid }): [string, string] => [path, oid]);
    expect(Object.fromEntries(listed), what).toEqual(this.twin.listing(branch));
    const { headers } = await this.repo.api('GET', `commits/${encodeURIComponent(branch)}?limit=1`);
    expect([what, headers['x-total-count']]).toEqual([what, this.twin.run('rev-list', '--count', branch)]);
    this.commits.push({ hub: await this.repo.head(encodeURIComponent(branch)), git: this.twin.head(branch) });
  }

  /** What native git has on the branch now, as the files of the next commit. */
  reread(branch: string): void {
    this.twin.checkout(branch);
    const files: Files = new Map();
    for (const path of Object.keys(this.twin.listing(branch))) {
      files.set(path, readFileSync(join(this.twin.folder, path)));
    }
    this.files.set(branch, files);
  }

  /** Bring native git to where the hub is, after a step that the hub takes and git does not. */
  async adopt(branch: string, parents: readonly string[]): Promise<void> {
    const answer = await this.repo.api(
      'GET',
      `tree/${encodeURIComponent(branch)}?recursive=true&limit=10000`,
    );
    const files: Files = new Map();
    for (const { type, path } of answer.json<{ type: string; path: string }[]>()) {
      if (type !== 'file') continue;
      const encoded = path.split('/').map(encodeURIComponent).join('/');
      const target = `/${this.repo.name}/raw/${encodeURIComponent(branch)}/${encoded}`;
      files.set(path, (await hub.send('GET', target)).body);
    }
    this.twin.checkout(branch);
    this.twin.commit(files, 'as the hub has it');
    const tree = this.twin.run('rev-parse', 'HEAD^{tree}');
    const commit = this.twin.run(
      'commit-tree',
      tree,
      ...parents.flatMap((parent) => ['-p', parent]),
      '-m',
      'merged',
    );
    this.twin.run('reset', '--quiet', '--hard', commit);
  }
}

/** Whether the path can be written: no file is where it needs a folder, and no folder where it is. */
const isFree = (files: Files, path: string): boolean =>
  [...files.keys()].every((other) => !other.startsWith(`${path}/`) && !path.startsWith(`${other}/`));

/** What a commit does: the lines the hub is sent, and the files it leaves. Undefined when the step does not fit. */
function changeOf(
  files: Files,
  step: Step,
): { readonly lines: readonly CommitLine[]; readonly after: Files } | undefined {
  const after = new Map(files);
  const known = [...files.keys()].filter((path) => path !== '.gitattributes');
  const put = (path: string, content: Buffer): CommitLine => {
    after.set(path, content);
    return ['file', { path, content: content.toString('base64'), encoding: 'base64' }];
  };
  const existing = known.length > 0 ? pick(known, step.one) : undefined;
  switch (step.kind) {
    case 'edit': {
      const path = pick([...TEXTS.filter((text) => files.has(text)), '.gitattributes'], step.one);
      return { lines: [put(path, edited(files.get(path) ?? Buffer.alloc(0), step))], after };
    }
    case 'write':
    case 'binary': {
      const path = pick(step.kind === 'write' ? TEXTS : BINARIES, step.one);
      if (!isFree(files, path)) return undefined;
      const content = step.kind === 'write' ? textOf(path, step) : Buffer.from(`${path}\0${step.two % 7}`);
      return { lines: [put(path, content)], after };
    }
    case 'large': {
      const path = pick(LARGE, step.one);
      // Without the rule for large files the hub would add one of its own.
      const hasRule = files.get('.gitattributes')?.includes('*.bin filter=lfs ') === true;
      if (!hasRule || !isFree(files, path)) return undefined;
      const bytes = pick(LARGE_FILES, step.two);
      after.set(path, pointerOf(bytes));
      return { lines: [lfsLine(path, bytes)], after };
    }
    case 'delete': {
      if (existing === undefined) return undefined;
      after.delete(existing);
      return { lines: [['deletedFile', { path: existing }]], after };
    }
    case 'folder': {
      const folder = pick(['dir', 'dir/deep', 'z'], step.one);
      if (!known.some((path) => path.startsWith(`${folder}/`))) return undefined;
      for (const path of known) if (path.startsWith(`${folder}/`)) after.delete(path);
      return { lines: [['deletedFolder', { path: `${folder}/` }]], after };
    }
    case 'rename': {
      const content = existing === undefined ? undefined : files.get(existing);
      if (existing === undefined || content === undefined || LARGE.includes(existing)) return undefined;
      const path = `${pick(['moved', 'x/y', 'dir'], step.two)}/${existing.replaceAll('/', '-')}`;
      after.delete(existing);
      if (files.has(path) || !isFree(after, path)) return undefined;
      return { lines: [['deletedFile', { path: existing }], put(path, content)], after };
    }
    default:
      return undefined;
  }
}

async function commit(history: History, branch: string, step: Step, what: string): Promise<void> {
  const change = changeOf(history.files.get(branch) ?? new Map<string, Buffer>(), step);
  if (!change) return;
  const before = await history.repo.head(encodeURIComponent(branch));
  const body = ndjson(change.lines, { summary: what, parentCommit: before });
  const answer = await history.repo.postCommit(body, encodeURIComponent(branch));
  expect(answer.status, `${what}: ${answer.text}`).toBe(200);
  const made = answer.json()['commitOid'];
  // The same request once more makes no second commit.
  expect((await history.repo.postCommit(body, encodeURIComponent(branch))).json()['commitOid'], what).toBe(
    made,
  );
  if (made === before) return;
  history.twin.checkout(branch);
  history.twin.commit(change.after, what);
  history.files.set(branch, change.after);
  history.note('commit');
  await history.compare(branch, what);
}

/** A merge or a revert on both sides. `native` leaves the twin's branch where git puts it, or says what it objects to. */
async function changeBoth(
  history: History,
  change: {
    readonly branch: string;
    readonly what: string;
    readonly parents: readonly string[];
    readonly ask: () => Promise<Answer>;
    readonly native: () => { readonly ok: boolean; readonly output: string };
  },
): Promise<void> {
  const { branch, what, parents } = change;
  history.twin.checkout(branch);
  const native = change.native();
  const answer = await change.ask();
  const isKnown = !native.ok && HUB_TAKES.test(native.output) && !HUB_REFUSES.test(native.output);
  if (!native.ok) {
    history.twin.run('reset', '--quiet', '--hard');
    if (!isKnown || answer.status === 409) {
      expect([answer.status, answer.text.slice(0, 20)], `${what}: ${native.output}`).toEqual([
        409,
        expect.anything(),
      ]);
      history.note('conflict');
      return;
    }
    await history.adopt(branch, parents);
    history.note('taken by the hub alone');
  } else history.note('clean');
  expect(answer.status, `${what}: ${answer.text} ${native.output}`).toBe(200);
  history.reread(branch);
  await history.compare(branch, what);
  // The answer was lost and the request comes again: nothing happens twice.
  const head = await history.repo.head(encodeURIComponent(branch));
  expect((await change.ask()).status, what).toBe(200);
  expect(await history.repo.head(encodeURIComponent(branch)), `${what}, again`).toBe(head);
}

async function mergeBoth(history: History, branch: string, step: Step, what: string): Promise<void> {
  const { repo, twin } = history;
  const source = pick(history.branches, step.two);
  if (source === branch) return;
  if (!twin.attempt('merge-base', source, branch).ok) {
    const answer = await repo.api(
      'POST',
      `merge/${encodeURIComponent(source)}/into/${encodeURIComponent(branch)}`,
    );
    expect(answer.status, what).toBe(409);
    return;
  }
  const strategy = step.three % 2 === 0 ? 'dest-wins' : 'source-wins';
  const body = {
    ...(step.kind === 'squash' ? { squash_merge: true } : {}),
    ...(step.kind === 'favor' ? { strategy } : {}),
    fast_forward: step.three % 3 !== 0,
  };
  await changeBoth(history, {
    branch,
    what: `${what} ${source}: ${JSON.stringify(body)}`,
    parents: step.kind === 'squash' ? [twin.head(branch)] : [twin.head(branch), twin.head(source)],
    ask: () =>
      repo.api('POST', `merge/${encodeURIComponent(source)}/into/${encodeURIComponent(branch)}`, { body }),
    native: () => {
      if (step.kind === 'squash') {
        const merged = twin.attempt('merge', '--squash', source);
        if (!merged.ok || twin.attempt('diff', '--cached', '--quiet').ok) return merged;
        return twin.attempt('commit', '--quiet', '-m', what);
      }
      const favor = step.kind === 'favor' ? ['-X', strategy === 'dest-wins' ? 'ours' : 'theirs'] : [];
      const merged = twin.attempt(
        'merge',
        '--no-edit',
        ...(body.fast_forward ? [] : ['--no-ff']),
        ...favor,
        source,
      );
      // With a strategy the hub settles what git leaves to a person: whole files by the side that wins.
      return !merged.ok && step.kind === 'favor' ? settle(twin, strategy, merged.output) : merged;
    },
  });
}

/** Only a file and a folder of one name, and moved files, are left to the hub's own rules. */
function settle(
  twin: Twin,
  strategy: string,
  output: string,
): { readonly ok: boolean; readonly output: string } {
  const isSimple = [...output.matchAll(/CONFLICT \(([^)]+)\)/g)].every(
    ([, kind = '']) => kind === 'modify/delete' || kind === 'content' || kind === 'add/add',
  );
  if (!isSimple) return { ok: false, output: 'CONFLICT (file location)' };
  const side = strategy === 'dest-wins' ? '--ours' : '--theirs';
  const unmerged = new Set(
    twin
      .run('diff', '--name-only', '--diff-filter=U', '-z')
      .split('\0')
      .filter((path) => path !== ''),
  );
  for (const path of unmerged) {
    if (twin.attempt('checkout', side, '--', path).ok) twin.run('add', '--force', '--', path);
    else twin.run('rm', '--quiet', '--force', '--', path);
  }
  return twin.attempt('commit', '--quiet', '--no-edit');
}

async function revertBoth(history: History, branch: string, step: Step, what: string): Promise<void> {
  const { repo, twin } = history;
  const undone = pick(history.commits, step.two);
  const parents = twin.run('rev-list', '--parents', '-n', '1', undone.git).split(' ').slice(1);
  const parent = parents.length > 1 ? 1 + (step.three % parents.length) : 1;
  await changeBoth(history, {
    branch,
    what: `${what}, parent ${parent}`,
    parents: [twin.head(branch)],
    ask: () =>
      repo.api('POST', `branch/${encodeURIComponent(branch)}/revert`, {
        body: { ref: undone.hub, parent_number: parent },
      }),
    native: () => {
      const mainline = parents.length > 1 ? ['-m', String(parent)] : [];
      const reverted = twin.attempt('revert', '--no-commit', ...mainline, undone.git);
      if (!reverted.ok || twin.attempt('diff', '--cached', '--quiet', 'HEAD').ok) {
        twin.attempt('revert', '--quit');
        return reverted;
      }
      const made = twin.attempt('commit', '--quiet', '-m', what);
      twin.attempt('revert', '--quit');
      return made;
    },
  });
}

async function take(history: History, step: Step): Promise<void> {
  const { repo, twin } = history;
  const branch = pick(history.branches, step.one);
  const what = `step ${history.made}: ${step.kind} on ${branch}`;
  history.made += 1;
  switch (step.kind) {
    case 'branch': {
      if (history.branches.length >= 5) return;
      const name = `side/${history.made}`;
      const from = pick(history.commits, step.two);
      const body = { startingPoint: from.hub };
      expect((await repo.api('POST', `branch/${encodeURIComponent(name)}`, { body })).status, what).toBe(200);
      twin.run('branch', name, from.git);
      history.reread(name);
      return history.compare(name, what);
    }
    case 'merge':
    case 'squash':
    case 'favor':
      return mergeBoth(history, branch, step, what);
    case 'revert':
      return revertBoth(history, branch, step, what);
    case 'reset': {
      const to = pick(history.commits, step.two);
      const body = { ref: to.hub, force: true };
      const answer = await repo.api('POST', `branch/${encodeURIComponent(branch)}/reset`, { body });
      expect(answer.status, `${what}: ${answer.text}`).toBe(200);
      twin.checkout(branch);
      twin.run('reset', '--quiet', '--hard', to.git);
      history.reread(branch);
      history.note('reset');
      return history.compare(branch, what);
    }
    case 'super-squash': {
      if (step.two % 3 !== 0) return;
      expect(
        (await repo.api('POST', `super-squash/${encodeURIComponent(branch)}`, { body: {} })).status,
        what,
      ).toBe(200);
      twin.checkout(branch);
      const squashed = twin.run('commit-tree', twin.run('rev-parse', 'HEAD^{tree}'), '-m', 'squashed');
      // What is one commit already stays as it is.
      if (twin.attempt('rev-parse', '--verify', 'HEAD^').ok) twin.run('reset', '--quiet', '--hard', squashed);
      history.note('squash');
      return history.compare(branch, what);
    }
    default:
      return commit(history, branch, step, what);
  }
}

describe.skipIf(!hasNativeGit)('random histories', () => {
  const outcomes: Record<string, number> = {};
  beforeAll(async () => {
    hub = await startPeopledHub();
  });
  afterAll(() => hub[Symbol.asyncDispose]());

  const histories = fc.sample(fc.array(aStep, { minLength: STEPS, maxLength: STEPS }), {
    numRuns: HISTORIES,
    seed: SEED,
  });
  test.each(histories.map((steps, index) => ({ index, steps })))(
    `are the same on the hub and in native git (seed ${SEED}, history $index)`,
    async ({ index, steps }) => {
      const repo = await createRepo(hub, `owner/history-${index}`);
      for (const bytes of LARGE_FILES) await repo.uploadLfs(bytes);
      const twin = createTwin();
      const folder = mkdtempSync(join(tmpdir(), 'atoll-export-'));
      try {
        const history = new History(repo, twin);
        const attributes = (await repo.resolve('main', '.gitattributes')).body;
        twin.commit(new Map([['.gitattributes', attributes]]), 'initial commit');
        history.reread('main');
        await history.compare('main', 'the first commit');
        for (const step of steps) await take(history, step);

        const gitdir = join(folder, 'export.git');
        await hub.command('repo export', { kind: 'model', name: repo.name, folder: gitdir });
        const exported = (...args: readonly string[]): string => {
          const { status, stdout, stderr } = spawnSync('git', ['--git-dir', gitdir, ...args]);
          expect([args, status, stderr.toString()]).toEqual([args, 0, '']);
          return stdout.toString().trim();
        };
        exported('fsck', '--strict', '--full', '--no-dangling', '--no-progress');
        for (const branch of history.branches) {
          for (const args of [
            ['rev-parse', `${branch}^{tree}`],
            ['rev-list', '--count', branch],
            ['rev-list', '--count', '--merges', branch],
          ]) {
            expect([branch, exported(...args)], args.join(' ')).toEqual([branch, twin.run(...args)]);
          }
        }
        for (const [outcome, times] of Object.entries(history.outcomes)) {
          outcomes[outcome] = (outcomes[outcome] ?? 0) + times;
        }
      } finally {
        twin.dispose();
        rmSync(folder, { recursive: true, force: true });
      }
    },
    120_000,
  );

  test('leave a sound hub, and met everything there is to meet', async () => {
    expect(await hub.command('doctor', { full: true })).toMatchObject({ problems: [] });
    expect(hub.loggedErrors()).toEqual([]);
    for (const outcome of ['commit', 'clean', 'conflict']) {
      expect(outcomes[outcome], JSON.stringify(outcomes)).toBeGreaterThan(0);
    }
  });
});
