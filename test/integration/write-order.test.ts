import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { isHubError } from '../../server/domain/errors.ts';
import { writePointer } from '../../server/domain/lfs.ts';
import { branchRef } from '../../server/domain/revision.ts';
import type { Sha256 } from '../../server/domain/ids.ts';
import type { Repo } from '../../server/domain/repo.ts';
import { SWEEP_GRACE_MS } from '../../server/services/sweep.ts';
import {
  forge,
  forgeCommit,
  packOf,
  treeLine,
  ZERO_OID,
  type ForgedObject,
} from '../support/forged-packs.ts';
import { openHubServices, type HubServices } from '../support/hub-services.ts';
import { packets, readAnswer } from '../support/wire.ts';
import { buildFile, buildShard, buildXorb } from '../unit/xet/builders.ts';

/*
 * Every step of every change fails once, before and after it had its effect: each call of the object store and each
 * transaction. Whoever asked hears of it, nothing half done can be seen, doctor is content, and the same request
 * again succeeds. A change that went well has put its bytes before its transaction, and answered after it.
 */

/** One change that can be asked for again and again, with what a reader can see of it. */
interface Change {
  run(): Promise<unknown>;
  /** Comparable text of what a reader sees. */
  see(): Promise<unknown>;
  /** Throws unless the change is there in full, once. */
  check(): Promise<void>;
}

/** Makes ready for a change of its own at each call. */
type Scenario = (hub: HubServices, round: number) => Promise<Change>;

interface Spot {
  readonly in: 'store' | 'read' | 'write';
  readonly when: 'before' | 'inside' | 'after';
}

const SPOTS: readonly Spot[] = [
  { in: 'store', when: 'before' },
  { in: 'store', when: 'after' },
  { in: 'read', when: 'before' },
  { in: 'write', when: 'before' },
  { in: 'write', when: 'inside' },
  { in: 'write', when: 'after' },
];
/** No change here has so many steps; reaching this means that a fault is never passed. */
const MOST_STEPS = 60;

const sha256Of = (bytes: Uint8Array): Sha256 => createHash('sha256').update(bytes).digest('hex') as Sha256;

/** Copies: what receives them may give up their memory. */
async function* inPieces(bytes: Buffer, size = 64 * 1024): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) {
    yield await Promise.resolve(Buffer.from(bytes.subarray(at, at + size)));
  }
}

async function readAll(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of source) pieces.push(piece);
  return Buffer.concat(pieces);
}

type CommitLine = readonly [key: string, value: unknown];

const fileLine = (path: string, content: Buffer): CommitLine => [
  'file',
  { path, content: content.toString('base64'), encoding: 'base64' },
];

const lfsLine = (path: string, sha256: Sha256, size: number): CommitLine => [
  'lfsFile',
  { path, algo: 'sha256', oid: sha256, size },
];

const ndjson = (header: object, lines: readonly CommitLine[]): Buffer =>
  Buffer.from(
    [['header', header] as CommitLine, ...lines]
      .map(([key, value]) => `${JSON.stringify({ key, value })}\n`)
      .join(''),
  );

/** The whole of a repository as a reader finds it: refs, history, and every file of the branch. */
async function seeRepo(hub: HubServices, repo: Repo): Promise<object> {
  const granted = await hub.writer(repo);
  const { contents } = hub.services;
  const refs = await contents.refs(granted);
  const { commit } = await contents.resolve(repo, 'main');
  const history = await contents.commits(granted, commit, 0, 100);
  const query = { path: '', recursive: true, withLastCommits: true, after: undefined, limit: 5000 };
  const { entries } = await contents.list(granted, commit, query);
  return {
    refs: refs.map(({ name, target }) => [name, target]),
    history: history.commits.map((made) => [made.oid, made.commit.message]),
    files: entries.map((entry) => [entry.path, entry.oid, entry.lastCommit?.oid]),
  };
}

