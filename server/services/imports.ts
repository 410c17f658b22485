import type { Database } from '../db/stores.ts';
import type { Visibility } from '../domain/account.ts';
import type { Actor } from '../domain/access.ts';
import { forbidden, HubError, isHubError } from '../domain/errors.ts';
import { parseRepoName, shown } from '../domain/names.ts';
import { parseRemoteUrl } from '../domain/remote-url.ts';
import { repoNameTaken } from '../domain/repo-name-taken.ts';
import { repoFullName, type Repo, type RepoKind } from '../domain/repo.ts';
import { branchOfRef, branchRef } from '../domain/revision.ts';
import { createPacketReader, FLUSH, lineOf, packet } from '../git/pkt-line.ts';
import { pointerAt, type PointerList } from '../git/pointer-list.ts';
import type { FetchedRemote, RemoteAddress } from '../git/remote-fetch.ts';
import type { ByteSource } from '../objects/object-store.ts';
import { createScratchFile, type ScratchFile } from '../platform/scratch-file.ts';
import type { WorkerPool } from '../workers/pool.ts';
import type { Authorize, Granted } from './authorize.ts';
import type { ReceivePack } from './git-exchange.ts';
import type { Lfs, LfsObjectName } from './lfs.ts';
import type { PushChecks } from './push-checks.ts';
import { ATOMIC_REFUSAL } from './push-refs.ts';
import { createRemoteLfs, LFS_BATCH } from './remote-lfs.ts';
import type { RepoSettings } from './repo-settings.ts';
import type { Repositories } from './repositories.ts';

export interface RepoImport {
  readonly url: string;
  /** For the server at `url`. */
  readonly credentials: { readonly user: string; readonly secret: string } | undefined;
  readonly kind: RepoKind;
  readonly owner: string;
  readonly name: string;
  /** Otherwise as the owner's new repositories are. */
  readonly isPrivate: boolean;
}

export interface ImportSummary {
  readonly kind: RepoKind;
  readonly name: string;
  readonly private: boolean;
  readonly defaultBranch: string;
  readonly branches: number;
  readonly tags: number;
  /** Large files that were fetched, and their bytes. */
  readonly largeFiles: number;
  readonly largeBytes: number;
}

export interface Imports {
  /**
   * Make a repository of one elsewhere, in the name of its owner; in an organization, in that of its first
   * administrator. Nobody else sees it before all of it is there, and nothing of it stays when it is refused. Throws
   * what `repositories.create` and a push are refused with, and what `fetchRemote` and `createRemoteLfs` throw.
   */
  importRepo(wish: RepoImport): Promise<ImportSummary>;
  /** Give up what is under way; it rejects with Unavailable. */
  close(): void;
}

/** The pack is held up to three times in memory while it is fetched. */
const MAX_PACK_BYTES = 256 * 1024 * 1024;
const ZERO = '0'.repeat(40);
/** So many of the missing are named. */
const MAX_NAMED = 5;
const ROLES = ['super-admin', 'admin', 'member'] as const;

