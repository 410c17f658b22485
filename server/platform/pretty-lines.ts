const LEVELS: ReadonlyMap<number, readonly [name: string, color: number]> = new Map([
  [10, ['trace', 90]],
  [20, ['debug', 90]],
  [30, ['info ', 36]],
  [40, ['warn ', 33]],
  [50, ['error', 31]],
]);
const OWN_FIELDS: ReadonlySet<string> = new Set(['level', 'time', 'msg', 'err', 'requestId']);

/** One JSON log line as a person reads it: time, level, message, fields, and the stack of an error below. */
export function prettyLine(line: string, colors: boolean): string {
  const entry = JSON.parse(line) as Record<string, unknown>;
  const paint = (text: string, color: number): string => (colors ? `\u001b[${color}m${text}\u001b[0m` : text);
  const [level, color] = LEVELS.get(Number(entry['level'])) ?? ['     ', 0];
  const time = String(entry['time']).slice(11, 23);
  const fields = Object.entries(entry)
    .filter(([name]) => !OWN_FIELDS.has(name))
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const head = [paint(time, 90), paint(level, color), String(entry['msg'] ?? '')];
  return `${[...head, ...fields.map((field) => paint(field, 90))].join(' ')}\n${errorLines(entry['err'])}`;
}

function errorLines(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  const { stack, message, cause } = error as Record<string, unknown>;
  const text = String(stack ?? message ?? JSON.stringify(error));
  const own = text
    .split('\n')
    .map((line) => `    ${line}\n`)
    .join('');
  return cause === undefined ? own : `${own}    caused by\n${errorLines(cause)}`;
}
