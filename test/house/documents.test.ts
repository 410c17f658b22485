import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { generatedDocuments } from '../../server/documents.ts';
import { projectRoot } from './sources.ts';

const provedRoutes = JSON.parse(
  readFileSync(join(projectRoot, 'test/clients/proved-routes.json'), 'utf8'),
) as Record<string, string[]>;

test.each([...generatedDocuments(provedRoutes)].map(([path, text]) => ({ path, text })))(
  '$path is what the code says (npm run generate writes it)',
  ({ path, text }) => {
    expect(readFileSync(join(projectRoot, path), 'utf8')).toBe(text);
  },
);

test('routes that clients prove are routes of the hub', () => {
  const table = generatedDocuments({}).get('docs/endpoints.md') ?? '';
  const unknown = Object.keys(provedRoutes).filter((route) => {
    const [method, path] = route.split(' ');
    return !table.includes(`| \`${method}\` | \`${path}\` |`);
  });
  expect(unknown).toEqual([]);
});
