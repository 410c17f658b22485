import { expect, test } from 'vitest';
import { createDownloadRounds, type DownloadSign } from '../../../server/services/download-rounds.ts';
import { heldBytes } from '../../support/held-bytes.ts';

const MINUTE = 60_000;
const sent = (path: string): DownloadSign => ({ kind: 'sent', path });
const asked = (path: string): DownloadSign => ({ kind: 'asked', path });
const later: DownloadSign = { kind: 'bytes', isStart: false };
const unnamed: DownloadSign = { kind: 'bytes', isStart: true };

/** How many downloads one caller makes with these requests, a second apart. */
function count(...signs: readonly DownloadSign[]): number {
  const rounds = createDownloadRounds();
  return signs.filter((sign, at) => rounds.begins('ann', sign, at * 1_000)).length;
}

test('many files are one download, and the same file again is the next', () => {
  expect(count(sent('a'))).toBe(1);
  expect(count(sent('a'), sent('b'), sent('c'))).toBe(1);
  expect(count(sent('a'), sent('b'), sent('a'), sent('b'))).toBe(2);
  expect(count(sent('a'), sent('a'), sent('a'))).toBe(3);
});

test('asking about a file and having it sent are one download', () => {
  expect(count(asked('a'), sent('a'))).toBe(1);
  expect(count(asked('a'), unnamed, asked('b'), unnamed)).toBe(1);
  expect(count(asked('a'), sent('a'), asked('a'), sent('a'))).toBe(2);
});

test('ranges and files without a name are one download, however many', () => {
  expect(count(later, later, later)).toBe(1);
  expect(count(unnamed, unnamed, unnamed)).toBe(1);
  expect(count(later, sent('a'), later, later)).toBe(1);
});

test('callers are counted apart, and one who was away for five minutes comes anew', () => {
  const rounds = createDownloadRounds();
  expect(rounds.begins('ann', later, 0)).toBe(true);
  expect(rounds.begins('bob', later, 0)).toBe(true);
  expect(rounds.begins('ann', later, 4 * MINUTE)).toBe(false);
  expect(rounds.begins('ann', later, 8 * MINUTE)).toBe(false);
  expect(rounds.begins('bob', later, 8 * MINUTE)).toBe(true);
  expect(rounds.begins('ann', later, 13 * MINUTE)).toBe(true);
});

test('a download of any number of files is one, and memory stays within bounds', () => {
  const rounds = createDownloadRounds();
  let begun = 0;
  for (let file = 0; file < 30_000; file++) if (rounds.begins('ann', sent(`file-${file}`), file)) begun++;
  expect(begun).toBe(1);

  const before = heldBytes();
  const longPath = 'x'.repeat(4_000);
  for (let caller = 0; caller < 30_000; caller++)
    for (let file = 0; file < 10; file++) rounds.begins(`caller ${caller}`, sent(`${longPath}${file}`), file);
  expect(heldBytes() - before).toBeLessThan(100 * 1024 * 1024);
  // Those who came last are known to the end.
  expect(rounds.begins('caller 29999', sent(`${longPath}9`), 9)).toBe(true);
});
