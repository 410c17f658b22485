import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import type { Sha256 } from '../../server/domain/ids.ts';
import { buildFile, buildShard, buildXorb, type BuiltXorb } from '../unit/xet/builders.ts';
import { startHub, type Answer, type HubDoor, type TestHub } from './hub.ts';

/** Everyone who may call: each has a token, but `anonymous`, who has none, and `wrong`, whose token nobody made. */
export const PEOPLE = [
  'anonymous',
  'stranger',
  'visitor',
  'member',
  'member-read',
  'lab-admin',
  'lab-super-admin',
  'owner',
  'owner-read',
  'site-admin',
  'wrong',
] as const;
export type Person = (typeof PEOPLE)[number];

const tokenValue = (name: string): string => `hf_${name.replaceAll('-', '').padEnd(30, '0')}`;

const user = (name: string, more: object = {}) => ({
  name,
  fullname: `Full ${name}`,
  tokens: [{ name: 'write', role: 'write', value: tokenValue(name) }],
  ...more,
});

const withReadToken = (name: string) =>
  user(name, {
    tokens: [
      { name: 'write', role: 'write', value: tokenValue(name) },
      { name: 'read', role: 'read', value: tokenValue(`${name}-read`) },
    ],
  });

/** The people above, as `apply` takes them. */
export const DESCRIPTION = {
  users: [
    ...['stranger', 'visitor', 'lab-admin', 'lab-super-admin'].map((name) => user(name)),
    withReadToken('member'),
    withReadToken('owner'),
    user('site-admin', { admin: true }),
  ],
  organizations: [
    {
      name: 'lab',
      fullname: 'The Lab',
      members: [
        { user: 'lab-super-admin', role: 'super-admin' },
        { user: 'lab-admin', role: 'admin' },
        { user: 'member', role: 'member' },
        { user: 'visitor', role: 'visitor' },
      ],
    },
  ],
};

export const tokenOf = (person: Person): string | undefined =>
  person === 'anonymous' ? undefined : tokenValue(person);

/** A hub with the people above; `lab` is their organization, and `owner` has repositories of their own. */
export async function startPeopledHub(
  flags: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
  options: { readonly idleMs?: number } = {},
): Promise<TestHub> {
  await using cleanup = new AsyncDisposableStack();
  const hub = cleanup.use(await startHub(flags, env, options));
  await hub.command('apply', { text: JSON.stringify(DESCRIPTION) });
  cleanup.move();
  return hub;
}

export const sha256Of = (bytes: Uint8Array): Sha256 =>
  createHash('sha256').update(bytes).digest('hex') as Sha256;

/** The id git gives to a file with these bytes. */
export const blobIdOf = (bytes: Uint8Array): string =>
  createHash('sha1').update(`blob ${bytes.byteLength}\0`).update(bytes).digest('hex');

export type CommitLine = readonly [key: string, value: unknown];

export const fileLine = (path: string, content: string | Buffer): CommitLine => [
  'file',
  { path, content: Buffer.from(content).toString('base64'), encoding: 'base64' },
];

export const lfsLine = (path: string, bytes: Uint8Array): CommitLine => [
  'lfsFile',
  { path, algo: 'sha256', oid: sha256Of(bytes), size: bytes.byteLength },
];

export const ndjson = (lines: readonly CommitLine[], header: object = { summary: 'a change' }): Buffer =>
  Buffer.from(
    [['header', header] as CommitLine, ...lines]
      .map(([key, value]) => `${JSON.stringify({ key, value })}\n`)
      .join(''),
  );

export interface XetUpload {
  readonly xorb: BuiltXorb;
  readonly shard: Buffer;
  readonly fileHash: string;
}

const CHUNK_BYTES = 64 * 1024;

/** One xorb with all the bytes in it, its chunks stored plain and compressed in turns, and the shard for it. */
export async function buildXetUpload(bytes: Buffer, firstScheme: 0 | 1 = 0): Promise<XetUpload> {
  const chunks: { raw: Buffer; scheme: 0 | 1 }[] = [];
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    const scheme = (chunks.length + firstScheme) % 2 === 0 ? 0 : 1;
    chunks.push({ raw: bytes.subarray(at, at + CHUNK_BYTES), scheme });
  }
  const xorb = await buildXorb(chunks);
  const file = await buildFile([{ xorb, start: 0, end: chunks.length }], sha256Of(bytes));
  return { xorb, shard: buildShard([file], [xorb]), fileHash: file.hash };
}

interface LfsAction {
  readonly href: string;
  readonly header?: Readonly<Record<string, string>>;
}

export interface LfsObject {
  readonly oid: string;
  readonly size: number;
  readonly actions?: Readonly<Record<string, LfsAction>>;
  readonly error?: { readonly code: number; readonly message: string };
}

