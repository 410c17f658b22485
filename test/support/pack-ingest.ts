import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Oid } from '../../server/domain/ids.ts';
import type { GitObject } from '../../server/git/object-storage.ts';
import type { IngestedPack, IngestPlan, IngestReport, IngestTurn } from '../../server/git/ingest-report.ts';
import { ingestPack } from '../../server/git/pack-ingest.ts';
import { openRandomAccess } from '../../server/platform/scratch-file.ts';
import { createConversation } from '../../server/workers/conversation.ts';

export interface Ingested {
  readonly pack: IngestedPack;
  /** The file as it was completed. */
  readonly bytes: Buffer;
  readonly reports: readonly IngestReport['kind'][];
  pathsOf(oids: readonly Oid[]): Promise<ReadonlyMap<Oid, string>>;
}

/** Receive a pack as a worker does, out of pieces of so many bytes, with a repository that holds `has`. */
export async function ingest(
  bytes: Buffer,
  options: {
    readonly tips?: readonly Oid[];
    readonly has?: ReadonlyMap<Oid, GitObject>;
    readonly pieceBytes?: number;
    readonly plan?: Partial<IngestPlan>;
    /** The end of the pack must show in the pack itself. */
    readonly isOpenEnded?: boolean;
  } = {},
): Promise<Ingested> {
  const { tips = [], has = new Map(), pieceBytes = bytes.length, plan = {}, isOpenEnded = false } = options;
  const folder = mkdtempSync(join(tmpdir(), 'atoll-ingest-'));
  const path = join(folder, 'pack');
  writeFileSync(path, bytes.subarray(0, pieceBytes));
  const file = openRandomAccess(path);
  const work = createConversation<IngestTurn, IngestReport>((first, turn) =>
    ingestPack(
      file,
      { tips, maxFileBytes: 10 * 1024 * 1024, hot: { bytes: 1024 * 1024, objects: 1000 }, ...plan },
      first,
      turn,
    ),
  );
  const reports: IngestReport['kind'][] = [];
  let sizeBytes = Math.min(pieceBytes, bytes.length);
  let told: IngestTurn = { growth: { sizeBytes, isEnd: !isOpenEnded && sizeBytes === bytes.length } };
  try {
    for (;;) {
      const report = await work.next(told);
      reports.push(report.kind);
      told = {};
      if (report.kind === 'starved') {
        if (isOpenEnded && sizeBytes === bytes.length) throw new Error('the pack was not seen to end');
        file.write(bytes.subarray(sizeBytes, sizeBytes + pieceBytes), sizeBytes);
        sizeBytes = Math.min(sizeBytes + pieceBytes, bytes.length);
        told = { growth: { sizeBytes, isEnd: !isOpenEnded && sizeBytes === bytes.length } };
      } else if (report.kind === 'bases') {
        // Fewer than were asked for, as memory may want it.
        told = { bases: report.oids.slice(0, 3).map((oid) => has.get(oid)) };
      } else if (report.kind === 'outside') {
        const missing = report.types.flatMap((type, i) => {
          const oid = Buffer.from(report.oids).toString('hex', i * 20, i * 20 + 20) as Oid;
          return has.get(oid)?.type === type ? [] : [i];
        });
        told = { missing };
      } else if (report.kind === 'done') {
        return {
          pack: report.pack,
          bytes: readFileSync(path),
          reports,
          pathsOf: async (oids) => {
            const answer = await work.next({ pathsOf: oids });
            return answer.kind === 'paths' ? answer.paths : new Map();
          },
        };
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
