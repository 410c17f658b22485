import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Oid } from '../../../server/domain/ids.ts';
import { createCommitGraph } from '../../../server/git/commit-graph.ts';
import { createCommitTable } from '../../../server/git/commit-table.ts';
import { createObjectCache } from '../../../server/git/object-cache.ts';
import { createObjectDb } from '../../../server/git/object-db.ts';
import { hashObject, newObject } from '../../../server/git/objects.ts';
import type { ObjectFilter, PackQuestion } from '../../../server/git/pack-question.ts';
import { selectObjects } from '../../../server/git/pack-selection.ts';
import { planPack } from '../../../server/git/pack-stream.ts';
import type { SelectedObjects } from '../../../server/git/selected-objects.ts';
import { createMemoryGitStorage } from '../../support/memory-git-storage.ts';
import type { MemoryGitStorage } from '../../support/memory-git-storage.ts';
import { hasNativeGit, runGit, useNativeGit } from './native-git.ts';
import type { NativeGit } from './native-git.ts';
import { addNativePacks, buildPack, collect } from './pack-files.ts';
import { allObjects, makeRandomRepo, randomFrom } from './random-repo.ts';

const plain = (parts: Partial<PackQuestion>): PackQuestion => ({
  wants: [],
  haves: [],
  clientShallow: [],
  cut: [],
  uncut: [],
  filter: undefined,
  includeTags: [],
  mayBeThin: false,
  mayUseOffsets: true,
  ...parts,
});

async function answer(
  storage: MemoryGitStorage,
  question: PackQuestion,
): Promise<{ readonly selected: SelectedObjects; readonly pack: Buffer }> {
  const cache = createObjectCache({ maxBytes: 8 * 1024 * 1024 });
  const db = createObjectDb({ storage, cache, scope: 'test' });
  const graph = createCommitGraph(createCommitTable(), db);
  const selected = await selectObjects(question, { graph, db });
  const mayBeThin = question.mayBeThin && question.filter === undefined;
  const { mayUseOffsets } = question;
  const pack = await collect((await planPack({ db, storage, selected, mayBeThin, mayUseOffsets })).bytes);
  return { selected, pack };
}

const sentBy = ({ oids, groupAt }: SelectedObjects): Set<string> =>
  new Set(
    Array.from({ length: oids.size }, (_, at) => at)
      .filter((at) => groupAt(at) >= 0)
      .map((at) => oids.oidAt(at)),
  );

/** Objects that git lists, with the history ending at some commits. */
function listed(git: NativeGit, ends: readonly string[], args: readonly string[]): Set<string> {
  if (args.length === 0) return new Set();
  const shallow = join(git.folder, 'test-shallow');
  writeFileSync(shallow, ends.map((oid) => `${oid}\n`).join(''));
  const text = git.text(['--shallow-file', shallow, 'rev-list', '--objects', '--no-object-names', ...args]);
  return new Set(text.split('\n').filter(Boolean));
}

const minus = (a: ReadonlySet<string>, b: ReadonlySet<string>): Set<string> =>
  new Set([...a].filter((oid) => !b.has(oid)));

