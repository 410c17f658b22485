import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Oid } from '../../../server/domain/ids.ts';
import type { GitObject, GitObjectType } from '../../../server/git/object-storage.ts';
import { ingest } from '../../support/pack-ingest.ts';
import { hasNativeGit, runGit, useNativeGit, type NativeGit } from './native-git.ts';

/** Fill a repository with a history: `commits` of them, files that change here and there, folders, a merge, tags. */
function makeHistory(git: NativeGit, commits: number): void {
  let random = 7;
  const next = (below: number): number => {
    random = (Math.imul(random, 1103515245) + 12345) & 0x7fffffff;
    return random % below;
  };
  const lines = Array.from({ length: 400 }, (_, i) => `line ${i} ${next(1e9)}\n`);
  const pieces: string[] = [];
  for (let i = 1; i <= commits; i += 1) {
    pieces.push(
      `commit refs/heads/main\nmark :${i}\ncommitter A <a@b> ${1_700_000_000 + i} +0000\ndata 2\nx\n`,
    );
    if (i > 1) pieces.push(`from :${i - 1}\n`);
    for (let file = 0; file < 3; file += 1) {
      lines[next(lines.length)] = `changed ${i} ${next(1e9)}\n`;
      const text = lines.slice(file * 20).join('');
      pieces.push(`M 100644 inline folder${next(5)}/sub/file${next(20)}.txt\ndata ${text.length}\n${text}\n`);
    }
  }
  git.run(['fast-import', '--quiet', '--force'], { input: pieces.join('') });
  git.run(['tag', '-a', '-m', 'tagged', 'v1', 'main']);
}

const tipsOf = (git: NativeGit): readonly Oid[] =>
  git.text(['for-each-ref', '--format=%(objectname)']).split('\n') as unknown as readonly Oid[];

/** What git index-pack makes of the same pack. */
function nativeIndex(pack: Buffer, ...flags: readonly string[]): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'atoll-idx-'));
  try {
    const path = join(folder, 'x.pack');
    writeFileSync(path, pack);
    execFileSync('git', ['index-pack', ...flags, path], { cwd: folder });
    return readFileSync(join(folder, 'x.idx'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Everything that some commits reach. */
function objectsOf(git: NativeGit, revisions: string): ReadonlyMap<Oid, GitObject> {
  const oids = git.text(['rev-list', '--objects', '--no-object-names', revisions]);
  const all = git.run(['cat-file', '--batch'], { input: `${oids}\n` });
  const objects = new Map<Oid, GitObject>();
  for (let at = 0; at < all.length;) {
    const newline = all.indexOf(0x0a, at);
    const [oid, type, size] = all.toString('latin1', at, newline).split(' ');
    const end = newline + 1 + Number(size);
    objects.set(oid as Oid, { type: type as GitObjectType, content: all.subarray(newline + 1, end) });
    at = end + 1;
  }
  return objects;
}

describe.skipIf(!hasNativeGit)('packs of native git', () => {
  const git = useNativeGit();

  it('get the index that git makes, however they arrive', async () => {
    makeHistory(git, 120);
    const all = `${git.text(['rev-list', '--objects', '--all', '--in-commit-order'])}\n`;
    const oids = all
      .split('\n')
      .map((line) => line.slice(0, 40))
      .join('\n');
    for (const args of [[], ['--delta-base-offset'], ['--delta-base-offset', '--depth=200', '--window=50']]) {
      const pack = git.run(['pack-objects', '--stdout', '--no-reuse-delta', ...args], { input: oids });
      const index = nativeIndex(pack, '--strict');
      for (const pieceBytes of [pack.length, 7001, 53]) {
        const found = await ingest(pack, { tips: tipsOf(git), pieceBytes });
        expect(Buffer.from(found.pack.index).equals(index)).toBe(true);
        expect(found.bytes.equals(pack)).toBe(true);
        expect(found.pack.isAllReachable).toBe(true);
        expect(found.pack.isClosed).toBe(true);
      }
      const open = await ingest(pack, { tips: tipsOf(git), pieceBytes: 5000, isOpenEnded: true });
      expect(Buffer.from(open.pack.index).equals(index)).toBe(true);
    }
  });

  it('are read when they were packed as tightly as git can', async () => {
    git.run(['gc', '--aggressive', '--quiet']);
    const name = git.text(['rev-parse', '--git-path', 'objects/pack']);
    const [file] = execFileSync('sh', ['-c', `ls ${join(git.folder, name)}/*.pack`])
      .toString()
      .split('\n');
    const pack = readFileSync(file ?? '');
    const { pack: found } = await ingest(pack, { tips: tipsOf(git) });
    expect(Buffer.from(found.index).equals(nativeIndex(pack))).toBe(true);
  });

  it('are completed when they are thin, with what the repository has', async () => {
    const base = git.text(['rev-parse', 'main~5']);
    const pack = git.run(['pack-objects', '--stdout', '--thin', '--revs', '--delta-base-offset'], {
      input: `main\n^${base}\n`,
    });
    const has = objectsOf(git, base);
    const main = git.text(['rev-parse', 'main']) as Oid;
    const small = await ingest(pack, { tips: [main], has, plan: { hot: { bytes: 0, objects: 0 } } });
    expect(small.reports).toContain('bases');
    const { pack: found } = small;
    expect(found.objectCount).toBeGreaterThan(pack.readUInt32BE(8));
    const completed = small.bytes.subarray(0, found.sizeBytes);
    expect(Buffer.from(found.index).equals(nativeIndex(completed))).toBe(true);
    expect(found.isAllReachable).toBe(true);
    expect(found.isClosed).toBe(false);

    const { pack: few } = await ingest(pack, { tips: [main], has });
    expect(few.rows).toHaveLength(pack.readUInt32BE(8));
    await expect(ingest(pack, { tips: [main] })).rejects.toThrow('neither in it nor in the repository');
  });

  it('tell which paths their objects have', async () => {
    const pack = git.run(['pack-objects', '--stdout', '--all', '--revs'], { input: '' });
    const found = await ingest(pack, { tips: tipsOf(git) });
    const [line = ''] = git.text(['ls-tree', '-r', 'main']).split('\n');
    const [, oid = '', path] = /^\d+ blob ([0-9a-f]+)\t(.*)$/.exec(line) ?? [];
    const paths = await found.pathsOf([oid as Oid]);
    expect(
      paths
        .get(oid as Oid)
        ?.split('/')
        .at(-1),
    ).toBe(path?.split('/').at(-1));
  });
});

it.skipIf(!hasNativeGit)('objects that nothing leads to are noticed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'atoll-stray-'));
  try {
    runGit(folder, ['init', '--quiet', '--bare', '.']);
    const blob = runGit(folder, ['hash-object', '-w', '--stdin'], 'stray').toString();
    const pack = runGit(folder, ['pack-objects', '--stdout'], blob);
    expect((await ingest(pack)).pack).toMatchObject({ isAllReachable: false, isClosed: false });
    const alone = await ingest(pack, { tips: [blob.trim() as Oid] });
    expect(alone.pack).toMatchObject({ isAllReachable: true, isClosed: true });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
