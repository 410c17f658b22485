/**
 * Writes the documents that are made from the code: docs/endpoints.md and docs/configuration.md. A test compares
 * them with what this would write.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { generatedDocuments } from '../server/documents.ts';

for (const [path, text] of generatedDocuments()) {
  writeFileSync(fileURLToPath(new URL(`../${path}`, import.meta.url)), text);
  console.log(`wrote ${path}`);
}
