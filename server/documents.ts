import { writeConfigDocument } from './config/document.ts';
import { NOT_OFFERED_YET } from './contract/hub.ts';
import { endpointsDocument } from './http/endpoints-document.ts';
import { allRoutes } from './http/routes/all.ts';

/** Documents that are made from the code, by path. Routes are only listed here, never called: no services stand behind them. */
export function generatedDocuments(): ReadonlyMap<string, string> {
  const endpoints = allRoutes({} as Parameters<typeof allRoutes>[0]);
  return new Map([
    ['docs/endpoints.md', endpointsDocument(endpoints, NOT_OFFERED_YET)],
    ['docs/configuration.md', writeConfigDocument()],
  ]);
}
