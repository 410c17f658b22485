import { describe, expect, it } from 'vitest';
import { mergeLines } from '../../../server/git/line-merge.ts';
import { diffTexts } from '../../../server/git/unified-diff.ts';
import { longestTurn } from '../../support/turns.ts';

/** What a turn may take here, where compiling and collecting garbage count too: half of what it was. */
const MOST_MS = 20;
const MOST_ROUNDS = 10;
const LINES = 20_000;

const BASE = Array.from(
  { length: LINES },
  (_, index) => `line ${index} of a long text, filled up to fifty bytes`,
);

/** Every so manieth line changed, and one after it gone. */
const edited = (every: number): Buffer =>
  Buffer.from(
    BASE.flatMap((line, index) =>
      index % every === 0 ? [`changed ${every} ${index}`] : index % every === 3 ? [] : [line],
    ).join('\n'),
  );
const base = Buffer.from(BASE.join('\n'));

/** The best of some rounds: the first ones are slow, and any may have to collect what others left. */
async function shortest(work: () => Promise<unknown>): Promise<number> {
  let best = Infinity;
  for (let round = 0; round < MOST_ROUNDS && best >= MOST_MS; round += 1) {
    best = Math.min(best, await longestTurn(work));
  }
  return best;
}

describe('long texts', () => {
  it.each([200, 1000])('are compared in short turns with a change every %d lines', async (every) => {
    const after = edited(every);
    let additions = 0;
    const turn = await shortest(async () => {
      const diff = await diffTexts(base, after);
      additions = diff?.additions ?? 0;
      for await (const piece of diff?.hunks() ?? []) expect(piece.length).toBeGreaterThan(0);
    });
    expect(additions).toBe(LINES / every);
    expect(turn).toBeLessThan(MOST_MS);
  });

  it('are merged in short turns where changes meet', async () => {
    const texts = { base, ours: edited(200), theirs: edited(280) };
    let conflicts = 0;
    const turn = await shortest(async () => {
      ({ conflicts } = await mergeLines(texts, 'marked', { left: 200_000_000 }));
    });
    expect(conflicts).toBeGreaterThan(10);
    expect(turn).toBeLessThan(MOST_MS);
  });
});
