import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { OpenedHub } from './cli/services.ts';
import type { Config } from './config/schema.ts';
import { openDatabase } from './db/database.ts';
import { acquireLock } from './db/lock.ts';
import type { Database } from './db/stores.ts';
import type { Repo } from './domain/repo.ts';
import { createObjectCache } from './git/object-cache.ts';
import { createJobHandlers, scheduleRecurringJobs } from './jobs/handlers.ts';
import { createJobRunner } from './jobs/runner.ts';
import { localStagingFolder, openLocalStore } from './objects/local.ts';
import type { ObjectStore } from './objects/object-store.ts';
import { createMadeFiles } from './platform/made-files.ts';
import { systemClock, type Clock } from './platform/clock.ts';
import { openDataFolder } from './platform/data-folder.ts';
import { createKeyedQueue } from './platform/keyed-queue.ts';
import type { Log } from './platform/log.ts';
import { newPublicId } from './platform/random.ts';
import { createRightOfWay } from './platform/right-of-way.ts';
import { readSecretKey } from './platform/secret-file.ts';
import { createSpool } from './platform/spool.ts';
import { openStagingFolder } from './platform/staging-folder.ts';
import { insideTransaction } from './platform/transaction-scope.ts';
import { createAccounts } from './services/accounts.ts';
import { createApply } from './services/apply.ts';
import { createArchives } from './services/archives.ts';
import { createAuthorize } from './services/authorize.ts';
import { createBranchMoves } from './services/branch-moves.ts';
import { createBranches } from './services/branches.ts';
import { createFetchTurns } from './services/fetch-turns.ts';
import { createPackAnswers } from './services/pack-answers.ts';
import { createHeldFiles } from './services/held-files.ts';
import { createMerges } from './services/merges.ts';
import { createResets } from './services/resets.ts';
import { createSquashes } from './services/squashes.ts';
import { createBuckets } from './services/buckets.ts';
import { createCapabilities } from './services/capabilities.ts';
import { createCardChecks } from './services/card-checks.ts';
import { createCommitGraphs } from './services/commit-graphs.ts';
import { createCommits } from './services/commits.ts';
import { createContents } from './services/contents.ts';
import { createDiffs } from './services/diffs.ts';
import { createDeviceLogin } from './services/device-login.ts';
import { createDoctor } from './services/doctor.ts';
import { createDownloads } from './services/downloads.ts';
import { createExport } from './services/export.ts';
import { createFactDerivation } from './services/fact-derivation.ts';
import { createFacts } from './services/facts.ts';
import { createFileBytesReader } from './services/file-bytes.ts';
import { createFileFacts } from './services/file-facts.ts';
import { createHistory } from './services/history.ts';
import { createImports } from './services/imports.ts';
import { createIdTokens } from './services/id-tokens.ts';
import { createLargeObjects } from './services/large-objects.ts';
import { createLfsAccess } from './services/lfs-access.ts';
import { createLfsFiles } from './services/lfs-files.ts';
import { createLeaderboards } from './services/leaderboards.ts';
import { createLfsLocks } from './services/lfs-locks.ts';
import { createLfs } from './services/lfs.ts';
import { createLikes } from './services/likes.ts';
import { createOAuthApps } from './services/oauth-apps.ts';
import { createOAuthCodes } from './services/oauth-codes.ts';
import { createOAuthGrants } from './services/oauth-grants.ts';
import { createOrganizations } from './services/organizations.ts';
import { createOverview } from './services/overview.ts';
import { createPackIntake } from './services/pack-intake.ts';
import { createPasswords } from './services/passwords.ts';
import { createPopularity } from './services/popularity.ts';
import { createProfiles } from './services/profiles.ts';
import { createReadiness } from './services/readiness.ts';
import { createPushChecks } from './services/push-checks.ts';
import { createReceivePack } from './services/receive-pack.ts';
import { createRefUpdates } from './services/ref-updates.ts';
import { createRepoInfo } from './services/repo-info.ts';
import { createNameCheck } from './services/name-check.ts';
import { createRepoDuplicates } from './services/repo-duplicates.ts';
import { createRepoMoves } from './services/repo-moves.ts';
import { createRepoSettings } from './services/repo-settings.ts';
import { createReachability } from './services/reachability.ts';
import { createRepoObjects } from './services/repo-objects.ts';
import { createRepositories } from './services/repositories.ts';
import { createRequestLimits } from './services/request-limits.ts';
import { createRevisions } from './services/revisions.ts';
import { createRollUp } from './services/roll-up.ts';
import { createSafetensorsMetadata } from './services/safetensors-metadata.ts';
import { createSessions } from './services/sessions.ts';
import { createSetup } from './services/setup.ts';
import { createSignInLimits } from './services/sign-in-limits.ts';
import { createSweep } from './services/sweep.ts';
import { createTokenReaches } from './services/token-reach.ts';
import { createSshKeys } from './services/ssh-keys.ts';
import { createSpaceSearch } from './services/space-search.ts';
import { createTagLists } from './services/tag-lists.ts';
import { createTensorHeaders } from './services/tensor-headers.ts';
import { createTokens } from './services/tokens.ts';
import { createUploadPack } from './services/upload-pack.ts';
import { createXetConversion } from './services/xet-conversion.ts';
import { createXet } from './services/xet.ts';
import { createXorbKeeper } from './services/xorb-keeper.ts';
import { createWorkerPool } from './workers/pool.ts';

