import type { Oid } from '../../../server/domain/ids.ts';
import type { GitObjectType, NewGitObject } from '../../../server/git/object-storage.ts';
import type { NativeGit } from './native-git.ts';

/** Numbers from 0 up to 1, the same for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export interface RandomRepo {
  /** Oldest first. */
  readonly commits: readonly Oid[];
  /** Annotated tags, some of which are of tags. */
  readonly tags: readonly Oid[];
}

export interface RandomRepoOptions {
  readonly commits: number;
  /** Seconds by which clocks may go wrong. */
  readonly skew?: number;
}

/**
 * A history with merges, several roots, equal dates, files and folders that move, come back and are copied, text that
 * changes by a line, submodules and annotated tags, made in a native repository.
 */
export function makeRandomRepo(git: NativeGit, seed: number, options: RandomRepoOptions): RandomRepo {
  const random = randomFrom(seed);
  const below = (count: number): number => Math.floor(random() * count);
  const lines: string[] = [];
  const data = (text: string): string => `data ${Buffer.byteLength(text)}\n${text}\n`;
  const names = ['a', 'b', 'dir/a', 'dir/b', 'dir/deep/a', 'dir/deep/er/c', 'other/a', 'other/x y', 'a.b/c'];
  const text = (): string => {
    const rows = Array.from({ length: 5 + below(80) }, (_, i) => `line ${i} of ${below(4)}`);
    return `${rows.join('\n')}\n`;
  };
  for (let i = 0; i < options.commits; i += 1) {
    const skew = options.skew === undefined ? 0 : below(2 * options.skew + 1) - options.skew;
    // Two commits a second, so that dates are equal too.
    const time = 1_700_000_000 + Math.floor(i / 2) + skew;
    const isRoot = i === 0 || random() < 0.04;
    const parent = i - 1 - below(Math.min(i, 4));
    lines.push(
      `commit refs/work/c${i}\nmark :${i + 1}\ncommitter A <a@b> ${time} +0000\n${data(`commit ${i}`)}`,
    );
    if (!isRoot) {
      lines.push(`from :${parent + 1}\n`);
      const other = i - 1 - below(Math.min(i, 8));
      if (random() < 0.25 && other !== parent) lines.push(`merge :${other + 1}\n`);
    }
    for (let changes = below(4); changes > 0 || isRoot; changes -= 1) {
      const name = names[below(names.length)] as string;
      const kind = random();
      if (kind < 0.15 && !isRoot) lines.push(`D ${name}\n`);
      else if (kind < 0.3 && !isRoot)
        lines.push(
          `M 100644 inline dir/kept\n${data('kept')}`,
          'C dir copy\n',
          'R dir moved\n',
          'R moved dir\n',
        );
      else if (kind < 0.36) lines.push(`M 160000 ${'5'.repeat(40)} sub\n`);
      else lines.push(`M 100644 inline ${name}\n${data(text())}`);
      if (isRoot && changes < -4) break;
    }
    lines.push('\n');
  }
  git.run(['fast-import', '--quiet', '--force'], { input: lines.join('') });
  const commits = Array.from({ length: options.commits }, (_, i) =>
    git.text(['rev-parse', `refs/work/c${i}`]),
  ) as Oid[];
  const tags: Oid[] = [];
  for (let i = 0; i < 3; i += 1) {
    const target = i === 2 ? (tags[0] as Oid) : (commits[below(commits.length)] as Oid);
    git.run(['tag', '-f', '-a', '-m', 'x', `t${i}`, target]);
    tags.push(git.text(['rev-parse', `refs/tags/t${i}`]) as Oid);
  }
  return { commits, tags };
}

/** Every object of a native repository. */
export function allObjects(git: NativeGit): NewGitObject[] {
  const all = git.run(['cat-file', '--batch', '--batch-all-objects']);
  const objects: NewGitObject[] = [];
  for (let at = 0; at < all.length;) {
    const newline = all.indexOf(0x0a, at);
    const [oid, type, size] = all.toString('latin1', at, newline).split(' ');
    const end = newline + 1 + Number(size);
    objects.push({ oid: oid as Oid, type: type as GitObjectType, content: all.subarray(newline + 1, end) });
    at = end + 1;
  }
  return objects;
}