async function readFile(hub: HubServices, repo: Repo, path: string): Promise<Buffer> {
  const granted = await hub.writer(repo);
  const { commit } = await hub.services.contents.resolve(repo, 'main');
  const file = await hub.services.contents.file(granted, commit, path);
  if (!file.large) {
    const blob = await hub.services.contents.blob(granted, file.oid);
    return blob instanceof Uint8Array ? Buffer.from(blob) : readAll(blob);
  }
  return readAll(await hub.services.largeObjects.open(granted, file.large.sha256, undefined));
}

/** A commit of such files, none of which the repository has yet. */
function commitChange(
  hub: HubServices,
  repo: Repo,
  files: ReadonlyMap<string, Buffer>,
  parentCommit?: string,
): Change {
  const body = ndjson(
    { summary: 'the change', ...(parentCommit === undefined ? {} : { parentCommit }) },
    [...files].map(([path, content]) => fileLine(path, content)),
  );
  return {
    run: async () => hub.services.commits.commit(await hub.writer(repo), 'main', inPieces(body)),
    see: () => seeRepo(hub, repo),
    async check() {
      const seen = JSON.stringify(await seeRepo(hub, repo));
      expect(seen.split('the change')).toHaveLength(2);
      for (const [path, content] of files) {
        expect((await readFile(hub, repo, path)).equals(content), path).toBe(true);
      }
    },
  };
}

/** A change of history, after which the branch has these commits and files. */
const historyChange = (
  hub: HubServices,
  repo: Repo,
  run: () => Promise<unknown>,
  wanted: { readonly titles: readonly string[]; readonly paths: readonly string[] },
): Change => ({
  run,
  see: () => seeRepo(hub, repo),
  async check() {
    const granted = await hub.writer(repo);
    const { commit } = await hub.services.contents.resolve(repo, 'main');
    const { commits } = await hub.services.contents.commits(granted, commit, 0, 100);
    const titles = commits.map((made) => made.commit.message.split('\n')[0]);
    expect(new Set(titles)).toEqual(new Set(wanted.titles));
    expect(titles).toHaveLength(wanted.titles.length);
    expect(await hub.services.contents.filePaths(granted, commit, 100)).toEqual(wanted.paths);
  },
});

/** What refs a push wants to be what; undefined deletes one. */
type PushedRefs = Readonly<Record<string, string | undefined>>;

/** Push as git does: look at the refs, and send what is not as it should be. Throws what a person is told. */
async function push(
  hub: HubServices,
  repo: Repo,
  wanted: PushedRefs,
  objects: readonly ForgedObject[],
): Promise<void> {
  const granted = await hub.writer(repo);
  const refs = await hub.services.contents.refs(granted);
  const current = new Map<string, string>(refs.map(({ name, target }) => [name, target]));
  const commands = Object.entries(wanted)
    .filter(([name, next]) => current.get(name) !== next)
    .map(([name, next]) => `${current.get(name) ?? ZERO_OID} ${next ?? ZERO_OID} ${name}`);
  const [first, ...others] = commands;
  if (first === undefined) return;
  const lines = packets([`${first}\0 report-status atomic\n`, ...others.map((line) => `${line}\n`), 'flush']);
  const brings = Object.values(wanted).some((next) => next !== undefined);
  const request = Buffer.concat([lines, brings ? packOf(objects) : Buffer.alloc(0)]);
  const answer = hub.services.receivePack.serve(granted, {
    ...{ protocol: 0, isStateless: true, input: inPieces(request), from: '127.0.0.1' },
    signal: new AbortController().signal,
  });
  const report = readAnswer(await readAll(answer));
  const wrong = report.filter((line) => line.startsWith('ng ') || /^unpack (?!ok)/.test(line));
  if (wrong.length > 0) throw new Error(wrong.join('; '));
}

const FULL_MODE = '100644';