const OBJECT_CACHE_BYTES = 32 * 1024 * 1024;
/** Half a million commits. */
const COMMIT_GRAPH_BYTES = 64 * 1024 * 1024;
/** A few million ids of objects. */
const CLOSURE_BYTES = 128 * 1024 * 1024;
const FILE_FACTS = 200_000;
const MAX_COMMIT_LINES = 1_000_000;
/** Of the body of a git request that came compressed. */
const SPOOL_MEMORY_BYTES = 256 * 1024;

/** A data folder taken and its stores open. Closing unwinds in the opposite order. */
export interface OpenedStores {
  readonly db: Database;
  readonly objects: ObjectStore;
  readonly key: Buffer;
  readonly storeId: string;
  readonly stagingFolder: string;
  readonly isLocked: () => boolean;
  close(): Promise<void>;
}

const storageFolder = (config: Config): string => join(config.dataDir, 'storage');

async function openObjects(config: Config): Promise<ObjectStore> {
  const { storage } = config;
  if (storage.kind === 'local') return openLocalStore({ folder: storageFolder(config), insideTransaction });
  const { endpoint, region, bucket, prefix, accessKeyId, secretAccessKey } = storage.s3;
  const place = {
    region,
    bucket,
    accessKeyId,
    secretAccessKey: secretAccessKey.open(),
    ...(endpoint === undefined ? {} : { endpoint }),
  };
  const { ensureBucket } = await import('./objects/buckets.ts');
  const { createS3Store } = await import('./objects/s3.ts');
  await ensureBucket(place);
  return createS3Store({ ...place, ...(prefix === undefined ? {} : { prefix }), insideTransaction });
}

/** Take the data folder and open its stores. Throws Conflict when another process holds the folder. */
export async function openStores(config: Config, program: string, log: Log): Promise<OpenedStores> {
  const { dataDir } = config;
  await using cleanup = new AsyncDisposableStack();
  await openDataFolder(dataDir);
  const lock = acquireLock(dataDir, { pid: process.pid, program, startedAt: systemClock.now() });
  let isLocked = true;
  cleanup.defer(() => {
    isLocked = false;
    lock.release();
  });
  const stagingFolder = join(dataDir, 'staging');
  await openStagingFolder(stagingFolder);
  const db = await openDatabase(
    { kind: 'sqlite', file: join(dataDir, 'hub.db') },
    { onLongTransaction: (report) => log.warn('A transaction took long.', { ...report }) },
  );
  cleanup.defer(() => db.close());
  const objects = await openObjects(config);
  cleanup.defer(() => objects.close());
  const key = await readSecretKey(join(dataDir, 'secret.key'));
  const storeId = await db.write((stores) => stores.settings.setDefault('xet-store-id', newPublicId()));
  const owned = cleanup.move();
  return {
    db,
    objects,
    key,
    storeId,
    stagingFolder,
    isLocked: () => isLocked,
    close: () => owned.disposeAsync(),
  };
}

