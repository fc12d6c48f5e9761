import { globSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/**
 * Every block of code in the pages and docstrings, each as a module of its own: what a reader would have in a file.
 *
 * What a page does not say again (`gateway`, `fields`, `store`) comes from `surroundings/`: a module of typed values for
 * each provider, and `shop.ts` for the rest. A comment on the line above a block says what is special:
 *
 * - `<!-- with: zalopay -->`: the names of `surroundings/zalopay.ts` first. A provider's own pages have their own.
 * - `<!-- continues -->`: begins where the block of code before it ended.
 * - `<!-- compiled only: it listens on a port -->`: is not run, and why.
 *
 * A block whose first line is a file's name (`// checkout.ts`) can be imported by the others of its page.
 */
export interface Block {
  /** `docs/clients.md:12`, the line of its first line of code. */
  readonly title: string;
  readonly page: string;
  readonly line: number;
  readonly language: string;
  readonly code: string;
  /** The lines that a `text` block right after it says it prints. */
  readonly prints?: string;
  /** Why it is not run. */
  readonly compiledOnly?: string;
  /** Where it stands for `import`: a file that is not there. */
  readonly file: string;
  /** The modules of its surroundings, its own provider's first. */
  readonly surroundings: readonly string[];
  /** The whole module. */
  readonly source: string;
  /** How many lines of `source` come before `code`. */
  readonly linesBefore: number;
}

export const root: string = fileURLToPath(new URL('../../', import.meta.url));
const here = (pattern: string): string[] =>
  globSync(pattern, { cwd: root })
    .map(file => file.replaceAll('\\', '/'))
    .sort();
const textOfFile = (file: string): string => readFileSync(file, 'utf8');
const textOf = (file: string): string => textOfFile(posix.join(root, file));

/** The pages whose code is what a user would write. */
export const pagesOfUsers: readonly string[] = [
  'README.md',
  'SECURITY.md',
  ...here('docs/**/*.md'),
  ...here('src/adapters/*/README.md'),
  ...here('examples/**/*.md'),
];
/** And those for who works on tillpaid. */
export const pages: readonly string[] = [...pagesOfUsers, 'CONTRIBUTING.md', 'AGENTS.md'];
const sources = here('src/**/*.ts');

/** Where the modules would be: below a folder that is not there. */
const folder: string = posix.join(root, 'test/pages/of');
const inRoot = (name: string): string => `test/pages/surroundings/${name}.ts`;
const surroundings = (name: string): string => posix.join(root, inRoot(name));

interface Found {
  readonly line: number;
  readonly language: string;
  readonly code: string;
  /** What the comments above it say. */
  readonly notes: ReadonlyMap<string, string>;
  readonly prints?: string;
}

/** The fenced blocks of a page. */
function fencesOf(page: string): Found[] {
  const text = textOf(page);
  const fences = [...text.matchAll(/((?:^<!--.*?-->\s*?\n)*)^( *)```([^\n]*)\n(.*?)^\2```$/gms)];
  return fences.map((fence, index) => {
    const [whole, comments = '', indent = '', language = '', code = ''] = fence;
    const next = fences[index + 1];
    const between = next && text.slice(fence.index + whole.length, next.index);
    const notes = [...comments.matchAll(/<!-- *([\w ]+?)(?:: *(.*?))? *-->/gs)];
    return {
      line: lineAt(text, fence.index + comments.length) + 1,
      language,
      code: code.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
      notes: new Map(notes.map(([, name = '', value = '']) => [name, value])),
      ...(next?.[3] === 'text' && next[1] === '' && between?.trim() === '' && { prints: next[4] }),
    };
  });
}

const lineAt = (text: string, index: number): number => text.slice(0, index).split('\n').length;

/** The fenced blocks of a source's docstrings. */
function examplesOf(file: string): Found[] {
  const text = textOf(file);
  const fences = [...text.matchAll(/^( *\* )```([^\n]*)\n(.*?)^\1```$/gms)];
  return fences.map(({ index, 1: indent = '', 2: language = '', 3: lines = '' }) => ({
    line: lineAt(text, index) + 1,
    language,
    code: lines.replaceAll(new RegExp(`^${indent.trimEnd().replace('*', '\\*')} ?`, 'gm'), ''),
    notes: new Map(),
  }));
}

const providerOf = (page: string): string | undefined => /^src\/adapters\/([\w-]+)\//.exec(page)?.[1];

/** Where no comment says `with`. All of QFPay's is in `shop.ts`. */
function usualFor(page: string): string | undefined {
  const name = Object.entries(usual).find(([start]) => page.startsWith(start))?.[1] ?? providerOf(page);
  return name === 'qfpay' ? undefined : name;
}
const usual: Readonly<Record<string, string>> = {
  'src/testing/': 'testing',
  'docs/add-a-provider.md': 'testing',
  'src/serve/': 'zalopay',
  'src/schema/': 'zalopay',
  'src/node/': 'express',
};

function blocksOf(page: string): Block[] {
  const found = page.endsWith('.md') ? fencesOf(page) : examplesOf(page);
  let before = '';
  return found.map(({ line, language, code, notes, prints }) => {
    const whole = notes.has('continues') ? before + code : code;
    const compiledOnly = notes.get('compiled only');
    const named = /^\/\/ ([\w./-]+\.ts)\n/.exec(code)?.[1];
    const file = posix.join(folder, page.replaceAll(/\W+/g, '-'), named ?? `line-${line}.ts`);
    const around = [notes.get('with'), usualFor(page), 'shop'].filter(name => name !== undefined);
    const places = around.map(name => [posix.relative(posix.dirname(file), surroundings(name)), inRoot(name)] as const);
    // What an `@example` is about stands below it.
    const doors = page.endsWith('.md') ? [] : doorsFor(providerOf(page));
    const header = language === 'ts' ? headerOf(whole, [...places, ...doors]) : '';
    if (language === 'ts') before = whole;
    return {
      ...{ title: `${page}:${line}`, page, line, language, code, file },
      ...(prints !== undefined && { prints }),
      ...(compiledOnly !== undefined && { compiledOnly }),
      surroundings: around.map(surroundings),
      source: header + whole,
      linesBefore: (header + whole.slice(0, whole.length - code.length)).split('\n').length - 1,
    };
  });
}

const adapters = here('src/adapters/*').map(each => posix.basename(each));

/** The doors of the package and the files behind them, a provider's own first. */
function doorsFor(provider: string | undefined): (readonly [string, string])[] {
  const { config } = ts.readConfigFile(posix.join(root, 'tsconfig.json'), textOfFile) as {
    config: { compilerOptions: { paths: Record<string, [string]> } };
  };
  return Object.entries(config.compilerOptions.paths).flatMap(([door, [file]]) => {
    if (!door.includes('*')) return [[door, file] as const];
    if (!/^tillpaid\/(?:adapters|testing)\/\*$/.test(door)) return [];
    const names = [...adapters].sort((one, other) => Number(other === provider) - Number(one === provider));
    return names.map(name => [door.replace('*', name), file.replace('*', name)] as const);
  });
}

/** One line that imports what the block takes from its surroundings: whatever it names and does not declare. */
function headerOf(code: string, places: readonly (readonly [string, string])[]): string {
  const { used, declared } = identifiersOf(code);
  const imports = places.flatMap(([from, file]) => {
    const given = exportsOf(posix.join(root, file)).filter(each => used.has(each) && !declared.has(each));
    for (const each of given) declared.add(each);
    return given.length === 0 ? [] : [`import { ${given.join(', ')} } from '${from}';`];
  });
  return `${['export {};', ...imports].join(' ')}\n`;
}

interface Identifiers {
  readonly used: Set<string>;
  /** At the top level. */
  readonly declared: Set<string>;
}

function identifiersOf(code: string): Identifiers {
  const used = new Set<string>();
  const parsed = ts.createSourceFile('block.ts', code, ts.ScriptTarget.Latest);
  const look = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) used.add(node.text);
    // The name of a property or of a field is no name of the module's.
    else if (ts.isPropertyAccessExpression(node)) look(node.expression);
    else if (ts.isPropertyAssignment(node)) look(node.initializer);
    else ts.forEachChild(node, look);
  };
  look(parsed);
  return { used, declared: new Set(parsed.statements.flatMap(declaredBy)) };
}

