/** One row of a shown difference. */
export interface DiffLine {
  readonly kind: 'same' | 'added' | 'removed' | 'hunk' | 'note';
  readonly sign: '+' | '−' | '';
  /** Line numbers on either side, empty where the line is not there. */
  readonly before: number | '';
  readonly after: number | '';
  readonly text: string;
}

const HUNK = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/;

/** Read hunks in unified form, as the hub sends them, into rows. */
export function readHunks(unified: string): readonly DiffLine[] {
  const rows: DiffLine[] = [];
  let [before, after] = [0, 0];
  for (const line of unified.replace(/\n$/, '').split('\n')) {
    const text = line.slice(1).replace(/\r$/, '');
    const hunk = HUNK.exec(line);
    if (hunk) {
      before = Number(hunk[1]);
      after = Number(hunk[2]);
      rows.push({ kind: 'hunk', sign: '', before: '', after: '', text: line });
    } else if (line.startsWith('+'))
      rows.push({ kind: 'added', sign: '+', before: '', after: after++, text });
    else if (line.startsWith('-'))
      rows.push({ kind: 'removed', sign: '−', before: before++, after: '', text });
    else if (line.startsWith('\\'))
      rows.push({ kind: 'note', sign: '', before: '', after: '', text: text.trim() });
    else if (line !== '') rows.push({ kind: 'same', sign: '', before: before++, after: after++, text });
  }
  return rows;
}
