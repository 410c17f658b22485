import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { runGit } from '../git/native-git.ts';

/** Asks native git, in a repository of its own, which of many paths some rules name. */
export interface NativeRules extends Disposable {
  /** Those of `paths` whose `filter` attribute is `lfs` by this `.gitattributes`. */
  largeAmong(attributes: string, paths: readonly string[]): ReadonlySet<string>;
  /** Those of `paths` that this `.gitignore` leaves out. */
  ignoredAmong(ignore: string, paths: readonly string[]): ReadonlySet<string>;
}

const ZERO = '\0';

export function openNativeRules(): NativeRules {
  const folder = mkdtempSync(join(tmpdir(), 'atoll-rules-'));
  runGit(folder, ['init', '--quiet', '.']);
  const ask = (file: string, text: string, args: readonly string[], paths: readonly string[]): string[] => {
    writeFileSync(join(folder, file), text);
    const input = paths.map((path) => path + ZERO).join('');
    const env = { PATH: process.env['PATH'], HOME: folder, GIT_CONFIG_NOSYSTEM: '1' };
    const { status, stdout } = spawnSync('git', args, { cwd: folder, input, env });
    // check-ignore ends with 1 when no pattern matches.
    if (status !== 0 && status !== 1) throw new Error(`git ${args.join(' ')} ended with ${String(status)}`);
    return stdout.toString().split(ZERO).slice(0, -1);
  };
  return {
    largeAmong(text, paths) {
      const fields = ask('.gitattributes', text, ['check-attr', '-z', '--stdin', 'filter'], paths);
      const large = new Set<string>();
      for (let at = 0; at + 2 < fields.length; at += 3) {
        if (fields[at + 2] === 'lfs') large.add(fields[at] ?? '');
      }
      return large;
    },
    ignoredAmong(text, paths) {
      // With -v the pattern that decided is told, and one with `!` takes back.
      const args = ['check-ignore', '-z', '--stdin', '--no-index', '-v', '-n'];
      const fields = ask('.gitignore', text, args, paths);
      const ignored = new Set<string>();
      for (let at = 0; at + 3 < fields.length; at += 4) {
        const pattern = fields[at + 2] ?? '';
        if (pattern !== '' && !pattern.startsWith('!')) ignored.add(fields[at + 3] ?? '');
      }
      return ignored;
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Few letters, so that patterns and paths meet often. */
const name = fc
  .string({
    unit: fc.constantFrom('a', 'b', 'B', '1', '.', '-', ' ', '!', '#', ']', 'é', '\\', '['),
    minLength: 1,
    maxLength: 4,
  })
  .filter((text) => text !== '.' && text !== '..' && text !== '.git');

export const somePath = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join('/'));

const patternPart = fc.oneof(
  fc.constant('**'),
  fc.string({
    unit: fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom('a', 'b', '1', '.', 'é') },
      { weight: 2, arbitrary: fc.constantFrom('*', '?', '**') },
      fc.constantFrom(
        '[ab]',
        '[!a]',
        '[^b1]',
        '[a-c]',
        '[]a]',
        '[[:alpha:]]',
        '[[:upper:]b]',
        '[a\\]]',
        '[',
        ']',
        '-',
      ),
      fc.constantFrom('\\a', '\\*', '\\', '\\ ', ' ', '!', '#', '[a-', '[[:none:]]', '[b-a]', '\\!', '\\#'),
    ),
    minLength: 1,
    maxLength: 5,
  }),
);

export const somePattern = fc
  .tuple(
    fc.constantFrom('', '', '', '/', '!'),
    fc.array(patternPart, { minLength: 1, maxLength: 3 }),
    fc.constantFrom('', '', '', '/', '/**', ' ', '\\ '),
  )
  .map(([before, parts, behind]) => before + parts.join('/') + behind)
  // git compares the text before the first wildcard by itself, and takes a `**` right behind it for a whole part.
  .filter((pattern) => !/[^/*]\*\*/.test(pattern));