/** Everything that stands on the stores, built in the order of dependence. */
export function createServices(config: Config, stores: OpenedStores, log: Log, clock: Clock = systemClock) {
  const { db, objects, stagingFolder, key } = stores;
  const { limits } = config;
  const uploadTtlSeconds = config.uploads.expiryHours * 3600;
  const workers = createWorkerPool({ size: Math.max(1, availableParallelism() - 1) });
  const passwords = createPasswords();
  const queue = createKeyedQueue();
  const rightOfWay = createRightOfWay(clock);

  const authorize = createAuthorize({ db, clock, rules: { requireSignIn: config.requireSignIn } });
  const accounts = createAccounts({ db, clock, passwords, limits: createSignInLimits(clock) });
  const organizations = createOrganizations({ db, clock });
  const sessions = createSessions({ db, clock, log });
  const setup = createSetup({ db, clock, passwords });
  const tokens = createTokens({ db, clock, log });
  const sshKeys = createSshKeys({ db, clock, log, authorize });
  const tokenReaches = createTokenReaches({ db, authorize });
  const requestLimits = createRequestLimits({ clock, apiRequests: limits.apiRequests });
  const oauthGrants = createOAuthGrants({ db, clock, key });
  const oauthApps = createOAuthApps({ db, clock });
  const oauthCodes = createOAuthCodes({ db, clock, apps: oauthApps, grants: oauthGrants });
  const deviceLogin = createDeviceLogin({ db, clock, grants: oauthGrants });
  const idTokens = createIdTokens({ keyFile: join(config.dataDir, 'id-token.key'), clock });
  const apply = createApply({ db, clock, passwords });

  const repoObjects = createRepoObjects({
    db,
    objects,
    cache: createObjectCache({ maxBytes: OBJECT_CACHE_BYTES }),
  });
  const commitGraphs = createCommitGraphs({ repoObjects, maxBytes: COMMIT_GRAPH_BYTES });
  const revisions = createRevisions({ db, repoObjects });
  const history = createHistory({ db, repoObjects, rightOfWay });
  const fileFacts = createFileFacts({ maxEntries: FILE_FACTS });
  const contents = createContents({ db, clock, repoObjects, revisions, fileFacts, history });
  const diffs = createDiffs({ repoObjects, fileFacts });
  const xorbs = createXorbKeeper({ db, objects, clock, workers });
  const xet = createXet({
    db,
    objects,
    clock,
    workers,
    authorize,
    xorbs,
    key,
    storeId: stores.storeId,
    maxFileBytes: limits.largeFileSize,
    pendTtlSeconds: uploadTtlSeconds,
  });
  const conversion = createXetConversion({
    db,
    objects,
    clock,
    log,
    workers,
    xet,
    xorbs,
    isOn: config.uploads.convertToXet,
    rightOfWay,
  });
  const largeObjects = createLargeObjects({ db, clock, xet });
  const fileBytes = createFileBytesReader({ authorize, contents, largeObjects });
  const tensorHeaders = createTensorHeaders({ files: fileBytes, workers });
  const derivation = createFactDerivation({ repoObjects, files: fileBytes, headers: tensorHeaders, workers });
  const facts = createFacts({ db, clock, log, derivation, rightOfWay });
  const rollUps = createRollUp({ db, objects, clock, stagingFolder, rightOfWay });
  const sweeps = createSweep({ db, objects, clock, rightOfWay });
  const popularity = createPopularity({ db, clock, authorize });
  const jobs = createJobRunner({
    db,
    clock,
    log,
    rightOfWay,
    handlers: createJobHandlers({
      db,
      clock,
      repoObjects,
      history,
      facts,
      popularity,
      rollUps,
      sweeps,
      sessions,
      oauthGrants,
    }),
  });
  const onCommitted = (): void => {
    jobs.wake();
    conversion.wake();
  };
  const refUpdates = createRefUpdates({ db, clock, authorize, onCommitted });
  const openWorkers = createWorkerPool({ size: 1 });
  const cards = createCardChecks({ workers, openWorkers });
  const commits = createCommits({
    db,
    objects,
    clock,
    repoObjects,
    contents,
    refUpdates,
    queue,
    stagingFolder,
    cards,
    limits: { maxInlineBytes: limits.inlineFileSize, maxLines: MAX_COMMIT_LINES },
  });
  const branches = createBranches({ db, clock, revisions, refUpdates, queue });
  const moves = createBranchMoves({ db, objects, refUpdates, queue, stagingFolder });
  const heldFiles = createHeldFiles({ db, objects, clock, fileFacts });
  const merges = createMerges({ clock, repoObjects, moves, heldFiles });
  const resets = createResets({ repoObjects, moves, heldFiles });
  const squashes = createSquashes({ db, clock, repoObjects, revisions, refUpdates, moves, queue });
  const answers = createMadeFiles({
    folder: join(config.dataDir, 'answers'),
    maxBytes: limits.packCache,
    clock,
  });
  const repositories = createRepositories({
    ...{ db, clock, authorize, commits, refUpdates },
    onDeleted: ({ publicId }) => answers.remove(publicId),
  });
  const buckets = createBuckets({ db, clock, authorize });
  const repoMoves = createRepoMoves({ db, clock, authorize });
  const duplicates = createRepoDuplicates({ db, clock, authorize, refUpdates, onCommitted: jobs.wake });
  const repoSettings = createRepoSettings({ db, clock, authorize });
  const nameCheck = createNameCheck({ db, authorize });
  const downloads = createDownloads({ db, clock, log });
  const info = createRepoInfo({ db, authorize, contents, facts });
  const safetensorsMetadata = createSafetensorsMetadata({
    contents,
    files: fileBytes,
    headers: tensorHeaders,
  });
  const tagLists = createTagLists({ db, authorize });
  const leaderboards = createLeaderboards({ repositories, facts, info });
  const spaceSearch = createSpaceSearch({ repositories, facts, info });
  const archives = createArchives({ contents, repoObjects, largeObjects });
  const likes = createLikes({ db, clock, authorize });
  const profiles = createProfiles({ db, authorize });
  const overviews = createOverview({ db, repositories, history, info, dataFolder: config.dataDir });

  const capabilities = createCapabilities({ key, clock });
  const lfsAccess = createLfsAccess({ capabilities, sshKeys });
  const lfs = createLfs({
    db,
    objects,
    clock,
    workers,
    capabilities,
    limits: { maxObjectBytes: limits.largeFileSize, partBytes: limits.partSize, uploadTtlSeconds },
  });
  const lfsLocks = createLfsLocks({ db, clock, authorize });
  const lfsFiles = createLfsFiles({
    db,
    objects,
    clock,
    repoObjects,
    refUpdates,
    stagingFolder,
    pendTtlSeconds: uploadTtlSeconds,
  });
  const reachability = createReachability({ db, repoObjects, commitGraphs, maxBytes: CLOSURE_BYTES });
  const packAnswers = createPackAnswers({ db, repoObjects, commitGraphs, reachability, answers });
  const uploadPack = createUploadPack({
    ...{ db, log, repoObjects, commitGraphs, packAnswers, rightOfWay },
    turns: createFetchTurns(),
  });
  const intake = createPackIntake({
    db,
    objects,
    repoObjects,
    workers,
    stagingFolder,
    maxFileBytes: limits.inlineFileSize,
    rightOfWay,
  });
  const pushChecks = createPushChecks({ db, clock, cards, maxCardBytes: limits.inlineFileSize });
  const receiving = { db, repoObjects, refUpdates, queue, intake, rightOfWay };
  const receivePack = createReceivePack({ ...receiving, checks: pushChecks });
  // What comes from elsewhere is held in memory there: a thread that ends with it gives all of it back.
  const remoteWorkers = createWorkerPool({ size: 1 });
  const imports = createImports({
    ...{ db, authorize, repositories, repoSettings, lfs, pushChecks, stagingFolder },
    workers: remoteWorkers,
    receiveWith: (checks) => createReceivePack({ ...receiving, checks }),
  });
  const stagingFolders =
    config.storage.kind === 'local'
      ? [stagingFolder, localStagingFolder(storageFolder(config))]
      : [stagingFolder];
  const doctor = createDoctor({ db, objects, clock, repoObjects, workers, xet, stagingFolders });
  const exports = createExport({ db, repoObjects, stagingFolder });

  return {
    ...{ clock, workers, jobs, authorize, accounts, organizations, sessions, setup, tokens, apply },
    ...{ tokenReaches, sshKeys, requestLimits, deviceLogin, oauthApps, oauthCodes, oauthGrants, idTokens },
    ...{
      commitGraphs,
      contents,
      cards,
      commits,
      diffs,
      branches,
      merges,
      resets,
      squashes,
      repositories,
      buckets,
      repoMoves,
      duplicates,
      repoSettings,
      nameCheck,
      info,
      facts,
      tagLists,
      leaderboards,
      spaceSearch,
      safetensorsMetadata,
      overviews,
      downloads,
      likes,
      popularity,
      profiles,
      xet,
      largeObjects,
      archives,
      lfs,
      lfsAccess,
      lfsFiles,
      lfsLocks,
      uploadPack,
      receivePack,
      conversion,
      doctor,
      exports,
      imports,
      rollUps,
      sweeps,
    },
    openSpool: () => createSpool({ folder: stagingFolder, memoryBytes: SPOOL_MEMORY_BYTES }),
    xetStoreId: stores.storeId,
    maxInlineBytes: limits.inlineFileSize,
    readiness: (isStopping: () => boolean) =>
      createReadiness({ db, objects, clock, log, isLocked: stores.isLocked, isStopping }),
    async scheduleJobs() {
      await facts.checkVersion();
      await scheduleRecurringJobs(db, clock);
    },
    async close() {
      imports.close();
      await jobs.stop();
      await downloads.flush();
      await conversion.stop();
      await answers.close();
      await tokens.close();
      await sshKeys.close();
      await sessions.close();
      await workers.close();
      await remoteWorkers.close();
      await openWorkers.close();
    },
  };
}

export type Services = ReturnType<typeof createServices>;

/** What the command line asks of the services, in the hub's own process or in that of the command. */
export function commandServices(services: Services, stores: OpenedStores): OpenedHub['services'] {
  return {
    now: services.clock.now,
    accounts: services.accounts,
    tokens: services.tokens,
    apply: services.apply,
    async listRepos() {
      const all: Repo[] = [];
      let last: Repo | undefined;
      for (;;) {
        const page = await stores.db.read(({ repos }) => repos.listAll(last?.id, 500));
        last = page.at(-1);
        if (!last) return all;
        all.push(...page.filter(({ kind }) => kind !== 'bucket'));
      }
    },
    exportRepo: services.exports.exportRepo,
    importRepo: services.imports.importRepo,
    runDoctor: services.doctor.run,
  };
}

/** A hub without its servers, for one command of the command line. */
export async function openHub(config: Config): Promise<OpenedHub> {
  const { silentLog } = await import('./platform/log.ts');
  const stores = await openStores(config, 'An atoll command', silentLog);
  const services = createServices(config, stores, silentLog);
  return {
    services: commandServices(services, stores),
    async close() {
      await services.close();
      await stores.close();
    },
  };
}
