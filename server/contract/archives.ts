import { ignored } from './query.ts';
import { noBody, repo, route } from './route.ts';

export const archive = route({
  method: 'GET',
  path: '/api/:kind/:namespace/:name/archive/*',
  access: repo('read'),
  summary: 'All files of a revision in one: `{revision}.zip` or `{revision}.tar`.',
  query: ignored,
  body: noBody,
  replies: [200, 304],
  errors: ['RepoNotFound', 'RevisionNotFound', 'InvalidParameter'],
});