/** Takes repositories from elsewhere. What was fetched comes in as a push does, by the same checks and transaction. */
export function createImports(parts: {
  readonly db: Database;
  readonly authorize: Authorize;
  readonly repositories: Pick<Repositories, 'create' | 'delete'>;
  readonly repoSettings: RepoSettings;
  readonly lfs: Pick<Lfs, 'planUploads' | 'receive'>;
  readonly pushChecks: PushChecks;
  readonly receiveWith: (checks: PushChecks) => ReceivePack;
  /** Nobody else's: the pack lies in the memory of its thread. */
  readonly workers: Pick<WorkerPool, 'open'>;
  readonly stagingFolder: string;
}): Imports {
  const { db, authorize, repositories, repoSettings, lfs, pushChecks, workers, stagingFolder } = parts;
  const ending = new AbortController();
  const { signal } = ending;

  async function actorFor(owner: string): Promise<Actor> {
    const user = await db.read(async ({ accounts, organizations }) => {
      const found = await accounts.findUser(owner);
      if (found) return found;
      const organization = await organizations.find(owner);
      const members = organization ? await organizations.members(organization.id) : [];
      const rank = (role: string): number => ROLES.findIndex((known) => known === role);
      return members.filter(({ role }) => rank(role) >= 0).sort((a, b) => rank(a.role) - rank(b.role))[0]
        ?.user;
    });
    if (!user) throw forbidden(`Nobody can own a repository as "${shown(owner)}".`);
    return { kind: 'user', user, via: 'local', tokenRole: 'write' };
  }

  /** Refused before anything is fetched; what counts is asked again when the repository is made. */
  async function requireFreeName(actor: Actor, { kind, owner, name }: RepoImport): Promise<Visibility> {
    const { namespace } = await authorize.namespace(actor, owner, 'create-repos');
    const wanted = parseRepoName(name);
    return db.read(async (stores) => {
      const rival = await stores.repos.findAlike(namespace.id, kind, wanted);
      if (rival) throw repoNameTaken(kind, wanted, rival);
      return (await stores.organizations.find(owner))?.defaultVisibility ?? 'public';
    });
  }

  async function fetchFrom(from: RemoteAddress, scratch: ScratchFile): Promise<FetchedRemote> {
    signal.throwIfAborted();
    const session = await workers.open('fetchRemote', {
      from,
      maxBytes: MAX_PACK_BYTES,
      packPath: scratch.path,
    });
    const giveUp = (): void => session.abort();
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      return await session.push(undefined);
    } finally {
      signal.removeEventListener('abort', giveUp);
      session.abort();
    }
  }

  /** Fetch the large files that a pack points to, as a client would upload them. Throws LfsNotUploaded. */
  async function bringLargeFiles(
    granted: Granted<'write'>,
    from: RemoteAddress,
    pointers: PointerList,
    count: (sizeBytes: number) => void,
  ): Promise<void> {
    const remote = createRemoteLfs(from, signal);
    const missing: string[] = [];
    const seen = new Set<string>();
    for (let start = 0; start < pointers.count; start += LFS_BATCH) {
      const wanted: LfsObjectName[] = [];
      for (let number = start; number < Math.min(start + LFS_BATCH, pointers.count); number++) {
        const { sha256, sizeBytes } = pointerAt(pointers, number);
        if (!seen.has(sha256)) wanted.push({ sha256, sizeBytes });
        seen.add(sha256);
      }
      if (wanted.length === 0) continue;
      const objects = await remote.batch(wanted);
      const plans = await lfs.planUploads(granted, wanted, false);
      for (const [index, { sha256, sizeBytes, open }] of objects.entries()) {
        const plan = plans[index];
        if (plan?.kind === 'held') continue;
        if (plan?.kind === 'refused') throw new HubError('LfsNotUploaded', `${plan.message} (${sha256})`);
        if (!open || !plan) missing.push(sha256);
        else {
          signal.throwIfAborted();
          await lfs.receive(plan.capability, await open(), sizeBytes);
          count(sizeBytes);
        }
      }
    }
    if (missing.length > 0) throw notGiven(missing);
  }

  /** Push what was fetched; all refs move or none. */
  async function bringIn(
    granted: Granted<'write'>,
    receivePack: ReceivePack,
    { refs, packBytes }: FetchedRemote,
    scratch: ScratchFile,
  ): Promise<void> {
    const own = await db.read((stores) => stores.refs.list(granted.repo.id, 'refs/'));
    const current = new Map(own.map(({ name, target }) => [name, target]));
    async function* input(): AsyncGenerator<Uint8Array> {
      for (const [index, { name, target }] of refs.entries()) {
        const capabilities = index === 0 ? '\0report-status atomic quiet' : '';
        yield packet(`${current.get(name) ?? ZERO} ${target} ${name}${capabilities}`);
      }
      yield FLUSH;
      yield* scratch.bytes(packBytes);
    }
    const exchange = { protocol: 0, isStateless: true, input: input(), from: '', signal } as const;
    const refusal = await refusalOf(receivePack.serve(granted, exchange));
    if (refusal !== undefined) throw new HubError('InvalidContent', refusal);
  }

  async function fill(
    repo: Repo,
    actor: Actor,
    from: RemoteAddress,
    fetched: FetchedRemote,
    scratch: ScratchFile,
  ): Promise<Pick<ImportSummary, 'largeFiles' | 'largeBytes'>> {
    const { granted } = await authorize.repo(actor, nameOf(repo), 'write');
    let largeFiles = 0;
    let largeBytes = 0;
    const checks: PushChecks = {
      ...pushChecks,
      async requireLargeFiles(target, checked) {
        await bringLargeFiles(granted, from, checked.pack.pointers, (sizeBytes) => {
          largeFiles += 1;
          largeBytes += sizeBytes;
        });
        return pushChecks.requireLargeFiles(target, checked);
      },
    };
    await bringIn(granted, parts.receiveWith(checks), fetched, scratch);
    return { largeFiles, largeBytes };
  }

  async function importRepo(wish: RepoImport): Promise<ImportSummary> {
    const { kind, owner, name, credentials } = wish;
    const url = parseRemoteUrl(wish.url);
    const actor = await actorFor(owner);
    const usual = await requireFreeName(actor, wish);
    const visibility = wish.isPrivate ? 'private' : usual;
    const authorization = credentials && basicOf(credentials);
    await using cleanup = new AsyncDisposableStack();
    const scratch = await createScratchFile(stagingFolder);
    cleanup.defer(() => scratch.dispose());
    const fetched = await fetchFrom({ url, authorization }, scratch);
    const defaultBranch = defaultBranchOf(fetched, url);
    const hidden = { visibility: 'private', license: undefined, sdk: undefined, files: [] } as const;
    const repo = await repositories.create(actor, { kind, owner, name, defaultBranch, ...hidden });
    try {
      const isSame = new URL(fetched.url).origin === new URL(url).origin;
      const from = { url: fetched.url, authorization: isSame ? authorization : undefined };
      const brought = await fill(repo, actor, from, fetched, scratch);
      if (visibility !== 'private') {
        const { granted } = await authorize.repo(actor, nameOf(repo), 'administer');
        await repoSettings.change(granted, { visibility });
      }
      const branches = fetched.refs.filter((ref) => branchOfRef(ref.name) !== undefined).length;
      return {
        ...{ kind, name: repoFullName(repo), private: visibility === 'private', defaultBranch },
        ...{ branches, tags: fetched.refs.length - branches },
        ...brought,
      };
    } catch (error) {
      const { granted } = await authorize.repo(actor, nameOf(repo), 'administer');
      await repositories.delete(granted);
      throw error;
    }
  }

  return {
    async importRepo(wish) {
      try {
        return await importRepo(wish);
      } catch (error) {
        if (signal.aborted && !isHubError(error)) throw givenUp();
        throw error;
      }
    },
    close: () => ending.abort(givenUp()),
  };
}

