import { build } from 'esbuild';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { armFailPoints, FAIL_POINTS, failPoint } from '../../../server/platform/fail-points.ts';

const server = fileURLToPath(new URL('../../../server', import.meta.url));

afterEach(() => armFailPoints(undefined));

/** The names that the hub's sources pass to `failPoint`. */
function usedNames(): readonly string[] {
  return readdirSync(server, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .flatMap((path) => [...readFileSync(join(server, path), 'utf8').matchAll(/failPoint\('([a-z-]+)'\)/g)])
    .map(([, name = '']) => name);
}

test('every fail point has a place in the hub', () => {
  expect([...new Set(usedNames())].sort()).toEqual([...FAIL_POINTS].sort());
});

test('nothing fails, and nothing is waited for, unless it was asked for', () => {
  expect(failPoint('refs-moved')).toBeUndefined();
  armFailPoints('refs-moving:1:error');
  expect(failPoint('refs-moved')).toBeUndefined();
});

test('the effect comes the n-th time, once', async () => {
  armFailPoints('refs-moved:2:error,part-kept:1:error');
  expect(failPoint('refs-moved')).toBeUndefined();
  await expect(failPoint('refs-moved')).rejects.toThrow('A planted failure.');
  expect(failPoint('refs-moved')).toBeUndefined();
  await expect(failPoint('part-kept')).rejects.toThrow('A planted failure.');
});

test.each([
  'refs-mved:1:crash',
  'refs-moved',
  'refs-moved:0:crash',
  'refs-moved:1:burn',
  'refs-moved:1:crash:2',
])('refuses %s', (text) => {
  expect(() => armFailPoints(text)).toThrow('ATOLL_FAIL');
});

test('a packaged hub does not look for planted failures', async () => {
  const bundle = async (define: Record<string, string>): Promise<string> => {
    const entryPoints = [join(server, 'main.ts')];
    const { outputFiles } = await build({ entryPoints, write: false, format: 'esm', define });
    return outputFiles[0]?.text ?? '';
  };
  const bundler = new URL('../../../bin/bundle.js', import.meta.url).href;
  const { hubDefinitions } = (await import(bundler)) as { hubDefinitions: Record<string, string> };
  expect(await bundle({})).toContain('ATOLL_FAIL');
  expect(await bundle(hubDefinitions)).not.toContain('ATOLL_FAIL');
});
