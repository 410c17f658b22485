import { readdir, readFile, readlink } from 'node:fs/promises';

export interface PortHolder {
  readonly pid: number;
  /** The command line, shortened. */
  readonly command: string;
}

const LISTEN = '0A';

/**
 * Which process listens on a TCP port of this machine. Linux only, through `/proc` (proc(5)); undefined
 * elsewhere, and when the process belongs to someone else and may not be looked at.
 */
export async function findPortHolder(port: number, proc = '/proc'): Promise<PortHolder | undefined> {
  const inodes = new Set<string>();
  for (const table of ['tcp', 'tcp6']) {
    for (const inode of await listeningInodes(`${proc}/net/${table}`, port)) inodes.add(`socket:[${inode}]`);
  }
  if (inodes.size === 0) return undefined;
  for (const pid of await list(proc)) {
    if (!/^\d+$/.test(pid)) continue;
    for (const descriptor of await list(`${proc}/${pid}/fd`)) {
      const target = await orNothing(readlink(`${proc}/${pid}/fd/${descriptor}`));
      if (target !== undefined && inodes.has(target))
        return { pid: Number(pid), command: await commandOf(proc, pid) };
    }
  }
  return undefined;
}

/** The sentence for a port that cannot be listened on because it is taken; `remedy` says how to choose another. */
export function describeTakenPort(port: number, holder: PortHolder | undefined, remedy: string): string {
  const who = holder ? `by process ${holder.pid} (${holder.command})` : 'by another process';
  return `Port ${port} is taken ${who}. Stop it, or ${remedy}.`;
}

async function listeningInodes(table: string, port: number): Promise<readonly string[]> {
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  const lines = ((await orNothing(readFile(table, 'utf8'))) ?? '').split('\n').slice(1);
  return lines.flatMap((line) => {
    const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
    return local?.endsWith(`:${hexPort}`) && state === LISTEN && inode !== undefined ? [inode] : [];
  });
}

async function commandOf(proc: string, pid: string): Promise<string> {
  const words = ((await orNothing(readFile(`${proc}/${pid}/cmdline`, 'utf8'))) ?? '')
    .split('\0')
    .join(' ')
    .trim();
  return words.length > 120 ? `${words.slice(0, 117)}...` : words || 'unknown';
}

const list = async (folder: string): Promise<readonly string[]> => (await orNothing(readdir(folder))) ?? [];

/** Processes end while they are looked at, and those of others are closed to us: both are no answer, not errors. */
const orNothing = <Value>(question: Promise<Value>): Promise<Value | undefined> =>
  question.catch(() => undefined);
