import { corruptObject } from '../domain/errors.ts';
import type { Oid } from '../domain/ids.ts';
import type { ObjectDb } from '../git/object-db.ts';
import type { ByteSource } from '../objects/object-store.ts';
import { gathered } from '../platform/gathered.ts';
import type { ArchiveEntry, ArchiveFacts, ArchiveForm } from './archive-entry.ts';
import { tarForm } from './archive-tar.ts';
import { zipForm } from './archive-zip.ts';
import type { Granted } from './authorize.ts';
import type { Contents, FileEntry } from './contents.ts';
import type { LargeObjects } from './large-objects.ts';
import type { RepoObjects } from './repo-objects.ts';

export const ARCHIVE_FORMS: Readonly<Record<'zip' | 'tar', ArchiveForm>> = { zip: zipForm, tar: tarForm };

export interface Archive {
  readonly mediaType: string;
  /** Undefined where so many files are in it that counting them first would take too long. */
  readonly sizeBytes: number | undefined;
  open(): ByteSource;
}

export interface Archives {
  /** Everything at a commit, large files in full, below one folder. The same commit is always the same bytes. */
  archive(
    granted: Granted<'read'>,
    commit: Oid,
    options: { readonly form: keyof typeof ARCHIVE_FORMS; readonly folder: string },
  ): Promise<Archive>;
}

const PAGE = 1_000;
/** With up to so many entries the length is told beforehand. */
const MAX_COUNTED = 20_000;
const MAX_LINK_BYTES = 4_096;
/** Blobs up to this size are read many at a time: one by one, a small file costs a look-up in every pack. */
const SMALL_BLOB_BYTES = 64 * 1024;
const TOGETHER_BYTES = 4 * 1024 * 1024;
const TOGETHER = 256;

export function createArchives(parts: {
  readonly contents: Contents;
  readonly repoObjects: RepoObjects;
  readonly largeObjects: LargeObjects;
}): Archives {
  const { contents, repoObjects, largeObjects } = parts;

  /** A link that leads out of the archive, or into somebody's own files, is written as the text it is. */
  async function isSafeLink(objects: ObjectDb, file: FileEntry): Promise<boolean> {
    if (file.sizeBytes === 0 || file.sizeBytes > MAX_LINK_BYTES) return false;
    const bytes = (await objects.get(file.oid, 'blob')).content;
    const target = bytes.toString();
    if (!Buffer.from(target).equals(bytes) || /^\/|[\\:\0\n]/.test(target)) return false;
    let depth = file.path.split('/').length - 1;
    for (const part of target.split('/')) {
      depth += part === '..' ? -1 : part === '.' || part === '' ? 0 : 1;
      if (depth < 0) return false;
    }
    return true;
  }

  async function* entriesOf(
    granted: Granted<'read'>,
    objects: ObjectDb,
    commit: Oid,
    folder: string,
  ): AsyncGenerator<ArchiveEntry> {
    yield folderEntry(folder);
    let after: string | undefined;
    do {
      const page = await contents.list(granted, commit, {
        ...{ path: '', recursive: true, withLastCommits: false },
        ...{ after, limit: PAGE },
      });
      // All of the page before any of it is read: what is read together has to be known by then.
      const ready: ArchiveEntry[] = [];
      let together: SmallBlobs | undefined;
      for (const entry of page.entries) {
        if (!isSafePath(entry.path)) continue;
        const path = `${folder}/${entry.path}`;
        // As `git archive` does: of a submodule only its folder is there.
        if (entry.kind === 'folder' || entry.mode === SUBMODULE) {
          ready.push(folderEntry(path));
          continue;
        }
        const { large, oid, mode, sizeBytes } = entry;
        const isLink = mode === LINK && (await isSafeLink(objects, entry));
        const isSmall = !large && sizeBytes <= SMALL_BLOB_BYTES;
        if (isSmall && !together?.add(entry)) (together = createSmallBlobs(objects)).add(entry);
        const small = isSmall ? together : undefined;
        ready.push({
          path,
          kind: isLink ? 'link' : mode === EXECUTABLE ? 'executable' : 'file',
          sizeBytes,
          open: async () => {
            if (large) return largeObjects.open(granted, large.sha256, undefined);
            return (await small?.read(oid)) ?? (await objects.open(oid))?.bytes ?? missing(path);
          },
        });
      }
      yield* ready;
      after = page.next;
    } while (after !== undefined);
  }

  return {
    async archive(granted, commit, { form: name, folder }) {
      const form = ARCHIVE_FORMS[name];
      const summary = await contents.commit(granted, commit);
      const facts: ArchiveFacts = { commit, time: summary.commit.committer.time };
      const objects = repoObjects.open(granted.repo);
      const entries = () => entriesOf(granted, objects, commit, folder);
      const counted: ArchiveEntry[] = [];
      for await (const entry of entries()) {
        counted.push(entry);
        if (counted.length > MAX_COUNTED) break;
      }
      return {
        mediaType: form.mediaType,
        sizeBytes: counted.length > MAX_COUNTED ? undefined : form.lengthOf(counted, facts),
        open: () => gathered(form.write(entries, facts)),
      };
    },
  };
}

/** Blobs that are read together, when the first of them is asked for. */
interface SmallBlobs {
  /** False when no more fit in. */
  add(file: FileEntry): boolean;
  read(oid: Oid): Promise<Uint8Array | undefined>;
}

function createSmallBlobs(objects: ObjectDb): SmallBlobs {
  const oids: Oid[] = [];
  let bytes = 0;
  let found: ReturnType<ObjectDb['findMany']> | undefined;
  return {
    add({ oid, sizeBytes }) {
      if (found || oids.length === TOGETHER || bytes + sizeBytes > TOGETHER_BYTES) return false;
      oids.push(oid);
      bytes += sizeBytes;
      return true;
    },
    read: async (oid) => (await (found ??= objects.findMany(oids))).get(oid)?.content,
  };
}

const missing = (path: string): never => {
  throw corruptObject(`${path} is missing`);
};

const EXECUTABLE = '100755';
const LINK = '120000';
const SUBMODULE = '160000';

const folderEntry = (path: string): ArchiveEntry => ({
  path,
  kind: 'folder',
  sizeBytes: 0,
  open: () => Promise.resolve(new Uint8Array(0)),
});

/** No name that a push brought may write outside the folder it is unpacked to, on any system. */
const isSafePath = (path: string): boolean =>
  path.split('/').every((part) => part !== '.' && part !== '..' && !/[\\\0]/.test(part));