function declaredBy(statement: ts.Statement): string[] {
  if (ts.isVariableStatement(statement))
    return statement.declarationList.declarations.flatMap(({ name }) => boundBy(name));
  if (ts.isExportDeclaration(statement)) {
    const named = statement.exportClause;
    return named !== undefined && ts.isNamedExports(named) ? named.elements.map(({ name }) => name.text) : [];
  }
  if (ts.isImportDeclaration(statement)) {
    const { name, namedBindings: named } = statement.importClause ?? {};
    const others = named === undefined ? [] : ts.isNamedImports(named) ? named.elements : [named];
    return [...(name === undefined ? [] : [name.text]), ...others.map(each => each.name.text)];
  }
  const isNamed = ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement);
  if (isNamed || ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement))
    return statement.name === undefined ? [] : [statement.name.text];
  return [];
}

const boundBy = (name: ts.BindingName): string[] =>
  ts.isIdentifier(name)
    ? [name.text]
    : name.elements.flatMap(element => (ts.isOmittedExpression(element) ? [] : boundBy(element.name)));

const known = new Map<string, string[]>();
function exportsOf(file: string): string[] {
  const before = known.get(file);
  if (before !== undefined) return before;
  const parsed = ts.createSourceFile(file, textOfFile(file), ts.ScriptTarget.Latest);
  const isExported = (statement: ts.Statement): boolean =>
    ts.isExportDeclaration(statement) ||
    (ts.canHaveModifiers(statement) &&
      (ts.getModifiers(statement) ?? []).some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword));
  const names = parsed.statements.filter(isExported).flatMap(declaredBy);
  known.set(file, names);
  return names;
}

export const blocks: readonly Block[] = [...pages, ...sources].flatMap(blocksOf);
/** Those that are TypeScript, by the file that each would be. */
export const modules: ReadonlyMap<string, Block> = new Map(
  blocks.filter(({ language }) => language === 'ts').map(block => [block.file, block]),
);
