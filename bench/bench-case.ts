import type { BenchHub } from './hub.ts';
import type { Row } from './row.ts';

export interface BenchContext {
  readonly hub: BenchHub;
  /** A minute in all: smaller sizes, fewer rounds. */
  readonly isQuick: boolean;
  /** Also what takes many minutes. */
  readonly isLarge: boolean;
}

/** Something that is measured on a running hub; each makes its own repositories. */
export interface BenchCase {
  /** For `--only`. */
  readonly name: string;
  /** Its aims are about the memory of a hub that does this and has done nothing else. */
  readonly isOnFreshHub?: true;
  run(context: BenchContext): Promise<readonly Row[]>;
}
