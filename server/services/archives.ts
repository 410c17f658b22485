import type { Oid } from '../domain/ids.ts';
import type { ByteSource } from '../objects/object-store.ts';
import type { ArchiveEntry, ArchiveFacts, ArchiveForm } from './archive-entry.ts';
import { tarForm } from './archive-tar.ts';
import { zipForm } from './archive-zip.ts';
import type { Granted } from './authorize.ts';
import type { Contents, FileEntry } from './contents.ts';
import type { LargeObjects } from './large-objects.ts';

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

export function createArchives(parts: {
  readonly contents: Contents;
  readonly largeObjects: LargeObjects;
}): Archives {
  const { contents, largeObjects } = parts;

  async function whole(granted: Granted<'read'>, oid: Oid): Promise<Buffer> {
    const bytes = await contents.blob(granted, oid);
    if (bytes instanceof Uint8Array) return Buffer.from(bytes);
    const chunks: Uint8Array[] = [];
    for await (const chunk of bytes) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  /** A link that leads out of the archive, or into somebody's own files, is written as the text it is. */
  async function isSafeLink(granted: Granted<'read'>, file: FileEntry): Promise<boolean> {
    if (file.sizeBytes === 0 || file.sizeBytes > MAX_LINK_BYTES) return false;
    const bytes = await whole(granted, file.oid);
    const target = bytes.toString();
    if (!Buffer.from(target).equals(bytes) || /^\/|[\\:\0\n]/.test(target)) return false;
    let depth = file.path.split('/').length - 1;
    for (const part of target.split('/')) {
      depth += part === '..' ? -1 : part === '.' || part === '' ? 0 : 1;
      if (depth < 0) return false;
    }
    return true;
  }

  async function entryOf(granted: Granted<'read'>, folder: string, file: FileEntry): Promise<ArchiveEntry> {
    const { large, oid, mode, sizeBytes } = file;
    const path = `${folder}/${file.path}`;
    // As `git archive` does: of a submodule only its folder is there.
    if (mode === SUBMODULE) return folderEntry(path);
    const isLink = mode === LINK && (await isSafeLink(granted, file));
    return {
      path,
      kind: isLink ? 'link' : mode === EXECUTABLE ? 'executable' : 'file',
      sizeBytes,
      open: async () =>
        large ? largeObjects.open(granted, large.sha256, undefined) : contents.blob(granted, oid),
    };
  }

  async function* entriesOf(
    granted: Granted<'read'>,
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
      for (const entry of page.entries) {
        if (!isSafePath(entry.path)) continue;
        if (entry.kind === 'folder') yield folderEntry(`${folder}/${entry.path}`);
        else yield await entryOf(granted, folder, entry);
      }
      after = page.next;
    } while (after !== undefined);
  }

  return {
    async archive(granted, commit, { form: name, folder }) {
      const form = ARCHIVE_FORMS[name];
      const summary = await contents.commit(granted, commit);
      const facts: ArchiveFacts = { commit, time: summary.commit.committer.time };
      const entries = () => entriesOf(granted, commit, folder);
      const counted: ArchiveEntry[] = [];
      for await (const entry of entries()) {
        counted.push(entry);
        if (counted.length > MAX_COUNTED) break;
      }
      return {
        mediaType: form.mediaType,
        sizeBytes: counted.length > MAX_COUNTED ? undefined : form.lengthOf(counted, facts),
        open: () => form.write(entries, facts),
      };
    },
  };
}

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
