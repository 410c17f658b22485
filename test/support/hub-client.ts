import { createHash } from 'node:crypto';
import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { buildFile, buildShard, buildXorb } from '../unit/xet/builders.ts';
import type { Sha256 } from '../../server/domain/ids.ts';

/** How the bytes of a file travel: in the commit itself, as one LFS object, in parts, or as xorb and shard. */
export type FileForm = 'inline' | 'lfs' | 'parts' | 'xet';

export interface FileToSend {
  readonly path: string;
  readonly bytes: Buffer;
  readonly form: FileForm;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer;
}

export interface Listing {
  readonly type: 'file' | 'directory';
  readonly path: string;
  /** Id of the git blob. */
  readonly oid: string;
  readonly lfs?: { readonly oid: string; readonly size: number };
}

/** The answer said no. */
export class Refused extends Error {
  readonly status: number;
  constructor(what: string, { status, body }: Answer) {
    super(`${what}: ${status} ${body.toString('utf8').slice(0, 300)}`);
    this.status = status;
  }
}

/** The requests that clients send, one by one and without trying again, so that tests can break them off. */
export interface HubClient {
  createRepo(name: string): Promise<void>;
  /** Store what does not travel in the commit. `onStored` hears of every object that was acknowledged. */
  upload(repo: string, file: FileToSend, onStored?: (file: FileToSend) => void): Promise<void>;
  /** Answers the commit id. */
  commit(repo: string, commit: CommitToSend): Promise<string>;
  /** Id and title of every commit of the branch, newest first. */
  history(repo: string): Promise<readonly { readonly id: string; readonly title: string }[]>;
  /** Every file of the branch. */
  files(repo: string): Promise<readonly Listing[]>;
  read(repo: string, revision: string, path: string): Promise<Buffer>;
  /** Read a large object that the repository may use, committed or not. */
  readObject(repo: string, bytes: Buffer): Promise<Buffer>;
  /** Begin a request, send half of its body, and leave it so; answers once the hub has had time to take it. */
  stall(repo: string, file: FileToSend, title: string): Promise<void>;
  close(): void;
}

export interface CommitToSend {
  readonly title: string;
  readonly parent?: string | undefined;
  readonly files: readonly FileToSend[];
}

const OWNER = 'ada';
const STALL_MS = 60;

const sha256Of = (bytes: Buffer): Sha256 => createHash('sha256').update(bytes).digest('hex') as Sha256;

/** The id git gives to a file with these bytes. */
export const blobIdOf = (bytes: Buffer): string =>
  createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');

export function commitBody({ title, parent, files }: CommitToSend): Buffer {
  const header = { summary: title, ...(parent === undefined ? {} : { parentCommit: parent }) };
  const lines = files.map(({ path, bytes, form }) =>
    form === 'inline'
      ? { key: 'file', value: { path, content: bytes.toString('base64'), encoding: 'base64' } }
      : { key: 'lfsFile', value: { path, algo: 'sha256', oid: sha256Of(bytes), size: bytes.length } },
  );
  return Buffer.from(
    [{ key: 'header', value: header }, ...lines].map((line) => `${JSON.stringify(line)}\n`).join(''),
  );
}

/** One xorb with the whole file in it, and the shard that says so. */
export async function buildXetUpload(bytes: Buffer) {
  const chunks: { raw: Buffer; scheme: 0 | 1 }[] = [];
  for (let at = 0; at < bytes.length; at += 64 * 1024) {
    chunks.push({ raw: bytes.subarray(at, at + 64 * 1024), scheme: chunks.length % 2 === 0 ? 0 : 1 });
  }
  const xorb = await buildXorb(chunks);
  const file = await buildFile([{ xorb, start: 0, end: chunks.length }], sha256Of(bytes));
  return { xorb, shard: buildShard([file], [xorb]) };
}