/** What clients do to one repository, on behalf of one person. */
export interface RepoClient {
  /** `lab/thing`. */
  readonly name: string;
  create(more?: object): Promise<Answer>;
  /** Below `/api/models/<name>/`. */
  api(method: string, rest: string, options?: Parameters<TestHub['send']>[2]): Promise<Answer>;
  resolve(
    revision: string,
    path: string,
    headers?: Readonly<Record<string, string>>,
    method?: string,
  ): Promise<Answer>;
  postCommit(body: Buffer, revision?: string): Promise<Answer>;
  /** Commit these lines. Answers the commit id; throws unless it went well. */
  commit(lines: readonly CommitLine[], header?: object, revision?: string): Promise<string>;
  /** Paths of all files of a revision. */
  paths(revision?: string): Promise<readonly string[]>;
  head(revision?: string): Promise<string>;
  batch(body: object): Promise<Answer>;
  /** The one object of a batch for these bytes. */
  batchOne(
    operation: 'upload' | 'download',
    bytes: Uint8Array,
    transfers?: readonly string[],
  ): Promise<LfsObject>;
  /** Upload by LFS in one piece. */
  uploadLfs(bytes: Buffer): Promise<void>;
  /** CAS URL, without the origin, and token. */
  xetToken(scope?: 'read' | 'write'): Promise<{ readonly cas: string; readonly token: string }>;
  uploadXet(upload: XetUpload): Promise<void>;
}

const LFS_TYPE = 'application/vnd.git-lfs+json';

export function repoClient(hub: HubDoor, name: string, person: Person = 'owner'): RepoClient {
  const token = tokenOf(person);
  const [organization, short] = name.split('/');
  const api: RepoClient['api'] = (method, rest, options) =>
    hub.send(method, `/api/models/${name}/${rest}`, { token, ...options });
  const pathOf = (href: string): string => href.replace(hub.url, '');

  const client: RepoClient = {
    name,
    create: (more = {}) =>
      hub.send('POST', '/api/repos/create', { token, body: { name: short, organization, ...more } }),
    api,
    resolve: (revision, path, headers = {}, method = 'GET') =>
      hub.send(method, `/${name}/resolve/${revision}/${path}`, { token, headers }),
    postCommit: (body, revision = 'main') =>
      api('POST', `commit/${revision}`, { body, headers: { 'content-type': 'application/x-ndjson' } }),
    async commit(lines, header, revision) {
      const answer = await client.postCommit(ndjson(lines, header), revision);
      expect(answer.text).toContain('"success":true');
      return answer.json<{ commitOid: string }>().commitOid;
    },
    async paths(revision = 'main') {
      const answer = await api('GET', `tree/${revision}?recursive=true&limit=10000`);
      expect(answer.status).toBe(200);
      return answer
        .json<{ type: string; path: string }[]>()
        .filter(({ type }) => type === 'file')
        .map(({ path }) => path);
    },
    async head(revision = 'main') {
      return (await api('GET', `revision/${revision}`)).json<{ sha: string }>().sha;
    },
    batch: (body) =>
      hub.send('POST', `/${name}.git/info/lfs/objects/batch`, {
        token,
        body: Buffer.from(JSON.stringify(body)),
        headers: { 'content-type': LFS_TYPE, accept: LFS_TYPE },
      }),
    async batchOne(operation, bytes, transfers = ['basic']) {
      const objects = [{ oid: sha256Of(bytes), size: bytes.byteLength }];
      const answer = await client.batch({ operation, transfers, objects, hash_algo: 'sha256' });
      expect(answer.status, answer.text).toBe(200);
      const [object] = answer.json<{ objects: LfsObject[] }>().objects;
      if (!object) throw new Error('The batch answers no object.');
      return object;
    },
    async uploadLfs(bytes) {
      const { actions } = await client.batchOne('upload', bytes);
      if (!actions) return;
      const answer = await hub.send('PUT', pathOf(actions['upload']?.href ?? ''), { body: bytes });
      expect(answer.status, answer.text).toBe(200);
    },
    async xetToken(scope = 'write') {
      const answer = await api('GET', `xet-${scope}-token/main`);
      const { casUrl, accessToken } = answer.json<{ casUrl: string; accessToken: string }>();
      return { cas: pathOf(casUrl), token: accessToken };
    },
    async uploadXet({ xorb, shard }) {
      const { cas, token } = await client.xetToken();
      const kept = await hub.send('POST', `${cas}/v1/xorbs/default/${xorb.hash}`, {
        token,
        body: xorb.bytes,
      });
      expect(kept.status, kept.text).toBe(200);
      const known = await hub.send('POST', `${cas}/v1/shards`, { token, body: shard });
      expect(known.status, known.text).toBe(200);
    },
  };
  return client;
}

/** The client of a repository that was just made. */
export async function createRepo(
  hub: HubDoor,
  name: string,
  options: { readonly person?: Person; readonly isPrivate?: boolean } = {},
): Promise<RepoClient> {
  const client = repoClient(hub, name, options.person);
  const answer = await client.create({ private: options.isPrivate ?? false });
  expect(answer.status, answer.text).toBe(200);
  return client;
}
