import type { z } from 'zod';
import type { BodyKind } from '../contract/route.ts';
import { HubError } from '../domain/errors.ts';
import { parseJson } from '../domain/json-text.ts';
import { bodyOf, header, type HubRequest } from './request.ts';

/** Read the body that a route declares. Streams are left unread. */
export async function readBody(request: HubRequest, kind: BodyKind): Promise<unknown> {
  switch (kind.kind) {
    case 'none':
      return undefined;
    case 'stream':
      if (kind.mediaTypes) requireMediaType(request, kind.mediaTypes);
      return undefined;
    case 'json':
      return validate(
        kind.schema,
        await readJson(request, kind.maxBytes, kind.mediaTypes ?? ['application/json']),
      );
    case 'form-or-json': {
      const isForm = mediaTypeOf(request) === 'application/x-www-form-urlencoded';
      const value = isForm
        ? await readForm(request, kind.maxBytes)
        : await readJson(request, kind.maxBytes, ['application/json']);
      return validate(kind.schema, value);
    }
  }
}

/** Check a value against its schema; the sentence names the first thing that is wrong. */
export function validate<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  code: 'InvalidBody' | 'InvalidParameter' = 'InvalidBody',
): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const where = issue?.path.join('.');
  const problem = issue?.message ?? 'is not valid';
  throw new HubError(code, where ? `"${where}": ${problem}` : problem);
}

const mediaTypeOf = (request: HubRequest): string =>
  (header(request, 'content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';

function requireMediaType(request: HubRequest, allowed: readonly string[]): void {
  if (!allowed.includes(mediaTypeOf(request))) {
    throw new HubError('UnsupportedMediaType', `The body must have the media type ${allowed[0] ?? ''}.`);
  }
  const charset = /charset\s*=\s*"?([^";]+)/i.exec(header(request, 'content-type') ?? '')?.[1];
  if (charset !== undefined && charset.trim().toLowerCase() !== 'utf-8') {
    throw new HubError('UnsupportedMediaType', 'The body must be UTF-8.');
  }
}

async function readJson(
  request: HubRequest,
  maxBytes: number,
  mediaTypes: readonly string[],
): Promise<unknown> {
  const bytes = await readBytes(request, maxBytes);
  if (bytes.byteLength === 0 && mediaTypeOf(request) === '') return undefined;
  requireMediaType(request, mediaTypes);
  if (bytes.byteLength === 0) return undefined;
  return parseJson(decodeUtf8(bytes));
}

/** Fatal UTF-8, and no byte order mark. Throws InvalidBody. */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    if (text.startsWith('\ufeff'))
      throw new HubError('InvalidBody', 'The body starts with a byte order mark.');
    return text;
  } catch (error) {
    if (error instanceof HubError) throw error;
    throw new HubError('InvalidBody', 'The body is not valid UTF-8.', { cause: error });
  }
}

async function readForm(request: HubRequest, maxBytes: number): Promise<unknown> {
  const form = new URLSearchParams(decodeUtf8(await readBytes(request, maxBytes)));
  const values: Record<string, string | string[]> = Object.create(null) as Record<string, string | string[]>;
  for (const name of new Set(form.keys())) {
    const all = form.getAll(name);
    values[name] = all.length === 1 && all[0] !== undefined ? all[0] : all;
  }
  return { ...values };
}

const PATIENCE_SECONDS = 30;

/** Read a small body whole. Throws BodyTooLarge past the limit, before reading on. */
export async function readBytes(request: HubRequest, maxBytes: number): Promise<Buffer> {
  refuseEncoding(request);
  if (Number(header(request, 'content-length') ?? 0) > maxBytes) throw bodyTooLarge(maxBytes);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of bodyOf(request, PATIENCE_SECONDS)) {
    size += chunk.byteLength;
    if (size > maxBytes) throw bodyTooLarge(maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

export const bodyTooLarge = (maxBytes: number): HubError =>
  new HubError('BodyTooLarge', `The body may have at most ${maxBytes} bytes.`);

export function refuseEncoding(request: HubRequest): void {
  const encoding = header(request, 'content-encoding');
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new HubError('UnsupportedEncoding', 'This route takes no content encoding.');
  }
}
