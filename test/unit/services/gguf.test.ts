import { describe, expect, test } from 'vitest';
import { MAX_GGUF_HEADER_BYTES, readGgufHeader } from '../../../server/services/gguf.ts';
import { ggufFile } from '../../support/tensor-files.ts';

/** Pieces of a size, in one buffer that is used again and again, as sources may do. */
async function* inPieces(bytes: Buffer, size: number, seen: { pieces: number; ended: boolean }) {
  const shared = Buffer.alloc(size);
  try {
    for (let at = 0; at < bytes.length; at += size) {
      seen.pieces++;
      const length = bytes.copy(shared, 0, at, at + size);
      yield await Promise.resolve(shared.subarray(0, length));
      shared.fill(0xff);
    }
  } finally {
    seen.ended = true;
  }
}

const read = async (bytes: Buffer, size = 64) => {
  const seen = { pieces: 0, ended: false };
  const header = await readGgufHeader(inPieces(bytes, size, seen));
  return { header, ...seen };
};

const LLAMA = {
  'general.architecture': 'llama',
  'llama.context_length': 8192,
  'other.context_length': 1,
  'tokenizer.ggml.tokens': Array.from({ length: 500 }, (_, index) => `token ${index}`),
  'tokenizer.chat_template': '{{ messages }}',
  'split.count': 2,
};
const TENSORS = { 'token_embd.weight': [64, 500], 'output.weight': [64, 500], norm: [64] };

describe('the header of a GGUF file', () => {
  test.each([1, 7, 64, 4096, 1_000_000])(
    'says what the model is, read in pieces of %i bytes',
    async (size) => {
      const { header } = await read(ggufFile(LLAMA, TENSORS), size);
      expect(header).toEqual({
        splits: 2,
        facts: {
          total: 64 * 500 * 2 + 64,
          architecture: 'llama',
          context_length: 8192,
          chat_template: '{{ messages }}',
        },
      });
    },
  );

  test('is read no further than it goes, and its source is closed', async () => {
    const file = Buffer.concat([ggufFile(LLAMA, TENSORS), Buffer.alloc(1_000_000)]);
    const { pieces, ended } = await read(file, 4096);
    expect(pieces).toBeLessThan(10);
    expect(ended).toBe(true);
  });

  test('cut off anywhere says nothing', async () => {
    const file = ggufFile({ 'general.architecture': 'x', 'x.context_length': 5, list: ['a', 'b'] }, TENSORS);
    for (let length = 0; length < file.length; length++) {
      expect((await read(file.subarray(0, length))).header).toBeUndefined();
    }
  });

  test.each([
    ['another magic', Buffer.concat([Buffer.from('GGML'), ggufFile(LLAMA, TENSORS).subarray(4)])],
    ['the first version', ggufFile({}, {}, { version: 1 })],
    ['big-endian numbers', ggufFile({}, {}, { version: 3 << 24 })],
    ['more tensors than there can be', ggufFile({}, {}, { tensors: 2n ** 63n })],
    ['more pairs than there can be', ggufFile({}, {}, { pairs: 2n ** 40n })],
    ['sizes that overflow', ggufFile({}, { huge: [2 ** 40, 2 ** 40] })],
    ['too many dimensions', ggufFile({}, { many: Array.from({ length: 9 }, () => 1) })],
  ])('with %s says nothing', async (_, file) => {
    expect((await read(file)).header).toBeUndefined();
  });

  test('may have random bytes anywhere, and nothing else than nothing or facts comes of it', async () => {
    const file = ggufFile(LLAMA, TENSORS);
    for (let round = 0; round < 300; round++) {
      const damaged = Buffer.from(file);
      for (let hit = 0; hit < 3; hit++)
        damaged[(round * 7919 + hit * 104_729) % file.length] = (round * 31) & 0xff;
      const { header, ended } = await read(damaged, 512);
      expect(ended).toBe(true);
      if (header) expect(Number.isSafeInteger(header.facts.total)).toBe(true);
    }
  });

  test('that never ends is given up, without holding it', async () => {
    let given = 0;
    const piece = Buffer.alloc(1024 * 1024);
    // A list of sixteen million empty texts: the zeros below.
    const list = ggufFile({ list: [] }, {});
    list.writeBigUInt64LE(16_000_000n, list.length - 8);
    const endless = (async function* () {
      yield list;
      for (;;) {
        given += piece.length;
        yield await Promise.resolve(piece);
      }
    })();
    expect(await readGgufHeader(endless)).toBeUndefined();
    expect(given).toBeLessThanOrEqual(MAX_GGUF_HEADER_BYTES + piece.length);
  });

  test('a chat template of any length is not kept', async () => {
    const { header } = await read(ggufFile({ 'tokenizer.chat_template': 'x'.repeat(200_000) }, {}), 65_536);
    expect(header?.facts).toEqual({ total: 0 });
  });
});
