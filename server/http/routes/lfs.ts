import * as contract from '../../contract/lfs.ts';
import { segmentOf } from '../../contract/shapes.ts';
import { HubError, signInRequired } from '../../domain/errors.ts';
import { isSha256 } from '../../domain/ids.ts';
import { repoFullName } from '../../domain/repo.ts';
import type { Authorize, Granted } from '../../services/authorize.ts';
import type { Downloads } from '../../services/downloads.ts';
import type { DownloadPlan, Lfs, LfsObjectName, UploadPlan } from '../../services/lfs.ts';
import type { Xet } from '../../services/xet.ts';
import { serve, type Endpoint } from '../adapter.ts';
import { downloadSignOf } from '../download-sign.ts';
import { fileReply } from '../files.ts';
import { refuseEncoding } from '../body.ts';
import { empty, json, type Reply } from '../reply.ts';
import { bodyOf, header, type HubRequest } from '../request.ts';
import { refuseRef } from './lfs-ref.ts';
import { xetTokenAnswer } from './xet.ts';

const LFS_HEADERS = { 'content-type': contract.LFS_MEDIA_TYPE };
const LINK_TTL_SECONDS = 3600;
const SHA256_OF_NOTHING = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

type BatchObject = Readonly<Record<string, unknown>>;

/** git-lfs batch, basic and multipart transfers (git-lfs API; multipart as Hugging Face clients speak it). */
export function lfsRoutes(services: {
  readonly authorize: Authorize;
  readonly downloads: Downloads;
  readonly lfs: Lfs;
  readonly xet: Xet;
}): readonly Endpoint[] {
  const { authorize, downloads, lfs, xet } = services;

  return [
    serve(contract.lfsBatch, async ({ granted, body, request, actor }) => {
      refuseAccept(request);
      if (body.hash_algo && !['sha256', 'sha_256', 'sha-256'].includes(body.hash_algo)) {
        throw new HubError('Conflict', 'Only the hash algorithm sha256 is known.');
      }
      refuseRef(body.ref);
      if (body.objects.length > contract.MAX_BATCH_OBJECTS) {
        throw new HubError('TooManyItems', `A batch may have ${contract.MAX_BATCH_OBJECTS} objects.`);
      }
      const checked = checkObjects(body.objects);
      const names = checked.flatMap((object) => ('name' in object ? [object.name] : []));
      if (body.operation === 'download') {
        const plans = await lfs.planDownloads(granted, names);
        const answers = merge(checked, plans, (name, plan) => downloadAnswer(request, name, plan));
        return json({ transfer: 'basic', objects: answers, hash_algo: 'sha256' }, 200, LFS_HEADERS);
      }
      if (actor.kind === 'anonymous') throw signInRequired();
      const writable = await authorize.also(granted, 'write');
      const transfers = body.transfers ?? ['basic'];
      const usesXet = transfers.includes('xet');
      const mayUseParts = transfers.includes('multipart') && !usesXet;
      const plans = await lfs.planUploads(writable, names, mayUseParts);
      const answers = merge(checked, plans, (name, plan) =>
        usesXet && (plan.kind === 'single' || plan.kind === 'parts')
          ? xetAnswer(request, writable, name)
          : uploadAnswer(request, name, plan),
      );
      const usesParts = plans.some((plan) => plan.kind === 'parts');
      const transfer = usesXet ? 'xet' : usesParts ? 'multipart' : 'basic';
      return json({ transfer, objects: answers, hash_algo: 'sha256' }, 200, LFS_HEADERS);
    }),

    serve(contract.lfsVerify, async ({ granted, body }) => {
      await lfs.verify(granted, body.oid, body.size);
      return empty(200);
    }),

    serve(contract.lfsVerifyUpload, async ({ params, body }) => {
      await lfs.verifyUpload(params['capability'] ?? '', body.oid, body.size);
      return empty(200);
    }),

    serve(contract.lfsUpload, async ({ params, request }) => {
      refuseEncoding(request);
      refuseRange(request);
      const etag = await lfs.receive(params['capability'] ?? '', bodyOf(request), requiredLength(request));
      return { status: 200, headers: { etag: `"${etag}"` } };
    }),

    serve(contract.lfsPart, async ({ params, request }) => {
      refuseEncoding(request);
      refuseRange(request);
      const part = partNumber(params['part'] ?? '');
      const etag = await lfs.receivePart(
        params['capability'] ?? '',
        part,
        bodyOf(request),
        requiredLength(request),
      );
      return { status: 200, headers: { etag: `"${etag}"` } };
    }),

    serve(contract.lfsPartStatus, async ({ params }) => {
      const etag = await lfs.partTag(params['capability'] ?? '', partNumber(params['part'] ?? ''));
      return { status: 200, headers: { etag: `"${etag}"`, 'cache-control': 'no-store' } };
    }),

    serve(contract.lfsComplete, async ({ params, body }) => {
      await lfs.complete(params['capability'] ?? '', body.oid, body.parts);
      return json({ oid: body.oid }, 200, LFS_HEADERS);
    }),

    serve(contract.lfsDownload, async ({ params, request }): Promise<Reply> => {
      const { object, ...downloader } = await lfs.linked(params['capability'] ?? '');
      const file = {
        sizeBytes: object.sizeBytes,
        etag: object.sha256,
        open: (range: Parameters<Xet['openLargeObject']>[1]) => xet.openLargeObject(object, range),
      };
      const reply = await fileReply(request, file, { 'content-type': 'application/octet-stream' });
      const sign = downloadSignOf(request, reply, { path: object.sha256, isXet: false });
      if (sign) {
        // Files of one content come under one name, so how often it is asked for says nothing.
        const isStart = sign.kind === 'sent';
        downloads.note({ ...downloader, address: request.remoteAddress }, { kind: 'bytes', isStart });
      }
      return reply;
    }),
  ];

  function xetAnswer(
    request: HubRequest,
    granted: Granted<'write'>,
    name: LfsObjectName,
  ): contract.LfsObjectReply {
    const answer = xetTokenAnswer(request, xet, xet.writeToken(granted));
    const refresh = `${request.origin}/api/${segmentOf(granted.repo.kind)}/${repoFullName(granted.repo)}/xet-write-token/main`;
    return {
      ...objectAnswer(name),
      actions: {
        upload: {
          href: refresh,
          header: {
            'X-Xet-Cas-Url': answer.casUrl,
            'X-Xet-Access-Token': answer.accessToken,
            'X-Xet-Token-Expiration': String(answer.exp),
            'X-Xet-Session-Id': request.id,
          },
        },
      },
    };
  }
}

