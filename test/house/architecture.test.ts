import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { listFiles, projectRoot } from './sources.ts';

const FOLDERS = /^(?:server|electron|renderer|resources|test|bench|bin|docs|\.ci)\/.*$/;
const FILES = /\.(?:ts|js|vue|css|html|md|json|yml|yaml|py|sh)$/;

/** What a text names in backticks that can only be a file or folder of the project. */
function namedPaths(text: string): string[] {
  const named = [...text.replaceAll(/^```[\s\S]*?^```/gm, '').matchAll(/`([^`\n]+)`/g)].map(
    (match) => match[1] ?? '',
  );
  return named
    .map((name) => name.replace(/(?::\d+|#.*)$/, ''))
    .filter((name) => /^[\w.@*{},/-]+$/.test(name) && !/^[/*]/.test(name))
    .filter((name) => FOLDERS.test(name) || FILES.test(name));
}

/** Whether a name fits a path: whole, or from a folder on (`http/errors.ts`); `*` and `{a,b}` as in a shell. */
function fits(name: string, paths: readonly string[]): boolean {
  const pattern = name
    .replace(/\/$/, '')
    .replaceAll('.', '\\.')
    .replaceAll(/\{([^}]*)\}/g, (_, list: string) => `(?:${list.replaceAll(',', '|')})`)
    .replaceAll('**', '\u0000')
    .replaceAll('*', '[^/]*')
    .replaceAll('\u0000', '.*');
  const whole = new RegExp(`(?:^|/)${pattern}(?:/|$)`);
  return paths.some((path) => whole.test(path));
}

const documents = ['ARCHITECTURE.md', 'CONTRIBUTING.md'];

describe.each(documents)('%s', (document) => {
  const path = join(projectRoot, document);
  test.skipIf(!existsSync(path))('names only files and folders that exist', () => {
    const files = listFiles();
    const names = namedPaths(readFileSync(path, 'utf8'));
    expect(names.length).toBeGreaterThan(10);
    expect(names.filter((name) => !fits(name, files))).toEqual([]);
  });
});

test('the check sees a file that is gone', () => {
  const files = ['server/http/errors.ts', 'server/objects/local.ts', 'docs/decisions/0001-xet.md'];
  const text = [
    'See `server/http/errors.ts:10`, `http/errors.ts`, `server/objects/`, `server/objects/{local,gone}.ts`, `docs/**`,',
    '`npm start`, `/healthz`, `application/json`, `server/gone.ts`, `errors.js`, `server/mirror/`.',
    '```',
    'drawing `server/nowhere.ts`',
    '```',
  ].join('\n');
  expect(namedPaths(text).filter((name) => !fits(name, files))).toEqual([
    'server/gone.ts',
    'errors.js',
    'server/mirror/',
  ]);
});
