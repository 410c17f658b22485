import type { Oid, PublicId } from '../domain/ids.ts';
import { parsePointer, type LfsPointer } from '../domain/lfs.ts';
import type { ObjectDb } from '../git/object-db.ts';

/** What a listing says about a blob without showing it. */
export interface FileFacts {
  /** Length of the blob; for a pointer that is the pointer's own length. */
  readonly sizeBytes: number;
  readonly pointer: LfsPointer | undefined;
}

/** Facts about blobs, which never change, kept for as many blobs as there is room. */
export interface FileFactsReader {
  read(repository: PublicId, db: ObjectDb, oids: readonly Oid[]): Promise<ReadonlyMap<Oid, FileFacts>>;
}

/** The shortest and longest canonical pointers: sizes of 1 and 16 digits. */
const POINTER_BYTES = { min: 126, max: 142 } as const;

export function createFileFacts(options: { readonly maxEntries: number }): FileFactsReader {
  const known = new Map<string, FileFacts>();

  function keep(key: string, facts: FileFacts): void {
    known.delete(key);
    known.set(key, facts);
    if (known.size <= options.maxEntries) return;
    const oldest = known.keys().next();
    if (!oldest.done) known.delete(oldest.value);
  }

  async function load(db: ObjectDb, oids: readonly Oid[]): Promise<ReadonlyMap<Oid, FileFacts>> {
    const infos = await db.infoMany(oids);
    const mayBePointers = oids.filter((oid) => {
      const size = infos.get(oid)?.sizeBytes ?? 0;
      return size >= POINTER_BYTES.min && size <= POINTER_BYTES.max;
    });
    const contents = await db.findMany(mayBePointers);
    const facts = new Map<Oid, FileFacts>();
    for (const [oid, { sizeBytes }] of infos) {
      const content = contents.get(oid)?.content;
      facts.set(oid, { sizeBytes, pointer: content && parsePointer(content) });
    }
    return facts;
  }

  return {
    async read(repository, db, oids) {
      const answer = new Map<Oid, FileFacts>();
      const missing: Oid[] = [];
      for (const oid of new Set(oids)) {
        const facts = known.get(`${repository}:${oid}`);
        if (facts) answer.set(oid, facts);
        else missing.push(oid);
      }
      if (missing.length === 0) return answer;
      for (const [oid, facts] of await load(db, missing)) {
        keep(`${repository}:${oid}`, facts);
        answer.set(oid, facts);
      }
      return answer;
    },
  };
}
