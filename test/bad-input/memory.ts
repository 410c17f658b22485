import { readFileSync } from 'node:fs';

/** Resident memory of a process in bytes; undefined where the system does not tell. */
export function residentBytesOf(pid: number): number | undefined {
  try {
    const [, kib] = /^VmRSS:\s+([0-9]+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kib) * 1024;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return undefined;
  }
}
