import type { IngestPhase, IngestReport, IngestTurn } from './ingest-report.ts';
import type { Growth } from './pack-scan.ts';

/** Work is told of, and the thread given to others, about this often. */
const SLICE_MS = 20;

/** Where the thread that receives a pack is, and how it lets the other side have the turn. */
export interface IngestTurns {
  /** As much of the pack as is known to be there. */
  readonly growth: Growth;
  tell(report: IngestReport): Promise<IngestTurn>;
  begin(phase: IngestPhase, total?: number): void;
  /** So much of the phase is done. */
  reach(done: number, total: number): void;
  /** One more is done. */
  advance(): void;
  /** Tell of the work when it went on for a while. Call it often; a promise is to be awaited. */
  pause(): Promise<void> | undefined;
}

/** @param turn Lets the other side have the turn. */
export function createIngestTurns(
  first: IngestTurn,
  turn: (report: IngestReport) => Promise<IngestTurn>,
): IngestTurns {
  let growth: Growth = first.growth ?? { sizeBytes: 0, isEnd: false };
  let phase: IngestPhase = 'reading';
  let done = 0;
  let total = 0;
  let sliceEnd = performance.now() + SLICE_MS;

  const tell = async (report: IngestReport): Promise<IngestTurn> => {
    const told = await turn(report);
    if (told.growth) growth = told.growth;
    sliceEnd = performance.now() + SLICE_MS;
    return told;
  };

  return {
    get growth() {
      return growth;
    },
    tell,
    begin(next, all = 0) {
      [phase, done, total] = [next, 0, all];
    },
    reach(now, all) {
      done = now;
      total = all;
    },
    advance() {
      done += 1;
    },
    pause: () =>
      performance.now() < sliceEnd
        ? undefined
        : tell({ kind: 'working', phase, done, total }).then(() => undefined),
  };
}
