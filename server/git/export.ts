import type { Oid } from '../domain/ids.ts';
import type { Spool } from '../platform/spool.ts';
import { hotOids } from './hot-oids.ts';
import type { GitStorage, PackRef } from './object-storage.ts';
import { createPackBuilder } from './pack-write.ts';

/** A ref as `packed-refs` needs it. */
export interface ExportedRef {
  /** Full name, e.g. `refs/heads/main`. */
  readonly name: string;
  readonly target: Oid;
  /** For an annotated tag, what it leads to. */
  readonly peeled: Oid | undefined;
}

/** Where a bare repository is written: a folder, an archive. Paths are relative, with `/`. */
export interface ExportTarget {
  makeFolder(path: string): Promise<void>;
  write(path: string, source: AsyncIterable<Uint8Array> | Uint8Array): Promise<void>;
}

const COPY_BYTES = 1024 * 1024;
const ROW_BATCH = 256;

const CONFIG = '[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n';

async function* copyOf(
  storage: Pick<GitStorage, 'readRange'>,
  key: string,
  sizeBytes: number,
): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < sizeBytes; at += COPY_BYTES) {
    yield await storage.readRange(key, at, Math.min(COPY_BYTES, sizeBytes - at));
  }
}

/** The file git reads refs from (git, `refs/packed-backend.c`): sorted by name, with what tags lead to. */
function writePackedRefs(refs: readonly ExportedRef[]): Buffer {
  const byName = [...refs].sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
  const lines = byName.map(
    ({ name, target, peeled }) => `${target} ${name}\n${peeled === undefined ? '' : `^${peeled}\n`}`,
  );
  return Buffer.from(`# pack-refs with: peeled fully-peeled sorted \n${lines.join('')}`, 'utf8');
}

/**
 * Write a bare repository that git itself can use: packs as they are stored, hot rows as one more pack, refs, HEAD.
 *
 * @param head Full name of the ref that HEAD means; it need not exist.
 * @param spool A new spool for the pack of hot rows; the caller disposes of it.
 */
export async function exportRepository(needs: {
  readonly storage: GitStorage;
  readonly refs: readonly ExportedRef[];
  readonly head: string;
  readonly target: ExportTarget;
  readonly spool: Spool;
}): Promise<void> {
  const { storage, target } = needs;
  // Git takes a folder for a repository only when it has these, empty or not.
  for (const folder of ['objects/info', 'objects/pack', 'refs/heads', 'refs/tags'])
    await target.makeFolder(folder);

  const writePack = async (
    id: string,
    pack: AsyncIterable<Uint8Array>,
    index: AsyncIterable<Uint8Array> | Uint8Array,
  ): Promise<void> => {
    await target.write(`objects/pack/pack-${id}.pack`, pack);
    // Git looks for packs by their index: last, so that a reader never finds one without its pack.
    await target.write(`objects/pack/pack-${id}.idx`, index);
  };

  // Rows before packs: a row that is rolled up meanwhile is in a pack by the time packs are listed.
  const builder = createPackBuilder({ spool: needs.spool });
  let batch: Oid[] = [];
  const addRows = async (): Promise<void> => {
    for (const { type, content } of (await storage.hotObjects(batch)).values())
      await builder.add(type, content);
    batch = [];
  };
  for await (const oid of hotOids(storage)) {
    batch.push(oid);
    if (batch.length >= ROW_BATCH) await addRows();
  }
  if (batch.length > 0) await addRows();
  const packs: readonly PackRef[] = await storage.packs();
  if (builder.objectCount > 0) {
    const built = await builder.finish();
    await writePack(built.packId, built.bytes(), built.index);
  }
  for (const pack of packs) {
    await writePack(
      pack.id,
      copyOf(storage, pack.packKey, pack.sizeBytes),
      copyOf(storage, pack.indexKey, pack.indexSizeBytes),
    );
  }

  await target.write('packed-refs', writePackedRefs(needs.refs));
  await target.write('config', Buffer.from(CONFIG));
  await target.write('HEAD', Buffer.from(`ref: ${needs.head}\n`, 'utf8'));
}
