import type { GitObjectType } from './object-storage.ts';

/*
 * What git's own check of pushed objects (git, Documentation/fsck-msgids) takes for an error in commits and tags. Names
 * and mails may be odd, but every line must be where git and every other reader looks for it.
 */

/** Larger commits and tags are nobody's message. */
export const MAX_TEXT_OBJECT_BYTES = 4 * 1024 * 1024;
/** Over a million files in one folder. */
export const MAX_TREE_BYTES = 64 * 1024 * 1024;
/** The largest octopus known has 66. */
const MAX_PARENTS = 1000;

/** What is wrong with an object, as the end of a sentence that begins with it: "has no tree line". */
export interface ObjectProblem {
  readonly text: string;
  /** Name in a tree that it is about. */
  readonly entry?: string;
  /** The name is refused as part of a path; the rules for paths say why. */
  readonly isName?: boolean;
  readonly isSize?: boolean;
}

/** Told of each object that another one names; the id is written in hex in `hex`. */
export type OnNamed = (type: GitObjectType, hex: string) => void;

const problem = (text: string): ObjectProblem => ({ text });

const TREE_LINE = /^tree ([0-9a-f]{40})$/;
const PARENT_LINE = /^parent ([0-9a-f]{40})$/;
const OBJECT_LINE = /^object ([0-9a-f]{40})$/;
const TYPE_LINE = /^type (commit|tree|blob|tag)$/;
const IDENTITY = /^(?!<)[^<>]* <[^<>]*> [ \t]*(0|[1-9][0-9]*) [+-][0-9]{4}$/;
/** Seconds that git's 64 bits do not hold. */
const TIME_END = 2 ** 63;
const LF = 0x0a;

const isIdentity = (line: string): boolean => {
  const [, seconds] = IDENTITY.exec(line) ?? [];
  return seconds !== undefined && Number(seconds) < TIME_END;
};

/** The lines before the message, or what is wrong with them. */
function headerLines(content: Buffer): readonly string[] | ObjectProblem {
  const blank = content.indexOf('\n\n', 0, 'latin1');
  if (blank < 0 && content.at(-1) !== LF) return problem('has a header without an end');
  const text = content.toString('latin1', 0, blank < 0 ? content.length - 1 : blank);
  if (text.includes('\0')) return problem('has a NUL byte in its header');
  return text.split('\n');
}

/** What is wrong with a commit; undefined when nothing is. */
export function commitProblem(content: Buffer, onNamed: OnNamed): ObjectProblem | undefined {
  const lines = headerLines(content);
  if ('text' in lines) return lines;
  const [, tree] = TREE_LINE.exec(lines[0] ?? '') ?? [];
  if (tree === undefined) return problem('does not begin with a tree line');
  onNamed('tree', tree);
  let at = 1;
  for (; ; at += 1) {
    const [, parent] = PARENT_LINE.exec(lines[at] ?? '') ?? [];
    if (parent === undefined) break;
    onNamed('commit', parent);
  }
  if (at - 1 > MAX_PARENTS) return problem(`has more than ${MAX_PARENTS} parents`);
  const author = lines[at];
  if (author?.startsWith('parent ')) return problem('has a bad parent line');
  if (!author?.startsWith('author ')) return problem('has no author line');
  if (!isIdentity(author.slice('author '.length))) {
    return problem('has an author line that is not "name <mail> seconds zone"');
  }
  const committer = lines[at + 1];
  if (committer?.startsWith('author ')) return problem('has more than one author');
  if (!committer?.startsWith('committer ')) return problem('has no committer line');
  if (!isIdentity(committer.slice('committer '.length))) {
    return problem('has a committer line that is not "name <mail> seconds zone"');
  }
  return undefined;
}

/** What is wrong with an annotated tag; undefined when nothing is. Very old ones have no tagger. */
export function tagProblem(content: Buffer, onNamed: OnNamed): ObjectProblem | undefined {
  const lines = headerLines(content);
  if ('text' in lines) return lines;
  const [object = '', type = '', name = '', tagger = ''] = lines;
  const [, oid] = OBJECT_LINE.exec(object) ?? [];
  if (oid === undefined) return problem('does not begin with an object line');
  const [, tagged] = TYPE_LINE.exec(type) ?? [];
  if (tagged === undefined) return problem('has no type line');
  if (!/^tag ./.test(name)) return problem('has no tag line');
  if (tagger.startsWith('tagger ') && !isIdentity(tagger.slice('tagger '.length))) {
    return problem('has a tagger line that is not "name <mail> seconds zone"');
  }
  onNamed(tagged as GitObjectType, oid);
  return undefined;
}
