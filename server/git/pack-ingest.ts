import { createHash } from 'node:crypto';
import { isHubError } from '../domain/errors.ts';
import type { Oid } from '../domain/ids.ts';
import type { RandomAccessFile } from '../platform/scratch-file.ts';
import { hotRowsOf } from './hot-rows.ts';
import type { IngestedPack, IngestPlan, IngestReport, IngestTurn } from './ingest-report.ts';
import { createIngestTurns } from './ingest-turns.ts';
import { createNamedObjects } from './named-objects.ts';
import { createPackChecks } from './pack-checks.ts';
import { createPackCompletion } from './pack-completion.ts';
import { createPackContents } from './pack-contents.ts';
import { createPackDeltas } from './pack-deltas.ts';
import { sentenceOf } from './pack-fault.ts';
import { CHECKSUM_BYTES, parsePackIndex, writePackIndex } from './pack-index.ts';
import { createPackInspection } from './pack-inspection.ts';
import { createPackRows } from './pack-rows.ts';
import { badPack, scanPack } from './pack-scan.ts';
import { createPackSinks } from './pack-sinks.ts';
import { createPackWalk, type PackWalk } from './pack-walk.ts';

/**
 * Receive a pack: read it through, resolve its deltas depth-first, hash and check every object, add the bases it leaves
 * out, and make its index. Memory goes by the number of objects (about 100 bytes each), by one chain of deltas, and by
 * nothing else. Throws InvalidObject and UseLfs, each with one sentence for whoever pushed.
 *
 * @param file Grows while it is read; the pack is completed in it.
 * @param turn Lets the other side have the turn.
 */
export async function ingestPack(
  file: RandomAccessFile,
  plan: IngestPlan,
  first: IngestTurn,
  turn: (report: IngestReport) => Promise<IngestTurn>,
): Promise<IngestReport> {
  const { tips } = plan;
  const rows = createPackRows();
  const named = createNamedObjects();
  const turns = createIngestTurns(first, turn);
  const inspection = createPackInspection(plan.maxFileBytes, named);
  const contents = createPackContents({ file, rows, maxBytes: inspection.maxBytes });
  const completion = createPackCompletion({ file, rows, contents, named, turns });
  const deltas = createPackDeltas({ rows, contents, named, inspection, completion, turns });
  const sinkOf = createPackSinks({ rows, contents, inspection, deltas, turns });

  /** Throws about the fault that was noted, and says where its object lies. */
  async function refuseFault(walk?: PackWalk): Promise<void> {
    const fault = inspection.takeFault();
    if (!fault) return;
    const path = fault.oid === undefined ? undefined : (await walk?.paths([fault.oid]))?.get(fault.oid);
    throw sentenceOf(fault, path);
  }

  async function receive(): Promise<{ pack: IngestedPack; walk: PackWalk }> {
    const packBytes = await scanPack({
      file,
      more: async () => {
        const before = turns.growth.sizeBytes;
        while (turns.growth.sizeBytes === before && !turns.growth.isEnd) {
          await turns.tell({ kind: 'starved', objectCount: rows.count });
        }
        return turns.growth;
      },
      pause: (read, count) => {
        turns.reach(read, count);
        return turns.pause();
      },
      onEntry: (header, offset) => {
        contents.bodyEnd = offset;
        return sinkOf(header);
      },
    });
    contents.bodyEnd = packBytes - CHECKSUM_BYTES;
    const ownCount = rows.count;
    // It may take a while until it is this pack's turn.
    contents.forget();
    await turns.tell({ kind: 'read', sizeBytes: packBytes });

    await deltas.resolveAll();
    for (let row = 0; row < ownCount; row += 1) {
      if (rows.type(row) !== undefined) continue;
      await refuseFault();
      throw badPack('has deltas that rest on each other');
    }

    turns.begin('checking');
    const isCompleted = rows.count > ownCount;
    const checksum = Buffer.alloc(CHECKSUM_BYTES);
    if (isCompleted) checksum.set(await completion.seal());
    else file.read(checksum, contents.bodyEnd);
    const index = await writePackIndex(rows.indexRows(), checksum);
    const parsed = await parsePackIndex(index);
    const walk = createPackWalk({ rows, contents, index: parsed, tips, pause: turns.pause });
    let before: Oid | undefined;
    for (let position = 0; position < parsed.objectCount; position += 1) {
      const oid = parsed.oidAt(position);
      if (oid === before) throw badPack(`has the object ${oid} twice`);
      before = oid;
    }
    await refuseFault(walk);

    const checks = createPackChecks({ rows, contents, named, tips, inspection, turns });
    const isAllReachable = await checks.checkInside(ownCount);
    await refuseFault(walk);
    const leadsOutside = await checks.checkOutside(walk);
    await checks.checkGitFiles(walk);
    const oversize = await walk.oversizeTree();
    if (oversize) {
      throw sentenceOf({ oid: rows.oid(oversize.row), type: 'tree', problem: oversize.problem });
    }
    return {
      walk,
      pack: {
        objectCount: rows.count,
        sizeBytes: contents.bodyEnd + CHECKSUM_BYTES,
        packId: packIdOf(index),
        index,
        rows: hotRowsOf({ rows, contents }, ownCount, packBytes, plan.hot),
        isAllReachable,
        isClosed:
          isAllReachable && !leadsOutside && !isCompleted && tips.every((oid) => parsed.find(oid) >= 0),
        pointers: inspection.pointers(),
      },
    };
  }

  let received: { pack: IngestedPack; walk: PackWalk };
  try {
    received = await receive();
  } catch (error) {
    // What is wrong with one object says more than what comes of it.
    if (isHubError(error, 'InvalidObject')) await refuseFault();
    throw error;
  }
  let told = await turns.tell({ kind: 'done', pack: received.pack });
  for (;;) {
    told = await turns.tell({ kind: 'paths', paths: await received.walk.paths(told.pathsOf ?? []) });
  }
}

/** SHA-1 over the index without its two checksums, as `pack-write.ts` names packs. */
const packIdOf = (index: Buffer): string =>
  createHash('sha1')
    .update(index.subarray(0, -2 * CHECKSUM_BYTES))
    .digest('hex');
