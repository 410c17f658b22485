import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../../server/platform/clock.ts';
import { createMadeFiles } from '../../../server/platform/made-files.ts';
import type { MadeFiles, Recipe } from '../../../server/platform/made-files.ts';

const GROUP = 'aa';
const forever = new AbortController().signal;

describe('a file that is made while it is read', () => {
  let folder: string;
  let made: number;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'atoll-made-'));
    made = 0;
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const openFiles = (maxBytes = 1_000_000): MadeFiles =>
    createMadeFiles({ folder, maxBytes, clock: systemClock });

  const pieces = (count: number, onPiece: (i: number) => Promise<void> | void = () => undefined) =>
    async function* (): AsyncGenerator<Uint8Array> {
      for (let i = 0; i < count; i += 1) {
        await onPiece(i);
        yield Buffer.from(`piece ${i}\n`);
      }
    };
  const expected = (count: number): string =>
    Array.from({ length: count }, (_, i) => `piece ${i}\n`).join('');

  const recipe =
    (count: number, options: { sizeBytes?: number; onPiece?: (i: number) => Promise<void> | void } = {}) =>
    (): Promise<Recipe> => {
      made += 1;
      return Promise.resolve({
        sizeBytes: options.sizeBytes ?? 100,
        bytes: pieces(count, options.onPiece)(),
      });
    };

  /** Looks at each piece as late as it may. */
  async function text(bytes: AsyncIterable<Uint8Array>): Promise<string> {
    let all = '';
    let before: Uint8Array | undefined;
    for await (const piece of bytes) {
      if (before) all += Buffer.from(before).toString('latin1');
      before = piece;
    }
    return all + Buffer.from(before ?? []).toString('latin1');
  }

  it('is made once for all who ask at the same time, and for those who ask later', async () => {
    const files = openFiles();
    const pause = () => new Promise<void>((resolve) => setImmediate(resolve));
    const reads = Array.from({ length: 10 }, () =>
      text(files.read(GROUP, 'b1', recipe(50, { onPiece: pause }), forever)),
    );
    for (const one of await Promise.all(reads)) expect(one).toBe(expected(50));
    expect(await text(files.read(GROUP, 'b1', recipe(50), forever))).toBe(expected(50));
    expect(made).toBe(1);
    await files.close();

    const later = openFiles();
    expect(await text(later.read(GROUP, 'b1', recipe(50), forever))).toBe(expected(50));
    expect(made).toBe(1);
    expect(await text(later.read(GROUP, 'b2', recipe(3), forever))).toBe(expected(3));
    expect(made).toBe(2);
  });

  it('goes on for the others when one reader leaves, and ends with the last', async () => {
    const files = openFiles();
    const gate = Promise.withResolvers<void>();
    let given = 0;
    const onPiece = async (i: number): Promise<void> => {
      given = i;
      if (i === 2) await gate.promise;
    };
    const slow = recipe(10, { onPiece });
    const leaving = new AbortController();
    const first = text(files.read(GROUP, 'c1', slow, leaving.signal));
    const second = text(files.read(GROUP, 'c1', slow, forever));
    await vi.waitFor(() => expect(given).toBe(2));
    leaving.abort(new Error('gone'));
    await expect(first).rejects.toThrow('gone');
    gate.resolve();
    expect(await second).toBe(expected(10));
    expect(made).toBe(1);

    const alone = new AbortController();
    const never = recipe(1000, { onPiece: () => new Promise((resolve) => setTimeout(resolve, 5)) });
    const abandoned = text(files.read(GROUP, 'c2', never, alone.signal));
    await vi.waitFor(() => expect(made).toBe(2));
    alone.abort(new Error('gone'));
    await expect(abandoned).rejects.toThrow('gone');
    await files.close();
    expect(readdirSync(folder).filter((name) => name.includes('c2') || name.endsWith('.part'))).toEqual([]);
    expect(await text(files.read(GROUP, 'c2', recipe(2), forever))).toBe(expected(2));
  });

  it('is handed on without being kept when it is too long, and fails for all when making fails', async () => {
    const files = openFiles(100);
    const long = Array.from({ length: 3 }, () =>
      text(files.read(GROUP, 'd1', recipe(20, { sizeBytes: 51 }), forever)),
    );
    for (const one of await Promise.all(long)) expect(one).toBe(expected(20));
    expect(readdirSync(folder)).toEqual([]);
    const bad = recipe(3, {
      sizeBytes: 1,
      onPiece: (i) => {
        if (i === 2) throw new Error('broken');
      },
    });
    const reads = [files.read(GROUP, 'd2', bad, forever), files.read(GROUP, 'd2', bad, forever)].map(text);
    for (const result of await Promise.allSettled(reads)) expect(result.status).toBe('rejected');
    expect(await text(files.read(GROUP, 'd2', recipe(1, { sizeBytes: 1 }), forever))).toBe(expected(1));
  });

  it('is proved before it is trusted, and made anew when it was changed', async () => {
    await text(openFiles().read(GROUP, 'e1', recipe(5), forever));
    const [name = ''] = readdirSync(folder);
    const changed = readFileSync(join(folder, name));
    changed[3] = 0;
    writeFileSync(join(folder, name), changed);
    writeFileSync(join(folder, 'left-behind.part'), 'x');
    const files = openFiles();
    const received: Uint8Array[] = [];
    await expect(async () => {
      for await (const piece of files.read(GROUP, 'e1', recipe(5), forever)) received.push(piece);
    }).rejects.toMatchObject({ code: 'CorruptObject' });
    expect(Buffer.concat(received).length).toBeLessThan(changed.length);
    expect(await text(files.read(GROUP, 'e1', recipe(5), forever))).toBe(expected(5));
    expect(made).toBe(2);
    expect(readdirSync(folder).filter((file) => file.endsWith('.part'))).toEqual([]);
  });

  it('goes when room is needed, the one read longest ago first, or with its group', async () => {
    const files = openFiles(50);
    await text(files.read(GROUP, 'f1', recipe(3, { sizeBytes: 1 }), forever));
    await text(files.read(GROUP, 'f2', recipe(2, { sizeBytes: 1 }), forever));
    await text(files.read(GROUP, 'f1', recipe(3), forever));
    await text(files.read('bb', 'f3', recipe(2, { sizeBytes: 1 }), forever));
    const kept = () =>
      readdirSync(folder)
        .map((name) => name.split('-').slice(0, 2).join('-'))
        .sort();
    await vi.waitFor(() => expect(kept()).toEqual(['aa-f1', 'bb-f3']));
    await files.remove(GROUP);
    expect(kept()).toEqual(['bb-f3']);
    expect(await text(files.read(GROUP, 'f1', recipe(3, { sizeBytes: 1 }), forever))).toBe(expected(3));
    await files.close();
    expect(kept()).toEqual(['bb-f3']);
  });
});
