import { basename } from 'node:path';
import { expect, test } from 'vitest';
import { listFiles } from './sources.ts';

const files = listFiles().filter((path) => /^(?:server|electron|renderer|test|bench|bin)\//.test(path));
const programs = files.filter((path) => /\.(?:ts|js|vue)$/.test(path));

test('no folder or file is named for having no subject', () => {
  const vague = /(?:^|\/)(?:utils?|helpers?|common|misc|lib|index)(?:\/|\.(?:ts|js|vue)$)/;
  expect(files.filter((path) => vague.test(path))).toEqual([]);
});

test('files are named in kebab case, Vue components in Pascal case', () => {
  const kebab = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.(?:suite|test|config|d))*\.(?:ts|js)$/;
  // A migration or a part of a family carries the name of its subject in front: `object-store.local.test.ts`.
  const family = /^[a-z0-9-]+\.[a-z0-9-]+\.(?:test|suite)\.ts$/;
  const pascal = /^[A-Z][A-Za-z0-9]*\.vue$/;
  const odd = programs.filter((path) => {
    const name = basename(path);
    return !(name.endsWith('.vue') ? pascal.test(name) : kebab.test(name) || family.test(name));
  });
  expect(odd).toEqual([]);
});