const givenUp = (): HubError => new HubError('Unavailable', 'The import was given up: the hub is stopping.');

const nameOf = ({ kind, owner, name }: Repo) => ({ kind, owner: owner.name, name });

const basicOf = ({ user, secret }: { readonly user: string; readonly secret: string }): string =>
  `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`;

/** The remote's own, or what people would take for it. Throws InvalidRequest where there is no branch. */
function defaultBranchOf({ refs, head }: FetchedRemote, url: string): string {
  const names = refs.map(({ name }) => name).filter((name) => branchOfRef(name) !== undefined);
  const usual = ['main', 'master'].map(branchRef).find((name) => names.includes(name));
  const branch = branchOfRef(head ?? usual ?? names[0] ?? '');
  if (branch === undefined) {
    throw new HubError(
      'InvalidRequest',
      `The repository at ${url} has no branch: there is nothing to import.`,
    );
  }
  return branch;
}

/** What the report of a push says against it, in a sentence. */
async function refusalOf(report: ByteSource): Promise<string | undefined> {
  const refusals: string[] = [];
  let unpack: string | undefined;
  const reader = createPacketReader(report);
  // To the very end: only then is what the push used put away.
  for (let next = await reader.next(); next; next = await reader.next()) {
    if (next.kind !== 'data') continue;
    const line = lineOf(next);
    if (line.startsWith('unpack ') && line !== 'unpack ok') unpack = line.slice('unpack '.length);
    const [, name = '', reason] = /^ng (\S+) (.*)$/.exec(line) ?? [];
    if (reason !== undefined && reason !== ATOMIC_REFUSAL) refusals.push(`${shown(name)}: ${reason}`);
  }
  return unpack ?? refusals[0];
}

function notGiven(missing: readonly string[]): HubError {
  const others = missing.length > MAX_NAMED ? ` and ${missing.length - MAX_NAMED} more` : '';
  const named = missing.slice(0, MAX_NAMED).join(', ');
  return new HubError(
    'LfsNotUploaded',
    `The server there does not give ${missing.length === 1 ? 'a large file' : 'large files'} of the repository: ${named}${others}.`,
  );
}
