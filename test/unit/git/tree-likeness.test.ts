import { describe, expect, it } from 'vitest';
import { writeTree } from '../../../server/git/objects.ts';
import { createTreeChecks } from '../../../server/git/tree-checks.ts';
import { visitChangedIds } from '../../../server/git/tree-likeness.ts';
import type { Oid } from '../../../server/domain/ids.ts';

const oidOf = (number: number): Oid => number.toString(16).padStart(40, 'a') as Oid;

const NAMES = Array.from({ length: 200 }, (_, i) => `d${i}`);
const treeOf = (ids: (name: string, i: number) => Oid, names: readonly string[] = NAMES): Buffer =>
  writeTree(names.map((name, i) => ({ mode: i % 3 === 0 ? '40000' : '100644', name, oid: ids(name, i) })));
const known = treeOf((_, i) => oidOf(i));

/** What a check finds, and the ids it was told of. */
function look(content: Buffer, likeness?: Buffer) {
  const ids: string[] = [];
  const events: string[] = [];
  const problem = createTreeChecks()(
    content,
    {
      onEntry: (type, bytes, at) => void ids.push(`${type} ${bytes.toString('hex', at, at + 20)}`),
      onGitFile: (name, bytes, at) => void events.push(`${name} ${bytes.toString('hex', at, at + 20)}`),
      onCacheFolder: () => void events.push('cache'),
    },
    likeness,
  );
  return { problem, events, ids };
}

describe('a tree beside one that was looked at', () => {
  it('shows the entries whose ids changed, and no other', () => {
    const changed = new Set([0, 7, 8, 120, 199]);
    const content = treeOf((_, i) => oidOf(changed.has(i) ? 1000 + i : i));
    const { problem, ids } = look(content, known);
    expect(problem).toBeUndefined();
    expect(ids.toSorted()).toEqual(
      [...changed].map((i) => `${i % 3 === 0 ? 'tree' : 'blob'} ${oidOf(1000 + i)}`).toSorted(),
    );
    expect(look(known, known)).toEqual({ problem: undefined, events: [], ids: [] });
  });

  it('is looked at as a whole when a name, a mode or the length differs', () => {
    const renamed = treeOf((_, i) => oidOf(i), NAMES.with(5, 'e5'));
    expect(look(renamed, known)).toEqual(look(renamed));
    const longer = treeOf((_, i) => oidOf(i), [...NAMES, 'd200']);
    expect(look(longer, known)).toEqual(look(longer));
    const otherMode = Buffer.from(known);
    otherMode.write('100755', otherMode.indexOf('100644'));
    expect(look(otherMode, known)).toEqual(look(otherMode));
  });

  it('is told of files that git reads, and refused for a null id', () => {
    const names = ['.gitattributes', 'a', 'b'];
    const tree = (first: number, last: number): Buffer =>
      writeTree(
        names.map((name, i) => ({ mode: '100644', name, oid: oidOf([first, 1, last][i] as number) })),
      );
    expect(look(tree(9, 2), tree(0, 2)).events).toEqual([`.gitattributes ${oidOf(9)}`]);
    const nulled = Buffer.from(tree(0, 2));
    nulled.fill(0, nulled.length - 20);
    expect(look(nulled, tree(0, 2)).problem).toEqual({ text: 'names the null id', entry: 'b' });
  });

  it('finds whatever a full look finds, wherever one byte differs', () => {
    const small = treeOf((_, i) => oidOf(i), NAMES.slice(0, 6));
    for (let at = 0; at < small.length; at += 1) {
      for (const byte of [0, 0x20, 0x2f, 0x3a, 0x41, 0x64, 0xff]) {
        const content = Buffer.from(small);
        content[at] = byte;
        expect(look(content, small).problem, `byte ${at} as ${byte}`).toEqual(look(content).problem);
      }
    }
  });

  it('does not pass with another length', () => {
    expect(visitChangedIds(known.subarray(0, -1), known, () => true)).toBe(false);
  });
});