/** `doubt`: it cannot be so, but a client that insists may find out by itself. */
type Checked =
  | { readonly name: LfsObjectName; readonly doubt?: contract.LfsObjectReply }
  | { readonly refusal: contract.LfsObjectReply };

/** Judge each object of a batch on its own: one bad entry does not spoil the others. */
function checkObjects(objects: readonly BatchObject[]): readonly Checked[] {
  const sizes = new Map<string, unknown>();
  const contradicting = new Set<string>();
  for (const { oid, size } of objects) {
    const key = String(oid);
    if (sizes.has(key) && sizes.get(key) !== size) contradicting.add(key);
    sizes.set(key, size);
  }
  return objects.map(({ oid, size }): Checked => {
    const refusal = (message: string): contract.LfsObjectReply => ({
      oid: String(oid).slice(0, 128),
      size: typeof size === 'number' ? size : 0,
      error: { code: 422, message },
    });
    const refuse = (message: string): Checked => ({ refusal: refusal(message) });
    if (typeof oid !== 'string' || !isSha256(oid))
      return refuse('The oid is not a SHA-256 in lower-case hex.');
    if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
      return refuse('The size is not a whole number of bytes.');
    }
    if (contradicting.has(oid)) return refuse('The batch has this object with two sizes.');
    const name = { sha256: oid, sizeBytes: size };
    if (size === 0 && oid !== SHA256_OF_NOTHING) {
      return { name, doubt: refusal('An empty object has another oid.') };
    }
    return { name };
  });
}

