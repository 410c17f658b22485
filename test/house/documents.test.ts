import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { generatedDocuments } from '../../server/documents.ts';
import { projectRoot } from './sources.ts';

test.each([...generatedDocuments()].map(([path, text]) => ({ path, text })))(
  '$path is what the code says (npm run generate writes it)',
  ({ path, text }) => {
    expect(readFileSync(join(projectRoot, path), 'utf8')).toBe(text);
  },
);
