import * as client from '@huggingface/xetchunk-wasm';
import { describe, expect, it } from 'vitest';
import { createChunker } from '../../../server/xet/chunker.ts';
import { sample } from './builders.ts';

/** Lengths of the chunks of a stream that comes in these pieces. */
function lengthsOf(pieces: readonly Uint8Array[]): readonly number[] {
  const chunker = createChunker();
  const lengths: number[] = [];
  let length = 0;
  for (const piece of pieces) {
    let rest = piece;
    for (let cut = chunker.cut(rest); cut !== undefined; cut = chunker.cut(rest)) {
      lengths.push(length + cut);
      length = 0;
      rest = rest.subarray(cut);
    }
    length += rest.length;
  }
  return length > 0 ? [...lengths, length] : lengths;
}

const piecesOf = (bytes: Uint8Array, size: number): readonly Uint8Array[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  );

describe('createChunker', () => {
  /** As hf_xet 1.8.0 cut them; the JavaScript client looks at cuts up to 64 bytes too early. */
  const NOISE_LENGTHS = [
    51954, 27381, 32564, 71593, 34808, 68131, 131072, 16620, 131072, 111606, 131072, 33033, 41299, 62254,
    47029, 131072, 34624, 106173, 95104, 99078, 131072, 91584, 104106, 31761, 56800, 14799, 56857, 59165,
    131072, 14695, 72809, 69210, 104313, 14922, 78736, 96139, 30063, 80922, 16810, 27765, 33601, 131072,
    94188,
  ];
  const inputs = {
    noise: sample(1, 3_000_000),
    'one value only': new Uint8Array(1_000_000),
    'a short period': Uint8Array.from({ length: 700_000 }, (_, index) => index % 251),
    'less than a chunk': sample(2, 100),
    'exactly the least there is': sample(3, 8192),
    'exactly the most there is': new Uint8Array(128 * 1024),
    nothing: new Uint8Array(),
  };

  it.each(Object.entries(inputs))('cuts as clients do: %s', (name, bytes) => {
    const theirs = name === 'noise' ? NOISE_LENGTHS : client.getChunks(bytes).map(({ length }) => length);
    expect(lengthsOf([bytes])).toEqual(theirs);
  });

  it.each([1, 63, 8191, 100_000])('cuts the same however the bytes come: in pieces of %i', (size) => {
    const bytes = size === 1 ? inputs.noise.subarray(0, 300_000) : inputs.noise;
    expect(lengthsOf(piecesOf(bytes, size))).toEqual(lengthsOf([bytes]));
  });
});
