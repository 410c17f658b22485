import { KIND_SEGMENTS } from '../contract/shapes.ts';
import type { RepoName } from '../services/authorize.ts';

/** What a client asks to run. Nothing is ever run: these are names of services. */
export type SshCommand =
  | { readonly kind: 'upload-pack' | 'receive-pack'; readonly repo: RepoName }
  | { readonly kind: 'lfs-authenticate'; readonly repo: RepoName; readonly operation: 'download' | 'upload' }
  /** Not known here, said as a shell would: git-lfs then asks in another way. */
  | { readonly kind: 'unknown'; readonly name: string }
  | { readonly kind: 'refused'; readonly sentence: string };

const LONGEST_COMMAND = 4096;

const refused = (sentence: string): SshCommand => ({ kind: 'refused', sentence });
const NO_SHELL = refused('There is no shell here: this hub serves git and git-lfs by SSH, nothing else.');
const NO_REPOSITORY = refused(
  'That is no path of a repository. Write it as owner/name, datasets/owner/name or spaces/owner/name.',
);

/** Read what a client asks to be run (git, connect.c; git-lfs, "Server Discovery"). */
export function parseCommand(text: string): SshCommand {
  if (text.length > LONGEST_COMMAND) return refused('The command is too long.');
  const words = splitWords(text);
  if (!words) return NO_SHELL;
  // `git upload-pack` is the same as `git-upload-pack`.
  const [name = '', ...parameters] =
    words[0] === 'git' && words.length > 1 ? [`git-${words[1] ?? ''}`, ...words.slice(2)] : words;
  switch (name) {
    case 'git-upload-pack':
    case 'git-receive-pack': {
      const repo = parameters.length === 1 ? parseRepoPath(parameters[0] ?? '') : undefined;
      return repo
        ? { kind: name === 'git-upload-pack' ? 'upload-pack' : 'receive-pack', repo }
        : NO_REPOSITORY;
    }
    case 'git-lfs-authenticate':
      return parseLfsAuthenticate(parameters);
    case 'git-lfs-transfer':
      return { kind: 'unknown', name };
    case 'git-upload-archive':
      return refused('Archives are not made by SSH. Download one at the page of the repository.');
    default:
      return NO_SHELL;
  }
}

/** Clients of old name the object in a third parameter. */
function parseLfsAuthenticate([path = '', operation, ...more]: readonly string[]): SshCommand {
  const repo = parseRepoPath(path);
  if (!repo || more.length > 1) return NO_REPOSITORY;
  if (operation !== 'download' && operation !== 'upload')
    return refused('Say whether you want to "download" or to "upload".');
  return { kind: 'lfs-authenticate', repo, operation };
}

/**
 * The words of a command as a shell makes them of what git writes: in single quotes everything stands for itself, outside
 * of them a backslash makes the next character do so. Undefined for whatever else means something to a shell.
 */
function splitWords(text: string): readonly string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < text.length; at++) {
    const character = text[at] ?? '';
    if (character === ' ') {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (character === "'") {
      const end = text.indexOf("'", at + 1);
      if (end < 0) return undefined;
      word = (word ?? '') + text.slice(at + 1, end);
      at = end;
    } else if (character === '\\') {
      at++;
      if (at === text.length) return undefined;
      word = (word ?? '') + (text[at] ?? '');
    } else if (/[\p{L}\p{N}._/~@:+,=%-]/u.test(character)) {
      word = (word ?? '') + character;
    } else {
      return undefined;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}

/** `owner/name`, with or without `.git`, a slash before it, and the kind as in the addresses of pages. */
function parseRepoPath(path: string): RepoName | undefined {
  const parts = path
    .replace(/^\/?(?:~\/)?/, '')
    .replace(/\/$/, '')
    .split('/');
  const [segment = '', ...rest] = parts;
  const kind =
    parts.length === 3 && Object.hasOwn(KIND_SEGMENTS, segment) ? KIND_SEGMENTS[segment] : undefined;
  const [owner = '', file = '', ...more] = kind ? rest : parts;
  const name = file.replace(/\.git$/, '');
  if (more.length > 0 || owner === '' || name === '') return undefined;
  return { kind: kind ?? 'model', owner, name };
}
