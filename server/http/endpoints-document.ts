import type { Access, AnyRoute } from '../contract/route.ts';
import type { Endpoint } from './adapter.ts';

/** How a row says who may call a route. */
function accessText(access: Access): string {
  switch (access.kind) {
    case 'repo':
      return `${access.right} on the repository`;
    case 'reader':
      return 'read on the repository, signed in, not with a read token';
    case 'signedIn':
      return access.scope === 'write' ? 'signed in, not with a read token' : 'signed in';
    case 'namespace':
      return `${access.right} in the namespace`;
    case 'anyone':
      return `anyone: ${access.reason}`;
    case 'capability':
      return `bearer of a capability: ${access.reason}`;
    case 'setupOnce':
      return 'holder of the setup secret, once';
  }
}

const row = (route: AnyRoute): string =>
  `| \`${route.method}\` | \`${route.path}\` | ${accessText(route.access)} | ${route.summary} |`;

/** The table of every route with who may call it, for `docs/endpoints.md`; its diff shows a change of exposure. */
export function endpointsDocument(endpoints: readonly Endpoint[], notOffered: readonly string[]): string {
  const rows = endpoints
    .map(({ route }) => route)
    .sort((a, b) => (a.path === b.path ? (a.method < b.method ? -1 : 1) : a.path < b.path ? -1 : 1))
    .map(row);
  return [
    '# Endpoints',
    '',
    'Made by `npm run generate` from `server/contract`. `:kind` is models, datasets, spaces or kernels; `:prefix?` is',
    'the same or nothing (a model); `*` is the rest of the path. GET answers HEAD too.',
    '',
    '| method | path | who may call it | what it does |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
    '## Known at huggingface.co, not offered here yet: 501 with a sentence',
    '',
    ...notOffered.map((path) => `- \`${path}\``),
    '',
    'Everything else is 404; under `/xet/` every unknown path and method is.',
    '',
  ].join('\n');
}
