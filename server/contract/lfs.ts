import { z } from 'zod';
import { ignored } from './query.ts';
import { capability, jsonBody, lfsRepo, reply, route, streamBody } from './route.ts';

export const LFS_MEDIA_TYPE = 'application/vnd.git-lfs+json';
export const LFS_MEDIA_TYPES = [LFS_MEDIA_TYPE, 'application/json'];
const mediaTypes = LFS_MEDIA_TYPES;

export const MAX_BATCH_OBJECTS = 1000;

export type LfsActions = Readonly<
  Record<
    string,
    {
      readonly href: string;
      readonly header?: Readonly<Record<string, string>>;
      readonly expires_in?: number;
    }
  >
>;

/** What a batch answers about one object (git-lfs batch API); without actions and error it is held already. */
export interface LfsObjectReply {
  readonly oid: string;
  readonly size: number;
  readonly authenticated?: boolean;
  readonly actions?: LfsActions;
  /** Former name of the actions; git-lfs holds what expires here to be out of date. */
  readonly _links?: LfsActions;
  readonly error?: { readonly code: number; readonly message: string };
}

export interface LfsBatchReply {
  readonly transfer: 'basic' | 'multipart' | 'xet';
  readonly objects: readonly LfsObjectReply[];
  readonly hash_algo: 'sha256';
}

/** The ref a request is about. git-lfs sends `{}` where it knows no branch. */
export const lfsRef = z.object({ name: z.string().max(1024).optional() }).nullish();
export type LfsRef = z.infer<typeof lfsRef>;

const batchBody = z.object({
  operation: z.enum(['upload', 'download']),
  transfers: z.array(z.string().max(64)).max(32).nullish(),
  ref: lfsRef,
  // Each object is judged on its own, so that one bad entry does not spoil the others.
  objects: z.array(z.looseObject({})),
  hash_algo: z.string().max(32).nullish(),
});
export type LfsBatchBody = z.infer<typeof batchBody>;

/** Both with `.git`, as Hugging Face clients write it, and without, as git-lfs derives it from a remote. */
export const lfsBatch = route({
  method: 'POST',
  path: '/:prefix?/:namespace/:name/info/lfs/objects/batch',
  access: lfsRepo('read'),
  summary: 'Where to send or fetch large objects (git-lfs batch API).',
  query: ignored,
  body: jsonBody(batchBody, { maxBytes: 4 * 1024 * 1024, mediaTypes }),
  answer: reply<LfsBatchReply>(),
  errors: ['RepoNotFound', 'Forbidden', 'SignInRequired', 'UnprocessableObject', 'TooManyItems', 'Conflict'],
  errorForm: 'lfs',
});

export const lfsVerify = route({
  method: 'POST',
  path: '/:prefix?/:namespace/:name/info/lfs/verify',
  access: lfsRepo('write'),
  summary: 'Confirms that an uploaded object is held with this size.',
  query: ignored,
  body: jsonBody(z.looseObject({ oid: z.string(), size: z.number() }), { mediaTypes }),
  errors: ['RepoNotFound', 'NotFound', 'UnprocessableObject'],
  errorForm: 'lfs',
});

const signed = capability('the signed URL names one object, one repository and one deadline');

/** As `lfsVerify`, for whoever was told to come here: git-lfs sends no credentials to what a batch calls authenticated. */
export const lfsVerifyUpload = route({
  method: 'POST',
  path: '/api/lfs/verify/:capability',
  access: signed,
  summary: 'Confirms that the object of a signed URL was received.',
  query: ignored,
  body: jsonBody(z.looseObject({ oid: z.string(), size: z.number() }), { mediaTypes }),
  errors: ['Forbidden', 'NotFound', 'UnprocessableObject'],
  errorForm: 'lfs',
});

export const lfsUpload = route({
  method: 'PUT',
  path: '/api/lfs/objects/:capability',
  access: signed,
  summary: 'Receive a large object; its SHA-256 is proved before it can be seen.',
  query: ignored,
  body: streamBody(),
  errors: ['Forbidden', 'LfsMismatch', 'LengthRequired', 'BodyTooLarge'],
  errorForm: 'lfs',
});

export const lfsDownload = route({
  method: 'GET',
  path: '/api/lfs/objects/:capability',
  access: signed,
  summary: 'Send a large object.',
  query: ignored,
  body: { kind: 'none' as const },
  replies: [200, 206, 304],
  errors: ['Forbidden', 'NotFound', 'BadRange'],
  errorForm: 'lfs',
});

/* Parts are Hugging Face's own addition to git-lfs: their refusals have the form of the Hub. */

export const lfsPart = route({
  method: 'PUT',
  path: '/api/lfs/parts/:capability/:part',
  access: signed,
  summary: 'Receive one part of a large object.',
  query: ignored,
  body: streamBody(),
  errors: ['Forbidden', 'NotFound', 'LengthRequired', 'InvalidPart', 'BodyTooLarge'],
});

/** Clients of Hugging Face send all parts again; others may ask which they need not. */
export const lfsPartStatus = route({
  method: 'GET',
  path: '/api/lfs/parts/:capability/:part',
  access: signed,
  summary: 'Whether a part was received, by its ETag.',
  query: ignored,
  body: { kind: 'none' as const },
  errors: ['Forbidden', 'NotFound'],
  errorForm: 'lfs',
});

export const lfsComplete = route({
  method: 'POST',
  path: '/api/lfs/complete/:capability',
  access: signed,
  summary: 'Put the parts together, prove the SHA-256 and keep the object.',
  query: ignored,
  body: jsonBody(
    z.looseObject({
      oid: z.string(),
      parts: z.array(
        z.looseObject({
          partNumber: z.union([
            z.number(),
            z
              .string()
              .regex(/^[0-9]{1,5}$/)
              .transform(Number),
          ]),
          etag: z.string().max(256),
        }),
      ),
    }),
    { maxBytes: 2 * 1024 * 1024, mediaTypes },
  ),
  errors: ['Forbidden', 'NotFound', 'InvalidPart', 'LfsMismatch'],
});
