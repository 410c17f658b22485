import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
// @ts-expect-error -- plain JavaScript, so that every Node can read it
import { isNewEnough as untyped } from '../../../bin/node-version.js';

const isNewEnough = untyped as (version: string) => boolean;
const bin = fileURLToPath(new URL('../../../bin', import.meta.url));

describe('the entry points', () => {
  it.each([
    ['v24.1.0', true],
    ['v22.18.0', true],
    ['v22.17.9', false],
    ['v20.20.2', false],
    ['v9.0.0', false],
  ])('take Node %s: %s', (version, expected) => {
    expect(isNewEnough(version)).toBe(expected);
  });

  it.each(['atoll.js', 'start.js', 'node-version.js'])('%s has no static imports', (file) => {
    expect(readFileSync(join(bin, file), 'utf8')).not.toMatch(/^\s*(import\s+[^(]|export .* from)/m);
  });

  it.each(['atoll.js', 'start.js'])('%s refuses an old Node with one sentence', (file) => {
    const folder = mkdtempSync(join(tmpdir(), 'atoll-bin-'));
    cpSync(bin, join(folder, 'bin'), { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    const old = "data:text/javascript,Object.defineProperty(process,'version',{value:'v18.19.0'})";
    const { status, stderr, stdout } = spawnSync(
      process.execPath,
      ['--import', old, join(folder, 'bin', file)],
      {
        encoding: 'utf8',
      },
    );
    rmSync(folder, { recursive: true });
    expect(stderr).toMatch(/^Atoll needs Node 22\.18 or newer, better 24; this is v18\.19\.0\. .*\n$/);
    expect([status, stdout]).toEqual([1, '']);
  });
});
