import { HubError } from '../domain/errors.ts';
import { shown } from '../domain/names.ts';
import { lfsEndpoint } from '../domain/remote-url.ts';
import type { RemoteAddress } from '../git/remote-fetch.ts';
import type { ByteSource } from '../objects/object-store.ts';
import { callOut } from '../platform/outbound.ts';
import type { LfsObjectName } from './lfs.ts';

/** One object of a batch, and how to get it. */
export interface RemoteObject extends LfsObjectName {
  /** Undefined where the server does not give it. */
  open: (() => Promise<ByteSource>) | undefined;
}

/** As many as most servers take in one batch. */
export const LFS_BATCH = 100;
const LFS_TYPE = 'application/vnd.git-lfs+json';
/** An action takes some thousand bytes at most, with signed addresses and all. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

interface Action {
  readonly href?: unknown;
  readonly header?: unknown;
}

/** The large files of a repository elsewhere (git-lfs, "Batch API" with basic transfers). */
export function createRemoteLfs(
  { url, authorization }: RemoteAddress,
  signal: AbortSignal,
): {
  /**
   * Ask for at most `LFS_BATCH` objects. Throws InvalidCredentials, and Unavailable when the server does not answer or
   * has no large files at all.
   */
  batch(objects: readonly LfsObjectName[]): Promise<readonly RemoteObject[]>;
} {
  const endpoint = lfsEndpoint(url);
  const ownHeaders = (target: string): Record<string, string> =>
    authorization !== undefined && new URL(target).origin === new URL(url).origin ? { authorization } : {};

  async function ask(target: string, init: RequestInit): Promise<Response> {
    const response = await callOut(target, { ...init, signal }).catch((error: unknown) => {
      const { cause } = error as { readonly cause?: { readonly code?: string } };
      throw unavailable(`${new URL(target).origin} cannot be reached (${cause?.code ?? 'given up'})`, error);
    });
    if (response.ok) return response;
    await response.body?.cancel();
    if (response.status === 401 || response.status === 403) {
      const message = `${new URL(target).origin} does not give large files to these credentials (status ${response.status}).`;
      throw new HubError('InvalidCredentials', message);
    }
    throw unavailable(`${new URL(target).origin} answers with status ${response.status} for large files`);
  }

  function actionOf(
    actions: unknown,
  ): { readonly href: string; readonly headers: Record<string, string> } | undefined {
    const { download } = Object(actions) as { readonly download?: Action };
    const { href, header } = Object(download) as Action;
    if (typeof href !== 'string' || !URL.canParse(href, endpoint)) return undefined;
    const target = new URL(href, endpoint);
    if (!['http:', 'https:'].includes(target.protocol)) return undefined;
    const given = Object.entries(Object(header) as object).map(([name, value]) => [
      name.toLowerCase(),
      String(value),
    ]);
    return { href: target.href, headers: { ...ownHeaders(target.href), ...Object.fromEntries(given) } };
  }

  return {
    async batch(objects) {
      const response = await ask(`${endpoint}/objects/batch`, {
        method: 'POST',
        headers: { accept: LFS_TYPE, 'content-type': LFS_TYPE, ...ownHeaders(endpoint) },
        body: JSON.stringify({
          operation: 'download',
          transfers: ['basic'],
          hash_algo: 'sha256',
          objects: objects.map(({ sha256, sizeBytes }) => ({ oid: sha256, size: sizeBytes })),
        }),
      });
      const answers = await readBatch(response);
      return objects.map((object): RemoteObject => {
        const action = actionOf(answers.get(object.sha256));
        const open = async (): Promise<ByteSource> => {
          if (!action) throw new Error('an object without an action was opened');
          const { body } = await ask(action.href, { headers: action.headers });
          return body ?? (async function* () {})();
        };
        return { ...object, open: action && open };
      });
    },
  };
}

const unavailable = (what: string, cause?: unknown): HubError =>
  new HubError('Unavailable', `${what}.`, { cause });

/** Actions by oid. */
async function readBatch(response: Response): Promise<ReadonlyMap<string, unknown>> {
  const pieces: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const piece of response.body ?? []) {
    sizeBytes += piece.byteLength;
    if (sizeBytes > MAX_ANSWER_BYTES) throw unavailable('The answer about large files is too long');
    pieces.push(piece);
  }
  let answer: { readonly objects?: unknown };
  try {
    answer = Object(JSON.parse(Buffer.concat(pieces).toString('utf8'))) as typeof answer;
  } catch (cause) {
    throw unavailable(`${shown(new URL(response.url).origin)} answers no JSON about large files`, cause);
  }
  const objects = Array.isArray(answer.objects) ? (answer.objects as readonly unknown[]) : [];
  return new Map(
    objects.map((entry) => {
      const { oid, actions } = Object(entry) as { readonly oid?: unknown; readonly actions?: unknown };
      return [String(oid), actions];
    }),
  );
}
