/**
 * Writes the documents that are made from the code: docs/endpoints.md and docs/configuration.md. A test compares
 * them with what this would write.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { generatedDocuments } from '../server/documents.ts';

const pathOf = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const provedRoutes = JSON.parse(readFileSync(pathOf('test/clients/proved-routes.json'), 'utf8'));
for (const [path, text] of generatedDocuments(provedRoutes)) {
  writeFileSync(pathOf(path), text);
  console.log(`wrote ${path}`);
}
