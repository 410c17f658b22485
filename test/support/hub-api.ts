import { createHash } from 'node:crypto';

/** A repository as the API names it: `models/ada/llama`. */
export type RepoPath = `${'models' | 'datasets' | 'spaces'}/${string}/${string}`;

/** One operation of a commit, as its NDJSON line has it. */
export interface CommitOperation {
  readonly key: 'file' | 'lfsFile' | 'copyFile' | 'deletedFile' | 'deletedFolder';
  readonly value: Readonly<Record<string, unknown>>;
}

/** The calls that Hugging Face clients make, bare. Each throws when the answer is not a success. */
export interface HubApi {
  createRepo(repo: RepoPath): Promise<void>;
  deleteRepo(repo: RepoPath): Promise<void>;
  /** Commit to a branch, `main` where none is named. Answers the commit id. */
  commit(repo: RepoPath, operations: readonly CommitOperation[], branch?: string): Promise<string>;
  createBranch(repo: RepoPath, branch: string): Promise<void>;
  deleteBranch(repo: RepoPath, branch: string): Promise<void>;
  createTag(repo: RepoPath, tag: string, message?: string): Promise<void>;
  /** Upload bytes by LFS, whole or in parts as the hub wants it. Answers the operation that commits them. */
  upload(repo: RepoPath, path: string, content: Buffer): Promise<CommitOperation>;
  /** Upload only the first part of what takes several. */
  beginUpload(repo: RepoPath, content: Buffer): Promise<void>;
  /** Any call; with a body it is a POST of JSON where no method is given. */
  call(path: string, init?: RequestInit & { readonly json?: unknown }): Promise<Response>;
}

interface UploadAction {
  readonly href: string;
  readonly header?: Readonly<Record<string, string>>;
}

export const file = (path: string, content: Buffer | string): CommitOperation => ({
  key: 'file',
  value: { path, content: Buffer.from(content).toString('base64'), encoding: 'base64' },
});

const sha256Of = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

export function createHubApi({ url, token }: { readonly url: string; readonly token: string }): HubApi {
  const authorization = `Bearer ${token}`;

  async function send(address: string, init: RequestInit): Promise<Response> {
    const response = await fetch(address, init);
    if (response.ok) return response;
    throw new Error(
      `${init.method ?? 'GET'} ${address} answered ${response.status}: ${await response.text()}`,
    );
  }

  const call: HubApi['call'] = (path, { json, ...init } = {}) =>
    send(url + path, {
      ...(json === undefined
        ? { headers: { authorization } }
        : {
            method: 'POST',
            headers: { authorization, 'content-type': 'application/json' },
            body: JSON.stringify(json),
          }),
      ...init,
    });

  /** Where and how to send an object; undefined when the hub has it. */
  async function planUpload(repo: RepoPath, content: Buffer): Promise<UploadAction | undefined> {
    const [kind, owner, name] = repo.split('/');
    const prefix = kind === 'models' ? '' : `${kind}/`;
    const response = await call(`/${prefix}${owner}/${name}.git/info/lfs/objects/batch`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/vnd.git-lfs+json' },
      body: JSON.stringify({
        operation: 'upload',
        transfers: ['basic', 'multipart'],
        objects: [{ oid: sha256Of(content), size: content.byteLength }],
      }),
    });
    const { objects } = (await response.json()) as {
      readonly objects: readonly { readonly actions?: { readonly upload: UploadAction } }[];
    };
    return objects[0]?.actions?.upload;
  }

  const put = (href: string, body: Buffer): Promise<Response> =>
    send(href, { method: 'PUT', body: new Uint8Array(body) });

  const partsOf = ({ header = {} }: UploadAction): readonly string[] =>
    Object.entries(header)
      .filter(([name]) => /^[0-9]+$/.test(name))
      .map(([, address]) => address);

  async function putParts(upload: UploadAction, content: Buffer, most: number): Promise<readonly object[]> {
    const size = Number(upload.header?.['chunk_size']);
    const parts: object[] = [];
    for (const [index, address] of partsOf(upload).slice(0, most).entries()) {
      const response = await put(address, content.subarray(index * size, (index + 1) * size));
      parts.push({ partNumber: index + 1, etag: response.headers.get('etag') });
    }
    return parts;
  }

  return {
    call,
    async createRepo(repo) {
      const [kind = '', organization, name] = repo.split('/');
      await call('/api/repos/create', { json: { name, organization, type: kind.slice(0, -1) } });
    },
    async deleteRepo(repo) {
      const [kind = '', organization, name] = repo.split('/');
      await call('/api/repos/delete', {
        method: 'DELETE',
        headers: { authorization, 'content-type': 'application/json' },
        body: JSON.stringify({ name, organization, type: kind.slice(0, -1) }),
      });
    },
    async commit(repo, operations, branch = 'main') {
      const header = { key: 'header', value: { summary: 'change' } };
      const body = [header, ...operations].map((line) => JSON.stringify(line)).join('\n');
      const response = await call(`/api/${repo}/commit/${branch}`, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/x-ndjson' },
        body,
      });
      return ((await response.json()) as { readonly commitOid: string }).commitOid;
    },
    async createBranch(repo, branch) {
      await call(`/api/${repo}/branch/${branch}`, { json: {} });
    },
    async deleteBranch(repo, branch) {
      await call(`/api/${repo}/branch/${branch}`, { method: 'DELETE', headers: { authorization } });
    },
    async createTag(repo, tag, message) {
      await call(`/api/${repo}/tag/main`, { json: { tag, message } });
    },
    async upload(repo, path, content) {
      const oid = sha256Of(content);
      const upload = await planUpload(repo, content);
      if (upload && partsOf(upload).length > 0) {
        const parts = await putParts(upload, content, Infinity);
        await send(upload.href, {
          method: 'POST',
          headers: { 'content-type': 'application/vnd.git-lfs+json' },
          body: JSON.stringify({ oid, parts }),
        });
      } else if (upload) await put(upload.href, content);
      return { key: 'lfsFile', value: { path, algo: 'sha256', oid, size: content.byteLength } };
    },
    async beginUpload(repo, content) {
      const upload = await planUpload(repo, content);
      if (!upload || partsOf(upload).length < 2) throw new Error('This upload does not take several parts.');
      await putParts(upload, content, 1);
    },
  };
}