/** A push of one commit with such files onto the branch, and with a tag beside it. */
async function pushChange(hub: HubServices, repo: Repo, files: ReadonlyMap<string, Buffer>): Promise<Change> {
  const { commit: parent } = await hub.services.contents.resolve(repo, 'main');
  const blobs = new Map([...files].map(([path, content]) => [path, forge('blob', content)]));
  const lines = [...blobs].sort().map(([path, { oid }]) => treeLine(FULL_MODE, path, oid));
  const tree = forge('tree', Buffer.concat(lines));
  const commit = forgeCommit(tree.oid, { parents: [parent], message: 'the change' });
  const wanted = { [branchRef('main')]: commit.oid, 'refs/tags/v1': commit.oid };
  return {
    run: () => push(hub, repo, wanted, [...blobs.values(), tree, commit]),
    see: () => seeRepo(hub, repo),
    async check() {
      const refs = await hub.services.contents.refs(await hub.writer(repo));
      expect(refs).toEqual(
        expect.arrayContaining(
          Object.entries(wanted).map(
            ([name, target]) => expect.objectContaining({ name, target }) as unknown,
          ),
        ),
      );
      for (const [path, content] of files) {
        expect((await readFile(hub, repo, path)).equals(content), path).toBe(true);
      }
    },
  };
}

/** What a repository is told of a large object, and its bytes once it has it. */
async function seeLarge(hub: HubServices, repo: Repo, content: Buffer): Promise<unknown> {
  const name = { sha256: sha256Of(content), sizeBytes: content.length };
  const [plan] = await hub.services.lfs.planDownloads(await hub.writer(repo), [name]);
  if (plan?.kind !== 'link') return plan;
  const { object } = await hub.services.lfs.linked(plan.capability);
  const bytes = await readAll(await hub.services.xet.openLargeObject(object, undefined));
  return bytes.equals(content) ? 'its bytes' : 'other bytes';
}

/** An upload of a large object, which can be committed afterwards. */
const largeChange = (hub: HubServices, repo: Repo, content: Buffer, run: () => Promise<unknown>): Change => ({
  run,
  see: () => seeLarge(hub, repo, content),
  async check() {
    expect(await seeLarge(hub, repo, content)).toBe('its bytes');
    const body = ndjson({ summary: 'use it' }, [lfsLine('large.bin', sha256Of(content), content.length)]);
    await hub.services.commits.commit(await hub.writer(repo), 'main', inPieces(body));
    expect((await readFile(hub, repo, 'large.bin')).equals(content)).toBe(true);
  },
});

async function lfsChange(hub: HubServices, repo: Repo, content: Buffer): Promise<Change> {
  const name = { sha256: sha256Of(content), sizeBytes: content.length };
  const [plan] = await hub.services.lfs.planUploads(await hub.writer(repo), [name], false);
  if (plan?.kind !== 'single') throw new Error('no single upload');
  const { capability } = plan;
  return largeChange(hub, repo, content, () =>
    hub.services.lfs.receive(capability, inPieces(content), content.length),
  );
}

const PART_BYTES = 5 * 1024 * 1024;

/** An upload in parts, with the capability and the parts' tags once `count` of them are there. */
async function uploadParts(hub: HubServices, repo: Repo, content: Buffer, count: number) {
  const name = { sha256: sha256Of(content), sizeBytes: content.length };
  const [plan] = await hub.services.lfs.planUploads(await hub.writer(repo), [name], true);
  if (plan?.kind !== 'parts') throw new Error('no upload in parts');
  const { capability } = plan;
  const putPart = (partNumber: number): Promise<string> => {
    const part = content.subarray((partNumber - 1) * PART_BYTES, partNumber * PART_BYTES);
    return hub.services.lfs.receivePart(capability, partNumber, inPieces(part), part.length);
  };
  const parts: { partNumber: number; etag: string }[] = [];
  for (let partNumber = 1; partNumber <= count; partNumber++) {
    parts.push({ partNumber, etag: await putPart(partNumber) });
  }
  return { capability, putPart, parts };
}

async function buildXetFile() {
  const chunks = [randomBytes(40_000), randomBytes(20_000)];
  const xorb = await buildXorb(chunks.map((raw) => ({ raw, scheme: 0 as const })));
  const content = Buffer.concat(chunks);
  const file = await buildFile([{ xorb, start: 0, end: chunks.length }], sha256Of(content));
  return { xorb, content, file, shard: buildShard([file], [xorb]) };
}