/** A client of native git that has some objects, and takes packs as a fetch does. */
function useClient(git: NativeGit, objects: ReadonlySet<string>, shallow: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'atoll-client-'));
  runGit(folder, ['init', '--quiet', '--bare', '.']);
  if (objects.size > 0) {
    const pack = git.run(['pack-objects', '--stdout'], {
      input: [...objects].map((oid) => `${oid}\n`).join(''),
    });
    runGit(folder, ['index-pack', '--stdin'], pack);
  }
  if (shallow.length > 0) writeFileSync(join(folder, 'shallow'), shallow.map((oid) => `${oid}\n`).join(''));
  return {
    take(
      pack: Buffer,
      newShallow: readonly string[] = shallow,
      options: readonly string[] = ['--strict'],
    ): Set<string> {
      writeFileSync(join(folder, 'shallow'), newShallow.map((oid) => `${oid}\n`).join(''));
      if (newShallow.length === 0) rmSync(join(folder, 'shallow'));
      const name = runGit(folder, ['index-pack', '--stdin', '--fix-thin', ...options], pack)
        .toString()
        .trim();
      const id = name.split('\t')[1] ?? name;
      const index = readFileSync(join(folder, `objects/pack/pack-${id}.idx`));
      const lines = runGit(folder, ['show-index'], index).toString().trimEnd().split('\n');
      return new Set(lines.map((line) => line.split(' ')[1] ?? ''));
    },
    connected: (oids: readonly string[]): string =>
      runGit(folder, ['rev-list', '--objects', '--quiet', ...oids]).toString(),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Ways to store the same objects: rows, packs of git with deltas, packs of the hub, some of each, some twice. */
async function store(git: NativeGit, how: number, random: () => number): Promise<MemoryGitStorage> {
  const storage = createMemoryGitStorage();
  const objects = allObjects(git);
  if (how === 0) {
    storage.addHot(objects);
  } else if (how === 1) {
    git.run(['repack', '-adfq', '--depth=20', '--window=20']);
    addNativePacks(storage, git.folder);
  } else {
    const packed = new Set<Oid>();
    for (let i = 0; i < 3; i += 1) {
      const some = objects.filter(() => random() < 0.6);
      if (i === 1) {
        const { packId, pack, index } = await buildPack(some);
        storage.addPack(packId, pack, index);
        for (const { oid } of some) packed.add(oid);
        continue;
      }
      const folder = mkdtempSync(join(tmpdir(), 'atoll-packs-'));
      const input = some.map(({ oid }) => `${oid}\n`).join('');
      mkdirSync(join(folder, 'objects/pack'), { recursive: true });
      git.run(['pack-objects', '-q', '--no-reuse-delta', `${folder}/objects/pack/pack`], { input });
      addNativePacks(storage, folder);
      rmSync(folder, { recursive: true });
      for (const { oid } of some) packed.add(oid);
    }
    storage.addHot(objects.filter(({ oid }) => random() < 0.2 || !packed.has(oid)));
  }
  return storage;
}

describe.skipIf(!hasNativeGit)('the pack that answers a fetch', () => {
  const git = useNativeGit();

  it.each([1, 2, 3, 4, 5, 6])(
    'holds what the client lacks and little else, and git takes it (%i)',
    async (seed) => {
      const random = randomFrom(seed * 7919);
      const { commits, tags } = makeRandomRepo(git, seed, { commits: 50, skew: seed % 3 === 0 ? 3 : 0 });
      const storage = await store(git, seed % 3, random);
      const below = (count: number): number => Math.floor(random() * count);
      const some = (from: readonly Oid[], count: number): Oid[] =>
        Array.from({ length: count }, () => from[below(from.length)] as Oid);
      const includeTags = tags.map((tag) => ({ tag, target: git.text(['rev-parse', `${tag}^{}`]) as Oid }));

      for (let round = 0; round < 12; round += 1) {
        const wants = [...some(commits, 1 + below(2)), ...some(tags, below(2))];
        const haves = some(commits, below(3));
        const clientShallow = round % 3 === 1 ? some(commits, 2) : [];
        const cut = round % 4 === 3 ? some(commits, 3) : [];
        const uncut = round % 6 === 1 ? clientShallow.slice(0, 1) : [];
        const question = plain({
          ...{ wants, haves, clientShallow, cut, uncut },
          includeTags: round % 2 === 0 ? includeTags : [],
          mayBeThin: round % 2 === 0,
          mayUseOffsets: round % 4 !== 2,
        });
        const held = listed(git, clientShallow, [...haves, ...uncut]);
        const behind = uncut.flatMap((oid) =>
          git.text(['log', '-1', '--format=%P', oid]).split(' ').filter(Boolean),
        );
        const ends = [...cut, ...clientShallow];
        const wanted = listed(git, ends, [...wants, ...behind]);
        const needed = minus(wanted, held);
        const { selected, pack } = await answer(storage, question);

        const sent = sentBy(selected);
        expect(minus(needed, sent)).toEqual(new Set());
        const named = new Set<string>([...wants, ...tags]);
        expect(minus(minus(sent, wanted), named)).toEqual(new Set());
        if (ends.length === 0) {
          const byGit = listed(git, [], [...wants, '--not', ...haves]);
          expect(minus(minus(sent, byGit), named)).toEqual(new Set());
        }
        expect(pack.readUInt32BE(8)).toBe(sent.size);

        using client = useClient(git, held, clientShallow);
        const now = [...new Set([...cut, ...clientShallow.filter((oid) => !uncut.includes(oid))])].filter(
          (oid) => held.has(oid) || sent.has(oid),
        );
        if (sent.size > 0) {
          const taken = client.take(pack, now);
          expect(minus(sent, taken)).toEqual(new Set());
          if (!question.mayBeThin) expect(taken).toEqual(sent);
        }
        client.connected(wants);
      }
    },
  );

  it.each<[string, ObjectFilter]>([
    ['blob:none', { blobBytes: 0, depth: Infinity }],
    ['blob:limit=600', { blobBytes: 600, depth: Infinity }],
    ['tree:0', { blobBytes: Infinity, depth: 0 }],
    ['tree:1', { blobBytes: Infinity, depth: 1 }],
    ['tree:2', { blobBytes: Infinity, depth: 2 }],
    ['tree:3', { blobBytes: Infinity, depth: 3 }],
    ['combine:blob:none+tree:2', { blobBytes: 0, depth: 2 }],
    ['combine:tree:3+blob:limit=600', { blobBytes: 600, depth: 3 }],
  ])('with the filter %s holds what git would send', async (name, filter) => {
    const random = randomFrom(5);
    const { commits, tags } = makeRandomRepo(git, 21, { commits: 40 });
    const storage = await store(git, 1, random);
    const some = (count: number): Oid[] =>
      Array.from({ length: count }, () => commits[Math.floor(random() * commits.length)] as Oid);
    for (let round = 0; round < 8; round += 1) {
      const wants = [...some(2), ...tags.slice(0, round % 2)];
      const named: Oid[] = [];
      // Trees and blobs asked for by name, as for a checkout.
      if (round % 2 === 1) {
        const [commit] = some(1);
        named.push(git.text(['rev-parse', `${commit ?? ''}^{tree}`]) as Oid);
        const blob = git
          .text(['ls-tree', '-r', commit as string])
          .split('\n')
          .find((line) => line.includes(' blob '));
        if (blob !== undefined) named.push(blob.slice(12, 52) as Oid);
      }
      wants.push(...named);
      const haves = some(round % 3);
      const { selected, pack } = await answer(storage, plain({ wants, haves, filter }));
      const sent = sentBy(selected);
      const held = listed(git, [], haves);
      const byGit = listed(git, [], [`--filter=${name}`, ...wants, '--not', ...haves]);
      expect(minus(minus(byGit, held), sent)).toEqual(new Set());
      // A tree asked for by name that a commit leads to as well counts from the commit in git, from itself here.
      expect(minus(minus(sent, byGit), listed(git, [], named))).toEqual(new Set());
      using client = useClient(git, held, []);
      if (sent.size > 0) expect(client.take(pack, [], [])).toEqual(sent);
    }
  });

  it('names what it lacks when something is missing, and stops when nobody waits', async () => {
    const { commits } = makeRandomRepo(git, 31, { commits: 20 });
    const storage = createMemoryGitStorage();
    storage.addHot(allObjects(git));
    const tip = commits[19] as Oid;
    const tree = git.text(['rev-parse', `${tip}^{tree}`]) as Oid;
    storage.hot.delete(tree);
    await expect(answer(storage, plain({ wants: [tip] }))).rejects.toThrow(tree);
    await expect(answer(storage, plain({ wants: ['1'.repeat(40) as Oid] }))).rejects.toThrow('1'.repeat(40));
    const db = createObjectDb({ storage, cache: createObjectCache({ maxBytes: 1 }), scope: 'x' });
    const graph = createCommitGraph(createCommitTable(), db);
    await expect(
      selectObjects(plain({ wants: [commits[3] as Oid] }), { graph, db, signal: AbortSignal.abort() }),
    ).rejects.toThrow('abort');
  });

  it('is made of what is intact elsewhere where a pack is damaged', async () => {
    const { commits } = makeRandomRepo(git, 41, { commits: 20 });
    git.run(['repack', '-adfq']);
    const storage = createMemoryGitStorage();
    addNativePacks(storage, git.folder);
    const objects = allObjects(git);
    const [packKey] = [...storage.files.keys()].filter((key) => key.endsWith('.pack'));
    const damaged = Buffer.from(storage.files.get(packKey as string) as Buffer);
    damaged.fill(0xff, damaged.length >>> 1, (damaged.length >>> 1) + 40);
    storage.files.set(packKey as string, damaged);
    const tip = commits[19] as Oid;
    await expect(answer(storage, plain({ wants: commits }))).rejects.toMatchObject({ code: 'CorruptObject' });
    storage.addHot(objects);
    const { selected, pack } = await answer(storage, plain({ wants: commits }));
    using client = useClient(git, new Set(), []);
    expect(client.take(pack)).toEqual(sentBy(selected));
    client.connected([tip]);
  });
});

describe.skipIf(!hasNativeGit)('deltas that are made for an answer', () => {
  const git = useNativeGit();

  it('take the place of whole folders, of which every commit through the API stores another', async () => {
    const random = randomFrom(3);
    const id = (): string =>
      Array.from({ length: 40 }, () => Math.floor(random() * 16).toString(16)).join('');
    const blob = newObject('blob', Buffer.from('x\n'));
    const names = Array.from({ length: 3000 }, (_, i) => `file-${String(i).padStart(5, '0')}`);
    const blobs = new Map(names.map((name) => [name, newObject('blob', Buffer.from(`${name} ${id()}\n`))]));
    git.run(['hash-object', '-w', '--stdin'], { input: blob.content });
    const lines = names.map(
      (name) =>
        `M 100644 inline ${name}\ndata ${blobs.get(name)?.content.length ?? 0}\n${blobs.get(name)?.content.toString() ?? ''}\n`,
    );
    const who = 'committer A <a@b> 1700000000 +0000\n';
    const history = [`commit refs/heads/wide\nmark :1\n${who}data 1\nx\n${lines.join('')}\n`];
    for (let i = 2; i <= 80; i += 1) {
      const text = `${id()}\n`;
      history.push(
        `commit refs/heads/wide\nmark :${i}\n${who}data 1\nx\nfrom :${i - 1}\nM 100644 inline ${names[i * 7] ?? ''}\ndata ${text.length}\n${text}\n`,
      );
    }
    git.run(['fast-import', '--quiet', '--force'], { input: history.join('') });
    const storage = createMemoryGitStorage();
    storage.addHot(allObjects(git));
    const tip = git.text(['rev-parse', 'wide']) as Oid;
    const { pack, selected } = await answer(storage, plain({ wants: [tip] }));
    const wholeBytes = git.run(['cat-file', 'tree', `${tip}^{tree}`]).length;
    expect(wholeBytes).toBeGreaterThan(100_000);
    // One folder whole, again every 50, the others as a few bytes.
    expect(pack.length).toBeLessThan(3 * wholeBytes + 3100 * 120);
    using client = useClient(git, new Set(), []);
    expect(client.take(pack)).toEqual(sentBy(selected));

    const have = git.text(['rev-parse', 'wide~1']) as Oid;
    const thin = await answer(storage, plain({ wants: [tip], haves: [have], mayBeThin: true }));
    expect(thin.selected.count).toBe(3);
    expect(thin.pack.length).toBeLessThan(600);
    const full = await answer(storage, plain({ wants: [tip], haves: [have] }));
    expect(full.pack.length).toBeGreaterThan(wholeBytes / 2);
    expect(hashObject('blob', blob.content)).toBe(blob.oid);
  });
});
