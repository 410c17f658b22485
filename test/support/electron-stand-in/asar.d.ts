export interface ArchivedFile {
  readonly path: string;
  readonly size: number;
  readonly offset: number;
  readonly isExecutable: boolean;
  readonly isUnpacked: boolean;
}
export function listArchive(archive: string): ArchivedFile[];
export function extractArchive(archive: string, target: string): void;