function merge<Plan>(
  checked: readonly Checked[],
  plans: readonly Plan[],
  answer: (name: LfsObjectName, plan: Plan) => contract.LfsObjectReply,
): readonly contract.LfsObjectReply[] {
  let next = 0;
  return checked.map((object) => {
    if ('refusal' in object) return object.refusal;
    const answered = answer(object.name, plans[next++] as Plan);
    if (!object.doubt) return answered;
    // git-lfs' own check of servers wants a link for whatever has no bytes (decision 0041). Clients look at the error
    // first, and what is sent to the link is proved as always.
    const href = answered.actions?.['upload']?.href;
    return href === undefined ? object.doubt : { ...object.doubt, _links: { upload: { href } } };
  });
}

const objectAnswer = (name: LfsObjectName) => ({
  oid: name.sha256,
  size: name.sizeBytes,
  authenticated: true,
});

const expiry = { expires_in: LINK_TTL_SECONDS };

function uploadAnswer(request: HubRequest, name: LfsObjectName, plan: UploadPlan): contract.LfsObjectReply {
  const api = `${request.origin}/api/lfs`;
  if (plan.kind === 'refused') return refusedAnswer(name, plan);
  if (plan.kind === 'held') return objectAnswer(name);
  const verify = { href: `${api}/verify/${plan.capability}`, ...expiry };
  if (plan.kind === 'single' && plan.partBytes === undefined) {
    const upload = { href: `${api}/objects/${plan.capability}`, ...expiry };
    return { ...objectAnswer(name), actions: { upload, verify } };
  }
  const partCount = plan.kind === 'parts' ? plan.partCount : Math.min(1, name.sizeBytes);
  const parts: Record<string, string> = { chunk_size: String(plan.partBytes) };
  for (let part = 1; part <= partCount; part++) {
    parts[String(part).padStart(5, '0')] =
      plan.kind === 'parts' ? `${api}/parts/${plan.capability}/${part}` : `${api}/objects/${plan.capability}`;
  }
  const upload = { href: `${api}/complete/${plan.capability}`, header: parts, ...expiry };
  return { ...objectAnswer(name), actions: { upload, verify } };
}

function downloadAnswer(
  request: HubRequest,
  name: LfsObjectName,
  plan: DownloadPlan,
): contract.LfsObjectReply {
  if (plan.kind === 'refused') return refusedAnswer(name, plan);
  const download = { href: `${request.origin}/api/lfs/objects/${plan.capability}`, ...expiry };
  return { ...objectAnswer(name), actions: { download } };
}

const refusedAnswer = (name: LfsObjectName, plan: { readonly status: number; readonly message: string }) => ({
  oid: name.sha256,
  size: name.sizeBytes,
  error: { code: plan.status, message: plan.message },
});

function refuseAccept(request: HubRequest): void {
  const accept = header(request, 'accept');
  if (accept === undefined || /\*\/\*|application\/(\*|json|vnd\.git-lfs\+json)/.test(accept)) return;
  throw new HubError('NotAcceptable', `Answers of this route are ${contract.LFS_MEDIA_TYPE}.`);
}

/** A PUT is the whole of what its link names, never a range of it (RFC 9110, section 14.5). */
function refuseRange(request: HubRequest): void {
  if (header(request, 'content-range') !== undefined) {
    throw new HubError(
      'InvalidRequest',
      'Send the whole, without Content-Range. Large objects go up in parts.',
    );
  }
}

/** Plain digits; anything else is no part of any upload. */
const partNumber = (text: string): number => (/^[1-9][0-9]{0,4}$/.test(text) ? Number(text) : 0);

function requiredLength(request: HubRequest): number {
  const text = header(request, 'content-length');
  if (text === undefined)
    throw new HubError('LengthRequired', 'Send the length of the object in Content-Length.');
  return Number(text);
}
