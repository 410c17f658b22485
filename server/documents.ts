import { writeConfigDocument } from './config/document.ts';
import { NOT_OFFERED_YET } from './contract/hub.ts';
import { endpointsDocument } from './http/endpoints-document.ts';
import { allRoutes } from './http/routes/all.ts';

/**
 * Documents that are made from the code, by path. Routes are only listed here, never called: no services stand behind
 * them. `provedRoutes` names the clients that the tests have seen each route answer.
 */
export function generatedDocuments(
  provedRoutes: Readonly<Record<string, readonly string[]>>,
): ReadonlyMap<string, string> {
  const endpoints = allRoutes({} as Parameters<typeof allRoutes>[0]);
  return new Map([
    ['docs/endpoints.md', endpointsDocument(endpoints, NOT_OFFERED_YET, provedRoutes)],
    ['docs/configuration.md', writeConfigDocument()],
  ]);
}
