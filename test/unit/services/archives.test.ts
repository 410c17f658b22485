import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Oid } from '../../../server/domain/ids.ts';
import type { Repo } from '../../../server/domain/repo.ts';
import type { ArchiveEntry } from '../../../server/services/archive-entry.ts';
import { tarForm } from '../../../server/services/archive-tar.ts';
import { zipForm } from '../../../server/services/archive-zip.ts';
import { openHubServices, type HubServices } from '../../support/hub-services.ts';
import { openNativeRepo, type NativeFile, type NativeRepo } from '../../support/native-repo.ts';
import { hasNativeGit, runGit } from '../git/native-git.ts';

/* Archives, read by programs that know nothing of us. */

const READ_ZIP = `
import sys, json, zipfile, hashlib
z = zipfile.ZipFile(sys.argv[1])
assert z.testzip() is None
print(json.dumps({'comment': z.comment.decode(), 'entries': [[i.filename, oct(i.external_attr >> 16),
  i.file_size, hashlib.sha256(z.read(i)).hexdigest(), list(i.date_time)] for i in z.infolist()]}))
`;
const READ_TAR = `
import sys, json, tarfile, hashlib
t = tarfile.open(sys.argv[1])
print(json.dumps({'comment': t.pax_headers.get('comment'), 'entries': [[m.name, m.type.decode(), m.mode & 0o111 != 0,
  m.size, m.linkname, hashlib.sha256(t.extractfile(m).read()).hexdigest() if m.isreg() else '', m.mtime] for m in t]}))
`;
const hasPython = spawnSync('python3', ['--version']).status === 0;

let hub: HubServices;
let native: NativeRepo;
let repo: Repo;
let commit: Oid;
let folder: string;

const file = (content: string | Buffer, mode: NativeFile['mode'] = '100644'): NativeFile => ({
  mode,
  content: Buffer.from(content),
});
const FILES = new Map<string, NativeFile>([
  ['README.md', file('# Words\n')],
  ['empty', file('')],
  ['run.sh', file('#!/bin/sh\n', '100755')],
  ['folder/link', file('../README.md', '120000')],
  ['folder/deep/日本 é.txt', file('text\n')],
  [`long/${'n'.repeat(120)}/${'m'.repeat(100)}.bin`, file(Buffer.alloc(70_000, 3))],
  ['blocks', file(Buffer.alloc(65_535 * 2, 5))],
  ['many-blocks', file(Buffer.alloc(65_535 * 16 + 1, 7))],
  ['module', file('', '160000')],
]);

beforeAll(async () => {
  hub = await openHubServices();
  native = openNativeRepo();
  folder = mkdtempSync(join(tmpdir(), 'atoll-archives-'));
  repo = await hub.createRepo('archives');
  commit = native.commit(FILES) as Oid;
  await native.bringIn(hub, repo);
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  native[Symbol.dispose]();
  await hub[Symbol.asyncDispose]();
});

async function archiveOf(of: Oid, form: 'zip' | 'tar'): Promise<Buffer> {
  const granted = await hub.writer(repo);
  const archive = await hub.services.archives.archive(granted, of, { form, folder: 'top' });
  const pieces: Uint8Array[] = [];
  for await (const piece of archive.open()) pieces.push(Buffer.from(piece));
  const bytes = Buffer.concat(pieces);
  expect(bytes.length).toBe(archive.sizeBytes);
  return bytes;
}

type Read = { readonly comment: string; readonly entries: readonly (readonly unknown[])[] };
function read(program: string, bytes: Buffer): Read {
  const path = join(folder, 'archive');
  writeFileSync(path, bytes);
  const { status, stdout, stderr } = spawnSync('python3', ['-c', program, path], { maxBuffer: 1 << 28 });
  expect(status, stderr.toString()).toBe(0);
  return JSON.parse(stdout.toString()) as Read;
}

