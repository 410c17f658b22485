import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * What `@electron/fuses` looks for in a binary: a sentinel, the wire's version and length, a digit per fuse. The
 * digits are those Electron is delivered with.
 */
const fuseWire = Buffer.concat([
  Buffer.from('dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX'),
  Buffer.from([1, 9]),
  Buffer.from('101100011'),
]);

/** The files of an Electron distribution that electron-builder asks for, around our own executable. */
export function makeStandInDist(folder: string, version: string): void {
  const run = fileURLToPath(new URL('run.js', import.meta.url));
  const script = `#!/bin/sh\nexec '${process.execPath}' '${run}' "$0" "$@"\n`;
  mkdirSync(join(folder, 'locales'), { recursive: true });
  mkdirSync(join(folder, 'resources'), { recursive: true });
  writeFileSync(join(folder, 'electron'), Buffer.concat([Buffer.from(script), fuseWire]));
  chmodSync(join(folder, 'electron'), 0o755);
  writeFileSync(join(folder, 'version'), version);
  writeFileSync(join(folder, 'LICENSE'), 'A stand-in for tests; see the LICENSE of the app.\n');
  writeFileSync(join(folder, 'locales', 'en-US.pak'), 'stand-in');
  writeFileSync(join(folder, 'resources', 'stand-in.txt'), 'This is not Electron.\n');
}
