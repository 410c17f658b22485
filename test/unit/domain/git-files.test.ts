import { describe, expect, test } from 'vitest';
import { checkGitFile } from '../../../server/domain/git-files.ts';
import { refusalOf } from './expect-refusal.ts';

const check = (path: string, text: string): void => checkGitFile(path, Buffer.from(text));
const modules = (text: string): void => check('.gitmodules', text);
const good = 'https://example.org/a.git';

describe('.gitmodules', () => {
  test.each([
    ['nothing', ''],
    ['notes', '# one\n; two\n'],
    ['a submodule', `[submodule "lib/a"]\n\tpath = lib/a\n\turl = ${good}\n\tbranch = main\n`],
    ['a relative address', '[submodule "a"]\n\tpath = a\n\turl = ../a.git\n'],
    ['an address of ssh', '[submodule "a"]\n\turl = git@example.org:lab/a.git\n'],
    ['dots in a name', `[submodule "a..b"]\n\turl = ${good}\n`],
    ['an update that runs nothing', '[submodule "a"]\n\tupdate = rebase\n'],
    ['a section on one line', `[submodule "a"] url = ${good}\n`],
    ['a key without a value', '[submodule "a"]\n\tshallow\n'],
    ['a note that names a helper', `[submodule "a"]\n\turl = ${good} # ext::sh\n`],
    ['what is no submodule', '[core]\n\turl = ext::sh\n'],
    ['CRLF', `[submodule "a"]\r\n\tpath = a\r\n\turl = ${good}\r\n`],
  ])('with %s is taken', (_, text) => {
    expect(() => modules(text)).not.toThrow();
  });

  test.each([
    ['a helper', '[submodule "a"]\n\turl = ext::sh -c x\n'],
    ['a helper of another name', '[submodule "a"]\n\turl = anything::x\n'],
    ['a helper in parts of quotes', '[submodule "a"]\n\turl = e"xt:"":sh"\n'],
    ['a helper on the next line', '[submodule "a"]\n\turl = \\\next::sh\n'],
    ['a local address', '[submodule "a"]\n\turl = FILE:///etc\n'],
    ['a line end in an address', '[submodule "a"]\n\turl = "https://example.org/a\\nhost=x"\n'],
    ['a line end that is encoded', '[submodule "a"]\n\turl = https://example.org/%0ahost=x\n'],
    ['an option as address', '[submodule "a"]\n\turl = -u./x\n'],
    ['an option as path', '[submodule "a"]\n\tpath = --x\n'],
    ['a name that leads out', `[submodule "../../a"]\n\turl = ${good}\n`],
    ['a name that leads out by backslashes', '[submodule "a\\\\..\\\\b"]\n'],
    ['no name', '[submodule ""]\n'],
    ['an old form of section', '[submodule.a]\n\turl = ext::x\n'],
    ['letters of another case', '[SUBMODULE "a"]\n\tURL = ext::x\n'],
    ['a command', '[submodule "a"]\n\tupdate = !sh\n'],
    ['a quote that does not end', '[submodule "a"]\n\turl = "x\n'],
    ['no syntax', 'hello\nworld [\n'],
  ])('with %s is refused', (_, text) => {
    expect(refusalOf(() => modules(text))).toBe('InvalidContent');
    expect(refusalOf(() => check('deep/er/.gitmodules', text))).toBe('InvalidContent');
    expect(() => check('.gitmodules.md', text)).not.toThrow();
  });
});

describe('.gitattributes', () => {
  test('with lines that git reads is taken', () => {
    expect(() => check('.gitattributes', '*.bin filter=lfs\n'.repeat(10_000))).not.toThrow();
    expect(() => check('a/.gitattributes', `${'a'.repeat(2_047)}\n`)).not.toThrow();
  });

  test('with longer ones, or too many, is refused', () => {
    expect(refusalOf(() => check('.gitattributes', `x\n${'a'.repeat(2_048)}`))).toBe('InvalidContent');
    expect(refusalOf(() => check('a/.gitattributes', '*.bin filter=lfs\n'.repeat(300_000)))).toBe(
      'InvalidContent',
    );
  });
});
