import { packet } from '../../server/git/pkt-line.ts';

/** Packets as a client writes them: `flush` and `delim` by these words, anything else is a line. */
export const packets = (lines: readonly string[]): Buffer =>
  Buffer.concat(
    lines.map((line) => {
      if (line === 'flush') return Buffer.from('0000');
      if (line === 'delim') return Buffer.from('0001');
      return packet(line);
    }),
  );

/**
 * What a server answered, up to a pack: lines without their line feed, `flush` and `delim`. What comes by bands is
 * written as `1:<bytes>`, `2:` and `3:`, one line for all that follows each other.
 */
export function readAnswer(bytes: Buffer): string[] {
  const lines: string[] = [];
  let isBanded = false;
  for (let at = 0; at < bytes.length;) {
    const digits = bytes.toString('latin1', at, at + 4);
    if (!/^[0-9a-f]{4}$/.test(digits)) {
      lines.push(`raw:${bytes.toString('latin1', at, at + 4)}`);
      break;
    }
    const length = Number.parseInt(digits, 16);
    if (length < 4) {
      lines.push(length === 0 ? 'flush' : 'delim');
      at += 4;
      continue;
    }
    const data = bytes.subarray(at + 4, at + length);
    const band = data[0] ?? 0;
    isBanded ||= lines.at(-1) === 'packfile' || (band >= 1 && band <= 3);
    if (isBanded && band >= 1 && band <= 3) {
      const text = data.toString('latin1', 1);
      const last = lines.at(-1) ?? '';
      if (last.startsWith(`${band}:`)) lines[lines.length - 1] = last + text;
      else lines.push(`${band}:${text}`);
    } else lines.push(data.toString('latin1').replace(/\n$/, ''));
    at += length;
  }
  return lines;
}
