import { posix } from 'node:path';
import {
  Context,
  Converter,
  ReflectionKind,
  type Application,
  type DeclarationReflection,
  type Reflection,
} from 'typedoc';
import type ts from 'typescript';

interface Referred {
  readonly module: DeclarationReflection;
  readonly program: ts.Program;
}

/** Where the types that a door names, and does not export, stand on its page. */
export const namedByOthers = 'Types named by these';

/**
 * Documents the types that public ones name and no door exports, such as the fields of one operation: each in the module
 * of the first that names it.
 */
export function documentReferredTypes(app: Application, sources: string): void {
  const referred = new Map<ts.Symbol, Referred>();
  const isOurs = (symbol: ts.Symbol): boolean =>
    symbol.declarations?.some(node => posix.normalize(node.getSourceFile().fileName).startsWith(sources)) === true;

  const create = Reflect.get(Context.prototype, 'createSymbolReference');
  Context.prototype.createSymbolReference = function (this: Context, ...given) {
    const [symbol, context] = given;
    const module = moduleOf(context.scope);
    if (module !== undefined && !referred.has(symbol) && isOurs(symbol))
      referred.set(symbol, { module, program: context.program });
    return Reflect.apply(create, this, given);
  };
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, context => {
    // What is converted here may name more: a map is gone through to its end, however it grows.
    for (const [symbol, { module, program }] of referred)
      if (context.getReflectionFromSymbol(symbol) === undefined) convertInto(context, symbol, module, program);
  });
}

function convertInto(context: Context, symbol: ts.Symbol, module: DeclarationReflection, program: ts.Program): void {
  const before = new Set(module.children);
  const inModule = context.withScope(module);
  inModule.setActiveProgram(program);
  context.converter.convertSymbol(inModule, symbol);
  for (const child of module.children ?? []) if (!before.has(child)) referredTypes.add(child);
}

/** What stands in a module though no door exports it. */
export const referredTypes: Set<Reflection> = new Set();

function moduleOf(scope: Reflection | undefined): DeclarationReflection | undefined {
  if (scope === undefined || scope.isProject()) return undefined;
  return scope.kindOf(ReflectionKind.Module) && scope.isDeclaration() ? scope : moduleOf(scope.parent);
}