interface BatchAnswer {
  readonly objects: readonly {
    readonly actions?: {
      readonly upload?: { readonly href: string; readonly header?: Readonly<Record<string, string>> };
      readonly download?: { readonly href: string };
    };
    readonly error?: { readonly message: string };
  }[];
}

export function createHubClient(hub: { readonly url: string; readonly token: string }): HubClient {
  const agent = new Agent({ keepAlive: true });
  const authorization = `Bearer ${hub.token}`;

  /** @param part Send only so many bytes of the body and never end the request. */
  function send(
    method: string,
    href: string,
    options: {
      readonly body?: Buffer;
      readonly type?: string;
      readonly token?: string;
      readonly part?: number;
    } = {},
  ): Promise<Answer> {
    const { body, type = 'application/json', token = authorization, part } = options;
    const headers = {
      ...(token === '' ? {} : { authorization: token }),
      ...(body === undefined ? {} : { 'content-type': type, 'content-length': body.length }),
    };
    return new Promise((done, failed) => {
      const sent = request(new URL(href, hub.url), { method, headers, agent }, (response) => {
        const pieces: Buffer[] = [];
        response.on('data', (piece: Buffer) => pieces.push(piece));
        response.on('error', failed);
        response.on('end', () =>
          done({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(pieces) }),
        );
      });
      sent.on('error', failed);
      if (part === undefined) sent.end(body);
      else sent.write(body?.subarray(0, part));
    });
  }

  async function ask(...[method, href, options]: Parameters<typeof send>): Promise<Answer> {
    const answer = await send(method, href, options);
    if (answer.status >= 300) throw new Refused(`${method} ${href}`, answer);
    return answer;
  }

  const parse = <Shape>(answer: Answer): Shape => JSON.parse(answer.body.toString('utf8')) as Shape;
  const api = (repo: string, rest: string): string => `/api/models/${OWNER}/${repo}/${rest}`;

  async function batch(
    repo: string,
    operation: 'upload' | 'download',
    bytes: Buffer,
    transfers: readonly string[],
  ) {
    const objects = [{ oid: sha256Of(bytes), size: bytes.length }];
    const body = Buffer.from(JSON.stringify({ operation, transfers, objects, hash_algo: 'sha256' }));
    const type = 'application/vnd.git-lfs+json';
    const answer = await ask('POST', `/${OWNER}/${repo}.git/info/lfs/objects/batch`, { body, type });
    const [object] = parse<BatchAnswer>(answer).objects;
    if (!object || object.error) throw new Error(`no ${operation}: ${object?.error?.message ?? 'no answer'}`);
    return object.actions;
  }

  /** The upload of a part of a large object. */
  interface PartToSend {
    readonly href: string;
    readonly body: Buffer;
  }

  async function planParts(repo: string, bytes: Buffer) {
    const upload = (await batch(repo, 'upload', bytes, ['basic', 'multipart']))?.upload;
    if (!upload?.header) return undefined;
    const { chunk_size: size = '0', ...hrefs } = upload.header;
    const parts = Object.keys(hrefs)
      .sort()
      .map((number): PartToSend => {
        const end = Number(number) * Number(size);
        return { href: hrefs[number] ?? '', body: bytes.subarray(end - Number(size), end) };
      });
    return { href: upload.href, parts };
  }

  async function sendParts(repo: string, bytes: Buffer): Promise<void> {
    const plan = await planParts(repo, bytes);
    if (!plan) return;
    const parts: { partNumber: number; etag: string }[] = [];
    for (const { href, body } of plan.parts) {
      const { headers } = await ask('PUT', href, { body, token: '' });
      parts.push({ partNumber: parts.length + 1, etag: String(headers['etag']) });
    }
    const body = Buffer.from(JSON.stringify({ oid: sha256Of(bytes), parts }));
    await ask('POST', plan.href, { body, token: '' });
  }

  async function xetToken(repo: string): Promise<{ readonly cas: string; readonly token: string }> {
    const { casUrl, accessToken } = parse<{ casUrl: string; accessToken: string }>(
      await ask('GET', api(repo, 'xet-write-token/main')),
    );
    return { cas: casUrl, token: `Bearer ${accessToken}` };
  }

  const binary = 'application/octet-stream';

  return {
    async createRepo(name) {
      const answer = await send('POST', '/api/repos/create', { body: Buffer.from(JSON.stringify({ name })) });
      // Clients take the refusal of what they have made themselves as success (`exist_ok`).
      if (answer.status !== 200 && answer.status !== 409) throw new Refused(`create ${name}`, answer);
    },

    async upload(repo, file, onStored = () => undefined) {
      const { bytes, form } = file;
      if (form === 'inline') return;
      if (form === 'lfs') {
        const upload = (await batch(repo, 'upload', bytes, ['basic']))?.upload;
        if (upload) await ask('PUT', upload.href, { body: bytes, type: binary, token: '' });
      } else if (form === 'parts') await sendParts(repo, bytes);
      else {
        const { cas, token } = await xetToken(repo);
        const { xorb, shard } = await buildXetUpload(bytes);
        await ask('POST', `${cas}/v1/xorbs/default/${xorb.hash}`, { body: xorb.bytes, type: binary, token });
        await ask('POST', `${cas}/v1/shards`, { body: shard, type: binary, token });
      }
      onStored(file);
    },

    async commit(repo, commit) {
      const body = commitBody(commit);
      const answer = await ask('POST', api(repo, 'commit/main'), { body, type: 'application/x-ndjson' });
      return parse<{ commitOid: string }>(answer).commitOid;
    },

    history: async (repo) =>
      parse<{ id: string; title: string }[]>(await ask('GET', api(repo, 'commits/main?limit=1000'))),

    async files(repo) {
      const all: Listing[] = [];
      let next: string | undefined = api(repo, 'tree/main?recursive=true&limit=10000');
      while (next !== undefined) {
        const answer: Answer = await ask('GET', next);
        all.push(...parse<Listing[]>(answer).filter(({ type }) => type === 'file'));
        next = /<([^>]+)>; rel="next"/.exec(String(answer.headers['link'] ?? ''))?.[1];
      }
      return all;
    },

    read: async (repo, revision, path) =>
      (await ask('GET', `/${OWNER}/${repo}/resolve/${revision}/${path}`)).body,

    async readObject(repo, bytes) {
      const download = (await batch(repo, 'download', bytes, ['basic']))?.download;
      if (!download) throw new Error('no download');
      return (await ask('GET', download.href, { token: '' })).body;
    },

    async stall(repo, file, title) {
      const half = async (...[method, href, options]: Parameters<typeof send>): Promise<void> => {
        const part = Math.floor((options?.body?.length ?? 0) / 2);
        // It ends when the hub does, with the error of a broken connection.
        void send(method, href, { ...options, part }).catch((error: Error) => error);
        await delay(STALL_MS);
      };
      const { bytes, form } = file;
      if (form === 'inline') {
        const body = commitBody({ title, files: [file] });
        await half('POST', api(repo, 'commit/main'), { body, type: 'application/x-ndjson' });
      } else if (form === 'lfs') {
        const upload = (await batch(repo, 'upload', bytes, ['basic']))?.upload;
        await half('PUT', upload?.href ?? '', { body: bytes, type: binary, token: '' });
      } else if (form === 'parts') {
        const [first] = (await planParts(repo, bytes))?.parts ?? [];
        await half('PUT', first?.href ?? '', { body: first?.body ?? bytes, token: '' });
      } else {
        const { cas, token } = await xetToken(repo);
        const { xorb } = await buildXetUpload(bytes);
        const body = Buffer.from(xorb.bytes);
        await half('POST', `${cas}/v1/xorbs/default/${xorb.hash}`, { body, type: binary, token });
      }
    },

    close: () => agent.destroy(),
  };
}
