import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../outside/packed.ts';

/** One address that users import. */
export interface Door {
  /** As a file is named after it: `tillpaid`, `adapters-qfpay-terse`. */
  readonly name: string;
  /** As it is imported: `tillpaid/adapters/qfpay/terse`. */
  readonly address: string;
  /** Where its declarations were built. */
  readonly types: string;
}

/** Every door that `package.json` exports; one for each provider where it says `*`. */
export function doors(): readonly Door[] {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    exports: Readonly<Record<string, string | { readonly types: string }>>;
  };
  const providers = readdirSync(join(root, 'src', 'adapters')).sort();
  const taken = new Set(Object.keys(exports));
  return Object.entries(exports).flatMap(([path, target]) => {
    if (typeof target === 'string') return [];
    const names = path.includes('*') ? providers : [''];
    return names
      .map(provider => [path.replace('*', provider), target.types.replace('*', provider)] as const)
      .filter(([each]) => each === path || !taken.has(each))
      .map(([each, types]) => ({
        name: each === '.' ? 'tillpaid' : each.slice(2).replaceAll('/', '-'),
        address: each.replace('.', 'tillpaid'),
        types,
      }));
  });
}
