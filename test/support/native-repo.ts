import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Oid } from '../../server/domain/ids.ts';
import type { Repo } from '../../server/domain/repo.ts';
import type { GitObjectType } from '../../server/git/object-storage.ts';
import { runGit } from '../unit/git/native-git.ts';
import { storeObjects } from './git-history.ts';
import type { HubServices } from './hub-services.ts';

export interface NativeFile {
  readonly mode: '100644' | '100755' | '120000' | '160000';
  readonly content: Buffer;
}
export type NativeFiles = ReadonlyMap<string, NativeFile>;

/** A repository of native git beside one of the hub, which gets everything that is made in it. */
export interface NativeRepo extends Disposable {
  readonly folder: string;
  git(args: readonly string[], input?: Buffer | string): string;
  /** Make a commit in native git, by fast-import, which takes any tree. */
  commit(files: NativeFiles, parent?: string): string;
  /** Bring what native git has made into the hub's repository, as a push would. */
  bringIn(hub: HubServices, repo: Repo): Promise<void>;
}

export function openNativeRepo(): NativeRepo {
  const folder = mkdtempSync(join(tmpdir(), 'atoll-native-'));
  runGit(folder, ['init', '--quiet', '--initial-branch=main', '.']);
  const git: NativeRepo['git'] = (args, input = '') => runGit(folder, args, input).toString().trimEnd();
  const known = new Set<string>();
  let commits = 0;
  return {
    folder,
    git,
    commit(files, parent) {
      commits += 1;
      const pieces: (Buffer | string)[] = [
        `commit refs/heads/c${commits}\ncommitter A <a@b> ${1_700_000_000 + commits} +0000\ndata 1\nx\n`,
        parent === undefined ? '' : `from ${parent}\n`,
        'deleteall\n',
      ];
      for (const [path, { mode, content }] of files) {
        const name = /[\n"\\]/.test(path) ? JSON.stringify(path) : path;
        if (mode === '160000') pieces.push(`M 160000 ${'5'.repeat(40)} ${name}\n`);
        else pieces.push(`M ${mode} inline ${name}\ndata ${content.length}\n`, content, '\n');
      }
      const stream = Buffer.concat(pieces.map((piece) => Buffer.from(piece)));
      runGit(folder, ['fast-import', '--quiet', '--force'], stream);
      return git(['rev-parse', `refs/heads/c${commits}`]);
    },
    async bringIn(hub, repo) {
      const listed = git(['cat-file', '--batch-all-objects', '--batch-check=%(objectname)']).split('\n');
      const fresh = listed.filter((oid) => oid !== '' && !known.has(oid));
      const all = runGit(folder, ['cat-file', '--batch'], fresh.map((oid) => `${oid}\n`).join(''));
      const objects: { oid: Oid; type: GitObjectType; content: Buffer }[] = [];
      for (let at = 0; at < all.length;) {
        const newline = all.indexOf(0x0a, at);
        const [oid, type, size] = all.toString('latin1', at, newline).split(' ');
        const end = newline + 1 + Number(size);
        objects.push({
          oid: oid as Oid,
          type: type as GitObjectType,
          content: all.subarray(newline + 1, end),
        });
        known.add(oid ?? '');
        at = end + 1;
      }
      await storeObjects(hub.db, repo, objects);
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
