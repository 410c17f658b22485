import { expect, test } from 'vitest';
import { parseCommand } from '../../../server/ssh/command.ts';

const summary = (text: string): string => {
  const command = parseCommand(text);
  if (command.kind === 'refused') return 'refused';
  if (command.kind === 'unknown') return `unknown ${command.name}`;
  const { kind, owner, name } = command.repo;
  const operation = command.kind === 'lfs-authenticate' ? ` ${command.operation}` : '';
  return `${command.kind} ${kind} ${owner}/${name}${operation}`;
};

test.each([
  ["git-upload-pack 'ann/llama'", 'upload-pack model ann/llama'],
  ["git-upload-pack '/ann/llama'", 'upload-pack model ann/llama'],
  ["git-upload-pack '/ann/llama.git'", 'upload-pack model ann/llama'],
  ["git-upload-pack 'ann/llama.git/'", 'upload-pack model ann/llama'],
  ["git-upload-pack '~/ann/llama'", 'upload-pack model ann/llama'],
  ["git-upload-pack '/~/ann/llama'", 'upload-pack model ann/llama'],
  ['git-upload-pack ann/llama', 'upload-pack model ann/llama'],
  ["git upload-pack 'ann/llama'", 'upload-pack model ann/llama'],
  ["git-upload-pack 'datasets/ann/corals.git'", 'upload-pack dataset ann/corals'],
  ["git-receive-pack 'spaces/ann/demo'", 'receive-pack space ann/demo'],
  ["git-receive-pack '/models/ann/llama'", 'receive-pack model ann/llama'],
  ["git receive-pack 'ann/llama'", 'receive-pack model ann/llama'],
  ["git-upload-pack 'an'n/'llama'", 'upload-pack model ann/llama'],
  ["git-upload-pack 'ann/o'\\''hara'", "upload-pack model ann/o'hara"],
  ["git-upload-pack 'ann/wow'\\!''", 'upload-pack model ann/wow!'],
  ['git-lfs-authenticate ann/llama download', 'lfs-authenticate model ann/llama download'],
  ["git-lfs-authenticate '/datasets/ann/x.git' upload", 'lfs-authenticate dataset ann/x upload'],
  [`git-lfs-authenticate ann/llama upload ${'a'.repeat(64)}`, 'lfs-authenticate model ann/llama upload'],
  ['git-lfs-transfer ann/llama download', 'unknown git-lfs-transfer'],

  ['git-lfs-authenticate ann/llama', 'refused'],
  ['git-lfs-authenticate ann/llama delete', 'refused'],
  ['git-lfs-authenticate download', 'refused'],
  ["git-upload-archive 'ann/llama'", 'refused'],
  ["git-upload-pack '../../x'", 'refused'],
  ["git-upload-pack '/etc/passwd/x/y'", 'refused'],
  ["git-upload-pack 'llama'", 'refused'],
  ["git-upload-pack 'ann//llama'", 'refused'],
  ["git-upload-pack '//ann/llama'", 'refused'],
  ["git-upload-pack 'ann/.git'", 'refused'],
  ["git-upload-pack ''", 'refused'],
  ['git-upload-pack', 'refused'],
  ['git-upload-pack a b', 'refused'],
  ["git-upload-pack --timeout=0 'ann/llama'", 'refused'],
  ["git-upload-pack 'a'; id", 'refused'],
  ["git-upload-pack 'a/b' && id", 'refused'],
  ["git-upload-pack 'a/b' | id", 'refused'],
  ['git-upload-pack $(id)', 'refused'],
  ['git-upload-pack `id`', 'refused'],
  ['git-upload-pack "ann/llama"', 'refused'],
  ["git-upload-pack 'a/b'\nid", 'refused'],
  ["git-upload-pack 'a/b", 'refused'],
  ["git-upload-pack a/b'", 'refused'],
  ['git-upload-pack a/b\\', 'refused'],
  ['GIT_DIR=/ git-upload-pack a/b', 'refused'],
  ["/usr/bin/git-upload-pack 'a/b'", 'refused'],
  ["GIT-UPLOAD-PACK 'a/b'", 'refused'],
  ['git', 'refused'],
  ['git config --list', 'refused'],
  ['bash', 'refused'],
  ['scp -t /tmp', 'refused'],
  ['', 'refused'],
  ['   ', 'refused'],
  [`git-upload-pack '${'a'.repeat(10_000)}/b'`, 'refused'],
])('%s', (text, expected) => {
  expect(summary(text)).toBe(expected);
});
