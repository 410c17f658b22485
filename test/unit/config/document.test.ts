import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { writeConfigDocument } from '../../../server/config/document.ts';
import { SETTINGS } from '../../../server/config/settings.ts';

describe('docs/configuration.md', () => {
  it('is what the schema says (npm run generate writes it)', () => {
    const written = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
    expect(written).toBe(writeConfigDocument());
  });

  it('names every variable once', () => {
    const variables = SETTINGS.map(({ variable }) => variable);
    expect(new Set(variables).size).toBe(variables.length);
    expect(variables).toContain('ATOLL_DATA_DIR');
    expect(variables).toContain('ATOLL_STORAGE_S3_SECRET_ACCESS_KEY');
  });
});