describe.skipIf(!hasNativeGit || !hasPython)('an archive', () => {
  test('as tar has what git archive has', async () => {
    const ours = read(READ_TAR, await archiveOf(commit, 'tar'));
    const theirs = read(READ_TAR, runGit(native.folder, ['archive', '--prefix=top/', commit]));
    const inOrder = ({ entries }: Read) => entries.map((entry) => JSON.stringify(entry)).sort();
    expect(inOrder(ours)).toEqual(inOrder(theirs));
    expect(ours.comment).toBe(commit);
  });

  test('as zip has what git archive has', async () => {
    const ours = read(READ_ZIP, await archiveOf(commit, 'zip'));
    const theirs = read(
      READ_ZIP,
      runGit(native.folder, ['archive', '--format=zip', '--prefix=top/', commit]),
    );
    const short = ({ entries }: Read) =>
      entries.map(([name, , ...rest]) => JSON.stringify([name, ...rest])).sort();
    expect(short(ours)).toEqual(short(theirs));
    expect(ours.comment).toBe(commit);
    const modes = new Map(ours.entries.map(([name, mode]) => [name, mode]));
    expect(modes.get('top/run.sh')).toBe('0o100755');
    expect(modes.get('top/README.md')).toBe('0o100644');
    expect(modes.get('top/folder/link')).toBe('0o120777');
  });

  test('is the same bytes each time', async () => {
    for (const form of ['zip', 'tar'] as const) {
      expect((await archiveOf(commit, form)).equals(await archiveOf(commit, form))).toBe(true);
    }
  });

  test('has links that lead out of it as the text they are', async () => {
    const targets = ['/etc/passwd', '../../x', '../x', 'a/../../../x', 'C:\\x', '..\\x', 'a\0b'];
    const files = new Map(targets.map((target, n) => [`d/l${n}`, file(target, '120000')]));
    files.set('d/inside', file('../d/l0', '120000'));
    const odd = native.commit(files) as Oid;
    await native.bringIn(hub, repo);
    const kinds = new Map(
      read(READ_TAR, await archiveOf(odd, 'tar')).entries.map(([name, type]) => [name, type]),
    );
    // One step up is still inside.
    const links = [...kinds].filter(([, type]) => type === '2').map(([name]) => name);
    expect(links).toEqual(['top/d/inside', 'top/d/l2']);
  });

  test('of nothing is an empty folder', async () => {
    const nothing = native.commit(new Map()) as Oid;
    await native.bringIn(hub, repo);
    expect(read(READ_ZIP, await archiveOf(nothing, 'zip')).entries.map(([name]) => name)).toEqual(['top/']);
    expect(read(READ_TAR, await archiveOf(nothing, 'tar')).entries.map(([name]) => name)).toEqual(['top']);
  });
});

describe('an archive of what is too large for 32 bits', () => {
  const GIB = 1024 ** 3;
  const chunk = Buffer.alloc(8 * 1024 * 1024);
  const large = (path: string, sizeBytes: number): ArchiveEntry => ({
    path,
    kind: 'file',
    sizeBytes,
    open: () =>
      Promise.resolve(
        (async function* () {
          for (let left = sizeBytes; left > 0; left -= chunk.length) {
            yield await Promise.resolve(chunk.subarray(0, Math.min(left, chunk.length)));
          }
        })(),
      ),
  });

  test('tells its length without reading, and that length is the sum of its parts', () => {
    const facts = { commit: 'c'.repeat(40), time: 1_700_000_000 };
    const one = large('a', 5 * GIB);
    const zip = zipForm.lengthOf([one], facts);
    const blocks = Math.ceil((5 * GIB) / 65_535);
    const headers = 30 + 1 + 9 + 20 + 24 + 46 + 1 + 9 + 20;
    expect(zip).toBe(5 * GIB + 5 * blocks + headers + 56 + 20 + 22 + 40);
    expect(tarForm.lengthOf([large('a', 9 * GIB)], facts)).toBe(9 * GIB + 512 * (2 + 2 + 1 + 2));
  });

  test('breaks off where content is not as long as it should be', async () => {
    const facts = { commit: 'c'.repeat(40), time: 0 };
    for (const form of [zipForm, tarForm]) {
      for (const difference of [-1, 1]) {
        const lying = { ...large('a', 100), sizeBytes: 100 + difference };
        const entries = async function* () {
          yield await Promise.resolve(lying);
        };
        await expect(
          (async () => {
            for await (const _ of form.write(entries, facts));
          })(),
        ).rejects.toMatchObject({ code: 'CorruptObject' });
      }
    }
  });
});
