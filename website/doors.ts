import { globSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root: string = fileURLToPath(new URL('../', import.meta.url));

/** The package's doors, by the file in `src/` that is behind each: `src/adapters/qfpay/index.ts` → `tillpaid/adapters/qfpay`. */
export function doorsByFile(): ReadonlyMap<string, string> {
  const { exports } = JSON.parse(readFileSync(posix.join(root, 'package.json'), 'utf8')) as {
    exports: Record<string, string | { types: string }>;
  };
  const doors = new Map<string, string>();
  for (const [door, entry] of Object.entries(exports)) {
    if (typeof entry === 'string') continue;
    const pattern = entry.types.replace('./dist/', 'src/').replace(/\.d\.ts$/, '.ts');
    for (const file of globSync(pattern, { cwd: root })) {
      const [start = '', end = ''] = pattern.split('*');
      const path = file.replaceAll('\\', '/');
      const star = path.slice(start.length, path.length - end.length);
      // An exact door goes before a pattern that has it too.
      if (!doors.has(path)) doors.set(path, posix.join('tillpaid', door.replace('*', star)));
    }
  }
  // Of two doors that export one type, its page is below the first: the plain ones go before the special ones.
  const isSpecial = (door: string): boolean => /\/(?:terse|manual)$/.test(door);
  return new Map([...doors].sort(([, one], [, other]) => Number(isSpecial(one)) - Number(isSpecial(other))));
}
