import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { generatedDocuments } from '../../server/documents.ts';

test.each([...generatedDocuments()])('%s is what npm run generate writes', (path, text) => {
  expect(readFileSync(path, 'utf8')).toBe(text);
});
