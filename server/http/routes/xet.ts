import * as contract from '../../contract/xet.ts';
import { HubError } from '../../domain/errors.ts';
import type { Downloads } from '../../services/downloads.ts';
import type { Xet, XetGrant, XetToken } from '../../services/xet.ts';
import { serve, type Endpoint } from '../adapter.ts';
import { bearerOf } from '../authenticate.ts';
import { refuseEncoding } from '../body.ts';
import { parseRange } from '../files.ts';
import { empty, json, type Reply } from '../reply.ts';
import { bodyOf, header, type HubRequest } from '../request.ts';

/** Where Xet clients go, and with what: in the body for hf_xet, in headers for the Python library (contract 6.2). */
export const xetTokenAnswer = (request: HubRequest, xet: Xet, token: XetToken) => ({
  casUrl: `${request.origin}/xet/${xet.storeId}`,
  accessToken: token.token,
  exp: token.expiresAt,
});

export function tokenReply(request: HubRequest, xet: Xet, token: XetToken): Reply {
  const answer = xetTokenAnswer(request, xet, token);
  return json(answer, 200, {
    'x-xet-cas-url': answer.casUrl,
    'x-xet-access-token': answer.accessToken,
    'x-xet-token-expiration': String(answer.exp),
    'cache-control': 'no-store',
  });
}

/** The CAS of the Xet protocol (contract 6.3; delta section 1). */
export function xetRoutes(services: {
  readonly xet: Xet;
  readonly downloads: Downloads;
}): readonly Endpoint[] {
  const { xet, downloads } = services;

  /** A store of another epoch is not here: clients then ask for a new token and its new URL. */
  async function authorize(
    request: HubRequest,
    store: string | undefined,
    scope: 'read' | 'write',
  ): Promise<XetGrant> {
    if (store !== xet.storeId) throw new HubError('NotFound', 'There is no such Xet store.');
    return xet.authorize(bearerOf(request), scope);
  }

  async function reconstruction(
    request: HubRequest,
    params: Readonly<Record<string, string>>,
    form: 'v1' | 'v2',
  ): Promise<Reply> {
    const grant = await authorize(request, params['store'], 'read');
    const range = header(request, 'range');
    const rangeOf = (sizeBytes: number) =>
      range === undefined || sizeBytes === 0 ? undefined : parseRange(range, sizeBytes);
    const { origin, remoteAddress: address } = request;
    const reconstruction = await xet.reconstruct(grant, params['hash'] ?? '', rangeOf, { form, origin });
    // This is all the hub hears of some downloads: a file is asked for by its hash, of which a listing told.
    const isStart = range === undefined || /^bytes=0-/.test(range);
    if (grant.scope === 'read' && grant.repo.kind !== 'bucket')
      downloads.note({ repositoryId: grant.repo.id, user: grant.user, address }, { kind: 'bytes', isStart });
    return json(reconstruction);
  }

  return [
    serve(contract.xetReadToken, ({ granted, request }) => tokenReply(request, xet, xet.readToken(granted))),
    serve(contract.xetWriteToken, ({ granted, request }) =>
      tokenReply(request, xet, xet.writeToken(granted)),
    ),

    serve(contract.putXorb, async ({ params, request }) => {
      const grant = await authorize(request, params['store'], 'write');
      refusePrefix(params['prefix']);
      refuseEncoding(request);
      return json({
        was_inserted: await xet.putXorb(
          grant,
          params['hash'] ?? '',
          bodyOf(request),
          announcedLength(request),
        ),
      });
    }),

    serve(contract.putShard, async ({ params, request }) => {
      const grant = await authorize(request, params['store'], 'write');
      refuseEncoding(request);
      return json({ result: (await xet.putShard(grant, bodyOf(request), announcedLength(request))) ? 1 : 0 });
    }),

    serve(contract.reconstructionV1, ({ params, request }) => reconstruction(request, params, 'v1')),
    serve(contract.reconstructionV2, ({ params, request }) => reconstruction(request, params, 'v2')),

    serve(contract.headXetFile, async ({ params, request }): Promise<Reply> => {
      const grant = await authorize(request, params['store'], 'read');
      const sizeBytes = await xet.fileSize(grant, params['hash'] ?? '');
      return { status: 200, body: { kind: 'omitted', sizeBytes: request.method === 'HEAD' ? sizeBytes : 0 } };
    }),

    serve(contract.chunkQuery, async ({ params, request }): Promise<Reply> => {
      const grant = await authorize(request, params['store'], 'read');
      refusePrefix(params['prefix']);
      const shard = await xet.chunksAround(grant, params['hash'] ?? '');
      const headers = { 'content-type': 'application/octet-stream', 'cache-control': 'no-store' };
      return { status: 200, headers, body: { kind: 'bytes', bytes: shard, sizeBytes: shard.byteLength } };
    }),

    serve(contract.xorbRange, async ({ params, query, request }): Promise<Reply> => {
      if (params['store'] !== xet.storeId) throw new HubError('NotFound', 'There is no such Xet store.');
      const asked = header(request, 'range');
      const requested = asked === undefined ? undefined : parseRange(asked, Number.MAX_SAFE_INTEGER);
      const { bytes, range } = await xet.openRange(params['hash'] ?? '', query, requested);
      return {
        status: asked === undefined ? 200 : 206,
        headers: {
          'content-type': 'application/octet-stream',
          ...(asked === undefined ? {} : { 'content-range': `bytes ${range.start}-${range.end - 1}/*` }),
        },
        body: { kind: 'bytes', bytes, sizeBytes: range.end - range.start },
      };
    }),

    serve(contract.telemetry, ({ request }) => {
      request.message.resume();
      return empty(204);
    }),
  ];
}

function announcedLength(request: HubRequest): number | undefined {
  const text = header(request, 'content-length');
  return text === undefined ? undefined : Number(text);
}

/** The one namespace of xorbs; the specification and the clients spell it differently (contract 6.3). */
function refusePrefix(prefix: string | undefined): void {
  if (prefix !== 'default' && prefix !== 'default-merkledb') {
    throw new HubError('NotFound', 'There is no such namespace of xorbs.');
  }
}
