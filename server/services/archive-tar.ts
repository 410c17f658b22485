import {
  contentOf,
  modeOf,
  type ArchiveEntry,
  type ArchiveFacts,
  type ArchiveForm,
} from './archive-entry.ts';

/* TAR as POSIX.1-2001 has it: ustar headers, and pax records for what does not fit into them. */

const BLOCK = 512;
const END_BYTES = 2 * BLOCK;
const NAME_BYTES = 100;
/** Eleven octal digits. */
const MAX_SIZE = 8 ** 11 - 1;
/** Links and the content of small entries are short; a link's target has to fit into a header or a record. */
const ZEROS = Buffer.alloc(END_BYTES);

const padded = (sizeBytes: number): number => Math.ceil(sizeBytes / BLOCK) * BLOCK;
const ASCII = /^[\x20-\x7e]*$/;

/** A record of a pax header, which begins with its own length in decimal. */
function record(name: string, value: string): string {
  const rest = ` ${name}=${value}\n`;
  const restBytes = Buffer.byteLength(rest);
  let length = restBytes + 1;
  while (String(length).length + restBytes !== length) length = String(length).length + restBytes;
  return `${length}${rest}`;
}

interface Header {
  readonly name: string;
  readonly mode: number;
  readonly sizeBytes: number;
  readonly time: number;
  readonly type: string;
  readonly link?: string;
}

const fits = (text: string): boolean => text.length <= NAME_BYTES && ASCII.test(text);
/** For readers that do not know pax: something of the name. */
const shortened = (text: string): string =>
  fits(text) ? text : text.replace(/[^\x20-\x7e]/g, '_').slice(-NAME_BYTES);

function header({ name, mode, sizeBytes, time, type, link = '' }: Header): Buffer {
  const bytes = Buffer.alloc(BLOCK);
  const octal = (value: number, digits: number): string => value.toString(8).padStart(digits, '0');
  bytes.write(shortened(name), 0, 'latin1');
  bytes.write(octal(mode & 0o7777, 7), 100);
  bytes.write(octal(0, 7), 108);
  bytes.write(octal(0, 7), 116);
  bytes.write(octal(Math.min(sizeBytes, MAX_SIZE), 11), 124);
  bytes.write(octal(Math.min(Math.max(time, 0), MAX_SIZE), 11), 136);
  bytes.write(' '.repeat(8), 148);
  bytes.write(type, 156);
  bytes.write(shortened(link), 157, 'latin1');
  bytes.write('ustar\x0000', 257, 'latin1');
  bytes.write('root', 265);
  bytes.write('root', 297);
  bytes.write(octal(0, 7), 329);
  bytes.write(octal(0, 7), 337);
  let sum = 0;
  for (const byte of bytes) sum += byte;
  bytes.write(`${octal(sum, 6)}\0 `, 148, 'latin1');
  return bytes;
}

function paxHeader(type: 'x' | 'g', name: string, records: string, time: number): Buffer {
  const content = Buffer.from(records);
  return Buffer.concat([
    header({ name, mode: 0o644, sizeBytes: content.length, time, type }),
    content,
    ZEROS.subarray(0, padded(content.length) - content.length),
  ]);
}

const TYPES = { file: '0', executable: '0', link: '2', folder: '5' } as const;

const nameOf = (entry: ArchiveEntry): string => (entry.kind === 'folder' ? `${entry.path}/` : entry.path);

/** Length of the headers of an entry. Those of a link depend on its target, of which only the length is known. */
function headerBytes(entry: ArchiveEntry): number {
  const records = recordsOf(entry, entry.kind === 'link' ? 'x'.repeat(entry.sizeBytes) : undefined);
  return BLOCK + (records === '' ? 0 : BLOCK + padded(Buffer.byteLength(records)));
}

/** A link's target always stands in a record, so that the length of the archive does not depend on its bytes. */
function recordsOf(entry: ArchiveEntry, target: string | undefined): string {
  const name = nameOf(entry);
  return (
    (fits(name) ? '' : record('path', name)) +
    (target === undefined ? '' : record('linkpath', target)) +
    (entry.kind !== 'link' && entry.sizeBytes > MAX_SIZE ? record('size', String(entry.sizeBytes)) : '')
  );
}

async function targetOf(entry: ArchiveEntry): Promise<string | undefined> {
  if (entry.kind !== 'link') return undefined;
  const chunks: Buffer[] = [];
  for await (const chunk of contentOf(entry)) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString();
}

async function headersOf(entry: ArchiveEntry, time: number): Promise<Buffer> {
  const target = await targetOf(entry);
  const records = recordsOf(entry, target);
  const isFile = entry.kind === 'file' || entry.kind === 'executable';
  const own = header({
    name: nameOf(entry),
    mode: modeOf(entry),
    sizeBytes: isFile ? entry.sizeBytes : 0,
    time,
    type: TYPES[entry.kind],
    ...(target === undefined ? {} : { link: target }),
  });
  return records === '' ? own : Buffer.concat([paxHeader('x', 'pax', records, time), own]);
}

const commitRecord = ({ commit }: ArchiveFacts): string => record('comment', commit);

export const tarForm: ArchiveForm = {
  mediaType: 'application/x-tar',

  lengthOf(entries, facts) {
    let length = BLOCK + padded(commitRecord(facts).length) + END_BYTES;
    for (const entry of entries) {
      length += headerBytes(entry) + (entry.kind === 'link' ? 0 : padded(entry.sizeBytes));
    }
    return length;
  },

  async *write(entries, facts) {
    yield paxHeader('g', 'pax_global_header', commitRecord(facts), facts.time);
    for await (const entry of entries()) {
      yield await headersOf(entry, facts.time);
      if (entry.kind !== 'file' && entry.kind !== 'executable') continue;
      yield* contentOf(entry);
      const rest = padded(entry.sizeBytes) - entry.sizeBytes;
      if (rest > 0) yield ZEROS.subarray(0, rest);
    }
    yield ZEROS;
  },
};
