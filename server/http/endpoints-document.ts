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

const row = (route: AnyRoute, provers: readonly string[] | undefined): string => {
  const proved = provers ? provers.map((client) => `\`${client}\``).join(', ') : 'tests over HTTP';
  return `| \`${route.method}\` | \`${route.path}\` | ${accessText(route.access)} | ${route.summary} | ${proved} |`;
};

/** The table of every route with who may call it and who proves it, for `docs/endpoints.md`; its diff shows a change of exposure. */
export function endpointsDocument(
  endpoints: readonly Endpoint[],
  notOffered: readonly string[],
  provedRoutes: Readonly<Record<string, readonly string[]>>,
): string {
  const rows = endpoints
    .map(({ route }) => route)
    .sort((a, b) => (a.path === b.path ? (a.method < b.method ? -1 : 1) : a.path < b.path ? -1 : 1))
    .map((route) => row(route, provedRoutes[`${route.method} ${route.path}`]));
  return [
    '# Endpoints',
    '',
    'Made by `npm run generate` from `server/contract`. `:kind` is models, datasets, spaces or kernels; `:prefix?` is',
    'the same or nothing (a model); `*` is the rest of the path. GET answers HEAD too. Every route is tested over HTTP;',
    'where a client of the Hub is named, its own calls were answered too, which `test/clients` proves again in each run.',
    '',
    '| method | path | who may call it | what it does | proved by |',
    '| --- | --- | --- | --- | --- |',
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
