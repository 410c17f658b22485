import type { Sha256, XetHash } from '../domain/ids.ts';
import type { ByteRange, ByteSource } from '../objects/object-store.ts';
import { fileReply } from './files.ts';
import type { Reply } from './reply.ts';
import { header, type HubRequest } from './request.ts';

/** What a metadata request of @huggingface/hub asks for (contract 2.5). */
const XET_INFO = 'application/vnd.xet-fileinfo+json';

/** A large file as the reader of a repository or a bucket is given it. */
export interface LinkedFile {
  readonly sha256: Sha256;
  readonly sizeBytes: number;
  readonly xetHash: XetHash | undefined;
  /** Path of the call that gives a Xet token for it. */
  readonly tokenPath: string;
  open(range: ByteRange | undefined): Promise<ByteSource>;
}

/** Answer with a large file: its bytes, and where clients get it by Xet instead (contract 2.1). */
export async function linkedFileReply(
  request: HubRequest,
  file: LinkedFile,
  given: Readonly<Record<string, string>>,
  xetStoreId: string,
): Promise<Reply> {
  const { sha256, sizeBytes, xetHash, open } = file;
  const headers = {
    ...given,
    ...(xetHash === undefined ? {} : xetHeaders(request, file.tokenPath, xetHash, xetStoreId)),
    'x-linked-size': String(sizeBytes),
    'x-linked-etag': `"${sha256}"`,
  };
  if (xetHash !== undefined && (header(request, 'accept') ?? '').includes(XET_INFO)) {
    const value = { hash: xetHash, size: sizeBytes };
    return {
      status: 200,
      headers: { ...headers, 'content-type': XET_INFO, etag: `"${sha256}"` },
      body: { kind: 'json', value },
    };
  }
  return fileReply(request, { sizeBytes, etag: sha256, open }, headers);
}

function xetHeaders(
  { origin }: HubRequest,
  tokenPath: string,
  hash: XetHash,
  storeId: string,
): Record<string, string> {
  const info = `${origin}/xet/${storeId}/v1/reconstructions/${hash}`;
  return {
    'x-xet-hash': hash,
    link: `<${origin}${tokenPath}>; rel="xet-auth", <${info}>; rel="xet-reconstruction-info"`,
  };
}
