import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { deflateSync, crc32 } from 'node:zlib';

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** A card as a hostile stranger would write one, with everything a card may have. */
export const CARD = `---
license: apache-2.0
language: [nn, nb]
library_name: transformers
pipeline_tag: text-generation
tags: [safetensors]
---
# Fjord 7B

Plain words, a [file of this repo](config/config.json) and [the paper](https://outside.invalid/paper).

![Outside](https://outside.invalid/tracker.png)
<img src="//outside.invalid/second.png" onerror="window.hacked = 1">
![Inside](images/plot.png)

<script>window.hacked = 1</script>
<a href="javascript:window.hacked = 1" onclick="window.hacked = 1" style="position:fixed" id="app">click</a>
<iframe src="https://outside.invalid/"></iframe>
<form action="https://outside.invalid/"><input name="password"></form>
<style>body { background: url(https://outside.invalid/css.png) }</style>

## Evaluation

| Model | Score |
|---|--:|
| this | 71.4 |

\`\`\`python
model = load("fjord")
\`\`\`

## Limits

- One
- Two
`;

/** A small real PNG. */
function png(width: number, height: number): Buffer {
  const chunk = (type: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const ends = Buffer.alloc(8);
    ends.writeUInt32BE(data.length, 0);
    ends.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  const rows = Buffer.alloc(height * (width * 3 + 1), 120);
  for (let row = 0; row < height; row += 1) rows[row * (width * 3 + 1)] = 0;
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', head),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** A folder with nested folders, awkward names, empty and large files; returns each file's bytes by its path. */
export function writeSampleFolder(folder: string): ReadonlyMap<string, Buffer> {
  const files = new Map<string, Buffer>([
    ['README.md', Buffer.from(CARD)],
    ['config/config.json', Buffer.from('{"hidden_size":4096,"big":12345678901234567890}')],
    ['config/empty.txt', Buffer.alloc(0)],
    ['images/plot.png', png(64, 32)],
    ['notes/100% sure + a & b #1.txt', Buffer.from('one\ntwo\n')],
    ['notes/日本語/語彙.txt', Buffer.from('あ\nい\n')],
    ['model.safetensors', randomBytes(12_000_000)],
    ['data.bin', randomBytes(30_000)],
  ]);
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  }
  return files;
}
