import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { receiveCommit } from '../../../server/services/commit-intake.ts';
import type { ObjectStaging } from '../../../server/services/object-staging.ts';

const LINES = 20_000;

test('lines that come all at once let others have their turns', async () => {
  const oid = createHash('sha256').update('large').digest('hex');
  const lines = [JSON.stringify({ key: 'header', value: { summary: 'many' } })];
  for (let index = 0; index < LINES; index++) {
    const value = { path: `data/part-${index}.bin`, algo: 'sha256', oid, size: 5 };
    lines.push(JSON.stringify({ key: 'lfsFile', value }));
  }
  const body = (async function* () {
    yield await Promise.resolve(Buffer.from(lines.join('\n')));
  })();
  let [turns, isOver] = [0, false];
  const count = (): void => {
    turns += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  const { operations } = await receiveCommit(
    body,
    // Large files stage nothing.
    {} as ObjectStaging,
    { maxInlineBytes: 1_000_000, maxLines: LINES + 1 },
    () => Promise.resolve(),
  );
  isOver = true;
  expect(operations).toHaveLength(LINES);
  expect(turns).toBeGreaterThan(2);
});
