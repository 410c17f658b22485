import { z } from 'zod';
import { ignored, text } from './query.ts';
import { repo, route, streamBody } from './route.ts';

/*
 * Git smart HTTP (git, Documentation/gitprotocol-http). Paths with and without `.git`: a remote may be written both
 * ways. What is wrong with a git request is said inside its answer; statuses are for what comes before.
 */

export const infoRefs = route({
  method: 'GET',
  path: '/:prefix?/:namespace/:name/info/refs',
  access: repo('read'),
  summary: 'Refs or capabilities for git clients. A push asks for the right to write here.',
  query: z.object({ service: text(64) }),
  body: { kind: 'none' as const },
  errors: ['RepoNotFound', 'SignInRequired', 'Forbidden'],
  errorForm: 'git',
});

export const uploadPack = route({
  method: 'POST',
  path: '/:prefix?/:namespace/:name/git-upload-pack',
  access: repo('read'),
  summary: 'Clone and fetch.',
  query: ignored,
  body: streamBody(['application/x-git-upload-pack-request']),
  errors: [
    'RepoNotFound',
    'SignInRequired',
    'UnsupportedMediaType',
    'UnsupportedEncoding',
    'InvalidBody',
    'BodyTooLarge',
  ],
  errorForm: 'git',
});

export const receivePack = route({
  method: 'POST',
  path: '/:prefix?/:namespace/:name/git-receive-pack',
  access: repo('write'),
  summary: 'Push.',
  query: ignored,
  body: streamBody(['application/x-git-receive-pack-request']),
  errors: [
    'RepoNotFound',
    'SignInRequired',
    'Forbidden',
    'UnsupportedMediaType',
    'UnsupportedEncoding',
    'InvalidBody',
    'BodyTooLarge',
  ],
  errorForm: 'git',
});