async function xetGrant(hub: HubServices, repo: Repo) {
  const { token } = hub.services.xet.writeToken(await hub.writer(repo));
  return hub.services.xet.authorize(token, 'write');
}

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'a small commit, kept as rows': async (hub, round) => {
    const repo = await hub.createRepo(`small-${round}`);
    return commitChange(
      hub,
      repo,
      new Map([
        ['a.txt', randomBytes(500)],
        ['deep/er/b.txt', randomBytes(700)],
      ]),
    );
  },

  'a commit that names its parent': async (hub, round) => {
    const repo = await hub.createRepo(`parent-${round}`);
    const { commit } = await hub.services.contents.resolve(repo, 'main');
    return commitChange(hub, repo, new Map([['a.txt', randomBytes(500)]]), commit);
  },

  'a large commit, kept as a pack': async (hub, round) => {
    const repo = await hub.createRepo(`large-${round}`);
    return commitChange(hub, repo, new Map([['one.txt', randomBytes(1_200_000)]]));
  },

  'a commit of many folders, kept as two packs': async (hub, round) => {
    const repo = await hub.createRepo(`many-${round}`);
    const files = Array.from({ length: 1010 }, (_, index): [string, Buffer] => [
      `folder-${index}/file.txt`,
      Buffer.from(`${round} ${index}`),
    ]);
    return commitChange(hub, repo, new Map(files));
  },

  'a small push, kept as rows': async (hub, round) => {
    const repo = await hub.createRepo(`pushed-${round}`);
    return pushChange(hub, repo, new Map([['a.txt', randomBytes(500)]]));
  },

  'a large push, kept as a pack': async (hub, round) => {
    const repo = await hub.createRepo(`pushed-${round}`);
    return pushChange(hub, repo, new Map([['one.bin', randomBytes(1_200_000)]]));
  },

  'a push of a pointer to a large file that waits for it': async (hub, round) => {
    const repo = await hub.createRepo(`pushed-${round}`);
    const content = randomBytes(1000);
    await (await lfsChange(hub, repo, content)).run();
    const pointer = writePointer({ sha256: sha256Of(content), sizeBytes: content.length });
    return {
      ...(await pushChange(hub, repo, new Map([['large.bin', Buffer.from(pointer)]]))),
      async check() {
        expect((await readFile(hub, repo, 'large.bin')).equals(content)).toBe(true);
        expect(await seeLarge(hub, repo, content)).toBe('its bytes');
      },
    };
  },

  'a push that deletes a branch': async (hub, round) => {
    const repo = await hub.createRepo(`pushed-${round}`);
    const { commit } = await hub.services.contents.resolve(repo, 'main');
    const options = { startingPoint: undefined, overwrite: true };
    await hub.services.branches.create(await hub.writer(repo), 'side', options);
    const names = async (): Promise<readonly string[]> =>
      (await hub.services.contents.refs(await hub.writer(repo))).map(({ name }) => name);
    return {
      run: () => push(hub, repo, { [branchRef('side')]: undefined }, []),
      see: () => seeRepo(hub, repo),
      async check() {
        expect(await names()).not.toContain(branchRef('side'));
        expect((await hub.services.contents.resolve(repo, 'main')).commit).toBe(commit);
      },
    };
  },

  'the creation of a repository with a large first commit': async (hub, round) => {
    const name = `created-${round}`;
    const content = randomBytes(1_200_000);
    const files = [{ path: 'weights.txt', content: content.toString('base64') }];
    const find = () =>
      hub.services.authorize.repo(hub.actor, { kind: 'model', owner: 'ada', name }, 'read').then(
        ({ granted }) => granted.repo,
        () => undefined,
      );
    return {
      async run() {
        const wish = {
          ...{ kind: 'model' as const, owner: 'ada', name, files },
          ...{ visibility: undefined, license: undefined, sdk: undefined },
        };
        // Clients take the refusal of what they have made themselves as success (`exist_ok`).
        await hub.services.repositories.create(hub.actor, wish).catch((error: unknown) => {
          if (!isHubError(error, 'Conflict')) throw error;
        });
      },
      async see() {
        const repo = await find();
        return repo ? seeRepo(hub, repo) : 'absent';
      },
      async check() {
        const repo = await find();
        if (!repo) throw new Error('The repository is not there.');
        expect((await readFile(hub, repo, 'weights.txt')).equals(content)).toBe(true);
      },
    };
  },

  'a branch and an annotated tag': async (hub, round) => {
    const repo = await hub.createRepo(`refs-${round}`);
    const { branches } = hub.services;
    const hasRef = async (name: string): Promise<boolean> =>
      (await hub.services.contents.refs(await hub.writer(repo))).some((ref) => ref.name === name);
    return {
      async run() {
        const granted = await hub.writer(repo);
        const options = { startingPoint: undefined, overwrite: true };
        await branches.create(granted, 'side', options);
        if (await hasRef('refs/tags/v1')) return;
        await branches.createTag(granted, { name: 'v1', revision: 'side', message: 'First.' });
      },
      see: () => seeRepo(hub, repo),
      async check() {
        expect(await hasRef(branchRef('side'))).toBe(true);
        expect(await hasRef('refs/tags/v1')).toBe(true);
      },
    };
  },

  'a merge of two branches': async (hub, round) => {
    const repo = await hub.createRepo(`merged-${round}`);
    await hub.services.branches.create(await hub.writer(repo), 'dev', {
      startingPoint: undefined,
      overwrite: false,
    });
    const line = (path: string) => ndjson({ summary: path }, [fileLine(path, randomBytes(300))]);
    await hub.services.commits.commit(await hub.writer(repo), 'main', inPieces(line('ours.txt')));
    const { commits } = hub.services;
    const { commit } = await commits.commit(await hub.writer(repo), 'dev', inPieces(line('theirs.txt')));
    const wish = {
      ...{ source: { text: 'dev', commit }, into: 'main', message: 'the merge', strategy: undefined },
      ...{ squash: false, fastForward: true, allowEmpty: false, allowUnrelated: false },
    };
    return historyChange(hub, repo, async () => hub.services.merges.merge(await hub.writer(repo), wish), {
      titles: ['the merge', 'theirs.txt', 'ours.txt', 'initial commit'],
      paths: ['.gitattributes', 'ours.txt', 'theirs.txt'],
    });
  },

  'a revert': async (hub, round) => {
    const repo = await hub.createRepo(`reverted-${round}`);
    const body = ndjson({ summary: 'bad' }, [fileLine('bad.txt', randomBytes(300))]);
    const { commit } = await hub.services.commits.commit(await hub.writer(repo), 'main', inPieces(body));
    const wish = { branch: 'main', commit, parentNumber: 1, message: 'undone', allowEmpty: false };
    return historyChange(hub, repo, async () => hub.services.merges.revert(await hub.writer(repo), wish), {
      titles: ['undone', 'bad', 'initial commit'],
      paths: ['.gitattributes'],
    });
  },

  'a reset': async (hub, round) => {
    const repo = await hub.createRepo(`reset-${round}`);
    const { commit } = await hub.services.contents.resolve(repo, 'main');
    const body = ndjson({ summary: 'dropped' }, [fileLine('dropped.txt', randomBytes(300))]);
    await hub.services.commits.commit(await hub.writer(repo), 'main', inPieces(body));
    const wish = { branch: 'main', commit, force: true };
    return historyChange(hub, repo, async () => hub.services.resets.reset(await hub.writer(repo), wish), {
      titles: ['initial commit'],
      paths: ['.gitattributes'],
    });
  },

  'a squash of a whole repository': async (hub, round) => {
    const repo = await hub.createRepo(`squashed-${round}`);
    const body = ndjson({ summary: 'last' }, [fileLine('a.txt', randomBytes(300))]);
    await hub.services.commits.commit(await hub.writer(repo), 'main', inPieces(body));
    await hub.services.branches.createTag(await hub.writer(repo), {
      ...{ name: 'v1', revision: 'main', message: 'First.' },
    });
    const run = async (): Promise<void> =>
      hub.services.squashes.squashAll(await hub.writer(repo), hub.services.authorize.system(repo));
    return historyChange(hub, repo, run, { titles: ['last'], paths: ['.gitattributes', 'a.txt'] });
  },

  'an LFS object in one request': async (hub, round) =>
    lfsChange(hub, await hub.createRepo(`lfs-${round}`), randomBytes(300_000)),

  'a part of an LFS object': async (hub, round) => {
    const repo = await hub.createRepo(`part-${round}`);
    const content = randomBytes(PART_BYTES + 1000);
    const { capability, putPart, parts } = await uploadParts(hub, repo, content, 1);
    let etag = '';
    return {
      run: async () => (etag = await putPart(2)),
      see: () => seeLarge(hub, repo, content),
      async check() {
        await hub.services.lfs.complete(capability, sha256Of(content), [...parts, { partNumber: 2, etag }]);
        expect(await seeLarge(hub, repo, content)).toBe('its bytes');
      },
    };
  },

  'the completion of an LFS object in parts': async (hub, round) => {
    const repo = await hub.createRepo(`parts-${round}`);
    const content = randomBytes(PART_BYTES + 1000);
    const { capability, parts } = await uploadParts(hub, repo, content, 2);
    return largeChange(hub, repo, content, () =>
      hub.services.lfs.complete(capability, sha256Of(content), parts),
    );
  },

  'a xorb': async (hub, round) => {
    const repo = await hub.createRepo(`xorb-${round}`);
    const { xorb, shard, content } = await buildXetFile();
    const grant = await xetGrant(hub, repo);
    return {
      run: () => hub.services.xet.putXorb(grant, xorb.hash, inPieces(xorb.bytes), xorb.bytes.length),
      see: () => seeLarge(hub, repo, content),
      async check() {
        await hub.services.xet.putShard(grant, inPieces(shard), shard.length);
        expect(await seeLarge(hub, repo, content)).toBe('its bytes');
      },
    };
  },

  'a shard': async (hub, round) => {
    const repo = await hub.createRepo(`shard-${round}`);
    const { xorb, shard, content } = await buildXetFile();
    const grant = await xetGrant(hub, repo);
    await hub.services.xet.putXorb(grant, xorb.hash, inPieces(xorb.bytes), xorb.bytes.length);
    return largeChange(hub, repo, content, () =>
      hub.services.xet.putShard(grant, inPieces(shard), shard.length),
    );
  },

  'a roll-up of rows into a pack': async (hub, round) => {
    const repo = await hub.createRepo(`rolled-${round}`);
    const files = new Map([['a.txt', randomBytes(500)]]);
    const commit = commitChange(hub, repo, files);
    await commit.run();
    return {
      run: () => hub.services.rollUps.rollUp(repo.id),
      see: commit.see,
      async check() {
        await commit.check();
        const { packs, rows } = await hub.db.read(async ({ gitObjects }) => ({
          packs: await gitObjects.packs(repo.id),
          rows: await gitObjects.hotTotals(repo.id),
        }));
        expect(packs).toHaveLength(1);
        expect(rows).toEqual({ count: 0, sizeBytes: 0 });
      },
    };
  },

  'a sweep of what was begun and given up': async (hub, round) => {
    const repo = await hub.createRepo(`swept-${round}`);
    const kept = commitChange(hub, repo, new Map([['kept.txt', randomBytes(500)]]));
    await kept.run();
    await uploadParts(hub, repo, randomBytes(PART_BYTES + 1000), 1);
    const content = randomBytes(1000);
    const { xorb } = await buildXetFile();
    const grant = await xetGrant(hub, repo);
    const lost = [
      commitChange(hub, repo, new Map([['lost.txt', randomBytes(1_200_000)]])),
      await lfsChange(hub, repo, content),
      { run: () => hub.services.xet.putXorb(grant, xorb.hash, inPieces(xorb.bytes), xorb.bytes.length) },
    ];
    for (const change of lost) {
      hub.db.fail({ mode: 'write', call: 1, when: 'before' });
      await expect(change.run()).rejects.toThrow('Planted');
      hub.db.heal();
    }
    hub.clock.advance(SWEEP_GRACE_MS + 1);
    return {
      run: () => hub.services.sweeps.sweep(),
      see: kept.see,
      async check() {
        await kept.check();
        const left: string[] = [];
        for await (const { key } of hub.store.list('')) left.push(key);
        expect(left).toEqual([]);
      },
    };
  },

  'the deletion of a repository': async (hub, round) => {
    const repo = await hub.createRepo(`deleted-${round}`);
    const find = () => hub.db.read((stores) => stores.repos.findById(repo.id));
    return {
      async run() {
        const { kind, owner, name } = repo;
        if (!(await find())) return;
        const asked = { kind, owner: owner.name, name };
        const { granted } = await hub.services.authorize.repo(hub.actor, asked, 'administer');
        await hub.services.repositories.delete(granted);
      },
      see: async () => ((await find()) ? seeRepo(hub, repo) : 'absent'),
      check: async () => expect(await find()).toBeUndefined(),
    };
  },
};

