import { z } from 'zod';
import { ignored } from './query.ts';
import { jsonBody, noBody, repo, reply, route, signedIn } from './route.ts';

/*
 * Public keys for SSH. Names of fields are those that other hubs and forges have for them, so that programs which know
 * `/user/keys` from there find their way.
 */

export interface SshKeyReply {
  readonly id: string;
  readonly title: string;
  /** Such as `ssh-ed25519`. */
  readonly key_type: string;
  /** `SHA256:...`, as `ssh-keygen -l` writes it. */
  readonly fingerprint: string;
  /** The key on one line, without comment. */
  readonly key: string;
  readonly created_at: string;
  readonly last_used: string | null;
}

/** A key that opens one repository. */
export interface DeployKeyReply extends SshKeyReply {
  readonly read_only: boolean;
  /** Name of whoever added it; null when there is no such user any more. */
  readonly added_by: string | null;
}

const newKey = z.object({ title: z.string().nullish(), key: z.string() });
/** Large enough to say of a key that it is wrong, and not of the body. */
const KEY_BODY_BYTES = 4 * 1024 * 1024;
const ADDING = ['InvalidKey', 'InvalidBody', 'Conflict', 'TooManyItems'] as const;

export const listSshKeys = route({
  method: 'GET',
  path: '/api/user/keys',
  access: signedIn('account'),
  summary: 'The public keys with which the caller comes in by SSH.',
  query: ignored,
  body: noBody,
  answer: reply<readonly SshKeyReply[]>(),
});

export const addSshKey = route({
  method: 'POST',
  path: '/api/user/keys',
  access: signedIn('account'),
  summary: 'Add a public key for SSH. A key is of one user, or of one repository.',
  query: ignored,
  body: jsonBody(newKey, { maxBytes: KEY_BODY_BYTES }),
  answer: reply<SshKeyReply>(),
  replies: [201],
  errors: [...ADDING],
});

export const readSshKey = route({
  method: 'GET',
  path: '/api/user/keys/:key',
  access: signedIn('account'),
  summary: 'One public key of the caller.',
  query: ignored,
  body: noBody,
  answer: reply<SshKeyReply>(),
  errors: ['NotFound'],
});

export const deleteSshKey = route({
  method: 'DELETE',
  path: '/api/user/keys/:key',
  access: signedIn('account'),
  summary: 'Delete a public key of the caller.',
  query: ignored,
  body: noBody,
  replies: [204],
  errors: ['NotFound'],
});

export const listDeployKeys = route({
  method: 'GET',
  path: '/api/:kind/:namespace/:name/keys',
  access: repo('administer'),
  summary: 'The deploy keys of a repository.',
  query: ignored,
  body: noBody,
  answer: reply<readonly DeployKeyReply[]>(),
  errors: ['RepoNotFound', 'Forbidden'],
});

export const addDeployKey = route({
  method: 'POST',
  path: '/api/:kind/:namespace/:name/keys',
  access: repo('administer'),
  summary: 'Add a key that reads this repository by SSH, or writes to it as well.',
  query: ignored,
  body: jsonBody(newKey.extend({ read_only: z.boolean().nullish() }), { maxBytes: KEY_BODY_BYTES }),
  answer: reply<DeployKeyReply>(),
  replies: [201],
  errors: ['RepoNotFound', 'Forbidden', ...ADDING],
});

export const readDeployKey = route({
  method: 'GET',
  path: '/api/:kind/:namespace/:name/keys/:key',
  access: repo('administer'),
  summary: 'One deploy key of a repository.',
  query: ignored,
  body: noBody,
  answer: reply<DeployKeyReply>(),
  errors: ['RepoNotFound', 'Forbidden', 'NotFound'],
});

export const deleteDeployKey = route({
  method: 'DELETE',
  path: '/api/:kind/:namespace/:name/keys/:key',
  access: repo('administer'),
  summary: 'Delete a deploy key of a repository.',
  query: ignored,
  body: noBody,
  replies: [204],
  errors: ['RepoNotFound', 'Forbidden', 'NotFound'],
});
