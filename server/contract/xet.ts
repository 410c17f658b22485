import { z } from 'zod';
import { ignored, text } from './query.ts';
import { capability, noBody, repo, route, streamBody } from './route.ts';

const bearer = capability('the Xet token names one repository, one user, a scope and a deadline');

/** The revision is not looked at: clients send branch names, `refs/pr/N` or the text `None` (contract 6.2). */
export const xetReadToken = route({
  method: 'GET',
  path: '/api/:kind/:namespace/:name/xet-read-token/*',
  access: repo('read'),
  summary: 'A token to fetch Xet files of the repository.',
  query: ignored,
  body: noBody,
  errors: ['RepoNotFound'],
});

export const xetWriteToken = route({
  method: 'GET',
  path: '/api/:kind/:namespace/:name/xet-write-token/*',
  access: repo('write'),
  summary: 'A token to store Xet files of the repository.',
  query: ignored,
  body: noBody,
  errors: ['RepoNotFound', 'Forbidden'],
});

export const putXorb = route({
  method: 'POST',
  path: '/xet/:store/v1/xorbs/:prefix/:hash',
  access: bearer,
  summary: 'Receive a xorb; every chunk and the root hash are proved before it is kept.',
  query: ignored,
  body: streamBody(),
  errors: ['InvalidCredentials', 'Forbidden', 'InvalidObject', 'BodyTooLarge', 'NotFound'],
});

export const putShard = route({
  method: 'POST',
  path: '/xet/:store/v1/shards',
  access: bearer,
  summary: 'Receive a shard; its files become known once every proof holds.',
  query: ignored,
  body: streamBody(),
  errors: ['InvalidCredentials', 'Forbidden', 'InvalidObject', 'BodyTooLarge'],
});

export const reconstructionV1 = route({
  method: 'GET',
  path: '/xet/:store/v1/reconstructions/:hash',
  access: bearer,
  summary: 'How to rebuild a file, in the first form.',
  query: ignored,
  body: noBody,
  errors: ['InvalidCredentials', 'NotFound', 'BadRange'],
});

export const reconstructionV2 = route({
  method: 'GET',
  path: '/xet/:store/v2/reconstructions/:hash',
  access: bearer,
  summary: 'How to rebuild a file, in the second form.',
  query: ignored,
  body: noBody,
  errors: ['InvalidCredentials', 'NotFound', 'BadRange'],
});

export const headXetFile = route({
  method: 'GET',
  path: '/xet/:store/v1/files/:hash',
  access: bearer,
  summary: 'Whether a file of the repository is held, and its length.',
  query: ignored,
  body: noBody,
  errors: ['InvalidCredentials', 'NotFound'],
});

export const chunkQuery = route({
  method: 'GET',
  path: '/xet/:store/v1/chunks/:prefix/:hash',
  access: bearer,
  summary: 'A shard about xorbs with this chunk, of files that the caller may read.',
  query: ignored,
  body: noBody,
  errors: ['InvalidCredentials', 'NotFound'],
});

export const xorbRange = route({
  method: 'GET',
  path: '/xet/:store/xorbs/:hash',
  access: capability('the signed URL names one byte range of one xorb and a deadline'),
  summary: 'The bytes of a range of a xorb.',
  query: z.object({ range: text(64), expires: text(16), signature: text(64) }),
  body: noBody,
  replies: [200, 206],
  errors: ['Forbidden', 'NotFound', 'BadRange'],
});

/** hf_xet 1.8 reports here, at the root of the origin, with its Xet token (delta 1.2). Nothing is kept. */
export const telemetry = route({
  method: 'POST',
  path: '/v1/telemetry',
  access: capability('the report is read by nobody, and the Xet token that comes with it is not looked at'),
  summary: 'Accepts and drops client telemetry.',
  query: ignored,
  body: streamBody(),
  replies: [204],
});
