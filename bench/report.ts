import { cpus, totalmem } from 'node:os';
import type { Row } from './row.ts';

const shown = (value: number, unit: Row['unit']): string => {
  const digits = unit === 's' ? 2 : value < 10 ? 1 : 0;
  return `${value.toLocaleString('en-US', { maximumFractionDigits: digits, minimumFractionDigits: unit === 's' ? 2 : 0 })} ${unit}`;
};

const cellsOf = (row: Row): readonly string[] => [
  row.name,
  row.aim,
  shown(row.value, row.unit),
  row.yardstick ? `${row.yardstick.name}: ${shown(row.yardstick.value, row.unit)}` : '',
  row.ratio === undefined ? '' : row.ratio.toFixed(2),
  row.exponent === undefined ? '' : row.exponent.toFixed(2),
  row.isMet ? 'yes' : 'no',
  row.note ?? '',
];

const HEAD = ['case', 'aim', 'here', 'yardstick', 'ratio', 'growth', 'met', 'note'];

/** The rows as a Markdown table, with columns of even width so that it reads well on a terminal too. */
export function writeTable(rows: readonly Row[]): string {
  const table = [HEAD, ...rows.map(cellsOf)];
  const widths = HEAD.map((_, column) => Math.max(...table.map((cells) => cells[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = table;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n');
}

/** `docs/performance.md`. */
export const writeDocument = (rows: readonly Row[]): string => `# Performance

What \`npm run bench -- --write\` measured last, on ${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}) with
${Math.round(totalmem() / 2 ** 30)} GB and every write synced. Times depend on the machine; each is therefore measured beside a yardstick in the
same run where there is one, and **ratio** is our speed over its speed: 1 is as fast. **Growth** is the exponent by which
a cost grows with the size it is measured at; 1 is linear.

${writeTable(rows)}

\`npm run bench -- --quick\` takes a minute, \`--large\` adds a repository of 1,000,000 files, \`--only NAME\` runs one case
(${'`bench/cases/`'}). GET is compared with nginx where it is installed or named by \`ATOLL_BENCH_NGINX\`.
Crowds and git each have a hub of their own, for their aims are about the memory of a hub that serves just that; all other
cases share one, whose memory is the last row. The longest stall is the longest time that \`/healthz\` took to answer a
ping every 5 ms while all cases ran, without what the hub's main thread waited for a processor that the clients of the case
had; its yardstick is a process that syncs 4 KiB ten times a second and does nothing else, pinged in the same way: it shows
what the machine and its disk add.
`;
