import * as contract from '../../contract/git.ts';
import { HubError } from '../../domain/errors.ts';
import type { ByteSource } from '../../objects/object-store.ts';
import type { Spool } from '../../platform/spool.ts';
import type { Authorize } from '../../services/authorize.ts';
import type { GitExchange, GitProtocol, ReceivePack, UploadPack } from '../../services/git-exchange.ts';
import { serve, type Endpoint } from '../adapter.ts';
import { refuseEncoding } from '../body.ts';
import { gunzipped } from '../gzip-body.ts';
import type { Reply } from '../reply.ts';
import { bodyOf, header, type HubRequest } from '../request.ts';

/** As git's own server says it: refs change at any time, and nothing between us may keep them. */
const NO_CACHE = {
  'cache-control': 'no-cache, max-age=0, must-revalidate',
  pragma: 'no-cache',
  expires: 'Fri, 01 Jan 1980 00:00:00 GMT',
};

/** The version a client asks for: the highest it names that we know (git, Documentation/gitprotocol-v2). */
function protocolOf(request: HubRequest): GitProtocol {
  const asked = (header(request, 'git-protocol') ?? '').split(':');
  return asked.includes('version=2') ? 2 : asked.includes('version=1') ? 1 : 0;
}

/** Its signal is aborted when the connection ends before the answer does. */
async function* whileConnected(
  { message: { socket } }: HubRequest,
  answerOf: (signal: AbortSignal) => ByteSource,
): AsyncGenerator<Uint8Array, void, undefined> {
  const gone = new AbortController();
  const leave = (): void => gone.abort();
  socket.once('close', leave);
  if (socket.destroyed) leave();
  try {
    yield* answerOf(gone.signal);
  } finally {
    socket.off('close', leave);
  }
}

const answered = (service: string, kind: 'advertisement' | 'result', bytes: ByteSource | Buffer): Reply => ({
  status: 200,
  headers: { ...NO_CACHE, 'content-type': `application/x-${service}-${kind}` },
  body: {
    kind: 'bytes',
    bytes,
    ...(Buffer.isBuffer(bytes) ? { sizeBytes: bytes.byteLength } : {}),
  },
});

/** Clients compress what they ask (git above 1 KB, JGit its small pushes too), never a pack worth the name. */
const MAX_INFLATED_BYTES = 64 * 1024 * 1024;

type OpenSpool = () => Spool;

/**
 * The body, out of gzip where the client sent it so: inflated whole first, for a status can only be given before the
 * answer begins. Throws UnsupportedEncoding for any other coding, InvalidBody, BodyTooLarge.
 */
async function inputOf(request: HubRequest, openSpool: OpenSpool): Promise<ByteSource> {
  const encoding = header(request, 'content-encoding')?.trim().toLowerCase();
  if (encoding !== 'gzip' && encoding !== 'x-gzip') {
    refuseEncoding(request);
    return bodyOf(request);
  }
  const spool = openSpool();
  try {
    for await (const piece of gunzipped(bodyOf(request), MAX_INFLATED_BYTES)) await spool.append(piece);
  } catch (error) {
    await spool.dispose();
    throw error;
  }
  return (async function* () {
    try {
      yield* spool.bytes();
    } finally {
      await spool.dispose();
    }
  })();
}

/** Answers one request; what is wrong with the coding of its body is refused before anything is answered. */
async function exchange(
  request: HubRequest,
  service: string,
  openSpool: OpenSpool,
  answerOf: (exchange: GitExchange) => ByteSource,
): Promise<Reply> {
  const input = await inputOf(request, openSpool);
  const bytes = whileConnected(request, (signal) =>
    answerOf({
      protocol: protocolOf(request),
      isStateless: true,
      input,
      from: request.remoteAddress,
      signal,
    }),
  );
  return answered(service, 'result', bytes);
}

export function gitRoutes(services: {
  readonly authorize: Authorize;
  readonly uploadPack: UploadPack;
  readonly receivePack: ReceivePack;
  /** Where a body waits that has to be read whole. */
  readonly openSpool: OpenSpool;
}): readonly Endpoint[] {
  const { authorize, uploadPack, receivePack, openSpool } = services;
  return [
    serve(contract.infoRefs, async ({ request, granted, query }) => {
      const { service } = query;
      if (service === 'git-upload-pack') {
        const protocol = protocolOf(request);
        const refs = await uploadPack.advertise(granted, protocol);
        // Version 2 begins with its capabilities (gitprotocol-v2, "HTTP Transport").
        const isBare = protocol === 2;
        return answered(service, 'advertisement', isBare ? refs : withServiceLine(service, refs));
      }
      if (service === 'git-receive-pack') {
        const writable = await authorize.also(granted, 'write');
        const refs = await receivePack.advertise(writable);
        return answered(service, 'advertisement', withServiceLine(service, refs));
      }
      throw new HubError(
        'Forbidden',
        service === undefined
          ? 'Only git clients that speak the smart protocol are served here.'
          : 'There is no such git service.',
      );
    }),

    serve(contract.uploadPack, ({ request, granted }) =>
      exchange(request, 'git-upload-pack', openSpool, (asked) => uploadPack.serve(granted, asked)),
    ),

    serve(contract.receivePack, ({ request, granted }) =>
      exchange(request, 'git-receive-pack', openSpool, (asked) => receivePack.serve(granted, asked)),
    ),
  ];
}

const withServiceLine = (service: string, refs: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`${packetLength(`# service=${service}\n`)}# service=${service}\n0000`), refs]);

/** Import rules keep the git room out of here; four digits are all that is needed. */
const packetLength = (line: string): string => (line.length + 4).toString(16).padStart(4, '0');
