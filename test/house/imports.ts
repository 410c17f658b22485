import { isBuiltin } from 'node:module';
import { posix } from 'node:path';
import ts from 'typescript';
import { FENCES, IMPORT_TABLE, UNFENCED } from './import-table.ts';
import type { ImportRow } from './import-table.ts';

export interface Import {
  readonly specifier: string;
  readonly line: number;
  readonly typeOnly: boolean;
}

/** Every import of a program text: static, dynamic, re-export, type, and files named for a worker or a loader. */
export function findImports(path: string, text: string): Import[] {
  const program = path.endsWith('.vue') ? scriptsOf(text) : text;
  const file = ts.createSourceFile(`${path}.ts`, program, ts.ScriptTarget.Latest, true);
  const found: Import[] = [];

  const add = (specifier: ts.Node | undefined, typeOnly: boolean): void => {
    if (!specifier || !ts.isStringLiteralLike(specifier)) return;
    const { line } = file.getLineAndCharacterOfPosition(specifier.getStart(file));
    found.push({ specifier: specifier.text, line: line + 1, typeOnly });
  };

  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      add(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword);
    } else if (ts.isExportDeclaration(node)) {
      add(node.moduleSpecifier, node.isTypeOnly);
    } else if (ts.isImportTypeNode(node)) {
      add(ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined, true);
    } else if (ts.isCallExpression(node) && loadsModule(node.expression, file)) {
      add(node.arguments[0], false);
    } else if (ts.isNewExpression(node) && isFileUrl(node, file)) {
      add(node.arguments?.[0], false);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

function loadsModule(callee: ts.Expression, file: ts.SourceFile): boolean {
  return (
    callee.kind === ts.SyntaxKind.ImportKeyword ||
    ['require', 'import.meta.resolve'].includes(callee.getText(file))
  );
}

/** `new URL('./worker.ts', import.meta.url)` loads program text as surely as an import does. */
function isFileUrl(node: ts.NewExpression, file: ts.SourceFile): boolean {
  const [target, base] = node.arguments ?? [];
  return (
    node.expression.getText(file) === 'URL' &&
    base?.getText(file) === 'import.meta.url' &&
    target !== undefined &&
    ts.isStringLiteralLike(target) &&
    /\.[cm]?[jt]s$/.test(target.text)
  );
}

/** The script blocks of a Vue file, every line where it was. */
function scriptsOf(text: string): string {
  const blank = (part: string): string => part.replaceAll(/[^\n]/g, ' ');
  let program = '';
  let end = 0;
  for (const match of text.matchAll(/<script\b[^>]*>([\s\S]*?)<\/script>/g)) {
    const body = match[1] ?? '';
    const start = match.index + match[0].indexOf('>') + 1;
    program += blank(text.slice(end, start)) + body;
    end = start + body.length;
  }
  return program + blank(text.slice(end));
}

/** What is wrong with the imports of these files, as `file:line imports x: why not`. */
export function checkImports(sources: ReadonlyMap<string, string>): string[] {
  const violations: string[] = [];
  for (const [path, text] of sources) {
    const row = IMPORT_TABLE.find(({ files }) => path.startsWith(files));
    if (!row) continue;
    for (const entry of findImports(path, text)) {
      const reason = reasonAgainst(path, row, entry);
      if (reason !== undefined)
        violations.push(`${path}:${entry.line} imports ${entry.specifier}: ${reason}`);
    }
  }
  return violations;
}

function reasonAgainst(path: string, row: ImportRow, { specifier, typeOnly }: Import): string | undefined {
  const bare = specifier.replace(/[?#].*$/, '');
  if (bare.startsWith('.'))
    return reasonAgainstPath(path, row, posix.join(posix.dirname(path), bare), typeOnly);
  if (!UNFENCED.test(path)) {
    const fence = FENCES.find(({ imports, only }) => imports.test(bare) && !only.test(path));
    if (fence) return `only ${fence.only.source} may`;
  }
  const room = row.files === '' ? 'the root folder' : row.files;
  if (isBuiltin(bare)) {
    if (!bare.startsWith('node:')) return 'what is built into Node is named with node:';
    return row.node ? undefined : `${room} knows nothing of Node`;
  }
  const name = bare.split('/', bare.startsWith('@') ? 2 : 1).join('/');
  if (row.packages.includes('*') || row.packages.includes(name)) return undefined;
  return `${room} may use ${row.packages.length > 0 ? row.packages.join(', ') : 'no package'}`;
}

function reasonAgainstPath(
  path: string,
  row: ImportRow,
  target: string,
  typeOnly: boolean,
): string | undefined {
  if (row.files === '' && !target.includes('/')) return undefined;
  if (row.files !== '' && target.startsWith(row.files)) return undefined;
  if (row.may.some((start) => target.startsWith(start))) return undefined;
  if (row.mayAsType?.some((start) => target.startsWith(start))) {
    return typeOnly ? undefined : 'only its types, by `import type`';
  }
  const allowed = [...row.may, ...(row.mayAsType ?? [])];
  return `${posix.dirname(path)} may import ${allowed.length > 0 ? allowed.join(', ') : 'nothing'} besides itself`;
}
