import { describe, expect, test } from 'vitest';
import { checkImports, findImports } from './imports.ts';
import { readSources } from './sources.ts';

const sources = readSources();

test('every import of the project is in the import table', () => {
  expect(sources.size).toBeGreaterThan(100);
  expect(checkImports(sources)).toEqual([]);
});

test('the programs people start import nothing before they have checked the version of Node', () => {
  for (const path of ['bin/atoll.js', 'bin/start.js']) {
    const text = sources.get(path);
    if (text === undefined) throw new Error(`${path} is gone`);
    const early = text
      .split('\n')
      .filter((line) => /^\s*(?:import\s*[\w{*'"]|export\b.*\bfrom\b)/.test(line));
    expect(early, path).toEqual([]);
  }
});

describe('the checker itself', () => {
  const planted: readonly (readonly [what: string, path: string, text: string, expected: string])[] = [
    [
      'a static import against the arrow',
      'server/domain/repo.ts',
      `\nimport { createCommits } from '../services/commits.ts';`,
      'server/domain/repo.ts:2 imports ../services/commits.ts: server/domain may import nothing besides itself',
    ],
    [
      'a dynamic import',
      'server/git/tree.ts',
      `export async function load() {\n  return import('../http/server.ts');\n}`,
      'server/git/tree.ts:2 imports ../http/server.ts: server/git may import server/domain/, server/platform/ besides itself',
    ],
    [
      'a type import',
      'server/services/commits.ts',
      `import type { Database } from '../db/tables.ts';`,
      'server/services/commits.ts:1 imports ../db/tables.ts: server/services may import server/domain/,',
    ],
    [
      'a type named in place',
      'server/jobs/runner.ts',
      `type Route = import('../http/router.ts').Route;`,
      'server/jobs/runner.ts:1 imports ../http/router.ts: ',
    ],
    [
      'a re-export',
      'server/contract/repos.ts',
      `export { openDatabase } from '../db/database.ts';`,
      'server/contract/repos.ts:1 imports ../db/database.ts: ',
    ],
    [
      'a worker file',
      'server/http/body.ts',
      `new Worker(new URL('../workers/hash.ts', import.meta.url));`,
      'server/http/body.ts:1 imports ../workers/hash.ts: ',
    ],
    [
      'a script of a Vue file',
      'renderer/App.vue',
      `<template>\n  <p>import x from './y'</p>\n</template>\n<script setup lang="ts">\nimport fs from 'node:fs';\n</script>\n`,
      'renderer/App.vue:5 imports node:fs: only ',
    ],
    [
      'values of the shell in the page',
      'renderer/platform.ts',
      `import { channels } from '../electron/ipc.ts';`,
      'renderer/platform.ts:1 imports ../electron/ipc.ts: only its types, by `import type`',
    ],
    [
      'a package of another room',
      'server/http/reply.ts',
      `import { sql } from 'kysely';`,
      'server/http/reply.ts:1 imports kysely: server/http/ may use express, zod',
    ],
    [
      'a package of another file of the room',
      'server/objects/local.ts',
      `import { S3Client } from '@aws-sdk/client-s3';`,
      'server/objects/local.ts:1 imports @aws-sdk/client-s3: only ',
    ],
    [
      'files read where they must not be',
      'server/services/commits.ts',
      `import { readFile } from 'node:fs/promises';`,
      'server/services/commits.ts:1 imports node:fs/promises: only ',
    ],
    [
      'Node in the domain',
      'server/domain/ids.ts',
      `import { createHash } from 'node:crypto';`,
      'server/domain/ids.ts:1 imports node:crypto: server/domain/ knows nothing of Node',
    ],
    [
      'a built-in module without its scheme',
      'server/platform/clock.ts',
      `import path from 'path';`,
      'server/platform/clock.ts:1 imports path: what is built into Node is named with node:',
    ],
    [
      'a client test that reaches into the server',
      'test/clients/upload.test.ts',
      `import { createApp } from '../../server/app.ts';`,
      'test/clients/upload.test.ts:1 imports ../../server/app.ts: ',
    ],
  ];

  test.each(planted)('catches %s', (_, path, text, expected) => {
    const violations = checkImports(new Map([[path, text]]));
    expect(violations).toHaveLength(1);
    expect(violations[0]).toContain(expected);
  });

  test('lets pass what the table allows', () => {
    const allowed = new Map([
      ['server/services/commits.ts', `import type { Stores } from '../db/stores.ts';\nimport './merge.ts';`],
      ['server/app.ts', `const { createS3Store } = await import('./objects/s3.ts');`],
      [
        'renderer/platform.ts',
        `import type { Bridge } from '../electron/ipc.ts';\nimport x from './x.svg?url';`,
      ],
      ['test/unit/git/tree.test.ts', `import { parseTree } from '../../../server/git/tree.ts';`],
    ]);
    expect(checkImports(allowed)).toEqual([]);
  });

  test('is not taken in by text that only looks like an import', () => {
    const text =
      "// import a from '../http/a.ts'\nconst b = `import('../http/b.ts')`;\nconst c = \"from '../http/c.ts'\";";
    expect(findImports('server/domain/a.ts', text)).toEqual([]);
  });
});