const plant = (hub: HubServices, spot: Spot, call: number): void => {
  if (spot.in !== 'store') hub.db.fail({ mode: spot.in, call, when: spot.when });
  else hub.store.fail({ call, when: spot.when === 'after' ? 'after' : 'before' });
};

const healAll = (hub: HubServices): { readonly isHit: boolean; readonly call: string } => {
  const [call = ''] = hub.store.heal();
  return { isHit: hub.db.heal() || call !== '', call };
};

const expectHealthy = async (hub: HubServices): Promise<void> =>
  expect((await hub.services.doctor.run({ full: true })).problems).toEqual([]);

/** Make one step fail and look at everything. Answers false once there is no such step. */
async function failOnce(hub: HubServices, scenario: Scenario, spot: Spot, call: number): Promise<boolean> {
  const change = await scenario(hub, call);
  const before = JSON.stringify(await change.see());
  const rows = hub.rowCounts();
  hub.trace.length = 0;
  plant(hub, spot, call);
  const outcome = await change.run().then(
    () => 'answered',
    (error: unknown) => String(error),
  );
  const hit = healAll(hub);
  const what = `${spot.when} ${spot.in} ${call} ${hit.call}`;
  if (!hit.isHit) {
    expect(outcome, what).toBe('answered');
    return false;
  }
  expect(outcome, what).toContain('Planted fault');
  const isChanged = hub.trace.includes('transaction');
  if (!isChanged) {
    expect(hub.rowCounts(), what).toEqual(rows);
    expect(JSON.stringify(await change.see()), what).toBe(before);
  }
  // What a put could not do must not have been promised by a transaction before it.
  if (hit.call.startsWith('put')) expect(isChanged, what).toBe(false);
  await expectHealthy(hub);
  await change.run();
  await change.check();
  await expectHealthy(hub);
  return true;
}

describe.each(Object.entries(SCENARIOS))('%s', (_, scenario) => {
  test.each(SPOTS)('survives a failure $when each $in of it', async (spot) => {
    await using hub = await openHubServices();
    let call = 1;
    while (await failOnce(hub, scenario, spot, call)) {
      call++;
      expect(call).toBeLessThan(MOST_STEPS);
    }
  });

  test('puts what is immutable before its transaction and answers after it', async () => {
    await using hub = await openHubServices();
    const change = await scenario(hub, 1);
    hub.trace.length = 0;
    await change.run();
    const steps = hub.trace.map((step) => step.split(' ')[0]);
    expect(steps).toContain('transaction');
    expect(steps.lastIndexOf('put')).toBeLessThan(steps.indexOf('transaction'));
    await change.check();
  });
});
