import { posix } from 'node:path';
import ts from 'typescript';
import { modules, root, type Block } from './blocks.ts';

/** A user's project: strict, and as modules of Node. What tillpaid's own rules ask beside that is not asked of a page. */
function optionsOfUsers(): ts.CompilerOptions {
  const { config } = ts.readConfigFile(posix.join(root, 'tsconfig.json'), file => ts.sys.readFile(file)) as {
    config: { compilerOptions: object };
  };
  const own = {
    isolatedDeclarations: false,
    declaration: false,
    erasableSyntaxOnly: false,
    verbatimModuleSyntax: false,
  };
  const { options } = ts.parseJsonConfigFileContent(
    { compilerOptions: { ...config.compilerOptions, ...own }, files: [] },
    ts.sys,
    root,
  );
  return options;
}

/** What the compiler says of each block that it does not take: `docs/clients.md:14: Cannot find name 'store'.` */
export function complaints(): string[] {
  const files = ts.createCompilerHost(optionsOfUsers());
  const folders = new Set([...modules.keys()].map(file => posix.dirname(file)));
  const parsed = new Map<string, ts.SourceFile>();
  const host: ts.CompilerHost = {
    ...files,
    fileExists: file => modules.has(file) || files.fileExists(file),
    readFile: file => modules.get(file)?.source ?? files.readFile(file),
    directoryExists: folder => folders.has(folder) || ts.sys.directoryExists(folder),
    getSourceFile(file, language, ...rest) {
      const block = modules.get(file);
      if (block === undefined) return files.getSourceFile(file, language, ...rest);
      const source = parsed.get(file) ?? ts.createSourceFile(file, block.source, language);
      parsed.set(file, source);
      return source;
    },
  };
  const program = ts.createProgram([...modules.keys()], optionsOfUsers(), host);
  return [...modules].flatMap(([file, block]) => {
    const source = program.getSourceFile(file);
    const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    return found.map(diagnostic => told(block, diagnostic));
  });
}

function told(block: Block, { file, start = 0, messageText }: ts.Diagnostic): string {
  const line = file === undefined ? 0 : ts.getLineAndCharacterOfPosition(file, start).line - block.linesBefore;
  return `${block.page}:${block.line + line}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
}
