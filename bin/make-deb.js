#!/usr/bin/env node
/**
 * Builds a Debian package with dpkg-deb, called by electron-builder in place of fpm (CUSTOM_FPM_PATH), which
 * it would download. Takes the arguments of fpm that electron-builder writes for `-s dir -t deb` and refuses
 * any other, so that an upgrade that asks for more is noticed.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';

const text = { type: 'string' };
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    source: { ...text, short: 's' },
    target: { ...text, short: 't' },
    depends: { ...text, short: 'd', multiple: true, default: [] },
    'deb-recommends': { ...text, multiple: true, default: [] },
    'deb-compression': text,
    'deb-priority': text,
    force: { type: 'boolean' },
    architecture: text,
    name: text,
    version: text,
    maintainer: text,
    vendor: text,
    url: text,
    license: text,
    category: text,
    description: text,
    'after-install': text,
    'after-remove': text,
    package: text,
  },
});
if (values.source !== 'dir' || values.target !== 'deb') throw new Error('Only -s dir -t deb is made here.');

const tree = mkdtempSync(join(tmpdir(), 'atoll-deb-'));
const control = join(tree, 'DEBIAN');

/** Packages must not depend on the umask of who builds them. Returns the size in bytes. */
function normalizeModes(path) {
  const stat = lstatSync(path);
  if (stat.isSymbolicLink()) return 0;
  if (stat.isDirectory()) {
    chmodSync(path, 0o755);
    return readdirSync(path).reduce((sum, name) => sum + normalizeModes(join(path, name)), 0);
  }
  chmodSync(path, stat.mode & 0o111 ? 0o755 : 0o644);
  return stat.size;
}

try {
  for (const pair of positionals) {
    const [from, to] = pair.split('=');
    const target = join(tree, to);
    mkdirSync(statSync(from).isDirectory() ? target : dirname(target), { recursive: true });
    cpSync(from, target, { recursive: true, verbatimSymlinks: true });
  }
  const installedKiB = Math.ceil(normalizeModes(tree) / 1024);
  mkdirSync(control);
  const [synopsis = '', ...long] = values.description.split('\n');
  const fields = {
    Package: values.name,
    Version: values.version,
    Architecture: values.architecture,
    Maintainer: values.maintainer,
    'Installed-Size': installedKiB,
    Depends: values.depends.join(', '),
    Recommends: values['deb-recommends'].join(', '),
    Section: values.category ?? 'default',
    Priority: values['deb-priority'],
    Homepage: values.url,
    Description: [synopsis, ...long.map((line) => ` ${line.trim() || '.'}`)].join('\n'),
  };
  const lines = Object.entries(fields).filter(([, value]) => value !== undefined && value !== '');
  writeFileSync(join(control, 'control'), lines.map(([name, value]) => `${name}: ${value}\n`).join(''));
  for (const [script, source] of [
    ['postinst', values['after-install']],
    ['postrm', values['after-remove']],
  ]) {
    if (source) writeFileSync(join(control, script), readFileSync(source), { mode: 0o755 });
  }
  execFileSync('dpkg-deb', [
    '--root-owner-group',
    `-Z${values['deb-compression'] ?? 'xz'}`,
    '--build',
    tree,
    values.package,
  ]);
} finally {
  rmSync(tree, { recursive: true, force: true });
}
